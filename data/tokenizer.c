#include "data/tokenizer.h"

#include <stdlib.h>
#include <string.h>
#include "data/tokenizer_inside.h"

const kin_tokenizer_setting kin_tokenizer_defaults = {
    .vocab_size = 30000, .min_frequency = 2, .limit_alphabet = 1000, .lowercase = 1,
    .strip_accents = -1,
};

/* ---- making ---------------------------------------------------------------------------------- */

/* Copies the tokens, each with a NUL behind it. */
static kin_status copy_tokens(kin_texts *out, const kin_texts *tokens)
{
    int64_t count = tokens->count, size = tokens->start[count] - tokens->start[0];
    char *bytes = malloc((size_t)(size + count + 1));
    int64_t *start = malloc(sizeof *start * (size_t)(count + 1));
    *out = (kin_texts){count, bytes, start};
    KIN_REQUIRE(bytes && start, KIN_MEMORY, "no memory for %lld tokens", (long long)count);
    start[0] = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t n = tokens->start[i + 1] - tokens->start[i];
        memcpy(bytes + start[i], tokens->bytes + tokens->start[i], (size_t)n);
        bytes[start[i] + n] = 0;
        start[i + 1] = start[i] + n + 1;
    }
    return KIN_OK;
}

kin_status kin_tokenizer_build(kin_tokenizer **tokenizer, const char *name, const kin_texts *tokens,
                               const kin_tokenizer_model *model)
{
    kin_tokenizer *made = calloc(1, sizeof *made);
    *tokenizer = NULL;
    KIN_REQUIRE(made, KIN_MEMORY, "no memory for a tokenizer");
    made->model = *model;
    kin_status status = kin_trie_build(&made->trie, name, tokens);
    if (status == KIN_OK) status = copy_tokens(&made->tokens, tokens);
    if (status != KIN_OK) {
        kin_tokenizer_free(made);
        return status;
    }
    for (int i = 0; i < model->added_count; i++)
        made->added_first[(unsigned char)kin_tokenizer_token(made, model->added[i])[0]] = true;
    *tokenizer = made;
    return KIN_OK;
}

void kin_tokenizer_free(kin_tokenizer *tokenizer)
{
    if (!tokenizer) return;
    kin_trie_free(&tokenizer->trie);
    free((char *)tokenizer->tokens.bytes);
    free((int64_t *)tokenizer->tokens.start);
    free(tokenizer);
}

int kin_tokenizer_size(const kin_tokenizer *tokenizer)
{
    return (int)tokenizer->tokens.count;
}

int kin_tokenizer_unknown(const kin_tokenizer *tokenizer)
{
    return tokenizer->model.unknown;
}

const char *kin_tokenizer_token(const kin_tokenizer *tokenizer, int id)
{
    return tokenizer->tokens.bytes + tokenizer->tokens.start[id];
}

int kin_tokenizer_find(const kin_tokenizer *tokenizer, const char *token)
{
    return kin_trie_find(&tokenizer->trie, token, (int64_t)strlen(token));
}

/* ---- encoding -------------------------------------------------------------------------------- */

/* Where ids go: the first room of them are written, all are counted. */
typedef struct {
    const kin_tokenizer *tokenizer;
    int32_t *ids;
    int64_t room, limit, count;
} sink;

static bool is_full(const sink *to)
{
    return to->limit > 0 && to->count >= to->limit;
}

static void give(sink *to, int32_t id)
{
    if (is_full(to)) return;
    if (to->count < to->room) to->ids[to->count] = id;
    to->count++;
}

static void encode_word(sink *to, const kin_words *words)
{
    const kin_tokenizer *t = to->tokenizer;
    int32_t piece[4 * KIN_WORD_CHARS];
    int pieces = 0, at = 0;
    bool known = words->chars <= t->model.word_chars;
    while (known && at < words->size) {
        int length = 0;
        int32_t id = kin_trie_match(&t->trie, at > 0, words->word + at, words->size - at, &length);
        known = id >= 0;
        piece[pieces++] = id;
        at += length;
    }
    if (!known) give(to, t->model.unknown);
    for (int i = 0; known && i < pieces; i++) give(to, piece[i]);
}

/* Text that holds no added token. */
static void encode_part(sink *to, const char *text, int64_t bytes)
{
    kin_words words;
    kin_words_start(&words, &to->tokenizer->model.rule, text, bytes);
    while (!is_full(to) && kin_words_next(&words)) encode_word(to, &words);
}

/* The longest added token that text begins with, or -1. */
static int32_t added_at(const kin_tokenizer *t, const char *text, int64_t bytes, int *length)
{
    int32_t best = -1;
    *length = 0;
    for (int i = 0; i < t->model.added_count; i++) {
        int size;
        const char *token = kin_tokenizer_bytes(t, t->model.added[i], &size);
        if (size > bytes || size <= *length || memcmp(text, token, (size_t)size) != 0) continue;
        best = t->model.added[i];
        *length = size;
    }
    return best;
}

static void encode_text(sink *to, const char *text, int64_t bytes)
{
    const kin_tokenizer *t = to->tokenizer;
    int64_t from = 0;
    for (int64_t i = 0; i < bytes && !is_full(to); i++) {
        if (!t->added_first[(unsigned char)text[i]]) continue;
        int length;
        int32_t id = added_at(t, text + i, bytes - i, &length);
        if (id < 0) continue;
        encode_part(to, text + from, i - from);
        give(to, id);
        from = i + length;
        i = from - 1;
    }
    if (!is_full(to)) encode_part(to, text + from, bytes - from);
}

int64_t kin_tokenizer_encode(const kin_tokenizer *tokenizer, const char *text, int64_t bytes,
                             int64_t max_tokens, int32_t *ids, int64_t room)
{
    sink to = {.tokenizer = tokenizer, .ids = ids, .room = room, .limit = max_tokens};
    encode_text(&to, text, bytes);
    return to.count;
}
