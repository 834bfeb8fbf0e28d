/* matmul_nt -- every row of a by every row of b: a table of dot products.
 *
 *     y = a b'        da += dy b        db += dy' a
 *
 * a: M x K, b: N x K, y: M x N. */
#include "autograd/op.h"

kin_tensor *kin_matmul_nt(kin_tape *tape, kin_tensor *a, kin_tensor *b)
{
    if (a->cols != b->cols)
        return kin_tape_fail(tape, KIN_USAGE, "matmul_nt: a is " KIN_SHAPE ", b is " KIN_SHAPE,
                             KIN_DIMS(a), KIN_DIMS(b));
    kin_node *node = kin_node_new(tape, &kin_op_matmul_nt, a->rows, b->rows, 2, a, b);
    if (node == NULL) return kin_empty(tape);
    const kin_product y = {
        .transpose_b = 1, .m = a->rows, .n = b->rows, .k = a->cols, .alpha = 1,
        .a = a->value, .lda = a->cols, .b = b->value, .ldb = b->cols,
        .c = node->out->value, .ldc = b->rows,
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
        .m = a->rows, .n = a->cols, .k = b->rows, .alpha = 1,
        .a = dy, .lda = b->rows, .b = b->value, .ldb = b->cols,
        .beta = 1, .c = kin_grad(tape, node->in[0]), .ldc = a->cols,
    };
    const kin_product db = {
        .transpose_a = 1, .m = b->rows, .n = b->cols, .k = a->rows, .alpha = 1,
        .a = dy, .lda = b->rows, .b = a->value, .ldb = a->cols,
        .beta = 1, .c = kin_grad(tape, node->in[1]), .ldc = b->cols,
    };
    if (da.c != NULL) backend->product(backend, &da);
    if (db.c != NULL) backend->product(backend, &db);
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
