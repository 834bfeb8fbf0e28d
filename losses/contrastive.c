/* contrastive -- positives together, negatives at least a margin apart.
 *
 *     v        = sum over pairs of 1/2 (D_ij - m+)^2 for positives beyond m+ (positive_margin),
 *                1/2 (m - D_ij)^2 for negatives nearer than m, divided by the number of pairs
 *   dv/ds_ij   = (D - m+) D'(s),  -(m - D) D'(s),  each by the number of pairs
 *
 * Distances of unit vectors: euclidean D = sqrt(2 - 2s), cosine 1 - s. power 1 takes the hinge
 * itself, without square and half. apart averages positives and negatives each for itself, over
 * those that are above 0, and adds the two means. The push on a pair at distance 0 is 0.
 *
 * All pairs of the batch are one row. Hadsell et al. 2006 (CVPR, "Dimensionality reduction by
 * learning an invariant mapping"). */
#include "core/cell.h"

typedef struct { real m, plus, distance, power, apart; } hyper;

INLINE real far(real s, hyper h)          { return h.distance > 0 ? 1 - s : sqrt(relu(2 - 2 * s)); }
#include "losses/hinges.h"

INLINE row  add  (row r, cell c, hyper h)
{
    return tally(r, c, h.power > 0 ? c.e * c.e / 2 : c.e);
}
INLINE real close(row *r, count n, hyper h)
{
    const real pairs = n.positives + n.negatives;
    return divide(r, h.apart > 0 ? r->p_above : pairs, h.apart > 0 ? r->n_above : pairs);
}

INLINE real slope(cell c, row r, hyper h)
{
    const real d = far(c.s, h), turn = h.distance > 0 ? -1 : pick(d > 0, -1 / max(d, TINY), 0);
    const real push = h.power > 0 ? c.e : pick(c.e > 0, 1, 0);
    return turn * push * pick(c.pos, r.p, -r.n);
}

KIN_LOSS(contrastive,
    .entry.summary = "Positives together, negatives at least a margin apart.",
    .entry.hypers = {
        { "margin", 0.5, 0, 10, "negatives farther apart are left alone", 0, NULL },
        { "positive_margin", 0, 0, 10, "positives nearer together are left alone", 0, NULL },
        { "distance", 0, 0, 1, "of unit vectors", KIN_INTEGER, "euclidean|cosine" },
        { "power", 1, 0, 1, "of the hinge", KIN_INTEGER, "1|2" },
        { "apart", 0, 0, 1, "average positives and negatives apart, over those above 0",
          KIN_BOOLEAN, NULL } },
    .whole = true, .takes = KIN_PAIRS | KIN_LABELS, .reduce = KIN_MEAN_VALID)
