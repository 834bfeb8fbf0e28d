/* diagonal -- the diagonal of a square matrix, as a row.
 *
 *     y_j = x_jj        dx_jj += dy_j
 *
 * x: D x D, y: 1 x D. */
#include "autograd/op.h"

kin_tensor *kin_diagonal(kin_tape *tape, kin_tensor *x)
{
    if (x->rows != x->cols)
        return kin_tape_fail(tape, KIN_USAGE, "diagonal: x is " KIN_SHAPE ", expected as many rows "
                             "as columns", KIN_DIMS(x));
    kin_node *node = kin_node_new(tape, &kin_op_diagonal, 1, x->cols, 1, x);
    if (node == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    real *y = node->out->value;
    backend->zero(backend, y, sizeof *y * (size_t)x->cols);
    backend->add_block(backend, x->cols, 1, 1, x->value, x->cols + 1, y, 1);
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    if (dx != NULL) backend->add_block(backend, y->cols, 1, 1, y->grad, 1, dx, y->cols + 1);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int sizes[] = { 3, 1, 5 };
    if (case_ >= 3) return NULL;
    const int n = sizes[case_];
    return kin_diagonal(tape, kin_example_input(tape, params, count, 0, n, n));
}

const kin_op kin_op_diagonal = {
    .entry = { "diagonal", "diagonal of a square matrix, as a row", { { 0 } } },
    .backward = backward,
    .example = example,
};
