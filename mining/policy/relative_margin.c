/* Drops documents that score above
 *
 *     s(query, positive) - margin |s(query, positive)|
 *
 * With a positive score s that is (1 - margin) s: NV-Retriever's TopK-PercPos (Moreira et al. 2024,
 * arXiv:2407.15831), whose best share, 95 %, is a margin of 0.05. The absolute value keeps the
 * limit below the positive where scores are negative, where a plain share would lie above it. */
#include <math.h>
#include "mining/policy.h"

static int64_t apply(const kin_policy_round *round, const kin_policy_query *q, const double *hypers,
                     kin_candidate *list, int64_t n)
{
    const real s = q->positive_score;
    (void)round;
    return kin_policy_at_most(list, n, s - (real)hypers[0] * (real)fabs((double)s));
}

const kin_policy kin_policy_relative_margin = {
    .entry = {
        .name = "relative_margin",
        .summary = "drops documents that score within a share of the positive's score",
        .hypers = { { "margin", 0.05, 0, 1, "the share of the positive's score", 0, NULL } },
    },
    .needs = KIN_POLICY_SCORES,
    .apply = apply,
};
