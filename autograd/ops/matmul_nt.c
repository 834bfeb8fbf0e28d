/* matmul_nt -- every row of a by every row of b: a table of dot products.
 *
 *     y = a b'        da += dy b        db += dy' a
 *
 * a: M x K, b: N x K, y: M x N. */
#include "autograd/op.h"

kin_tensor *kin_matmul_nt(kin_tape *tape, kin_tensor *a, kin_tensor *b)
{
    return kin_op_product(tape, &kin_op_matmul_nt, a, 0, b, 1);
}

static void backward(kin_tape *tape, kin_node *node)
{
    kin_op_product_back(tape, node, 0, 1);
}

/* The last case is a table of self-similarities: both inputs are one tensor. */
static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][3] = { { 3, 5, 2 }, { 1, 1, 1 }, { 1, 7, 4 }, { 6, 1, 3 }, { 4, 3 } };
    if (case_ >= 5) return NULL;
    const int *s = shapes[case_];
    kin_tensor *a = kin_example_input(tape, params, count, 0, s[0], s[1]);
    if (s[2] == 0) return kin_matmul_nt(tape, a, a);
    kin_tensor *b = kin_example_input(tape, params, count, 1, s[2], s[1]);
    return kin_matmul_nt(tape, a, b);
}

const kin_op kin_op_matmul_nt = {
    .entry = { "matmul_nt", "dot product of every row of a with every row of b", { { 0 } } },
    .backward = backward,
    .example = example,
};
