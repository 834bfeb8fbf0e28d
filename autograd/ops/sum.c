/* sum -- all numbers of a tensor together.
 *
 *     y = sum_ij x_ij        dx_ij += dy
 *
 * x: B x D, y: 1 x 1. */
#include "autograd/op.h"

kin_tensor *kin_sum(kin_tape *tape, kin_tensor *x)
{
    kin_node *node = kin_node_new(tape, &kin_op_sum, 1, 1, 1, x);
    if (node == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    const double sum = backend->sum(backend, x->rows * x->cols, x->value);
    backend->fill(backend, 1, (real)sum, node->out->value);
    return node->out;
}

/* dy is one number in the backend's memory: a row of length 1 that is added to every row. */
static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *x = node->in[0];
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    if (dx != NULL) backend->add_row(backend, x->rows * x->cols, 1, node->out->grad, dx, dx);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][2] = { { 3, 4 }, { 1, 1 }, { 1, 9 } };
    if (case_ >= 3) return NULL;
    const int *s = shapes[case_];
    return kin_sum(tape, kin_example_input(tape, params, count, 0, s[0], s[1]));
}

const kin_op kin_op_sum = {
    .entry = { "sum", "sum of all numbers, 1 x 1", { { 0 } } },
    .backward = backward,
    .example = example,
};
