/* shift -- adds a number that is not trained.
 *
 *     y = x + a        dx += dy
 */
#include "autograd/op.h"

kin_tensor *kin_shift(kin_tape *tape, kin_tensor *x, double a)
{
    kin_node *node = kin_node_new(tape, &kin_op_shift, x->rows, x->cols, 1, x);
    if (node == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    const int64_t n = x->rows * x->cols;
    backend->fill(backend, n, (real)a, node->out->value);
    backend->add(backend, n, 1, x->value, node->out->value);
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    if (dx != NULL) backend->add(backend, y->rows * y->cols, 1, y->grad, dx);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const double numbers[] = { 2.5, -0.125 };
    if (case_ >= 2) return NULL;
    return kin_shift(tape, kin_example_input(tape, params, count, 0, 3, 4), numbers[case_]);
}

const kin_op kin_op_shift = {
    .entry = { "shift", "adds a fixed number", { { 0 } } },
    .backward = backward,
    .example = example,
};
