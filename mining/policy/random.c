/* Candidates come in random order, so that those that are taken are drawn from all that are left,
 * uniformly and without replacement. The order depends on the seed, the time of mining and the
 * query's number alone. As ANCE (Xiong et al. 2021, arXiv:2007.00808) draws from its top 200. */
#include "core/rng.h"
#include "mining/policy.h"

static int64_t apply(const kin_policy_round *round, const kin_policy_query *q, const double *hypers,
                     kin_candidate *list, int64_t n)
{
    (void)hypers;
    for (int64_t i = 0; i + 1 < n; i++) {
        const uint64_t index = (uint64_t)q->number << 32 | (uint64_t)i;
        const int64_t j = i + (int64_t)kin_random_below(round->seed, KIN_STREAM_MINING,
                                                        round->round, index, (uint64_t)(n - i));
        const kin_candidate chosen = list[j];
        list[j] = list[i];
        list[i] = chosen;
    }
    return n;
}

const kin_policy kin_policy_random = {
    .entry = { .name = "random", .summary = "takes candidates at random" },
    .apply = apply,
};
