#include "metrics/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const kin_measure_names[KIN_MEASURES] = {
#define X(field, name) name,
    KIN_EACH_MEASURE(X)
#undef X
};

/* ---- judgements -------------------------------------------------------------------------------*/

typedef struct { int32_t row, document, grade; } triple_t;

static int compare_triples(const void *left, const void *right)
{
    const triple_t *a = left, *b = right;
    if (a->row != b->row) return a->row < b->row ? -1 : 1;
    if (a->document != b->document) return a->document < b->document ? -1 : 1;
    return (a->grade > b->grade) - (a->grade < b->grade);
}

static kin_judgements *judgements_take(int64_t rows, int64_t triples)
{
    kin_judgements *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    made->rows = rows;
    made->query = malloc(sizeof(int32_t) * (size_t)(rows + 1));
    made->start = malloc(sizeof(int64_t) * (size_t)(rows + 1));
    made->document = malloc(sizeof(int32_t) * (size_t)(triples + 1));
    made->grade = malloc(sizeof(int32_t) * (size_t)(triples + 1));
    if (made->query && made->start && made->document && made->grade) return made;
    kin_judgements_free(made);
    return NULL;
}

static kin_status check_places(const kin_judgements *made, int64_t triples, const int32_t *triple)
{
    for (int64_t r = 0; r < made->rows; r++)
        KIN_REQUIRE(made->query[r] >= 0 && made->query[r] < made->query_id.count, KIN_DATA,
                    "judgements: row %lld is query %d, there are %lld", (long long)r,
                    made->query[r], (long long)made->query_id.count);
    for (int64_t i = 0; i < triples; i++) {
        const int32_t *t = triple + 3 * i;
        KIN_REQUIRE(t[0] >= 0 && t[0] < made->rows, KIN_DATA,
                    "judgements: triple %lld has row %d, there are %lld", (long long)i, t[0],
                    (long long)made->rows);
        KIN_REQUIRE(t[1] >= 0 && t[1] < made->document_id.count, KIN_DATA,
                    "judgements: triple %lld has document %d, there are %lld", (long long)i, t[1],
                    (long long)made->document_id.count);
    }
    return KIN_OK;
}

static int id_size(const kin_texts *ids, int64_t i)
{
    return (int)(ids->start[i + 1] - ids->start[i]);
}

/* Sorted triples become the lists; equal ones count once. */
static kin_status fill_judgements(kin_judgements *made, int64_t triples, const triple_t *sorted)
{
    int64_t n = 0, row = 0;
    made->start[0] = 0;
    for (int64_t i = 0; i < triples; i++) {
        const triple_t *t = sorted + i;
        while (row < t->row) made->start[++row] = n;
        if (i > 0 && t[-1].row == t->row && t[-1].document == t->document) {
            int32_t query = made->query[row];
            KIN_REQUIRE(t[-1].grade == t->grade, KIN_DATA,
                        "judgements: query %.*s has document %.*s with grades %d and %d",
                        id_size(&made->query_id, query),
                        made->query_id.bytes + made->query_id.start[query],
                        id_size(&made->document_id, t->document),
                        made->document_id.bytes + made->document_id.start[t->document],
                        t[-1].grade, t->grade);
            continue;
        }
        made->document[n] = t->document;
        made->grade[n++] = t->grade;
    }
    while (row < made->rows) made->start[++row] = n;
    return KIN_OK;
}

kin_status kin_judgements_new(kin_judgements **judgements, int64_t rows, const int32_t *query,
                              kin_texts query_id, kin_texts document_id, int64_t triples,
                              const int32_t *triple)
{
    *judgements = NULL;
    kin_judgements *made = judgements_take(rows, triples);
    triple_t *sorted = malloc(sizeof(triple_t) * (size_t)(triples + 1));
    kin_status status = KIN_OK;
    if (!made || !sorted)
        status = kin_fail(KIN_MEMORY, "judgements: no memory for %lld rows and %lld triples",
                          (long long)rows, (long long)triples);
    if (status == KIN_OK) {
        made->query_id = query_id;
        made->document_id = document_id;
        for (int64_t r = 0; r < rows; r++) made->query[r] = query ? query[r] : (int32_t)r;
        status = check_places(made, triples, triple);
    }
    if (status == KIN_OK) {
        for (int64_t i = 0; i < triples; i++)
            sorted[i] = (triple_t){triple[3 * i], triple[3 * i + 1], triple[3 * i + 2]};
        qsort(sorted, (size_t)triples, sizeof *sorted, compare_triples);
        status = fill_judgements(made, triples, sorted);
    }
    free(sorted);
    if (status == KIN_OK) *judgements = made;
    else kin_judgements_free(made);
    return status;
}

void kin_judgements_free(kin_judgements *judgements)
{
    if (!judgements) return;
    free(judgements->query);
    free(judgements->start);
    free(judgements->document);
    free(judgements->grade);
    free(judgements);
}

/* ---- runs -------------------------------------------------------------------------------------*/

kin_status kin_run_new(kin_run **run, int64_t rows, int64_t depth)
{
    *run = NULL;
    KIN_REQUIRE(rows >= 0 && depth >= 0 && (depth == 0 || rows < INT64_MAX / 16 / depth), KIN_USAGE,
                "run: %lld rows of %lld documents", (long long)rows, (long long)depth);
    kin_run *made = calloc(1, sizeof *made);
    if (made) {
        made->rows = rows;
        made->start = malloc(sizeof(int64_t) * (size_t)(rows + 1));
        made->document = malloc(sizeof(int32_t) * (size_t)(rows * depth + 1));
        made->score = malloc(sizeof(float) * (size_t)(rows * depth + 1));
    }
    if (!made || !made->start || !made->document || !made->score) {
        kin_run_free(made);
        return kin_fail(KIN_MEMORY, "run: no memory for %lld rows of %lld documents",
                        (long long)rows, (long long)depth);
    }
    for (int64_t r = 0; r <= rows; r++) made->start[r] = r * depth;
    *run = made;
    return KIN_OK;
}

void kin_run_free(kin_run *run)
{
    if (!run) return;
    free(run->start);
    free(run->document);
    free(run->score);
    free(run);
}

void kin_run_cut(kin_run *run, int64_t depth, const int64_t *found)
{
    int64_t kept = 0;
    for (int64_t r = 0; r < run->rows; r++) {
        int64_t first = run->start[r], n = run->start[r + 1] - first;
        n = n < depth ? n : depth;
        n = found && found[r] < n ? found[r] : n;
        memmove(run->document + kept, run->document + first, sizeof(int32_t) * (size_t)n);
        memmove(run->score + kept, run->score + first, sizeof(float) * (size_t)n);
        run->start[r] = kept;
        kept += n;
    }
    run->start[run->rows] = kept;
}

/* ---- trec_eval's order ------------------------------------------------------------------------*/

typedef struct {
    const char *id;
    int64_t size;
    float score;
    int32_t document;
} item_t;

static int compare_documents(const void *left, const void *right)
{
    const item_t *a = left, *b = right;
    return (a->document > b->document) - (a->document < b->document);
}

/* trec_eval's order. Ids hold no NUL, so bytes first and then length is strcmp's order. */
static int compare_items(const void *left, const void *right)
{
    const item_t *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    int64_t size = a->size < b->size ? a->size : b->size;
    int order = memcmp(b->id, a->id, (size_t)size);
    return order ? order : (b->size > a->size) - (b->size < a->size);
}

typedef enum { FINE, NO_MEMORY, UNKNOWN, TWICE, NOT_FINITE } fault_t;

typedef struct {
    kin_run *run;
    const kin_texts *ids;
    fault_t *fault;                /* a row's first fault, and the document it is about */
    int32_t *culprit;
} order_t;

static fault_t find_fault(const item_t *item, int64_t n, int32_t *culprit)
{
    for (int64_t i = 0; i < n; i++) {
        *culprit = item[i].document;
        if (!isfinite(item[i].score)) return NOT_FINITE;
        if (i > 0 && item[i - 1].document == item[i].document) return TWICE;
    }
    return FINE;
}

static fault_t collect(const order_t *order, int64_t row, item_t *item, int32_t *culprit)
{
    const kin_run *run = order->run;
    const kin_texts *ids = order->ids;
    int64_t first = run->start[row], n = run->start[row + 1] - first;
    for (int64_t i = 0; i < n; i++) {
        int32_t d = run->document[first + i];
        *culprit = d;
        if (d < 0 || d >= ids->count) return UNKNOWN;
        item[i] = (item_t){ids->bytes + ids->start[d], ids->start[d + 1] - ids->start[d],
                           run->score[first + i], d};
    }
    return FINE;
}

static void order_row(void *context, int64_t row, int thread)
{
    (void)thread;
    order_t *order = context;
    kin_run *run = order->run;
    int64_t first = run->start[row], n = run->start[row + 1] - first;
    item_t *item = malloc(sizeof *item * (size_t)(n + 1));
    fault_t *fault = order->fault + row;
    *fault = item ? collect(order, row, item, order->culprit + row) : NO_MEMORY;
    if (*fault == FINE) {
        qsort(item, (size_t)n, sizeof *item, compare_documents);
        *fault = find_fault(item, n, order->culprit + row);
    }
    if (*fault == FINE) {
        qsort(item, (size_t)n, sizeof *item, compare_items);
        for (int64_t i = 0; i < n; i++) {
            run->document[first + i] = item[i].document;
            run->score[first + i] = item[i].score;
        }
    }
    free(item);
}

static kin_status report_fault(const order_t *order, int64_t row)
{
    int32_t document = order->culprit[row];
    long long at = (long long)row;
    if (order->fault[row] == NO_MEMORY)
        return kin_fail(KIN_MEMORY, "run: no memory to sort a list");
    if (order->fault[row] == UNKNOWN)
        return kin_fail(KIN_DATA, "run: row %lld lists document %d, there are %lld", at, document,
                        (long long)order->ids->count);
    int size = id_size(order->ids, document);
    const char *id = order->ids->bytes + order->ids->start[document];
    if (order->fault[row] == TWICE)
        return kin_fail(KIN_DATA, "run: row %lld lists document %.*s twice", at, size, id);
    return kin_fail(KIN_NUMERICAL, "run: row %lld has a score of document %.*s that is not finite",
                    at, size, id);
}

kin_status kin_run_order(kin_run *run, kin_pool *pool, const kin_texts *document_id)
{
    order_t order = {.run = run, .ids = document_id};
    order.fault = calloc((size_t)run->rows + 1, sizeof *order.fault);
    order.culprit = calloc((size_t)run->rows + 1, sizeof *order.culprit);
    kin_status status = KIN_OK;
    if (order.fault && order.culprit) kin_pool_run(pool, run->rows, order_row, &order);
    else status = kin_fail(KIN_MEMORY, "run: no memory to sort %lld lists", (long long)run->rows);
    for (int64_t r = 0; status == KIN_OK && r < run->rows; r++)
        if (order.fault[r] != FINE) status = report_fault(&order, r);
    free(order.fault);
    free(order.culprit);
    return status;
}
