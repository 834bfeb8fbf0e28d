/* Writes the model folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "data/json.h"
#include "data/safetensors.h"
#include "encoders/folder.h"
#include "encoders/host.h"
#include "encoders/model.h"

/* ---- model.safetensors ----------------------------------------------------------------------- */

/* The numbers of weight i as float. copy: what is to be freed. */
static kin_status put_weight(const kin_model *m, int i, kin_safetensor *tensor, void *copy[2])
{
    const kin_weight *w = &m->network->weight[i];
    kin_backend *backend = m->network->backend;
    const kin_tensor *t = &w->tensor;
    const float *floats, *scale = NULL;
    KIN_TRY(kin_host_floats(backend, t->value, t->rows * t->cols, &floats, &copy[0]));
    if (w->scale) KIN_TRY(kin_host_floats(backend, w->scale, t->rows, &scale, &copy[1]));
    *tensor = (kin_safetensor){ .name = kin_model_is_bag(m) ? "embeddings" : w->name,
                                .dtype = KIN_F32, .rank = 2, .shape = { t->rows, t->cols },
                                .values = floats, .row_scale = scale };
    return KIN_OK;
}

/* Written last, with the checksums of the files that the weights make sense with. */
static kin_status save_weights(const kin_model *m, const char *folder)
{
    char sum[2][KIN_SUM_TEXT];
    const kin_safetensor_note notes[] = { { "file:config.json", sum[0] },
                                          { "file:tokenizer.json", sum[1] } };
    KIN_TRY(kin_model_sum(folder, "config.json", sum[0]));
    if (m->tokenizer) KIN_TRY(kin_model_sum(folder, "tokenizer.json", sum[1]));
    const kin_network *n = m->network;
    kin_safetensor tensor[2 * KIN_PLAN_MAX] = { 0 };
    void *copy[2 * KIN_PLAN_MAX][2] = { 0 };
    char path[KIN_PATH_MAX];
    kin_status status = kin_path_join(path, sizeof path, folder, "model.safetensors");
    for (int i = 0; i < n->count && !status; i++) status = put_weight(m, i, &tensor[i], copy[i]);
    if (!status)
        status = kin_safetensors_write(path, tensor, n->count, notes, m->tokenizer ? 2 : 1);
    for (int i = 0; i < n->count; i++) free(copy[i][0]), free(copy[i][1]);
    return status;
}

/* ---- the JSON files -------------------------------------------------------------------------- */

static kin_status save_json(kin_json_out *out, const char *folder, const char *name)
{
    char path[KIN_PATH_MAX];
    const kin_status status = kin_path_join(path, sizeof path, folder, name);
    if (status) {
        kin_json_discard(out);
        return status;
    }
    return kin_json_save(out, path);
}

/* kin's own part of config.json: what kin_model_load builds the network from. */
static void put_own(kin_json_out *out, const kin_model *m)
{
    const kin_network *n = m->network;
    const kin_entry *entry = &n->encoder->entry;
    kin_json_open(out, "kin", '{');
    kin_json_put_string(out, "encoder", entry->name);
    if (n->encoder->forward_features) kin_json_put_whole(out, "features", n->vocab);
    kin_json_open(out, "settings", '{');
    for (int i = 0; entry->hypers[i].name; i++) {
        char value[64];
        kin_hyper_print(&entry->hypers[i], n->hypers[i], value, sizeof value);
        kin_json_put_string(out, entry->hypers[i].name, value);
    }
    kin_json_close(out);
    kin_json_put_string(out, "towers", n->separate ? "separate" : "shared");
    kin_json_put_whole(out, "max_tokens", m->max_tokens);
    kin_json_put_string(out, "query_prefix", m->prefix[KIN_QUERY]);
    kin_json_put_string(out, "document_prefix", m->prefix[KIN_DOCUMENT]);
    kin_json_close(out);
}

static kin_status save_config(const kin_model *m, const char *folder)
{
    kin_json_out out = { .indent = 2 };
    kin_json_open(&out, NULL, '{');
    if (kin_model_is_bag(m)) {
        kin_json_put_string(&out, "model_type", "model2vec");
        kin_json_open(&out, "architectures", '[');
        kin_json_put_string(&out, NULL, "StaticModel");
        kin_json_close(&out);
        kin_json_put_whole(&out, "seq_length", 1000000);
    }
    kin_json_put_whole(&out, "hidden_dim", m->network->width);
    kin_json_put_boolean(&out, "normalize", true);
    put_own(&out, m);
    kin_json_close(&out);
    return save_json(&out, folder, "config.json");
}

static void put_module(kin_json_out *out, int place, const char *path, const char *type)
{
    char name[16];
    snprintf(name, sizeof name, "%d", place);
    kin_json_open(out, NULL, '{');
    kin_json_put_whole(out, "idx", place);
    kin_json_put_string(out, "name", name);
    kin_json_put_string(out, "path", path);
    kin_json_put_string(out, "type", type);
    kin_json_close(out);
}

static kin_status save_modules(const char *folder)
{
    kin_json_out out = { .indent = 2 };
    kin_json_open(&out, NULL, '[');
    put_module(&out, 0, ".", "sentence_transformers.models.StaticEmbedding");
    put_module(&out, 1, "1_Normalize", "sentence_transformers.models.Normalize");
    kin_json_close(&out);
    return save_json(&out, folder, "modules.json");
}

static kin_status save_prompts(const kin_model *m, const char *folder)
{
    kin_json_out out = { .indent = 2 };
    kin_json_open(&out, NULL, '{');
    kin_json_put_string(&out, "model_type", "SentenceTransformer");
    kin_json_open(&out, "prompts", '{');
    kin_json_put_string(&out, "query", m->prefix[KIN_QUERY]);
    kin_json_put_string(&out, "document", m->prefix[KIN_DOCUMENT]);
    kin_json_close(&out);
    kin_json_put_null(&out, "default_prompt_name");
    kin_json_put_string(&out, "similarity_fn_name", "cosine");
    kin_json_close(&out);
    return save_json(&out, folder, "config_sentence_transformers.json");
}

/* ---- README.md ------------------------------------------------------------------------------- */

static void put_use(kin_writer *w, const kin_model *m)
{
    if (m->network->encoder->forward_features) return;      /* features come from a store */
    kin_writer_printf(w, "## Use\n\n    kin search RUN %s\n"
                         "    kin embed RUN --role document texts.txt --out vectors.npy\n\n",
                      m->tokenizer ? "\"a question\"" : "7");
    if (kin_model_is_bag(m))
        kin_writer_printf(w, "    from sentence_transformers import SentenceTransformer\n"
                             "    model = SentenceTransformer(\"model\")\n"
                             "    vectors = model.encode([\"a text\"])\n\n");
    else
        kin_writer_printf(w, "Its %s is kin's own: other programs do not load this folder.\n\n",
                          m->max_tokens ? "token limit" : "architecture");
}

static void put_inputs(kin_writer *w, const kin_model *m)
{
    const kin_network *n = m->network;
    if (n->encoder->rows)
        kin_writer_printf(w, "| numbers | %ld queries, %ld documents |\n",
                          (long)n->weight[0].tensor.rows, (long)n->weight[1].tensor.rows);
    else
        kin_writer_printf(w, "| %s | %ld%s |\n", m->tokenizer ? "vocabulary" : "features",
                          (long)n->vocab, m->tokenizer ? " tokens" : "");
}

static void put_card(kin_writer *w, const kin_model *m, const kin_card *card)
{
    const kin_network *n = m->network;
    kin_writer_printf(w, "---\nlibrary_name: %s\ntags:\n- sentence-similarity\n"
                         "- feature-extraction\n- static-embeddings\n---\n\n"
                         "# A%s encoder trained with kin\n\n",
                      kin_model_is_bag(m) ? "sentence-transformers" : "kin",
                      m->tokenizer ? " text" : "n");
    kin_writer_printf(w, "| | |\n|---|---|\n| encoder | %s, %s tower%s |\n"
                         "| dimension | %ld |\n",
                      n->encoder->entry.name, n->separate ? "separate" : "one shared",
                      n->separate ? "s" : "", (long)n->width);
    put_inputs(w, m);
    if (card && card->data) kin_writer_printf(w, "| data | %s |\n", card->data);
    kin_writer_printf(w, "\n");
    if (card && card->results) kin_writer_printf(w, "## Results\n\n%s\n", card->results);
    put_use(w, m);
    if (card && card->recipe)
        kin_writer_printf(w, "## Settings\n\n```ini\n%s```\n", card->recipe);
}

kin_status kin_model_save_card(const kin_model *m, const char *folder, const kin_card *card)
{
    char path[KIN_PATH_MAX];
    kin_writer *w;
    KIN_TRY(kin_path_join(path, sizeof path, folder, "README.md"));
    KIN_TRY(kin_writer_open(&w, path));
    put_card(w, m, card);
    return kin_writer_commit(w);
}

/* ---- the folder ------------------------------------------------------------------------------ */

static kin_status save_files(const kin_model *m, const char *folder, const kin_card *card)
{
    char path[KIN_PATH_MAX];
    KIN_TRY(kin_path_join(path, sizeof path, folder, "tokenizer.json"));
    if (m->tokenizer) KIN_TRY(kin_tokenizer_save(m->tokenizer, path));
    KIN_TRY(save_config(m, folder));
    KIN_TRY(save_weights(m, folder));
    if (kin_model_is_bag(m)) {
        KIN_TRY(save_modules(folder));
        KIN_TRY(save_prompts(m, folder));
    }
    return kin_model_save_card(m, folder, card);
}

kin_status kin_model_save(const kin_model *m, const char *folder, const kin_card *card)
{
    char draft[KIN_PATH_MAX];
    KIN_TRY(kin_folder_draft(draft, folder));
    kin_status status = save_files(m, draft, card);
    if (!status) status = kin_folder_commit(draft, folder);
    if (status) {
        char reason[1024];          /* removing may fail too, but is not what went wrong */
        snprintf(reason, sizeof reason, "%s", kin_message());
        kin_folder_remove(draft);
        kin_fail(status, "%s", reason);
    }
    return status;
}
