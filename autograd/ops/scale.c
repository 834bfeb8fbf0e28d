/* scale -- multiplies by a number that is not trained.
 *
 *     y = factor x        dx += factor dy
 */
#include "autograd/op.h"

kin_tensor *kin_scale(kin_tape *tape, kin_tensor *x, double factor)
{
    kin_node *node = kin_node_new(tape, &kin_op_scale, x->rows, x->cols, 1, x);
    double *saved = kin_keep_host(tape, sizeof *saved);
    if (saved == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    const int64_t n = x->rows * x->cols;
    backend->zero(backend, node->out->value, sizeof(real) * (size_t)n);
    backend->add(backend, n, (real)factor, x->value, node->out->value);
    *saved = factor;
    node->saved = saved;
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    const double *factor = node->saved;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    if (dx != NULL) backend->add(backend, y->rows * y->cols, (real)*factor, y->grad, dx);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const double factors[] = { 2.5, -0.125, 0 };
    if (case_ >= 3) return NULL;
    return kin_scale(tape, kin_example_input(tape, params, count, 0, 3, 4), factors[case_]);
}

const kin_op kin_op_scale = {
    .entry = { "scale", "multiplies by a fixed number", { { 0 } } },
    .backward = backward,
    .example = example,
};
