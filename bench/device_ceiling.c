/* Device bench: what the device reaches at best, in products and in copies. */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "bench/device.h"

enum { TIMES = 10, ROUNDS = 5, LARGEST = 8192 };
static const double COPIED = 2e9;

/* Operands as products want them: real, or rounded beforehand. */
typedef struct { real *x; kin_narrow narrow; } operand;

static kin_status make_operand(device_bench *b, int64_t n, operand *o)
{
    kin_backend *backend = b->backend;
    KIN_TRY(device_make(b, &o->x, n, device_make_documents, NULL));
    if (!backend->narrow) return KIN_OK;
    uint16_t **planes[] = { &o->narrow.high, &o->narrow.low };
    for (int i = 0; i < backend->planes; i++) {
        *planes[i] = backend->alloc(backend, sizeof(uint16_t) * (size_t)n);
        KIN_REQUIRE(*planes[i], KIN_MEMORY, "no device memory for %lld numbers", (long long)n);
    }
    backend->narrow(backend, n, o->x, o->narrow);
    return KIN_OK;
}

static void drop_operand(device_bench *b, operand *o)
{
    void *all[] = { o->x, o->narrow.high, o->narrow.low };
    for (int i = 0; i < 3; i++)
        if (all[i]) b->backend->release(b->backend, all[i]);
}

static double best_of_rounds(device_bench *b, void (*work)(device_bench *, const void *),
                             const void *context)
{
    double best = 0;
    for (int round = 0; round <= ROUNDS; round++) {          /* the first one warms up */
        const double began = device_seconds();
        for (int i = 0; i < TIMES; i++) work(b, context);
        device_wait(b);
        const double seconds = (device_seconds() - began) / TIMES;
        if (round > 0 && (best == 0 || seconds < best)) best = seconds;
    }
    return best;
}

static void do_product(device_bench *b, const void *product)
{
    b->backend->product(b->backend, product);
}

/* Rate of C = A B', A' B or A B as the flags say. */
static kin_status rate_of(device_bench *b, int64_t m, int64_t n, int64_t k, int transpose_a,
                          int transpose_b, double *rate)
{
    operand x = { NULL, { NULL, NULL } }, y = x;
    real *c = b->backend->alloc(b->backend, sizeof(real) * (size_t)(m * n));
    kin_status status = c ? make_operand(b, m * k, &x)
                          : kin_fail(KIN_MEMORY, "no device memory for a product");
    if (!status) status = make_operand(b, n * k, &y);
    const kin_product p = { .transpose_a = transpose_a, .transpose_b = transpose_b, .m = m, .n = n,
        .k = k, .alpha = 1, .a = x.x, .lda = transpose_a ? m : k, .b = y.x,
        .ldb = transpose_b ? k : n, .c = c, .ldc = n, .narrow_a = x.narrow, .narrow_b = y.narrow };
    b->written = c;
    if (!status)
        *rate = 2 * (double)m * (double)n * (double)k / best_of_rounds(b, do_product, &p);
    drop_operand(b, &x);
    drop_operand(b, &y);
    if (c) b->backend->release(b->backend, c);
    return status;
}

/* ---- copies -------------------------------------------------------------------------------- */

typedef struct { void *to, *from; size_t bytes; } copying;

static void do_copy(device_bench *b, const void *context)
{
    const copying *c = context;
    b->backend->copy(b->backend, c->to, c->from, c->bytes);
}

/* Bytes read and written a second. */
static kin_status copy_rate(device_bench *b, double bytes, double *rate)
{
    copying c = { .bytes = (size_t)bytes / 64 * 64 };
    c.to = b->backend->alloc(b->backend, c.bytes);
    c.from = b->backend->alloc(b->backend, c.bytes);
    const bool there = c.to && c.from;
    if (there) {
        b->backend->zero(b->backend, c.from, c.bytes);
        b->written = c.to;
        *rate = 2 * (double)c.bytes / best_of_rounds(b, do_copy, &c);
    }
    if (c.to) b->backend->release(b->backend, c.to);
    if (c.from) b->backend->release(b->backend, c.from);
    return there ? KIN_OK : kin_fail(KIN_MEMORY, "no device memory for a copy of %zu bytes",
                                     c.bytes);
}

/* ---- all of them --------------------------------------------------------------------------- */

/* The largest product, then the three products of a tile of scores at D 256 and 768: what cutting
 * scores into tiles leaves of the first. */
static const struct {
    int64_t m, n, k;
    int transpose_a, transpose_b;
    const char *what;
} shapes[] = {
    { LARGEST, LARGEST, LARGEST, 0, 1, "largest" },
    { 1024, 16384, 256, 0, 1, "scores" },
    { 1024, 256, 16384, 0, 0, "rows' gradients" },
    { 16384, 256, 1024, 1, 0, "columns' gradients" },
    { 1024, 16384, 768, 0, 1, "scores" },
    { 1024, 768, 16384, 0, 0, "rows' gradients" },
    { 16384, 768, 1024, 1, 0, "columns' gradients" },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static int64_t scaled(int64_t n, double scale)
{
    const int64_t s = (int64_t)((double)n * scale) / 64 * 64;
    return s < 64 ? 64 : s;
}

static kin_status measure(device_bench *b, const device_options *o, int precision,
                          device_rates *rates)
{
    FILE *json = o->json;
    const char *name = strcmp(o->device, "cpu") ? kin_precision_name(precision) : "real";
    for (int i = 0; i < SHAPES; i++) {
        const int64_t m = scaled(shapes[i].m, o->scale), n = scaled(shapes[i].n, o->scale);
        const int64_t k = scaled(shapes[i].k, o->scale);
        double rate = 0;
        KIN_TRY(rate_of(b, m, n, k, shapes[i].transpose_a, shapes[i].transpose_b, &rate));
        if (i == 0) rates->product[precision] = rate;
        fprintf(o->text, "product %lld x %lld x %lld (%s), %s: %.2f TFLOP/s\n", (long long)m,
                (long long)k, (long long)n, shapes[i].what, name, rate / 1e12);
        if (json)
            fprintf(json, "{\"ceiling\": \"product\", \"device\": \"%s\", \"precision\": \"%s\", "
                    "\"what\": \"%s\", \"m\": %lld, \"n\": %lld, \"k\": %lld, \"tflops\": %.3f}\n",
                    o->device, name, shapes[i].what, (long long)m, (long long)n, (long long)k,
                    rate / 1e12);
        fflush(o->text);
    }
    KIN_TRY(copy_rate(b, COPIED * o->scale, &rates->copy));
    fprintf(o->text, "copy of %.2f GB, read and written: %.3f TB/s\n", COPIED * o->scale / 1e9,
            rates->copy / 1e12);
    if (json)
        fprintf(json, "{\"ceiling\": \"copy\", \"device\": \"%s\", \"bytes\": %.0f, "
                "\"tbs\": %.4f}\n", o->device, COPIED * o->scale, rates->copy / 1e12);
    return KIN_OK;
}

kin_status device_ceilings(const device_options *o, int precision, device_rates *rates)
{
    device_bench b = { .keep = 0 };
    KIN_TRY(device_begin(&b, o, precision));
    kin_status status = measure(&b, o, precision, rates);
    if (!status) status = kin_backend_check(b.backend);
    device_end(&b);
    return status;
}
