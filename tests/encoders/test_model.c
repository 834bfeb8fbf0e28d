/* The model folder: what is written is what is read, for every kind of model; what is damaged is
 * refused; an embedding does not depend on its neighbours. */
#include "tests/encoders/fixture.h"
#include "data/json.h"
#include "data/safetensors.h"

static const char *const words[] = { "red", "green", "blue", "cat", "dog", "runs", "sleeps",
                                     "house", "tree", "river", "the", "a", "of" };

static char *make_text(int i, char text[128])
{
    text[0] = 0;
    for (int k = 0; k < i % 7; k++) {
        strcat(text, words[(i * 31 + k * 17) % 13]);
        strcat(text, " ");
    }
    return text;
}

typedef struct {
    kin_texts texts;
    char bytes[1 << 17];
    int64_t start[2000];
} corpus;

static corpus *make_corpus(int64_t count)
{
    static corpus c;
    int64_t used = 0;
    for (int64_t i = 0; i < count; i++) {
        char text[128];
        c.start[i] = used;
        make_text((int)i, text);
        memcpy(c.bytes + used, text, strlen(text));
        used += (int64_t)strlen(text);
    }
    c.start[count] = used;
    c.texts = (kin_texts){ count, c.bytes, c.start };
    return &c;
}

static kin_model *make_model(const char *settings, bool separate, const char *prefix,
                             int64_t max_tokens)
{
    const kin_tokenizer_setting setting = { 400, 1, 1000, 1, -1 };
    kin_model *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->prefix[0] = strdup(prefix);
    m->prefix[1] = strdup("");
    m->max_tokens = max_tokens;
    expect_ok(kin_tokenizer_train(&m->tokenizer, pool, &make_corpus(200)->texts, NULL, 200,
                                  &setting));
    m->network = make_network(settings, kin_tokenizer_size(m->tokenizer), separate);
    expect_ok(kin_network_init(m->network, 11, NULL));
    return m;
}

static real *embed(const kin_model *m, kin_role role, int64_t count)
{
    kin_tokens tokens;
    kin_encoding *e;
    real *out = malloc((size_t)(count * m->network->width) * sizeof *out);
    expect_ok(kin_model_tokens(m, pool, role, &make_corpus(count)->texts, &tokens));
    expect_ok(kin_encoding_new(&e, m));
    expect_ok(kin_encoding_run(e, role, &tokens, NULL, 0, count, out));
    kin_encoding_free(e);
    kin_tokens_free(&tokens);
    return out;
}

static const char *path_of(const char *name)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/model/%s", folder, name);
    return path;
}

static const char *model_folder(void)
{
    static char path[300];
    snprintf(path, sizeof path, "%s/model", folder);
    return path;
}

static void round_trip(const char *settings, bool separate, const char *prefix, int64_t max_tokens,
                       bool bag)
{
    kin_model *m = make_model(settings, separate, prefix, max_tokens), *loaded;
    assert_int_equal(kin_model_is_bag(m), bag);
    expect_ok(kin_model_save(m, model_folder(), NULL));
    assert_int_equal(kin_file_exists(path_of("modules.json")), bag);
    expect_ok(kin_model_load(&loaded, backend, model_folder()));
    assert_int_equal(loaded->max_tokens, max_tokens);
    assert_string_equal(loaded->prefix[0], prefix);
    for (int role = 0; role < 2; role++) {
        real *a = embed(m, (kin_role)role, 300), *b = embed(loaded, (kin_role)role, 300);
        assert_memory_equal(a, b, 300 * (size_t)m->network->width * sizeof *a);
        free(a);
        free(b);
    }
    kin_model_free(m);
    kin_model_free(loaded);
}

static void test_round_trip(void **state)
{
    (void)state;
    round_trip("dim 12", false, "", 0, true);
    round_trip("dim 12", false, "query: ", 0, true);
    round_trip("dim 12", false, "", 3, false);
    round_trip("dim 12 weights learned", false, "", 0, false);
    round_trip("dim 12 projection linear output 5", false, "", 0, false);
    round_trip("dim 12 projection mlp hidden 9", true, "q ", 4, false);
}

/* Text i of 1,500 alone, and among others at other places, has the same bits. */
static void test_any_block(void **state)
{
    (void)state;
    static const char *const settings[] = { "dim 48", "dim 48 projection mlp hidden 37 output 29" };
    for (int s = 0; s < 2; s++) {
        kin_model *m = make_model(settings[s], false, "", 0);
        const int64_t width = m->network->width;
        real *all = embed(m, KIN_DOCUMENT, 1500), one[64];
        kin_tokens tokens;
        kin_encoding *e;
        expect_ok(kin_model_tokens(m, pool, KIN_DOCUMENT, &make_corpus(1500)->texts, &tokens));
        expect_ok(kin_encoding_new(&e, m));
        for (int32_t i = 0; i < 1500; i += 97) {
            expect_ok(kin_encoding_run(e, KIN_DOCUMENT, &tokens, &i, 0, 1, one));
            assert_memory_equal(one, all + i * width, (size_t)width * sizeof *one);
        }
        kin_encoding_free(e);
        kin_tokens_free(&tokens);
        free(all);
        kin_model_free(m);
    }
}

static void test_no_tokens_is_zero(void **state)
{
    (void)state;
    kin_model *m = make_model("dim 12", false, "", 0);
    real *all = embed(m, KIN_DOCUMENT, 8);
    double norm = 0;
    for (int j = 0; j < 12; j++) {
        assert_true(all[j] == 0 && all[7 * 12 + j] == 0);        /* texts 0 and 7 are empty */
        norm += (double)all[12 + j] * (double)all[12 + j];
    }
    assert_true(fabs(norm - 1) < 1e-6);
    free(all);
    kin_model_free(m);
}

/* Replacing a model leaves the new one, and nothing else in the folder above. */
static void test_replace(void **state)
{
    (void)state;
    kin_model *a = make_model("dim 12", false, "", 0), *b = make_model("dim 8", false, "", 0), *l;
    expect_ok(kin_model_save(a, model_folder(), NULL));
    expect_ok(kin_model_save(b, model_folder(), NULL));
    expect_ok(kin_model_load(&l, backend, model_folder()));
    assert_int_equal(l->network->width, 8);
    char draft[300];
    snprintf(draft, sizeof draft, "%s/model.tmp-%ld", folder, (long)getpid());
    assert_false(kin_file_exists(draft));
    kin_model_free(a);
    kin_model_free(b);
    kin_model_free(l);
}

static void write_file(const char *name, const char *text)
{
    expect_ok(kin_file_write(path_of(name), text, strlen(text)));
}

static void expect_refused(const char *part)
{
    kin_model *m;
    expect_failure(kin_model_load(&m, backend, model_folder()), KIN_DATA, part);
    assert_null(m);
}

static void test_refused(void **state)
{
    (void)state;
    kin_model *m = make_model("dim 12", false, "", 0);
    expect_ok(kin_model_save(m, model_folder(), NULL));
    write_file("config.json", "{\"normalize\": false}");
    expect_refused("normalize");
    write_file("config.json", "{\"normalize\": true, \"kin\": 3}");
    expect_refused("'kin'");
    write_file("config.json", "{\"normalize\": true, \"kin\": {\"encoder\": \"statik\"}}");
    expect_refused("statik");
    write_file("config.json",
               "{\"normalize\": true, \"kin\": {\"encoder\": \"static\", \"settings\": {\"dim\": "
               "\"16000\"}, \"towers\": \"shared\", \"max_tokens\": 0, \"query_prefix\": \"\", "
               "\"document_prefix\": \"\"}}");
    expect_refused("model.safetensors");
    write_file("config.json", "{\"normalize\": true");
    expect_refused("config.json");
    expect_ok(kin_model_save(m, model_folder(), NULL));
    write_file("tokenizer.json", "{}");
    expect_refused("tokenizer.json");
    expect_ok(kin_model_save(m, model_folder(), NULL));
    write_file("model.safetensors", "12345678{}");
    expect_refused("model.safetensors");
    m->network->weight[0].tensor.value[5] = NAN;
    expect_ok(kin_model_save(m, model_folder(), NULL));
    expect_refused("model.safetensors");
    kin_model_free(m);
}

static void replace_in_file(const char *name, const char *from, const char *to)
{
    char *text, whole[65536];
    size_t size;
    expect_ok(kin_file_read(path_of(name), &text, &size));
    char *at = strstr(text, from);
    assert_non_null(at);
    snprintf(whole, sizeof whole, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    write_file(name, whole);
    free(text);
}

/* What is still right as a file, but not what the weights were saved with. */
static void test_changed(void **state)
{
    (void)state;
    kin_model *m = make_model("dim 12", false, "", 0);
    expect_ok(kin_model_save(m, model_folder(), NULL));
    replace_in_file("config.json", "\"document_prefix\": \"\"", "\"document_prefix\": \"x\"");
    expect_refused("config.json: not what the model was saved with");
    expect_ok(kin_model_save(m, model_folder(), NULL));
    replace_in_file("tokenizer.json", "true", "false");
    expect_refused("tokenizer.json: not what the model was saved with");
    kin_model_free(m);
}

/* A folder of another program: no kin part in config.json, no checksums with the weights. */
static void test_foreign(void **state)
{
    (void)state;
    kin_model *m = make_model("dim 12", false, "", 0), *l;
    expect_ok(kin_model_save(m, model_folder(), NULL));
    write_file("config.json", "{\"normalize\": true, \"seq_length\": 1000000}");
    expect_refused("config.json: not what the model was saved with");
    const kin_tensor *w = &m->network->weight[0].tensor;
    const kin_safetensor table = { .name = "embeddings", .dtype = KIN_F32, .rank = 2,
                                   .shape = { w->rows, w->cols }, .values = w->value };
    expect_ok(kin_safetensors_write(path_of("model.safetensors"), &table, 1, NULL, 0));
    expect_ok(kin_model_load(&l, backend, model_folder()));
    real *a = embed(m, KIN_QUERY, 50), *b = embed(l, KIN_QUERY, 50);
    assert_memory_equal(a, b, 50 * 12 * sizeof *a);
    free(a);
    free(b);
    const kin_safetensor empty = { .name = "embeddings", .dtype = KIN_F32, .rank = 2,
                                   .shape = { kin_tokenizer_size(m->tokenizer), 0 } };
    expect_ok(kin_safetensors_write(path_of("model.safetensors"), &empty, 1, NULL, 0));
    expect_refused("embeddings has 0 columns, expected 1 to 16384");
    kin_model_free(m);
    kin_model_free(l);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void edit_config(const char *from, const char *to)
{
    char *text, *changed;
    size_t size;
    expect_ok(kin_file_read(path_of("config.json"), &text, &size));
    char *at = strstr(text, from);
    assert_non_null(at);
    assert_true(asprintf(&changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
    write_file("config.json", changed);
    free(text);
    free(changed);
}

/* A model of numbers has no tokenizer; what is no number of a role is a zero vector. */
static void test_numbers(void **state)
{
    (void)state;
    static const int64_t start[] = { 0, 1, 2, 3, 3 };
    const kin_texts texts = { 4, "26x", start };
    kin_model m = { .prefix = { strdup(""), strdup("") } }, *loaded;
    m.network = make_network_of("id", "dim 3 init_scale 1 users 3 items 7", 0, true);
    expect_ok(kin_network_init(m.network, 11, NULL));
    expect_ok(kin_folder_remove(model_folder()));
    expect_ok(kin_model_save(&m, model_folder(), NULL));
    assert_false(kin_file_exists(path_of("tokenizer.json")));
    expect_ok(kin_model_load(&loaded, backend, model_folder()));
    for (int role = 0; role < 2; role++) {
        kin_tokens tokens;
        kin_encoding *e;
        real x[4 * 3];
        expect_ok(kin_model_tokens(loaded, pool, (kin_role)role, &texts, &tokens));
        expect_ok(kin_encoding_new(&e, loaded));
        expect_ok(kin_encoding_run(e, (kin_role)role, &tokens, NULL, 0, 4, x));
        for (int i = 0; i < 4; i++) {
            const bool known = i == 0 || (i == 1 && role == KIN_DOCUMENT);
            const real *row = m.network->weight[role].tensor.value + (i == 0 ? 2 : 6) * 3;
            double length = 0;
            for (int j = 0; known && j < 3; j++) length += (double)row[j] * (double)row[j];
            for (int j = 0; j < 3; j++)
                assert_true(fabs((double)x[3 * i + j]
                                 - (known ? (double)row[j] / sqrt(length) : 0)) < 1e-6);
        }
        kin_encoding_free(e);
        kin_tokens_free(&tokens);
    }
    kin_model_free(loaded);
    edit_config("\"separate\"", "\"shared\"");
    expect_refused("needs separate towers with at least one row each");
    edit_config("\"shared\"", "\"separate\"");
    edit_config("\"items\": \"7\"", "\"items\": \"0\"");
    expect_refused("needs separate towers with at least one row each");
    edit_config("\"items\": \"0\"", "\"items\": \"2000000000\"");
    expect_refused("config.json: not what the model was saved with");
    kin_network_free(m.network);
    free(m.prefix[0]);
    free(m.prefix[1]);
}

/* A model of features has no tokenizer, reads back, and gives a row the same bits wherever it
 * stands; what it does not say of its features is refused. */
static void test_features(void **state)
{
    (void)state;
    enum { ITEMS = 430, FEATURES = 21, DIM = 6 };
    static float x[ITEMS * FEATURES];
    static real all[ITEMS * DIM], some[3 * DIM];
    static const int32_t which[] = { 425, 7, 192 };
    int place;
    double hypers[KIN_HYPERS_MAX];
    kin_model *m = calloc(1, sizeof *m), *l;
    kin_encoding *e;
    kin_tokens tokens;
    for (int i = 0; i < ITEMS * FEATURES; i++) x[i] = (float)(i * 37 % 101) / 101;
    expect_ok(kin_list_find(&kin_encoders, "mlp", &place));
    kin_hyper_defaults(kin_encoders.items[place], hypers);
    hypers[0] = DIM, hypers[2] = 17;
    m->prefix[0] = strdup("");
    m->prefix[1] = strdup("");
    expect_ok(kin_network_new(&m->network, backend, place, hypers, FEATURES, false));
    expect_ok(kin_network_init(m->network, 3, NULL));
    expect_ok(kin_model_save(m, model_folder(), NULL));
    assert_false(kin_file_exists(path_of("tokenizer.json")));
    expect_ok(kin_model_load(&l, backend, model_folder()));
    assert_null(l->tokenizer);
    assert_int_equal(l->network->vocab, FEATURES);
    expect_ok(kin_encoding_new(&e, m));
    expect_ok(kin_encoding_run_features(e, x, NULL, 0, ITEMS, all));
    kin_encoding_free(e);
    expect_ok(kin_encoding_new(&e, l));
    expect_ok(kin_encoding_run_features(e, x, which, 0, 3, some));
    kin_encoding_free(e);
    for (int i = 0; i < 3; i++)
        assert_memory_equal(some + i * DIM, all + which[i] * DIM, DIM * sizeof *all);
    expect_failure(kin_model_tokens(l, pool, KIN_QUERY, &make_corpus(3)->texts, &tokens),
                   KIN_USAGE, "'mlp', takes features and no text");
    kin_model_free(l);
    kin_model_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_any_block),
        cmocka_unit_test(test_no_tokens_is_zero), cmocka_unit_test(test_replace),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_changed),
        cmocka_unit_test(test_foreign), cmocka_unit_test(test_features),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
