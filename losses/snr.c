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
typedef struct { real p, p_above, n, n_above; } row;

INLINE row  open (real top)               { return (row){ 0 }; }
LOOKS_NEVER
INLINE real term (cell c, row r, hyper h)
{
    const real d = 2 - 2 * c.s;
    return pick(c.any, relu(pick(c.pos, d - h.plus, h.m - d)), 0);
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.p += pick(c.pos, c.e, 0), r.p_above += (real)(c.pos & (c.e > 0));
    r.n += pick(c.neg, c.e, 0), r.n_above += (real)(c.neg & (c.e > 0));
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    return (row){ a.p + b.p, a.p_above + b.p_above, a.n + b.n, a.n_above + b.n_above };
}

/* Leaves in p and n what the slopes of both kinds are multiplied by. */
INLINE real close(row *r, count n, hyper h)
{
    const real p = 1 / max(r->p_above, 1), q = 1 / max(r->n_above, 1);
    const real value = r->p * p + r->n * q;
    r->p = p, r->n = q;
    return value;
}

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
