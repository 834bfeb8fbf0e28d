/* tokenizer.json: what is written is read back, what is damaged is refused with a sentence. */
#include "tests/data/stores.h"
#include "core/rng.h"
#include "data/tokenizer.h"
#include "tests/data/tokenizer_known.h"

static void saving_and_loading_keeps_everything(void **state)
{
    (void)state;
    kin_tokenizer *a = NULL, *b = NULL;
    expect_ok(kin_tokenizer_load(&a, write_text("a.json", known_json)));
    expect_ok(kin_tokenizer_save(a, in_folder("b.json")));
    expect_ok(kin_tokenizer_load(&b, in_folder("b.json")));
    assert_int_equal(kin_tokenizer_size(a), kin_tokenizer_size(b));
    for (int id = 0; id < kin_tokenizer_size(a); id++)
        assert_string_equal(kin_tokenizer_token(a, id), kin_tokenizer_token(b, id));
    for (size_t i = 0; i < sizeof known_cases / sizeof known_cases[0]; i++) {
        const known_case *c = &known_cases[i];
        int32_t ids[64];
        if (c->variant != 0) continue;
        assert_int_equal(kin_tokenizer_encode(b, c->text, c->bytes, 0, ids, 64), c->count);
        assert_memory_equal(ids, c->ids, sizeof *ids * (size_t)c->count);
    }
    kin_tokenizer_free(a);
    kin_tokenizer_free(b);
}

/* Replaces the first occurrence; the result is in a buffer of the function's own. */
static const char *edited(const char *from, const char *to)
{
    static char text[sizeof known_json + 1024];
    const char *at = strstr(known_json, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - known_json), known_json, to,
             at + strlen(from));
    return text;
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    static const struct { const char *from, *to, *message; } edits[] = {
        {"\"version\":\"1.0\"", "\"version\":\"2.0\"", "the version is \"2.0\""},
        {"\"version\":\"1.0\",", "", "no key \"version\""},
        {"\"truncation\":null", "\"truncation\":{}", "truncation is not null"},
        {"\"padding\":null", "\"padding\":{}", "padding is not null"},
        {"\"BertNormalizer\"", "\"NFC\"", "the normalizer is \"NFC\""},
        {"\"clean_text\":true,", "", "no key \"clean_text\""},
        {"\"strip_accents\":null", "\"strip_accents\":1", "\"strip_accents\" is a number"},
        {"\"BertPreTokenizer\"", "\"Whitespace\"", "the pre_tokenizer is \"Whitespace\""},
        {"\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}", "\"pre_tokenizer\":null",
         "\"pre_tokenizer\" is null"},
        {"\"model\":{\"type\":\"WordPiece\"", "\"model\":{\"type\":\"BPE\"",
         "the model is \"BPE\""},
        {"\"continuing_subword_prefix\":\"##\"", "\"continuing_subword_prefix\":\"@\"", "\"@\""},
        {"_per_word\":100", "_per_word\":101", "whole number from 1 to 100"},
        {"_per_word\":100", "_per_word\":1e2", "whole number from 1 to 100"},
        {"_per_word\":100", "_per_word\":0", "whole number from 1 to 100"},
        {"\"unk_token\":\"[UNK]\"", "\"unk_token\":\"<unk>\"",
         "\"<unk>\" is not in the vocabulary"},
        {"\"the\":106", "\"the\":107", "have the same id 107"},
        {"\"the\":106", "\"the\":1000", "is not a whole number from 0"},
        {"\"the\":106", "\"the\":-1", "is not a whole number from 0"},
        {"\"the\":106", "\"the\":1e99", "is not a whole number from 0"},
        {"\"the\":106", "\"the\":106.0", "is not a whole number from 0"},
        {"\"the\":106", "\"the\":\"106\"", "is not a whole number from 0"},
        {"\"the\":106,", "", "is not a whole number from 0"},
        {"\"the\":106", "\"un\":106", "\"un\" occurs twice"},
        {"\"the\":106", "\"\":106", "token 106 is empty"},
        {"\"the\":106", "\"t\\u0000e\":106", "NUL"},
        {"\"the\":106", "\"t\\ud800e\":106", "surrogate"},
        {"\"the\":106", "\"t\377\":106", "0xff, which is not UTF-8"},
        {"\"content\":\"[PAD]\"", "\"content\":\"[pad]\"", "the added token \"[pad]\" has id 0"},
        {"\"lstrip\":false", "\"lstrip\":true", "lstrip true"},
        {"\"normalized\":false", "\"normalized\":true", "normalized true"},
        {"{\"id\":0", "{\"id\":500", "\"id\" is 500"},
        {"\"added_tokens\":[", "\"added_tokens\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
         "more than 32 levels"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        kin_tokenizer *t = NULL;
        const char *path = write_text("bad.json", edited(edits[i].from, edits[i].to));
        expect_failure(kin_tokenizer_load(&t, path), KIN_DATA, edits[i].message);
        expect_failure(KIN_DATA, KIN_DATA, "bad.json");
        assert_null(t);
    }
}

static void empty_vocabularies_are_refused(void **state)
{
    (void)state;
    static char text[sizeof known_json];
    const char *vocab = strstr(known_json, "\"vocab\":{") + 9;
    kin_tokenizer *t = NULL;
    snprintf(text, sizeof text, "%.*s}}}", (int)(vocab - known_json), known_json);
    expect_failure(kin_tokenizer_load(&t, write_text("bad.json", text)), KIN_DATA, "is empty");
    expect_failure(kin_tokenizer_load(&t, in_folder("none.json")), KIN_DATA, "none.json");
}

/* A file that did not exist before: overwriting one waits for the disk. */
static const char *write_new(const char *name, const void *bytes, size_t size)
{
    remove(in_folder(name));
    return write_bytes(name, bytes, size);
}

static void cut_files_are_refused(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof known_json - 1; size += size < 4000 ? 7 : 1) {
        kin_tokenizer *t = NULL;
        kin_status status = kin_tokenizer_load(&t, write_new("cut.json", known_json, size));
        assert_int_equal(status, KIN_DATA);
        assert_null(t);
    }
}

/* A flipped bit is refused, or gives a tokenizer that encodes. */
static void flipped_bits_are_harmless(void **state)
{
    (void)state;
    static char text[sizeof known_json];
    const uint64_t bits = 8 * (sizeof known_json - 1);
    for (uint64_t i = 0; i < 1500; i++) {
        kin_tokenizer *t = NULL;
        const uint64_t bit = kin_random_below(1, KIN_STREAM_TEST, 0, i, bits);
        memcpy(text, known_json, sizeof text);
        text[bit / 8] ^= (char)(1 << bit % 8);
        kin_status status = kin_tokenizer_load(&t, write_new("bit.json", text, sizeof text - 1));
        assert_true(status == KIN_DATA || status == KIN_OK);
        if (status != KIN_OK) continue;
        const char sample[] = "The caf\303\251, [UNK] hello";
        int32_t ids[32];
        int64_t n = kin_tokenizer_encode(t, sample, sizeof sample - 1, 0, ids, 32);
        for (int64_t k = 0; k < n; k++) assert_in_range(ids[k], 0, kin_tokenizer_size(t) - 1);
        kin_tokenizer_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saving_and_loading_keeps_everything),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(empty_vocabularies_are_refused),
        cmocka_unit_test(cut_files_are_refused),
        cmocka_unit_test(flipped_bits_are_harmless),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
