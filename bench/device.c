/* Device bench: one case from its inputs to its result, and what the device reaches at best. */
#include "bench/device.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/plugin.h"
#include "cpu/cpu.h"
#include "losses/loss.h"

#define EACH_CASE(X)                                                                         \
    X(G1a) X(G1b) X(G2) X(G3) X(G4) X(G5) X(G6) X(G7) X(G8a) X(G8b) X(G8c) X(G8d) X(G8e)     \
    X(G8f) X(G8g) X(G9) X(G10) X(G11) X(G12)
#define X(id) extern const device_case device_##id;
EACH_CASE(X)
#undef X

const device_case *const device_cases[] = {
#define X(id) &device_##id,
    EACH_CASE(X)
#undef X
    NULL
};

const char *device_precision_of(const device_work *w, int precision)
{
    return w->flops > 0 ? kin_precision_name(precision) : "-";
}

/* ---- the device ---------------------------------------------------------------------------- */

kin_status device_begin(device_bench *b, const device_options *o, int precision)
{
    b->backend = NULL, b->pool = NULL;
    KIN_TRY(kin_pool_new(&b->pool, o->threads));
    kin_status status = strcmp(o->device, "cpu")
        ? kin_plugin_open(&b->backend, o->device, b->pool, kin_losses.items, precision)
        : kin_cpu_new(&b->backend, b->pool);
    if (status) device_end(b);
    else device_meter(b->backend);
    return status;
}

void device_end(device_bench *b)
{
    device_meter_end();
    if (b->backend) b->backend->free(b->backend);
    kin_pool_free(b->pool);
    b->backend = NULL, b->pool = NULL;
}

/* Sizes stay whole multiples of sixteen, as tensor cores like them. */
static int64_t smaller(int64_t size, double scale)
{
    const int64_t n = (int64_t)((double)size * scale) / 16 * 16;
    return scale == 1 ? size : n < 64 ? 64 : n;
}

void device_set_case(device_bench *b, const device_options *o, const device_case *kind)
{
    *b = (device_bench){ .kind = kind, .keep = o->keep };
    for (int i = 0; i < 4; i++)
        b->size[i] = kind->scaled >> i & 1 ? smaller(kind->size[i], o->scale) : kind->size[i];
}

/* ---- one case ------------------------------------------------------------------------------ */

static kin_status repeat(device_bench *b, long times, double *loss, double *seconds)
{
    kin_backend *backend = b->backend;
    const double began = device_seconds();
    for (long i = 0; i < times; i++) KIN_TRY(b->kind->repeat(b, loss));
    device_wait(b);
    *seconds = (device_seconds() - began) / (double)times;
    return kin_backend_check(backend);
}

static int rising(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { SAMPLES = 51, LEAST_SAMPLES = 3, WARM = 3 };
static const double SAMPLE_SECONDS = 0.03;

/* The first repetition takes memory and the second rearranges it; where one alone fills the time,
 * the one after the first counts. */
static kin_status sample(device_bench *b, double seconds, device_result *r)
{
    double at[SAMPLES], one, loss;
    const double began = device_seconds();
    KIN_TRY(repeat(b, 1, &r->loss, &one));
    for (int i = 1; i < WARM && one < seconds / 4; i++) KIN_TRY(repeat(b, 1, &loss, &one));
    r->repeats = one < SAMPLE_SECONDS ? (long)ceil(SAMPLE_SECONDS / (one + 1e-6)) : 1;
    const double sampling = device_seconds();
    for (r->samples = 0; r->samples < SAMPLES; r->samples++) {
        const double now = device_seconds();
        const bool enough = r->samples >= LEAST_SAMPLES ? now - sampling >= seconds
                            : r->samples >= 1 && now - began + one > 2 * seconds;
        if (enough) break;
        KIN_TRY(repeat(b, r->repeats, &loss, &one));
        at[r->samples] = one;
    }
    qsort(at, (size_t)r->samples, sizeof *at, rising);
    r->ms = 1e3 * at[r->samples / 2];
    r->least_ms = 1e3 * at[0];
    r->most_ms = 1e3 * at[r->samples - 1];
    return KIN_OK;
}

/* A gradient in host memory; NULL for a case that has none. */
static kin_status fetch(device_bench *b, real **gradient, int64_t *n)
{
    const real *from = b->kind->gradient(b, n);
    *gradient = malloc(sizeof **gradient * (size_t)*n);
    KIN_REQUIRE(*gradient && from, KIN_MEMORY, "no memory for a gradient");
    b->backend->download(b->backend, *gradient, from, sizeof **gradient * (size_t)*n);
    return KIN_OK;
}

static kin_status timed(device_bench *b, const device_options *o, device_result *r,
                        real **gradient)
{
    int64_t n;
    const double before = device_free_bytes();
    KIN_TRY(b->kind->open(b));
    r->input_bytes = device_meter_now();
    device_meter_mark();
    KIN_TRY(sample(b, o->seconds, r));
    r->extra_bytes = device_meter_peak() - r->input_bytes;
    const double after = device_free_bytes();
    r->driver_bytes = before < 0 ? -1 : before - after - r->input_bytes;
    return gradient ? fetch(b, gradient, &n) : KIN_OK;
}

/* The relative distance from the gradient that fp32 gives. */
static kin_status compare(device_bench *b, const real *gradient, double *error)
{
    double loss, seconds, off = 0, all = 0;
    real *truth;
    int64_t n;
    KIN_TRY(b->kind->open(b));
    KIN_TRY(repeat(b, 1, &loss, &seconds));
    KIN_TRY(fetch(b, &truth, &n));
    for (int64_t i = 0; i < n; i++) {
        const double want = (double)truth[i], is = (double)gradient[i];
        off += (is - want) * (is - want), all += want * want;
    }
    free(truth);
    *error = all > 0 ? sqrt(off / all) : sqrt(off);
    return KIN_OK;
}

static const double WORTH_COMPARING = 5e12;            /* operations: a tenth of a second in fp32 */

static kin_status run_opened(device_bench *b, const device_options *o, device_result *r,
                             real **gradient)
{
    const bool compares = o->errors && b->kind->gradient && r->precision != KIN_TO_FP32 &&
                          strcmp(o->device, "cpu") && r->work.flops < WORTH_COMPARING;
    kin_status status = timed(b, o, r, compares ? gradient : NULL);
    b->kind->close(b);
    b->state = NULL;
    device_end(b);
    if (status || !compares) return status;
    KIN_TRY(device_begin(b, o, KIN_TO_FP32));
    status = compare(b, *gradient, &r->error);
    b->kind->close(b);
    b->state = NULL;
    device_end(b);
    return status;
}

kin_status device_run(const device_options *o, const device_case *kind, device_result *r)
{
    device_bench b;
    real *gradient = NULL;
    device_set_case(&b, o, kind);
    *r = (device_result){ .error = NAN, .driver_bytes = -1 };
    r->precision = o->precision >= 0 ? o->precision : kind->precision;
    if (!strcmp(o->device, "cpu")) r->precision = KIN_TO_FP32;           /* it knows no other */
    kind->count(&b, &r->work);
    KIN_TRY(device_begin(&b, o, r->precision));
    const kin_status status = run_opened(&b, o, r, &gradient);
    free(gradient);
    return status;
}
