/* tokenizer.json, as Hugging Face's tokenizers reads and writes it. What kin cannot do exactly as
 * that library does is refused. */
#include <stdlib.h>
#include <string.h>
#include "data/json.h"
#include "data/tokenizer_inside.h"

/* ---- saving ---------------------------------------------------------------------------------- */

static void put_added(kin_json_out *out, const kin_tokenizer *t)
{
    static const char *const off[] = {"single_word", "lstrip", "rstrip", "normalized"};
    kin_json_open(out, "added_tokens", '[');
    for (int i = 0; i < t->model.added_count; i++) {
        kin_json_open(out, NULL, '{');
        kin_json_put_whole(out, "id", t->model.added[i]);
        kin_json_put_string(out, "content", kin_tokenizer_token(t, t->model.added[i]));
        for (int f = 0; f < 4; f++) kin_json_put_boolean(out, off[f], false);
        kin_json_put_boolean(out, "special", true);
        kin_json_close(out);
    }
    kin_json_close(out);
}

static void put_normalizer(kin_json_out *out, const kin_tokenizer_model *model)
{
    kin_json_open(out, "normalizer", '{');
    kin_json_put_string(out, "type", "BertNormalizer");
    kin_json_put_boolean(out, "clean_text", model->rule.clean);
    kin_json_put_boolean(out, "handle_chinese_chars", model->rule.chinese);
    if (model->strip_accents < 0) kin_json_put_null(out, "strip_accents");
    else kin_json_put_boolean(out, "strip_accents", model->strip_accents);
    kin_json_put_boolean(out, "lowercase", model->rule.lowercase);
    kin_json_close(out);
}

static void put_model(kin_json_out *out, const kin_tokenizer *t)
{
    kin_json_open(out, "model", '{');
    kin_json_put_string(out, "type", "WordPiece");
    kin_json_put_string(out, "unk_token", kin_tokenizer_token(t, t->model.unknown));
    kin_json_put_string(out, "continuing_subword_prefix", "##");
    kin_json_put_whole(out, "max_input_chars_per_word", t->model.word_chars);
    kin_json_open(out, "vocab", '{');
    for (int id = 0; id < kin_tokenizer_size(t); id++)
        kin_json_put_whole(out, kin_tokenizer_token(t, id), id);
    kin_json_close(out);
    kin_json_close(out);
}

kin_status kin_tokenizer_save(const kin_tokenizer *tokenizer, const char *path)
{
    kin_json_out out = {.indent = 2};
    kin_json_open(&out, NULL, '{');
    kin_json_put_string(&out, "version", "1.0");
    kin_json_put_null(&out, "truncation");
    kin_json_put_null(&out, "padding");
    put_added(&out, tokenizer);
    put_normalizer(&out, &tokenizer->model);
    kin_json_open(&out, "pre_tokenizer", '{');
    kin_json_put_string(&out, "type", "BertPreTokenizer");
    kin_json_close(&out);
    kin_json_put_null(&out, "post_processor");
    kin_json_open(&out, "decoder", '{');
    kin_json_put_string(&out, "type", "WordPiece");
    kin_json_put_string(&out, "prefix", "##");
    kin_json_put_boolean(&out, "cleanup", true);
    kin_json_close(&out);
    put_model(&out, tokenizer);
    kin_json_close(&out);
    return kin_json_save(&out, path);
}

/* ---- loading --------------------------------------------------------------------------------- */

typedef struct {
    const kin_json_tree *tree;
    const char *name;
    const kin_json *root, *vocab;
    kin_tokenizer_model model;
    const char **token;              /* by id */
} loader;

/* Member key of object must be the string wanted. where: how messages call it. */
static kin_status need_word(const loader *l, const kin_json *object, const char *key,
                            const char *where, const char *wanted)
{
    const char *found = NULL;
    KIN_TRY(kin_json_need_string(l->tree, object, key, &found));
    KIN_REQUIRE(strcmp(found, wanted) == 0, KIN_DATA, "%s: %s is \"%.60s\", kin reads only \"%s\"",
                l->name, where, found, wanted);
    return KIN_OK;
}

static kin_status need_false(const loader *l, const kin_json *object, const char *key)
{
    bool value = false;
    KIN_TRY(kin_json_need_boolean(l->tree, object, key, &value));
    KIN_REQUIRE(!value, KIN_DATA, "%s line %d: an added token has %s true, kin reads only false",
                l->name, (int)object->line, key);
    return KIN_OK;
}

static kin_status need_null(const loader *l, const char *key)
{
    const kin_json *value = kin_json_get(l->root, key);
    KIN_REQUIRE(!value || value->kind == KIN_JSON_NULL, KIN_DATA,
                "%s line %d: %s is not null, kin reads only files without %s", l->name,
                (int)value->line, key, key);
    return KIN_OK;
}

static kin_status read_normalizer(loader *l)
{
    const kin_json *object = NULL;
    kin_tokenizer_model *model = &l->model;
    KIN_TRY(kin_json_need(l->tree, l->root, "normalizer", KIN_JSON_OBJECT, &object));
    KIN_TRY(need_word(l, object, "type", "the normalizer", "BertNormalizer"));
    KIN_TRY(kin_json_need_boolean(l->tree, object, "clean_text", &model->rule.clean));
    KIN_TRY(kin_json_need_boolean(l->tree, object, "handle_chinese_chars", &model->rule.chinese));
    KIN_TRY(kin_json_need_boolean(l->tree, object, "lowercase", &model->rule.lowercase));
    const kin_json *accents = kin_json_get(object, "strip_accents");
    if (!accents || accents->kind == KIN_JSON_NULL) {
        model->strip_accents = -1;
        model->rule.accents = model->rule.lowercase;
        return KIN_OK;
    }
    KIN_TRY(kin_json_need_boolean(l->tree, object, "strip_accents", &model->rule.accents));
    model->strip_accents = model->rule.accents;
    return KIN_OK;
}

static kin_status read_model(loader *l)
{
    const kin_json *object = NULL;
    int64_t chars = 0;
    KIN_TRY(kin_json_need(l->tree, l->root, "model", KIN_JSON_OBJECT, &object));
    KIN_TRY(need_word(l, object, "type", "the model", "WordPiece"));
    KIN_TRY(need_word(l, object, "continuing_subword_prefix", "continuing_subword_prefix", "##"));
    KIN_TRY(kin_json_need_whole(l->tree, object, "max_input_chars_per_word", 1, KIN_WORD_CHARS,
                                &chars));
    l->model.word_chars = (int)chars;
    return kin_json_need(l->tree, object, "vocab", KIN_JSON_OBJECT, &l->vocab);
}

/* Fills token[]; ids must be 0 .. V-1, each once. */
static kin_status read_vocab(loader *l)
{
    KIN_REQUIRE(l->vocab->count > 0, KIN_DATA, "%s: the vocabulary is empty", l->name);
    l->token = calloc((size_t)l->vocab->count, sizeof *l->token);
    KIN_REQUIRE(l->token, KIN_MEMORY, "%s: no memory for its vocabulary", l->name);
    for (const kin_json *m = l->vocab->first; m; m = m->next) {
        bool good = m->kind == KIN_JSON_NUMBER && m->whole && m->number >= 0
                 && m->number < l->vocab->count;
        KIN_REQUIRE(good, KIN_DATA, "%s line %d: the id of token \"%.60s\" is not a whole number "
                    "from 0 to %d", l->name, (int)m->line, m->key, (int)l->vocab->count - 1);
        const char **place = &l->token[(int32_t)m->number];
        KIN_REQUIRE(!*place, KIN_DATA, "%s line %d: tokens \"%.60s\" and \"%.60s\" have the same "
                    "id %d", l->name, (int)m->line, *place, m->key, (int)m->number);
        *place = m->key;
    }
    return KIN_OK;
}

static kin_status read_unknown(loader *l)
{
    const kin_json *model = NULL;
    const char *token = NULL;
    KIN_TRY(kin_json_need(l->tree, l->root, "model", KIN_JSON_OBJECT, &model));
    KIN_TRY(kin_json_need_string(l->tree, model, "unk_token", &token));
    const kin_json *member = kin_json_get(l->vocab, token);
    KIN_REQUIRE(member, KIN_DATA, "%s: unk_token \"%.60s\" is not in the vocabulary", l->name,
                token);
    l->model.unknown = (int32_t)member->number;
    return KIN_OK;
}

static kin_status read_added_token(loader *l, const kin_json *added)
{
    static const char *const off[] = {"single_word", "lstrip", "rstrip", "normalized"};
    const char *content = NULL;
    int64_t id = 0;
    KIN_TRY(kin_json_need_string(l->tree, added, "content", &content));
    KIN_TRY(kin_json_need_whole(l->tree, added, "id", 0, l->vocab->count - 1, &id));
    for (int f = 0; f < 4; f++) KIN_TRY(need_false(l, added, off[f]));
    KIN_REQUIRE(strcmp(l->token[id], content) == 0, KIN_DATA, "%s line %d: the added token "
                "\"%.60s\" has id %d, which is \"%.60s\" in the vocabulary", l->name,
                (int)added->line, content, (int)id, l->token[id]);
    l->model.added[l->model.added_count++] = (int32_t)id;
    return KIN_OK;
}

static kin_status read_added(loader *l)
{
    const kin_json *list = NULL;
    KIN_TRY(kin_json_need(l->tree, l->root, "added_tokens", KIN_JSON_ARRAY, &list));
    KIN_REQUIRE(list->count <= KIN_ADDED_MAX, KIN_DATA, "%s: %d added tokens, kin reads at most %d",
                l->name, (int)list->count, KIN_ADDED_MAX);
    for (const kin_json *m = list->first; m; m = m->next) KIN_TRY(read_added_token(l, m));
    return KIN_OK;
}

static kin_status read_file(loader *l)
{
    const kin_json *object = NULL;
    l->root = kin_json_root(l->tree);
    KIN_TRY(need_word(l, l->root, "version", "the version", "1.0"));
    KIN_TRY(need_null(l, "truncation"));
    KIN_TRY(need_null(l, "padding"));
    KIN_TRY(read_normalizer(l));
    KIN_TRY(kin_json_need(l->tree, l->root, "pre_tokenizer", KIN_JSON_OBJECT, &object));
    KIN_TRY(need_word(l, object, "type", "the pre_tokenizer", "BertPreTokenizer"));
    KIN_TRY(read_model(l));
    KIN_TRY(read_vocab(l));
    KIN_TRY(read_unknown(l));
    return read_added(l);
}

/* The tokens in the order of their ids, as texts. */
static kin_status build(kin_tokenizer **tokenizer, const loader *l)
{
    int64_t count = l->vocab->count, size = 0;
    for (int64_t i = 0; i < count; i++) size += (int64_t)strlen(l->token[i]);
    char *bytes = malloc((size_t)size + 1);
    int64_t *start = calloc((size_t)count + 1, sizeof *start);
    kin_status status = KIN_MEMORY;
    if (bytes && start) {
        for (int64_t i = 0; i < count; i++) {
            size_t n = strlen(l->token[i]);
            memcpy(bytes + start[i], l->token[i], n);
            start[i + 1] = start[i] + (int64_t)n;
        }
        kin_texts tokens = {count, bytes, start};
        status = kin_tokenizer_build(tokenizer, l->name, &tokens, &l->model);
    } else {
        kin_fail(KIN_MEMORY, "%s: no memory for its vocabulary", l->name);
    }
    free(bytes);
    free(start);
    return status;
}

kin_status kin_tokenizer_load(kin_tokenizer **tokenizer, const char *path)
{
    kin_json_tree *tree = NULL;
    *tokenizer = NULL;
    KIN_TRY(kin_json_read(&tree, path));
    loader l = {.tree = tree, .name = path};
    kin_status status = read_file(&l);
    if (status == KIN_OK) status = build(tokenizer, &l);
    free(l.token);
    kin_json_free(tree);
    return status;
}
