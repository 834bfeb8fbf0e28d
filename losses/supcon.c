/* supcon -- all rows of a class are each other's positives in a softmax.
 *
 *     v_i      = 1/|P| sum_{p in P} [ log sum_j e_ij - s_ip / t ],      e_ij = exp(s_ij / t)
 *   dv/ds_ij   = (e_ij / sum_k e_ik - [j in P] / |P|) / t
 *
 * The sum runs over all others of the batch, positives too. inside takes the mean over positives
 * inside the logarithm: log sum_j e_ij - log(1/|P| sum_p e_ip), whose push dwells on the positives
 * that are near already; the paper finds it worse. base_temperature b > 0 multiplies the loss by
 * t / b, as published code does (b = 0.07). Rows without a positive count as 0 in the mean with
 * reduce = mean_rows, as there.
 *
 * Khosla et al. 2020, arXiv:2004.11362 (L_out, and L_in). */
#include "core/cell.h"

typedef struct { real t, b, inside; } hyper;
typedef struct { real top, own, rest, match; } row;

INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE row  look (row r, cell c, hyper h) { r.top = max(r.top, pick(c.any, c.s, -BIG)); return r; }
INLINE real term (cell c, row r, hyper h)
{
    return pick(c.any, exp((c.s - r.top) * (1 / h.t)), 0);
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.own += pick(c.pos, c.e, 0);
    r.rest += pick(c.pos, 0, c.e);
    r.match += pick(c.pos, c.s, 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real top = max(a.top, b.top);
    const real of_a = exp((a.top - top) * (1 / h.t)), of_b = exp((b.top - top) * (1 / h.t));
    return (row){ top, a.own * of_a + b.own * of_b, a.rest * of_a + b.rest * of_b,
                  a.match + b.match };
}

/* Positives are pushed by match + own e, negatives by rest e. */
INLINE real close(row *r, count n, hyper h)
{
    const real scale = h.b > 0 ? h.t / h.b : 1, push = scale * (1 / h.t);
    const real sum = r->own + r->rest, own = max(r->own, TINY);
    const bool inside = h.inside > 0 && r->own > TINY;
    const real value = inside ? log1p_any(r->rest / own) + log(n.positives)
                              : log(sum) + (r->top - r->match / n.positives) * (1 / h.t);
    r->match = inside ? 0 : -push / n.positives;
    r->own = inside ? -push * (r->rest / own) / sum : push / sum;
    r->rest = push / sum;
    return scale * value;
}

INLINE real slope(cell c, row r, hyper h)
{
    return pick(c.pos, r.match + c.e * r.own, c.e * r.rest);
}

static double steepness(const double *h) { return 1 / h[0]; }

KIN_LOSS(supcon,
    .entry.summary = "All rows of a class are each other's positives in a softmax.",
    .entry.hypers = {
        { "temperature", 0.1, 0.001, 10, "what scores are divided by", 0, NULL },
        { "base_temperature", 0, 0, 10, "multiply the loss by temperature / this; 0: do not", 0,
          NULL },
        { "inside", 0, 0, 1, "mean over positives inside the logarithm", KIN_BOOLEAN, NULL } },
    .takes = KIN_LABELS | KIN_PAIRS, .needs = KIN_POSITIVE | KIN_NEGATIVE,
    .reduce = KIN_MEAN_VALID, .looks = KIN_IF_UNBOUNDED, .keeps = true, .steepness = steepness)
