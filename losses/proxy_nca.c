/* proxy_nca -- a softmax over squared distances to class proxies.
 *
 *     v_i      = c |z_i - w_y|^2 + log sum_j exp(-c |z_i - w_j|^2)
 *   dv/ds_ij   = 2c (softmax_j - [j = y]),      |z - w|^2 = 2 - 2s for unit vectors
 *
 * The sum runs over all proxies, as published code has it. The paper leaves the own class out of
 * it (others): then the value may be negative, and the push towards the own proxy never fades.
 * Columns are one learned proxy for each class, y is the class of row i.
 *
 * Movshovitz-Attias et al. 2017, arXiv:1703.07464. */
#include "core/cell.h"

typedef struct { real c, others; } hyper;
typedef struct { real top, own, rest, match; } row;

INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE int  sums (cell c, hyper h)        { return c.neg | (c.pos & (h.others < 1)); }
INLINE row  look (row r, cell c, hyper h)
{
    r.top = max(r.top, pick(sums(c, h), c.s, -BIG));
    return r;
}
INLINE real term (cell c, row r, hyper h)
{
    return pick(sums(c, h), exp((c.s - r.top) * (2 * h.c)), 0);
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
    const real of_a = exp((a.top - top) * (2 * h.c)), of_b = exp((b.top - top) * (2 * h.c));
    return (row){ top, a.own * of_a + b.own * of_b, a.rest * of_a + b.rest * of_b,
                  a.match + b.match };
}

/* Positives are pushed by match + own e, negatives by rest e. */
INLINE real close(row *r, count n, hyper h)
{
    const real sum = r->own + r->rest, push = 2 * h.c / sum;
    const bool softmax = h.others < 1 && n.positives < 2;
    const real value = softmax && r->own > TINY
                           ? log1p_any(r->rest / r->own)
                           : log(sum) + (r->top - r->match / n.positives) * (2 * h.c);
    r->match = softmax ? -r->rest * push : -2 * h.c / n.positives;
    r->own = softmax ? 0 : push;
    r->rest = push;
    return value;
}

INLINE real slope(cell c, row r, hyper h)
{
    return pick(c.pos, r.match + c.e * r.own, c.e * r.rest);
}

KIN_LOSS(proxy_nca,
    .entry.summary = "A softmax over squared distances to class proxies.",
    .entry.hypers = {
        { "scale", 1, 0.01, 1000, "what squared distances are multiplied by", 0, NULL },
        { "others", 0, 0, 1, "leave the own class out of the sum", KIN_BOOLEAN, NULL } },
    .takes = KIN_PROXIES | KIN_LABELS | KIN_PAIRS, .needs = KIN_POSITIVE | KIN_NEGATIVE,
    .reduce = KIN_MEAN_VALID, .looks = KIN_ALWAYS, .keeps = true)
