/* am_softmax -- a softmax over class proxies in which the own class must win by a margin of cosine.
 *
 *     v_i      = log sum_j exp(l_ij) - l_iy,     l_iy = S (s_iy - m),  l_ij = S s_ij otherwise
 *   dv/ds_ij   = S (softmax(l_i)_j - [j = y])
 *
 * Columns are one learned proxy for each class, y is the class of row i. CosFace takes S = 64 and
 * m = 0.35, AM-Softmax S = 30.
 *
 * Wang et al. 2018, arXiv:1801.09414 (CosFace) and arXiv:1801.05599 (AM-Softmax). */
#include "core/cell.h"

typedef struct { real scale, m; } hyper;

INLINE real logit(cell c, hyper h)        { return c.s - pick(c.pos, h.m, 0); }
INLINE real steep(hyper h)                { return h.scale; }
#include "losses/softmax.h"
INLINE real slope(cell c, row r, hyper h) { return push(c, r); }

static double steepness(const double *h) { return h[0]; }

KIN_LOSS(am_softmax,
    .entry.summary = "A softmax over class proxies, won by a margin of the cosine.",
    .entry.hypers = {
        { "scale", 64, 0.01, 1000, "what cosines are multiplied by", 0, NULL },
        { "margin", 0.35, 0, 2, "what is taken from the own class's cosine", 0, NULL } },
    .takes = KIN_PROXIES | KIN_LABELS | KIN_PAIRS, .needs = KIN_POSITIVE | KIN_NEGATIVE,
    .reduce = KIN_MEAN_VALID, .looks = KIN_IF_UNBOUNDED, .keeps = true, .steepness = steepness)
