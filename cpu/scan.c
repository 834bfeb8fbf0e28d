/* Scan: the best rows of each query at a first look. A task has some queries to itself: those whose
 * first parts are the same or beside each other, for they share most of their other parts too. Of
 * them, all that look at a part go by its rows together, a few rows at a time, so that these stay
 * in the first-level cache. A query's first part comes before the others, since it has most of the
 * best, and what follows is then mostly passed over. */
#include <math.h>
#include <string.h>
#include "cpu/internal.h"
#include "cpu/lists.h"

/* Queries of a task at most: their lists stay in the second-level cache. BYTES: of the rows that go
 * by at a time. */
enum { QUERIES = 480, TASKS = 8, BYTES = 16384 };

typedef struct {
    const kin_scan *s;
    kin_scan_way way, few;           /* few: for queries that do not fill the way */
    int64_t block;                   /* queries of a task */
    const int32_t *queue;            /* the queries in the order of their first parts, or NULL */
    kin_short_lists *lists;          /* for each thread: of block queries */
    int32_t *order;                  /* for each thread: block x probes */
    int64_t *start;                  /* for each thread: parts + 1 */
} job;

static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

static int64_t query_at(const job *j, int64_t i) { return j->queue ? j->queue[i] : i; }

/* Queries which[0 .. n-1], places within the task, against one part. */
static void scan_part(const job *j, kin_short_lists *lists, int64_t from, int64_t part,
                      const int32_t *which, int64_t n)
{
    const kin_scan *s = j->s;
    const int64_t depth = s->codes->depth, end = s->part[part + 1];
    int64_t step = BYTES / (depth * KIN_STRIP) * KIN_STRIP;
    if (step < KIN_STRIP) step = KIN_STRIP;
    for (int64_t row = s->part[part]; row < end; row += step) {
        kin_scan_block b = { .codes = s->codes, .first = row, .lists = lists,
                             .end = row + step < end ? row + step : end };
        for (int64_t at = 0; at < n; at += b.queries) {
            const kin_scan_way *way = n - at < j->way.queries ? &j->few : &j->way;
            b.queries = n - at < way->queries ? (int)(n - at) : way->queries;
            for (int i = 0; i < way->queries; i++) {
                const int32_t who = which[at + (i < b.queries ? i : 0)];
                kin_cpu_put_query(&b, i, s, query_at(j, from + who), who);
            }
            way->run(&b);
        }
    }
}

/* For each part the queries that have it among their probes first .. end-1, by counting. */
static void gather(const job *j, int64_t from, int64_t n, int64_t first, int64_t end,
                   int64_t *start, int32_t *order)
{
    const kin_scan *s = j->s;
    memset(start, 0, (size_t)(s->parts + 1) * sizeof *start);
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = first; p < end; p++) {
            const int32_t part = s->probe[query_at(j, from + i) * s->probes + p];
            if (part >= 0) start[part + 1]++;
        }
    for (int64_t p = 0; p < s->parts; p++) start[p + 1] += start[p];
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = first; p < end; p++) {
            const int32_t part = s->probe[query_at(j, from + i) * s->probes + p];
            if (part >= 0) order[start[part]++] = (int32_t)i;
        }
    for (int64_t p = s->parts; p > 0; p--) start[p] = start[p - 1];
    start[0] = 0;
}

static void scan_probes(const job *j, kin_short_lists *lists, int64_t from, int64_t n,
                        int64_t *start, int32_t *order)
{
    for (int round = 0; round < 2; round++) {
        gather(j, from, n, round, round ? j->s->probes : 1, start, order);
        for (int64_t p = 0; p < j->s->parts; p++)
            scan_part(j, lists, from, p, order + start[p], start[p + 1] - start[p]);
    }
}

static void scan_all(const job *j, kin_short_lists *lists, int64_t from, int64_t n, int32_t *order)
{
    for (int64_t i = 0; i < n; i++) order[i] = (int32_t)i;
    for (int64_t p = 0; p < j->s->parts; p++) scan_part(j, lists, from, p, order, n);
}

void kin_cpu_write_list(const kin_scan *s, kin_short_lists *lists, int64_t i, int64_t q)
{
    hit *hits = lists->hits + i * lists->room;
    cut_list(lists, i);
    if (s->score) sort_hits(hits, lists->count[i]);
    for (int64_t h = 0; h < s->k; h++) {
        const bool found = h < lists->count[i];
        s->index[q * s->k + h] = found ? index_of(hits[h]) : -1;
        if (s->score) s->score[q * s->k + h] = found ? score_of(hits[h]) : -INFINITY;
    }
}

static void empty_lists(kin_short_lists *lists, int64_t first, int64_t end)
{
    for (int64_t i = first; i < end; i++) {
        lists->count[i] = 0;
        lists->least[i] = -INFINITY;
    }
}

static void scan_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    const kin_scan *s = j->s;
    const int64_t from = task * j->block;
    const int64_t n = s->queries - from < j->block ? s->queries - from : j->block;
    kin_short_lists *lists = j->lists + thread;
    int32_t *order = j->order + thread * j->block * (s->probe ? s->probes : 1);
    empty_lists(lists, 0, n);
    if (s->probe) scan_probes(j, lists, from, n, j->start + thread * (s->parts + 1), order);
    else scan_all(j, lists, from, n, order);
    for (int64_t i = 0; i < n; i++) kin_cpu_write_list(s, lists, i, query_at(j, from + i));
}

kin_status kin_cpu_take_lists(kin_short_lists *lists, kin_arena *work, int64_t k, int64_t count)
{
    *lists = (kin_short_lists){ .k = k, .room = 2 * k + 6 };
    lists->hits = KIN_TAKE(work, uint64_t, count * lists->room);
    lists->count = KIN_TAKE(work, int32_t, count);
    lists->least = KIN_TAKE(work, float, count);
    KIN_REQUIRE(lists->hits && lists->count && lists->least, KIN_MEMORY,
                "search: no memory for lists of %lld rows for each of %lld queries", (long long)k,
                (long long)count);
    return KIN_OK;
}

/* Queries by their first part, which may be none. */
static kin_status queue_up(job *j, kin_arena *work)
{
    const kin_scan *s = j->s;
    int32_t *queue = KIN_TAKE(work, int32_t, s->queries);
    int64_t *start = KIN_TAKE(work, int64_t, s->parts + 2);
    KIN_REQUIRE(queue && start, KIN_MEMORY, "search: no memory for %lld queries",
                (long long)s->queries);
    memset(start, 0, (size_t)(s->parts + 2) * sizeof *start);
    for (int64_t i = 0; i < s->queries; i++) start[s->probe[i * s->probes] + 2]++;
    for (int64_t p = 1; p <= s->parts + 1; p++) start[p] += start[p - 1];
    for (int64_t i = 0; i < s->queries; i++)
        queue[start[s->probe[i * s->probes] + 1]++] = (int32_t)i;
    j->queue = queue;
    return KIN_OK;
}

static kin_status take_memory(job *j, kin_arena *work, int64_t threads)
{
    const kin_scan *s = j->s;
    j->lists = KIN_TAKE(work, kin_short_lists, threads);
    j->order = KIN_TAKE(work, int32_t, threads * j->block * (s->probe ? s->probes : 1));
    j->start = KIN_TAKE(work, int64_t, threads * (s->parts + 1));
    KIN_REQUIRE(j->lists && j->order && j->start, KIN_MEMORY, "search: no memory for %lld queries",
                (long long)j->block);
    for (int64_t t = 0; t < threads; t++)
        KIN_TRY(kin_cpu_take_lists(&j->lists[t], work, s->k, j->block));
    return KIN_OK;
}

kin_status kin_cpu_check_scan(const kin_scan *s)
{
    const bool good = s->k > 0 && s->k < 1 << 24 && s->codes->rows % KIN_STRIP == 0
                      && s->codes->depth <= KIN_CODE_DEPTH && s->codes->depth % 4 == 0;
    KIN_REQUIRE(good, KIN_USAGE, "search: the %lld best of %lld rows of %lld columns were asked "
                "for", (long long)s->k, (long long)s->codes->rows, (long long)s->codes->depth);
    return KIN_OK;
}

kin_status kin_cpu_scan(kin_backend *backend, kin_arena *work, const kin_scan *s)
{
    if (s->queries == 0 || s->k == 0) return KIN_OK;
    KIN_TRY(kin_cpu_check_scan(s));
    kin_cpu *cpu = cpu_of(backend);
    job j = { .s = s, .way = cpu->scan, .few = cpu->scan_few };
    j.block = parts(parts(s->queries, TASKS), j.way.queries) * j.way.queries;
    if (j.block > QUERIES) j.block = QUERIES;
    const size_t mark = kin_arena_mark(work);
    kin_status status = take_memory(&j, work, kin_pool_threads(backend->pool));
    if (!status && s->probe) status = queue_up(&j, work);
    if (!status) kin_pool_run(backend->pool, parts(s->queries, j.block), scan_task, &j);
    cpu->scans += !status;
    kin_arena_rewind(work, mark);
    return status;
}
