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

INLINE real logit(cell c, hyper h)        { return c.s; }
INLINE real steep(hyper h)                { return h.scale; }
#include "losses/softmax.h"
INLINE real slope(cell c, row r, hyper h) { return push(c, r); }

KIN_LOSS(n_pair,
    .entry.summary = "The match must win against all negatives by plain inner products.",
    .entry.hypers = { { "scale", 1, 0.001, 1000, "what scores are multiplied by", 0, NULL } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID, .similarity = KIN_DOT,
    .looks = KIN_ALWAYS, .keeps = true)
