/* center -- takes the mean of the batch away from every column.
 *
 *     y_ij = x_ij - m_j        dx_ij += dy_ij - mean_i dy_ij        m_j = mean_i x_ij
 *
 * x, y: B x D. */
#include "autograd/op.h"

/* row_j = -mean_i x_ij */
static void negative_mean(kin_backend *backend, int64_t rows, int64_t cols, const real *x,
                          real *row)
{
    backend->zero(backend, row, sizeof *row * (size_t)cols);
    backend->sum_rows(backend, rows, cols, x, row);
    backend->scale(backend, cols, -1 / (real)rows, row);
}

kin_tensor *kin_center(kin_tape *tape, kin_tensor *x)
{
    if (x->rows < 1)
        return kin_tape_fail(tape, KIN_USAGE, "center: x is " KIN_SHAPE ", expected rows",
                             KIN_DIMS(x));
    kin_node *node = kin_node_new(tape, &kin_op_center, x->rows, x->cols, 1, x);
    real *row = kin_keep(tape, sizeof *row * (size_t)x->cols);
    if (row == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    real *y = node->out->value;
    negative_mean(backend, x->rows, x->cols, x->value, row);
    backend->add_row(backend, x->rows, x->cols, row, x->value, y);
    node->saved = row;
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    if (dx == NULL) return;
    negative_mean(backend, y->rows, y->cols, y->grad, node->saved);
    backend->add(backend, y->rows * y->cols, 1, y->grad, dx);
    backend->add_row(backend, y->rows, y->cols, node->saved, dx, dx);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][2] = { { 4, 3 }, { 2, 1 }, { 3, 17 } };
    if (case_ >= 3) return NULL;
    const int *s = shapes[case_];
    return kin_center(tape, kin_example_input(tape, params, count, 0, s[0], s[1]));
}

const kin_op kin_op_center = {
    .entry = { "center", "takes the batch's mean away from every column", { { 0 } } },
    .backward = backward,
    .example = example,
};
