/* k-means (Lloyd 1982) on a sample of an index's rows: assignments are scans, means are sums in the
 * order of the rows. */
#include <stdlib.h>
#include <string.h>
#include "core/rng.h"
#include "mining/inside.h"

typedef struct {
    kin_index *index;
    int64_t lists, n;
    const real *x;                         /* n x stride: the sample */
    const int64_t *start;
    const int32_t *order, *rows;           /* by list; 0 .. n - 1 */
    const real *ones;                      /* n */
    real *centroid;
} means;

void kin_lists_of(int64_t n, const int32_t *list, int64_t lists, int64_t *start, int32_t *order)
{
    memset(start, 0, (size_t)(lists + 1) * sizeof *start);
    for (int64_t i = 0; i < n; i++) start[list[i] + 1]++;
    for (int64_t l = 0; l < lists; l++) start[l + 1] += start[l];
    for (int64_t i = 0; i < n; i++) order[start[list[i]]++] = (int32_t)i;
    for (int64_t l = lists; l > 0; l--) start[l] = start[l - 1];
    start[0] = 0;
}

/* ---- assignment ----------------------------------------------------------------------------- */

/* Nearest is what has the largest product, by euclidean less |c|^2 / 2. */
static kin_status encode_centroids(kin_index *index, int64_t lists, const real *centroid,
                                   kin_codes *codes)
{
    KIN_TRY(kin_codes_new(codes, index->backend, lists, index->setting.width));
    kin_codes_encode(codes, index, lists, NULL, centroid);
    return KIN_OK;
}

/* The nearest centroid of queries in bytes. */
static kin_status nearest(kin_index *index, int64_t lists, const real *centroid, int64_t n,
                          const uint8_t *code, const float *scale, int32_t *list)
{
    kin_codes codes;
    kin_status status = encode_centroids(index, lists, centroid, &codes);
    const int64_t part[2] = { 0, codes.rows };
    const kin_scan scan = { .codes = &codes, .parts = 1, .part = part, .queries = n, .k = 1,
                            .code = code, .scale = scale, .index = list };
    if (!status) status = index->backend->scan(index->backend, index->work, &scan);
    for (int64_t i = 0; i < n && !status; i++) list[i] = list[i] < 0 ? 0 : list[i];
    kin_codes_free(&codes, index->backend);
    return status;
}

kin_status kin_kmeans_assign(kin_index *index, int64_t lists, const real *centroid, int64_t n,
                             const real *x, int32_t *list)
{
    const size_t mark = kin_arena_mark(index->work);
    kin_query_codes b;
    kin_status status = kin_codes_of_queries(index, n, x, &b);
    if (!status) status = nearest(index, lists, centroid, n, b.code, b.scale, list);
    kin_arena_rewind(index->work, mark);
    return status;
}

/* ---- means ---------------------------------------------------------------------------------- */

/* Sums of the rows of each list, as cells whose slopes are 1; what they are divided by matters only
 * where they are not made unit rows. */
static void sum_lists(const means *m)
{
    kin_index *index = m->index;
    kin_backend *b = index->backend;
    b->zero(b, m->centroid, (size_t)(m->lists * index->stride) * sizeof *m->centroid);
    b->cell_sums(b, m->lists, m->start, m->order, m->ones, m->rows, index->stride, m->x,
                 m->centroid);
    for (int64_t l = 0; index->setting.similarity == KIN_EUCLIDEAN && l < m->lists; l++) {
        const int64_t n = m->start[l + 1] - m->start[l];
        b->scale(b, index->stride, 1 / (real)(n > 0 ? n : 1), m->centroid + l * index->stride);
    }
}

/* A list that nothing is nearest to takes over a row of the longest one. */
static void refill(const means *m, const int64_t *start)
{
    int64_t longest = 0, used = 0;
    for (int64_t l = 1; l < m->lists; l++)
        if (start[l + 1] - start[l] > start[longest + 1] - start[longest]) longest = l;
    for (int64_t l = 0; l < m->lists; l++) {
        if (start[l + 1] > start[l] || used >= start[longest + 1] - start[longest]) continue;
        const int64_t row = m->order[start[longest] + used++];
        memcpy(m->centroid + l * m->index->stride, m->x + row * m->index->stride,
               (size_t)m->index->stride * sizeof *m->x);
    }
}

/* Centroids as rows are kept: unit ones by cosine (and by dot, where rows of one direction belong
 * together however long they are), with - |c|^2 / 2 behind by euclidean. */
static void finish(const means *m, real *room)
{
    kin_index *index = m->index;
    kin_backend *b = index->backend;
    const int64_t width = index->setting.width;
    if (index->setting.similarity != KIN_EUCLIDEAN)
        b->normalize(b, m->lists, width, m->centroid, m->centroid, room);
    for (int64_t l = 0; index->stride > width && l < m->lists; l++) {
        real *c = m->centroid + l * index->stride;
        c[width] = (real)(-b->sum_squares(b, width, c) / 2);
    }
}

/* ---- k-means -------------------------------------------------------------------------------- */

/* n rows of the index, drawn with its seed, as they lie. */
static kin_status draw_sample(kin_index *index, int64_t n, real **x)
{
    const size_t line = (size_t)index->stride * sizeof(real);
    int32_t *order = KIN_TAKE(index->work, int32_t, index->rows);
    *x = KIN_TAKE(index->work, real, n * index->stride);
    KIN_REQUIRE(order && *x, KIN_MEMORY, "index: no memory for a sample of %lld rows",
                (long long)n);
    for (int64_t i = 0; i < index->rows; i++) order[i] = (int32_t)i;
    for (int64_t i = 0; i < n; i++) {
        const int64_t other = i + (int64_t)kin_random_below(index->setting.seed, KIN_STREAM_SAMPLE,
                                                            0, (uint64_t)i,
                                                            (uint64_t)(index->rows - i));
        const int32_t chosen = order[other];
        order[other] = order[i];
        memcpy(*x + i * index->stride, index->values + chosen * index->stride, line);
    }
    return KIN_OK;
}

static kin_status lloyd(means *m, const kin_kmeans *by, const kin_query_codes *codes, int32_t *list,
                        int64_t *start, int32_t *order, real *room)
{
    m->start = start;
    m->order = order;
    for (int step = 0; step < by->steps; step++) {
        KIN_TRY(nearest(m->index, m->lists, m->centroid, m->n, codes->code, codes->scale, list));
        kin_lists_of(m->n, list, m->lists, start, order);
        sum_lists(m);
        refill(m, start);
        finish(m, room);
    }
    return KIN_OK;
}

static kin_status run(kin_index *index, const kin_kmeans *by, real *centroid)
{
    means m = { .index = index, .lists = by->lists, .n = by->sample, .centroid = centroid };
    real *x;
    kin_query_codes codes;
    KIN_TRY(draw_sample(index, m.n, &x));
    KIN_TRY(kin_codes_of_queries(index, m.n, x, &codes));
    int32_t *list = KIN_TAKE(index->work, int32_t, m.n);
    int32_t *order = KIN_TAKE(index->work, int32_t, m.n);
    int64_t *start = KIN_TAKE(index->work, int64_t, m.lists + 1);
    int32_t *rows = KIN_TAKE(index->work, int32_t, m.n);
    real *room = KIN_TAKE(index->work, real, m.lists), *ones = KIN_TAKE(index->work, real, m.n);
    KIN_REQUIRE(list && order && start && rows && room && ones, KIN_MEMORY,
                "index: no memory for k-means");
    for (int64_t i = 0; i < m.n; i++) rows[i] = (int32_t)i;
    index->backend->fill(index->backend, m.n, 1, ones);
    m.x = x;
    m.rows = rows;
    m.ones = ones;
    if (!by->warm)
        memcpy(centroid, x, (size_t)(m.lists * index->stride) * sizeof *centroid);
    return lloyd(&m, by, &codes, list, start, order, room);
}

kin_status kin_kmeans_run(kin_index *index, const kin_kmeans *by, real *centroid)
{
    const size_t mark = kin_arena_mark(index->work);
    const kin_status status = run(index, by, centroid);
    kin_arena_rewind(index->work, mark);
    return status;
}
