/* The list of ops, and the numbers that their examples are made of. */
#include "autograd/op.h"

#include <math.h>

static const kin_entry *const entries[] = {
#define OP(name) &kin_op_##name.entry,
#include "autograd/ops.def"
#undef OP
};

const kin_list kin_ops = { "op", entries, sizeof entries / sizeof *entries };

/* Numbers that look irregular: i sin i runs through all angles; every size is in [0.1, 1.5]. */
static real example_number(int param, int64_t i)
{
    const double x = sin(0.7 + 1.9 * param + (double)i * (0.61 + 0.013 * (double)i));
    return (real)((x < 0 ? -0.1 : 0.1) + 1.4 * x);
}

kin_tensor *kin_example_input(kin_tape *tape, kin_tensor **params, int *count, int i, int64_t rows,
                              int64_t cols)
{
    if (i < *count) return params[i];
    kin_backend *backend = kin_tape_backend(tape);
    kin_tensor *tensor = kin_tape_input(tape, rows, cols, NULL);
    real *value = kin_keep(tape, sizeof *value * (size_t)(rows * cols));
    if (value == NULL) return params[(*count)++] = kin_empty(tape);
    for (int64_t k = 0; k < rows * cols; k++) {
        const real number = example_number(i, k);
        backend->upload(backend, value + k, &number, sizeof number);
    }
    tensor->value = value;
    tensor->needs_grad = true;
    tensor->name = "an example's input";
    return params[(*count)++] = tensor;
}
