/* Keeps documents that score below the positive, but by less than `margin`: FaceNet's semi-hard
 * negatives (Schroff, Kalenichenko, Philbin 2015, arXiv:1503.03832), here by score in place of
 * distance. */
#include "mining/policy.h"

static int64_t apply(const kin_policy_round *round, const kin_policy_query *q, const double *hypers,
                     kin_candidate *list, int64_t n)
{
    const real high = q->positive_score, low = high - (real)hypers[0];
    int64_t kept = 0;
    (void)round;
    for (int64_t i = 0; i < n; i++)
        if (!(list[i].score >= high) && !(list[i].score <= low)) list[kept++] = list[i];
    return kept;
}

const kin_policy kin_policy_semihard = {
    .entry = {
        .name = "semihard", .summary = "keeps documents that score little less than the positive",
        .hypers = { { "margin", 0.2, 1e-6, 1e6, "by how much less at most", 0, NULL } },
    },
    .needs = KIN_POLICY_SCORES,
    .apply = apply,
};
