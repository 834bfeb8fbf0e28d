/* Model: reads the folder; see model_save.c for the other direction. */
#include "encoders/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/file.h"
#include "data/json.h"
#include "data/safetensors.h"
#include "encoders/folder.h"

bool kin_model_is_bag(const kin_model *m)
{
    const kin_network *n = m->network;
    return !n->separate && !m->max_tokens && n->encoder->plain(n->hypers);
}

void kin_model_free(kin_model *m)
{
    if (!m) return;
    kin_network_free(m->network);
    kin_tokenizer_free(m->tokenizer);
    free(m->prefix[KIN_QUERY]);
    free(m->prefix[KIN_DOCUMENT]);
    free(m);
}

/* ---- config.json ----------------------------------------------------------------------------- */

typedef struct {
    int encoder;
    double hypers[KIN_HYPERS_MAX];
    bool separate, own;          /* own: kin wrote the file */
    int64_t width, inputs;       /* inputs: tokens of the vocabulary, features, or 0 */
} shape;

static kin_status read_settings(const kin_json_tree *tree, const kin_json *settings, shape *s)
{
    const kin_entry *entry = kin_encoders.items[s->encoder];
    for (const kin_json *v = settings->first; v; v = v->next) {
        const int i = kin_hyper_find(entry, v->key);
        KIN_REQUIRE(i >= 0, KIN_DATA, "%s: the encoder '%s' has no setting '%s'",
                    kin_json_name(tree), entry->name, v->key);
        KIN_REQUIRE(v->kind == KIN_JSON_STRING, KIN_DATA, "%s: setting '%s' is not a string",
                    kin_json_name(tree), v->key);
        if (kin_hyper_parse(&entry->hypers[i], v->key, v->string, &s->hypers[i]))
            return kin_fail_in(KIN_DATA, "%s", kin_json_name(tree));
    }
    return KIN_OK;
}

static kin_status read_prefix(const kin_json_tree *tree, const kin_json *own, const char *key,
                              char **prefix)
{
    const char *text;
    KIN_TRY(kin_json_need_string(tree, own, key, &text));
    free(*prefix);
    *prefix = strdup(text);
    KIN_REQUIRE(*prefix, KIN_MEMORY, "no memory for a prefix");
    return KIN_OK;
}

/* An encoder that takes numbers has two towers, neither empty. */
static kin_status check_rows(const kin_json_tree *tree, const shape *s)
{
    const kin_encoder *e = kin_encoder_at(s->encoder);
    KIN_REQUIRE(!e->rows || (s->separate && e->rows(s->hypers, KIN_QUERY) > 0
                             && e->rows(s->hypers, KIN_DOCUMENT) > 0), KIN_DATA,
                "%s: the encoder '%s' needs separate towers with at least one row each",
                kin_json_name(tree), e->entry.name);
    return KIN_OK;
}

static kin_status read_own(const kin_json_tree *tree, const kin_json *own, kin_model *m, shape *s)
{
    const char *name, *towers;
    const kin_json *settings;
    KIN_TRY(kin_json_need_string(tree, own, "encoder", &name));
    if (kin_list_find(&kin_encoders, name, &s->encoder))
        return kin_fail_in(KIN_DATA, "%s", kin_json_name(tree));
    kin_hyper_defaults(kin_encoders.items[s->encoder], s->hypers);
    if (kin_encoder_at(s->encoder)->forward_features)
        KIN_TRY(kin_json_need_whole(tree, own, "features", 1, INT32_MAX, &s->inputs));
    KIN_TRY(kin_json_need(tree, own, "settings", KIN_JSON_OBJECT, &settings));
    KIN_TRY(read_settings(tree, settings, s));
    KIN_TRY(kin_json_need_string(tree, own, "towers", &towers));
    s->separate = !strcmp(towers, "separate");
    KIN_REQUIRE(s->separate || !strcmp(towers, "shared"), KIN_DATA,
                "%s: towers is '%s', expected shared or separate", kin_json_name(tree), towers);
    KIN_TRY(check_rows(tree, s));
    KIN_TRY(kin_json_need_whole(tree, own, "max_tokens", 0, INT32_MAX, &m->max_tokens));
    KIN_TRY(read_prefix(tree, own, "query_prefix", &m->prefix[KIN_QUERY]));
    return read_prefix(tree, own, "document_prefix", &m->prefix[KIN_DOCUMENT]);
}

/* A folder of another program is a plain bag when its config says that it normalises. */
static kin_status read_config(const kin_json_tree *tree, kin_model *m, shape *s)
{
    const kin_json *root = kin_json_root(tree);
    bool normalize;
    KIN_REQUIRE(root->kind == KIN_JSON_OBJECT, KIN_DATA, "%s: not a JSON object",
                kin_json_name(tree));
    KIN_TRY(kin_json_need_boolean(tree, root, "normalize", &normalize));
    KIN_REQUIRE(normalize, KIN_DATA, "%s: normalize is false; kin's embeddings have length 1",
                kin_json_name(tree));
    const kin_json *own = kin_json_get(root, "kin");
    s->own = own != NULL;
    if (!own) return kin_list_find(&kin_encoders, "static", &s->encoder);
    KIN_REQUIRE(own->kind == KIN_JSON_OBJECT, KIN_DATA, "%s: 'kin' is not an object",
                kin_json_name(tree));
    return read_own(tree, own, m, s);
}

static kin_status load_config(kin_model *m, const char *folder, shape *s)
{
    char path[KIN_PATH_MAX];
    kin_json_tree *tree;
    KIN_TRY(kin_path_join(path, sizeof path, folder, "config.json"));
    KIN_TRY(kin_json_read(&tree, path));
    const kin_status status = read_config(tree, m, s);
    kin_json_free(tree);
    return status;
}

/* ---- model.safetensors ----------------------------------------------------------------------- */

static kin_status load_weight(kin_network *n, const kin_safetensors *file, const char *name,
                              kin_tensor *t)
{
    const kin_safetensor *tensor;
    const int64_t count = t->rows * t->cols;
    KIN_TRY(kin_safetensors_need(file, name, t->rows, t->cols, &tensor));
    float *floats = malloc((size_t)count * sizeof *floats);
    real *numbers = sizeof(real) == sizeof(float) ? (void *)floats
                                                  : malloc((size_t)count * sizeof *numbers);
    kin_status status = KIN_OK;
    if (!floats || !numbers)
        status = kin_fail(KIN_MEMORY, "no memory to read %ld numbers", (long)count);
    if (!status) status = kin_safetensors_floats(file, tensor, floats);
    if (!status) {
        if ((void *)numbers != (void *)floats)
            for (int64_t i = 0; i < count; i++) numbers[i] = (real)floats[i];
        n->backend->upload(n->backend, t->value, numbers, (size_t)count * sizeof *numbers);
    }
    if ((void *)numbers != (void *)floats) free(numbers);
    free(floats);
    return status;
}

static int64_t count_numbers(const kin_safetensors *file)
{
    int64_t sum = 0;
    for (int i = 0; i < kin_safetensors_count(file); i++) {
        const kin_safetensor *t = kin_safetensors_at(file, i);
        sum += (int64_t)(t->bytes / kin_dtype_bytes(t->dtype));
    }
    return sum;
}

/* A folder of another program says how wide it is by its table alone. */
static kin_status read_width(const kin_safetensors *file, int64_t vocab, shape *s)
{
    const kin_entry *entry = kin_encoders.items[s->encoder];
    const int dim = kin_hyper_find(entry, "dim");
    const kin_hyper *h = &entry->hypers[dim];
    const kin_safetensor *table;
    KIN_TRY(kin_safetensors_need(file, "embeddings", vocab, -1, &table));
    const double width = (double)table->shape[1];
    KIN_REQUIRE(width >= h->min && width <= h->max, KIN_DATA,
                "model.safetensors: embeddings has %.0f columns, expected %.0f to %.0f", width,
                h->min, h->max);
    kin_hyper_defaults(entry, s->hypers);
    s->hypers[dim] = width;
    return KIN_OK;
}

static kin_status read_weights(kin_model *m, const kin_safetensors *file, shape *s,
                               kin_backend *backend)
{
    const int64_t vocab = s->inputs;
    if (!s->own) KIN_TRY(read_width(file, vocab, s));
    /* The file's own size bounds what is taken for it. */
    const int64_t expected = kin_network_bytes(s->encoder, s->hypers, vocab, s->separate)
                             / (int64_t)sizeof(real);
    KIN_REQUIRE(count_numbers(file) == expected, KIN_DATA,
                "model.safetensors: %ld numbers, but config.json and tokenizer.json ask for %ld",
                (long)count_numbers(file), (long)expected);
    KIN_TRY(kin_network_new(&m->network, backend, s->encoder, s->hypers, vocab, s->separate));
    const bool bag = kin_model_is_bag(m);
    for (int i = 0; i < m->network->count; i++) {
        kin_weight *w = &m->network->weight[i];
        KIN_TRY(load_weight(m->network, file, bag ? "embeddings" : w->name, &w->tensor));
    }
    return KIN_OK;
}

kin_status kin_model_sum(const char *folder, const char *name, char text[KIN_SUM_TEXT])
{
    char path[KIN_PATH_MAX];
    kin_map map;
    KIN_TRY(kin_path_join(path, sizeof path, folder, name));
    KIN_TRY(kin_file_map(path, &map));
    snprintf(text, KIN_SUM_TEXT, "%016llx", (unsigned long long)XXH64(map.bytes, map.size, 0));
    kin_file_unmap(&map);
    return KIN_OK;
}

/* The notes "file:NAME", where there are any: folders of other programs have none. */
static kin_status check_sums(const kin_safetensors *file, const char *folder, bool tokenizer)
{
    static const char *const names[] = { "config.json", "tokenizer.json" };
    for (int i = 0; i < (tokenizer ? 2 : 1); i++) {
        char key[32], found[KIN_SUM_TEXT];
        snprintf(key, sizeof key, "file:%s", names[i]);
        const char *expected = kin_safetensors_note(file, key);
        if (!expected) continue;
        KIN_TRY(kin_model_sum(folder, names[i], found));
        KIN_REQUIRE(!strcmp(found, expected), KIN_DATA, "%s/%s: not what the model was saved with: "
                    "its xxh64 is %s, model.safetensors says %.20s", folder, names[i], found,
                    expected);
    }
    return KIN_OK;
}

static kin_status load_files(kin_model *m, kin_backend *backend, const char *folder)
{
    char path[KIN_PATH_MAX];
    shape s = { 0 };
    kin_safetensors *file;
    KIN_TRY(load_config(m, folder, &s));
    KIN_TRY(kin_path_join(path, sizeof path, folder, "tokenizer.json"));
    const kin_encoder *encoder = kin_encoder_at(s.encoder);
    if (!encoder->forward_features && !encoder->rows) {
        KIN_TRY(kin_tokenizer_load(&m->tokenizer, path));
        s.inputs = kin_tokenizer_size(m->tokenizer);
    }
    KIN_TRY(kin_path_join(path, sizeof path, folder, "model.safetensors"));
    KIN_TRY(kin_safetensors_open(&file, path));
    kin_status status = check_sums(file, folder, m->tokenizer != NULL);
    if (!status) status = read_weights(m, file, &s, backend);
    kin_safetensors_close(file);
    return status;
}

kin_status kin_model_load(kin_model **out, kin_backend *backend, const char *folder)
{
    kin_model *m = *out = calloc(1, sizeof *m);
    KIN_REQUIRE(m, KIN_MEMORY, "no memory for a model");
    m->prefix[KIN_QUERY] = strdup("");
    m->prefix[KIN_DOCUMENT] = strdup("");
    kin_status status = load_files(m, backend, folder);
    if (!status && !(m->prefix[KIN_QUERY] && m->prefix[KIN_DOCUMENT]))
        status = kin_fail(KIN_MEMORY, "no memory for a model");
    if (status) {
        kin_model_free(m);
        *out = NULL;
    }
    return status;
}
