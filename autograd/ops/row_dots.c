/* row_dots -- every row of a by the same row of b.
 *
 *     y_i = a_i . b_i        da_i += dy_i b_i        db_i += dy_i a_i
 *
 * a, b: B x D, y: B x 1. */
#include "autograd/op.h"

kin_tensor *kin_row_dots(kin_tape *tape, kin_tensor *a, kin_tensor *b)
{
    if (a->rows != b->rows || a->cols != b->cols)
        return kin_tape_fail(tape, KIN_USAGE, "row_dots: a is " KIN_SHAPE ", b is " KIN_SHAPE,
                             KIN_DIMS(a), KIN_DIMS(b));
    kin_node *node = kin_node_new(tape, &kin_op_row_dots, a->rows, 1, 2, a, b);
    if (node == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    backend->row_dots(backend, a->rows, a->cols, a->value, b->value, node->out->value);
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    kin_backend *backend = kin_tape_backend(tape);
    for (int i = 0; i < 2; i++) {
        const kin_tensor *other = node->in[1 - i];
        real *dx = kin_grad(tape, node->in[i]);
        if (dx == NULL) continue;
        backend->scale_rows(backend, other->rows, other->cols, node->out->grad, other->value, dx);
    }
}

/* The last case is squares of lengths: both inputs are one tensor. */
static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][2] = { { 3, 4 }, { 1, 1 }, { 5, 2 } };
    if (case_ >= 3) return NULL;
    const int *s = shapes[case_];
    kin_tensor *a = kin_example_input(tape, params, count, 0, s[0], s[1]);
    if (case_ == 2) return kin_row_dots(tape, a, a);
    return kin_row_dots(tape, a, kin_example_input(tape, params, count, 1, s[0], s[1]));
}

const kin_op kin_op_row_dots = {
    .entry = { "row_dots", "dot product of every row of a with the same row of b", { { 0 } } },
    .backward = backward,
    .example = example,
};
