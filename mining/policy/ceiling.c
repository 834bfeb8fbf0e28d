/* Drops documents whose score is above `most`, whatever the positive's is: NV-Retriever's TopK-Abs
 * (Moreira et al. 2024, arXiv:2407.15831). */
#include "mining/policy.h"

static int64_t apply(const kin_policy_round *round, const kin_policy_query *q, const double *hypers,
                     kin_candidate *list, int64_t n)
{
    (void)round;
    (void)q;
    return kin_policy_at_most(list, n, (real)hypers[0]);
}

const kin_policy kin_policy_ceiling = {
    .entry = {
        .name = "ceiling", .summary = "drops documents that score above a number",
        .hypers = { { "most", 0.7, -1e6, 1e6, "the highest score of a negative", 0, NULL } },
    },
    .needs = KIN_POLICY_SCORES,
    .apply = apply,
};
