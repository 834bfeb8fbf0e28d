#include "mining/policy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/sorted.h"

#define POLICY(name) extern const kin_policy kin_policy_##name;
#include "mining/policies.def"
#undef POLICY

static const kin_entry *const items[] = {
#define POLICY(name) &kin_policy_##name.entry,
#include "mining/policies.def"
#undef POLICY
};

const kin_list kin_policies = { "policy", items, sizeof items / sizeof *items };

enum { WORD = 200 };

/* ---- reading a chain ------------------------------------------------------------------------ */

static kin_status read_values(const kin_entry *e, const char *where, char *text, double *hypers)
{
    char key[WORD], *rest = NULL;
    int n = 0;
    for (char *v = strtok_r(text, ":", &rest); v; v = strtok_r(NULL, ":", &rest), n++) {
        KIN_REQUIRE(n < kin_hyper_count(e), KIN_USAGE, "%s: policy %s has %d settings, '%.40s' is "
                    "one more", where, e->name, kin_hyper_count(e), v);
        snprintf(key, sizeof key, "%.80s: %s.%s", where, e->name, e->hypers[n].name);
        KIN_TRY(kin_hyper_parse(&e->hypers[n], key, v, &hypers[n]));
    }
    return KIN_OK;
}

static kin_status read_link(kin_policy_chain *chain, const char *where, char *word)
{
    char *values = strchr(word, ':');
    int place;
    if (values) *values++ = 0;
    if (kin_list_find(&kin_policies, word, &place)) return kin_fail_in(KIN_USAGE, "%s", where);
    KIN_REQUIRE(chain->count < KIN_CHAIN_MAX, KIN_USAGE, "%s: more than %d policies", where,
                KIN_CHAIN_MAX);
    const kin_entry *e = kin_policies.items[place];
    double *hypers = chain->link[chain->count].hypers;
    chain->link[chain->count].policy = (const kin_policy *)(const void *)e;
    chain->needs |= chain->link[chain->count++].policy->needs;
    kin_hyper_defaults(e, hypers);
    return values ? read_values(e, where, values, hypers) : KIN_OK;
}

kin_status kin_policy_read(kin_policy_chain *chain, const char *where, const char *text)
{
    *chain = (kin_policy_chain){ .count = 0 };
    while (*(text += strspn(text, " ,\t"))) {
        char word[WORD];
        const size_t n = strcspn(text, " ,\t");
        KIN_REQUIRE(n < sizeof word, KIN_USAGE, "%s: '%.40s...' is no policy", where, text);
        memcpy(word, text, n);
        word[n] = 0;
        text += n;
        KIN_TRY(read_link(chain, where, word));
    }
    KIN_REQUIRE(chain->count > 0, KIN_USAGE, "%s is empty; expected names of 'kin list policy' "
                "with blanks between", where);
    return KIN_OK;
}

/* ---- choosing ------------------------------------------------------------------------------- */

int64_t kin_policy_list(const kin_policy_query *q, const int32_t *found, const real *score,
                        const real *guide, int64_t depth, int64_t most, kin_candidate *list,
                        int64_t *known)
{
    int64_t n = 0;
    for (int64_t k = 0; k < depth && n < most && found[k] >= 0; k++) {
        if (found[k] == q->positive || kin_sorted_holds(q->known, 0, q->known_count, found[k])) {
            ++*known;
            continue;
        }
        list[n] = (kin_candidate){ .document = found[k], .rank = (int32_t)(n + 1),
                                   .score = score[k],
                                   .guide = guide ? guide[k] : (real)NAN };
        n++;
    }
    return n;
}

int64_t kin_policy_at_most(kin_candidate *list, int64_t n, real most)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
        if (!(list[i].score > most)) list[kept++] = list[i];
    return kept;
}

/* The first `count` different documents. */
static int64_t take(kin_candidate *list, int64_t n, int64_t count)
{
    int64_t taken = 0;
    for (int64_t i = 0; i < n && taken < count; i++) {
        int64_t before = 0;
        while (before < taken && list[before].document != list[i].document) before++;
        if (before == taken) list[taken++] = list[i];
    }
    return taken;
}

int64_t kin_policy_choose(const kin_policy_chain *chain, const kin_policy_round *round,
                          const kin_policy_query *query, kin_candidate *list, int64_t n,
                          int64_t count, int64_t *dropped)
{
    for (int i = 0; i < chain->count; i++) {
        const int64_t kept = chain->link[i].policy->apply(round, query, chain->link[i].hypers, list,
                                                          n);
        dropped[i] += n - kept;
        n = kept;
    }
    return take(list, n, count);
}
