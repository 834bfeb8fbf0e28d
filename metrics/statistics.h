/* Statistics: how sure a mean over queries is, and whether systems differ. Random numbers are
 * Philox's, so a seed gives the same interval and the same p on any number of threads. */
#ifndef KIN_METRICS_STATISTICS_H
#define KIN_METRICS_STATISTICS_H

#include <stdbool.h>
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

/* The same over seeds and queries of one system, trained once with each of its seeds: each resample
 * draws the seeds with replacement and the queries with replacement. All seeds were judged on the
 * same queries, so a resample's queries are the same for all of its seeds (Owen 2007, "The
 * pigeonhole bootstrap"): a query that is hard for one seed is hard for the others too. The mean is
 * over the drawn seeds and queries. score[c * seeds + s]: column c of seed s, n numbers. */
kin_status kin_bootstrap_seeds(kin_interval *interval, kin_pool *pool, uint64_t seed,
                               int resamples, double level, int seeds, int64_t n,
                               const double *const *score, int columns);

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

/* The paired randomisation test of every pair of systems, all with the same flips: score[s] has the
 * n scores of system s. out: systems (systems - 1) / 2 in the order (0, 1), (0, 2) .. (1, 2) ..; p
 * is not corrected for their number. Memory: n x systems, and pairs for each 1,000 flips. */
kin_status kin_pairwise_test(kin_paired *out, kin_pool *pool, uint64_t seed, int flips, int64_t n,
                             int systems, const double *const *score);

/* Holm's correction (1979) for m tests: the i-th smallest p (from 0) becomes the largest of
 * min(1, (m - k) p_k) over k <= i. In place. */
kin_status kin_holm(double *p, int m);

/* A few numbers: mean, deviation (n - 1; 0 of one number) and interquartile mean, which leaves out
 * the n / 4 lowest and the n / 4 highest (rounded down; Agarwal et al. 2021). n at least 1. */
typedef struct { double mean, deviation, middle; } kin_spread;
kin_status kin_spread_of(kin_spread *spread, int n, const double *x);

/* Letters for systems of which some pairs differ (Piepho 2004, insert and absorb): two systems
 * share a letter exactly when they do not differ, and each letter is a largest such group. differ[a
 * * systems + b], symmetric. Letters are given in order of their first system. KIN_RUNTIME when
 * there would be more than KIN_LETTERS. */
#define KIN_LETTERS 52             /* a..z, A..Z */
typedef struct { char text[KIN_LETTERS + 1]; } kin_letters;
kin_status kin_letters_of(kin_letters *letters, int systems, const bool *differ);

#endif
