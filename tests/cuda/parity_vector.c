/* Kernels over n numbers. */
#include "tests/cuda/parity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef void (*trial)(parity *, kin_backend *, int64_t n);

static void sum(parity *p, kin_backend *b, int64_t n)
{
    const double s = b->sum(b, n, parity_normal(p, 1, n));
    parity_doubles(p, "y", &s, 1, sqrt((double)n));
}

static void sum_squares(parity *p, kin_backend *b, int64_t n)
{
    const double s = b->sum_squares(b, n, parity_normal(p, 1, n));
    parity_doubles(p, "y", &s, 1, 0);
}

/* Not finite numbers must show in the sum of squares. */
static void sum_odd(parity *p, kin_backend *b, int64_t n)
{
    static const real odd[] = { (real)NAN, (real)INFINITY, -(real)INFINITY };
    for (int i = 0; i < 3; i++) {
        real *x = parity_normal(p, 1, n);
        b->upload(b, x + (n - 1) * i / 2, &odd[i], sizeof odd[i]);
        parity_exactly(p, "not finite", !isfinite(b->sum_squares(b, n, x)));
    }
}

static void add(parity *p, kin_backend *b, int64_t n)
{
    real *x = parity_normal(p, 1, n), *y = parity_normal(p, 2, n);
    b->add(b, n, (real)-1.25, x, y);
    parity_reals(p, "y", y, n, 1);
}

static void scale(parity *p, kin_backend *b, int64_t n)
{
    real *y = parity_normal(p, 1, n);
    b->scale(b, n, (real)0.75, y);
    parity_reals(p, "y", y, n, 0);
}

static void fill(parity *p, kin_backend *b, int64_t n)
{
    real *y = parity_room(p, n + 2);
    b->fill(b, n, (real)-2.5, y + 1);
    parity_reals(p, "y", y, n + 2, 0);
}

static void multiply(parity *p, kin_backend *b, int64_t n)
{
    real *y = parity_normal(p, 3, n);
    b->multiply(b, n, parity_normal(p, 1, n), parity_normal(p, 2, n), y);
    parity_reals(p, "y", y, n, 1);
}

static void copy_and_zero(parity *p, kin_backend *b, int64_t n)
{
    real *x = parity_normal(p, 1, n), *y = parity_room(p, n), *z = parity_normal(p, 2, n);
    b->copy(b, y, x, sizeof *x * (size_t)n);
    b->zero(b, z, sizeof *z * (size_t)n);
    parity_reals(p, "copy", y, n, 0);
    parity_reals(p, "zero", z, n, 0);
}

/* Part of a longer stream of random numbers, beyond what 32 bits count too. */
static void dropout(parity *p, kin_backend *b, int64_t n)
{
    static const int64_t first[] = { 0, 5, ((int64_t)1 << 33) + 1 };
    for (int i = 0; i < 3; i++) {
        real *x = parity_normal(p, 1, n), *y = parity_room(p, n), *dx = parity_normal(p, 2, n);
        const uint64_t seed = 0x123456789abcdefu * (uint64_t)(i + 1);
        b->dropout(b, first[i], n, (real)0.25, seed, (uint32_t)i, 0, x, y);
        b->dropout(b, first[i], n, (real)0.625, seed, (uint32_t)i, 1, x, dx);
        parity_reals(p, "y", y, n, 0);
        parity_reals(p, "y +=", dx, n, 1);
    }
    real *x = parity_normal(p, 1, n);
    b->dropout(b, 0, n, (real)0.5, p->seed, 1, 0, x, x);
    parity_reals(p, "in place", x, n, 0);
}

/* Many at once, of unlike sizes, one of them nothing: each as it is alone. */
static void sums(parity *p, kin_backend *b, int64_t n)
{
    enum { COUNT = 40 };
    kin_sum_request of[COUNT];
    double together[COUNT];
    const real *x = parity_normal(p, 1, n);
    bool same = true;
    for (int i = 0; i < COUNT; i++)
        of[i] = (kin_sum_request){ i % 5 == 4 ? 0 : n - n * i / COUNT, x + n * i / COUNT, i % 2 };
    b->sums(b, COUNT, of, together);
    for (int i = 0; i < COUNT; i++)
        same = same && together[i] == (of[i].squares ? b->sum_squares : b->sum)(b, of[i].n,
                                                                                of[i].x);
    parity_exactly(p, "same as alone", same);
}

static kin_adam factors(bool mean)
{
    return (kin_adam){ .beta1 = mean ? 0.9 : 0, .beta2 = 0.999, .eps = 1e-8, .rate = 0.01 / 0.271,
                       .root = sqrt(1 - 0.997002999), .keep = 0.9999, .scale = 0.375 };
}

static void adam_of(parity *p, kin_backend *b, int64_t n, bool mean)
{
    const kin_adam a = factors(mean);
    real *g = parity_normal(p, 1, n), *w = parity_normal(p, 2, n);
    real *m = mean ? parity_normal(p, 3, n) : NULL, *v = parity_room(p, n);
    b->zero(b, v, sizeof *v * (size_t)n);
    b->multiply(b, n, g, g, v);
    const kin_move move = { a, n, g, w, m, v };
    for (int i = 0; i < 2; i++) b->adam(b, 1, &move);
    parity_reals(p, "p", w, n, 1);
    if (mean) parity_reals(p, "m", m, n, 1);
    parity_reals(p, "v", v, n, 0);
}

/* More than go into one launch, each with its own factors, some without m, the fifth empty. */
static void adam_of_several(parity *p, kin_backend *b, int64_t n)
{
    enum { COUNT = 21 };
    kin_move move[COUNT];
    real *g = parity_normal(p, 1, n), *w = parity_normal(p, 2, n), *m = parity_normal(p, 3, n);
    real *v = parity_room(p, n);
    b->fill(b, n, (real)0.5, v);
    for (int i = 0; i < COUNT; i++) {
        const int64_t from = n * i / COUNT, to = n * (i + 1) / COUNT;
        const bool mean = i % 3;
        move[i] = (kin_move){ factors(mean), i == 4 ? 0 : to - from, g + from, w + from,
                              mean ? m + from : NULL, v + from };
        move[i].by.rate *= 1 + i;
    }
    b->adam(b, COUNT, move);
    parity_reals(p, "p", w, n, 1);
    parity_reals(p, "m", m, n, 1);
    parity_reals(p, "v", v, n, 0);
}

static void adam(parity *p, kin_backend *b, int64_t n) { adam_of(p, b, n, true); }
static void adam_squares(parity *p, kin_backend *b, int64_t n) { adam_of(p, b, n, false); }

static const struct { const char *name; trial try_it; } trials[] = {
    { "sum", sum }, { "sum_squares", sum_squares }, { "sums", sums },
    { "sum_squares, not finite", sum_odd }, { "add", add }, { "scale", scale }, { "fill", fill },
    { "multiply", multiply }, { "copy, zero", copy_and_zero }, { "dropout", dropout },
    { "adam", adam }, { "adam of several", adam_of_several },
    { "adam without m", adam_squares },
};
enum { TRIALS = sizeof trials / sizeof *trials };

/* ---- element ops ----------------------------------------------------------------------------- */

static const char *const elements[] = {
#define ELEMENT(name) #name,
#include "autograd/elements.def"
#undef ELEMENT
};
enum { ELEMENTS = sizeof elements / sizeof *elements };

/* Normal numbers, and at their beginning some that are none. */
static real *awkward(parity *p, int64_t n)
{
    static const real odd[] = { 0, -(real)0.0, 12, -12, 100, -100, 0x1p-30f, -0x1p-30f };
    real *x = parity_normal(p, 1, n);
    for (int64_t i = 0; i < 8 && i + 1 < n; i++)
        p->device->upload(p->device, x + i, &odd[i], sizeof odd[i]);
    return x;
}

static void element(parity *p, int op, int64_t n)
{
    kin_backend *b = p->device;
    real *x = awkward(p, n), *y = parity_room(p, n), *dx = parity_normal(p, 3, n);
    b->element(b, op, n, x, y);
    parity_reals(p, "y", y, n, 0);
    b->element_back(b, op, 1, n, x, y, parity_normal(p, 2, n), dx);
    parity_reals(p, "dx +=", dx, n, 1);
    dx = parity_room(p, n);
    b->element_back(b, op, 0, n, x, y, parity_normal(p, 2, n), dx);
    parity_reals(p, "dx", dx, n, 0);
}

/* ---- sizes ----------------------------------------------------------------------------------- */

static const int64_t all_sizes[] = { 1, 2, 3, 31, 32, 33, 127, 255, 256, 257, 1000, 1031, 4099,
                                     70001, 1 << 20 };
static const int64_t small_sizes[] = { 1, 2, 33, 257, 1031, 4099 };

void parity_vectors(parity *p)
{
    const int64_t *sizes = p->small ? small_sizes : all_sizes;
    const int count = p->small ? (int)(sizeof small_sizes / sizeof *sizes)
                               : (int)(sizeof all_sizes / sizeof *sizes);
    for (int t = 0; t < TRIALS + ELEMENTS; t++) {
        char family[48];
        snprintf(family, sizeof family, t < TRIALS ? "kernel %s" : "kernel element %s",
                 t < TRIALS ? trials[t].name : elements[t - TRIALS]);
        for (int i = 0; i < 2 * count; i++) {
            const int64_t n = sizes[i / 2];
            p->shift = i % 2;
            if (!parity_begin(p, family, PARITY_KERNEL, "n %ld%s", (long)n,
                              p->shift ? ", unaligned" : "")) continue;
            if (t < TRIALS) trials[t].try_it(p, p->device, n);
            else element(p, t - TRIALS, n);
            parity_end(p);
        }
    }
    p->shift = 0;
}
