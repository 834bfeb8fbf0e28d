/* matmul -- the product of two matrices.
 *
 *     y = a b        da += dy b'        db += a' dy
 *
 * a: M x K, b: K x N, y: M x N. */
#include "autograd/op.h"

kin_tensor *kin_matmul(kin_tape *tape, kin_tensor *a, kin_tensor *b)
{
    if (a->cols != b->rows)
        return kin_tape_fail(tape, KIN_USAGE, "matmul: a is " KIN_SHAPE ", b is " KIN_SHAPE,
                             KIN_DIMS(a), KIN_DIMS(b));
    kin_node *node = kin_node_new(tape, &kin_op_matmul, a->rows, b->cols, 2, a, b);
    if (node == NULL) return kin_empty(tape);
    const kin_product y = {
        .m = a->rows, .n = b->cols, .k = a->cols, .alpha = 1,
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
        .a = dy, .lda = b->cols, .b = b->value, .ldb = b->cols,
        .beta = 1, .c = kin_grad(tape, node->in[0]), .ldc = a->cols,
    };
    const kin_product db = {
        .transpose_a = 1, .m = b->rows, .n = b->cols, .k = a->rows, .alpha = 1,
        .a = a->value, .lda = a->cols, .b = dy, .ldb = b->cols,
        .beta = 1, .c = kin_grad(tape, node->in[1]), .ldc = b->cols,
    };
    if (da.c != NULL) backend->product(backend, &da);
    if (db.c != NULL) backend->product(backend, &db);
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
