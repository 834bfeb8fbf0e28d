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
typedef struct { real ptop, ntop, own, rest, match; } row;
#include "losses/two_tops.h"

INLINE row  add  (row r, cell c, hyper h)
{
    r.own += pick(c.pos, c.e, 0);
    r.rest += pick(c.neg, c.e, 0);
    r.match += pick(c.pos, c.s, 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real p = max(a.ptop, b.ptop), q = max(a.ntop, b.ntop), s = 1 / h.t;
    row r = { .ptop = p, .ntop = q, .match = a.match + b.match };
    r.own = a.own * exp((a.ptop - p) * s) + b.own * exp((b.ptop - p) * s);
    r.rest = a.rest * exp((a.ntop - q) * s) + b.rest * exp((b.ntop - q) * s);
    return r;
}

/* Positives and negatives have their own tops, so that neither sum is ever 0. Positives are pushed
 * by match + own e, negatives by rest e. */
INLINE real close(row *r, count n, hyper h)
{
    const real scale = h.b > 0 ? h.t / h.b : 1, push = scale * (1 / h.t);
    const real top = max(r->ptop, r->ntop);
    const real of_p = exp((r->ptop - top) * (1 / h.t)), of_n = exp((r->ntop - top) * (1 / h.t));
    const real own = r->own * of_p, rest = r->rest * of_n, sum = own + rest;
    const real mean = r->match / n.positives, gap = (top - r->ptop) * (1 / h.t);
    const real inside = gap > 0 ? gap + log(sum / r->own) : log1p_any(rest / own);
    const real value = h.inside > 0 ? inside + log(n.positives)
                                    : log(sum) + (top - mean) * (1 / h.t);
    r->match = h.inside > 0 ? 0 : -push / n.positives;
    r->own = h.inside > 0 ? -push * (rest / sum) / r->own : push * of_p / sum;
    r->rest = push * of_n / sum;
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
    .reduce = KIN_MEAN_VALID, .fast = true,
    .looks = KIN_IF_UNBOUNDED, .keeps = true, .steepness = steepness)
