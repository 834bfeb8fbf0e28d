/* Plain: a backend of short loops over host memory, written from the words of core/backend.h alone,
 * with libm and in double where a sum is formed. Slow and obvious: what the quick backends are
 * compared with, and what ops and optimizers are tested on. search and score are not here. */
#ifndef KIN_TESTS_DEVICES_PLAIN_H
#define KIN_TESTS_DEVICES_PLAIN_H

#include <math.h>
#include <stdbool.h>
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

static void plain_sums(kin_backend *b, int count, const kin_sum_request *of, double *results)
{
    for (int i = 0; i < count; i++)
        results[i] = (of[i].squares ? plain_sum_squares : plain_sum)(b, of[i].n, of[i].x);
}

static void plain_add(kin_backend *b, int64_t n, real a, const real *x, real *y)
{
    (void)b;
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

static void plain_scale(kin_backend *b, int64_t n, real a, real *y)
{
    (void)b;
    for (int64_t i = 0; i < n; i++) y[i] *= a;
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

static void plain_add_row(kin_backend *b, int64_t rows, int64_t cols, const real *row,
                          const real *x, real *y)
{
    (void)b;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) y[i * cols + j] = x[i * cols + j] + row[j];
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

static void plain_row_dots(kin_backend *b, int64_t rows, int64_t cols, const real *x,
                           const real *z, real *y)
{
    (void)b;
    for (int64_t i = 0; i < rows; i++) {
        double sum = 0;
        for (int64_t j = 0; j < cols; j++)
            sum += (double)x[i * cols + j] * (double)z[i * cols + j];
        y[i] = (real)sum;
    }
}

static void plain_cell_dots(kin_backend *b, int64_t cells, const int32_t *row, const int32_t *col,
                            int64_t cols, const real *x, const real *z, real *y)
{
    (void)b;
    for (int64_t c = 0; c < cells; c++) {
        double sum = 0;
        for (int64_t k = 0; k < cols; k++)
            sum += (double)x[row[c] * cols + k] * (double)z[col[c] * cols + k];
        y[c] = (real)sum;
    }
}

static void plain_cell_sums(kin_backend *b, int64_t rows, const int64_t *start,
                            const int32_t *cell, const real *slope, const int32_t *other,
                            int64_t cols, const real *z, real *x)
{
    (void)b;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t n = start[r]; n < start[r + 1]; n++)
            for (int64_t k = 0; k < cols; k++)
                x[r * cols + k] += slope[cell[n]] * z[other[cell[n]] * cols + k];
}

static void plain_scale_rows(kin_backend *b, int64_t rows, int64_t cols, const real *factor,
                             const real *x, real *y)
{
    (void)b;
    for (int64_t i = 0; i < rows * cols; i++) y[i] += factor[i / cols] * x[i];
}

static void plain_add_block(kin_backend *b, int64_t rows, int64_t cols, real a, const real *x,
                            int64_t ldx, real *y, int64_t ldy)
{
    (void)b;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) y[i * ldy + j] += a * x[i * ldx + j];
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
    case PLAIN_root: return x < 0 ? 0 : sqrt(x);
    default: return NAN;
    }
}

static double plain_element_slope(int op, double x)
{
    switch (op) {
    case PLAIN_relu: return x > 0;
    case PLAIN_gelu: return 0.5 * erfc(-x / sqrt(2)) + x * exp(-x * x / 2) / sqrt(2 * acos(-1));
    case PLAIN_tanh: return 1 / (cosh(x) * cosh(x));
    case PLAIN_root: return x <= 0 ? 0 : 0.5 / sqrt(x);
    default: return NAN;
    }
}

static void plain_element(kin_backend *b, int op, int64_t n, const real *x, real *y)
{
    (void)b;
    for (int64_t i = 0; i < n; i++) y[i] = (real)plain_element_value(op, (double)x[i]);
}

static void plain_element_back(kin_backend *b, int op, int add, int64_t n, const real *x,
                               const real *y, const real *dy, real *dx)
{
    (void)b;
    (void)y;
    for (int64_t i = 0; i < n; i++)
        dx[i] = (add ? dx[i] : 0) + dy[i] * (real)plain_element_slope(op, (double)x[i]);
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
        for (int64_t j = 0; j < cols; j++) {
            const double old = dx == dy ? 0 : (double)dx[i * cols + j];
            const double more = (double)inverse[i] * ((double)dyi[j] - dot * (double)yi[j]);
            dx[i * cols + j] = (real)(old + more);
        }
    }
}

static void plain_dropout(kin_backend *b, int64_t first, int64_t n, real rate, uint64_t seed,
                          uint32_t step, int add, const real *x, real *y)
{
    (void)b;
    for (int64_t i = 0; i < n; i++) {
        const double u = kin_random_uniform(seed, KIN_STREAM_DROPOUT, step,
                                            (uint64_t)(first + i));
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

static size_t plain_bag_work(kin_backend *b, int64_t tokens, int64_t table_rows)
{
    (void)b, (void)tokens, (void)table_rows;
    return 1;
}

static bool plain_touched(const kin_bags *bags, int32_t id)
{
    for (int64_t t = 0; t < bags->tokens; t++)
        if (bags->ids[t] == id) return true;
    return false;
}

static void plain_bag_rows(kin_backend *b, int64_t table_rows, kin_sparse *g)
{
    (void)b;
    g->count = 0;
    for (int32_t id = 0; id < table_rows; id++)
        if (plain_touched(&g->bags, id)) g->id[g->count++] = id;
}

/* Number j of the gradient of row id, without its weight. */
static double plain_bag_value(const kin_sparse *g, int32_t id, int64_t cols, int64_t j)
{
    double sum = 0;
    for (int64_t i = 0; i < g->bags.rows; i++) {
        const double n = (double)(g->bags.start[i + 1] - g->bags.start[i]);
        for (int64_t t = g->bags.start[i]; t < g->bags.start[i + 1]; t++)
            if (g->bags.ids[t] == id) sum += (double)g->dy[i * cols + j] / n;
    }
    return sum;
}

static void plain_bag_sum(kin_backend *b, int64_t cols, const real *table, kin_sparse *g,
                          real *dweight)
{
    (void)b;
    for (int64_t i = 0; i < g->count; i++) {
        const int32_t id = g->id[i];
        double dot = 0;
        for (int64_t j = 0; j < cols; j++) {
            const double value = plain_bag_value(g, id, cols, j);
            dot += value * (double)table[id * cols + j];
            g->value[i * cols + j] = (real)(value * (g->weight ? (double)g->weight[id] : 1));
        }
        if (dweight != NULL) dweight[id] += (real)dot;
    }
}

static void plain_move(kin_backend *b, int64_t n, const kin_adam *a, const real *g, real *p,
                       real *m, real *v)
{
    (void)b;
    for (int64_t i = 0; i < n; i++) {
        const real x = a->scale * g[i];
        const real mean = m != NULL ? a->beta1 * m[i] + (1 - a->beta1) * x : x;
        if (m != NULL) m[i] = mean;
        v[i] = a->beta2 * v[i] + (1 - a->beta2) * x * x;
        p[i] = a->keep * p[i] - a->rate * mean / ((real)sqrt((double)v[i]) / a->root + a->eps);
    }
}

static void plain_adam(kin_backend *b, int count, const kin_move *o)
{
    for (int i = 0; i < count; i++) plain_move(b, o[i].n, &o[i].by, o[i].g, o[i].p, o[i].m, o[i].v);
}

static void plain_adam_rows(kin_backend *b, const kin_sparse *g, int64_t cols, const kin_adam *a,
                            real *p, real *m, real *v)
{
    for (int64_t i = 0; i < g->count; i++) {
        const int64_t at = g->id[i] * cols;
        plain_move(b, cols, a, g->value + i * cols, p + at, m != NULL ? m + at : NULL, v + at);
    }
}

static void plain_bag_adam(kin_backend *b, const kin_sparse *g, int64_t cols, const kin_adam *a,
                           real *p, real *m, real *v, double *squares)
{
    *squares = 0;
    for (int64_t i = 0; i < g->count; i++) {
        for (int64_t j = 0; j < cols; j++) {
            const int64_t at = g->id[i] * cols + j;
            const double weight = g->weight ? (double)g->weight[g->id[i]] : 1;
            const real value = (real)(weight * plain_bag_value(g, g->id[i], cols, j));
            *squares += (double)value * (double)value;
            plain_move(b, 1, a, &value, p + at, m != NULL ? m + at : NULL, v + at);
        }
    }
}

static kin_backend plain_backend(void)
{
    return (kin_backend){
        .name = "plain",
        .alloc = plain_alloc, .release = plain_release,
        .upload = plain_copy, .download = plain_copy, .copy = plain_copy, .zero = plain_zero,
        .product = plain_product, .sum = plain_sum, .sum_squares = plain_sum_squares,
        .sums = plain_sums,
        .add = plain_add, .scale = plain_scale, .fill = plain_fill, .multiply = plain_multiply,
        .add_row = plain_add_row, .sum_rows = plain_sum_rows,
        .cell_dots = plain_cell_dots, .cell_sums = plain_cell_sums,
        .row_dots = plain_row_dots, .scale_rows = plain_scale_rows,
        .add_block = plain_add_block,
        .element = plain_element, .element_back = plain_element_back,
        .normalize = plain_normalize, .normalize_back = plain_normalize_back,
        .dropout = plain_dropout,
        .bag = plain_bag, .bag_work = plain_bag_work, .bag_rows = plain_bag_rows,
        .bag_sum = plain_bag_sum, .bag_adam = plain_bag_adam, .adam = plain_adam,
        .adam_rows = plain_adam_rows,
    };
}

#endif
