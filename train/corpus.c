#include "train/corpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"
#include "encoders/folder.h"

/* ---- reading -------------------------------------------------------------------------------- */

/* Strings in two sections: their bytes, and where each starts. */
static kin_status read_texts(const kin_corpus *c, const char *path, const char *bytes_name,
                             const char *start_name, kin_texts *texts)
{
    kin_index_note bytes, starts;
    const int64_t n = kin_index_rows(c->index);
    KIN_TRY(kin_index_file_note(c->file, bytes_name, &bytes));
    KIN_TRY(kin_index_file_note(c->file, start_name, &starts));
    const int64_t *start = starts.bytes;
    bool good = starts.size == (size_t)(n + 1) * sizeof *start && start[0] == 0
                && (uint64_t)start[n] == bytes.size;
    for (int64_t i = 0; good && i < n; i++) good = start[i] <= start[i + 1];
    KIN_REQUIRE(good, KIN_DATA, "%s: section '%s' does not say where %lld strings start", path,
                start_name, (long long)n);
    *texts = (kin_texts){ .count = n, .bytes = bytes.bytes, .start = start };
    return KIN_OK;
}

static kin_status check_ids(const kin_texts *ids, const char *path)
{
    for (int64_t i = 0; i < ids->count; i++) {
        const char *id = kin_text(ids, i);
        bool word = kin_text_size(ids, i) > 0;
        for (int64_t b = 0; b < kin_text_size(ids, i); b++) word &= (unsigned char)id[b] > ' ';
        KIN_REQUIRE(word, KIN_DATA, "%s: the id of document %lld is empty or holds a blank", path,
                    (long long)i);
    }
    return KIN_OK;
}

static kin_status read_origin(kin_corpus *c, const char *path)
{
    kin_index_note model, store;
    KIN_TRY(kin_index_file_note(c->file, "model", &model));
    KIN_TRY(kin_index_file_note(c->file, "store", &store));
    const bool good = model.size == sizeof c->model && store.size == sizeof c->store
                      && memchr(model.bytes, 0, model.size);
    KIN_REQUIRE(good, KIN_DATA, "%s: does not say which model it is of", path);
    memcpy(c->model, model.bytes, sizeof c->model);
    memcpy(&c->store, store.bytes, sizeof c->store);
    return KIN_OK;
}

static kin_status read_all(kin_corpus *c, kin_backend *backend, const char *path)
{
    KIN_TRY(kin_index_file_open(&c->file, path));
    KIN_TRY(kin_index_load(&c->index, backend, c->file));
    KIN_TRY(read_texts(c, path, "ids", "id starts", &c->id));
    KIN_TRY(read_texts(c, path, "texts", "text starts", &c->text));
    KIN_TRY(check_ids(&c->id, path));
    return read_origin(c, path);
}

kin_status kin_corpus_open(kin_corpus *c, kin_backend *backend, const char *path)
{
    *c = (kin_corpus){ .file = NULL };
    const kin_status status = read_all(c, backend, path);
    if (status) kin_corpus_close(c);
    return status;
}

void kin_corpus_close(kin_corpus *c)
{
    kin_index_free(c->index);
    kin_index_file_close(c->file);
    *c = (kin_corpus){ .file = NULL };
}

/* ---- writing -------------------------------------------------------------------------------- */

kin_status kin_corpus_save(const kin_corpus *c, const char *path)
{
    const size_t starts = (size_t)(c->id.count + 1) * sizeof *c->id.start;
    const kin_index_note notes[] = {
        { "ids", c->id.bytes, (size_t)c->id.start[c->id.count] },
        { "id starts", c->id.start, starts },
        { "texts", c->text.bytes, (size_t)c->text.start[c->text.count] },
        { "text starts", c->text.start, starts },
        { "model", c->model, sizeof c->model },
        { "store", &c->store, sizeof c->store },
    };
    return kin_index_save(c->index, path, notes, sizeof notes / sizeof *notes);
}

kin_status kin_corpus_model(const char *run, char text[KIN_SUM_TEXT])
{
    char folder[KIN_PATH_MAX];
    memset(text, 0, KIN_SUM_TEXT);
    KIN_TRY(kin_path_join(folder, sizeof folder, run, "model"));
    return kin_model_sum(kin_file_exists(folder) ? folder : run, "model.safetensors", text);
}

/* ---- embedding ------------------------------------------------------------------------------ */

static kin_status embed(const kin_model *model, const kin_texts *texts, const int32_t *which,
                        int64_t count, real *rows)
{
    kin_encoding *encoding;
    kin_tokens tokens;
    KIN_TRY(kin_encoding_new(&encoding, model));
    kin_status status = kin_model_tokens(model, model->network->backend->pool, KIN_DOCUMENT, texts,
                                         &tokens);
    if (!status) {
        status = kin_encoding_run(encoding, KIN_DOCUMENT, &tokens, which, 0, count, rows);
        kin_tokens_free(&tokens);
    }
    kin_encoding_free(encoding);
    return status;
}

kin_status kin_corpus_embed(const kin_model *model, const kin_texts *texts, const int32_t *which,
                            int64_t count, real **rows)
{
    kin_backend *b = model->network->backend;
    const size_t line = (size_t)model->network->width * sizeof(real);
    *rows = b->alloc(b, (size_t)count * line + 1);
    KIN_REQUIRE(*rows, KIN_MEMORY, "no memory for %ld embeddings", (long)count);
    const kin_status status = embed(model, texts, which, count, *rows);
    if (status) {
        b->release(b, *rows);
        *rows = NULL;
    }
    return status;
}
