/* Text key: a number that is the same for texts with the same words: lower case, without accents;
 * punctuation and white space do not count. Different texts have different keys but for a chance of
 * one in 2^64 for each pair. */
#ifndef KIN_DATA_TEXT_KEY_H
#define KIN_DATA_TEXT_KEY_H

#include "core/pool.h"
#include "data/texts.h"

uint64_t kin_text_key(const char *text, int64_t bytes);

/* Of the texts which[i]. */
void kin_text_keys(kin_pool *pool, const kin_texts *texts, const int32_t *which, int64_t count,
                   uint64_t *key);

#endif
