#include "autograd/finite.h"

#include <math.h>
#include <string.h>

/* First row that is not finite, or -1. */
static int64_t bad_row(kin_backend *backend, int64_t rows, int64_t cols, const real *x)
{
    if (x == NULL || isfinite(backend->sum_squares(backend, rows * cols, x))) return -1;
    for (int64_t i = 0; i < rows; i++)
        if (!isfinite(backend->sum_squares(backend, cols, x + i * cols))) return i;
    return -1;
}

static int64_t bad_value(kin_backend *backend, const kin_tensor *tensor)
{
    return bad_row(backend, tensor->rows, tensor->cols, tensor->value);
}

static int64_t bad_gradient(kin_backend *backend, const kin_tensor *tensor)
{
    const kin_sparse *sparse = tensor->sparse;
    if (sparse == NULL) return bad_row(backend, tensor->rows, tensor->cols, tensor->grad);
    if (sparse->value == NULL) return -1;              /* left open: what it sums up is finite */
    int64_t place = bad_row(backend, sparse->count, tensor->cols, sparse->value);
    if (place < 0) return -1;
    int32_t id;
    backend->download(backend, &id, sparse->id + place, sizeof id);
    return id;
}

/* The oldest bad node has the last word: the chain runs from new to old. */
void kin_explain_value(kin_tape *tape, double loss)
{
    kin_backend *backend = kin_tape_backend(tape);
    const kin_node *guilty = NULL;
    for (const kin_node *node = kin_tape_last(tape); node != NULL; node = node->before)
        if (bad_value(backend, node->out) >= 0) guilty = node;
    if (guilty == NULL) {
        kin_tape_fail(tape, KIN_NUMERICAL, "the loss is not finite (%g)", loss);
        return;
    }
    const char *op = guilty->op->entry.name;
    for (int i = 0; i < guilty->inputs; i++) {
        int64_t row = bad_value(backend, guilty->in[i]);
        if (row >= 0)
            kin_tape_fail(tape, KIN_NUMERICAL, "%s: %s is not finite (row %" PRId64 " of "
                          KIN_SHAPE "), the loss is %g", op, guilty->in[i]->name, row,
                          KIN_DIMS(guilty->in[i]), loss);
    }
    kin_tape_fail(tape, KIN_NUMERICAL, "%s: its result is not finite (row %" PRId64 " of "
                  KIN_SHAPE "), the loss is %g", op, bad_value(backend, guilty->out),
                  KIN_DIMS(guilty->out), loss);
}

static void blame(kin_tape *tape, const kin_node *node, const kin_tensor *in, int64_t row,
                  const kin_tensor *parameter)
{
    const char *op = node->op->entry.name;
    if (in == parameter)
        kin_tape_fail(tape, KIN_NUMERICAL, "%s: gradient of %s is not finite (row %" PRId64 ")",
                      op, in->name, row);
    else
        kin_tape_fail(tape, KIN_NUMERICAL, "%s: gradient of its input %s (" KIN_SHAPE ") is not "
                      "finite (row %" PRId64 "), and so that of %s", op, in->name, KIN_DIMS(in),
                      row, parameter->name);
}

/* Backward went from new to old, ops marked late at the end: the first op on that way whose own
 * gradient was good and whose input's is not. */
static bool search(kin_tape *tape, const kin_tensor *parameter, bool late)
{
    kin_backend *backend = kin_tape_backend(tape);
    for (const kin_node *node = kin_tape_last(tape); node != NULL; node = node->before) {
        if (node->op->late != late || (node->out->grad == NULL && !node->passed)) continue;
        if (!node->passed && bad_gradient(backend, node->out) >= 0) continue;
        for (int i = 0; i < node->inputs; i++) {
            int64_t row = bad_gradient(backend, node->in[i]);
            if (row < 0) continue;
            blame(tape, node, node->in[i], row, parameter);
            return true;
        }
    }
    return false;
}

void kin_explain_gradient(kin_tape *tape, const kin_tensor *parameter)
{
    if (search(tape, parameter, false) || search(tape, parameter, true)) return;
    kin_tape_fail(tape, KIN_NUMERICAL, "gradient of %s is not finite (its squares sum to %g)",
                  parameter->name, parameter->squares);
}
