/* split_rows -- some neighbouring rows of a tensor.
 *
 *     y = rows from .. from + rows - 1 of x        the same rows of dx += dy
 *
 * x: B x D, y: rows x D. Nothing is copied: y lies in x, and its gradient in that of x, so that
 * there is nothing to do backward. */
#include "autograd/op.h"

kin_tensor *kin_split_rows(kin_tape *tape, kin_tensor *x, int64_t from, int64_t rows)
{
    if (from < 0 || rows < 0 || from > x->rows || rows > x->rows - from)
        return kin_tape_fail(tape, KIN_USAGE, "split_rows: %" PRId64 " rows from row %" PRId64
                             " on, x is " KIN_SHAPE, rows, from, KIN_DIMS(x));
    kin_node *node = kin_node_view(tape, &kin_op_split_rows, x, from, rows);
    return node != NULL ? node->out : kin_empty(tape);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][4] = { { 5, 3, 1, 2 }, { 1, 1, 0, 1 }, { 4, 2, 3, 1 } };
    if (case_ >= 3) return NULL;
    const int *s = shapes[case_];
    kin_tensor *x = kin_example_input(tape, params, count, 0, s[0], s[1]);
    return kin_split_rows(tape, x, s[2], s[3]);
}

const kin_op kin_op_split_rows = {
    .entry = { "split_rows", "some neighbouring rows of a tensor", { { 0 } } },
    .example = example,
};
