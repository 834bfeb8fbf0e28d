/* stop_gradient -- the same numbers, taken as given.
 *
 *     y = x        dx += nothing
 *
 * y shares x's memory; nothing is recorded. */
#include "autograd/op.h"

kin_tensor *kin_stop_gradient(kin_tape *tape, kin_tensor *x)
{
    kin_tensor *y = kin_tape_input(tape, x->rows, x->cols, x->value);
    if (kin_tape_status(tape) != KIN_OK) return y;
    y->unit = x->unit;
    y->name = x->name;
    return y;
}

/* c is no parameter of the example, but it would get a gradient if it were not stopped. */
static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    if (case_ >= 1) return NULL;
    kin_tensor *c = NULL;
    int own = 0;
    kin_example_input(tape, &c, &own, 0, 3, 4);
    kin_tensor *x = kin_example_input(tape, params, count, 0, 3, 4);
    return kin_mul(tape, x, kin_stop_gradient(tape, c));
}

const kin_op kin_op_stop_gradient = {
    .entry = { "stop_gradient", "the same numbers, taken as given", { { 0 } } },
    .example = example,
};
