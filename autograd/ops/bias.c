/* bias -- adds one row to every row.
 *
 *     y_ij = x_ij + b_j        dx += dy        db_j += sum_i dy_ij
 *
 * x: B x D, b: 1 x D. */
#include "autograd/op.h"

kin_tensor *kin_bias(kin_tape *tape, kin_tensor *x, kin_tensor *b)
{
    if (b->rows != 1 || b->cols != x->cols)
        return kin_tape_fail(tape, KIN_USAGE, "bias: x is " KIN_SHAPE ", b is " KIN_SHAPE,
                             KIN_DIMS(x), KIN_DIMS(b));
    kin_node *node = kin_node_new(tape, &kin_op_bias, x->rows, x->cols, 2, x, b);
    if (node == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    kin_tensor *y = node->out;
    backend->add_row(backend, x->rows, x->cols, b->value, x->value, y->value);
    return y;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    kin_backend *backend = kin_tape_backend(tape);
    real *db = kin_grad(tape, node->in[1]);
    if (db != NULL) backend->sum_rows(backend, y->rows, y->cols, y->grad, db);
    if (kin_grad_pass(tape, node) != NULL) return;
    real *dx = kin_grad(tape, node->in[0]);
    if (dx != NULL) backend->add(backend, y->rows * y->cols, 1, y->grad, dx);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][2] = { { 4, 3 }, { 1, 5 }, { 7, 1 } };
    if (case_ >= 3) return NULL;
    const int *s = shapes[case_];
    kin_tensor *x = kin_example_input(tape, params, count, 0, s[0], s[1]);
    kin_tensor *b = kin_example_input(tape, params, count, 1, 1, s[1]);
    return kin_bias(tape, x, b);
}

const kin_op kin_op_bias = {
    .entry = { "bias", "adds one row to every row", { { 0 } } },
    .backward = backward,
    .example = example,
};
