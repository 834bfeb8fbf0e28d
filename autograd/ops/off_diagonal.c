/* off_diagonal -- a square matrix with zeros on its diagonal.
 *
 *     y_ij = x_ij, y_jj = 0        dx_ij += dy_ij, dx_jj += nothing
 *
 * x, y: D x D. */
#include "autograd/op.h"

/* The same matrix less its diagonal. */
static void drop(kin_backend *backend, int64_t n, const real *x, real *y)
{
    backend->copy(backend, y, x, sizeof *y * (size_t)(n * n));
    backend->add_block(backend, n, 1, -1, x, n + 1, y, n + 1);
}

kin_tensor *kin_off_diagonal(kin_tape *tape, kin_tensor *x)
{
    if (x->rows != x->cols)
        return kin_tape_fail(tape, KIN_USAGE, "off_diagonal: x is " KIN_SHAPE ", expected as many "
                             "rows as columns", KIN_DIMS(x));
    kin_node *node = kin_node_new(tape, &kin_op_off_diagonal, x->rows, x->cols, 1, x);
    if (node == NULL) return kin_empty(tape);
    drop(kin_tape_backend(tape), x->cols, x->value, node->out->value);
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    const int64_t n = y->cols;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    real *g = kin_keep(tape, sizeof *g * (size_t)(n * n));
    if (dx == NULL || g == NULL) return;
    drop(backend, n, y->grad, g);
    backend->add(backend, n * n, 1, g, dx);
}

/* Without the first column, so that the first number is one that counts. */
static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int sizes[] = { 3, 2, 5 };
    if (case_ >= 3) return NULL;
    const int n = sizes[case_];
    kin_tensor *x = kin_example_input(tape, params, count, 0, n, n);
    return kin_split_cols(tape, kin_off_diagonal(tape, x), 1, n - 1);
}

const kin_op kin_op_off_diagonal = {
    .entry = { "off_diagonal", "a square matrix with zeros on its diagonal", { { 0 } } },
    .backward = backward,
    .example = example,
};
