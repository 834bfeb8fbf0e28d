/* Kernels over matrices. */
#include "tests/cuda/parity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef void (*trial)(parity *, kin_backend *, int64_t rows, int64_t cols);

static void add_row(parity *p, kin_backend *b, int64_t rows, int64_t cols)
{
    real *y = parity_normal(p, 2, rows * cols);
    b->add_row(b, rows, cols, parity_normal(p, 1, cols), y, y);
    parity_reals(p, "in place", y, rows * cols, 1);
    real *other = parity_room(p, rows * cols);
    b->add_row(b, rows, cols, parity_normal(p, 1, cols), parity_normal(p, 3, rows * cols), other);
    parity_reals(p, "y", other, rows * cols, 1);
}

static void sum_rows(parity *p, kin_backend *b, int64_t rows, int64_t cols)
{
    real *row = parity_normal(p, 2, cols);
    b->sum_rows(b, rows, cols, parity_normal(p, 1, rows * cols), row);
    parity_reals(p, "row", row, cols, sqrt((double)rows));
}

static void row_dots(parity *p, kin_backend *b, int64_t rows, int64_t cols)
{
    real *y = parity_room(p, rows);
    b->row_dots(b, rows, cols, parity_normal(p, 1, rows * cols),
                parity_normal(p, 2, rows * cols), y);
    parity_reals(p, "y", y, rows, sqrt((double)cols));
}

static void scale_rows(parity *p, kin_backend *b, int64_t rows, int64_t cols)
{
    real *y = parity_normal(p, 3, rows * cols);
    b->scale_rows(b, rows, cols, parity_normal(p, 1, rows), parity_normal(p, 2, rows * cols), y);
    parity_reals(p, "y", y, rows * cols, 1);
}

static void add_block(parity *p, kin_backend *b, int64_t rows, int64_t cols)
{
    const int64_t ldx = cols + 3, ldy = cols + 5;
    real *x = parity_normal(p, 1, rows * ldx), *y = parity_normal(p, 2, rows * ldy);
    b->add_block(b, rows, cols, (real)0.75, x + 1, ldx, y + 2, ldy);
    parity_reals(p, "y", y, rows * ldy, 1);
    b->add_block(b, rows, cols, (real)-0.5, x, cols, y, cols);
    parity_reals(p, "y without gaps", y, rows * ldy, 1);
}

/* What gradients are multiplied by: where cols is 1 they cancel. */
static double largest(parity *p, const real *device, int64_t n)
{
    real *x = parity_host(sizeof *x * (size_t)n);
    double top = 0;
    p->device->download(p->device, x, device, sizeof *x * (size_t)n);
    for (int64_t i = 0; i < n; i++) top = fmax(top, (double)x[i]);
    free(x);
    return top;
}

/* Row 1 is zero, row 2 as good as zero, all others are scaled. */
static void normalize_scaled(parity *p, kin_backend *b, int64_t rows, int64_t cols, real scale)
{
    real *x = parity_normal(p, 1, rows * cols), *y = parity_room(p, rows * cols);
    real *inverse = parity_room(p, rows), *dy = parity_normal(p, 2, rows * cols);
    real *dx = parity_normal(p, 3, rows * cols);
    b->scale(b, rows * cols, scale, x);
    for (int64_t i = 1; i < 3 && i < rows; i++)
        b->scale(b, cols, i == 1 ? 0 : (real)0x1p-60, x + i * cols);
    b->normalize(b, rows, cols, x, y, inverse);
    parity_reals(p, "y", y, rows * cols, 0);
    parity_reals(p, "inverse", inverse, rows, 0);
    const double floor = largest(p, inverse, rows);
    b->normalize_back(b, rows, cols, y, inverse, dy, dx);
    parity_reals(p, "dx", dx, rows * cols, floor);
    b->normalize_back(b, rows, cols, y, inverse, dy, dy);
    parity_reals(p, "dx for dy", dy, rows * cols, floor);
}

static void normalize(parity *p, kin_backend *b, int64_t rows, int64_t cols)
{
    normalize_scaled(p, b, rows, cols, 1);
}

static void normalize_small(parity *p, kin_backend *b, int64_t rows, int64_t cols)
{
    normalize_scaled(p, b, rows, cols, (real)0x1p-20);
}

static const struct { const char *name; trial try_it; } trials[] = {
    { "add_row", add_row }, { "sum_rows", sum_rows }, { "row_dots", row_dots },
    { "scale_rows", scale_rows }, { "add_block", add_block }, { "normalize", normalize },
    { "normalize small rows", normalize_small },
};
enum { TRIALS = sizeof trials / sizeof *trials };

/* The first ones are the small set. */
static const int64_t shapes[][2] = {
    { 1, 1 }, { 1, 7 }, { 5, 1 }, { 2, 3 }, { 13, 31 }, { 33, 32 }, { 3, 257 }, { 257, 3 },
    { 67, 100 }, { 2, 1031 },
    { 1000, 1 }, { 64, 64 }, { 131, 256 }, { 1031, 33 }, { 17, 4099 }, { 4099, 17 }, { 3000, 300 },
};
enum { SMALL = 10, SHAPES = sizeof shapes / sizeof *shapes };

static void try_rows(parity *p)
{
    for (int t = 0; t < TRIALS; t++) {
        char family[48];
        snprintf(family, sizeof family, "kernel %s", trials[t].name);
        for (int i = 0; i < 2 * (p->small ? SMALL : SHAPES); i++) {
            const int64_t *s = shapes[i / 2];
            p->shift = i % 2;
            if (!parity_begin(p, family, PARITY_KERNEL, "%ldx%ld%s", (long)s[0], (long)s[1],
                              p->shift ? ", unaligned" : "")) continue;
            trials[t].try_it(p, p->device, s[0], s[1]);
            parity_end(p);
        }
    }
    p->shift = 0;
}

/* ---- products -------------------------------------------------------------------------------- */

/* m, n, k; the first ones are the small set */
static const int64_t products[][3] = {
    { 1, 1, 1 }, { 1, 1, 7 }, { 2, 3, 5 }, { 1, 33, 3 }, { 31, 1, 32 }, { 13, 29, 17 },
    { 33, 65, 31 }, { 64, 64, 64 },
    { 257, 131, 100 }, { 1, 1000, 300 }, { 1000, 1, 300 }, { 5, 7, 4099 }, { 512, 300, 256 },
    { 1031, 1031, 67 },
};
enum { SMALL_PRODUCTS = 8, PRODUCTS = sizeof products / sizeof *products };

static const struct { real alpha, beta; int64_t gap; } ways[] = {
    { 1, 0, 0 }, { (real)0.5, 1, 3 }, { (real)-1.25, (real)0.75, 8 },
};
enum { WAYS = sizeof ways / sizeof *ways };

/* The operand as the device's products want it, where they want it so. */
static kin_narrow narrow(parity *p, const real *x, int64_t n)
{
    kin_narrow to = { NULL, NULL };
    if (!p->device->narrow) return to;
    real *planes = parity_room(p, n);
    to.high = (uint16_t *)(void *)planes;
    if (p->device->planes > 1) to.low = (uint16_t *)(void *)parity_room(p, n);
    p->device->narrow(p->device, n, x, to);
    return to;
}

/* What lies between the rows of C stays as it is; with beta 0 C is not read, so may be NaN. */
static void product(parity *p, const int64_t *s, int flags, int way, bool narrowed)
{
    kin_product x = { .transpose_a = flags & 1, .transpose_b = flags >> 1, .m = s[0], .n = s[1],
                      .k = s[2], .alpha = ways[way].alpha, .beta = ways[way].beta };
    const int64_t gap = ways[way].gap;
    const int64_t rows_a = x.transpose_a ? x.k : x.m, rows_b = x.transpose_b ? x.n : x.k;
    x.lda = (x.transpose_a ? x.m : x.k) + gap;
    x.ldb = (x.transpose_b ? x.k : x.n) + gap / 2;
    x.ldc = x.n + gap;
    x.a = parity_normal(p, 1, rows_a * x.lda);
    x.b = parity_normal(p, 2, rows_b * x.ldb);
    x.c = x.beta == 0 ? parity_room(p, x.m * x.ldc) : parity_normal(p, 3, x.m * x.ldc);
    if (narrowed) x.narrow_a = narrow(p, x.a, rows_a * x.lda);
    if (narrowed) x.narrow_b = narrow(p, x.b, rows_b * x.ldb);
    p->device->product(p->device, &x);
    parity_reals(p, "C", x.c, x.m * x.ldc, sqrt((double)x.k));
}

static void try_products(parity *p, const char *family, bool narrowed)
{
    const int count = p->small ? SMALL_PRODUCTS : PRODUCTS;
    for (int i = 0; i < count * WAYS * 4; i++) {
        const int64_t *s = products[i / 4 / WAYS];
        const int way = i / 4 % WAYS, flags = i % 4;
        if (!parity_begin(p, family, PARITY_PRODUCT, "m %ld n %ld k %ld, %c%c, way %d", (long)s[0],
                          (long)s[1], (long)s[2], flags & 1 ? 't' : 'n', flags >> 1 ? 't' : 'n',
                          way)) continue;
        product(p, s, flags, way, narrowed);
        parity_end(p);
    }
}

void parity_matrices(parity *p)
{
    try_rows(p);
    try_products(p, "product", false);
    try_products(p, "product of narrow numbers", true);
}
