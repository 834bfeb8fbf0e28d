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

INLINE int  counts(cell c)                { return c.any; }
INLINE real share (cell c)                { return pick(c.any, c.y, 0); }
#include "losses/soft_match.h"

KIN_LOSS(soft_target,
    .entry.summary = "A softmax whose target is how alike a teacher finds each pair.",
    .entry.hypers = {
        { "temperature", 0.05, 0.001, 10, "what scores are divided by", KIN_LEARNABLE, NULL } },
    .learned = { { KIN_LOG_INVERSE, 0, 4.605170185988092 } },
    .takes = KIN_TARGETS, .reduce = KIN_MEAN_VALID,
    .looks = KIN_IF_UNBOUNDED, .keeps = true, .steepness = steepness, .learn = learn)
