/* Encoding equals Hugging Face's tokenizers, and does not depend on threads, room or cut. */
#include "tests/data/stores.h"
#include "data/text_key.h"
#include "data/tokenizer.h"
#include "tests/data/tokenizer_known.h"

/* The known file with one word replaced by another, wherever it stands. */
static kin_tokenizer *load_with(const char *from, const char *to)
{
    static char text[2 * sizeof known_json];
    kin_tokenizer *tokenizer = NULL;
    char *out = text;
    const size_t size = strlen(from);
    for (const char *in = known_json; *in;) {
        if (size > 0 && strncmp(in, from, size) == 0) {
            out = stpcpy(out, to);
            in += size;
        } else {
            *out++ = *in++;
        }
    }
    *out = 0;
    expect_ok(kin_tokenizer_load(&tokenizer, write_text("tokenizer.json", text)));
    return tokenizer;
}

static kin_tokenizer *load_variant(int variant)
{
    if (variant == 1) return load_with("\"lowercase\":true", "\"lowercase\":false");
    if (variant == 2) return load_with("\"strip_accents\":null", "\"strip_accents\":false");
    if (variant == 3)
        return load_with("\"clean_text\":true,\"handle_chinese_chars\":true",
                         "\"clean_text\":false,\"handle_chinese_chars\":false");
    return load_with("", "");
}

static void assert_ids(const kin_tokenizer *t, const char *text, int64_t bytes, const int32_t *ids,
                       int64_t count)
{
    int32_t found[128];
    int64_t n = kin_tokenizer_encode(t, text, bytes, 0, found, 128);
    bool same = n == count && memcmp(found, ids, sizeof *ids * (size_t)count) == 0;
    if (!same) fail_msg("\"%s\": %lld ids, expected %lld", text, (long long)n, (long long)count);
}

static void known_texts_give_known_ids(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        kin_tokenizer *t = load_variant(variant);
        for (size_t i = 0; i < sizeof known_cases / sizeof known_cases[0]; i++) {
            const known_case *c = &known_cases[i];
            if (c->variant == variant) assert_ids(t, c->text, c->bytes, c->ids, c->count);
        }
        kin_tokenizer_free(t);
    }
}

static void a_word_may_have_100_characters(void **state)
{
    (void)state;
    kin_tokenizer *t = load_variant(0);
    char text[4 * 3000];
    int32_t ids[128];
    memset(text, 'x', sizeof text);
    assert_int_equal(kin_tokenizer_encode(t, text, 100, 0, ids, 128), 100);
    assert_int_equal(kin_tokenizer_encode(t, text, 101, 0, ids, 128), 1);
    assert_int_equal(ids[0], kin_tokenizer_unknown(t));
    assert_int_equal(kin_tokenizer_encode(t, text, 3000, 0, ids, 128), 1);
    for (int i = 0; i < 101; i++) memcpy(text + 2 * i, "\303\251", 2);      /* e acute */
    assert_int_equal(kin_tokenizer_encode(t, text, 200, 0, ids, 128), 100);
    assert_int_equal(kin_tokenizer_encode(t, text, 202, 0, ids, 128), 1);
    for (int i = 0; i < 3000; i++) memcpy(text + 4 * i, "\360\235\205\245", 4);   /* they wait */
    assert_int_equal(kin_tokenizer_encode(t, text, 4 * 3000, 0, ids, 128), 1);
    kin_tokenizer_free(t);
}

/* Each byte that is not UTF-8 goes; what stands around it joins. */
static void bytes_that_are_not_utf8_go(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\200", "\377", "\300\257", "\340\200\200", "\355\240\200", "\364\220\200\200",
        "\360\200\200\200", "\303", "\342\202", "\360\237\230", "\303\303", "\301"};
    kin_tokenizer *t = load_variant(0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[32];
        int32_t the = kin_tokenizer_find(t, "the"), clean = the;
        int bytes = snprintf(text, sizeof text, "t%she", bad[i]);
        assert_ids(t, text, bytes, &the, 1);
        bytes = snprintf(text, sizeof text, "the%s", bad[i]);
        assert_ids(t, text, bytes, &clean, 1);
        assert_ids(t, bad[i], (int64_t)strlen(bad[i]), &clean, 0);
    }
    kin_tokenizer_free(t);
}

static void room_and_cut_are_kept(void **state)
{
    (void)state;
    kin_tokenizer *t = load_variant(0);
    const char text[] = "the hello the world";
    int32_t ids[8], first[2] = {kin_tokenizer_find(t, "the"), kin_tokenizer_find(t, "hello")};
    memset(ids, -1, sizeof ids);
    assert_int_equal(kin_tokenizer_encode(t, text, sizeof text - 1, 0, ids, 2), 4);
    assert_memory_equal(ids, first, sizeof first);
    assert_int_equal(ids[2], -1);
    assert_int_equal(kin_tokenizer_encode(t, text, sizeof text - 1, 0, NULL, 0), 4);
    memset(ids, -1, sizeof ids);
    assert_int_equal(kin_tokenizer_encode(t, text, sizeof text - 1, 2, ids, 8), 2);
    assert_memory_equal(ids, first, sizeof first);
    assert_int_equal(ids[2], -1);
    assert_int_equal(kin_tokenizer_encode(t, text, sizeof text - 1, 9, ids, 8), 4);
    assert_int_equal(kin_tokenizer_encode(t, "", 0, 2, ids, 8), 0);
    kin_tokenizer_free(t);
}

static void tokens_are_found(void **state)
{
    (void)state;
    kin_tokenizer *t = load_variant(0);
    for (int id = 0; id < kin_tokenizer_size(t); id++)
        assert_int_equal(kin_tokenizer_find(t, kin_tokenizer_token(t, id)), id);
    assert_int_equal(kin_tokenizer_find(t, "[UNK]"), 1);
    assert_int_equal(kin_tokenizer_find(t, ""), -1);
    assert_int_equal(kin_tokenizer_find(t, "th"), -1);
    assert_int_equal(kin_tokenizer_find(t, "##"), -1);
    assert_int_equal(kin_tokenizer_find(t, "##the"), -1);
    kin_tokenizer_free(t);
}

/* ---- many texts ------------------------------------------------------------------------------ */

enum { TEXTS = 5000 };

/* All known texts, over and over. */
static kin_texts many_texts(char *bytes, int64_t *start)
{
    const size_t cases = sizeof known_cases / sizeof known_cases[0];
    start[0] = 0;
    for (int i = 0; i < TEXTS; i++) {
        const known_case *c = &known_cases[(size_t)i * 7 % cases];
        memcpy(bytes + start[i], c->text, (size_t)c->bytes);
        start[i + 1] = start[i] + c->bytes;
    }
    return (kin_texts){TEXTS, bytes, start};
}

/* The ids of all texts equal those of each with its prefix in front. */
static void assert_all(const kin_tokenizer *t, const kin_texts *texts, const kin_tokens *all,
                       const char *prefix, int64_t most)
{
    int64_t empty = 0, cut = 0, unknown = 0;
    for (int64_t i = 0; i < texts->count; i++) {
        char text[2048];
        int32_t ids[2048];
        const int64_t bytes = texts->start[i + 1] - texts->start[i];
        const size_t before = strlen(prefix);
        memcpy(text, prefix, before);
        memcpy(text + before, texts->bytes + texts->start[i], (size_t)bytes);
        int64_t n = kin_tokenizer_encode(t, text, (int64_t)before + bytes, 0, ids, 2048);
        empty += kin_tokenizer_encode(t, text + before, bytes, 0, NULL, 0) == 0;
        cut += most > 0 && n > most;
        if (most > 0 && n > most) n = most;
        for (int64_t k = 0; k < n; k++) unknown += ids[k] == kin_tokenizer_unknown(t);
        assert_int_equal(all->start[i + 1] - all->start[i], n);
        assert_memory_equal(all->ids + all->start[i], ids, sizeof *ids * (size_t)n);
    }
    assert_int_equal(all->empty, empty);
    assert_int_equal(all->cut, cut);
    assert_int_equal(all->unknown, unknown);
    assert_true(empty > 0 && (unknown > 0 || most > 0));
}

static void many_texts_equal_single_ones(void **state)
{
    (void)state;
    static char bytes[TEXTS * 300];
    static int64_t start[TEXTS + 1];
    static const char *const prefixes[] = {"", "query: ", "th"};
    kin_tokenizer *t = load_variant(0);
    kin_texts texts = many_texts(bytes, start);
    for (int threads = 0; threads <= 3; threads++) {
        kin_pool *pool = NULL;
        if (threads > 0) expect_ok(kin_pool_new(&pool, threads));
        for (int p = 0; p < 3; p++) {
            for (int most = 0; most <= 8; most += 4) {
                kin_tokens all;
                const char *prefix = p == 0 && most == 4 ? NULL : prefixes[p];
                expect_ok(kin_tokenizer_encode_all(t, pool, &texts, prefix, most, &all));
                assert_all(t, &texts, &all, prefixes[p], most);
                kin_tokens_free(&all);
            }
        }
        kin_pool_free(pool);
    }
    kin_tokenizer_free(t);
}

static void no_texts_are_fine(void **state)
{
    (void)state;
    const int64_t start[1] = {0};
    kin_texts none = {0, "", start};
    kin_tokens all;
    kin_tokenizer *t = load_variant(0);
    expect_ok(kin_tokenizer_encode_all(t, NULL, &none, NULL, 0, &all));
    assert_int_equal(all.count, 0);
    assert_int_equal(all.start[0], 0);
    kin_tokens_free(&all);
    kin_tokenizer_free(t);
}

static uint64_t key_of(const char *text) { return kin_text_key(text, (int64_t)strlen(text)); }

static void texts_of_the_same_words_have_one_key(void **state)
{
    (void)state;
    const uint64_t key = key_of("a big cat, any cat");
    assert_true(key == key_of("A BIG  cat any cat!"));
    assert_true(key == key_of(" (a) b\xc3\xadg cat -- any cat"));
    assert_true(key != key_of("a big cat, any"));
    assert_true(key != key_of("big a cat any cat"));
    assert_true(key != key_of("abig cat any cat"));
    assert_true(key_of("") == key_of("... !"));
    assert_true(key_of("") != key_of("a"));
    const int64_t start[] = { 0, 3, 3, 7 };
    const int32_t which[] = { 2, 0, 1 };
    const kin_texts texts = { .count = 3, .bytes = "a bB  a", .start = start };
    uint64_t keys[3];
    kin_text_keys(NULL, &texts, which, 3, keys);
    assert_true(keys[0] == key_of("b a") && keys[1] == key_of("a b") && keys[2] == key_of(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_give_known_ids),
        cmocka_unit_test(a_word_may_have_100_characters),
        cmocka_unit_test(bytes_that_are_not_utf8_go),
        cmocka_unit_test(room_and_cut_are_kept),
        cmocka_unit_test(tokens_are_found),
        cmocka_unit_test(many_texts_equal_single_ones),
        cmocka_unit_test(no_texts_are_fine),
        cmocka_unit_test(texts_of_the_same_words_have_one_key),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
