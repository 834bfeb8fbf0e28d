/* mean -- the average of all numbers of a tensor.
 *
 *     y = sum_ij x_ij / n        dx_ij += dy / n        n = B D
 *
 * x: B x D, y: 1 x 1. An empty tensor has no mean. */
#include "autograd/op.h"

kin_tensor *kin_mean(kin_tape *tape, kin_tensor *x)
{
    const int64_t n = x->rows * x->cols;
    if (n == 0)
        return kin_tape_fail(tape, KIN_USAGE, "mean: x is " KIN_SHAPE ", expected at least one "
                             "number", KIN_DIMS(x));
    kin_node *node = kin_node_new(tape, &kin_op_mean, 1, 1, 1, x);
    if (node == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    const double sum = backend->sum(backend, n, x->value);
    backend->fill(backend, 1, (real)(sum / (double)n), node->out->value);
    return node->out;
}

/* As in sum.c, dy / n is a row of length 1 that is added to every row. */
static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *x = node->in[0];
    const int64_t n = x->rows * x->cols;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    real *share = kin_keep(tape, sizeof *share);
    if (dx == NULL || share == NULL) return;
    backend->fill(backend, 1, 0, share);
    backend->add(backend, 1, (real)(1.0 / (double)n), node->out->grad, share);
    backend->add_row(backend, n, 1, share, dx, dx);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][2] = { { 3, 4 }, { 1, 1 }, { 9, 1 } };
    if (case_ >= 3) return NULL;
    const int *s = shapes[case_];
    return kin_mean(tape, kin_example_input(tape, params, count, 0, s[0], s[1]));
}

const kin_op kin_op_mean = {
    .entry = { "mean", "average of all numbers, 1 x 1", { { 0 } } },
    .backward = backward,
    .example = example,
};
