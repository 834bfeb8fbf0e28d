/* split_cols -- some neighbouring columns of a tensor.
 *
 *     y = columns from .. from + cols - 1 of x        the same columns of dx += dy
 *
 * x: B x D, y: B x cols, a copy. */
#include "autograd/op.h"

kin_tensor *kin_split_cols(kin_tape *tape, kin_tensor *x, int64_t from, int64_t cols)
{
    if (from < 0 || cols < 0 || from > x->cols || cols > x->cols - from)
        return kin_tape_fail(tape, KIN_USAGE, "split_cols: %" PRId64 " columns from column %" PRId64
                             " on, x is " KIN_SHAPE, cols, from, KIN_DIMS(x));
    kin_node *node = kin_node_new(tape, &kin_op_split_cols, x->rows, cols, 1, x);
    int64_t *saved = kin_keep_host(tape, sizeof *saved);
    if (saved == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    real *y = node->out->value;
    backend->zero(backend, y, sizeof *y * (size_t)(x->rows * cols));
    backend->add_block(backend, x->rows, cols, 1, x->value + from, x->cols, y, cols);
    *saved = from;
    node->saved = saved;
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *x = node->in[0], *y = node->out;
    const int64_t from = *(const int64_t *)node->saved;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    if (dx == NULL) return;
    backend->add_block(backend, y->rows, y->cols, 1, y->grad, y->cols, dx + from, x->cols);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][4] = { { 3, 5, 1, 2 }, { 1, 1, 0, 1 }, { 2, 4, 3, 1 } };
    if (case_ >= 3) return NULL;
    const int *s = shapes[case_];
    kin_tensor *x = kin_example_input(tape, params, count, 0, s[0], s[1]);
    return kin_split_cols(tape, x, s[2], s[3]);
}

const kin_op kin_op_split_cols = {
    .entry = { "split_cols", "some neighbouring columns of a tensor", { { 0 } } },
    .backward = backward,
    .example = example,
};
