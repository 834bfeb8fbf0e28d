/* Embeds the lines of a file: kin_embed_file of run.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "data/npy.h"
#include "encoders/host.h"
#include "train/open_run.h"
#include "train/run.h"

enum { BLOCK = 8192 };                  /* lines at a time */

/* ---- lines ----------------------------------------------------------------------------------- */

static kin_status read_stream(FILE *f, char **bytes, size_t *size)
{
    size_t room = 1 << 16, used = 0;
    char *text = malloc(room);
    while (text) {
        used += fread(text + used, 1, room - used, f);
        if (used < room) break;
        char *more = realloc(text, room *= 2);
        if (!more) free(text);
        text = more;
    }
    KIN_REQUIRE(text, KIN_MEMORY, "no memory for standard input");
    *bytes = text;
    *size = used;
    if (!ferror(f)) return KIN_OK;
    free(text);
    return kin_fail(KIN_DATA, "standard input: %s", strerror(errno));
}

/* Line i is bytes[start[i] .. start[i + 1]), its line feed included: white space to a tokenizer. */
static kin_status find_lines(const char *bytes, size_t size, int64_t **start, int64_t *count)
{
    int64_t n = 0;
    for (size_t i = 0; i < size; i++) n += bytes[i] == '\n' || i + 1 == size;
    *start = malloc((size_t)(n + 1) * sizeof **start);
    KIN_REQUIRE(*start, KIN_MEMORY, "no memory for %ld lines", (long)n);
    *count = 0;
    (*start)[0] = 0;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] == '\n' || i + 1 == size) (*start)[++*count] = (int64_t)i + 1;
    return KIN_OK;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

typedef struct {
    const kin_model *model;
    kin_encoding *encoding;
    kin_role role;
    kin_npy_writer *writer;
    real *rows;                          /* BLOCK x D, backend memory */
    int64_t start[BLOCK + 1];
} embedding;

static kin_status embed_block(embedding *e, const char *bytes, const int64_t *start, int64_t count,
                              kin_embed_report *report)
{
    kin_backend *b = e->model->network->backend;
    kin_tokens tokens;
    for (int64_t i = 0; i <= count; i++) e->start[i] = start[i] - start[0];
    const kin_texts texts = { .count = count, .bytes = bytes + start[0], .start = e->start };
    KIN_TRY(kin_model_tokens(e->model, b->pool, e->role, &texts, &tokens));
    kin_status status = kin_encoding_run(e->encoding, e->role, &tokens, NULL, 0, count, e->rows);
    report->empty += tokens.empty;
    report->cut += tokens.cut;
    kin_tokens_free(&tokens);
    const float *floats;
    void *copy = NULL;
    if (!status)
        status = kin_host_floats(b, e->rows, count * report->width, &floats, &copy);
    if (!status) status = kin_npy_put(e->writer, floats, count);
    free(copy);
    return status;
}

static kin_status embed_lines(embedding *e, const char *bytes, const int64_t *start,
                              const char *out, kin_embed_report *report)
{
    kin_backend *b = e->model->network->backend;
    KIN_TRY(kin_encoding_new(&e->encoding, e->model));
    e->rows = b->alloc(b, (size_t)(BLOCK * report->width) * sizeof *e->rows);
    KIN_REQUIRE(e->rows, KIN_MEMORY, "no memory for %d embeddings", BLOCK);
    KIN_TRY(kin_npy_open(&e->writer, out, KIN_F32, report->texts, report->width));
    for (int64_t from = 0; from < report->texts; from += BLOCK) {
        const int64_t count = report->texts - from < BLOCK ? report->texts - from : BLOCK;
        KIN_TRY(embed_block(e, bytes, start + from, count, report));
    }
    kin_npy_writer *writer = e->writer;
    e->writer = NULL;
    return kin_npy_commit(writer);
}

static kin_status embed_text(const kin_model *model, kin_role role, const char *bytes, size_t size,
                             const char *out, kin_embed_report *report)
{
    int64_t *start;
    *report = (kin_embed_report){ .width = model->network->width };
    KIN_TRY(find_lines(bytes, size, &start, &report->texts));
    embedding *e = calloc(1, sizeof *e);
    kin_status status = KIN_OK;
    if (!e) status = kin_fail(KIN_MEMORY, "no memory to embed texts");
    if (!status) {
        e->model = model;
        e->role = role;
        status = embed_lines(e, bytes, start, out, report);
        kin_encoding_free(e->encoding);
        kin_npy_abandon(e->writer);
        model->network->backend->release(model->network->backend, e->rows);
    }
    free(e);
    free(start);
    return status;
}

kin_status kin_embed_file(const char *run, const char *role, const char *file, const char *out,
                          kin_backend *backend, kin_embed_report *report)
{
    const bool query = !strcmp(role, "query");
    kin_model *model;
    char *bytes;
    size_t size;
    KIN_REQUIRE(query || !strcmp(role, "document"), KIN_USAGE,
                "role is '%s'; expected query or document", role);
    KIN_TRY(kin_open_model(&model, backend, run));
    kin_status status = strcmp(file, "-") ? kin_file_read(file, &bytes, &size)
                                          : read_stream(stdin, &bytes, &size);
    if (!status) {
        status = embed_text(model, query ? KIN_QUERY : KIN_DOCUMENT, bytes, size, out, report);
        free(bytes);
    }
    kin_model_free(model);
    return status;
}
