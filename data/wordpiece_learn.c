/* The merges. */
#include <stdlib.h>
#include <string.h>
#include "data/wordpiece.h"

typedef struct {
    kin_strings *tokens;
    const kin_word_counts *counts;
    int32_t *symbols;            /* the words as tokens, one behind the other */
    int64_t *start;              /* of word w in symbols */
    int32_t *length;             /* tokens that word w has now */
    kin_pairs pairs;
} learner;

/* The token of a word's character at place i (bytes), or -1 when the alphabet lacks it. */
static int32_t letter_token(const learner *l, const char *letter, int size, bool later)
{
    char text[6] = "##";
    memcpy(text + 2, letter, (size_t)size);
    return (int32_t)kin_strings_find(l->tokens, later ? text : letter, later ? size + 2 : size);
}

static void cut_word(learner *l, int32_t w)
{
    const kin_strings *words = &l->counts->words;
    const unsigned char *at = (const unsigned char *)words->bytes + words->start[w];
    const unsigned char *end = (const unsigned char *)words->bytes + words->start[w + 1];
    int32_t *symbol = l->symbols + l->start[w];
    int32_t n = 0;
    for (const unsigned char *letter = at; at < end; letter = at) {
        bool valid;
        kin_utf8_read(&at, end, &valid);
        bool later = (const char *)letter > words->bytes + words->start[w];
        int32_t token = letter_token(l, (const char *)letter, (int)(at - letter), later);
        if (token >= 0) symbol[n++] = token;
    }
    l->length[w] = n;
    for (int32_t i = 1; i < n; i++)
        kin_pairs_change(&l->pairs, symbol[i - 1], symbol[i], l->counts->times[w], w);
}

static kin_status start(learner *l)
{
    const kin_strings *words = &l->counts->words;
    size_t bytes = words->count > 0 ? (size_t)words->start[words->count] : 0;
    l->symbols = malloc(sizeof *l->symbols * (bytes + 1));
    l->start = words->start;
    l->length = malloc(sizeof *l->length * (size_t)(words->count + 1));
    KIN_REQUIRE(l->symbols && l->length, KIN_MEMORY, "no memory to learn a vocabulary from %lld "
                "words", (long long)words->count);
    kin_pairs_start(&l->pairs);
    for (int64_t w = 0; w < words->count; w++) cut_word(l, (int32_t)w);
    kin_pairs_queue(&l->pairs);
    return KIN_OK;
}

/* The token of left and right together; -1: no memory. */
static int64_t joined_token(learner *l, int32_t left, int32_t right)
{
    const kin_strings *t = l->tokens;
    int64_t a = t->start[left], a_size = t->start[left + 1] - a;
    int64_t b = t->start[right] + 2, b_size = t->start[right + 1] - b;   /* without its "##" */
    char *text = malloc((size_t)(a_size + b_size + 1));
    if (!text) return -1;
    memcpy(text, t->bytes + a, (size_t)a_size);
    memcpy(text + a_size, t->bytes + b, (size_t)b_size);
    int64_t token = kin_strings_add(l->tokens, text, a_size + b_size);
    free(text);
    return token;
}

/* Replaces left right by joined wherever the word has them, from its beginning on. The count of
 * the merged pair itself stays: where the pair comes up again it is merged again at once. */
static void merge_in_word(learner *l, int32_t w, int32_t left, int32_t right, int32_t joined)
{
    int32_t *symbol = l->symbols + l->start[w];
    int32_t n = l->length[w], kept = 0;
    int64_t times = l->counts->times[w];
    for (int32_t i = 0; i < n; i++) {
        if (symbol[i] != left || i + 1 == n || symbol[i + 1] != right) {
            symbol[kept++] = symbol[i];
            continue;
        }
        if (kept > 0) {
            kin_pairs_change(&l->pairs, symbol[kept - 1], left, -times, w);
            kin_pairs_change(&l->pairs, symbol[kept - 1], joined, times, w);
        }
        if (i + 2 < n) {
            kin_pairs_change(&l->pairs, right, symbol[i + 2], -times, w);
            kin_pairs_change(&l->pairs, joined, symbol[i + 2], times, w);
        }
        symbol[kept++] = joined;
        i++;
    }
    l->length[w] = kept;
}

static kin_status merge(learner *l, int32_t place)
{
    uint64_t key = l->pairs.pair[place].key;
    int32_t left = (int32_t)(key >> 32), right = (int32_t)(key & 0xffffffffu);
    int64_t joined = joined_token(l, left, right);
    KIN_REQUIRE(joined >= 0, KIN_MEMORY, "no memory for %lld tokens", (long long)l->tokens->count);
    int32_t link = kin_pairs_take_words(&l->pairs, place);
    while (link >= 0) {
        int32_t word = l->pairs.links[link].word;
        link = kin_pairs_drop_link(&l->pairs, link);
        merge_in_word(l, word, left, right, (int32_t)joined);
    }
    kin_pairs_queue(&l->pairs);
    return KIN_OK;
}

static kin_status learn(learner *l, int vocab_size, int64_t min_frequency)
{
    KIN_TRY(start(l));
    while (l->tokens->count < vocab_size) {
        int32_t place = kin_pairs_pop(&l->pairs);
        KIN_REQUIRE(!l->pairs.failed, KIN_MEMORY, "no memory for the pairs of %lld words",
                    (long long)l->counts->words.count);
        if (place < 0 || l->pairs.pair[place].count < min_frequency) break;
        KIN_TRY(merge(l, place));
    }
    return KIN_OK;
}

kin_status kin_wordpiece_learn(kin_strings *tokens, const kin_word_counts *counts, int vocab_size,
                               int64_t min_frequency)
{
    learner l = {.tokens = tokens, .counts = counts};
    kin_pairs_start(&l.pairs);
    kin_status status = learn(&l, vocab_size, min_frequency);
    free(l.symbols);
    free(l.length);
    kin_pairs_free(&l.pairs);
    return status;
}
