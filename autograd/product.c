/* Product: what the ops that multiply two matrices do alike, whichever of them is transposed. */
#include "autograd/op.h"

kin_tensor *kin_op_product(kin_tape *tape, const kin_op *op, kin_tensor *a, int transpose_a,
                           kin_tensor *b, int transpose_b)
{
    const int64_t m = transpose_a ? a->cols : a->rows, k = transpose_a ? a->rows : a->cols;
    const int64_t n = transpose_b ? b->rows : b->cols, k_of_b = transpose_b ? b->cols : b->rows;
    if (k != k_of_b)
        return kin_tape_fail(tape, KIN_USAGE, "%s: a is " KIN_SHAPE ", b is " KIN_SHAPE,
                             op->entry.name, KIN_DIMS(a), KIN_DIMS(b));
    kin_node *node = kin_node_new(tape, op, m, n, 2, a, b);
    if (node == NULL) return kin_empty(tape);
    const kin_product y = {
        .transpose_a = transpose_a, .transpose_b = transpose_b, .m = m, .n = n, .k = k, .alpha = 1,
        .a = a->value, .lda = a->cols, .b = b->value, .ldb = b->cols,
        .c = node->out->value, .ldc = n,
    };
    kin_tape_backend(tape)->product(kin_tape_backend(tape), &y);
    return node->out;
}

/* dA = dy B', dB = A' dy for A and B as they are multiplied; where a or b is the transpose of that,
 * so is its gradient, and the factors change places. */
void kin_op_product_back(kin_tape *tape, kin_node *node, int transpose_a, int transpose_b)
{
    const kin_tensor *a = node->in[0], *b = node->in[1], *y = node->out;
    kin_backend *backend = kin_tape_backend(tape);
    bool fresh_a, fresh_b;
    real *to_a = kin_grad_fresh(tape, node->in[0], &fresh_a);
    real *to_b = kin_grad_fresh(tape, node->in[1], &fresh_b);
    kin_product da = {
        .transpose_b = !transpose_b, .m = a->rows, .n = a->cols, .k = y->cols, .alpha = 1,
        .a = y->grad, .lda = y->cols, .b = b->value, .ldb = b->cols,
        .beta = !fresh_a, .c = to_a, .ldc = a->cols,
    };
    kin_product db = {
        .transpose_a = !transpose_a, .m = b->rows, .n = b->cols, .k = y->rows, .alpha = 1,
        .a = a->value, .lda = a->cols, .b = y->grad, .ldb = y->cols,
        .beta = !fresh_b, .c = to_b, .ldc = b->cols,
    };
    if (transpose_a) {
        da.transpose_a = transpose_b, da.a = b->value, da.lda = b->cols;
        da.transpose_b = 1, da.b = y->grad, da.ldb = y->cols;
    }
    if (transpose_b) {
        db.transpose_b = transpose_a, db.b = a->value, db.ldb = a->cols;
        db.transpose_a = 1, db.a = y->grad, db.lda = y->cols;
    }
    if (da.c != NULL) backend->product(backend, &da);
    if (db.c != NULL) backend->product(backend, &db);
}
