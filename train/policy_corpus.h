/* What policies are told of a store's documents: which have the same text, which tokens each holds.
 * For train/. */
#ifndef KIN_TRAIN_POLICY_CORPUS_H
#define KIN_TRAIN_POLICY_CORPUS_H

#include "core/pool.h"
#include "data/store.h"
#include "data/tokenizer.h"
#include "mining/policy.h"

/* needs: KIN_POLICY_KEYS | KIN_POLICY_TOKENS; tokens: of the store's texts, for the latter. */
kin_status kin_policy_corpus_make(kin_policy_corpus *corpus, int needs, kin_pool *pool,
                                  const kin_store *store, const kin_tokens *tokens);
void kin_policy_corpus_free(kin_policy_corpus *corpus);          /* a zeroed one is fine */

#endif
