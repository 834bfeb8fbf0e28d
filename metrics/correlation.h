/* Correlation: whether one list of numbers rises with another, as cosines with what people said.
 *
 *     pearson     of the numbers themselves
 *     spearman    the same of their ranks; equal numbers share the mean of their ranks
 *
 * (Pearson 1895, Spearman 1904.) Random numbers are Philox's, so a seed gives the same interval and
 * the same p on any number of threads. */
#ifndef KIN_METRICS_CORRELATION_H
#define KIN_METRICS_CORRELATION_H

#include "metrics/statistics.h"

#define KIN_EACH_SCORE_MEASURE(X) \
    X(SPEARMAN, "spearman")       \
    X(PEARSON, "pearson")

typedef enum {
#define X(field, name) KIN_##field,
    KIN_EACH_SCORE_MEASURE(X)
#undef X
    KIN_SCORE_MEASURES
} kin_score_measure;

extern const char *const kin_score_measure_names[KIN_SCORE_MEASURES];

/* Both, by kin_score_measure. 0 where one side is all the same. KIN_USAGE below 2 numbers,
 * KIN_NUMERICAL when one is not finite. */
kin_status kin_correlation(double value[KIN_SCORE_MEASURES], int64_t n, const double *x,
                           const double *y);

/* What each pair adds to both, part[m][i]: their mean over the pairs is the correlation. */
kin_status kin_correlation_parts(double *const part[KIN_SCORE_MEASURES], int64_t n,
                                 const double *x, const double *y);

/* Ranks from 1, of equal numbers their mean. */
kin_status kin_ranks(int64_t n, const double *x, double *rank);

/* Percentile bootstrap intervals of both, by kin_score_measure: pairs are drawn with replacement n
 * at a time. */
kin_status kin_correlation_bootstrap(kin_interval *interval, kin_pool *pool, uint64_t seed,
                                     int resamples, double level, int64_t n,
                                     const double *x, const double *y);

/* Which of two systems rises more with what is right, by spearman. Were they the same, the ranks
 * that they give a pair could as well be exchanged: p = (1 + number of random exchanges whose
 * difference of correlations is at least the observed one) / (1 + flips). Wins: pairs whose rank by
 * a is nearer to the right one than by b. */
kin_status kin_correlation_test(kin_paired *out, kin_pool *pool, uint64_t seed, int flips,
                                int64_t n, const double *right, const double *a, const double *b);

#endif
