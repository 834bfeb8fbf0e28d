/* Drops documents that another encoder, the guide, finds more similar to the query than the
 * positive is: with g its cosines, those with
 *
 *     g(query, document) > g(query, positive) - margin
 *
 * GISTEmbed (Solatorio 2024, arXiv:2402.16829), with margin 0. The guide is fixed, so its opinion
 * is that of a whole training more than a young encoder's own. */
#include "mining/policy.h"

static int64_t apply(const kin_policy_round *round, const kin_policy_query *q, const double *hypers,
                     kin_candidate *list, int64_t n)
{
    const real most = q->positive_guide - (real)hypers[0];
    int64_t kept = 0;
    (void)round;
    for (int64_t i = 0; i < n; i++)
        if (!(list[i].guide > most)) list[kept++] = list[i];
    return kept;
}

const kin_policy kin_policy_guide = {
    .entry = {
        .name = "guide", .summary = "drops what a guide encoder prefers to the positive",
        .hypers = { { "margin", 0, -2, 2, "by how much the positive must be ahead", 0, NULL } },
    },
    .needs = KIN_POLICY_GUIDE,
    .apply = apply,
};
