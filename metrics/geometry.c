#include "metrics/geometry.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/rng.h"

#define T 2.0                      /* of the uniformity */
#define PANEL 128                  /* rows whose scores are looked at together */

static void count_cosine(kin_cosines *cosines, double cosine)
{
    const int at = (int)((cosine + 1) * KIN_COSINE_BINS / 2);
    const int last = KIN_COSINE_BINS - 1;
    cosines->count[cosine > -1 ? at < last ? at : last : 0]++;
}

static double dot(int64_t cols, const real *x, const real *y)
{
    double sum = 0;
    for (int64_t j = 0; j < cols; j++) sum += (double)x[j] * (double)y[j];
    return sum;
}

kin_status kin_geometry_of_pairs(kin_geometry_pairs *out, int64_t pairs, int64_t cols,
                                 const real *x, const real *y)
{
    *out = (kin_geometry_pairs){0};
    KIN_REQUIRE(pairs > 0, KIN_USAGE, "geometry: no pairs");
    double distance = 0, cosine = 0;
    for (int64_t i = 0; i < pairs * cols; i++) {
        double d = (double)x[i] - (double)y[i];
        distance += d * d;
        cosine += (double)x[i] * (double)y[i];
    }
    KIN_REQUIRE(isfinite(distance) && isfinite(cosine), KIN_NUMERICAL,
                "geometry: the rows of %lld pairs hold NaN or infinity", (long long)pairs);
    out->pairs = pairs;
    out->alignment = distance / (double)pairs;
    out->cosine = cosine / (double)pairs;
    for (int64_t i = 0; i < pairs; i++)
        count_cosine(&out->cosines, dot(cols, x + i * cols, y + i * cols));
    return KIN_OK;
}

/* ---- distinct pairs ---------------------------------------------------------------------------*/

/* One row against all later ones: sum of cosines, and log sum exp(-t distance^2) as top + log sum,
 * where top is the largest exponent. */
typedef struct { double cosine, top, sum; } row_t;

typedef struct {
    int64_t first, rows, width;    /* the panel: rows x width cosines, row i is row first + i */
    const real *cosine;            /* column j is row first + j */
    row_t *row;                    /* of all rows */
} panel_t;

/* |x - y|^2 = 2 - 2 x.y for unit rows; rounding must not make it negative. */
static double exponent(real cosine)
{
    double distance = 2 - 2 * (double)cosine;
    return distance > 0 ? -T * distance : 0;
}

static void sum_row(void *context, int64_t i, int thread)
{
    (void)thread;
    const panel_t *panel = context;
    const real *cosine = panel->cosine + i * panel->width;
    row_t row = {0, -INFINITY, 0};
    for (int64_t j = i + 1; j < panel->width; j++) {
        row.cosine += (double)cosine[j];
        row.top = fmax(row.top, exponent(cosine[j]));
    }
    for (int64_t j = i + 1; j < panel->width; j++) row.sum += exp(exponent(cosine[j]) - row.top);
    panel->row[panel->first + i] = row;
}

/* All rows' sums in row order. */
static void join_rows(kin_geometry_cloud *out, const row_t *row)
{
    double top = -INFINITY, sum = 0, cosine = 0;
    for (int64_t i = 0; i + 1 < out->rows; i++) top = fmax(top, row[i].top);
    for (int64_t i = 0; i + 1 < out->rows; i++) {
        sum += row[i].sum * exp(row[i].top - top);
        cosine += row[i].cosine;
    }
    out->uniformity = top + log(sum / (double)out->pairs);
    out->cosine = cosine / (double)out->pairs;
}

/* x and panel are the backend's memory, host and row the caller's. */
static void walk_panels(kin_geometry_cloud *out, kin_backend *backend, const real *x, real *panel,
                        real *host, row_t *row)
{
    int64_t rows = out->rows, cols = out->cols;
    for (int64_t first = 0; first < rows; first += PANEL) {
        int64_t m = rows - first < PANEL ? rows - first : PANEL, n = rows - first;
        backend->product(backend, &(kin_product){
            .transpose_b = 1, .m = m, .n = n, .k = cols, .alpha = 1, .a = x + first * cols,
            .lda = cols, .b = x + first * cols, .ldb = cols, .c = panel, .ldc = n});
        backend->download(backend, host, panel, sizeof(real) * (size_t)(m * n));
        panel_t part = {first, m, n, host, row};
        kin_pool_run(backend->pool, m, sum_row, &part);
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = i + 1; j < n; j++)
                count_cosine(&out->cosines, (double)host[i * n + j]);
    }
    join_rows(out, row);
}

static kin_status look_at_pairs(kin_geometry_cloud *out, kin_backend *backend, kin_arena *work,
                                const real *x)
{
    int64_t size = PANEL * out->rows;
    real *panel = KIN_TAKE(work, real, size);
    real *host = malloc(sizeof(real) * (size_t)size);
    row_t *row = malloc(sizeof(row_t) * (size_t)out->rows);
    bool fine = panel && host && row;
    if (fine) walk_panels(out, backend, x, panel, host, row);
    free(host);
    free(row);
    return fine ? KIN_OK : kin_fail(KIN_MEMORY, "geometry: no memory for %lld rows",
                                    (long long)out->rows);
}

/* ---- spectrum ---------------------------------------------------------------------------------*/

/* centred = x minus the mean row; the deviation on the way. */
static void centre(kin_geometry_cloud *out, const real *x, real *centred)
{
    int64_t rows = out->rows, cols = out->cols;
    out->deviation = 0;
    for (int64_t j = 0; j < cols; j++) {
        double mean = 0, variance = 0;
        for (int64_t i = 0; i < rows; i++) mean += (double)x[i * cols + j];
        mean /= (double)rows;
        for (int64_t i = 0; i < rows; i++) {
            double d = (double)x[i * cols + j] - mean;
            variance += d * d;
            centred[i * cols + j] = (real)d;
        }
        out->deviation += sqrt(variance / (double)rows);
    }
    out->deviation *= sqrt((double)cols) / (double)cols;
}

/* exp of the entropy of the shares that the values have in their sum. Below 1e-12 of it a value is
 * rounding. */
static double effective_rank(const double *value, int64_t n)
{
    double sum = 0, entropy = 0;
    for (int64_t i = 0; i < n; i++) sum += fmax(value[i], 0);
    for (int64_t i = 0; i < n; i++) {
        double share = sum > 0 ? value[i] / sum : 0;
        if (share > 1e-12) entropy -= share * log(share);
    }
    return sum > 1e-12 ? exp(entropy) : 0;
}

/* The largest first, as shares. */
static void keep_spectrum(kin_geometry_cloud *out, const double *value, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += fmax(value[i], 0);
    out->values = n < KIN_SPECTRUM ? (int)n : KIN_SPECTRUM;
    for (int i = 0; i < out->values; i++)
        out->spectrum[i] = sum > 1e-12 ? fmax(value[n - 1 - i], 0) / sum : 0;
}

/* x (rows x cols) and square (cols x cols) are the backend's memory; host has room for either,
 * covariance for cols x cols, value for cols. */
static kin_status look_at_spectrum(kin_geometry_cloud *out, kin_backend *backend, real *x,
                                   real *square, real *host, double *covariance, double *value)
{
    int64_t rows = out->rows, cols = out->cols, n = cols * cols;
    backend->upload(backend, x, host, sizeof(real) * (size_t)(rows * cols));
    backend->product(backend, &(kin_product){
        .transpose_a = 1, .m = cols, .n = cols, .k = rows, .alpha = (real)1 / (real)rows, .a = x,
        .lda = cols, .b = x, .ldb = cols, .c = square, .ldc = cols});
    backend->download(backend, host, square, sizeof(real) * (size_t)n);
    for (int64_t i = 0; i < n; i++) covariance[i] = (double)host[i];
    KIN_TRY(kin_eigenvalues(cols, covariance, value));
    out->rank = effective_rank(value, cols);
    keep_spectrum(out, value, cols);
    return KIN_OK;
}

static kin_status look_at_columns(kin_geometry_cloud *out, kin_backend *backend, kin_arena *work,
                                  const real *rows, real *x)
{
    int64_t cols = out->cols, most = out->rows > cols ? out->rows : cols;
    real *square = KIN_TAKE(work, real, cols * cols);
    real *host = malloc(sizeof(real) * (size_t)(most * cols));
    double *covariance = malloc(sizeof(double) * (size_t)(cols * cols));
    double *value = malloc(sizeof(double) * (size_t)cols);
    kin_status status = KIN_OK;
    if (square && host && covariance && value) {
        centre(out, rows, host);
        status = look_at_spectrum(out, backend, x, square, host, covariance, value);
    } else {
        status = kin_fail(KIN_MEMORY, "geometry: no memory for %lld columns", (long long)cols);
    }
    free(host);
    free(covariance);
    free(value);
    return status;
}

static kin_status look_at_cloud(kin_geometry_cloud *out, kin_backend *backend, kin_arena *work,
                                const real *rows)
{
    int64_t n = out->rows * out->cols;
    real *x = KIN_TAKE(work, real, n);
    KIN_REQUIRE(x, KIN_MEMORY, "geometry: no memory for %lld rows", (long long)out->rows);
    backend->upload(backend, x, rows, sizeof(real) * (size_t)n);
    KIN_REQUIRE(isfinite(backend->sum_squares(backend, n, x)), KIN_NUMERICAL,
                "geometry: %lld rows hold NaN or infinity", (long long)out->rows);
    KIN_TRY(look_at_pairs(out, backend, work, x));
    return look_at_columns(out, backend, work, rows, x);
}

kin_status kin_geometry_of_cloud(kin_geometry_cloud *out, kin_backend *backend, kin_arena *work,
                                 int64_t rows, int64_t cols, const real *x)
{
    *out = (kin_geometry_cloud){.rows = rows, .cols = cols, .pairs = rows * (rows - 1) / 2};
    KIN_REQUIRE(rows >= 2 && cols >= 1, KIN_USAGE,
                "geometry: %lld rows of %lld columns, expected at least 2 rows", (long long)rows,
                (long long)cols);
    size_t mark = kin_arena_mark(work);
    kin_status status = look_at_cloud(out, backend, work, x);
    kin_arena_rewind(work, mark);
    KIN_TRY(kin_backend_check(backend));
    return status;
}

/* ---- collapse and sample ----------------------------------------------------------------------*/

bool kin_geometry_collapsed(const kin_geometry_cloud *cloud, char *text, size_t size)
{
    const double cosine = 0.9, deviation = 0.1, rank = 1 + (double)cloud->cols / 100;
    bool fine = cloud->cosine <= cosine && cloud->deviation >= deviation && cloud->rank >= rank;
    if (size > 0) *text = 0;
    if (fine) return false;
    snprintf(text, size, "the embeddings have collapsed: mean cosine of random pairs %.4f (limit "
             "%g), std x sqrt(d) %.4f (at least %g), effective rank %.2f of %lld (at least %.2f)",
             cloud->cosine, cosine, cloud->deviation, deviation, cloud->rank,
             (long long)cloud->cols, rank);
    return true;
}

static int compare_numbers(const void *left, const void *right)
{
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

kin_status kin_geometry_sample(uint64_t seed, int64_t total, int64_t n, int32_t *which)
{
    KIN_REQUIRE(n >= 0 && n <= total && total <= INT32_MAX, KIN_USAGE,
                "geometry: a sample of %lld out of %lld", (long long)n, (long long)total);
    int32_t *order = malloc(sizeof *order * (size_t)(total + 1));
    KIN_REQUIRE(order, KIN_MEMORY, "geometry: no memory to draw from %lld", (long long)total);
    kin_shuffle(seed, KIN_STREAM_SAMPLE, 0, order, total);
    memcpy(which, order, sizeof *which * (size_t)n);
    qsort(which, (size_t)n, sizeof *which, compare_numbers);
    free(order);
    return KIN_OK;
}
