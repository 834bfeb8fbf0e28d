/* Geometry: how embeddings lie on the sphere (Wang, Isola 2020, "Understanding contrastive
 * representation learning through alignment and uniformity on the hypersphere"), and whether they
 * have collapsed. All rows are unit rows in host memory; everything is the same for any number of
 * threads. Which rows are looked at is the caller's: kin_geometry_sample draws them. */
#ifndef KIN_METRICS_GEOMETRY_H
#define KIN_METRICS_GEOMETRY_H

#include <stdbool.h>
#include <stdint.h>
#include "core/backend.h"
#include "core/real.h"
#include "core/status.h"

#define KIN_GEOMETRY_ROWS 2000     /* sample of a corpus: 1,999,000 distinct pairs */

enum { KIN_COSINE_BINS = 80, KIN_SPECTRUM = 256 };

/* How many cosines lie in each of the equal parts of -1 .. 1; 1 itself is in the last. */
typedef struct { int64_t count[KIN_COSINE_BINS]; } kin_cosines;

/* Positive pairs: rows x_i and y_i belong together. */
typedef struct {
    int64_t pairs;
    double alignment;              /* mean |x_i - y_i|^2 (alpha 2): 0 when all coincide */
    double cosine;                 /* mean x_i . y_i */
    kin_cosines cosines;
} kin_geometry_pairs;

kin_status kin_geometry_of_pairs(kin_geometry_pairs *out, int64_t pairs, int64_t cols,
                                 const real *x, const real *y);

/* A cloud of rows. Pairs are the distinct pairs i < j; a row is never paired with itself. */
typedef struct {
    int64_t rows, cols, pairs;
    double uniformity;             /* log mean exp(-t |x_i - x_j|^2), t 2: 0 when all coincide,
                                    * about -4 + 8/cols when spread evenly */
    double cosine;                 /* mean x_i . x_j: what random pairs have */
    double deviation;              /* mean over columns of std * sqrt(cols): 1 when spread evenly */
    double rank;                   /* exp(entropy) of the spectrum of the covariance, 1 .. cols
                                    * (Roy, Vetterli 2007); 0 when nothing varies */
    kin_cosines cosines;           /* of the pairs */
    int values;                    /* of the spectrum: cols, KIN_SPECTRUM at most */
    double spectrum[KIN_SPECTRUM]; /* eigenvalues of the covariance as shares of their sum, the
                                    * largest first; 0 when nothing varies */
} kin_geometry_cloud;

/* Fails with KIN_USAGE below 2 rows, KIN_NUMERICAL when a row holds NaN or infinity. Work space
 * comes from the arena, which must be the backend's memory, and is given back. */
kin_status kin_geometry_of_cloud(kin_geometry_cloud *out, kin_backend *backend, kin_arena *work,
                                 int64_t rows, int64_t cols, const real *x);

/* The embeddings have collapsed when random pairs have a mean cosine above 0.9, or the deviation
 * is below 0.1, or fewer than 1 + cols / 100 dimensions carry the variance. Then true, and text
 * holds one sentence with the numbers; else false and text is empty. */
bool kin_geometry_collapsed(const kin_geometry_cloud *cloud, char *text, size_t size);

/* which[0..n-1]: n <= total distinct numbers below total, ascending; the seed decides. */
kin_status kin_geometry_sample(uint64_t seed, int64_t total, int64_t n, int32_t *which);

/* Eigenvalues of a symmetric matrix (n x n, destroyed), ascending, in double: Householder's
 * reduction to three diagonals, then bisection (Givens 1954), which cannot fail to settle. */
kin_status kin_eigenvalues(int64_t n, double *matrix, double *value);

#endif
