/* add -- the sum of two tensors of one shape.
 *
 *     y = a + b        da += dy        db += dy
 */
#include "autograd/op.h"

kin_tensor *kin_add(kin_tape *tape, kin_tensor *a, kin_tensor *b)
{
    if (a->rows != b->rows || a->cols != b->cols)
        return kin_tape_fail(tape, KIN_USAGE, "add: a is " KIN_SHAPE ", b is " KIN_SHAPE,
                             KIN_DIMS(a), KIN_DIMS(b));
    kin_node *node = kin_node_new(tape, &kin_op_add, a->rows, a->cols, 2, a, b);
    if (node == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    const int64_t n = a->rows * a->cols;
    backend->copy(backend, node->out->value, a->value, sizeof(real) * (size_t)n);
    backend->add(backend, n, 1, b->value, node->out->value);
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    kin_backend *backend = kin_tape_backend(tape);
    for (int i = 0; i < 2; i++) {
        real *dx = kin_grad(tape, node->in[i]);
        if (dx != NULL) backend->add(backend, y->rows * y->cols, 1, y->grad, dx);
    }
}

/* The last case adds a tensor to itself. */
static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][2] = { { 3, 4 }, { 1, 1 }, { 5, 2 } };
    if (case_ >= 3) return NULL;
    const int *s = shapes[case_];
    kin_tensor *a = kin_example_input(tape, params, count, 0, s[0], s[1]);
    if (case_ == 2) return kin_add(tape, a, a);
    return kin_add(tape, a, kin_example_input(tape, params, count, 1, s[0], s[1]));
}

const kin_op kin_op_add = {
    .entry = { "add", "sum of two tensors", { { 0 } } },
    .backward = backward,
    .example = example,
};
