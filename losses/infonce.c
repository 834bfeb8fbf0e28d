/* infonce -- pick the match out of the whole row.
 *
 *     v_i      = log sum_j e_ij - 1/|P| sum_{p in P} s_ip / t,      e_ij = exp(s_ij / t)
 *   dv/ds_ij   = (e_ij / sum_k e_ik - [j in P] / |P|) / t
 *
 * j runs over all candidates of anchor i, P are its positives (mostly one). Every negative is
 * pushed away by its share of the softmax: the lower the temperature t, the more the hardest few
 * get of the whole push. A learned t is trained as log 1/t within [0, log 100].
 *
 * margin m puts s_ip - m in place of s_ip: the match must win by m. smoothing a takes the share a
 * of the target [j in P] / |P| and deals it out to all n candidates alike.
 *
 * One positive: van den Oord et al. 2018, arXiv:1807.03748. Several: Khosla et al. 2020,
 * arXiv:2004.11362 (L_out). Other names: NT-Xent (Chen et al. 2020, rows are both views, self),
 * CLIP's loss (Radford et al. 2021, symmetric, learned t), SupCon (by label, self), multiple
 * negatives ranking loss (scale = 1/t), in-batch softmax. */
#include "core/cell.h"

typedef struct { real t, margin, smoothing; } hyper;
typedef struct { real top, own, rest, match, all; } row;

INLINE real logit(cell c, hyper h) { return c.s - pick(c.pos, h.margin, 0); }

/* All exponents are taken relative to top, so that none overflows however small t is. own and rest
 * are the sums of e over positives and negatives: apart, so that the small loss of a row that is
 * almost right keeps its digits. match and all are sums of the scores themselves. */
INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE row  look (row r, cell c, hyper h) { r.top = max(r.top, pick(c.any, c.s, -BIG)); return r; }
INLINE real term (cell c, row r, hyper h)
{
    return pick(c.any, exp((logit(c, h) - r.top) * (1 / h.t)), 0);
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.own += pick(c.pos, c.e, 0);
    r.rest += pick(c.pos, 0, c.e);
    r.match += pick(c.pos, logit(c, h), 0);
    r.all += pick(c.any, logit(c, h), 0);
    return r;
}

INLINE row merge(row a, row b, hyper h)
{
    const real top = max(a.top, b.top);
    const real of_a = exp((a.top - top) * (1 / h.t)), of_b = exp((b.top - top) * (1 / h.t));
    return (row){ top, a.own * of_a + b.own * of_b, a.rest * of_a + b.rest * of_b,
                  a.match + b.match, a.all + b.all };
}

/* Leaves in match and own what positives are pushed by, match + own e, and in all and rest what
 * negatives are, all + rest e. With one positive both e / sum - 1 and log(sum) - s / t are spelt
 * without taking nearly equal numbers from each other: -rest / sum and log(1 + rest / own). */
INLINE real close(row *r, count n, hyper h)
{
    const real sum = r->own + r->rest, push = (1 / h.t) / sum;
    const real each = 1 / (n.positives + n.negatives);
    const real mean = r->match / n.positives, moved = h.smoothing * (1 / h.t);
    const bool one = n.positives < 2, precise = one && r->own > TINY;
    const real value = (precise ? log1p_any(r->rest / r->own)
                                : log(sum) + (r->top - mean) * (1 / h.t))
                       + moved * (mean - r->all * each);
    r->match = (one ? -r->rest * push : -1 / (n.positives * h.t))
               + moved * (1 / n.positives - each);
    r->own = one ? 0 : push;
    r->rest = push;
    r->all = -moved * each;
    return value;
}

INLINE real slope(cell c, row r, hyper h)
{
    return pick(c.pos, r.match + c.e * r.own, pick(c.any, r.all, 0) + c.e * r.rest);
}

static double steepness(const double *h) { return 1 / h[0]; }

static void learn(const double *h, kin_slopes s, double *gradient)
{
    gradient[0] = -(s.score - h[1] * s.positive) / h[0];
}

KIN_LOSS(infonce,
    .entry.summary = "Picks the match out of all candidates by a softmax over the row.",
    .entry.hypers = {
        { "temperature", 0.05, 0.001, 10, "what scores are divided by", KIN_LEARNABLE, NULL },
        { "margin", 0, 0, 2, "what is taken from the score of a positive", 0, NULL },
        { "smoothing", 0, 0, 0.9, "share of the target dealt out to all candidates", 0, NULL } },
    .learned = { { KIN_LOG_INVERSE, 0, 4.605170185988092 } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID, .fast = true,
    .looks = KIN_IF_UNBOUNDED, .keeps = true, .sums_slopes = true, .steepness = steepness,
    .learn = learn)
