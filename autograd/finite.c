#include "autograd/finite.h"

#include <math.h>
#include <string.h>
#include "autograd/tape_inside.h"

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

/* A gradient that was passed on became its op's input's, which is finite when it was. */
static int64_t bad_gradient(kin_backend *backend, const kin_tensor *tensor)
{
    while (tensor->node != NULL && tensor->node->passed) tensor = tensor->node->in[0];
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
        const bool visited = node->out->grad != NULL || node->out->sparse != NULL || node->passed;
        if (node->op->late != late || !visited) continue;
        if (bad_gradient(backend, node->out) >= 0) continue;
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

/* ---- the check ------------------------------------------------------------------------------ */

/* Whether sums of a table's gradient were left to the optimizer. */
static bool open_sums(const kin_tensor *tensor)
{
    return tensor->sparse != NULL && tensor->sparse->value == NULL;
}

/* What shows whether a gradient is finite: its squares, or where sums were left open those of what
 * they are made of. */
static kin_sum_request squares_of(const kin_tensor *tensor)
{
    const kin_sparse *sparse = tensor->sparse;
    if (sparse == NULL)
        return (kin_sum_request){ tensor->rows * tensor->cols, tensor->grad, true };
    if (open_sums(tensor))
        return (kin_sum_request){ sparse->bags.rows * tensor->cols, sparse->dy, true };
    return (kin_sum_request){ sparse->count * tensor->cols, sparse->value, true };
}

/* Sums may stay open while none of them can come out infinite; else they are formed, and what comes
 * out is judged as any gradient. */
static double judge_open(kin_tape *tape, kin_tensor *tensor, double squares)
{
    const double most = 1e15;
    kin_backend *backend = tape->backend;
    if (squares < most * most) return 0;
    if (!kin_sparse_close(tape, tensor)) return 0;
    const kin_sum_request formed = squares_of(tensor);
    return backend->sum_squares(backend, formed.n, formed.x);
}

static bool is_parameter(const kin_tensor *tensor)
{
    return tensor->node == NULL && (tensor->grad != NULL || tensor->sparse != NULL);
}

/* All sums are asked for at once, so that a device is waited for once. */
void kin_tape_check_gradients(kin_tape *tape)
{
    size_t count = 0, n = 0;
    for (const reached *r = tape->reached; r != NULL; r = r->before)
        count += is_parameter(r->tensor);
    kin_sum_request *of = kin_keep_host(tape, count * sizeof *of);
    double *squares = kin_keep_host(tape, count * sizeof *squares);
    if (squares == NULL) return;
    for (const reached *r = tape->reached; r != NULL; r = r->before)
        if (is_parameter(r->tensor)) of[n++] = squares_of(r->tensor);
    tape->backend->sums(tape->backend, (int)count, of, squares);
    n = 0;
    for (const reached *r = tape->reached; r != NULL; r = r->before) {
        if (!is_parameter(r->tensor)) continue;
        r->tensor->squares = open_sums(r->tensor) ? judge_open(tape, r->tensor, squares[n])
                                                  : squares[n];
        n++;
    }
    for (const reached *r = tape->reached; r != NULL && tape->status == KIN_OK; r = r->before)
        if (is_parameter(r->tensor) && !isfinite(r->tensor->squares))
            kin_explain_gradient(tape, r->tensor);
}
