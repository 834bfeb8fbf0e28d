/* Judges a split of items of classes: kin_items_judge_labels of items.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encoders/host.h"
#include "metrics/tfidf.h"
#include "train/items.h"

enum { BLOCK = 2048, PAIRS_MAX = 4096 };

/* The training items. */
typedef struct {
    int64_t count;
    int32_t *query, *label;
} trained;

static kin_status list_trained(const kin_store *s, trained *t)
{
    t->query = malloc((size_t)(s->queries + 1) * sizeof *t->query);
    t->label = malloc((size_t)(s->queries + 1) * sizeof *t->label);
    KIN_REQUIRE(t->query && t->label, KIN_MEMORY, "no memory for %ld items", (long)s->queries);
    for (int64_t q = 0; q < s->queries; q++) {
        if (s->query_split[q] != KIN_TRAIN) continue;
        t->label[t->count] = s->query_label[q];
        t->query[t->count++] = (int32_t)q;
    }
    KIN_REQUIRE(t->count > 0, KIN_DATA, "%s: has no training items", s->path);
    return KIN_OK;
}

/* ---- by embeddings --------------------------------------------------------------------------- */

typedef struct {
    const kin_items_setting *set;
    kin_items_judged *out;
    const trained *train;
    kin_backend *backend;
    int64_t width;
    kin_encoding *encoding;
    kin_arena *work;
    real *items, *block;           /* the split's embeddings; up to BLOCK others. Backend memory */
    real *host;                    /* BLOCK x width */
    double *sum;                   /* classes x width */
    kin_retrieval *near;
} pass;

static void close_pass(pass *p)
{
    kin_retrieval_free(p->near);
    kin_encoding_free(p->encoding);
    kin_arena_free(p->work);
    p->backend->release(p->backend, p->items);
    p->backend->release(p->backend, p->block);
    free(p->host);
    free(p->sum);
}

static kin_status open_pass(pass *p)
{
    const kin_memory memory = kin_backend_memory(p->backend);
    const int64_t classes = p->set->store->labels;
    const size_t row = (size_t)p->width * sizeof(real);
    const int64_t rows = classes > BLOCK ? classes : BLOCK;
    if (p->set->model) KIN_TRY(kin_encoding_new(&p->encoding, p->set->model));
    KIN_TRY(kin_arena_new(&p->work, &memory));
    p->items = p->backend->alloc(p->backend, (size_t)p->out->count * row);
    p->block = p->backend->alloc(p->backend, (size_t)rows * row);
    p->host = malloc((size_t)rows * row);
    p->sum = calloc((size_t)(classes * p->width), sizeof *p->sum);
    KIN_REQUIRE(p->items && p->block && p->host && p->sum, KIN_MEMORY,
                "no memory for %ld embeddings of %ld numbers", (long)p->out->count,
                (long)p->width);
    return KIN_OK;
}

/* All training items, a block at a time: neighbours, and the sums of the classes. */
static kin_status search_trained(pass *p)
{
    const trained *t = p->train;
    kin_run *run;
    const int64_t k = t->count < KIN_NEIGHBOURS ? t->count : KIN_NEIGHBOURS;
    KIN_TRY(kin_retrieval_new(&p->near, p->backend, p->out->count, p->width, p->items, k));
    for (int64_t from = 0; from < t->count; from += BLOCK) {
        const int64_t rows = t->count - from < BLOCK ? t->count - from : BLOCK;
        KIN_TRY(kin_items_embed(p->set, p->encoding, t->query + from, rows, p->block));
        KIN_TRY(kin_retrieval_add(p->near, p->work, rows, p->block));
        p->backend->download(p->backend, p->host, p->block,
                             (size_t)(rows * p->width) * sizeof(real));
        KIN_TRY(kin_backend_check(p->backend));
        for (int64_t i = 0; i < rows; i++) {
            double *sum = p->sum + t->label[from + i] * p->width;
            for (int64_t j = 0; j < p->width; j++) sum[j] += (double)p->host[i * p->width + j];
        }
    }
    kin_retrieval *near = p->near;
    p->near = NULL;
    KIN_TRY(kin_retrieval_finish(near, &run));
    kin_label_judge_train(p->out->labels, run, t->label);
    kin_run_free(run);
    return KIN_OK;
}

/* Unit means of the classes that have one, in order; class: which each is of. */
static int64_t make_means(pass *p, int32_t *class)
{
    int64_t means = 0;
    for (int64_t c = 0; c < p->set->store->labels; c++) {
        const double *sum = p->sum + c * p->width;
        double squares = 0;
        for (int64_t j = 0; j < p->width; j++) squares += sum[j] * sum[j];
        if (!(squares > 0)) continue;
        for (int64_t j = 0; j < p->width; j++)
            p->host[means * p->width + j] = (real)(sum[j] / sqrt(squares));
        class[means++] = (int32_t)c;
    }
    p->backend->upload(p->backend, p->block, p->host, (size_t)(means * p->width) * sizeof(real));
    return means;
}

static kin_status find_means(pass *p, int32_t *class, int32_t *nearest)
{
    kin_run *run;
    const int64_t means = make_means(p, class);
    for (int64_t i = 0; i < p->out->count; i++) nearest[i] = -1;
    if (means > 0) {
        KIN_TRY(kin_retrieve(&run, p->backend, p->work, p->out->count, means, p->width, p->items,
                             p->block, 1));
        for (int64_t i = 0; i < p->out->count; i++)
            nearest[i] = class[run->document[run->start[i]]];
        kin_run_free(run);
    }
    kin_label_judge_centroids(p->out->labels, nearest);
    return KIN_OK;
}

static kin_status judge_means(pass *p)
{
    int32_t *class = malloc((size_t)p->set->store->labels * sizeof *class);
    int32_t *nearest = malloc((size_t)p->out->count * sizeof *nearest);
    const kin_status status = class && nearest
                                  ? find_means(p, class, nearest)
                                  : kin_fail(KIN_MEMORY, "no memory for the classes");
    free(class);
    free(nearest);
    return status;
}

static int64_t peers_wanted(const kin_items_judged *out)
{
    const int64_t wanted = out->labels->deepest + 1;
    return wanted < out->count ? wanted : out->count;
}

static kin_status judge_peers(pass *p)
{
    kin_run *run;
    if (p->out->labels->deepest == 0) return KIN_OK;
    KIN_TRY(kin_retrieve(&run, p->backend, p->work, p->out->count, p->out->count, p->width,
                         p->items, p->items, peers_wanted(p->out)));
    kin_label_judge_peers(p->out->labels, run);
    kin_run_free(run);
    return KIN_OK;
}

/* ---- the shape of a model's embeddings ------------------------------------------------------- */

/* Each item with the next of its class, up to PAIRS_MAX of them. */
static int64_t pair_up(const kin_items_judged *out, int64_t classes, int32_t *last, int32_t *left,
                       int32_t *right)
{
    int64_t n = 0;
    for (int64_t c = 0; c < classes; c++) last[c] = -1;
    for (int64_t i = 0; i < out->count && n < PAIRS_MAX; i++) {
        int32_t *before = &last[out->label[i]];
        if (*before >= 0) left[n] = *before, right[n++] = (int32_t)i;
        *before = (int32_t)i;
    }
    return n;
}

static kin_status judge_shape(pass *p)
{
    const int64_t classes = p->set->store->labels;
    const size_t bytes = (size_t)(p->out->count * p->width) * sizeof(real);
    real *x = malloc(bytes);
    int32_t *last = malloc((size_t)(classes + 2 * PAIRS_MAX) * sizeof *last);
    kin_status status = KIN_OK;
    if (!x || !last) status = kin_fail(KIN_MEMORY, "no memory for %ld embeddings",
                                       (long)p->out->count);
    if (!status) {
        int32_t *left = last + classes, *right = left + PAIRS_MAX;
        const int64_t pairs = pair_up(p->out, classes, last, left, right);
        p->backend->download(p->backend, x, p->items, bytes);
        status = kin_backend_check(p->backend);
        if (!status) status = kin_items_shape(p->set, p->out->count, x, pairs, left, right, p->out);
    }
    free(x);
    free(last);
    return status;
}

static kin_status run_pass(pass *p)
{
    KIN_TRY(open_pass(p));
    KIN_TRY(kin_items_embed(p->set, p->encoding, p->out->query, p->out->count, p->items));
    KIN_TRY(search_trained(p));
    KIN_TRY(judge_means(p));
    KIN_TRY(judge_peers(p));
    return p->set->model ? judge_shape(p) : KIN_OK;
}

static kin_status judge_embeddings(const kin_items_setting *set, const trained *train,
                                   kin_items_judged *out)
{
    pass p = { .set = set, .out = out, .train = train, .backend = set->backend,
               .width = set->model ? set->model->network->width : set->store->features };
    const kin_status status = run_pass(&p);
    close_pass(&p);
    return status;
}

/* ---- by words -------------------------------------------------------------------------------- */

static int32_t *texts_of(const kin_store *s, const int32_t *query, int64_t count)
{
    int32_t *text = malloc((size_t)count * sizeof *text);
    for (int64_t i = 0; text && i < count; i++) text[i] = s->query_text[query[i]];
    return text;
}

static kin_status classify_texts(const kin_items_setting *set, const kin_tfidf *tfidf,
                                 const trained *train, const int32_t *text, kin_items_judged *out)
{
    kin_pool *pool = set->backend->pool;
    const kin_texts *texts = &set->store->texts;
    kin_run *run;
    int32_t *nearest = malloc((size_t)out->count * sizeof *nearest);
    KIN_REQUIRE(nearest, KIN_MEMORY, "no memory for %ld items", (long)out->count);
    kin_status status = kin_tfidf_classify(tfidf, pool, texts, text, out->count, train->label,
                                           set->store->labels, nearest);
    if (!status) kin_label_judge_centroids(out->labels, nearest);
    free(nearest);
    if (!status)
        status = kin_tfidf_search(tfidf, pool, texts, text, out->count, KIN_NEIGHBOURS, &run);
    if (status) return status;
    kin_label_judge_train(out->labels, run, train->label);
    kin_run_free(run);
    return KIN_OK;
}

static kin_status compare_texts(const kin_items_setting *set, const int32_t *text,
                                kin_items_judged *out)
{
    kin_pool *pool = set->backend->pool;
    kin_tfidf *tfidf;
    kin_run *run;
    if (out->labels->deepest == 0) return KIN_OK;
    KIN_TRY(kin_tfidf_new(&tfidf, pool, &set->store->texts, text, out->count));
    const kin_status status = kin_tfidf_search(tfidf, pool, &set->store->texts, text, out->count,
                                               peers_wanted(out), &run);
    kin_tfidf_free(tfidf);
    if (status) return status;
    kin_label_judge_peers(out->labels, run);
    kin_run_free(run);
    return KIN_OK;
}

static kin_status judge_words(const kin_items_setting *set, const trained *train,
                              kin_items_judged *out)
{
    kin_tfidf *tfidf = NULL;
    int32_t *known = texts_of(set->store, train->query, train->count);
    int32_t *text = texts_of(set->store, out->query, out->count);
    kin_status status = KIN_OK;
    if (!known || !text) status = kin_fail(KIN_MEMORY, "no memory for %ld items",
                                           (long)out->count);
    if (!status)
        status = kin_tfidf_new(&tfidf, set->backend->pool, &set->store->texts, known,
                               train->count);
    if (!status) status = classify_texts(set, tfidf, train, text, out);
    if (!status) status = compare_texts(set, text, out);
    kin_tfidf_free(tfidf);
    free(known);
    free(text);
    return status;
}

/* ---- marks ----------------------------------------------------------------------------------- */

/* Measures from .. to, all of the same items, share their draws. */
static kin_status resample(const kin_items_setting *set, int from, int to, double *values,
                           kin_items_judged *out)
{
    const double *column[KIN_LABEL_MEASURES];
    int64_t n = 0;
    for (int m = from; m < to; m++) {
        double *own = values + (m - from) * out->count;
        n = kin_label_values(out->labels, (kin_label_measure)m, own);
        column[m - from] = own;
    }
    if (n == 0) return KIN_OK;
    return kin_bootstrap(&out->marks.interval[from], set->backend->pool, set->seed, KIN_RESAMPLES,
                         0.95, n, column, to - from);
}

/* Measures that some items lack are resampled over those that have them. */
static kin_status take_intervals(const kin_items_setting *set, kin_items_judged *out)
{
    double *values = malloc((size_t)(KIN_LABEL_MEASURES * out->count) * sizeof *values);
    KIN_REQUIRE(values, KIN_MEMORY, "no memory for %ld items", (long)out->count);
    const int end = out->labels->alone ? (int)KIN_PEER_RECALL1 : (int)KIN_LABEL_MEASURES;
    kin_status status = resample(set, 0, end, values, out);
    if (!status && end < KIN_LABEL_MEASURES)
        status = resample(set, end, KIN_LABEL_MEASURES, values, out);
    free(values);
    return status;
}

static kin_status take_marks(const kin_items_setting *set, kin_items_judged *out)
{
    out->marks = (kin_marks){ .present = true, .goal = KIN_GOAL_LABELS };
    for (int m = 0; m < KIN_LABEL_MEASURES; m++) {
        const double mean = isnan(out->labels->mean[m]) ? 0 : out->labels->mean[m];
        out->marks.mean[m] = mean;
        out->marks.interval[m] = (kin_interval){ mean, mean };
    }
    return set->intervals ? take_intervals(set, out) : KIN_OK;
}

kin_status kin_items_judge_labels(const kin_items_setting *set, kin_items_judged *out)
{
    trained train = { 0 };
    kin_status status = list_trained(set->store, &train);
    if (!status)
        status = kin_label_scores_new(&out->labels, out->count, out->label, set->store->labels);
    if (!status)
        status = set->model || set->store->features ? judge_embeddings(set, &train, out)
                                                    : judge_words(set, &train, out);
    free(train.query);
    free(train.label);
    return status ? status : take_marks(set, out);
}
