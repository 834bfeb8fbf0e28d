/* The best-scoring candidates come first, of equal ones the first document: ANCE's nearest
 * neighbours (Xiong et al. 2021, arXiv:2007.00808). That is the order of every search; after
 * another order this restores it. Candidates without a score keep their order behind the others. */
#include <stdlib.h>
#include "mining/policy.h"

static int by_score(const void *a, const void *b)
{
    const kin_candidate *x = a, *y = b;
    const bool known = x->score == x->score, other = y->score == y->score;
    if (known != other) return known ? -1 : 1;
    if (known && x->score != y->score) return x->score > y->score ? -1 : 1;
    if (known && x->document != y->document) return x->document < y->document ? -1 : 1;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static int64_t apply(const kin_policy_round *round, const kin_policy_query *q, const double *hypers,
                     kin_candidate *list, int64_t n)
{
    (void)round;
    (void)q;
    (void)hypers;
    qsort(list, (size_t)n, sizeof *list, by_score);
    return n;
}

const kin_policy kin_policy_hardest = {
    .entry = { .name = "hardest", .summary = "the best-scoring candidates come first" },
    .apply = apply,
};
