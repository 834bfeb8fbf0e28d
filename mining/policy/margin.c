/* Drops documents that score above the positive's score minus `margin`: NV-Retriever's
 * TopK-MarginPos (Moreira et al. 2024, arXiv:2407.15831). */
#include "mining/policy.h"

static int64_t apply(const kin_policy_round *round, const kin_policy_query *q, const double *hypers,
                     kin_candidate *list, int64_t n)
{
    (void)round;
    return kin_policy_at_most(list, n, q->positive_score - (real)hypers[0]);
}

const kin_policy kin_policy_margin = {
    .entry = {
        .name = "margin", .summary = "drops documents that score within a margin of the positive",
        .hypers = { { "margin", 0.05, -1e6, 1e6, "by how much the positive must be ahead", 0,
                      NULL } },
    },
    .needs = KIN_POLICY_SCORES,
    .apply = apply,
};
