/* Training: the vocabulary equals that of a slow and obvious program, for any number of threads. */
#include "tests/data/stores.h"
#include "core/rng.h"
#include "data/tokenizer.h"

/* ---- random texts ---------------------------------------------------------------------------- */

enum { TEXTS = 3000, TEXT = 80 };

/* Words of one to twelve letters, few of them frequent. */
static kin_texts random_texts(uint64_t seed, int texts, int letters, char *bytes, int64_t *start)
{
    uint64_t next = 0;
    start[0] = 0;
    for (int i = 0; i < texts; i++) {
        char *at = bytes + start[i];
        for (int w = 0; w < 5; w++) {
            uint64_t word = kin_random_below(seed, KIN_STREAM_TEST, 0, next++, 40);
            word = kin_random_below(seed, KIN_STREAM_TEST, 1, next++, word + 1);
            int size = 1 + (int)kin_random_below(seed, KIN_STREAM_TEST, 2, word, 12);
            for (int k = 0; k < size; k++)
                *at++ = (char)('a' + kin_random_below(seed, KIN_STREAM_TEST, 3,
                                                      word * 100 + (uint64_t)k, (uint64_t)letters));
            *at++ = ' ';
        }
        start[i + 1] = at - bytes;
    }
    return (kin_texts){texts, bytes, start};
}

/* ---- the slow program: everything is counted anew for each merge ----------------------------- */

enum { TOKENS = 400, SYMBOLS = TEXTS * TEXT };

static struct { char text[64]; } token[TOKENS];
static int tokens;
static int symbol[SYMBOLS], symbols;               /* words, each ended by -1 */
static int64_t merged[TOKENS][TOKENS];             /* times that a pair was merged */
static int64_t counted[TOKENS][TOKENS];

static int find_token(const char *text)
{
    for (int i = 0; i < tokens; i++)
        if (strcmp(token[i].text, text) == 0) return i;
    return -1;
}

static int add_token(const char *text)
{
    int i = find_token(text);
    if (i >= 0) return i;
    snprintf(token[tokens].text, sizeof token[0].text, "%s", text);
    return tokens++;
}

static void slow_alphabet(void)
{
    tokens = 0;
    add_token("[PAD]");
    add_token("[UNK]");
    for (int later = 0; later < 2; later++) {
        for (int c = '!'; c <= '~'; c++) {
            char text[8];
            bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
            if ((c >= 'A' && c <= 'Z') || (later && !word)) continue;
            snprintf(text, sizeof text, "%s%c", later ? "##" : "", c);
            add_token(text);
        }
    }
}

static void slow_symbols(const kin_texts *texts)
{
    symbols = 0;
    for (int64_t i = 0; i < texts->start[texts->count]; i++) {
        char text[4] = {'#', '#', texts->bytes[i], 0};
        bool first = symbols == 0 || symbol[symbols - 1] < 0;
        symbol[symbols++] = texts->bytes[i] == ' ' ? -1 : find_token(text + 2 * first);
    }
}

/* The most frequent pair, of equals the one of the smallest ids. A pair that was merged before and
 * has come up again counts what was merged too. */
static int64_t slow_best(int *left, int *right)
{
    int64_t best = 0;
    memset(counted, 0, sizeof counted);
    for (int i = 1; i < symbols; i++)
        if (symbol[i - 1] >= 0 && symbol[i] >= 0) counted[symbol[i - 1]][symbol[i]]++;
    for (int a = 0; a < tokens; a++) {
        for (int b = 0; b < tokens; b++) {
            int64_t n = counted[a][b] > 0 ? counted[a][b] + merged[a][b] : 0;
            if (n <= best) continue;
            best = n;
            *left = a;
            *right = b;
        }
    }
    return best;
}

static void slow_merge(int left, int right)
{
    char text[sizeof token[0].text];
    snprintf(text, sizeof text, "%.30s%.30s", token[left].text, token[right].text + 2);
    int joined = add_token(text), kept = 0;
    for (int i = 0; i < symbols; i++) {
        bool here = symbol[i] == left && i + 1 < symbols && symbol[i + 1] == right;
        symbol[kept++] = here ? joined : symbol[i];
        merged[left][right] += here;
        i += here;
    }
    symbols = kept;
}

static void slow_train(const kin_texts *texts, int size, int64_t least)
{
    int left = 0, right = 0;
    slow_alphabet();
    slow_symbols(texts);
    memset(merged, 0, sizeof merged);
    while (tokens < size) {
        int64_t n = slow_best(&left, &right);
        if (n == 0 || n < least) break;
        slow_merge(left, right);
    }
}

static char bytes[TEXTS * TEXT];
static int64_t start[TEXTS + 1];

static void vocabulary_equals_the_slow_program(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 12; seed++) {
        kin_tokenizer_setting setting = kin_tokenizer_defaults;
        kin_tokenizer *t = NULL;
        int letters = seed % 3 == 0 ? 2 : seed % 3 == 1 ? 4 : 26;
        kin_texts texts = random_texts(seed, 200, letters, bytes, start);
        setting.vocab_size = seed % 2 ? 200 : 300;
        setting.min_frequency = seed % 4 ? 1 : 20;
        slow_train(&texts, setting.vocab_size, setting.min_frequency);
        expect_ok(kin_tokenizer_train(&t, NULL, &texts, NULL, 0, &setting));
        assert_int_equal(kin_tokenizer_size(t), tokens);
        for (int i = 0; i < tokens; i++)
            assert_string_equal(kin_tokenizer_token(t, i), token[i].text);
        kin_tokenizer_free(t);
    }
}

static void assert_same_tokens(const kin_tokenizer *a, const kin_tokenizer *b)
{
    assert_int_equal(kin_tokenizer_size(a), kin_tokenizer_size(b));
    for (int i = 0; i < kin_tokenizer_size(a); i++)
        assert_string_equal(kin_tokenizer_token(a, i), kin_tokenizer_token(b, i));
}

static void threads_change_nothing(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 8};
    kin_texts texts = random_texts(99, TEXTS, 26, bytes, start);
    kin_tokenizer_setting setting = kin_tokenizer_defaults;
    kin_tokenizer *first = NULL;
    setting.vocab_size = 250;
    expect_ok(kin_tokenizer_train(&first, NULL, &texts, NULL, 0, &setting));
    for (int i = 0; i < 4; i++) {
        kin_pool *pool = NULL;
        kin_tokenizer *t = NULL;
        expect_ok(kin_pool_new(&pool, threads[i]));
        expect_ok(kin_tokenizer_train(&t, pool, &texts, NULL, 0, &setting));
        assert_same_tokens(first, t);
        kin_tokenizer_free(t);
        kin_pool_free(pool);
    }
    kin_tokenizer_free(first);
}

/* A list of texts stands for those texts, and counts what it names twice. */
static void only_the_listed_texts_count(void **state)
{
    (void)state;
    static const char words[] = "zzqq abab abab abab ";
    const int64_t at[] = {0, 5, 10, 15, 20};
    const int32_t twice[] = {0, 0, 0, 0, 1};
    kin_texts texts = {4, words, at};
    kin_tokenizer_setting setting = kin_tokenizer_defaults;
    kin_tokenizer *all = NULL, *listed = NULL;
    setting.min_frequency = 3;
    expect_ok(kin_tokenizer_train(&all, NULL, &texts, NULL, 0, &setting));
    assert_true(kin_tokenizer_find(all, "abab") >= 0 && kin_tokenizer_find(all, "zzqq") < 0);
    expect_ok(kin_tokenizer_train(&listed, NULL, &texts, twice, 5, &setting));
    assert_true(kin_tokenizer_find(listed, "abab") < 0 && kin_tokenizer_find(listed, "zzqq") >= 0);
    kin_tokenizer_free(all);
    kin_tokenizer_free(listed);
}

/* After training on nothing, printable ASCII is known all the same. */
static void ascii_is_never_unknown(void **state)
{
    (void)state;
    const int64_t nothing[1] = {0};
    kin_texts none = {0, "", nothing};
    for (int lowercase = 0; lowercase < 2; lowercase++) {
        kin_tokenizer_setting setting = kin_tokenizer_defaults;
        kin_tokenizer *t = NULL;
        setting.lowercase = lowercase;
        expect_ok(kin_tokenizer_train(&t, NULL, &none, NULL, 0, &setting));
        for (int i = 0; i < 2000; i++) {
            char text[90];
            int32_t ids[90];
            for (int k = 0; k < 90; k++)
                text[k] = (char)kin_random_below(1, KIN_STREAM_TEST, 0, (uint64_t)(i * 90 + k),
                                                 128);
            int64_t n = kin_tokenizer_encode(t, text, 90, 0, ids, 90);
            for (int64_t k = 0; k < n; k++) assert_int_not_equal(ids[k], kin_tokenizer_unknown(t));
        }
        kin_tokenizer_free(t);
    }
}

/* Of 38 Armenian letters, the first 18 once and the others twice, 32 find room beside the 68 of
 * ASCII. */
static void the_alphabet_is_limited(void **state)
{
    (void)state;
    char text[1000], *at = text;
    for (int c = 0; c < 38; c++) {
        int letter = 0x561 + c;
        for (int k = 0; k < (c < 18 ? 1 : 2); k++)
            at += sprintf(at, "%c%c ", 0xc0 | letter >> 6, 0x80 | (letter & 0x3f));
    }
    const int64_t whole[] = {0, at - text};
    kin_texts texts = {1, text, whole};
    kin_tokenizer_setting setting = kin_tokenizer_defaults;
    kin_tokenizer *t = NULL;
    setting.limit_alphabet = 100;
    expect_ok(kin_tokenizer_train(&t, NULL, &texts, NULL, 0, &setting));
    for (int c = 0; c < 38; c++) {
        char later[8];
        sprintf(later, "##%c%c", 0xc0 | (0x561 + c) >> 6, 0x80 | ((0x561 + c) & 0x3f));
        bool kept = c < 12 || c >= 18;
        assert_int_equal(kin_tokenizer_find(t, later + 2) >= 0, kept);
        assert_int_equal(kin_tokenizer_find(t, later) >= 0, kept);
    }
    assert_int_equal(kin_tokenizer_size(t), 2 + 68 + 36 + 2 * 32);
    kin_tokenizer_free(t);
}

/* Punctuation and ideographs are always words of their own. */
static void what_stands_alone_has_no_later_form(void **state)
{
    (void)state;
    static const char text[] = "\344\270\255 \302\277 \303\237";
    const int64_t whole[] = {0, sizeof text - 1};
    kin_texts texts = {1, text, whole};
    kin_tokenizer *t = NULL;
    expect_ok(kin_tokenizer_train(&t, NULL, &texts, NULL, 0, &kin_tokenizer_defaults));
    assert_true(kin_tokenizer_find(t, "\344\270\255") >= 0);
    assert_int_equal(kin_tokenizer_find(t, "##\344\270\255"), -1);
    assert_true(kin_tokenizer_find(t, "\302\277") >= 0);
    assert_int_equal(kin_tokenizer_find(t, "##\302\277"), -1);
    assert_true(kin_tokenizer_find(t, "##\303\237") >= 0);
    assert_int_equal(kin_tokenizer_find(t, "##,"), -1);
    kin_tokenizer_free(t);
}

static void bad_settings_are_refused(void **state)
{
    (void)state;
    const int64_t nothing[1] = {0};
    kin_texts none = {0, "", nothing};
    kin_tokenizer *t = NULL;
    kin_tokenizer_setting setting = kin_tokenizer_defaults;
    setting.vocab_size = 10;
    expect_failure(kin_tokenizer_train(&t, NULL, &none, NULL, 0, &setting), KIN_USAGE,
                   "vocab_size is 10");
    setting = kin_tokenizer_defaults;
    setting.limit_alphabet = 5;
    expect_failure(kin_tokenizer_train(&t, NULL, &none, NULL, 0, &setting), KIN_USAGE,
                   "limit_alphabet is 5");
    setting = kin_tokenizer_defaults;
    setting.min_frequency = -1;
    expect_failure(kin_tokenizer_train(&t, NULL, &none, NULL, 0, &setting), KIN_USAGE,
                   "min_frequency is -1");
    setting = kin_tokenizer_defaults;
    setting.vocab_size = 200;
    char text[2000], *at = text;
    for (int c = 0; c < 150; c++) at += sprintf(at, "%c%c ", 0xd0 + c / 64, 0x80 + c % 64);
    const int64_t whole[] = {0, at - text};
    kin_texts texts = {1, text, whole};
    expect_failure(kin_tokenizer_train(&t, NULL, &texts, NULL, 0, &setting), KIN_USAGE,
                   "too small");
    assert_null(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vocabulary_equals_the_slow_program),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(only_the_listed_texts_count),
        cmocka_unit_test(ascii_is_never_unknown),
        cmocka_unit_test(the_alphabet_is_limited),
        cmocka_unit_test(what_stands_alone_has_no_later_form),
        cmocka_unit_test(bad_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
