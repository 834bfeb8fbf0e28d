/* matmul_tn -- every column of a by every column of b, summed over the batch.
 *
 *     y = a' b        da += b dy'        db += a dy
 *
 * a: B x M, b: B x N, y: M x N. */
#include "autograd/op.h"

kin_tensor *kin_matmul_tn(kin_tape *tape, kin_tensor *a, kin_tensor *b)
{
    return kin_op_product(tape, &kin_op_matmul_tn, a, 1, b, 0);
}

static void backward(kin_tape *tape, kin_node *node)
{
    kin_op_product_back(tape, node, 1, 0);
}

/* The last case is a Gram matrix: both inputs are one tensor. */
static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][3] = { { 3, 5, 2 }, { 1, 1, 1 }, { 1, 7, 4 }, { 6, 1, 3 }, { 4, 3 } };
    if (case_ >= 5) return NULL;
    const int *s = shapes[case_];
    kin_tensor *a = kin_example_input(tape, params, count, 0, s[0], s[1]);
    if (s[2] == 0) return kin_matmul_tn(tape, a, a);
    return kin_matmul_tn(tape, a, kin_example_input(tape, params, count, 1, s[0], s[2]));
}

const kin_op kin_op_matmul_tn = {
    .entry = { "matmul_tn", "dot product of every column of a with every column of b", { { 0 } } },
    .backward = backward,
    .example = example,
};
