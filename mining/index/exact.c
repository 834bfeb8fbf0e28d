/* Every row is compared with every query. Scores are formed a tile at a time and only those above a
 * query's k-th best so far are kept, in a short list: memory is linear in queries and in rows.
 *
 * With look = int8, rows are first compared as bytes, with a factor of their own for each row, and
 * the best `factor` k (and eight) by these sums are compared again in float. A row is missed only
 * where rounding moves it behind that many others: seldom, but where hundreds of rows are almost
 * the same; kin_index_recall and `kin index` measure it. About three times as fast on AVX2, for a
 * quarter more memory. A kNN graph (rows against rows, all at once) forms each product once and
 * uses it for both of its rows. int8 is the CPU's; on a device look = float. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "mining/inside.h"

enum { LOOK, FACTOR };
enum { FLOAT, INT8 };

static kin_codes *codes_of(const kin_index *index) { return index->state; }

static void release(kin_index *index)
{
    if (index->state) kin_codes_free(index->state, index->backend);
    free(index->state);
    index->state = NULL;
}

static bool is_int8(const kin_index *index) { return (int)kin_index_get(index, LOOK) == INT8; }

/* All rows become bytes again: that takes as long as copying them. */
static kin_status build(kin_index *index, int64_t first)
{
    (void)first;
    if (!is_int8(index)) return KIN_OK;
    KIN_TRY(kin_codes_check(index));
    release(index);
    kin_codes *codes = index->state = calloc(1, sizeof *codes);
    KIN_REQUIRE(codes, KIN_MEMORY, "index: no memory");
    KIN_TRY(kin_codes_new(codes, index->backend, index->rows, index->setting.width));
    kin_codes_encode(codes, index, index->rows, NULL, index->values);
    return KIN_OK;
}

/* ---- float ---------------------------------------------------------------------------------- */

static kin_status find_by_float(kin_index *index, const kin_asked *asked, int64_t k, int32_t *row,
                                real *score)
{
    kin_backend *b = index->backend;
    const int64_t cells = asked->count * k;
    int32_t *found = KIN_TAKE(index->work, int32_t, cells);
    real *product = KIN_TAKE(index->work, real, cells);
    KIN_REQUIRE(found && product, KIN_MEMORY, "index: no memory for %lld rows for each of %lld "
                "queries", (long long)k, (long long)asked->count);
    KIN_TRY(b->search(b, index->work, asked->count, index->rows, index->stride, asked->x,
                      index->values, k, found, product));
    b->download(b, row, found, (size_t)cells * sizeof *row);
    b->download(b, score, product, (size_t)cells * sizeof *score);
    return kin_backend_check(b);
}

/* ---- int8 ----------------------------------------------------------------------------------- */

static kin_status find_by_int8(kin_index *index, const kin_asked *asked, int64_t k, int32_t *row,
                               real *score)
{
    kin_backend *b = index->backend;
    const kin_codes *codes = codes_of(index);
    const int64_t many = kin_candidates(index, k, kin_index_get(index, FACTOR));
    const int64_t part[2] = { 0, codes->rows };
    kin_query_codes by;
    int32_t *candidate = KIN_TAKE(index->work, int32_t, asked->count * many);
    KIN_REQUIRE(candidate, KIN_MEMORY, "index: no memory for %lld candidates for "
                "each of %lld queries", (long long)many, (long long)asked->count);
    KIN_TRY(kin_codes_of_queries(index, asked->count, asked->x, &by));
    const kin_scan scan = { .codes = codes, .parts = 1, .part = part, .queries = asked->count,
                            .k = many, .code = by.code, .scale = by.scale, .index = candidate };
    const bool graph = asked->self == 0 && asked->count == index->rows;
    KIN_TRY((graph ? b->scan_self : b->scan)(b, index->work, &scan));
    return kin_index_rescore(index, asked, NULL, many, candidate, k, row, score);
}

static kin_status find(kin_index *index, const kin_asked *asked, int64_t k, int32_t *row,
                       real *score)
{
    if (k == 0) return KIN_OK;
    return is_int8(index) ? find_by_int8(index, asked, k, row, score)
                          : find_by_float(index, asked, k, row, score);
}

static void describe(const kin_index *index, char *text, size_t size)
{
    if (is_int8(index))
        snprintf(text, size, "all rows, in int8 first, %.1f candidates for each row that is "
                 "asked for", kin_index_get(index, FACTOR));
    else
        snprintf(text, size, "all rows, in float");
}

static kin_status load(kin_index *index, const kin_index_file *file)
{
    (void)file;
    return build(index, 0);
}

const kin_index_kind kin_index_kind_exact = {
    .entry = {
        .name = "exact", .summary = "compares a query with every row",
        .hypers = {
            { "look", FLOAT, 0, 1, "how rows are compared first", 0, "float|int8" },
            { "factor", 1.5, 1, 100, "int8: candidates for each row that is asked for", 0, NULL },
        },
    },
    .build = build, .find = find, .release = release, .describe = describe, .load = load,
};
