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

INLINE real sine(real s) { return sqrt(relu(1 - s * s)); }
/* d logit / d s of a positive. */
INLINE real turn(cell c, hyper h)
{
    const real cos_m = (real)cos((double)h.m), sin_m = (real)sin((double)h.m);
    const real by_sine = pick(sine(c.s) > 0, c.s * sin_m / max(sine(c.s), (real)0.001), 0);
    return pick(c.s > -cos_m, cos_m + by_sine, 1);
}

INLINE real logit(cell c, hyper h)
{
    const real cos_m = (real)cos((double)h.m), sin_m = (real)sin((double)h.m);
    const real turned = c.s * cos_m - sine(c.s) * sin_m, beyond = c.s - h.m * sin_m;
    return pick(c.pos, pick(c.s > -cos_m, turned, beyond), c.s);
}
INLINE real steep(hyper h) { return h.scale; }
#include "losses/softmax.h"
INLINE real slope(cell c, row r, hyper h) { return push(c, r) * pick(c.pos, turn(c, h), 1); }

KIN_LOSS(aam_softmax,
    .entry.summary = "A softmax over class proxies, won by a margin of the angle.",
    .entry.hypers = {
        { "scale", 64, 0.01, 1000, "what cosines are multiplied by", 0, NULL },
        { "margin", 0.5, 0, 1.5, "what is added to the own class's angle, radians", 0, NULL } },
    .takes = KIN_PROXIES | KIN_LABELS | KIN_PAIRS, .needs = KIN_POSITIVE | KIN_NEGATIVE,
    .reduce = KIN_MEAN_VALID, .similarity = KIN_COSINE, .only_similarity = true,
    .looks = KIN_ALWAYS)
