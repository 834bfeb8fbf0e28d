/* hardness -- InfoNCE with negatives weighted by how hard they are.
 *
 *     l_ij     = s_ij / t + a s_ij for a negative (the second s_ij held constant), s_ij / t else
 *     v_i      = log sum_j exp(l_ij) - mean_p l_ip
 *   dv/ds_ij   = (exp(l_ij) / sum_k exp(l_ik) - [j in P] / |P|) / t
 *
 * Each negative counts with the weight exp(a s); the weight is a constant in the derivative, so it
 * shifts the softmax and adds nothing of its own. weigh says which negatives get it: those that
 * were not given for this row (in_batch), those that were (hard), or all.
 *
 * Lan et al. 2025, arXiv:2503.04812 (LLaVE: a = 9, t = 0.02). */
#include "core/cell.h"

typedef struct { real t, a, which; } hyper;

enum { IN_BATCH, HARD, ALL };

INLINE real logit(cell c, hyper h)
{
    const int weighted = c.neg & ((h.which == ALL) | ((h.which == HARD) == c.extra));
    return c.s * (1 / h.t) + c.held * pick(weighted, h.a, 0);
}
INLINE real steep(hyper h) { return 1; }
#include "losses/softmax.h"
INLINE real slope(cell c, row r, hyper h) { return push(c, r) * (1 / h.t); }

KIN_LOSS(hardness,
    .entry.summary = "InfoNCE with negatives weighted by how hard they are.",
    .entry.hypers = {
        { "temperature", 0.02, 0.001, 10, "what scores are divided by", 0, NULL },
        { "alpha", 9, 0, 100, "steepness of the weight exp(alpha s)", 0, NULL },
        { "weigh", IN_BATCH, 0, 2, "which negatives", KIN_INTEGER, "in_batch|hard|all" } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID,
    .looks = KIN_ALWAYS, .keeps = true, .holds = true)
