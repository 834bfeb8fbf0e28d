#include "mining/index.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/sorted.h"
#include "mining/inside.h"

#define INDEX(name) extern const kin_index_kind kin_index_kind_##name;
#include "mining/indexes.def"
#undef INDEX

static const kin_entry *const items[] = {
#define INDEX(name) &kin_index_kind_##name.entry,
#include "mining/indexes.def"
#undef INDEX
};

const kin_list kin_indexes = { "index", items, sizeof items / sizeof *items };

enum { BLOCK = 32768, ROOM_LEAST = 64 };         /* queries prepared at a time */

/* ---- settings ------------------------------------------------------------------------------- */

kin_status kin_index_defaults(kin_index_setting *setting, const char *name, int64_t width)
{
    *setting = (kin_index_setting){ .similarity = KIN_COSINE, .width = width };
    KIN_TRY(kin_list_find(&kin_indexes, name, &setting->kind));
    kin_hyper_defaults(kin_indexes.items[setting->kind], setting->hypers);
    return KIN_OK;
}

kin_status kin_index_set(kin_index_setting *setting, const char *hyper, double value)
{
    const kin_entry *entry = kin_indexes.items[setting->kind];
    const int place = kin_hyper_find(entry, hyper);
    KIN_REQUIRE(place >= 0, KIN_USAGE, "index %s has no setting %s", entry->name, hyper);
    const kin_hyper *h = &entry->hypers[place];
    KIN_REQUIRE(value >= h->min && value <= h->max, KIN_USAGE,
                "index %s: %s is %g, expected %g .. %g", entry->name, hyper, value, h->min, h->max);
    setting->hypers[place] = value;
    return KIN_OK;
}

kin_status kin_index_new(kin_index **out, kin_backend *backend, const kin_index_setting *setting)
{
    *out = NULL;
    const bool known = setting->similarity == KIN_COSINE || setting->similarity == KIN_DOT
                       || setting->similarity == KIN_EUCLIDEAN;
    KIN_REQUIRE(known, KIN_USAGE, "index: rows are compared by cosine, dot or euclidean");
    KIN_REQUIRE(setting->width > 0 && setting->width <= INT32_MAX, KIN_USAGE,
                "index: %lld columns, expected at least 1", (long long)setting->width);
    kin_index *index = calloc(1, sizeof *index);
    KIN_REQUIRE(index, KIN_MEMORY, "index: no memory");
    index->setting = *setting;
    index->kind = (const kin_index_kind *)(const void *)kin_indexes.items[setting->kind];
    index->backend = backend;
    index->stride = setting->width + (setting->similarity == KIN_EUCLIDEAN);
    const kin_memory memory = kin_backend_memory(backend);
    const kin_status status = kin_arena_new(&index->work, &memory);
    if (status) free(index);
    else *out = index;
    return status;
}

void kin_index_free(kin_index *index)
{
    if (!index) return;
    index->kind->release(index);
    if (index->values) index->backend->release(index->backend, index->values);
    kin_arena_free(index->work);
    free(index);
}

int64_t kin_index_rows(const kin_index *index) { return index->rows; }
const kin_index_setting *kin_index_settings(const kin_index *index) { return &index->setting; }

void kin_index_describe(const kin_index *index, char *text, size_t size)
{
    index->kind->describe(index, text, size);
}

kin_status kin_index_learn(kin_index *index, int64_t of, kin_index_learned *learned)
{
    *learned = (kin_index_learned){ 0 };
    return index->kind->learn ? index->kind->learn(index, index->rows ? index->rows : of, learned)
                              : KIN_OK;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool good_square(double square) { return square <= 1e30; }

kin_status kin_index_check_rows(kin_index *index, int64_t rows, int64_t cols, const real *x,
                                const char *what, kin_status status)
{
    kin_backend *b = index->backend;
    if (good_square(b->sum_squares(b, rows * cols, x))) return KIN_OK;
    for (int64_t i = 0; i < rows; i++)
        KIN_REQUIRE(good_square(b->sum_squares(b, cols, x + i * cols)), status, "index: %s %lld "
                    "holds NaN, infinity or numbers above 1e15", what, (long long)i);
    return KIN_OK;
}

/* to becomes x (rows that lie ldx numbers apart) with a further column. */
static void widen(kin_index *index, int64_t rows, const real *x, int64_t ldx, real by,
                  const real *column, real *to)
{
    kin_backend *b = index->backend;
    const int64_t width = index->setting.width, stride = index->stride;
    b->zero(b, to, (size_t)(rows * stride) * sizeof *to);
    b->add_block(b, rows, width, 1, x, ldx, to, stride);
    b->add_block(b, rows, 1, by, column, 1, to + width, stride);
}

/* x as the index keeps or compares it. */
static kin_status prepare(kin_index *index, int64_t rows, const real *x, bool query, real *to)
{
    kin_backend *b = index->backend;
    const int64_t width = index->setting.width;
    KIN_TRY(kin_index_check_rows(index, rows, width, x, query ? "query" : "row", KIN_NUMERICAL));
    const size_t mark = kin_arena_mark(index->work);
    real *one = KIN_TAKE(index->work, real, rows);
    KIN_REQUIRE(one, KIN_MEMORY, "index: no memory for %lld rows", (long long)rows);
    switch (index->setting.similarity) {
    case KIN_COSINE:
        b->normalize(b, rows, width, x, to, one);
        break;
    case KIN_DOT:
        if (to != x) b->copy(b, to, x, (size_t)(rows * width) * sizeof *to);
        break;
    default:
        if (query) b->fill(b, rows, 1, one);
        else b->row_dots(b, rows, width, x, x, one);
        widen(index, rows, x, width, query ? 1 : (real)-0.5, one, to);
    }
    kin_arena_rewind(index->work, mark);
    return kin_backend_check(b);
}

kin_status kin_index_reserve(kin_index *index, int64_t rows)
{
    kin_backend *b = index->backend;
    if (rows <= index->room || rows == 0) return KIN_OK;
    const size_t line = (size_t)index->stride * sizeof(real);
    const int64_t most = (int64_t)(SIZE_MAX / 2 / line);
    KIN_REQUIRE(rows <= INT32_MAX - KIN_STRIP && rows <= most, KIN_USAGE,
                "index: %lld rows, expected less than 2^31", (long long)rows);
    const int64_t room = rows < ROOM_LEAST ? ROOM_LEAST : rows;
    real *values = b->alloc(b, (size_t)room * line);
    KIN_REQUIRE(values, KIN_MEMORY, "index: no memory for %lld rows of %lld numbers",
                (long long)rows, (long long)index->stride);
    if (index->rows) b->copy(b, values, index->values, (size_t)index->rows * line);
    if (index->values) b->release(b, index->values);
    index->values = values;
    index->room = room;
    return KIN_OK;
}

static kin_status add(kin_index *index, int64_t rows, const real *x)
{
    const int64_t first = index->rows;
    KIN_REQUIRE(rows >= 0 && rows <= INT32_MAX, KIN_USAGE, "index: %lld rows", (long long)rows);
    KIN_TRY(kin_index_reserve(index, first + rows));
    KIN_TRY(prepare(index, rows, x, false, index->values + first * index->stride));
    index->rows += rows;
    const kin_status status = index->kind->build(index, first);
    if (status) {
        index->kind->release(index);
        index->rows = 0;
    }
    return status;
}

kin_status kin_index_build(kin_index *index, int64_t rows, const real *x)
{
    index->rows = 0;
    return add(index, rows, x);
}

kin_status kin_index_place(kin_index *index, int64_t rows, real **x)
{
    KIN_REQUIRE(index->stride == index->setting.width, KIN_USAGE,
                "index: by euclidean distance rows are kept otherwise than they are given");
    index->rows = 0;
    KIN_TRY(kin_index_reserve(index, rows));
    *x = index->values;
    return KIN_OK;
}

kin_status kin_index_append(kin_index *index, int64_t rows, const real *x)
{
    return rows == 0 ? KIN_OK : add(index, rows, x);
}

/* ---- searching ------------------------------------------------------------------------------ */

/* What a block of queries found, and what of it is to be left out. */
typedef struct {
    const kin_index_query *query;
    int64_t from, many;                    /* first query; rows found for each */
    const int32_t *found;
    const real *product;
    real *shift;                           /* by euclidean 1 - |q|^2 / 2, or NULL */
    int32_t *row;
    real *score;
} answer;

static bool left_out(const kin_index_query *q, int64_t i, int32_t row)
{
    if (!q->x && row == q->first + i) return true;
    return q->skip_start && kin_sorted_holds(q->skip, q->skip_start[i], q->skip_start[i + 1], row);
}

static void answer_task(void *context, int64_t i, int thread)
{
    const answer *a = context;
    const int64_t query = a->from + i, k = a->query->k;
    int64_t n = 0;
    (void)thread;
    for (int64_t h = 0; h < a->many && n < k; h++) {
        const int32_t row = a->found[i * a->many + h];
        if (row < 0 || left_out(a->query, query, row)) continue;
        a->row[query * k + n] = row;
        a->score[query * k + n++] = a->product[i * a->many + h] + (a->shift ? a->shift[i] : 0);
    }
    for (; n < k; n++) {
        a->row[query * k + n] = -1;
        a->score[query * k + n] = (real)-INFINITY;
    }
}

/* How many rows a query may have to leave out. */
static int64_t most_left_out(const kin_index_query *q)
{
    int64_t most = 0;
    for (int64_t i = 0; q->skip_start && i < q->queries; i++) {
        const int64_t n = q->skip_start[i + 1] - q->skip_start[i];
        if (n > most) most = n;
    }
    return most + !q->x;
}

/* 1 - |q|^2 / 2; prepared queries hold a 1 behind. */
static void shifts(kin_index *index, const kin_asked *asked, real *device, real *shift)
{
    kin_backend *b = index->backend;
    b->row_dots(b, asked->count, index->stride, asked->x, asked->x, device);
    b->download(b, shift, device, (size_t)asked->count * sizeof *shift);
    for (int64_t i = 0; i < asked->count; i++) shift[i] = 1 - (shift[i] - 1) / 2;
}

static kin_status search_block(kin_index *index, const kin_index_query *q, int64_t from,
                               kin_asked *asked, answer *a)
{
    const int64_t cells = asked->count * a->many;
    int32_t *found = malloc((size_t)cells * sizeof *found + 1);
    real *product = malloc((size_t)cells * sizeof *product + 1);
    real *shift = malloc((size_t)asked->count * sizeof *shift + 1);
    real *device = KIN_TAKE(index->work, real, asked->count);
    kin_status status = KIN_OK;
    if (!found || !product || !shift || !device)
        status = kin_fail(KIN_MEMORY, "index: no memory for %lld rows for each of %lld queries",
                          (long long)a->many, (long long)asked->count);
    if (!status) status = index->kind->find(index, asked, a->many, found, product);
    if (!status) {
        if (index->setting.similarity == KIN_EUCLIDEAN) {
            shifts(index, asked, device, shift);
            a->shift = shift;
        }
        a->query = q;
        a->from = from;
        a->found = found;
        a->product = product;
        kin_pool_run(index->backend->pool, asked->count, answer_task, a);
        status = kin_backend_check(index->backend);
    }
    free(found);
    free(product);
    free(shift);
    return status;
}

static kin_status check_query(const kin_index *index, const kin_index_query *q)
{
    KIN_REQUIRE(q->k > 0 && q->queries >= 0, KIN_USAGE, "index: the %lld best rows of %lld queries "
                "were asked for", (long long)q->k, (long long)q->queries);
    KIN_REQUIRE(q->x || (q->first >= 0 && q->first <= index->rows - q->queries), KIN_USAGE,
                "index: neighbours of rows %lld to %lld were asked for, there are %lld",
                (long long)q->first, (long long)(q->first + q->queries), (long long)index->rows);
    return KIN_OK;
}

kin_status kin_index_ask(kin_index *index, const kin_index_query *q, int64_t from, int64_t count,
                         kin_asked *asked)
{
    const real *rows = index->values + (q->first + from) * index->stride;
    *asked = (kin_asked){ .count = count, .x = rows, .self = q->x ? -1 : q->first + from };
    if (!q->x && index->stride == index->setting.width) return KIN_OK;
    real *x = KIN_TAKE(index->work, real, count * index->stride);
    real *one = KIN_TAKE(index->work, real, count);
    KIN_REQUIRE(x && one, KIN_MEMORY, "index: no memory for %lld queries", (long long)count);
    asked->x = x;
    if (q->x)
        return prepare(index, count, q->x + from * index->setting.width, true, x);
    index->backend->fill(index->backend, count, 1, one);
    widen(index, count, rows, index->stride, 1, one, x);
    return KIN_OK;
}

/* Rows against rows go in one piece: what asks for all of them can use each product twice. */
kin_status kin_index_search(kin_index *index, const kin_index_query *q, int32_t *row, real *score)
{
    KIN_TRY(check_query(index, q));
    const int64_t wanted = q->k + most_left_out(q), block = q->x ? BLOCK : q->queries;
    answer a = { .many = wanted < index->rows ? wanted : index->rows, .row = row, .score = score };
    kin_status status = KIN_OK;
    for (int64_t from = 0; from < q->queries && !status; from += block) {
        const int64_t count = q->queries - from < block ? q->queries - from : block;
        kin_asked asked;
        kin_arena_reset(index->work);
        status = kin_index_ask(index, q, from, count, &asked);
        if (!status) status = search_block(index, q, from, &asked, &a);
    }
    kin_arena_reset(index->work);
    return status;
}
