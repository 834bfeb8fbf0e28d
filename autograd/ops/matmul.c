/* matmul -- the product of two matrices.
 *
 *     y = a b        da += dy b'        db += a' dy
 *
 * a: M x K, b: K x N, y: M x N. */
#include "autograd/op.h"

kin_tensor *kin_matmul(kin_tape *tape, kin_tensor *a, kin_tensor *b)
{
    return kin_op_product(tape, &kin_op_matmul, a, 0, b, 0);
}

static void backward(kin_tape *tape, kin_node *node)
{
    kin_op_product_back(tape, node, 0, 0);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][3] = { { 3, 5, 2 }, { 1, 1, 1 }, { 1, 7, 4 }, { 6, 1, 3 } };
    if (case_ >= 4) return NULL;
    const int *s = shapes[case_];
    kin_tensor *a = kin_example_input(tape, params, count, 0, s[0], s[1]);
    kin_tensor *b = kin_example_input(tape, params, count, 1, s[1], s[2]);
    return kin_matmul(tape, a, b);
}

const kin_op kin_op_matmul = {
    .entry = { "matmul", "product of two matrices", { { 0 } } },
    .backward = backward,
    .example = example,
};
