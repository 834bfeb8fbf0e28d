/* Training a tokenizer: words, alphabet, merges. */
#include "data/wordpiece.h"

#include <stdlib.h>
#include <string.h>
#include "data/tokenizer_inside.h"

/* A character and how often it occurs; those to be kept in any case occur INT64_MAX times. */
typedef struct { int32_t character; int64_t times; } letter;

static int by_times(const void *a, const void *b)
{
    const letter *x = a, *y = b;
    if (x->times != y->times) return x->times > y->times ? -1 : 1;
    return (x->character > y->character) - (x->character < y->character);
}

static int by_character(const void *a, const void *b)
{
    const letter *x = a, *y = b;
    return (x->character > y->character) - (x->character < y->character);
}

static void count_letters(int64_t *times, const kin_word_counts *counts)
{
    const kin_strings *words = &counts->words;
    for (int64_t w = 0; w < words->count; w++) {
        const unsigned char *at = (const unsigned char *)words->bytes + words->start[w];
        const unsigned char *end = (const unsigned char *)words->bytes + words->start[w + 1];
        while (at < end) {
            bool valid;
            times[kin_utf8_read(&at, end, &valid)] += counts->times[w];
        }
    }
}

/* The alphabet in the order of Unicode: printable ASCII, then the most frequent characters. */
static kin_status choose_alphabet(letter **alphabet, int *count, const kin_word_counts *counts,
                                  const kin_tokenizer_setting *setting)
{
    enum { CHARACTERS = 0x110000 };
    int64_t *times = calloc(CHARACTERS, sizeof *times);
    letter *found = malloc(sizeof *found * CHARACTERS);
    *alphabet = found;
    int n = 0;
    if (times && found) {
        count_letters(times, counts);
        for (int32_t c = '!'; c <= '~'; c++)
            if (!setting->lowercase || c < 'A' || c > 'Z') times[c] = INT64_MAX;
        for (int32_t c = 0; c < CHARACTERS; c++)
            if (times[c] > 0) found[n++] = (letter){c, times[c]};
        qsort(found, (size_t)n, sizeof *found, by_times);
        if (n > setting->limit_alphabet) n = setting->limit_alphabet;
        qsort(found, (size_t)n, sizeof *found, by_character);
    }
    *count = n;
    bool failed = !times || !found;
    free(times);
    return failed ? kin_fail(KIN_MEMORY, "no memory for the alphabet") : KIN_OK;
}

/* Punctuation and ideographs are words of their own and need no later form. */
static bool stands_alone(const kin_text_rule *rule, int32_t c)
{
    char text[4];
    kin_words words;
    char joined[6] = "a";
    int size = kin_utf8_write(c, text);
    memcpy(joined + 1, text, (size_t)size);
    kin_words_start(&words, rule, joined, size + 1);
    return kin_words_next(&words) && words.size == 1 && kin_words_next(&words);
}

static kin_status add_alphabet(kin_strings *tokens, const letter *alphabet, int count,
                               const kin_text_rule *rule)
{
    bool good = kin_strings_add(tokens, "[PAD]", 5) == 0
             && kin_strings_add(tokens, "[UNK]", 5) == 1;
    for (int later = 0; later < 2; later++) {
        for (int i = 0; i < count && good; i++) {
            char text[6] = "##";
            int size = 2 + kin_utf8_write(alphabet[i].character, text + 2);
            if (later && stands_alone(rule, alphabet[i].character)) continue;
            good = kin_strings_add(tokens, text + 2 * !later, size - 2 * !later) >= 0;
        }
    }
    return good ? KIN_OK : kin_fail(KIN_MEMORY, "no memory for an alphabet of %d", count);
}

static kin_status learn(kin_strings *tokens, const kin_word_counts *counts,
                        const kin_text_rule *rule, const kin_tokenizer_setting *setting)
{
    letter *alphabet = NULL;
    int count = 0;
    kin_status status = choose_alphabet(&alphabet, &count, counts, setting);
    if (status == KIN_OK) status = add_alphabet(tokens, alphabet, count, rule);
    free(alphabet);
    KIN_TRY(status);
    KIN_REQUIRE(tokens->count <= setting->vocab_size, KIN_USAGE, "a vocabulary of %d tokens is too "
                "small: [PAD], [UNK] and the %d characters alone are %lld; ask for more tokens or "
                "a smaller limit_alphabet", setting->vocab_size, count, (long long)tokens->count);
    return kin_wordpiece_learn(tokens, counts, setting->vocab_size, setting->min_frequency);
}

static kin_status check_setting(const kin_tokenizer_setting *s)
{
    KIN_REQUIRE(s->vocab_size >= 200 && s->vocab_size <= 1000000, KIN_USAGE,
                "vocab_size is %d, expected 200 to 1000000", s->vocab_size);
    KIN_REQUIRE(s->min_frequency >= 0, KIN_USAGE, "min_frequency is %d, expected 0 or more",
                s->min_frequency);
    KIN_REQUIRE(s->limit_alphabet >= 100 && s->limit_alphabet <= 200000, KIN_USAGE,
                "limit_alphabet is %d, expected 100 to 200000", s->limit_alphabet);
    return KIN_OK;
}

kin_status kin_tokenizer_train(kin_tokenizer **tokenizer, kin_pool *pool, const kin_texts *texts,
                               const int32_t *which, int64_t count,
                               const kin_tokenizer_setting *setting)
{
    *tokenizer = NULL;
    KIN_TRY(check_setting(setting));
    bool accents = setting->strip_accents < 0 ? setting->lowercase : setting->strip_accents;
    kin_tokenizer_model model = {
        .rule = {.clean = true, .chinese = true, .accents = accents,
                 .lowercase = setting->lowercase},
        .strip_accents = setting->strip_accents, .word_chars = KIN_WORD_CHARS, .unknown = 1,
        .added_count = 2, .added = {0, 1}};
    kin_word_counts counts;
    KIN_TRY(kin_word_counts_make(&counts, pool, texts, which, which ? count : texts->count,
                                 &model.rule));
    kin_strings tokens = {0};
    kin_status status = learn(&tokens, &counts, &model.rule, setting);
    kin_texts list = {tokens.count, tokens.bytes, tokens.start};
    if (status == KIN_OK) status = kin_tokenizer_build(tokenizer, "tokenizer", &list, &model);
    kin_word_counts_free(&counts);
    kin_strings_free(&tokens);
    return status;
}
