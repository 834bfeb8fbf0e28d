/* Statistics: how sure a mean over queries is, and whether two systems differ. Random numbers are
 * Philox's, so a seed gives the same interval and the same p on any number of threads. */
#ifndef KIN_METRICS_STATISTICS_H
#define KIN_METRICS_STATISTICS_H

#include <stdint.h>
#include "core/pool.h"
#include "core/status.h"

#define KIN_RESAMPLES 10000
#define KIN_FLIPS 100000

typedef struct { double low, high; } kin_interval;

/* Percentile bootstrap interval of the mean (Efron 1979): queries are drawn with replacement n at a
 * time, resamples times; low and high are the (1 - level) / 2 and (1 + level) / 2 quantiles of the
 * means, between two of them by linear interpolation. Several columns (measures or systems over
 * the same n queries) share their draws. n < 2^31. */
kin_status kin_bootstrap(kin_interval *interval, kin_pool *pool, uint64_t seed, int resamples,
                         double level, int64_t n, const double *const *column, int columns);

/* The (1 - level) / 2 and (1 + level) / 2 quantiles of n numbers, which are put in order. */
kin_interval kin_percentiles(double *values, int n, double level);

/* Two systems over the same queries. */
typedef struct {
    double difference;                 /* mean of a - b */
    double p;                          /* two-sided */
    int64_t wins, losses, ties;        /* queries on which a is above, below, equal to b */
} kin_paired;

/* Paired randomisation test (Fisher 1935; Smucker, Allan, Carterette 2007): were the two systems
 * the same, each difference could as well have the other sign. p = (1 + number of sign flips whose
 * |sum| is at least the observed one) / (1 + flips), so p is never 0. */
kin_status kin_paired_test(kin_paired *out, kin_pool *pool, uint64_t seed, int flips, int64_t n,
                           const double *a, const double *b);

#endif
