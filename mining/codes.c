/* Codes: rows as bytes, and candidates judged by their products. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "mining/inside.h"

enum { SHORT = 48, QUERIES = 2048, TASK = 32, MORE = 8 };

/* ---- memory --------------------------------------------------------------------------------- */

kin_status kin_codes_check(const kin_index *index)
{
    KIN_REQUIRE(index->backend->scan, KIN_USAGE, "index: the device %s has no int8 scan; use "
                "an exact index with look = float", index->backend->name);
    KIN_REQUIRE(index->setting.width <= KIN_CODE_DEPTH, KIN_USAGE,
                "index: %lld columns, int8 takes at most %d", (long long)index->setting.width,
                KIN_CODE_DEPTH);
    return KIN_OK;
}

/* One block for all arrays, the largest alignment first. */
kin_status kin_codes_new(kin_codes *codes, kin_backend *backend, int64_t rows, int64_t cols)
{
    const int64_t n = kin_strips(rows), depth = (cols + 3) / 4 * 4;
    const size_t each = (size_t)depth + 5 * sizeof(int32_t), strips = (size_t)n;
    *codes = (kin_codes){ .rows = n, .depth = depth };
    char *block = backend->alloc(backend, strips * each + 64);
    KIN_REQUIRE(block, KIN_MEMORY, "index: no memory for %lld rows of %lld bytes", (long long)rows,
                (long long)depth);
    codes->code = (int8_t *)block;
    codes->begin = (int16_t *)(void *)(block + strips * (size_t)depth);
    codes->sum = (int32_t *)(void *)(codes->begin + 2 * n);
    codes->scale = (float *)(codes->sum + n);
    codes->bias = codes->scale + n;
    codes->id = (int32_t *)(codes->bias + n);
    return KIN_OK;
}

void kin_codes_free(kin_codes *codes, kin_backend *backend)
{
    if (codes->code) backend->release(backend, codes->code);
    *codes = (kin_codes){ .rows = 0 };
}

void kin_codes_encode(kin_codes *codes, kin_index *index, int64_t rows, const int32_t *which,
                      const real *x)
{
    kin_backend *b = index->backend;
    int32_t nobody[KIN_STRIP];
    memset(nobody, -1, sizeof nobody);
    b->encode(b, codes, 0, rows, which, index->setting.width, x, index->stride);
    b->encode(b, codes, rows, codes->rows - rows, nobody, index->setting.width, x, index->stride);
}

kin_status kin_codes_of_queries(kin_index *index, int64_t n, const real *x, kin_query_codes *out)
{
    const int64_t width = index->setting.width, depth = (width + 3) / 4 * 4;
    out->code = KIN_TAKE(index->work, uint8_t, n * depth);
    out->scale = KIN_TAKE(index->work, float, n);
    KIN_REQUIRE(out->code && out->scale, KIN_MEMORY, "index: no memory for %lld queries as bytes",
                (long long)n);
    index->backend->encode_queries(index->backend, n, width, x, index->stride, out->code,
                                   out->scale);
    return KIN_OK;
}

int64_t kin_candidates(const kin_index *index, int64_t k, double factor)
{
    const double many = ceil((double)k * factor) + MORE;
    return many < (double)index->rows ? (int64_t)many : index->rows;
}

/* ---- the second look ------------------------------------------------------------------------ */

typedef struct { real score; int32_t row; } found;

static bool before(const found *a, const found *b)
{
    return a->score > b->score || (a->score == b->score && a->row < b->row);
}

static int by_rank(const void *a, const void *b)
{
    return before(a, b) ? -1 : before(b, a);
}

static void sort_found(found *all, int64_t n)
{
    if (n > SHORT) {
        qsort(all, (size_t)n, sizeof *all, by_rank);
        return;
    }
    for (int64_t i = 1; i < n; i++) {
        const found moved = all[i];
        int64_t j = i;
        for (; j > 0 && before(&moved, &all[j - 1]); j--) all[j] = all[j - 1];
        all[j] = moved;
    }
}

/* Cells of some queries: row which[c] of the queries with row col[c] of the index. */
typedef struct {
    int64_t many, k, first, count;
    const int32_t *candidate, *order;
    const real *product;
    found *room;                       /* for each thread: many */
    int32_t *row;
    real *score;
} ranking;

static int64_t query_at(const ranking *r, int64_t i)
{
    return r->order ? r->order[r->first + i] : r->first + i;
}

static void rank_task(void *context, int64_t task, int thread)
{
    const ranking *r = context;
    found *all = r->room + thread * r->many;
    for (int64_t i = task * TASK; i < (task + 1) * TASK && i < r->count; i++) {
        int64_t n = 0;
        const int64_t at = query_at(r, i);
        for (int64_t c = 0; c < r->many && r->candidate[at * r->many + c] >= 0; c++)
            all[n++] = (found){ r->product[i * r->many + c], r->candidate[at * r->many + c] };
        sort_found(all, n);
        for (int64_t h = 0; h < r->k; h++) {
            r->row[at * r->k + h] = h < n ? all[h].row : -1;
            r->score[at * r->k + h] = h < n ? all[h].score : (real)-INFINITY;
        }
    }
}

static void rescore_some(kin_index *index, const kin_asked *asked, ranking *r, int32_t *which,
                         int32_t *col, real *product)
{
    const int64_t cells = r->count * r->many;
    for (int64_t c = 0; c < cells; c++) {
        const int64_t query = query_at(r, c / r->many);
        const int32_t to = r->candidate[query * r->many + c % r->many];
        which[c] = (int32_t)query;
        col[c] = to < 0 ? 0 : to;
    }
    index->backend->cell_dots(index->backend, cells, which, col, index->stride, asked->x,
                              index->values, product);
    r->product = product;
    kin_pool_run(index->backend->pool, (r->count + TASK - 1) / TASK, rank_task, r);
}

kin_status kin_index_rescore(kin_index *index, const kin_asked *asked, const int32_t *order,
                             int64_t many, const int32_t *candidate, int64_t k, int32_t *row,
                             real *score)
{
    const int64_t block = asked->count < QUERIES ? asked->count : QUERIES;
    const size_t mark = kin_arena_mark(index->work);
    int32_t *which = KIN_TAKE(index->work, int32_t, block * many);
    int32_t *col = KIN_TAKE(index->work, int32_t, block * many);
    real *product = KIN_TAKE(index->work, real, block * many);
    found *room = KIN_TAKE(index->work, found, many * kin_pool_threads(index->backend->pool));
    const bool good = which && col && product && room;
    ranking r = { .many = many, .k = k, .candidate = candidate,
                  .order = order, .room = room, .row = row,
                  .score = score };
    for (r.first = 0; good && r.first < asked->count; r.first += block) {
        r.count = asked->count - r.first < block ? asked->count - r.first : block;
        rescore_some(index, asked, &r, which, col, product);
    }
    kin_arena_rewind(index->work, mark);
    KIN_REQUIRE(good, KIN_MEMORY, "index: no memory for %lld candidates a query", (long long)many);
    return KIN_OK;
}
