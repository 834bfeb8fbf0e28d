/* mul -- the product of two tensors of one shape, element by element.
 *
 *     y_ij = a_ij b_ij        da_ij += dy_ij b_ij        db_ij += dy_ij a_ij
 */
#include "autograd/op.h"

kin_tensor *kin_mul(kin_tape *tape, kin_tensor *a, kin_tensor *b)
{
    if (a->rows != b->rows || a->cols != b->cols)
        return kin_tape_fail(tape, KIN_USAGE, "mul: a is " KIN_SHAPE ", b is " KIN_SHAPE,
                             KIN_DIMS(a), KIN_DIMS(b));
    kin_node *node = kin_node_new(tape, &kin_op_mul, a->rows, a->cols, 2, a, b);
    if (node == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    const int64_t n = a->rows * a->cols;
    backend->zero(backend, node->out->value, sizeof(real) * (size_t)n);
    backend->multiply(backend, n, a->value, b->value, node->out->value);
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    kin_backend *backend = kin_tape_backend(tape);
    for (int i = 0; i < 2; i++) {
        const kin_tensor *other = node->in[1 - i];
        real *dx = kin_grad(tape, node->in[i]);
        if (dx != NULL) backend->multiply(backend, y->rows * y->cols, y->grad, other->value, dx);
    }
}

/* The last case is a square: both inputs are one tensor. */
static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][2] = { { 3, 4 }, { 1, 1 }, { 5, 2 } };
    if (case_ >= 3) return NULL;
    const int *s = shapes[case_];
    kin_tensor *a = kin_example_input(tape, params, count, 0, s[0], s[1]);
    if (case_ == 2) return kin_mul(tape, a, a);
    return kin_mul(tape, a, kin_example_input(tape, params, count, 1, s[0], s[1]));
}

const kin_op kin_op_mul = {
    .entry = { "mul", "product of two tensors, element by element", { { 0 } } },
    .backward = backward,
    .example = example,
};
