#include "metrics/statistics.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include "core/rng.h"

#define CHUNK 100                  /* resamples or flips of one task */

/* The four random words number 4 * index .. 4 * index + 3 of one resample. */
static kin_philox_block words_of(uint64_t seed, uint32_t stream, uint32_t sample, uint32_t index)
{
    const uint32_t counter[4] = {index, 0, stream, sample};
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

/* ---- bootstrap --------------------------------------------------------------------------------*/

typedef struct {
    uint64_t seed;
    int64_t n;
    const double *const *column;
    int columns, resamples;
    double *mean;                  /* columns x resamples */
} bootstrap_t;

/* A word w draws the place w n / 2^32, so that no place is likelier than another by more than
 * n / 2^32. */
static void resample(const bootstrap_t *boot, int sample)
{
    for (int64_t i = 0; i < boot->n; i += 4) {
        kin_philox_block block = words_of(boot->seed, KIN_STREAM_BOOTSTRAP, (uint32_t)sample,
                                          (uint32_t)(i / 4));
        for (int w = 0; w < 4 && i + w < boot->n; w++) {
            uint64_t place = block.word[w] * (uint64_t)boot->n >> 32;
            for (int c = 0; c < boot->columns; c++)
                boot->mean[(int64_t)c * boot->resamples + sample] += boot->column[c][place];
        }
    }
    for (int c = 0; c < boot->columns; c++)
        boot->mean[(int64_t)c * boot->resamples + sample] /= (double)boot->n;
}

static void resample_chunk(void *context, int64_t task, int thread)
{
    (void)thread;
    const bootstrap_t *boot = context;
    int first = (int)task * CHUNK;
    for (int s = first; s < first + CHUNK && s < boot->resamples; s++) resample(boot, s);
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

kin_status kin_bootstrap(kin_interval *interval, kin_pool *pool, uint64_t seed, int resamples,
                         double level, int64_t n, const double *const *column, int columns)
{
    KIN_REQUIRE(n > 0 && n <= INT32_MAX, KIN_USAGE,
                "bootstrap: %lld values, expected 1 to 2^31 - 1", (long long)n);
    KIN_REQUIRE(resamples > 0, KIN_USAGE, "bootstrap: %d resamples, expected at least 1",
                resamples);
    KIN_REQUIRE(level > 0 && level < 1, KIN_USAGE, "bootstrap: level %g, expected between 0 and 1",
                level);
    for (int c = 0; c < columns; c++) KIN_TRY(check_finite("bootstrap", n, column[c]));
    bootstrap_t boot = {seed, n, column, columns, resamples, NULL};
    boot.mean = calloc((size_t)columns * (size_t)resamples + 1, sizeof *boot.mean);
    KIN_REQUIRE(boot.mean, KIN_MEMORY, "bootstrap: no memory for %d resamples", resamples);
    kin_pool_run(pool, ((int64_t)resamples + CHUNK - 1) / CHUNK, resample_chunk, &boot);
    for (int c = 0; c < columns; c++)
        interval[c] = kin_percentiles(boot.mean + (int64_t)c * resamples, resamples, level);
    free(boot.mean);
    return KIN_OK;
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
                                          (uint32_t)(i / 128));
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
