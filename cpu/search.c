/* Exact search: tiles of scores, of which only those above the query's k-th best so far are kept
 * in a small buffer; when it has enough, the best k stay. Documents come in rising order, so a
 * later one that only equals the k-th best has lost the tie already. */
#include <math.h>
#include "cpu/hits.h"
#include "cpu/internal.h"

/* A tile of scores stays in the second-level cache. Few queries: the documents are cut as well,
 * into at most RANGES parts, and up to FEW of them do without the product's preparations. */
enum { QUERIES = 256, DOCUMENTS = 512, RANGES = 8, RANGE_LEAST = 4096, FEW = 3 };

typedef struct {
    hit *hits;                      /* room */
    int64_t count;
    real least;                     /* scores must be above this */
} buffer;

typedef struct {
    kin_cpu *cpu;
    int64_t queries, documents, cols, k;
    const real *q, *d;
    int64_t block, ranges, range;   /* queries and documents of a task */
    int64_t room, enough;           /* of a buffer, and when it is made smaller */
    real *scores;                   /* for each thread: block x DOCUMENTS */
    int32_t *place;                 /* for each thread: DOCUMENTS, and values beside */
    real *value;
    hit *hits;                      /* for each thread: block x room */
    hit *best;                      /* ranges x queries x k, when ranges > 1 */
    int32_t *index;
    real *score;
} job;

static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

/* ---- buffers -------------------------------------------------------------------------------- */

static void shrink(buffer *b, int64_t k)
{
    if (b->count < k) return;
    select_best(b->hits, b->count, k);
    b->count = k;
    hit least = b->hits[0];
    for (int64_t i = 1; i < k; i++) {
        if (b->hits[i] < least) least = b->hits[i];
    }
    b->least = score_of(least);
}

static void take(buffer *b, const job *j, int64_t found, const int32_t *place, const real *value)
{
    hit *to = b->hits + b->count;
    for (int64_t i = 0; i < found; i++) to[i] = make_hit(value[i], place[i]);
    b->count += found;
    if (b->count >= j->enough) shrink(b, j->k);
}

/* Scores that are NaN or minus infinity never get in; such documents fill up the end, in order. */
static void complete(buffer *b, int64_t k, int64_t first, int64_t end)
{
    const int64_t scored = b->count;
    for (int64_t d = first; d < end && b->count < k; d++) {
        bool listed = false;
        for (int64_t i = 0; i < scored && !listed; i++) listed = index_of(b->hits[i]) == d;
        if (!listed) b->hits[b->count++] = make_hit(-INFINITY, (int32_t)d);
    }
}

/* ---- searching ------------------------------------------------------------------------------ */

/* The scores of queries from .. from+n-1 with documents d .. d+count-1, in this thread. */
static void form_scores(const job *j, int64_t from, int64_t n, int64_t d, int64_t count,
                        real *scores, int thread)
{
    for (int64_t i = 0; n <= FEW && i < n; i++) {
        j->cpu->loops->dots(count, j->cols, j->d + d * j->cols, j->q + (from + i) * j->cols,
                            scores + i * DOCUMENTS);
    }
    if (n <= FEW) return;
    const kin_product p = {
        .transpose_b = 1, .m = n, .n = count, .k = j->cols, .alpha = 1,
        .a = j->q + from * j->cols, .lda = j->cols, .b = j->d + d * j->cols, .ldb = j->cols,
        .beta = 0, .c = scores, .ldc = DOCUMENTS,
    };
    kin_cpu_tile(j->cpu, &p, thread);
}

/* The k best of one range of documents, sorted, for one block of queries. */
static void search_range(const job *j, int64_t from, int64_t n, int64_t range, int thread,
                         buffer *best)
{
    const int64_t first = range * j->range, end = at_most(first + j->range, j->documents);
    real *scores = j->scores + thread * j->block * DOCUMENTS;
    real *value = j->value + thread * DOCUMENTS;
    int32_t *place = j->place + thread * DOCUMENTS;
    for (int64_t i = 0; i < n; i++) {
        best[i] = (buffer){ j->hits + (thread * j->block + i) * j->room, 0, -INFINITY };
    }
    for (int64_t d = first; d < end; d += DOCUMENTS) {
        const int64_t count = at_most(DOCUMENTS, end - d);
        form_scores(j, from, n, d, count, scores, thread);
        for (int64_t i = 0; i < n; i++) {
            const int64_t found = j->cpu->loops->above(count, scores + i * DOCUMENTS, best[i].least,
                                                       (int32_t)d, place, value);
            take(&best[i], j, found, place, value);
        }
    }
    for (int64_t i = 0; i < n; i++) {
        const int64_t k = at_most(j->k, end - first);
        shrink(&best[i], k);
        complete(&best[i], k, first, end);
        sort_hits(best[i].hits, k);
    }
}

static void write_out(const job *j, int64_t query, int64_t rank, hit h)
{
    j->index[query * j->k + rank] = index_of(h);
    j->score[query * j->k + rank] = score_of(h);
}

static void search_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const int64_t from = task / j->ranges * j->block, range = task % j->ranges;
    const int64_t n = at_most(j->block, j->queries - from);
    buffer best[QUERIES];
    search_range(j, from, n, range, thread, best);
    for (int64_t i = 0; i < n; i++) {
        hit *to = j->best ? j->best + (range * j->queries + from + i) * j->k : NULL;
        for (int64_t h = 0; h < j->k; h++) {
            if (!to) write_out(j, from + i, h, best[i].hits[h]);
            else to[h] = h < best[i].count ? best[i].hits[h] : 0;
        }
    }
}

/* Each step takes the best head of the ranges' sorted lists. */
static void merge_task(void *context, int64_t query, int thread)
{
    const job *j = context;
    int64_t next[RANGES] = { 0 };
    (void)thread;
    for (int64_t i = 0; i < j->k; i++) {
        hit best = 0;
        int64_t from = 0;
        for (int64_t r = 0; r < j->ranges; r++) {
            if (next[r] == j->k) continue;
            const hit head = j->best[(r * j->queries + query) * j->k + next[r]];
            if (head <= best) continue;
            best = head;
            from = r;
        }
        next[from]++;
        write_out(j, query, i, best);
    }
}

static void divide(job *j)
{
    const int64_t blocks = parts(j->queries, QUERIES);
    j->block = at_most(QUERIES, j->queries);
    j->ranges = at_least(1, at_most(RANGES / at_least(blocks, 1), j->documents / RANGE_LEAST));
    j->range = parts(parts(j->documents, j->ranges), DOCUMENTS) * DOCUMENTS;
    j->ranges = at_least(1, parts(j->documents, j->range));
    j->enough = j->k + at_least(j->k / 4, 16);
    j->room = j->enough + DOCUMENTS;
}

static kin_status take_memory(job *j, kin_arena *work, int64_t threads)
{
    j->scores = KIN_TAKE(work, real, threads * j->block * DOCUMENTS);
    j->value = KIN_TAKE(work, real, threads * DOCUMENTS);
    j->place = KIN_TAKE(work, int32_t, threads * DOCUMENTS);
    j->hits = KIN_TAKE(work, hit, threads * j->block * j->room);
    j->best = j->ranges > 1 ? KIN_TAKE(work, hit, j->ranges * j->queries * j->k) : NULL;
    KIN_REQUIRE(j->scores && j->value && j->place && j->hits && (j->best || j->ranges == 1),
                KIN_MEMORY, "search: no memory for the %lld best of %lld queries", (long long)j->k,
                (long long)j->queries);
    return KIN_OK;
}

kin_status kin_cpu_search(kin_backend *backend, kin_arena *work, int64_t queries, int64_t documents,
                          int64_t cols, const real *q, const real *d, int64_t k, int32_t *index,
                          real *score)
{
    KIN_REQUIRE(k >= 0 && k <= documents && documents <= INT32_MAX, KIN_USAGE,
                "search: the %lld best of %lld documents were asked for", (long long)k,
                (long long)documents);
    if (queries == 0 || k == 0) return KIN_OK;
    job j = { .cpu = cpu_of(backend), .queries = queries, .documents = documents, .cols = cols,
              .k = k, .q = q, .d = d, .index = index, .score = score };
    divide(&j);
    const size_t mark = kin_arena_mark(work);
    const kin_status status = take_memory(&j, work, kin_pool_threads(backend->pool));
    if (status == KIN_OK) {
        kin_pool_run(backend->pool, parts(queries, j.block) * j.ranges, search_task, &j);
        if (j.ranges > 1) kin_pool_run(backend->pool, queries, merge_task, &j);
    }
    kin_arena_rewind(work, mark);
    return status;
}
