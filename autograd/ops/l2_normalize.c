/* l2_normalize -- brings every row to length 1.
 *
 *     y_i = x_i / |x_i|        dx_i += (dy_i - (dy_i . y_i) y_i) / |x_i|
 *
 * A row with |x_i| <= 1e-12 gives 0 and gets no gradient: the true one is about 1e12 times dy and
 * would drown all others in the norm that clipping looks at. x, y: B x D. Rows that have length 1
 * already (x->unit) are passed on as they are. A gradient of few rows stays one of few rows, so
 * that a table may be normalised as a whole. */
#include "autograd/op.h"

kin_tensor *kin_l2_normalize(kin_tape *tape, kin_tensor *x)
{
    if (x->unit) return x;
    kin_node *node = kin_node_new(tape, &kin_op_l2_normalize, x->rows, x->cols, 1, x);
    real *inverse = kin_keep(tape, sizeof *inverse * (size_t)x->rows);
    if (inverse == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    backend->normalize(backend, x->rows, x->cols, x->value, node->out->value, inverse);
    node->saved = inverse;
    node->out->unit = true;
    return node->out;
}

/* Memory is taken for all rows, however few have a gradient in this step. */
static void backward_rows(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    kin_sparse *dy = y->sparse;
    const int64_t n = dy->count;
    kin_backend *backend = kin_tape_backend(tape);
    real *rows = kin_keep(tape, sizeof *rows * (size_t)(y->rows * y->cols));
    real *inverse = kin_keep(tape, sizeof *inverse * (size_t)y->rows);
    if (rows == NULL || inverse == NULL) return;
    if (n > 0) {
        if (!kin_rows_of(tape, n, y->rows, dy->id, y->cols, y->value, rows)) return;
        if (!kin_rows_of(tape, n, y->rows, dy->id, 1, node->saved, inverse)) return;
        backend->normalize_back(backend, n, y->cols, rows, inverse, dy->value, dy->value);
    }
    kin_grad_give_rows(tape, node->in[0], 1, dy);
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    kin_backend *backend = kin_tape_backend(tape);
    if (y->sparse != NULL) {
        backward_rows(tape, node);
        return;
    }
    real *dx = kin_grad_pass(tape, node);
    const real *dy = dx != NULL ? dx : y->grad;
    if (dx == NULL) dx = kin_grad(tape, node->in[0]);
    if (dx == NULL) return;
    backend->normalize_back(backend, y->rows, y->cols, y->value, node->saved, dy, dx);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][2] = { { 4, 3 }, { 1, 2 }, { 3, 1 }, { 2, 17 } };
    if (case_ >= 4) return NULL;
    const int *s = shapes[case_];
    return kin_l2_normalize(tape, kin_example_input(tape, params, count, 0, s[0], s[1]));
}

const kin_op kin_op_l2_normalize = {
    .entry = { "l2_normalize", "brings every row to length 1", { { 0 } } },
    .backward = backward,
    .example = example,
    .takes_rows = true,
};
