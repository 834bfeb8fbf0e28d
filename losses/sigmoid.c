/* sigmoid -- ask of every pair on its own whether it is a match.
 *
 *     v_i      = sum_j softplus(x_ij),   x_ij = -y_ij (t s_ij + b),   y +1 positive, -1 negative
 *   dv/ds_ij   = -y_ij t sigma(x_ij)
 *
 * No softmax ties the pairs together, so the loss of a part is a part of the loss. The bias b
 * begins at -10, because almost all pairs are negatives. The loss is the sum over all pairs divided
 * by the number of rows. A learned scale t is trained as log t, the bias as it is.
 *
 * e = exp(-|x|) serves both: softplus(x) = max(x, 0) + log(1 + e) and
 * sigma(x) = (x > 0 ? 1 : e) / (1 + e).
 *
 * Zhai et al. 2023, arXiv:2303.15343. Other names: SigLIP. */
#include "core/cell.h"

typedef struct { real t, b; } hyper;
typedef struct { real sum; } row;

INLINE real doubt(cell c, hyper h) { const real x = h.t * c.s + h.b; return pick(c.pos, -x, x); }

INLINE row  open (real top)               { return (row){ 0 }; }
LOOKS_NEVER
INLINE real term (cell c, row r, hyper h) { return exp(-size(doubt(c, h))); }
INLINE row  add  (row r, cell c, hyper h)
{
    r.sum += pick(c.any, relu(doubt(c, h)) + log1p_unit(c.e), 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)          { return (row){ a.sum + b.sum }; }
INLINE real close(row *r, count n, hyper h)       { return r->sum; }
INLINE real slope(cell c, row r, hyper h)
{
    const real push = h.t * pick(doubt(c, h) > 0, 1, c.e) / (1 + c.e);
    return pick(c.any, pick(c.pos, -push, push), 0);
}

static void learn(const double *h, kin_slopes s, double *gradient)
{
    gradient[0] = s.score / h[0];
    gradient[1] = s.all / h[0];
}

KIN_LOSS(sigmoid,
    .entry.summary = "Asks of every pair on its own whether it is a match.",
    .entry.hypers = {
        { "scale", 10, 0.01, 1000, "what scores are multiplied by", KIN_LEARNABLE, NULL },
        { "bias", -10, -100, 100, "what is added to the scaled score", KIN_LEARNABLE, NULL } },
    .learned = { { KIN_LOG, 0, 0 }, { KIN_AS_IS, 0, 0 } },
    .reduce = KIN_MEAN_ROWS, .fast = true,
    .mirrored = true, .sums_slopes = true, .learn = learn)
