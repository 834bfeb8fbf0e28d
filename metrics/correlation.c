#include "metrics/correlation.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "core/rng.h"

#define CHUNK 100                  /* resamples or flips of one task */

const char *const kin_score_measure_names[KIN_SCORE_MEASURES] = {
#define X(field, name) name,
    KIN_EACH_SCORE_MEASURE(X)
#undef X
};

static kin_status check(int64_t n, const double *x)
{
    KIN_REQUIRE(n >= 2 && n <= INT32_MAX, KIN_USAGE,
                "correlation: %lld numbers, expected 2 to 2^31 - 1", (long long)n);
    for (int64_t i = 0; i < n; i++)
        KIN_REQUIRE(isfinite(x[i]), KIN_NUMERICAL, "correlation: number %lld is not finite",
                    (long long)i);
    return KIN_OK;
}

/* Of numbers that count[i] times each stand there (NULL: once). */
static double pearson(int64_t n, const double *x, const double *y, const int32_t *count)
{
    double mean_x = 0, mean_y = 0, all = 0, xx = 0, yy = 0, xy = 0;
    for (int64_t i = 0; i < n; i++) {
        const double c = count ? count[i] : 1;
        mean_x += c * x[i];
        mean_y += c * y[i];
        all += c;
    }
    mean_x /= all;
    mean_y /= all;
    for (int64_t i = 0; i < n; i++) {
        const double c = count ? count[i] : 1, a = x[i] - mean_x, b = y[i] - mean_y;
        xx += c * a * a;
        yy += c * b * b;
        xy += c * a * b;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : 0;
}

/* ---- ranks ----------------------------------------------------------------------------------- */

typedef struct { double value; int32_t at; } entry_t;

static int by_value(const void *left, const void *right)
{
    const entry_t *a = left, *b = right;
    return (a->value > b->value) - (a->value < b->value);
}

/* place[i]: how many different numbers are below x[i]; returns how many different there are, or -1
 * without memory. */
static int64_t place_values(int64_t n, const double *x, int32_t *place)
{
    entry_t *sorted = malloc(sizeof *sorted * (size_t)n);
    int64_t distinct = 0;
    if (!sorted) return -1;
    for (int64_t i = 0; i < n; i++) sorted[i] = (entry_t){x[i], (int32_t)i};
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    for (int64_t i = 0; i < n; i++) {
        distinct += i == 0 || sorted[i].value > sorted[i - 1].value;
        place[sorted[i].at] = (int32_t)(distinct - 1);
    }
    free(sorted);
    return distinct;
}

/* Ranks of numbers that stand there count[i] times each (NULL: once). many: room for distinct. */
static void rank_places(int64_t n, const int32_t *place, int64_t distinct, const int32_t *count,
                        double *many, double *rank)
{
    double before = 0;
    for (int64_t d = 0; d < distinct; d++) many[d] = 0;
    for (int64_t i = 0; i < n; i++) many[place[i]] += count ? count[i] : 1;
    for (int64_t d = 0; d < distinct; d++) {
        const double here = many[d];
        many[d] = before + (here + 1) / 2;
        before += here;
    }
    for (int64_t i = 0; i < n; i++) rank[i] = many[place[i]];
}

kin_status kin_ranks(int64_t n, const double *x, double *rank)
{
    KIN_TRY(check(n, x));
    int32_t *place = malloc(sizeof *place * (size_t)n);
    double *many = malloc(sizeof *many * (size_t)n);
    const int64_t distinct = place && many ? place_values(n, x, place) : -1;
    if (distinct >= 0) rank_places(n, place, distinct, NULL, many, rank);
    free(place);
    free(many);
    return distinct >= 0 ? KIN_OK : kin_fail(KIN_MEMORY, "no memory to rank %lld numbers",
                                             (long long)n);
}

kin_status kin_correlation(double value[KIN_SCORE_MEASURES], int64_t n, const double *x,
                           const double *y)
{
    KIN_TRY(check(n, x));
    KIN_TRY(check(n, y));
    double *rank = malloc(2 * sizeof *rank * (size_t)n);
    KIN_REQUIRE(rank, KIN_MEMORY, "no memory to rank %lld numbers", (long long)n);
    kin_status status = kin_ranks(n, x, rank);
    if (status == KIN_OK) status = kin_ranks(n, y, rank + n);
    if (status == KIN_OK) {
        value[KIN_SPEARMAN] = pearson(n, rank, rank + n, NULL);
        value[KIN_PEARSON] = pearson(n, x, y, NULL);
    }
    free(rank);
    return status;
}

static void take_parts(int64_t n, const double *x, const double *y, double *part)
{
    double mean_x = 0, mean_y = 0, xx = 0, yy = 0;
    for (int64_t i = 0; i < n; i++) {
        mean_x += x[i] / (double)n;
        mean_y += y[i] / (double)n;
    }
    for (int64_t i = 0; i < n; i++) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        yy += (y[i] - mean_y) * (y[i] - mean_y);
    }
    const double scale = xx > 0 && yy > 0 ? (double)n / sqrt(xx * yy) : 0;
    for (int64_t i = 0; i < n; i++) part[i] = scale * (x[i] - mean_x) * (y[i] - mean_y);
}

kin_status kin_correlation_parts(double *const part[KIN_SCORE_MEASURES], int64_t n,
                                 const double *x, const double *y)
{
    double *rank = malloc(2 * sizeof *rank * (size_t)(n > 0 ? n : 1));
    KIN_REQUIRE(rank, KIN_MEMORY, "no memory to rank %lld numbers", (long long)n);
    kin_status status = kin_ranks(n, x, rank);
    if (status == KIN_OK) status = kin_ranks(n, y, rank + n);
    if (status == KIN_OK) {
        take_parts(n, rank, rank + n, part[KIN_SPEARMAN]);
        take_parts(n, x, y, part[KIN_PEARSON]);
    }
    free(rank);
    return status;
}

/* ---- bootstrap ------------------------------------------------------------------------------- */

typedef struct {
    uint64_t seed;
    int64_t n, distinct[2];
    const double *side[2];
    int32_t *place[2];
    int resamples;
    double *result[KIN_SCORE_MEASURES];
    int32_t *count;                /* threads x n */
    double *rank;                  /* threads x 3 n */
} boot_t;

static void resample_chunk(void *context, int64_t task, int thread)
{
    const boot_t *b = context;
    int32_t *count = b->count + thread * b->n;
    double *rank = b->rank + thread * 3 * b->n, *many = rank + 2 * b->n;
    const int first = (int)task * CHUNK;
    for (int s = first; s < first + CHUNK && s < b->resamples; s++) {
        for (int64_t i = 0; i < b->n; i++) count[i] = 0;
        for (int64_t i = 0; i < b->n; i++)
            count[kin_random_below(b->seed, KIN_STREAM_BOOTSTRAP, (uint32_t)s, (uint64_t)i,
                                   (uint64_t)b->n)]++;
        for (int k = 0; k < 2; k++)
            rank_places(b->n, b->place[k], b->distinct[k], count, many, rank + k * b->n);
        b->result[KIN_SPEARMAN][s] = pearson(b->n, rank, rank + b->n, count);
        b->result[KIN_PEARSON][s] = pearson(b->n, b->side[0], b->side[1], count);
    }
}

static bool take_room(boot_t *b, int threads)
{
    const size_t n = (size_t)b->n, t = (size_t)threads;
    bool fine = true;
    b->count = malloc(sizeof *b->count * n * t);
    b->rank = malloc(3 * sizeof *b->rank * n * t);
    for (int m = 0; m < KIN_SCORE_MEASURES; m++) {
        b->result[m] = malloc(sizeof(double) * (size_t)b->resamples);
        fine = fine && b->result[m];
    }
    for (int k = 0; k < 2; k++) {
        b->place[k] = malloc(sizeof(int32_t) * n);
        b->distinct[k] = b->place[k] ? place_values(b->n, b->side[k], b->place[k]) : -1;
        fine = fine && b->distinct[k] >= 0;
    }
    return fine && b->count && b->rank;
}

kin_status kin_correlation_bootstrap(kin_interval *interval, kin_pool *pool,
                                     uint64_t seed, int resamples, double level, int64_t n,
                                     const double *x, const double *y)
{
    KIN_REQUIRE(resamples > 0 && level > 0 && level < 1, KIN_USAGE,
                "bootstrap: %d resamples at level %g", resamples, level);
    KIN_TRY(check(n, x));
    KIN_TRY(check(n, y));
    boot_t b = {.seed = seed, .n = n, .side = {x, y}, .resamples = resamples};
    const bool fine = take_room(&b, kin_pool_threads(pool));
    if (fine) kin_pool_run(pool, ((int64_t)resamples + CHUNK - 1) / CHUNK, resample_chunk, &b);
    for (int m = 0; m < KIN_SCORE_MEASURES; m++) {
        if (fine) interval[m] = kin_percentiles(b.result[m], resamples, level);
        free(b.result[m]);
    }
    for (int k = 0; k < 2; k++) free(b.place[k]);
    free(b.count);
    free(b.rank);
    return fine ? KIN_OK : kin_fail(KIN_MEMORY, "bootstrap: no memory for %lld pairs",
                                    (long long)n);
}

/* ---- test ------------------------------------------------------------------------------------ */

typedef struct {
    uint64_t seed;
    int64_t n;
    const double *right, *a, *b;   /* ranks */
    double bar;
    int flips;
    int64_t *reached;
    double *mixed;                 /* threads x 2 n */
} exchange_t;

static double difference(const exchange_t *e, const double *a, const double *b)
{
    return pearson(e->n, e->right, a, NULL) - pearson(e->n, e->right, b, NULL);
}

static void exchange_chunk(void *context, int64_t task, int thread)
{
    const exchange_t *e = context;
    double *a = e->mixed + thread * 2 * e->n, *b = a + e->n;
    const int first = (int)task * CHUNK;
    int64_t reached = 0;
    for (int s = first; s < first + CHUNK && s < e->flips; s++) {
        uint64_t bits = 0;
        for (int64_t i = 0; i < e->n; i++, bits >>= 1) {
            if (i % 64 == 0)
                bits = kin_random(e->seed, KIN_STREAM_FLIP, (uint32_t)s, (uint64_t)(i / 64));
            const bool swap = bits & 1;
            a[i] = swap ? e->b[i] : e->a[i];
            b[i] = swap ? e->a[i] : e->b[i];
        }
        reached += fabs(difference(e, a, b)) >= e->bar;
    }
    e->reached[task] = reached;
}

kin_status kin_correlation_test(kin_paired *out, kin_pool *pool, uint64_t seed, int flips,
                                int64_t n, const double *right, const double *a, const double *b)
{
    const int64_t tasks = ((int64_t)flips + CHUNK - 1) / CHUNK;
    const double *const given[3] = {right, a, b};
    *out = (kin_paired){0};
    KIN_REQUIRE(flips > 0, KIN_USAGE, "paired test: %d flips, expected at least 1", flips);
    for (int k = 0; k < 3; k++) KIN_TRY(check(n, given[k]));
    double *rank = malloc(3 * sizeof *rank * (size_t)n);
    exchange_t e = {.seed = seed, .n = n, .flips = flips};
    e.reached = calloc((size_t)tasks, sizeof *e.reached);
    e.mixed = malloc(2 * sizeof *e.mixed * (size_t)n * (size_t)kin_pool_threads(pool));
    bool fine = rank && e.reached && e.mixed;
    for (int k = 0; k < 3 && fine; k++) fine = kin_ranks(n, given[k], rank + k * n) == KIN_OK;
    if (fine) {
        e.right = rank, e.a = rank + n, e.b = rank + 2 * n;
        out->difference = difference(&e, e.a, e.b);
        e.bar = fabs(out->difference) - 1e-12;
        int64_t reached = 0;
        kin_pool_run(pool, tasks, exchange_chunk, &e);
        for (int64_t t = 0; t < tasks; t++) reached += e.reached[t];
        out->p = (1 + (double)reached) / (1 + (double)flips);
    }
    for (int64_t i = 0; i < n && fine; i++) {
        const double of_a = fabs(e.a[i] - e.right[i]), of_b = fabs(e.b[i] - e.right[i]);
        out->wins += of_a < of_b;
        out->losses += of_a > of_b;
        out->ties += of_a == of_b;
    }
    free(rank);
    free(e.reached);
    free(e.mixed);
    return fine ? KIN_OK : kin_fail(KIN_MEMORY, "paired test: no memory for %lld pairs",
                                    (long long)n);
}
