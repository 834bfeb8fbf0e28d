/* matmul_tn -- every column of a by every column of b, summed over the batch.
 *
 *     y = a' b        da += b dy'        db += a dy
 *
 * a: B x M, b: B x N, y: M x N. */
#include "autograd/op.h"

kin_tensor *kin_matmul_tn(kin_tape *tape, kin_tensor *a, kin_tensor *b)
{
    if (a->rows != b->rows)
        return kin_tape_fail(tape, KIN_USAGE, "matmul_tn: a is " KIN_SHAPE ", b is " KIN_SHAPE,
                             KIN_DIMS(a), KIN_DIMS(b));
    kin_node *node = kin_node_new(tape, &kin_op_matmul_tn, a->cols, b->cols, 2, a, b);
    if (node == NULL) return kin_empty(tape);
    const kin_product y = {
        .transpose_a = 1, .m = a->cols, .n = b->cols, .k = a->rows, .alpha = 1,
        .a = a->value, .lda = a->cols, .b = b->value, .ldb = b->cols,
        .c = node->out->value, .ldc = b->cols,
    };
    kin_tape_backend(tape)->product(kin_tape_backend(tape), &y);
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *a = node->in[0], *b = node->in[1];
    const real *dy = node->out->grad;
    kin_backend *backend = kin_tape_backend(tape);
    const kin_product da = {
        .transpose_b = 1, .m = a->rows, .n = a->cols, .k = b->cols, .alpha = 1,
        .a = b->value, .lda = b->cols, .b = dy, .ldb = b->cols,
        .beta = 1, .c = kin_grad(tape, node->in[0]), .ldc = a->cols,
    };
    const kin_product db = {
        .m = b->rows, .n = b->cols, .k = a->cols, .alpha = 1,
        .a = a->value, .lda = a->cols, .b = dy, .ldb = b->cols,
        .beta = 1, .c = kin_grad(tape, node->in[1]), .ldc = b->cols,
    };
    if (da.c != NULL) backend->product(backend, &da);
    if (db.c != NULL) backend->product(backend, &db);
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
