/* soft_target -- a softmax whose target is how alike a teacher finds each pair.
 *
 *     v_i      = log sum_j e_ij - sum_j w_ij s_ij / (t sum_j w_ij),       e_ij = exp(s_ij / t)
 *   dv/ds_ij   = (e_ij / sum_k e_ik - w_ij / sum_k w_ik) / t
 *
 * w is the target of a cell, at least 0: for instance (1 + u_i . u_j) / 2 of the unit embeddings u
 * of a frozen encoder. Targets of 1 for the match and 0 for all others give InfoNCE. A row whose
 * targets are all 0 only spreads out.
 *
 * Srinivasa et al. 2023, arXiv:2309.14580. Other names: CWCL, continuously weighted. */
#include "core/cell.h"

typedef struct { real t; } hyper;
typedef struct { real top, sum, weight, match; } row;

INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE row  look (row r, cell c, hyper h) { r.top = max(r.top, pick(c.any, c.s, -BIG)); return r; }
INLINE real term (cell c, row r, hyper h)
{
    return pick(c.any, exp((c.s - r.top) * (1 / h.t)), 0);
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.sum += c.e;
    r.weight += pick(c.any, c.y, 0);
    r.match += pick(c.any, c.y * c.s, 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real top = max(a.top, b.top);
    return (row){ top, a.sum * exp((a.top - top) * (1 / h.t))
                       + b.sum * exp((b.top - top) * (1 / h.t)),
                  a.weight + b.weight, a.match + b.match };
}

INLINE real close(row *r, count n, hyper h)
{
    const real share = r->weight > 0 ? 1 / r->weight : 0;
    const bool any = n.positives + n.negatives > 0;
    const real value = any ? log(r->sum) + (r->top - r->match * share) * (1 / h.t) : 0;
    r->sum = any ? (1 / h.t) / r->sum : 0;
    r->weight = (1 / h.t) * share;
    return value;
}

INLINE real slope(cell c, row r, hyper h)
{
    return c.e * r.sum - pick(c.any, c.y * r.weight, 0);
}

static double steepness(const double *h) { return 1 / h[0]; }

static void learn(const double *h, kin_slopes s, double *gradient)
{
    gradient[0] = -s.score / h[0];
}

KIN_LOSS(soft_target,
    .entry.summary = "A softmax whose target is how alike a teacher finds each pair.",
    .entry.hypers = {
        { "temperature", 0.05, 0.001, 10, "what scores are divided by", KIN_LEARNABLE, NULL } },
    .learned = { { KIN_LOG_INVERSE, 0, 4.605170185988092 } },
    .takes = KIN_TARGETS, .reduce = KIN_MEAN_VALID,
    .looks = KIN_IF_UNBOUNDED, .keeps = true, .steepness = steepness, .learn = learn)
