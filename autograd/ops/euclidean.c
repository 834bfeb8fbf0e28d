/* euclidean -- gives rows two columns more, so that dot products of rows become distances.
 *
 *     rows     [q, -|q|^2 / 2, 1]             their dot product is 1 - |q - k|^2 / 2
 *     columns  [k, 1, 1 - |k|^2 / 2]          dx += dy without these columns - dy_square x
 *
 * x: B x D, y: B x (D + 2); dy_square: the gradient of the column that holds the square. For unit
 * vectors the product is their cosine. */
#include "autograd/op.h"

/* Column D + side holds the square. */
static void square_column(kin_backend *backend, const kin_tensor *x, int side, real *squares,
                          real *ones, real *y)
{
    const int64_t b = x->rows, d = x->cols, w = d + 2;
    backend->row_dots(backend, b, d, x->value, x->value, squares);
    backend->fill(backend, b, 1, ones);
    backend->add_block(backend, b, 1, (real)-0.5, squares, 1, y + d + side, w);
    for (int column = 1 - side; column < 2; column++)
        backend->add_block(backend, b, 1, 1, ones, 1, y + d + column, w);
}

kin_tensor *kin_euclidean(kin_tape *tape, kin_tensor *x, int side)
{
    const int64_t b = x->rows, d = x->cols, w = d + 2;
    kin_node *node = kin_node_new(tape, &kin_op_euclidean, b, w, 1, x);
    real *numbers = kin_keep(tape, sizeof *numbers * 2 * (size_t)b);
    int *saved = kin_keep_host(tape, sizeof *saved);
    if (saved == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    real *y = node->out->value;
    backend->zero(backend, y, sizeof *y * (size_t)(b * w));
    backend->add_block(backend, b, d, 1, x->value, d, y, w);
    square_column(backend, x, side, numbers, numbers + b, y);
    *saved = side;
    node->saved = saved;
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *x = node->in[0];
    const int64_t b = x->rows, d = x->cols, w = d + 2;
    const real *dy = node->out->grad;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    real *square = kin_keep(tape, sizeof *square * (size_t)b);
    if (dx == NULL || square == NULL) return;
    backend->zero(backend, square, sizeof *square * (size_t)b);
    backend->add_block(backend, b, 1, -1, dy + d + *(const int *)node->saved, w, square, 1);
    backend->add_block(backend, b, d, 1, dy, w, dx, d);
    backend->scale_rows(backend, b, d, square, x->value, dx);
}

/* Both sides, and the distances of rows to themselves. */
static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][2] = { { 4, 3 }, { 1, 5 }, { 7, 1 }, { 4, 2 } };
    if (case_ >= 4) return NULL;
    const int *s = shapes[case_];
    kin_tensor *x = kin_example_input(tape, params, count, 0, s[0], s[1]);
    if (case_ < 3) return kin_euclidean(tape, x, case_ % 2);
    return kin_matmul_nt(tape, kin_euclidean(tape, x, 0), kin_euclidean(tape, x, 1));
}

const kin_op kin_op_euclidean = {
    .entry = { "euclidean", "rows whose dot products are 1 - half a squared distance", { { 0 } } },
    .backward = backward,
    .example = example,
};
