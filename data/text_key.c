#include "data/text_key.h"

#include "core/hash.h"
#include "data/text.h"

static bool is_punctuation(const kin_words *w)
{
    const unsigned char *at = (const unsigned char *)w->word;
    bool valid;
    return w->chars == 1 && kin_char_is_punctuation(kin_utf8_read(&at, at + w->size, &valid));
}

uint64_t kin_text_key(const char *text, int64_t bytes)
{
    static const kin_text_rule rule = { true, true, true, true };
    kin_words words;
    uint64_t key = 0;
    kin_words_start(&words, &rule, text, bytes);
    while (kin_words_next(&words))
        if (!is_punctuation(&words)) key = kin_hash_bytes(words.word, (size_t)words.size, key);
    return key;
}

enum { BLOCK = 256 };

typedef struct {
    const kin_texts *texts;
    const int32_t *which;
    int64_t count;
    uint64_t *key;
} job;

static void fill(void *context, int64_t task, int thread)
{
    const job *j = context;
    (void)thread;
    for (int64_t i = task * BLOCK; i < j->count && i < (task + 1) * BLOCK; i++)
        j->key[i] = kin_text_key(kin_text(j->texts, j->which[i]),
                                 kin_text_size(j->texts, j->which[i]));
}

void kin_text_keys(kin_pool *pool, const kin_texts *texts, const int32_t *which, int64_t count,
                   uint64_t *key)
{
    job j = { texts, which, count, key };
    kin_pool_run(pool, (count + BLOCK - 1) / BLOCK, fill, &j);
}
