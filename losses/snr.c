/* snr -- contrastive loss on the signal-to-noise distance.
 *
 *     D_ij     = var(q_i - k_j) / var(q_i),     variances over the coordinates of a vector
 *     v        = mean over positives of max(0, D - m+)  +  mean over negatives of max(0, m - D)
 *
 * Vectors are normalised first. Both means run over what is above 0. The distance is not
 * symmetric: the anchor is the signal, the difference is the noise. An anchor whose coordinates
 * are all equal has no signal; its scores are 0 and it gets no gradient. All pairs of the batch are
 * one row.
 *
 * Yuan et al. 2019, arXiv:1904.02616. */
#include "core/cell.h"

typedef struct { real m, plus; } hyper;

INLINE real far(real s, hyper h)          { return 2 - 2 * s; }
#include "losses/hinges.h"

INLINE row  add  (row r, cell c, hyper h)   { return tally(r, c, c.e); }
INLINE real close(row *r, count n, hyper h) { return divide(r, r->p_above, r->n_above); }
INLINE real slope(cell c, row r, hyper h)
{
    return pick(c.e > 0, pick(c.pos, -2 * r.p, 2 * r.n), 0);
}

KIN_LOSS(snr,
    .entry.summary = "Contrastive loss on the ratio of noise to signal between two vectors.",
    .entry.hypers = {
        { "margin", 1, 0, 10, "negatives farther apart are left alone", 0, NULL },
        { "positive_margin", 0, 0, 10, "positives nearer together are left alone", 0, NULL } },
    .whole = true, .similarity = KIN_SNR, .only_similarity = true, .normalizes = true,
    .reduce = KIN_MEAN_VALID)
