/* n_pair -- the match must win against all negatives by inner products as they are.
 *
 *     v_i      = log( 1 + sum_n exp(s_in - s_ip) )
 *   dv/ds_ij   = softmax(s_i)_j - [j = p]
 *
 * InfoNCE without a temperature on vectors that are not normalised: how long they get decides how
 * sharp the softmax is, so the paper adds a small penalty on their norms (weight decay). Several
 * positives: s_ip is their mean.
 *
 * Sohn 2016 (NeurIPS, "Improved deep metric learning with multi-class N-pair loss objective"). */
#include "core/cell.h"

typedef struct { real scale; } hyper;
typedef struct { real top, own, rest, match; } row;

INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE row  look (row r, cell c, hyper h) { r.top = max(r.top, pick(c.any, c.s, -BIG)); return r; }
INLINE real term (cell c, row r, hyper h) { return pick(c.any, exp((c.s - r.top) * h.scale), 0); }
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
    const real of_a = exp((a.top - top) * h.scale), of_b = exp((b.top - top) * h.scale);
    return (row){ top, a.own * of_a + b.own * of_b, a.rest * of_a + b.rest * of_b,
                  a.match + b.match };
}

/* Positives are pushed by match + own e, negatives by rest e. */
INLINE real close(row *r, count n, hyper h)
{
    const real sum = r->own + r->rest, push = h.scale / sum;
    const bool one = n.positives < 2;
    const real value = one && r->own > TINY
                           ? log1p_any(r->rest / r->own)
                           : log(sum) + (r->top - r->match / n.positives) * h.scale;
    r->match = one ? -r->rest * push : -h.scale / n.positives;
    r->own = one ? 0 : push;
    r->rest = push;
    return value;
}

INLINE real slope(cell c, row r, hyper h)
{
    return pick(c.pos, r.match + c.e * r.own, c.e * r.rest);
}

KIN_LOSS(n_pair,
    .entry.summary = "The match must win against all negatives by plain inner products.",
    .entry.hypers = { { "scale", 1, 0.001, 1000, "what scores are multiplied by", 0, NULL } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID, .similarity = KIN_DOT,
    .looks = KIN_ALWAYS, .keeps = true)
