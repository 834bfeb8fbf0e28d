#include "autograd/tape_inside.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "autograd/finite.h"
#include "core/rng.h"

kin_status kin_tape_new(kin_tape **out, kin_backend *backend)
{
    *out = NULL;
    kin_tape *tape = calloc(1, sizeof *tape);
    KIN_REQUIRE(tape != NULL, KIN_MEMORY, "no memory for a tape");
    tape->backend = backend;
    const kin_memory memory = kin_backend_memory(backend);
    kin_status status = kin_arena_new(&tape->numbers, &memory);
    if (status == KIN_OK) status = kin_arena_new(&tape->nodes, NULL);
    if (status != KIN_OK) {
        kin_tape_free(tape);
        return status;
    }
    kin_tape_reset(tape, 0, 0, false);
    *out = tape;
    return KIN_OK;
}

static void forget_gradients(kin_tape *tape)
{
    for (const reached *r = tape->reached; r != NULL; r = r->before) {
        r->tensor->grad = NULL;
        r->tensor->sparse = NULL;
        r->tensor->squares = 0;
        r->tensor->uses = 0;
    }
    tape->reached = NULL;
}

void kin_tape_free(kin_tape *tape)
{
    if (tape == NULL) return;
    forget_gradients(tape);
    kin_arena_free(tape->numbers);
    kin_arena_free(tape->nodes);
    free(tape);
}

void kin_tape_reset(kin_tape *tape, uint64_t seed, uint32_t step, bool training)
{
    forget_gradients(tape);
    kin_arena_reset(tape->numbers);
    kin_arena_reset(tape->nodes);
    tape->last = NULL;
    tape->seed = seed;
    tape->step = step;
    kin_tape_rows(tape, 0, 0);
    tape->whole = NULL;
    tape->training = training;
    tape->walked = false;
    tape->loss = NULL;
    tape->status = KIN_OK;
}

kin_backend *kin_tape_backend(const kin_tape *tape) { return tape->backend; }
kin_arena *kin_tape_arena(const kin_tape *tape) { return tape->numbers; }
kin_status kin_tape_status(const kin_tape *tape) { return tape->status; }
bool kin_tape_training(const kin_tape *tape) { return tape->training; }
kin_node *kin_tape_last(const kin_tape *tape) { return tape->last; }
void kin_tape_leave_sums(kin_tape *tape, bool leave) { tape->leaves_sums = leave; }
bool kin_tape_leaves_sums(const kin_tape *tape) { return tape->leaves_sums; }

/* Draws are counted from the beginning of a stream's part: every part has the same seeds. */
void kin_tape_rows(kin_tape *tape, uint32_t stream, int64_t first)
{
    tape->stream = stream;
    tape->first = first;
    tape->draws = 0;
}

int64_t kin_tape_first(const kin_tape *tape) { return tape->first; }

uint64_t kin_tape_draw(kin_tape *tape)
{
    const uint64_t number = (uint64_t)tape->stream << 32 | tape->draws++;
    return kin_random(tape->seed, KIN_STREAM_DROPOUT, tape->step, number);
}

/* ---- errors --------------------------------------------------------------------------------- */

kin_tensor *kin_empty(kin_tape *tape)
{
    tape->empty = (kin_tensor){ .name = "nothing" };
    return &tape->empty;
}

/* What a failed device gave explains nothing: its own failure is the error. */
kin_tensor *kin_tape_fail(kin_tape *tape, kin_status status, const char *format, ...)
{
    if (tape->status != KIN_OK) return kin_empty(tape);
    tape->status = kin_backend_check(tape->backend);
    if (tape->status != KIN_OK) {
        snprintf(tape->message, sizeof tape->message, "%s", kin_message());
        return kin_empty(tape);
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(tape->message, sizeof tape->message, format, arguments);
    va_end(arguments);
    tape->status = kin_fail(status, "%s", tape->message);
    return kin_empty(tape);
}

kin_status kin_tape_outcome(kin_tape *tape)
{
    if (tape->status == KIN_OK && kin_backend_check(tape->backend) != KIN_OK)
        kin_tape_fail(tape, KIN_RUNTIME, "%s", kin_message());
    if (tape->status != KIN_OK) return kin_fail(tape->status, "%s", tape->message);
    return KIN_OK;
}

/* ---- memory --------------------------------------------------------------------------------- */

void *kin_keep(kin_tape *tape, size_t bytes)
{
    if (tape->status != KIN_OK) return NULL;
    void *memory = kin_arena_take(tape->numbers, bytes);
    if (memory == NULL)
        kin_tape_fail(tape, KIN_MEMORY, "no memory for %zu bytes of a step's numbers", bytes);
    return memory;
}

void *kin_keep_host(kin_tape *tape, size_t bytes)
{
    if (tape->status != KIN_OK) return NULL;
    void *memory = kin_arena_take(tape->nodes, bytes);
    if (memory == NULL)
        kin_tape_fail(tape, KIN_MEMORY, "no memory for %zu bytes of a step's nodes", bytes);
    return memory;
}

/* rows x cols numbers, or NULL; a size that no memory has fails like one that is not there. */
static real *keep_matrix(kin_tape *tape, const char *what, int64_t rows, int64_t cols)
{
    int64_t bytes;
    if (tape->status != KIN_OK) return NULL;
    if (rows < 0 || cols < 0 || __builtin_mul_overflow(rows, cols, &bytes) ||
        __builtin_mul_overflow(bytes, (int64_t)sizeof(real), &bytes)) {
        kin_tape_fail(tape, KIN_USAGE, "%s: %" PRId64 "x%" PRId64 " is not a size", what, rows,
                      cols);
        return NULL;
    }
    real *matrix = kin_arena_take(tape->numbers, (size_t)bytes);
    if (matrix == NULL)
        kin_tape_fail(tape, KIN_MEMORY, "%s: no memory for %" PRId64 "x%" PRId64 " numbers (%"
                      PRId64 " bytes)", what, rows, cols, bytes);
    return matrix;
}

void kin_tape_note_reached(kin_tape *tape, kin_tensor *tensor)
{
    reached *r = kin_keep_host(tape, sizeof *r);
    if (r == NULL) return;
    *r = (reached){ tensor, tape->reached };
    tape->reached = r;
}

/* Whether the tensor's gradient outlives the part. */
static bool of_whole(const kin_tape *tape, const kin_tensor *tensor)
{
    return tape->whole != NULL && tensor->node == NULL;
}

/* The first error of the whole is one of the part too. */
static real *grad_of_whole(kin_tape *tape, kin_tensor *tensor)
{
    real *grad = kin_grad(tape->whole, tensor);
    if (grad == NULL) kin_tape_fail(tape, tape->whole->status, "%s", tape->whole->message);
    return grad;
}

real *kin_grad_fresh(kin_tape *tape, kin_tensor *tensor, bool *fresh)
{
    *fresh = false;
    if (!tensor->needs_grad || tape->status != KIN_OK) return NULL;
    if (tensor->grad != NULL) return tensor->grad;
    if (of_whole(tape, tensor)) return grad_of_whole(tape, tensor);
    kin_tape_note_reached(tape, tensor);
    if (tensor->whole != NULL) {
        real *whole = kin_grad(tape, tensor->whole);
        return tensor->grad = whole != NULL ? whole + tensor->from * tensor->cols : NULL;
    }
    *fresh = true;
    return tensor->grad = keep_matrix(tape, tensor->name, tensor->rows, tensor->cols);
}

real *kin_grad(kin_tape *tape, kin_tensor *tensor)
{
    bool fresh;
    real *grad = kin_grad_fresh(tape, tensor, &fresh);
    if (grad != NULL && fresh)
        tape->backend->zero(tape->backend, grad,
                            sizeof(real) * (size_t)(tensor->rows * tensor->cols));
    return grad;
}

real kin_grad_number(kin_tape *tape, const kin_tensor *tensor)
{
    real number = 1;
    if (tensor != tape->loss)
        tape->backend->download(tape->backend, &number, tensor->grad, sizeof number);
    return number;
}

void kin_tensor_know(kin_tape *tape, kin_tensor *tensor, double value)
{
    real *known = kin_keep_host(tape, sizeof *known);
    if (known == NULL) return;
    *known = (real)value;
    tape->backend->fill(tape->backend, 1, *known, tensor->value);
    tensor->known = known;
}

void kin_grad_give(kin_tape *tape, kin_tensor *tensor, real factor, real *g)
{
    kin_backend *backend = tape->backend;
    if (!tensor->needs_grad || tape->status != KIN_OK) return;
    if (tensor->grad == NULL && tensor->whole == NULL && !of_whole(tape, tensor)) {
        kin_tape_note_reached(tape, tensor);
        if (factor != 1) backend->scale(backend, tensor->rows * tensor->cols, factor, g);
        tensor->grad = g;
        return;
    }
    real *grad = kin_grad(tape, tensor);
    if (grad != NULL) backend->add(backend, tensor->rows * tensor->cols, factor, g, grad);
}

real *kin_grad_pass(kin_tape *tape, kin_node *node)
{
    kin_tensor *to = node->in[0], *from = node->out;
    if (!to->needs_grad || to->grad != NULL || to->whole != NULL || of_whole(tape, to)) return NULL;
    if (to->uses != 1 || from->grad == NULL) return NULL;
    kin_grad_give(tape, to, 1, from->grad);
    from->grad = NULL;
    node->passed = true;
    return to->grad;
}

kin_sparse *kin_grad_sparse(kin_tape *tape, kin_tensor *tensor, int64_t rows)
{
    kin_tape_note_reached(tape, tensor);
    kin_sparse *sparse = kin_keep_host(tape, sizeof *sparse);
    int32_t *id = kin_keep(tape, sizeof *id * (size_t)rows);
    if (id == NULL) return NULL;
    *sparse = (kin_sparse){ .id = id };
    return tensor->sparse = sparse;
}

bool kin_grad_sparse_values(kin_tape *tape, const kin_tensor *tensor, int64_t rows)
{
    tensor->sparse->value = keep_matrix(tape, tensor->name, rows, tensor->cols);
    return tensor->sparse->value != NULL;
}

/* ---- recording ------------------------------------------------------------------------------ */

kin_tensor *kin_tape_input(kin_tape *tape, int64_t rows, int64_t cols, const real *value)
{
    kin_tensor *tensor = kin_keep_host(tape, sizeof *tensor);
    if (tensor == NULL) return kin_empty(tape);
    /* Without needs_grad nothing writes through the pointer. */
    *tensor = (kin_tensor){ .rows = rows, .cols = cols, .value = (real *)(uintptr_t)value,
                            .name = "an input" };
    return tensor;
}

/* Takes its place on the tape when the output needs a gradient. */
static void record(kin_tape *tape, kin_node *node)
{
    for (int i = 0; i < node->inputs; i++)
        if (node->in[i]->needs_grad) node->out->needs_grad = tape->training;
    if (!node->out->needs_grad) return;
    for (int i = 0; i < node->inputs; i++) node->in[i]->uses++;
    node->before = tape->last;
    tape->last = node;
}

kin_node *kin_node_new(kin_tape *tape, const kin_op *op, int64_t rows, int64_t cols, int inputs,
                       ...)
{
    kin_node *node = kin_keep_host(tape, sizeof *node);
    kin_tensor *out = kin_keep_host(tape, sizeof *out);
    real *value = keep_matrix(tape, op->entry.name, rows, cols);
    if (value == NULL) return NULL;
    *out = (kin_tensor){ .rows = rows, .cols = cols, .value = value, .name = op->entry.name,
                         .node = node };
    *node = (kin_node){ .op = op, .inputs = inputs, .out = out };
    va_list in;
    va_start(in, inputs);
    for (int i = 0; i < inputs; i++) node->in[i] = va_arg(in, kin_tensor *);
    va_end(in);
    record(tape, node);
    return node;
}

kin_node *kin_node_view(kin_tape *tape, const kin_op *op, kin_tensor *x, int64_t from,
                        int64_t rows)
{
    kin_node *node = kin_keep_host(tape, sizeof *node);
    kin_tensor *out = kin_keep_host(tape, sizeof *out);
    if (out == NULL) return NULL;
    *out = (kin_tensor){ .rows = rows, .cols = x->cols, .value = x->value + from * x->cols,
                         .name = op->entry.name, .node = node, .whole = x, .from = from,
                         .unit = x->unit };
    *node = (kin_node){ .op = op, .inputs = 1, .in = { x }, .out = out };
    record(tape, node);
    return node;
}

/* ---- backward ------------------------------------------------------------------------------- */

static void check_loss(kin_tape *tape, const kin_tensor *loss)
{
    if (tape->walked)
        kin_tape_fail(tape, KIN_USAGE, "backward ran already in this step: reset the tape first");
    if (!tape->training)
        kin_tape_fail(tape, KIN_USAGE, "backward needs a tape that was reset for training");
    if (loss->rows != 1 || loss->cols != 1)
        kin_tape_fail(tape, KIN_USAGE, "backward: the loss is " KIN_SHAPE ", expected 1x1",
                      KIN_DIMS(loss));
    if (!loss->needs_grad)
        kin_tape_fail(tape, KIN_USAGE, "backward: the loss depends on no tensor that needs a "
                      "gradient");
    if (tape->status != KIN_OK) return;
    real value;
    if (loss->known != NULL) value = *loss->known;
    else tape->backend->download(tape->backend, &value, loss->value, sizeof value);
    if (!isfinite(value)) kin_explain_value(tape, (double)value);
}

void kin_tape_walk(kin_tape *tape, bool late)
{
    for (kin_node *node = tape->last; node != NULL; node = node->before) {
        if (tape->status != KIN_OK) return;
        if (node->op->backward == NULL || node->op->late != late) continue;
        if (node->out->grad != NULL || node->out->sparse != NULL) node->op->backward(tape, node);
    }
}

kin_status kin_tape_backward(kin_tape *tape, kin_tensor *loss)
{
    if (tape->status == KIN_OK) check_loss(tape, loss);
    tape->walked = true;
    tape->loss = loss;
    bool fresh;
    real *seed = kin_grad_fresh(tape, loss, &fresh);
    if (seed != NULL) tape->backend->fill(tape->backend, 1, 1, seed);
    kin_tape_walk(tape, false);
    kin_tape_walk(tape, true);
    kin_tape_check_gradients(tape);
    return kin_tape_outcome(tape);
}
