/* Inverted file (Sivic, Zisserman 2003, "Video Google: a text retrieval approach to object matching
 * in videos"; Jegou, Douze, Schmid 2011, "Product quantization for nearest neighbor search"): rows
 * lie in lists by their nearest centroid, and a query is compared with the rows of the lists whose
 * centroids are most similar to it.
 *
 * Centroids are learned by `steps` steps of k-means on a sample of `sample` rows a list; an index
 * that is built again, with the rows of a later step of training, starts from the centroids it has
 * and takes one step. Queries are gathered by the list that they look at, so that a list is
 * compared with all of them at once; rows are compared as bytes first and `factor` k of the best
 * (and eight) again in float, as in exact.
 *
 * lists = 0 means twice the square root of the number of rows. probes = 0: as many lists as find
 * `recall` of the ten nearest rows of 256 rows, drawn from the index and compared with all. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mining/inside.h"

enum { LISTS, PROBES, RECALL, STEPS, SAMPLE, FACTOR };
enum { JUDGES = 256, NEAREST = 10 };

typedef struct {
    int64_t lists, probes;
    double recall;               /* of these probes, on the sample; 0: not measured */
    int64_t room;                /* rows that `list` has room for */
    real *centroid;              /* lists x stride */
    int32_t *list;               /* rows */
    int64_t *part;               /* lists + 1: rows of codes */
    kin_codes codes, heads;      /* of the rows, list by list; of the centroids */
} ivf;

static void release(kin_index *index)
{
    ivf *v = index->state;
    if (!v) return;
    if (v->centroid) index->backend->release(index->backend, v->centroid);
    kin_codes_free(&v->codes, index->backend);
    kin_codes_free(&v->heads, index->backend);
    free(v->list);
    free(v->part);
    free(v);
    index->state = NULL;
}

/* ---- building ------------------------------------------------------------------------------- */

static int64_t wanted_lists(const kin_index *index, int64_t rows)
{
    const int64_t asked = (int64_t)kin_index_get(index, LISTS);
    const int64_t lists = asked ? asked : (int64_t)(2 * sqrt((double)rows));
    return lists < 1 ? 1 : lists > rows ? rows > 0 ? rows : 1 : lists;
}

static kin_status new_state(kin_index *index, int64_t lists)
{
    kin_backend *b = index->backend;
    ivf *v = index->state = calloc(1, sizeof *v);
    KIN_REQUIRE(v, KIN_MEMORY, "index: no memory");
    v->lists = lists;
    v->centroid = b->alloc(b, (size_t)(lists * index->stride) * sizeof(real));
    v->part = calloc((size_t)lists + 1, sizeof *v->part);
    KIN_REQUIRE(v->centroid && v->part, KIN_MEMORY, "index: no memory for %lld lists",
                (long long)lists);
    b->zero(b, v->centroid, (size_t)(lists * index->stride) * sizeof(real));
    return KIN_OK;
}

static kin_status learn(kin_index *index)
{
    ivf *v = index->state;
    const int64_t lists = wanted_lists(index, index->rows);
    const bool warm = v && v->lists == lists;
    if (!warm) {
        release(index);
        KIN_TRY(new_state(index, lists));
        v = index->state;
    }
    if (index->rows == 0) return KIN_OK;
    const int64_t each = (int64_t)kin_index_get(index, SAMPLE), all = index->rows;
    const kin_kmeans by = { .lists = lists, .warm = warm,
                            .sample = each < all / lists ? each * lists : all,
                            .steps = warm ? 1 : (int)kin_index_get(index, STEPS) };
    return kin_kmeans_run(index, &by, v->centroid);
}

static kin_status take_lists(ivf *v, int64_t rows)
{
    if (rows <= v->room) return KIN_OK;
    int32_t *more = realloc(v->list, (size_t)rows * sizeof *more);
    KIN_REQUIRE(more, KIN_MEMORY, "index: no memory for %lld rows", (long long)rows);
    v->list = more;
    v->room = rows;
    return KIN_OK;
}

/* The rows list by list, each in whole strips, as bytes. */
static kin_status lay_out(kin_index *index)
{
    ivf *v = index->state;
    int64_t *start = KIN_TAKE(index->work, int64_t, v->lists + 1), total = 0;
    int32_t *order = KIN_TAKE(index->work, int32_t, index->rows);
    KIN_REQUIRE(start && order, KIN_MEMORY, "index: no memory for %lld rows",
                (long long)index->rows);
    kin_lists_of(index->rows, v->list, v->lists, start, order);
    for (int64_t l = 0; l < v->lists; l++) total += kin_strips(start[l + 1] - start[l]);
    int32_t *which = KIN_TAKE(index->work, int32_t, total);
    KIN_REQUIRE(which, KIN_MEMORY, "index: no memory for %lld rows", (long long)total);
    v->part[0] = 0;
    for (int64_t l = 0; l < v->lists; l++) {
        const int64_t n = start[l + 1] - start[l], at = v->part[l];
        v->part[l + 1] = at + kin_strips(n);
        for (int64_t i = 0; i < v->part[l + 1] - at; i++)
            which[at + i] = i < n ? order[start[l] + i] : -1;
    }
    kin_codes_free(&v->codes, index->backend);
    KIN_TRY(kin_codes_new(&v->codes, index->backend, total, index->setting.width));
    kin_codes_encode(&v->codes, index, total, which, index->values);
    return KIN_OK;
}

static kin_status encode_heads(kin_index *index)
{
    ivf *v = index->state;
    kin_codes_free(&v->heads, index->backend);
    KIN_TRY(kin_codes_new(&v->heads, index->backend, v->lists, index->setting.width));
    kin_codes_encode(&v->heads, index, v->lists, NULL, v->centroid);
    return KIN_OK;
}

/* ---- looking -------------------------------------------------------------------------------- */

/* The lists whose centroids are most similar, count x probes, the most similar first. */
static kin_status choose_lists(kin_index *index, int64_t count, const kin_query_codes *by,
                               int64_t probes, int32_t *list)
{
    const ivf *v = index->state;
    float *score = KIN_TAKE(index->work, float, count * probes);
    KIN_REQUIRE(score, KIN_MEMORY, "index: no memory for %lld lists for each of %lld queries",
                (long long)probes, (long long)count);
    const int64_t part[2] = { 0, v->heads.rows };
    const kin_scan scan = { .codes = &v->heads, .parts = 1, .part = part, .queries = count,
                            .k = probes, .code = by->code, .scale = by->scale, .index = list,
                            .score = score };
    return index->backend->scan(index->backend, index->work, &scan);
}

/* The queries in the order of their nearest list. */
static kin_status order_queries(kin_index *index, int64_t count, const int32_t *probe,
                                int64_t probes, int32_t **order)
{
    const ivf *v = index->state;
    int32_t *nearest = KIN_TAKE(index->work, int32_t, count);
    int64_t *start = KIN_TAKE(index->work, int64_t, v->lists + 1);
    *order = KIN_TAKE(index->work, int32_t, count);
    KIN_REQUIRE(nearest && start && *order, KIN_MEMORY, "index: no memory for %lld queries",
                (long long)count);
    for (int64_t i = 0; i < count; i++)
        nearest[i] = probe[i * probes] < 0 ? 0 : probe[i * probes];
    kin_lists_of(count, nearest, v->lists, start, *order);
    return KIN_OK;
}

/* probes 0: every list. */
static kin_status find_in(kin_index *index, const kin_asked *asked, const kin_query_codes *by,
                          int64_t probes, int64_t k, int32_t *row, real *score)
{
    const ivf *v = index->state;
    const int64_t many = kin_candidates(index, k, kin_index_get(index, FACTOR));
    int32_t *probe = KIN_TAKE(index->work, int32_t, asked->count * (probes + 1));
    int32_t *candidate = KIN_TAKE(index->work, int32_t, asked->count * many);
    KIN_REQUIRE(probe && candidate, KIN_MEMORY, "index: no memory for %lld candidates for each of "
                "%lld queries", (long long)many, (long long)asked->count);
    int32_t *order = NULL;
    if (probes) KIN_TRY(choose_lists(index, asked->count, by, probes, probe));
    if (probes) KIN_TRY(order_queries(index, asked->count, probe, probes, &order));
    const kin_scan scan = { .codes = &v->codes, .parts = v->lists, .part = v->part,
                            .probes = probes, .probe = probes ? probe : NULL,
                            .queries = asked->count, .k = many, .code = by->code,
                            .scale = by->scale, .index = candidate };
    KIN_TRY(index->backend->scan(index->backend, index->work, &scan));
    return kin_index_rescore(index, asked, order, many, candidate, k, row, score);
}

static kin_status find(kin_index *index, const kin_asked *asked, int64_t k, int32_t *row,
                       real *score)
{
    const ivf *v = index->state;
    kin_query_codes by;
    if (k == 0) return KIN_OK;
    const int64_t probes = v->probes < v->lists ? v->probes : 0;
    KIN_TRY(kin_codes_of_queries(index, asked->count, asked->x, &by));
    return find_in(index, asked, &by, probes, k, row, score);
}

/* ---- how many lists ------------------------------------------------------------------------- */

typedef struct { int64_t count, step, k; real *x; } judges;

/* seen[r]: how many of the nearest rows of the sample lie in the list that comes r-th for it. */
static void count_ranks(const ivf *v, const judges *j, const int32_t *order, const int32_t *row,
                        int64_t *seen, int32_t *rank)
{
    for (int64_t i = 0; i < j->count; i++) {
        for (int64_t r = 0; r < v->lists; r++) {
            const int32_t list = order[i * v->lists + r];
            if (list >= 0) rank[list] = (int32_t)r;
        }
        for (int64_t h = 0; h < j->k; h++) {
            const int32_t found = row[i * j->k + h];
            if (found >= 0 && found != i * j->step) seen[rank[v->list[found]]]++;
        }
    }
}

/* Rows spread evenly over the index, as queries. */
static kin_status draw_judges(kin_index *index, judges *j)
{
    j->count = index->rows < JUDGES ? index->rows : JUDGES;
    j->step = index->rows / j->count;
    j->k = index->rows < NEAREST + 1 ? index->rows : NEAREST + 1;
    j->x = KIN_TAKE(index->work, real, j->count * index->stride);
    KIN_REQUIRE(j->x, KIN_MEMORY, "index: no memory for a sample");
    for (int64_t i = 0; i < j->count; i++) {
        real *to = j->x + i * index->stride;
        memcpy(to, index->values + i * j->step * index->stride, (size_t)index->stride * sizeof *to);
        if (index->stride > index->setting.width) to[index->setting.width] = 1;
    }
    return KIN_OK;
}

/* The least number of lists that has the recall that was asked for. */
static void settle(const kin_index *index, ivf *v, const int64_t *seen)
{
    int64_t all = 0, sum = 0;
    for (int64_t r = 0; r < v->lists; r++) all += seen[r];
    for (v->probes = 1; v->probes <= v->lists; v->probes++) {
        sum += seen[v->probes - 1];
        if ((double)sum >= kin_index_get(index, RECALL) * (double)all) break;
    }
    if (v->probes > v->lists) v->probes = v->lists;
    v->recall = all ? (double)sum / (double)all : 1;
}

static kin_status measure(kin_index *index)
{
    ivf *v = index->state;
    judges j;
    kin_query_codes by;
    KIN_TRY(draw_judges(index, &j));
    const kin_asked asked = { .count = j.count, .x = j.x, .self = -1 };
    int32_t *row = KIN_TAKE(index->work, int32_t, j.count * j.k);
    real *score = KIN_TAKE(index->work, real, j.count * j.k);
    int32_t *order = KIN_TAKE(index->work, int32_t, j.count * v->lists);
    int64_t *seen = KIN_TAKE(index->work, int64_t, v->lists);
    int32_t *rank = KIN_TAKE(index->work, int32_t, v->lists);
    KIN_REQUIRE(row && score && order && seen && rank, KIN_MEMORY, "index: no memory for a sample");
    KIN_TRY(kin_codes_of_queries(index, j.count, j.x, &by));
    KIN_TRY(find_in(index, &asked, &by, 0, j.k, row, score));
    KIN_TRY(choose_lists(index, j.count, &by, v->lists, order));
    memset(seen, 0, (size_t)v->lists * sizeof *seen);
    memset(rank, 0, (size_t)v->lists * sizeof *rank);
    count_ranks(v, &j, order, row, seen, rank);
    settle(index, v, seen);
    return KIN_OK;
}

static kin_status choose_probes(kin_index *index)
{
    ivf *v = index->state;
    const int64_t asked = (int64_t)kin_index_get(index, PROBES);
    v->probes = asked < v->lists ? asked : v->lists;
    v->recall = 0;
    return asked || index->rows == 0 ? KIN_OK : measure(index);
}

/* ---- the kind ------------------------------------------------------------------------------- */

static kin_status build_all(kin_index *index, int64_t first)
{
    if (first == 0) KIN_TRY(learn(index));
    ivf *v = index->state;
    KIN_TRY(take_lists(v, index->rows));
    KIN_TRY(kin_kmeans_assign(index, v->lists, v->centroid, index->rows - first,
                              index->values + first * index->stride, v->list + first));
    KIN_TRY(lay_out(index));
    if (first > 0) return KIN_OK;
    KIN_TRY(encode_heads(index));
    return choose_probes(index);
}

static kin_status build(kin_index *index, int64_t first)
{
    KIN_TRY(kin_codes_check(index));
    const size_t mark = kin_arena_mark(index->work);
    const kin_status status = build_all(index, first);
    kin_arena_rewind(index->work, mark);
    return status;
}

static kin_status give_learned(kin_index *index, int64_t rows, kin_index_learned *learned)
{
    if (!index->state) KIN_TRY(new_state(index, wanted_lists(index, rows)));
    const ivf *v = index->state;
    *learned = (kin_index_learned){ v->lists, index->stride, v->centroid };
    return KIN_OK;
}

static void describe(const kin_index *index, char *text, size_t size)
{
    const ivf *v = index->state;
    const int used = snprintf(text, size, "%lld lists, a query looks at %lld", (long long)v->lists,
                              (long long)v->probes);
    if (v->recall > 0 && used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, " (%.3f of the nearest are there)", v->recall);
}

static kin_status save(const kin_index *index, kin_section_writer *w)
{
    ivf *v = index->state;
    const int64_t counts[2] = { v->lists, v->probes };
    KIN_TRY(kin_section_copy(w, "ivf.counts", counts, sizeof counts));
    KIN_TRY(kin_section_put_rows(w, "ivf.centroids", index, v->lists, v->centroid));
    return kin_section_put(w, "ivf.lists", v->list, (size_t)index->rows * sizeof *v->list);
}

static kin_status read_lists(kin_index *index, const kin_index_file *file)
{
    ivf *v = index->state;
    const void *bytes;
    KIN_TRY(kin_section_get(file, "ivf.lists", (size_t)index->rows * sizeof *v->list, &bytes));
    KIN_TRY(take_lists(v, index->rows));
    if (index->rows) memcpy(v->list, bytes, (size_t)index->rows * sizeof *v->list);
    for (int64_t i = 0; i < index->rows; i++)
        KIN_REQUIRE(v->list[i] >= 0 && v->list[i] < v->lists, KIN_DATA,
                    "%s: row %lld is in list %d of %lld", kin_index_file_path(file), (long long)i,
                    (int)v->list[i], (long long)v->lists);
    return KIN_OK;
}

static kin_status load_all(kin_index *index, const kin_index_file *file)
{
    const void *bytes;
    int64_t counts[2];
    KIN_TRY(kin_section_get(file, "ivf.counts", sizeof counts, &bytes));
    memcpy(counts, bytes, sizeof counts);
    const bool good = counts[0] > 0 && counts[0] <= (index->rows > 0 ? index->rows : 1)
                      && counts[1] >= 0 && counts[1] <= counts[0]
                      && (counts[1] > 0 || index->rows == 0);
    KIN_REQUIRE(good, KIN_DATA, "%s: %lld lists for %lld rows, a query looks at %lld",
                kin_index_file_path(file), (long long)counts[0], (long long)index->rows,
                (long long)counts[1]);
    KIN_TRY(kin_codes_check(index));
    KIN_TRY(new_state(index, counts[0]));
    ivf *v = index->state;
    v->probes = counts[1];
    KIN_TRY(kin_section_rows(file, "ivf.centroids", index, v->lists, v->centroid));
    KIN_TRY(read_lists(index, file));
    KIN_TRY(lay_out(index));
    return encode_heads(index);
}

const kin_index_kind kin_index_kind_ivf = {
    .entry = {
        .name = "ivf", .summary = "compares a query with the rows of the nearest lists",
        .hypers = {
            { "lists", 0, 0, 1 << 20, "how many; 0: twice the square root of the rows", KIN_INTEGER,
              NULL },
            { "probes", 0, 0, 1 << 20, "lists that a query looks at; 0: as recall asks",
              KIN_INTEGER, NULL },
            { "recall", 0.95, 0.01, 1, "share of the nearest rows that are looked at", 0, NULL },
            { "steps", 8, 1, 100, "of k-means", KIN_INTEGER, NULL },
            { "sample", 64, 1, 1 << 20, "rows for each list that k-means learns from", KIN_INTEGER,
              NULL },
            { "factor", 1.5, 1, 100, "candidates for each row that is asked for", 0, NULL },
        },
    },
    .build = build, .find = find, .release = release, .describe = describe, .save = save,
    .load = load_all, .learn = give_learned,
};
