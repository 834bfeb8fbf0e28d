/* decoupled -- InfoNCE without the match in its own denominator.
 *
 *     v_i      = log sum_n e_in - s_ip / t,      e_in = exp(s_in / t), n over negatives only
 *   dv/ds_ij   = -1 / (t |P|) for a positive,  e_ij / (t sum_n e_in) for a negative
 *
 * In InfoNCE both pushes shrink by 1 - p once the match has won the share p of the softmax, the
 * more so the smaller the batch; without the match in the sum they do not, so that small batches
 * learn as well as large ones. The value may be negative.
 *
 * Yeh et al. 2021, arXiv:2110.06848. Other names: DCL. */
#include "core/cell.h"

typedef struct { real t; } hyper;

INLINE int  counts(cell c)                { return c.neg; }
INLINE real share (cell c)                { return pick(c.pos, 1, 0); }
#include "losses/soft_match.h"

KIN_LOSS(decoupled,
    .entry.summary = "InfoNCE without the match in its own denominator.",
    .entry.hypers = {
        { "temperature", 0.1, 0.001, 10, "what scores are divided by", KIN_LEARNABLE, NULL } },
    .learned = { { KIN_LOG_INVERSE, 0, 4.605170185988092 } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID,
    .looks = KIN_IF_UNBOUNDED, .keeps = true, .steepness = steepness, .learn = learn)
