#include "train/policy_corpus.h"

#include <stdlib.h>
#include <string.h>

#include "core/sorted.h"
#include "data/text_key.h"

static kin_status make_keys(kin_policy_corpus *c, kin_pool *pool, const kin_store *s)
{
    uint64_t *key = malloc((size_t)s->documents * sizeof *key + 1);
    c->key = key;
    KIN_REQUIRE(key, KIN_MEMORY, "no memory for the keys of %ld texts", (long)s->documents);
    kin_text_keys(pool, &s->texts, s->document_text, s->documents, key);
    return KIN_OK;
}

/* The different tokens of every document. */
static kin_status make_tokens(kin_policy_corpus *c, const kin_store *s, const kin_tokens *tokens)
{
    int64_t total = 0;
    for (int64_t d = 0; d < s->documents; d++)
        total += tokens->start[s->document_text[d] + 1] - tokens->start[s->document_text[d]];
    int64_t *start = malloc((size_t)(s->documents + 1) * sizeof *start);
    int32_t *token = malloc((size_t)total * sizeof *token + 1);
    c->start = start;
    c->token = token;
    KIN_REQUIRE(start && token, KIN_MEMORY, "no memory for the tokens of %ld documents",
                (long)s->documents);
    int64_t used = start[0] = 0;
    for (int64_t d = 0; d < s->documents; d++) {
        const int64_t from = tokens->start[s->document_text[d]];
        const int64_t many = tokens->start[s->document_text[d] + 1] - from;
        memcpy(token + used, tokens->ids + from, (size_t)many * sizeof *token);
        used += kin_sorted_unique(token + used, many);
        start[d + 1] = used;
    }
    return KIN_OK;
}

kin_status kin_policy_corpus_make(kin_policy_corpus *c, int needs, kin_pool *pool,
                                  const kin_store *store, const kin_tokens *tokens)
{
    if (needs & KIN_POLICY_KEYS) KIN_TRY(make_keys(c, pool, store));
    return needs & KIN_POLICY_TOKENS ? make_tokens(c, store, tokens) : KIN_OK;
}

void kin_policy_corpus_free(kin_policy_corpus *c)
{
    free((void *)c->key);
    free((void *)c->start);
    free((void *)c->token);
    *c = (kin_policy_corpus){ .key = NULL };
}
