#include "metrics/fusion.h"

#include <stdlib.h>

/* A query's list, and what brings its scores to 0 .. 1. */
typedef struct {
    const int32_t *document;
    const float *score;
    int64_t count;
    double low, range;
} list_t;

typedef struct {
    const kin_fusion *by;
    kin_run *out;
    int64_t *found;
    int32_t **place;               /* a thread's: of each document in the second list, from 1; all
                                      0 between queries */
} fuse_t;

static list_t list_of(const kin_fusion *by, int which, int64_t row)
{
    const kin_run *run = by->run[which];
    const int64_t first = run->start[row];
    list_t l = {.document = run->document + first, .score = run->score + first,
                .count = run->start[row + 1] - first};
    if (l.count == 0) return l;
    l.low = (double)l.score[l.count - 1];
    if (l.count < by->listed && l.low > 0) l.low = 0;
    l.range = (double)l.score[0] - l.low;
    return l;
}

/* What the list gives its document number at; -1: it lacks the document. */
static double share(const kin_fusion *by, const list_t *l, int64_t at)
{
    if (at < 0) return 0;
    if (!by->by_score) return 1 / (double)(KIN_FUSION_K + at + 1);
    return l->range > 0 ? ((double)l->score[at] - l->low) / l->range : 0;
}

static float fused(const kin_fusion *by, const list_t list[2], int64_t a, int64_t b)
{
    const double x = share(by, &list[0], a), y = share(by, &list[1], b);
    return (float)(by->by_score ? by->weight * x + (1 - by->weight) * y : x + y);
}

/* Puts a document into its place among the best so far, or nowhere. */
static void keep(const fuse_t *f, int64_t row, int32_t document, float score)
{
    int32_t *d = f->out->document + f->out->start[row];
    float *s = f->out->score + f->out->start[row];
    int64_t at = f->found[row];
    while (at > 0 && (score > s[at - 1] || (score == s[at - 1] && document < d[at - 1]))) {
        if (at < f->by->depth) {
            s[at] = s[at - 1];
            d[at] = d[at - 1];
        }
        at--;
    }
    if (at == f->by->depth) return;
    s[at] = score;
    d[at] = document;
    if (f->found[row] < f->by->depth) f->found[row]++;
}

static void fuse_row(void *context, int64_t row, int thread)
{
    const fuse_t *f = context;
    const kin_fusion *by = f->by;
    const list_t list[2] = {list_of(by, 0, row), list_of(by, 1, row)};
    int32_t *place = f->place[thread];
    f->found[row] = 0;
    for (int64_t j = 0; j < list[1].count; j++) place[list[1].document[j]] = (int32_t)j + 1;
    for (int64_t i = 0; i < list[0].count; i++) {
        const int32_t d = list[0].document[i];
        keep(f, row, d, fused(by, list, i, place[d] - 1));
        place[d] = 0;
    }
    for (int64_t j = 0; j < list[1].count; j++) {
        const int32_t d = list[1].document[j];
        if (place[d]) keep(f, row, d, fused(by, list, -1, j));
        place[d] = 0;
    }
}

static kin_status check(const kin_fusion *by)
{
    const int64_t rows = by->run[0]->rows;
    KIN_REQUIRE(by->run[1]->rows == rows, KIN_USAGE, "fusion: lists of %lld and of %lld queries",
                (long long)rows, (long long)by->run[1]->rows);
    KIN_REQUIRE(by->depth > 0 && by->listed > 0, KIN_USAGE,
                "fusion: lists of %lld documents from lists of %lld", (long long)by->depth,
                (long long)by->listed);
    KIN_REQUIRE(by->weight >= 0 && by->weight <= 1, KIN_USAGE,
                "fusion: the weight is %g, expected 0 .. 1", by->weight);
    return KIN_OK;
}

static bool places_new(fuse_t *f, int threads)
{
    f->place = calloc((size_t)threads, sizeof *f->place);
    bool fine = f->place != NULL;
    for (int t = 0; fine && t < threads; t++) {
        f->place[t] = calloc((size_t)f->by->documents + 1, sizeof **f->place);
        fine = f->place[t] != NULL;
    }
    return fine;
}

kin_status kin_run_fuse(kin_run **out, kin_pool *pool, const kin_fusion *fusion)
{
    const int threads = kin_pool_threads(pool);
    const int64_t rows = fusion->run[0]->rows;
    fuse_t f = {.by = fusion};
    *out = NULL;
    KIN_TRY(check(fusion));
    KIN_TRY(kin_run_new(&f.out, rows, fusion->depth));
    f.found = calloc((size_t)rows + 1, sizeof *f.found);
    const bool fine = places_new(&f, threads) && f.found;
    if (fine) {
        kin_pool_run(pool, rows, fuse_row, &f);
        kin_run_cut(f.out, fusion->depth, f.found);
        *out = f.out;
    }
    for (int t = 0; f.place && t < threads; t++) free(f.place[t]);
    free(f.place);
    free(f.found);
    if (fine) return KIN_OK;
    kin_run_free(f.out);
    return kin_fail(KIN_MEMORY, "fusion: no memory for lists of %lld queries", (long long)rows);
}
