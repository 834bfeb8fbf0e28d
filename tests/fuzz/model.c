/* Model folder: config.json, tokenizer.json, model.safetensors. A model that loads embeds texts,
 * and embeds them the same after being saved and loaded again. */
#include "tests/fuzz/tensors.h"

enum { PARTS = 3, TENSORS = 2 };
static const tensor_like wanted[] = {{"embeddings", 3, 2}};

#include "tests/fuzz/parts.h"
#include "cpu/cpu.h"
#include "data/safetensors.h"
#include "encoders/model.h"

static const char *const names[PARTS] = {"config.json", "tokenizer.json", "model.safetensors"};
static const int64_t text_start[] = {0, 11, 11, 23};
static const kin_texts texts = {3, "alpha bravocaf\xc3\xa9 \xed\x95\x9c \xff!x", text_start};

static kin_backend *backend(void)
{
    static kin_backend *made;
    if (made) return made;
    setenv("KIN_BLAS", "none", 1);             /* our own product is what the sanitizers see */
    CHECK(kin_cpu_new(&made, NULL) == KIN_OK);
    return made;
}

/* The same folder, but its weights do not say what the other two files were. */
static void add_without_sums(const char *weights)
{
    kin_safetensors *file;
    char *bytes;
    size_t size;
    CHECK(kin_safetensors_open(&file, weights) == KIN_OK);
    CHECK(kin_safetensors_write(in_folder("w"), kin_safetensors_at(file, 0),
                                kin_safetensors_count(file), NULL, 0) == KIN_OK);
    kin_safetensors_close(file);
    CHECK(kin_file_read(in_folder("w"), &bytes, &size) == KIN_OK);
    add_seed_parts(in_folder("m"), names, TENSORS, (part){bytes, size});
    free(bytes);
}

static void add_model(const char *hyper, const char *value, bool separate)
{
    const kin_tokenizer_setting setting = {300, 1, 100, 1, -1};
    const kin_entry *entry = kin_encoders.items[0];
    const int dim = kin_hyper_find(entry, "dim"), other = kin_hyper_find(entry, hyper);
    double hypers[KIN_HYPERS_MAX] = {0};
    kin_model model = {.prefix = {strdup("q: "), strdup("")}, .max_tokens = separate ? 9 : 0};
    kin_hyper_defaults(entry, hypers);
    hypers[dim] = 4;
    CHECK(kin_hyper_parse(&entry->hypers[other], hyper, value, &hypers[other]) == KIN_OK);
    CHECK(kin_tokenizer_train(&model.tokenizer, NULL, &texts, NULL, 3, &setting) == KIN_OK);
    CHECK(kin_network_new(&model.network, backend(), 0, hypers, kin_tokenizer_size(model.tokenizer),
                          separate) == KIN_OK);
    CHECK(kin_network_init(model.network, 1, NULL) == KIN_OK);
    CHECK(kin_model_save(&model, in_folder("m"), NULL) == KIN_OK);
    add_seed_parts(in_folder("m"), names, 0, (part){NULL, 0});
    add_without_sums(in_folder("m/model.safetensors"));
    kin_network_free(model.network);
    kin_tokenizer_free(model.tokenizer);
    free(model.prefix[0]);
    free(model.prefix[1]);
}

/* A folder as another program writes it. */
static void add_foreign(void)
{
    static const char tokenizer[] =
        "{\"version\":\"1.0\",\"added_tokens\":[],\"normalizer\":{\"type\":\"BertNormalizer\","
        "\"clean_text\":true,\"handle_chinese_chars\":true,\"lowercase\":true},"
        "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},\"model\":{\"type\":\"WordPiece\","
        "\"unk_token\":\"[U]\",\"continuing_subword_prefix\":\"##\","
        "\"max_input_chars_per_word\":9,\"vocab\":{\"a\":0,\"[U]\":1,\"bravo\":2}}}";
    static const char config[] = "{\"normalize\": true}";
    char plain[512];
    const size_t size = plain_tensors(
        plain, "{\"embeddings\":{\"dtype\":\"F32\",\"shape\":[3,2],\"data_offsets\":[0,24]}}", 24);
    write_parts(in_folder("f"), names, (const part[]){{config, sizeof config - 1},
                {tokenizer, sizeof tokenizer - 1}, {plain, size}}, PARTS);
    add_seed_parts(in_folder("f"), names, 0, (part){NULL, 0});
}

static void seeds(void)
{
    add_foreign();
    add_model("projection", "none", false);
    add_model("projection", "mlp", true);
}

static real *embed(const kin_model *m, kin_role role)
{
    kin_tokens tokens;
    kin_encoding *encoding;
    real *out = malloc((size_t)(texts.count * m->network->width) * sizeof *out + 1);
    CHECK(kin_model_tokens(m, NULL, role, &texts, &tokens) == KIN_OK);
    CHECK(kin_encoding_new(&encoding, m) == KIN_OK);
    CHECK(kin_encoding_run(encoding, role, &tokens, NULL, 0, texts.count, out) == KIN_OK);
    kin_encoding_free(encoding);
    kin_tokens_free(&tokens);
    return out;
}

static void check_same(const kin_model *a, const kin_model *b)
{
    CHECK(a->network->width == b->network->width && a->max_tokens == b->max_tokens);
    for (int role = 0; role < 2; role++) {
        CHECK(strcmp(a->prefix[role], b->prefix[role]) == 0);
        real *x = embed(a, (kin_role)role), *y = embed(b, (kin_role)role);
        CHECK(memcmp(x, y, (size_t)(texts.count * a->network->width) * sizeof *x) == 0);
        free(x);
        free(y);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    part parts[PARTS];
    kin_model *model, *again;
    const char *folder = in_folder("a"), *copy = in_folder("b");
    cut_parts(bytes, size, parts);
    write_parts(folder, names, parts, PARTS);
    if (!accepted(kin_model_load(&model, backend(), folder), KIN_DATA)) return 0;
    CHECK(kin_model_save(model, copy, NULL) == KIN_OK);
    CHECK(kin_model_load(&again, backend(), copy) == KIN_OK);
    check_same(model, again);
    kin_model_free(model);
    kin_model_free(again);
    return 0;
}
