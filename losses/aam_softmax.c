/* aam_softmax -- a softmax over class proxies in which the own class must win by a margin of angle.
 *
 *     v_i      = log sum_j exp(l_ij) - l_iy,     l_iy = S cos(theta_iy + m),  l_ij = S s_ij else
 *   dv/ds_ij   = S (softmax(l_i)_j - [j = y]),   times sin(theta + m) / sin(theta) for j = y
 *
 * Where theta + m passes pi the target goes on as cos(theta) - m sin(m), so that it stays
 * monotone. In the slope sin(theta) is taken to be at least 0.001: a row that has reached its
 * proxy would otherwise get a push without bound. Scores are cosines, or there is no angle. Columns
 * are one learned proxy for each class, y is the class of row i; the margin is in radians.
 *
 * Deng et al. 2018, arXiv:1801.07698 (ArcFace). */
#include "core/cell.h"

typedef struct { real scale, m; } hyper;
typedef struct { real top, own, rest, match; } row;

INLINE real sine(real s)                  { return sqrt(relu(1 - s * s)); }
INLINE real logit(cell c, hyper h)
{
    const real cos_m = (real)cos((double)h.m), sin_m = (real)sin((double)h.m);
    const real turned = c.s * cos_m - sine(c.s) * sin_m, beyond = c.s - h.m * sin_m;
    return pick(c.pos, pick(c.s > -cos_m, turned, beyond), c.s);
}
/* d logit / d s of a positive. */
INLINE real turn(cell c, hyper h)
{
    const real cos_m = (real)cos((double)h.m), sin_m = (real)sin((double)h.m);
    const real by_sine = pick(sine(c.s) > 0, c.s * sin_m / max(sine(c.s), (real)0.001), 0);
    return pick(c.s > -cos_m, cos_m + by_sine, 1);
}

INLINE row  open (real top)               { return (row){ .top = -BIG }; }
INLINE row  look (row r, cell c, hyper h)
{
    r.top = max(r.top, pick(c.any, logit(c, h), -BIG));
    return r;
}
INLINE real term (cell c, row r, hyper h)
{
    return pick(c.any, exp((logit(c, h) - r.top) * h.scale), 0);
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.own += pick(c.pos, c.e, 0);
    r.rest += pick(c.pos, 0, c.e);
    r.match += pick(c.pos, logit(c, h), 0);
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
    return pick(c.pos, (r.match + c.e * r.own) * turn(c, h), c.e * r.rest);
}

KIN_LOSS(aam_softmax,
    .entry.summary = "A softmax over class proxies, won by a margin of the angle.",
    .entry.hypers = {
        { "scale", 64, 0.01, 1000, "what cosines are multiplied by", 0, NULL },
        { "margin", 0.5, 0, 1.5, "what is added to the own class's angle, radians", 0, NULL } },
    .takes = KIN_PROXIES | KIN_LABELS | KIN_PAIRS, .needs = KIN_POSITIVE | KIN_NEGATIVE,
    .reduce = KIN_MEAN_VALID, .similarity = KIN_COSINE, .only_similarity = true,
    .looks = KIN_ALWAYS)
