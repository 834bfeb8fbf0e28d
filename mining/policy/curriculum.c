/* Leaves out the hardest share of the candidates, a share that goes from `first` at the beginning
 * of the training to `last` at its end, in proportion to what is done: negatives begin easy and
 * become hard (curriculum learning: Bengio et al. 2009). Of n candidates floor(share n) are left
 * out, at the top of the list. */
#include <math.h>
#include <string.h>
#include "mining/policy.h"

static int64_t apply(const kin_policy_round *round, const kin_policy_query *q, const double *hypers,
                     kin_candidate *list, int64_t n)
{
    const double share = hypers[0] + (hypers[1] - hypers[0]) * round->progress;
    const int64_t skip = (int64_t)floor(share * (double)n);
    (void)q;
    n -= skip;
    memmove(list, list + skip, (size_t)n * sizeof *list);
    return n;
}

const kin_policy kin_policy_curriculum = {
    .entry = {
        .name = "curriculum", .summary = "leaves out a share of the hardest that changes in time",
        .hypers = {
            { "first", 0.75, 0, 1, "the share at the beginning of the training", 0, NULL },
            { "last", 0, 0, 1, "the share at its end", 0, NULL },
        },
    },
    .apply = apply,
};
