/* Index: a run's documents, embedded and ready to be searched: kin_index_run of run.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "metrics/names.h"
#include "train/corpus.h"
#include "train/open_run.h"
#include "train/progress.h"
#include "train/tabbed.h"

enum { SAMPLE = 256, NEAREST = 10 };

/* ---- strings -------------------------------------------------------------------------------- */

typedef struct { char *bytes; int64_t *start; } strings;

static void free_strings(strings *s)
{
    free(s->bytes);
    free(s->start);
}

/* The texts which[i] (NULL: all) of a, then all of b, in one piece. */
static kin_status join(const kin_texts *a, const int32_t *which, int64_t count, const kin_texts *b,
                       strings *own, kin_texts *out)
{
    int64_t size = b->count ? b->start[b->count] : 0, at = 0;
    for (int64_t i = 0; i < count; i++) size += kin_text_size(a, which ? which[i] : i);
    own->bytes = malloc((size_t)size + 1);
    own->start = malloc((size_t)(count + b->count + 1) * sizeof *own->start);
    KIN_REQUIRE(own->bytes && own->start, KIN_MEMORY, "no memory for %ld texts",
                (long)(count + b->count));
    own->start[0] = 0;
    for (int64_t i = 0; i < count + b->count; i++) {
        const kin_texts *from = i < count ? a : b;
        const int64_t text = i >= count ? i - count : which ? which[i] : i;
        memcpy(own->bytes + at, kin_text(from, text), (size_t)kin_text_size(from, text));
        own->start[i + 1] = at += kin_text_size(from, text);
    }
    *out = (kin_texts){ .count = count + b->count, .bytes = own->bytes, .start = own->start };
    return KIN_OK;
}

/* ---- all documents -------------------------------------------------------------------------- */

typedef struct {
    const char *run;
    const kin_index_order *order;
    kin_backend *backend;
    const kin_watch *watch;
    kin_index_report *report;
    kin_model *model;
} work;

static kin_status fill(work *w, kin_corpus *c, const kin_texts *texts, const int32_t *which,
                       int64_t n)
{
    real *rows;
    kin_tell_stage(w->watch, "embedding %ld documents", (long)n);
    KIN_TRY(kin_corpus_embed(w->model, texts, which, n, &rows));
    kin_tell_stage(w->watch, "indexing %ld documents", (long)n);
    const bool more = kin_index_rows(c->index) > 0;
    const kin_status status = more ? kin_index_append(c->index, n, rows)
                                   : kin_index_build(c->index, n, rows);
    w->backend->release(w->backend, rows);
    return status;
}

static kin_status save(work *w, const kin_corpus *c)
{
    kin_index_report *r = w->report;
    kin_index_describe(c->index, r->what, sizeof r->what);
    KIN_TRY(kin_index_recall(c->index, SAMPLE, NEAREST, &r->recall));
    r->documents = kin_index_rows(c->index);
    return kin_corpus_save(c, r->path);
}

/* Embeddings are unit rows already: their products are cosines. */
static kin_status new_index(const work *w, kin_index **index)
{
    kin_index_setting setting;
    KIN_TRY(kin_index_defaults(&setting, w->order->kind, w->model->network->width));
    memcpy(setting.hypers, w->order->hypers, sizeof setting.hypers);
    setting.similarity = KIN_DOT;
    return kin_index_new(index, w->backend, &setting);
}

static kin_status index_store(work *w, const kin_store *s, kin_corpus *c, strings own[2])
{
    const kin_texts none = { .count = 0 };
    KIN_REQUIRE(kin_store_goal(s) == KIN_GOAL_RANKING, KIN_DATA,
                "%s: holds no documents to search", s->path);
    KIN_TRY(new_index(w, &c->index));
    KIN_TRY(kin_corpus_model(w->run, c->model));
    c->store = s->checksum;
    w->report->added = s->documents;
    KIN_TRY(join(&s->document_id, NULL, s->documents, &none, &own[0], &c->id));
    KIN_TRY(join(&s->texts, s->document_text, s->documents, &none, &own[1], &c->text));
    KIN_TRY(fill(w, c, &s->texts, s->document_text, s->documents));
    return save(w, c);
}

static kin_status build(work *w)
{
    kin_config *config;
    kin_store *store;
    kin_corpus corpus = { .file = NULL };
    strings own[2] = { { NULL, NULL }, { NULL, NULL } };
    KIN_TRY(kin_open_run(&config, &store, w->run));
    const kin_status status = index_store(w, store, &corpus, own);
    kin_corpus_close(&corpus);
    for (int i = 0; i < 2; i++) free_strings(&own[i]);
    kin_store_close(store);
    kin_config_free(config);
    return status;
}

/* ---- further documents ---------------------------------------------------------------------- */

static kin_status check_new(const work *w, const kin_corpus *c, const kin_tabbed *more)
{
    kin_names seen = { .count = 0 };
    kin_status status = KIN_OK;
    for (int64_t i = 0; i < more->id.count && !status; i++)
        if (kin_names_add(&seen, kin_text(&more->id, i), kin_text_size(&more->id, i)) < 0)
            status = kin_fail(KIN_MEMORY, "no memory for %ld ids", (long)more->id.count);
    for (int64_t i = 0; i < c->id.count && !status; i++)
        if (kin_names_find(&seen, kin_text(&c->id, i), kin_text_size(&c->id, i)) >= 0)
            status = kin_fail(KIN_DATA, "%s: document '%.*s' is in %s already", w->order->append,
                              (int)kin_text_size(&c->id, i), kin_text(&c->id, i), w->report->path);
    kin_names_free(&seen);
    return status;
}

static kin_status append_all(work *w, kin_corpus *c, const kin_tabbed *more, strings own[2])
{
    char model[KIN_SUM_TEXT];
    KIN_TRY(kin_corpus_model(w->run, model));
    KIN_REQUIRE(!strcmp(model, c->model), KIN_DATA, "%s was made with another model than %s has; "
                "'kin index %s' makes it anew", w->report->path, w->run, w->run);
    KIN_TRY(check_new(w, c, more));
    w->report->added = more->id.count;
    if (more->id.count) KIN_TRY(fill(w, c, &more->text, NULL, more->id.count));
    KIN_TRY(join(&c->id, NULL, c->id.count, &more->id, &own[0], &c->id));
    KIN_TRY(join(&c->text, NULL, c->text.count, &more->text, &own[1], &c->text));
    return save(w, c);
}

static kin_status append(work *w)
{
    kin_tabbed more;
    kin_corpus corpus;
    strings own[2] = { { NULL, NULL }, { NULL, NULL } };
    KIN_TRY(kin_tabbed_read(&more, w->order->append, false));
    kin_status status = kin_corpus_open(&corpus, w->backend, w->report->path);
    if (!status) {
        status = append_all(w, &corpus, &more, own);
        kin_corpus_close(&corpus);
    }
    for (int i = 0; i < 2; i++) free_strings(&own[i]);
    kin_tabbed_free(&more);
    return status;
}

kin_status kin_index_run(const char *run, const kin_index_order *order, kin_backend *backend,
                         const kin_watch *watch, kin_index_report *report)
{
    work w = { .run = run, .order = order, .backend = backend, .watch = watch, .report = report };
    *report = (kin_index_report){ .documents = 0 };
    if (order->out) snprintf(report->path, sizeof report->path, "%s", order->out);
    else KIN_TRY(kin_path_join(report->path, sizeof report->path, run, "index.kin"));
    KIN_TRY(kin_open_model(&w.model, backend, run));
    const kin_status status = order->append ? append(&w) : build(&w);
    kin_model_free(w.model);
    return status;
}
