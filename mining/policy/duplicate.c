/* Drops documents whose text is that of the positive, of another document known to be relevant, of
 * the query itself, or of a better candidate. Texts are the same when their words are: lower case,
 * without accents, punctuation and white space left aside. A copy of the positive under another
 * name is no negative (one encoder cannot map equal texts apart), and a second copy of a negative
 * is no second one. */
#include "mining/policy.h"

static bool is_known(const kin_policy_round *round, const kin_policy_query *q, uint64_t key)
{
    const uint64_t *keys = round->corpus.key;
    if (key == q->key || (q->positive >= 0 && key == keys[q->positive])) return true;
    for (int64_t i = 0; i < q->known_count; i++)
        if (key == keys[q->known[i]]) return true;
    return false;
}

static int64_t apply(const kin_policy_round *round, const kin_policy_query *q, const double *hypers,
                     kin_candidate *list, int64_t n)
{
    const uint64_t *keys = round->corpus.key;
    int64_t kept = 0;
    (void)hypers;
    for (int64_t i = 0; i < n; i++) {
        const uint64_t key = keys[list[i].document];
        int64_t before = 0;
        while (before < kept && keys[list[before].document] != key) before++;
        if (before == kept && !is_known(round, q, key)) list[kept++] = list[i];
    }
    return kept;
}

const kin_policy kin_policy_duplicate = {
    .entry = { .name = "duplicate",
               .summary = "drops copies of the positive, of the query and of better candidates" },
    .needs = KIN_POLICY_KEYS,
    .apply = apply,
};
