/* Policy: which of a query's neighbours become its negatives. A policy is one file of policy/ that
 * ends in its descriptor, and one line in policies.def. It sees what a search found for a query,
 * best first, and says which stay and in which order. Policies are used one after the other, as a
 * chain, "duplicate relative_margin:0.05 random"; the first of what the last one leaves are the
 * negatives. Whoever is dropped is counted for the policy that dropped it. Documents known to be
 * relevant to the query, those it is paired with elsewhere among them, are no candidates.
 *
 * Scores are of any search (cosines, BM25); a higher one is more similar. A score that is not
 * known is NaN and breaks no rule. */
#ifndef KIN_MINING_POLICY_H
#define KIN_MINING_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/entry.h"
#include "core/real.h"

extern const kin_list kin_policies;              /* policies.def, kind "policy" */

/* A neighbour: a document, its place in the list (from 1), its score, and what a guide gives it. */
typedef struct {
    int32_t document, rank;
    real score, guide;
} kin_candidate;

/* The documents as the policies see them; arrays that no policy of the chain needs may be NULL. */
typedef struct {
    const uint64_t *key;                         /* of each text: equal where texts are the same */
    const int64_t *start;                        /* documents + 1 */
    const int32_t *token;                        /* document d's words: token[start[d]] .., rising,
                                                    each once */
} kin_policy_corpus;

/* A query with its positive. */
typedef struct {
    int64_t number;                              /* that its random numbers depend on */
    int32_t positive;                            /* a document, or -1 */
    real positive_score, positive_guide;         /* NaN: not known */
    const int32_t *known;                        /* documents relevant to it, rising */
    int64_t known_count;
    uint64_t key;                                /* of its text */
} kin_policy_query;

/* What holds for all queries of a time. */
typedef struct {
    kin_policy_corpus corpus;
    uint64_t seed;
    uint32_t round;                              /* tells one time of mining from the next */
    double progress;                             /* of the training: 0 when it begins, 1 at its end */
} kin_policy_round;

/* What a chain must be given. */
enum { KIN_POLICY_KEYS = 1, KIN_POLICY_TOKENS = 2, KIN_POLICY_GUIDE = 4, KIN_POLICY_SCORES = 8 };

/* The descriptor at the end of a policy file. apply: candidates in place; returns how many stay. */
typedef struct {
    kin_entry entry;
    int needs;                                   /* KIN_POLICY_KEYS | ... */
    int64_t (*apply)(const kin_policy_round *, const kin_policy_query *, const double *hypers,
                     kin_candidate *list, int64_t n);
} kin_policy;

enum { KIN_CHAIN_MAX = 12 };

typedef struct {
    int count, needs;                            /* links; what they need together */
    struct {
        const kin_policy *policy;
        double hypers[KIN_HYPERS_MAX];
    } link[KIN_CHAIN_MAX];
} kin_policy_chain;

/* Reads "name name:value:value ...": values are those of the policy's settings, in their order;
 * defaults where there are fewer. KIN_USAGE names what is wrong and begins with `where`. */
kin_status kin_policy_read(kin_policy_chain *chain, const char *where, const char *text);

/* What a search found for a query (depth documents, best first, -1 behind the last) without its
 * positive and what is known to be relevant: to list, at most `most`, ranked from 1 on; how many.
 * guide: what a guide gives them, or NULL. known: how many were left out, added to. */
int64_t kin_policy_list(const kin_policy_query *query, const int32_t *found, const real *score,
                        const real *guide, int64_t depth, int64_t most, kin_candidate *list,
                        int64_t *known);

/* The negatives of one query: the candidates (best first) become those that the chain chooses, at
 * most `count`, each document once; how many there are. dropped: the counter of each link, added
 * to. Allocates nothing; any number of threads may share the chain. */
int64_t kin_policy_choose(const kin_policy_chain *chain, const kin_policy_round *round,
                          const kin_policy_query *query, kin_candidate *list, int64_t n,
                          int64_t count, int64_t *dropped);

/* Keeps those whose score is not above `most`; NaN keeps all. */
int64_t kin_policy_at_most(kin_candidate *list, int64_t n, real most);

#endif
