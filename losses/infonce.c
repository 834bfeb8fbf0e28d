/* infonce -- pick the match out of the whole row.
 *
 *     v_i      = log sum_j e_ij - 1/|P| sum_{p in P} s_ip / t,      e_ij = exp(s_ij / t)
 *   dv/ds_ij   = (e_ij / sum_k e_ik - [j in P] / |P|) / t
 *
 * j runs over all candidates of anchor i, P are its positives (mostly one). Every negative is
 * pushed away by its share of the softmax: the lower the temperature t, the more the hardest few
 * get of the whole push. A learned t is trained as log 1/t within [0, log 100].
 *
 * One positive: van den Oord et al. 2018, arXiv:1807.03748. Several: Khosla et al. 2020,
 * arXiv:2004.11362 (L_out). Other names: NT-Xent (Chen et al. 2020, rows are both views, self),
 * CLIP's loss (Radford et al. 2021, symmetric, learned t), SupCon (by label, self), multiple
 * negatives ranking loss (scale = 1/t), in-batch softmax. */
#include "core/cell.h"

typedef struct { real t; } hyper;
typedef struct { real top, sum, match; } row;

/* All exponents are taken relative to top, so that none overflows however small t is. */
INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE row  look (row r, cell c, hyper h) { r.top = max(r.top, pick(c.any, c.s, -BIG)); return r; }
INLINE real term (cell c, row r, hyper h) { return pick(c.any, exp((c.s - r.top) * (1 / h.t)), 0); }
INLINE row  add  (row r, cell c, hyper h)
{
    r.sum += c.e;
    r.match += pick(c.pos, c.s, 0);
    return r;
}

INLINE row merge(row a, row b, hyper h)
{
    const real top = max(a.top, b.top);
    const real sum = a.sum * exp((a.top - top) / h.t) + b.sum * exp((b.top - top) / h.t);
    return (row){ top, sum, a.match + b.match };
}

INLINE real close(row *r, count n, hyper h)
{
    const real value = log(r->sum) + (r->top - r->match / n.positives) / h.t;
    r->sum = 1 / (r->sum * h.t);
    r->match = 1 / (n.positives * h.t);
    return value;
}

INLINE real slope(cell c, row r, hyper h) { return c.e * r.sum - pick(c.pos, r.match, 0); }

static double steepness(const double *h) { return 1 / h[0]; }

static void learn(const double *h, double slope, double slope_score, double *gradient)
{
    (void)slope;
    gradient[0] = -slope_score / h[0];
}

KIN_LOSS(infonce,
    .entry.summary = "Picks the match out of all candidates by a softmax over the row.",
    .entry.hypers = {
        { "temperature", 0.05, 0.001, 10, "what scores are divided by", KIN_LEARNABLE, NULL } },
    .learned = { { KIN_LOG_INVERSE, 0, 4.605170185988092 } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID,
    .looks = KIN_IF_UNBOUNDED, .keeps = true, .steepness = steepness, .learn = learn)
