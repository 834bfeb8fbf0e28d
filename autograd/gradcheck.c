#include "autograd/gradcheck.h"

#include <math.h>
#include <stdlib.h>
#include "core/rng.h"

enum { STEPS = 16, FINER = 3, PARAMS_MAX = 4 };

typedef struct {
    kin_tape *tape;
    kin_function function;
    void *context;
    kin_tensor *const *params;
    int count;
    double step;
    double *gradient;               /* of all parameters, one after another; then the slopes */
    double *slope;
} check;

/* Value of the function; backward too where asked. */
static kin_status evaluate(const check *c, bool backward, double *value)
{
    kin_backend *backend = kin_tape_backend(c->tape);
    kin_tape_reset(c->tape, 1, 1, true);
    kin_tensor *out = c->function(c->tape, c->context);
    if (backward) KIN_TRY(kin_tape_backward(c->tape, out));
    KIN_TRY(kin_tape_status(c->tape));
    KIN_REQUIRE(out->rows == 1 && out->cols == 1, KIN_USAGE,
                "gradient check: the function is " KIN_SHAPE ", expected 1x1", KIN_DIMS(out));
    real number;
    backend->download(backend, &number, out->value, sizeof number);
    *value = (double)number;
    return KIN_OK;
}

/* Central difference at one entry; the step that was really taken is that of `real`. */
static kin_status difference(const check *c, real *place, double step, double *slope)
{
    kin_backend *backend = kin_tape_backend(c->tape);
    double above, below;
    real x;
    backend->download(backend, &x, place, sizeof x);
    const real right = x + (real)step, left = x - (real)step;
    backend->upload(backend, place, &right, sizeof right);
    kin_status status = evaluate(c, false, &above);
    backend->upload(backend, place, &left, sizeof left);
    if (status == KIN_OK) status = evaluate(c, false, &below);
    backend->upload(backend, place, &x, sizeof x);
    KIN_TRY(status);
    *slope = (above - below) / ((double)right - (double)left);
    return KIN_OK;
}

/* The differences have errors in step^2, step^4, ...: each column of the tableau takes away one
 * more. The entry with the smallest estimate of its own error is the slope. */
static kin_status extrapolate(const check *c, real *place, double step, double *slope)
{
    double row[STEPS], last[STEPS] = { 0 }, best = INFINITY;
    for (int i = 0; i < STEPS; i++, step /= 2) {
        KIN_TRY(difference(c, place, step, &row[0]));
        if (i == 0) *slope = row[0];
        double power = 4;
        for (int j = 1; j <= i; j++, power *= 4) {
            row[j] = (power * row[j - 1] - last[j - 1]) / (power - 1);
            const double error = fmax(fabs(row[j] - row[j - 1]), fabs(row[j] - last[j - 1]));
            if (error > best) continue;
            best = error;
            *slope = row[j];
        }
        const bool sure = best < 1e-10 * fmax(fabs(*slope), 1e-3);
        if (sure && fabs(row[i] - last[i - 1]) > 4 * best) break;       /* noise from here on */
        for (int j = 0; j <= i; j++) last[j] = row[j];
    }
    return KIN_OK;
}

static kin_status read_gradients(check *c)
{
    kin_backend *backend = kin_tape_backend(c->tape);
    double *to = c->gradient;
    for (int p = 0; p < c->count; p++) {
        const kin_tensor *tensor = c->params[p];
        const real *gradient = kin_tensor_dense_gradient(c->tape, tensor);
        KIN_TRY(kin_tape_status(c->tape));
        for (int64_t i = 0; i < tensor->rows * tensor->cols; i++) {
            real number;
            backend->download(backend, &number, gradient + i, sizeof number);
            *to++ = (double)number;
        }
    }
    return KIN_OK;
}

static int64_t entries(const check *c)
{
    int64_t n = 0;
    for (int p = 0; p < c->count; p++) n += c->params[p]->rows * c->params[p]->cols;
    return n;
}

static double largest(const double *x, int64_t n)
{
    double top = 0;
    for (int64_t i = 0; i < n; i++) top = fmax(top, fabs(x[i]));
    return top;
}

/* The slope at one entry: it is the differences that are to be doubted, so where they say something
 * else than the gradient, smaller first steps are tried too. Flat functions want a large step, kinks
 * and corners nearby a small one; a wrong gradient is off with all of them. */
static kin_status find_slope(const check *c, real *place, double gradient, double scale,
                             double *slope)
{
    double step = c->step;
    for (int i = 0; i < FINER && fabs(gradient - *slope) > KIN_GRADIENT_BOUND / 100 * scale; i++) {
        double finer;
        step /= 40;
        KIN_TRY(extrapolate(c, place, step, &finer));
        if (!(fabs(gradient - finer) >= fabs(gradient - *slope))) *slope = finer;
    }
    return KIN_OK;
}

static kin_status compare(const check *c, double value, kin_gradcheck *worst)
{
    const double least = fmax(1e-4 * largest(c->slope, worst->entries),
                              1e-6 * fmax(1, fabs(value)));
    int64_t at = 0;
    for (int p = 0; p < c->count; p++) {
        const int64_t cols = c->params[p]->cols, n = c->params[p]->rows * cols;
        const double scale = fmax(largest(c->slope + at, n), least);
        for (int64_t i = 0; i < n; i++, at++) {
            KIN_TRY(find_slope(c, c->params[p]->value + i, c->gradient[at], scale, &c->slope[at]));
            const double error = fabs(c->gradient[at] - c->slope[at]) / scale;
            if (error <= worst->error) continue;            /* NaN is the worst of all */
            *worst = (kin_gradcheck){ error, c->gradient[at], c->slope[at], scale, p, i / cols,
                                      i % cols, worst->entries };
            if (isnan(error)) worst->error = INFINITY;
        }
    }
    return KIN_OK;
}

static kin_status run(check *c, kin_gradcheck *worst)
{
    double value;
    KIN_TRY(evaluate(c, true, &value));
    KIN_TRY(read_gradients(c));
    double *to = c->slope;
    for (int p = 0; p < c->count; p++)
        for (int64_t i = 0; i < c->params[p]->rows * c->params[p]->cols; i++)
            KIN_TRY(extrapolate(c, c->params[p]->value + i, c->step, to++));
    *worst = (kin_gradcheck){ .error = -1, .entries = entries(c) };
    return compare(c, value, worst);
}

kin_status kin_gradient_check(kin_tape *tape, kin_function function, void *context,
                              kin_tensor *const *params, int count, double step,
                              kin_gradcheck *worst)
{
    check c = { tape, function, context, params, count, step > 0 ? step : 0.05, NULL, NULL };
    const int64_t n = entries(&c);
    c.gradient = calloc(2 * (size_t)n + 1, sizeof *c.gradient);
    KIN_REQUIRE(c.gradient != NULL, KIN_MEMORY, "gradient check: no memory for %" PRId64
                " entries", n);
    c.slope = c.gradient + n;
    kin_status status = run(&c, worst);
    kin_tape_reset(tape, 0, 0, false);
    free(c.gradient);
    return status;
}

/* ---- the examples of an op ------------------------------------------------------------------ */

typedef struct {
    const kin_op *op;
    int case_;
    kin_tensor tensors[PARAMS_MAX];         /* copies that outlive a reset */
    kin_tensor *params[PARAMS_MAX];
    int count;
} op_case;

/* sum_ij r_ij y_ij, so that every entry of y counts and no two alike. */
static kin_tensor *weighted(kin_tape *tape, kin_tensor *y)
{
    if (kin_tape_status(tape) != KIN_OK) return y;
    kin_backend *backend = kin_tape_backend(tape);
    const int64_t n = y->rows * y->cols;
    real *r = kin_keep(tape, sizeof *r * (size_t)n);
    if (r == NULL) return kin_empty(tape);
    for (int64_t i = 0; i < n; i++) {
        const real number = (real)kin_random_normal(7, KIN_STREAM_TEST, 0, (uint64_t)i);
        backend->upload(backend, r + i, &number, sizeof number);
    }
    return kin_sum(tape, kin_mul(tape, y, kin_tape_input(tape, y->rows, y->cols, r)));
}

static kin_tensor *apply_case(kin_tape *tape, void *context)
{
    op_case *c = context;
    int count = c->count;
    return weighted(tape, c->op->example(tape, c->case_, c->params, &count));
}

/* The example makes its inputs on the tape; they are moved to memory of their own. */
static kin_status adopt_inputs(kin_tape *tape, op_case *c)
{
    kin_backend *backend = kin_tape_backend(tape);
    for (int i = 0; i < c->count; i++) {
        kin_tensor *tensor = &c->tensors[i];
        const size_t bytes = sizeof(real) * (size_t)(c->params[i]->rows * c->params[i]->cols);
        *tensor = *c->params[i];
        tensor->value = backend->alloc(backend, bytes);
        KIN_REQUIRE(tensor->value != NULL, KIN_MEMORY, "%s: no memory for an example",
                    c->op->entry.name);
        backend->copy(backend, tensor->value, c->params[i]->value, bytes);
        c->params[i] = tensor;
    }
    return KIN_OK;
}

static kin_status check_case(kin_tape *tape, op_case *c, kin_gradcheck *worst)
{
    kin_backend *backend = kin_tape_backend(tape);
    KIN_TRY(kin_tape_status(tape));
    kin_status status = adopt_inputs(tape, c);
    if (status == KIN_OK)
        status = kin_gradient_check(tape, apply_case, c, c->params, c->count, 0, worst);
    for (int i = 0; i < c->count; i++)
        if (c->params[i] == &c->tensors[i]) backend->release(backend, c->tensors[i].value);
    return status;
}

kin_status kin_gradient_check_op(kin_tape *tape, const kin_op *op, kin_gradcheck *worst)
{
    *worst = (kin_gradcheck){ .error = -1 };
    for (int case_ = 0;; case_++) {
        op_case c = { .op = op, .case_ = case_ };
        kin_gradcheck one;
        kin_tape_reset(tape, 1, 1, true);
        if (op->example(tape, case_, c.params, &c.count) == NULL) break;
        KIN_TRY(check_case(tape, &c, &one));
        const int64_t seen = worst->entries + one.entries;
        if (one.error > worst->error) *worst = one;
        worst->entries = seen;
    }
    KIN_REQUIRE(worst->entries > 0, KIN_CHECK, "%s: the op has no example", op->entry.name);
    return KIN_OK;
}
