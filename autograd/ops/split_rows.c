/* split_rows -- some neighbouring rows of a tensor.
 *
 *     y = rows from .. from + rows - 1 of x        the same rows of dx += dy
 *
 * x: B x D, y: rows x D. */
#include "autograd/op.h"

kin_tensor *kin_split_rows(kin_tape *tape, kin_tensor *x, int64_t from, int64_t rows)
{
    if (from < 0 || rows < 0 || from > x->rows || rows > x->rows - from)
        return kin_tape_fail(tape, KIN_USAGE, "split_rows: %" PRId64 " rows from row %" PRId64
                             " on, x is " KIN_SHAPE, rows, from, KIN_DIMS(x));
    kin_node *node = kin_node_new(tape, &kin_op_split_rows, rows, x->cols, 1, x);
    int64_t *saved = kin_keep_host(tape, sizeof *saved);
    if (saved == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    backend->copy(backend, node->out->value, x->value + from * x->cols,
                  sizeof(real) * (size_t)(rows * x->cols));
    *saved = from;
    node->saved = saved;
    node->out->unit = x->unit;
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    const int64_t *from = node->saved;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    if (dx != NULL) backend->add(backend, y->rows * y->cols, 1, y->grad, dx + *from * y->cols);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][4] = { { 5, 3, 1, 2 }, { 1, 1, 0, 1 }, { 4, 2, 3, 1 } };
    if (case_ >= 3) return NULL;
    const int *s = shapes[case_];
    kin_tensor *x = kin_example_input(tape, params, count, 0, s[0], s[1]);
    return kin_split_rows(tape, x, s[2], s[3]);
}

const kin_op kin_op_split_rows = {
    .entry = { "split_rows", "some neighbouring rows of a tensor", { { 0 } } },
    .backward = backward,
    .example = example,
};
