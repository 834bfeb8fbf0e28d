/* Drops documents that are almost the positive: of the different tokens that the two have together,
 * the share that both have is at least `overlap` (resemblance: Broder 1997, "On the resemblance and
 * containment of documents", of single tokens). */
#include "mining/policy.h"

/* The share of two rising lists that is common to both; 0 of two empty ones. */
static double resemblance(const int32_t *a, const int32_t *a_end, const int32_t *b,
                          const int32_t *b_end)
{
    int64_t common = 0, all = 0;
    for (; a < a_end && b < b_end; all++) {
        const int32_t x = *a, y = *b;
        common += x == y;
        a += x <= y;
        b += y <= x;
    }
    all += (a_end - a) + (b_end - b);
    return all ? (double)common / (double)all : 0;
}

static int64_t apply(const kin_policy_round *round, const kin_policy_query *q, const double *hypers,
                     kin_candidate *list, int64_t n)
{
    const int64_t *start = round->corpus.start;
    const int32_t *token = round->corpus.token;
    int64_t kept = 0;
    if (q->positive < 0) return n;
    for (int64_t i = 0; i < n; i++) {
        const int32_t d = list[i].document, p = q->positive;
        if (resemblance(token + start[d], token + start[d + 1], token + start[p],
                        token + start[p + 1]) < hypers[0]) list[kept++] = list[i];
    }
    return kept;
}

const kin_policy kin_policy_near_duplicate = {
    .entry = {
        .name = "near_duplicate", .summary = "drops documents that are almost the positive",
        .hypers = { { "overlap", 0.8, 0.01, 1, "share of the tokens of both that both have", 0,
                      NULL } },
    },
    .needs = KIN_POLICY_TOKENS,
    .apply = apply,
};
