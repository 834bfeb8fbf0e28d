/* Leaves out the best `skip` of the candidates, and those beyond the `width` that follow: the top
 * of a list is where the unlabelled positives are. "window:10:100" are the ranks 11 to 110. As
 * sentence-transformers' range_min and range_max, and NV-Retriever's TopK shifted by N (Moreira et
 * al. 2024, arXiv:2407.15831). */
#include <string.h>
#include "mining/policy.h"

static int64_t apply(const kin_policy_round *round, const kin_policy_query *q, const double *hypers,
                     kin_candidate *list, int64_t n)
{
    const int64_t skip = (int64_t)hypers[0], width = (int64_t)hypers[1];
    (void)round;
    (void)q;
    if (skip >= n) return 0;
    n -= skip;
    memmove(list, list + skip, (size_t)n * sizeof *list);
    return width && width < n ? width : n;
}

const kin_policy kin_policy_window = {
    .entry = {
        .name = "window", .summary = "leaves out the first candidates, and those behind a window",
        .hypers = {
            { "skip", 10, 0, 1e6, "candidates left out at the top", KIN_INTEGER, NULL },
            { "width", 0, 0, 1e6, "candidates kept behind them; 0: all", KIN_INTEGER, NULL },
        },
    },
    .apply = apply,
};
