#include "metrics/retrieval.h"

#include <stdlib.h>

#define PANEL 512                  /* queries searched together, so that fresh lists stay small */

struct kin_retrieval {
    kin_backend *backend;
    int64_t rows, cols, k;
    int64_t seen;                  /* documents so far */
    int64_t *held;                 /* rows: kept of them for each query, at most k */
    const int64_t *skip_start;     /* rows + 1, or NULL: nothing is skipped */
    const int32_t *skip;
    const real *queries;
    kin_run *run;                  /* row r's list is at r k */
};

kin_status kin_retrieval_new(kin_retrieval **retrieval, kin_backend *backend, int64_t rows,
                             int64_t cols, const real *queries, int64_t k)
{
    *retrieval = NULL;
    KIN_REQUIRE(k > 0, KIN_USAGE, "retrieval: %lld documents a query, expected at least 1",
                (long long)k);
    kin_retrieval *made = malloc(sizeof *made);
    KIN_REQUIRE(made, KIN_MEMORY, "retrieval: no memory");
    *made = (kin_retrieval){.backend = backend, .rows = rows, .cols = cols, .k = k,
                            .queries = queries};
    made->held = calloc((size_t)rows + 1, sizeof *made->held);
    kin_status status = made->held ? kin_run_new(&made->run, rows, k)
                                   : kin_fail(KIN_MEMORY, "retrieval: no memory");
    if (status == KIN_OK) *retrieval = made;
    else kin_retrieval_free(made);
    return status;
}

void kin_retrieval_skip(kin_retrieval *retrieval, const int64_t *start, const int32_t *document)
{
    retrieval->skip_start = start;
    retrieval->skip = document;
}

/* How many documents of row r are never listed. */
static int64_t skipped(const kin_retrieval *r, int64_t row)
{
    return r->skip_start ? r->skip_start[row + 1] - r->skip_start[row] : 0;
}

/* A block's own lists for some queries, in host memory. */
typedef struct {
    kin_retrieval *retrieval;
    int64_t first, fresh;          /* first query; documents of each fresh list */
    int32_t *index;
    real *score;
} merge_t;

static bool is_skipped(const kin_retrieval *r, int64_t row, int32_t document)
{
    int64_t low = r->skip_start[row], high = r->skip_start[row + 1];
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (r->skip[middle] < document) low = middle + 1;
        else high = middle;
    }
    return low < r->skip_start[row + 1] && r->skip[low] == document;
}

/* Takes what is never listed out of a fresh list; how many are left. */
static int64_t drop_skipped(const kin_retrieval *r, int64_t row, int64_t fresh, int32_t *index,
                            real *score)
{
    int64_t kept = 0;
    if (skipped(r, row) == 0) return fresh;
    for (int64_t i = 0; i < fresh; i++) {
        if (is_skipped(r, row, (int32_t)(r->seen + index[i]))) continue;
        index[kept] = index[i];
        score[kept++] = score[i];
    }
    return kept;
}

/* Merges the held list with the fresh one, from the back so that nothing is moved twice. Every
 * fresh document has a higher index than every held one, so the held one goes first when scores are
 * equal. */
static void merge_row(void *context, int64_t i, int thread)
{
    (void)thread;
    const merge_t *merge = context;
    const kin_retrieval *r = merge->retrieval;
    const int64_t row = merge->first + i, held = r->held[row];
    int32_t *document = r->run->document + row * r->k;
    float *score = r->run->score + row * r->k;
    int32_t *index = merge->index + i * merge->fresh;
    real *fresh = merge->score + i * merge->fresh;
    const int64_t found = drop_skipped(r, row, merge->fresh, index, fresh);
    int64_t a = 0, b = 0, all = held + found, most = all < r->k ? all : r->k;
    r->held[row] = most;
    while (a + b < most) {
        bool keep = b == found || (a < held && score[a] >= (float)fresh[b]);
        a += keep;
        b += !keep;
    }
    for (int64_t out = most - 1; out >= 0 && b > 0; out--) {
        bool keep = a > 0 && score[a - 1] < (float)fresh[b - 1];
        a -= keep;
        b -= !keep;
        document[out] = keep ? document[a] : (int32_t)(r->seen + index[b]);
        score[out] = keep ? score[a] : (float)fresh[b];
    }
}

/* device and host: room for the lists of a panel, on either side. */
typedef struct { int32_t *index; real *score; } lists_t;

/* Queries of the panel that begins with this one, and how many documents a fresh list must have so
 * that k are left of it. */
static int64_t panel_size(const kin_retrieval *r, int64_t first, int64_t documents, int64_t *fresh)
{
    int64_t n = r->rows - first < PANEL ? r->rows - first : PANEL, most = 0;
    for (int64_t i = 0; i < n; i++)
        if (skipped(r, first + i) > most) most = skipped(r, first + i);
    *fresh = documents < r->k + most ? documents : r->k + most;
    return n;
}

static kin_status add_panel(kin_retrieval *r, kin_arena *work, int64_t documents,
                            const real *block, int64_t first, lists_t device, lists_t host)
{
    kin_backend *backend = r->backend;
    int64_t fresh, n = panel_size(r, first, documents, &fresh);
    KIN_TRY(backend->search(backend, work, n, documents, r->cols, r->queries + first * r->cols,
                            block, fresh, device.index, device.score));
    backend->download(backend, host.index, device.index, sizeof(int32_t) * (size_t)(n * fresh));
    backend->download(backend, host.score, device.score, sizeof(real) * (size_t)(n * fresh));
    KIN_TRY(kin_backend_check(backend));
    merge_t merge = {r, first, fresh, host.index, host.score};
    kin_pool_run(backend->pool, n, merge_row, &merge);
    return KIN_OK;
}

static kin_status add_block(kin_retrieval *r, kin_arena *work, int64_t documents,
                            const real *block)
{
    int64_t fresh = 0, size = 1;
    for (int64_t first = 0; first < r->rows; first += PANEL) {
        const int64_t n = panel_size(r, first, documents, &fresh);
        if (n * fresh > size) size = n * fresh;
    }
    lists_t device = {KIN_TAKE(work, int32_t, size), KIN_TAKE(work, real, size)};
    lists_t host = {malloc(sizeof(int32_t) * (size_t)size), malloc(sizeof(real) * (size_t)size)};
    kin_status status = KIN_OK;
    if (!device.index || !device.score || !host.index || !host.score)
        status = kin_fail(KIN_MEMORY, "retrieval: no memory for lists of %lld", (long long)fresh);
    for (int64_t first = 0; first < r->rows && status == KIN_OK; first += PANEL)
        status = add_panel(r, work, documents, block, first, device, host);
    free(host.index);
    free(host.score);
    return status;
}

kin_status kin_retrieval_add(kin_retrieval *r, kin_arena *work, int64_t documents,
                             const real *block)
{
    KIN_REQUIRE(documents >= 0 && documents <= INT32_MAX - r->seen, KIN_USAGE,
                "retrieval: %lld documents after %lld, expected less than 2^31 in all",
                (long long)documents, (long long)r->seen);
    if (documents == 0) return KIN_OK;
    size_t mark = kin_arena_mark(work);
    kin_status status = add_block(r, work, documents, block);
    kin_arena_rewind(work, mark);
    r->seen += documents;
    return status;
}

kin_status kin_retrieval_finish(kin_retrieval *retrieval, kin_run **run)
{
    kin_run_cut(retrieval->run, retrieval->k, retrieval->held);
    *run = retrieval->run;
    retrieval->run = NULL;
    kin_retrieval_free(retrieval);
    return KIN_OK;
}

void kin_retrieval_free(kin_retrieval *retrieval)
{
    if (!retrieval) return;
    kin_run_free(retrieval->run);
    free(retrieval->held);
    free(retrieval);
}

kin_status kin_retrieve(kin_run **run, kin_backend *backend, kin_arena *work, int64_t rows,
                        int64_t documents, int64_t cols, const real *q, const real *d, int64_t k)
{
    *run = NULL;
    kin_retrieval *retrieval;
    KIN_TRY(kin_retrieval_new(&retrieval, backend, rows, cols, q, k));
    kin_status status = kin_retrieval_add(retrieval, work, documents, d);
    if (status == KIN_OK) return kin_retrieval_finish(retrieval, run);
    kin_retrieval_free(retrieval);
    return status;
}

/* Relations of the queries that have a row, as (row, document, grade); returns their number. */
static int64_t take_relations(const kin_store *store, const int32_t *row, int32_t *triple)
{
    int64_t n = 0;
    for (int64_t i = 0; i < store->relations; i++) {
        const int32_t *relation = store->relation + 3 * i;
        if (row[relation[KIN_RELATION_QUERY]] < 0) continue;
        triple[3 * n] = row[relation[KIN_RELATION_QUERY]];
        triple[3 * n + 1] = relation[KIN_RELATION_DOCUMENT];
        triple[3 * n + 2] = relation[KIN_RELATION_GRADE];
        n++;
    }
    return n;
}

kin_status kin_judgements_of_store(kin_judgements **judgements, const kin_store *store, int split)
{
    *judgements = NULL;
    int64_t queries = store->queries, rows = 0;
    int32_t *query = malloc(sizeof *query * (size_t)(queries + 1));
    int32_t *row = malloc(sizeof *row * (size_t)(queries + 1));
    int32_t *triple = malloc(3 * sizeof *triple * (size_t)(store->relations + 1));
    kin_status status = KIN_OK;
    if (query && row && triple) {
        for (int64_t q = 0; q < queries; q++) {
            bool chosen = store->query_split[q] == split;
            row[q] = chosen ? (int32_t)rows : -1;
            if (chosen) query[rows++] = (int32_t)q;
        }
        int64_t triples = take_relations(store, row, triple);
        status = kin_judgements_new(judgements, rows, query, store->query_id, store->document_id,
                                    triples, triple);
    } else {
        status = kin_fail(KIN_MEMORY, "no memory for the judgements of %lld queries",
                          (long long)queries);
    }
    free(query);
    free(row);
    free(triple);
    return status;
}

kin_status kin_run_evaluate(kin_ranking_scores **scores, kin_run *run, kin_pool *pool,
                            const kin_judgements *judgements)
{
    *scores = NULL;
    KIN_TRY(kin_run_order(run, pool, &judgements->document_id));
    return kin_ranking_judge(scores, run, judgements);
}
