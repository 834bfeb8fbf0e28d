/* tokenizer.json: an accepted tokenizer cuts any bytes into ids of its vocabulary, and so does the
 * one that is saved and loaded again. */
#include "tests/fuzz/fuzz.h"
#include "data/tokenizer.h"

static void add_trained(int lowercase, int accents)
{
    static const int64_t start[] = {0, 11, 24};
    const kin_texts texts = {2, "alpha bravoalpha, caf\xc3\xa9!", start};
    const kin_tokenizer_setting setting = {300, 1, 100, lowercase, accents};
    kin_tokenizer *tokenizer;
    CHECK(kin_tokenizer_train(&tokenizer, NULL, &texts, NULL, 2, &setting) == KIN_OK);
    CHECK(kin_tokenizer_save(tokenizer, in_folder("s.json")) == KIN_OK);
    add_seed_file(in_folder("s.json"));
    kin_tokenizer_free(tokenizer);
}

static void seeds(void)
{
    add_trained(1, -1);
    add_trained(0, 1);
    add_seed_text(
        "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":["
        "{\"id\":1,\"content\":\"[U]\",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
        "\"normalized\":false,\"special\":true}],\"normalizer\":{\"type\":\"BertNormalizer\","
        "\"clean_text\":true,\"handle_chinese_chars\":true,\"strip_accents\":null,"
        "\"lowercase\":false},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
        "\"post_processor\":null,\"decoder\":null,\"model\":{\"type\":\"WordPiece\","
        "\"unk_token\":\"[U]\",\"continuing_subword_prefix\":\"##\","
        "\"max_input_chars_per_word\":9,\"vocab\":{\"a\":0,\"[U]\":1,\"##b\":2,"
        "\"\xed\x95\x9c\":3,\"##\xcc\x88\":4,\"#\":5,\"##\":6}}}");
}

/* Every room gives the same beginning and the same count, which the text's size bounds. */
static void check_encoding(const kin_tokenizer *a, const kin_tokenizer *b, const char *text,
                           size_t size)
{
    int32_t *ids = malloc((size + 1) * sizeof *ids), *same = malloc((size + 1) * sizeof *same);
    const int64_t bytes = (int64_t)size;
    const int64_t n = kin_tokenizer_encode(a, text, bytes, 0, ids, bytes);
    CHECK(n >= 0 && n <= bytes);
    for (int64_t i = 0; i < n; i++) CHECK(ids[i] >= 0 && ids[i] < kin_tokenizer_size(a));
    CHECK(kin_tokenizer_encode(b, text, bytes, 0, same, bytes) == n);
    CHECK(memcmp(ids, same, (size_t)n * sizeof *ids) == 0);
    CHECK(kin_tokenizer_encode(a, text, bytes, 2, same, 1) == (n < 2 ? n : 2));
    free(ids);
    free(same);
}

static void check_tokens(const kin_tokenizer *a, const kin_tokenizer *b)
{
    const int size = kin_tokenizer_size(a);
    CHECK(size > 0 && size == kin_tokenizer_size(b));
    CHECK(kin_tokenizer_unknown(a) == kin_tokenizer_unknown(b));
    CHECK(kin_tokenizer_unknown(a) >= 0 && kin_tokenizer_unknown(a) < size);
    for (int id = 0; id < size; id++) {
        CHECK(strcmp(kin_tokenizer_token(a, id), kin_tokenizer_token(b, id)) == 0);
        CHECK(kin_tokenizer_find(a, kin_tokenizer_token(a, id)) == id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char text[] = "Alpha \xed\x95\x9c\xea\xb5\xad \xc4\xb0 caf\xc3\xa9 \xff\xc3 "
                               "\xe4\xb8\xad\xe6\x96\x87 o\xcc\x88\xcc\xb2 [UNK]##b "
                               "\xf0\x9f\x98\x80"
                               " aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                               "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    kin_tokenizer *tokenizer, *again;
    const char *path = write_bytes(in_folder("a.json"), bytes, size), *copy = in_folder("b.json");
    if (!accepted(kin_tokenizer_load(&tokenizer, path), KIN_DATA)) return 0;
    CHECK(kin_tokenizer_save(tokenizer, copy) == KIN_OK);
    CHECK(kin_tokenizer_load(&again, copy) == KIN_OK);
    check_tokens(tokenizer, again);
    check_encoding(tokenizer, again, text, sizeof text - 1);
    check_encoding(tokenizer, again, (const char *)bytes, size);
    kin_tokenizer_free(tokenizer);
    kin_tokenizer_free(again);
    return 0;
}
