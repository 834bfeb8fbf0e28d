#include "metrics/statistics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "core/rng.h"

#define CHUNK 100                  /* resamples or flips of one task */
#define FLIP_CHUNK 1000            /* flips of one task, when there are many pairs to count for */

enum { QUERIES, SEEDS };           /* what a word draws */
enum { SEEDS_MAX = 1000 };
enum { SIDE_BY_SIDE = 4 };         /* resamples that share a reading of the scores */

/* The four random words number 4 * index .. 4 * index + 3 of one resample. */
static kin_philox_block words_of(uint64_t seed, uint32_t stream, uint32_t sample, uint32_t index,
                                 uint32_t what)
{
    const uint32_t counter[4] = {index, what, stream, sample};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    return kin_philox(counter, key);
}

static kin_status check_finite(const char *what, int64_t n, const double *x)
{
    for (int64_t i = 0; i < n; i++)
        KIN_REQUIRE(isfinite(x[i]), KIN_NUMERICAL, "%s: value %lld is not finite", what,
                    (long long)i);
    return KIN_OK;
}

/* Weighted sum of n numbers, in eight sums side by side: fast, and always in the same order. */
static double dot(int64_t n, const double *weight, const double *x)
{
    double part[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++) part[k] += weight[i + k] * x[i + k];
    for (int k = 0; i < n; i++, k++) part[k] += weight[i] * x[i];
    for (int k = 0; k < 4; k++) part[k] += part[k + 4];
    return (part[0] + part[2]) + (part[1] + part[3]);
}

/* ---- bootstrap --------------------------------------------------------------------------------*/

typedef struct {
    uint64_t seed;
    int64_t n;
    int seeds, columns, resamples;
    const double *const *score;    /* column c of seed s: c * seeds + s */
    double *times;                 /* of each thread and resample side by side: how often a query is
                                      drawn, n */
    double *mean;                  /* columns x resamples */
} bootstrap_t;

/* A word w draws the place w n / 2^32, so that no place is likelier than another by more than
 * n / 2^32. */
static int64_t place_of(uint32_t word, int64_t n) { return (int64_t)(word * (uint64_t)n >> 32); }

static void draw_queries(const bootstrap_t *boot, int sample, double *times)
{
    memset(times, 0, (size_t)boot->n * sizeof *times);
    for (int64_t i = 0; i < boot->n; i += 4) {
        kin_philox_block block = words_of(boot->seed, KIN_STREAM_BOOTSTRAP, (uint32_t)sample,
                                          (uint32_t)(i / 4), QUERIES);
        for (int w = 0; w < 4 && i + w < boot->n; w++) times[place_of(block.word[w], boot->n)]++;
    }
}

/* drawn[s]: how often a seed is drawn; a single one always is. */
static void draw_seeds(const bootstrap_t *boot, int sample, int *drawn)
{
    kin_philox_block block = {{0}};
    memset(drawn, 0, (size_t)boot->seeds * sizeof *drawn);
    for (int i = 0; i < boot->seeds; i++) {
        if (i % 4 == 0)
            block = words_of(boot->seed, KIN_STREAM_BOOTSTRAP, (uint32_t)sample, (uint32_t)i / 4,
                             SEEDS);
        drawn[place_of(block.word[i % 4], boot->seeds)]++;
    }
}

static void resample(const bootstrap_t *boot, int first, int count, double *times)
{
    int drawn[SIDE_BY_SIDE][SEEDS_MAX];
    for (int r = 0; r < count; r++) {
        draw_queries(boot, first + r, times + r * boot->n);
        draw_seeds(boot, first + r, drawn[r]);
    }
    for (int c = 0; c < boot->columns; c++) {
        double sum[SIDE_BY_SIDE] = {0};
        for (int s = 0; s < boot->seeds; s++) {
            const double *score = boot->score[c * boot->seeds + s];
            for (int r = 0; r < count; r++)
                if (drawn[r][s]) sum[r] += drawn[r][s] * dot(boot->n, times + r * boot->n, score);
        }
        double *mean = boot->mean + (int64_t)c * boot->resamples + first;
        for (int r = 0; r < count; r++) mean[r] = sum[r] / ((double)boot->n * boot->seeds);
    }
}

static void resample_chunk(void *context, int64_t task, int thread)
{
    const bootstrap_t *boot = context;
    double *times = boot->times + thread * SIDE_BY_SIDE * boot->n;
    const int first = (int)task * CHUNK;
    const int end = first + CHUNK < boot->resamples ? first + CHUNK : boot->resamples;
    for (int s = first; s < end; s += SIDE_BY_SIDE)
        resample(boot, s, end - s < SIDE_BY_SIDE ? end - s : SIDE_BY_SIDE, times);
}

static int compare_doubles(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double quantile(const double *sorted, int n, double q)
{
    double at = q * (n - 1);
    int below = (int)at, above = below + 1 < n ? below + 1 : below;
    return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}

kin_interval kin_percentiles(double *values, int n, double level)
{
    qsort(values, (size_t)n, sizeof *values, compare_doubles);
    return (kin_interval){quantile(values, n, (1 - level) / 2),
                          quantile(values, n, (1 + level) / 2)};
}

static kin_status check_bootstrap(const bootstrap_t *boot, double level)
{
    KIN_REQUIRE(boot->n > 0 && boot->n <= INT32_MAX, KIN_USAGE,
                "bootstrap: %lld values, expected 1 to 2^31 - 1", (long long)boot->n);
    KIN_REQUIRE(boot->seeds > 0 && boot->seeds <= SEEDS_MAX, KIN_USAGE,
                "bootstrap: %d seeds, expected 1 to %d", boot->seeds, SEEDS_MAX);
    KIN_REQUIRE(boot->resamples > 0, KIN_USAGE, "bootstrap: %d resamples, expected at least 1",
                boot->resamples);
    KIN_REQUIRE(level > 0 && level < 1, KIN_USAGE, "bootstrap: level %g, expected between 0 and 1",
                level);
    for (int i = 0; i < boot->columns * boot->seeds; i++)
        KIN_TRY(check_finite("bootstrap", boot->n, boot->score[i]));
    return KIN_OK;
}

static void take_quantiles(kin_interval *interval, const bootstrap_t *boot, double level)
{
    for (int c = 0; c < boot->columns; c++)
        interval[c] = kin_percentiles(boot->mean + (int64_t)c * boot->resamples, boot->resamples,
                                      level);
}

kin_status kin_bootstrap_seeds(kin_interval *interval, kin_pool *pool, uint64_t seed,
                               int resamples, double level, int seeds, int64_t n,
                               const double *const *score, int columns)
{
    bootstrap_t boot = {seed, n, seeds, columns, resamples, score, NULL, NULL};
    KIN_TRY(check_bootstrap(&boot, level));
    const size_t side = SIDE_BY_SIDE * (size_t)kin_pool_threads(pool);
    boot.times = malloc(side * (size_t)n * sizeof *boot.times);
    boot.mean = malloc((size_t)columns * (size_t)resamples * sizeof *boot.mean + 1);
    const bool fine = boot.times && boot.mean;
    if (fine) {
        kin_pool_run(pool, ((int64_t)resamples + CHUNK - 1) / CHUNK, resample_chunk, &boot);
        take_quantiles(interval, &boot, level);
    }
    free(boot.times);
    free(boot.mean);
    return fine ? KIN_OK : kin_fail(KIN_MEMORY, "bootstrap: no memory for %d resamples",
                                    resamples);
}

kin_status kin_bootstrap(kin_interval *interval, kin_pool *pool, uint64_t seed, int resamples,
                         double level, int64_t n, const double *const *column, int columns)
{
    return kin_bootstrap_seeds(interval, pool, seed, resamples, level, 1, n, column, columns);
}

/* ---- randomisation test -----------------------------------------------------------------------*/

typedef struct {
    uint64_t seed;
    int64_t n;                     /* differences that are not 0: the others have no sign */
    double *difference;
    double bar;                    /* what |sum| must reach */
    int flips;
    int64_t *reached;              /* of each task */
} flip_t;

/* Each of a block's 128 bits is the sign of one difference. */
static double flipped_sum(const flip_t *flip, int sample)
{
    static const double sign[2] = {1, -1};
    double sum = 0;
    for (int64_t i = 0; i < flip->n; i += 128) {
        kin_philox_block block = words_of(flip->seed, KIN_STREAM_FLIP, (uint32_t)sample,
                                          (uint32_t)(i / 128), QUERIES);
        int64_t most = flip->n - i < 128 ? flip->n - i : 128;
        for (int64_t k = 0; k < most; k++)
            sum += sign[block.word[k / 32] >> (k % 32) & 1] * flip->difference[i + k];
    }
    return sum;
}

static void flip_chunk(void *context, int64_t task, int thread)
{
    (void)thread;
    const flip_t *flip = context;
    int first = (int)task * CHUNK;
    int64_t reached = 0;
    for (int s = first; s < first + CHUNK && s < flip->flips; s++)
        reached += fabs(flipped_sum(flip, s)) >= flip->bar;
    flip->reached[task] = reached;
}

/* Fills in the differences and returns their sum. The bar lies lower than the sum by what rounding
 * may take from a sum that is the same. */
static double take_differences(kin_paired *out, flip_t *flip, int64_t n, const double *a,
                               const double *b)
{
    double sum = 0, size = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = a[i] - b[i];
        out->wins += d > 0;
        out->losses += d < 0;
        sum += d;
        size += fabs(d);
        if (d > 0 || d < 0) flip->difference[flip->n++] = d;
    }
    out->ties = n - out->wins - out->losses;
    flip->bar = fabs(sum) - 1e-12 * size;
    return sum;
}

kin_status kin_paired_test(kin_paired *out, kin_pool *pool, uint64_t seed, int flips, int64_t n,
                           const double *a, const double *b)
{
    *out = (kin_paired){0};
    KIN_REQUIRE(n > 0 && n <= INT32_MAX, KIN_USAGE,
                "paired test: %lld queries, expected 1 to 2^31 - 1", (long long)n);
    KIN_REQUIRE(flips > 0, KIN_USAGE, "paired test: %d flips, expected at least 1", flips);
    KIN_TRY(check_finite("paired test", n, a));
    KIN_TRY(check_finite("paired test", n, b));
    int64_t tasks = ((int64_t)flips + CHUNK - 1) / CHUNK, reached = 0;
    flip_t flip = {.seed = seed, .flips = flips};
    flip.difference = malloc(sizeof(double) * (size_t)n);
    flip.reached = calloc((size_t)tasks, sizeof *flip.reached);
    bool fine = flip.difference && flip.reached;
    if (fine) {
        out->difference = take_differences(out, &flip, n, a, b) / (double)n;
        kin_pool_run(pool, tasks, flip_chunk, &flip);
        for (int64_t t = 0; t < tasks; t++) reached += flip.reached[t];
        out->p = (1 + (double)reached) / (1 + (double)flips);
    }
    free(flip.difference);
    free(flip.reached);
    return fine ? KIN_OK : kin_fail(KIN_MEMORY, "paired test: no memory for %lld queries",
                                    (long long)n);
}

/* ---- every pair of many systems ---------------------------------------------------------------*/

typedef struct {
    uint64_t seed;
    int64_t n;
    int systems, pairs, flips;
    const double *const *score;
    double *bar;                   /* pairs */
    double *work;                  /* of each thread: n signs, a sum of each system */
    int64_t *reached;              /* of each task: pairs */
} pairwise_t;

static void draw_signs(const pairwise_t *p, int sample, double *sign)
{
    static const double signs[2] = {1, -1};
    for (int64_t i = 0; i < p->n; i += 128) {
        kin_philox_block block = words_of(p->seed, KIN_STREAM_FLIP, (uint32_t)sample,
                                          (uint32_t)(i / 128), QUERIES);
        const int64_t most = p->n - i < 128 ? p->n - i : 128;
        for (int64_t k = 0; k < most; k++)
            sign[i + k] = signs[block.word[k / 32] >> (k % 32) & 1];
    }
}

/* The flipped sum of a difference is the difference of two systems' flipped sums. */
static void pairwise_chunk(void *context, int64_t task, int thread)
{
    const pairwise_t *p = context;
    double *sign = p->work + thread * (p->n + p->systems), *sum = sign + p->n;
    int64_t *reached = p->reached + task * p->pairs;
    const int first = (int)task * FLIP_CHUNK;
    for (int f = first; f < first + FLIP_CHUNK && f < p->flips; f++) {
        draw_signs(p, f, sign);
        for (int s = 0; s < p->systems; s++) sum[s] = dot(p->n, sign, p->score[s]);
        for (int a = 0, i = 0; a < p->systems; a++)
            for (int b = a + 1; b < p->systems; b++, i++)
                reached[i] += fabs(sum[a] - sum[b]) >= p->bar[i];
    }
}

/* Sums, wins and what must be reached; rounding may take a little from a sum that is the same. */
static double describe_pair(kin_paired *out, int64_t n, const double *a, const double *b)
{
    double sum = 0, size = 0;
    *out = (kin_paired){0};
    for (int64_t i = 0; i < n; i++) {
        out->wins += a[i] > b[i];
        out->losses += a[i] < b[i];
        sum += a[i] - b[i];
        size += fabs(a[i]) + fabs(b[i]);
    }
    out->ties = n - out->wins - out->losses;
    out->difference = sum / (double)n;
    return fabs(sum) - 1e-12 * size;
}

static void count_pairs(pairwise_t *p, kin_paired *out, kin_pool *pool)
{
    const int64_t tasks = ((int64_t)p->flips + FLIP_CHUNK - 1) / FLIP_CHUNK;
    for (int a = 0, i = 0; a < p->systems; a++)
        for (int b = a + 1; b < p->systems; b++, i++)
            p->bar[i] = describe_pair(&out[i], p->n, p->score[a], p->score[b]);
    kin_pool_run(pool, tasks, pairwise_chunk, p);
    for (int i = 0; i < p->pairs; i++) {
        int64_t reached = 0;
        for (int64_t t = 0; t < tasks; t++) reached += p->reached[t * p->pairs + i];
        out[i].p = (1 + (double)reached) / (1 + (double)p->flips);
    }
}

kin_status kin_pairwise_test(kin_paired *out, kin_pool *pool, uint64_t seed, int flips, int64_t n,
                             int systems, const double *const *score)
{
    KIN_REQUIRE(n > 0 && n <= INT32_MAX && systems > 0 && flips > 0, KIN_USAGE,
                "pairwise test: %lld queries, %d systems, %d flips, expected at least 1 of each",
                (long long)n, systems, flips);
    for (int s = 0; s < systems; s++) KIN_TRY(check_finite("pairwise test", n, score[s]));
    const size_t tasks = ((size_t)flips + FLIP_CHUNK - 1) / FLIP_CHUNK;
    pairwise_t p = {seed, n, systems, systems * (systems - 1) / 2, flips, score, NULL, NULL, NULL};
    const size_t pairs = (size_t)p.pairs, row = (size_t)n + (size_t)systems;
    p.bar = malloc(pairs * sizeof *p.bar + 1);
    p.work = malloc((size_t)kin_pool_threads(pool) * row * sizeof *p.work);
    p.reached = calloc(tasks * pairs + 1, sizeof *p.reached);
    const bool fine = p.bar && p.work && p.reached;
    if (fine) count_pairs(&p, out, pool);
    free(p.bar);
    free(p.work);
    free(p.reached);
    return fine ? KIN_OK : kin_fail(KIN_MEMORY, "pairwise test: no memory for %d systems", systems);
}
