/* Plain: a backend of short loops over host memory, written from the words of core/backend.h alone,
 * with libm and in double where a sum is formed. Slow and obvious: what the quick backends are
 * compared with, and what ops and optimizers are tested on. search and score are not here. */
#ifndef KIN_TESTS_DEVICES_PLAIN_H
#define KIN_TESTS_DEVICES_PLAIN_H

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/backend.h"
#include "core/rng.h"

static void *plain_alloc(kin_backend *b, size_t bytes)
{
    (void)b;
    void *block = NULL;
    return posix_memalign(&block, 64, bytes > 0 ? bytes : 64) == 0 ? block : NULL;
}

static void plain_release(kin_backend *b, void *block) { (void)b; free(block); }

static void plain_copy(kin_backend *b, void *to, const void *from, size_t bytes)
{
    (void)b;
    if (bytes > 0) memcpy(to, from, bytes);
}

static void plain_zero(kin_backend *b, void *to, size_t bytes)
{
    (void)b;
    if (bytes > 0) memset(to, 0, bytes);
}

static void plain_product(kin_backend *b, const kin_product *p)
{
    (void)b;
    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = 0; j < p->n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < p->k; k++) {
                const real x = p->transpose_a ? p->a[k * p->lda + i] : p->a[i * p->lda + k];
                const real y = p->transpose_b ? p->b[j * p->ldb + k] : p->b[k * p->ldb + j];
                sum += (double)x * (double)y;
            }
            real *c = p->c + i * p->ldc + j;
            const double old = p->beta == 0 ? 0 : (double)p->beta * (double)*c;
            *c = (real)((double)p->alpha * sum + old);
        }
    }
}

static double plain_sum(kin_backend *b, int64_t n, const real *x)
{
    double sum = 0;
    (void)b;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i];
    return sum;
}

static double plain_sum_squares(kin_backend *b, int64_t n, const real *x)
{
    double sum = 0;
    (void)b;
    for (int64_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

static void plain_add(kin_backend *b, int64_t n, real a, const real *x, real *y)
{
    (void)b;
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

static void plain_fill(kin_backend *b, int64_t n, real value, real *y)
{
    (void)b;
    for (int64_t i = 0; i < n; i++) y[i] = value;
}

static void plain_multiply(kin_backend *b, int64_t n, const real *x, const real *z, real *y)
{
    (void)b;
    for (int64_t i = 0; i < n; i++) y[i] += x[i] * z[i];
}

static void plain_add_row(kin_backend *b, int64_t rows, int64_t cols, const real *row, real *y)
{
    (void)b;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) y[i * cols + j] += row[j];
}

static void plain_sum_rows(kin_backend *b, int64_t rows, int64_t cols, const real *x, real *row)
{
    (void)b;
    for (int64_t j = 0; j < cols; j++) {
        double sum = 0;
        for (int64_t i = 0; i < rows; i++) sum += (double)x[i * cols + j];
        row[j] = (real)((double)row[j] + sum);
    }
}

enum {
#define ELEMENT(name) PLAIN_##name,
#include "autograd/elements.def"
#undef ELEMENT
};

static double plain_element_value(int op, double x)
{
    switch (op) {
    case PLAIN_relu: return x < 0 ? 0 : x;                     /* NaN stays NaN */
    case PLAIN_gelu: return 0.5 * x * erfc(-x / sqrt(2));
    case PLAIN_tanh: return tanh(x);
    default: return NAN;
    }
}

static double plain_element_slope(int op, double x)
{
    switch (op) {
    case PLAIN_relu: return x > 0;
    case PLAIN_gelu: return 0.5 * erfc(-x / sqrt(2)) + x * exp(-x * x / 2) / sqrt(2 * acos(-1));
    case PLAIN_tanh: return 1 / (cosh(x) * cosh(x));
    default: return NAN;
    }
}

static void plain_element(kin_backend *b, int op, int64_t n, const real *x, real *y)
{
    (void)b;
    for (int64_t i = 0; i < n; i++) y[i] = (real)plain_element_value(op, (double)x[i]);
}

static void plain_element_back(kin_backend *b, int op, int64_t n, const real *x, const real *y,
                               const real *dy, real *dx)
{
    (void)b;
    (void)y;
    for (int64_t i = 0; i < n; i++) dx[i] += dy[i] * (real)plain_element_slope(op, (double)x[i]);
}

static void plain_normalize(kin_backend *b, int64_t rows, int64_t cols, const real *x, real *y,
                            real *inverse)
{
    for (int64_t i = 0; i < rows; i++) {
        const double norm = sqrt(plain_sum_squares(b, cols, x + i * cols));
        inverse[i] = (real)(norm <= 1e-12 ? 0 : 1 / norm);
        for (int64_t j = 0; j < cols; j++)
            y[i * cols + j] = (real)(norm <= 1e-12 ? 0 : (double)x[i * cols + j] / norm);
    }
}

static void plain_normalize_back(kin_backend *b, int64_t rows, int64_t cols, const real *y,
                                 const real *inverse, const real *dy, real *dx)
{
    (void)b;
    for (int64_t i = 0; i < rows; i++) {
        const real *yi = y + i * cols, *dyi = dy + i * cols;
        double dot = 0;
        for (int64_t j = 0; j < cols; j++) dot += (double)yi[j] * (double)dyi[j];
        for (int64_t j = 0; j < cols; j++)
            dx[i * cols + j] += (real)((double)inverse[i] * ((double)dyi[j] - dot * (double)yi[j]));
    }
}

static void plain_dropout(kin_backend *b, int64_t n, real rate, uint64_t seed, uint32_t step,
                          int add, const real *x, real *y)
{
    (void)b;
    for (int64_t i = 0; i < n; i++) {
        const double u = kin_random_uniform(seed, KIN_STREAM_DROPOUT, step, (uint64_t)i);
        const real kept = u < (double)rate ? 0 : x[i] / (1 - rate);
        y[i] = add ? y[i] + kept : kept;
    }
}

static void plain_bag(kin_backend *b, const kin_bags *bags, int64_t cols, const real *table,
                      const real *weight, real *y)
{
    (void)b;
    for (int64_t i = 0; i < bags->rows; i++) {
        const int64_t n = bags->start[i + 1] - bags->start[i];
        for (int64_t j = 0; j < cols; j++) {
            double sum = 0;
            for (int64_t t = bags->start[i]; t < bags->start[i + 1]; t++) {
                const int64_t id = bags->ids[t];
                sum += (weight != NULL ? (double)weight[id] : 1) * (double)table[id * cols + j];
            }
            y[i * cols + j] = (real)(n > 0 ? sum / (double)n : 0);
        }
    }
}

/* Work: a dense gradient in double, and for each row whether it was touched. */
static size_t plain_bag_work(kin_backend *b, int64_t tokens, int64_t table_rows, int64_t cols)
{
    (void)b;
    (void)tokens;
    return sizeof(double) * (size_t)(table_rows * cols) + (size_t)table_rows;
}

static void plain_bag_token(int64_t id, double share, int64_t cols, const real *table,
                            const real *weight, const real *dy, double *sum, real *dweight)
{
    double dot = 0;
    for (int64_t j = 0; j < cols; j++) {
        sum[id * cols + j] += share * (weight != NULL ? (double)weight[id] : 1) * (double)dy[j];
        dot += share * (double)dy[j] * (double)table[id * cols + j];
    }
    if (dweight != NULL) dweight[id] += (real)dot;
}

static void plain_bag_back(kin_backend *b, const kin_bags *bags, int64_t table_rows, int64_t cols,
                           const real *table, const real *weight, const real *dy, void *work,
                           kin_sparse *out, real *dweight)
{
    double *sum = work;
    char *touched = (char *)(sum + table_rows * cols);
    memset(work, 0, plain_bag_work(b, bags->tokens, table_rows, cols));
    for (int64_t i = 0; i < bags->rows; i++) {
        const double share = 1 / (double)(bags->start[i + 1] - bags->start[i]);
        for (int64_t t = bags->start[i]; t < bags->start[i + 1]; t++) {
            plain_bag_token(bags->ids[t], share, cols, table, weight, dy + i * cols, sum, dweight);
            touched[bags->ids[t]] = 1;
        }
    }
    out->count = 0;
    for (int64_t id = 0; id < table_rows; id++) {
        if (!touched[id]) continue;
        for (int64_t j = 0; j < cols; j++)
            out->value[out->count * cols + j] = (real)sum[id * cols + j];
        out->id[out->count++] = (int32_t)id;
    }
}

static void plain_adam(kin_backend *b, int64_t n, const kin_adam *a, const real *g, real *p,
                       real *m, real *v)
{
    (void)b;
    for (int64_t i = 0; i < n; i++) {
        const real x = a->scale * g[i];
        m[i] = a->beta1 * m[i] + (1 - a->beta1) * x;
        v[i] = a->beta2 * v[i] + (1 - a->beta2) * x * x;
        p[i] = a->keep * p[i] - a->rate * m[i] / ((real)sqrt((double)v[i]) / a->root + a->eps);
    }
}

static void plain_adam_rows(kin_backend *b, const kin_sparse *g, int64_t cols, const kin_adam *a,
                            real *p, real *m, real *v)
{
    for (int64_t i = 0; i < g->count; i++) {
        const int64_t at = g->id[i] * cols;
        plain_adam(b, cols, a, g->value + i * cols, p + at, m + at, v + at);
    }
}

static kin_backend plain_backend(void)
{
    return (kin_backend){
        .name = "plain",
        .alloc = plain_alloc, .release = plain_release,
        .upload = plain_copy, .download = plain_copy, .copy = plain_copy, .zero = plain_zero,
        .product = plain_product, .sum = plain_sum, .sum_squares = plain_sum_squares,
        .add = plain_add, .fill = plain_fill, .multiply = plain_multiply,
        .add_row = plain_add_row, .sum_rows = plain_sum_rows,
        .element = plain_element, .element_back = plain_element_back,
        .normalize = plain_normalize, .normalize_back = plain_normalize_back,
        .dropout = plain_dropout,
        .bag = plain_bag, .bag_back = plain_bag_back, .bag_work = plain_bag_work,
        .adam = plain_adam, .adam_rows = plain_adam_rows,
    };
}

#endif
