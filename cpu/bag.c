/* Bags of table rows: forward gathers them, backward sorts the (token, bag) pairs by token, so that
 * each row's gradient is summed in one place, in the order of the bags, and written once. */
#include <string.h>
#include "cpu/internal.h"

enum { BAGS = 16, AT_ONCE = 64, PAIRS = 512, DIGIT = 11 };

static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }
static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- forward -------------------------------------------------------------------------------- */

typedef struct {
    const kin_loops *loops;
    const kin_bags *bags;
    int64_t cols;
    const real *table, *weight;
    real *y;
} forward_job;

static void one_bag(const forward_job *j, int64_t bag)
{
    const int64_t begin = j->bags->start[bag], end = j->bags->start[bag + 1];
    const int32_t *ids = j->bags->ids;
    real *y = j->y + bag * j->cols, weight[AT_ONCE];
    memset(y, 0, (size_t)j->cols * sizeof *y);
    for (int64_t at = begin; at < end; at += AT_ONCE) {
        const int64_t now = at_most(AT_ONCE, end - at);
        for (int64_t i = 0; i < now; i++) weight[i] = j->weight ? j->weight[ids[at + i]] : 1;
        /* four rows ahead is far enough, and the ids of the next bag follow these */
        const bool more = at + now + 4 <= j->bags->tokens;
        j->loops->gather(now, ids + at, weight, j->cols, j->table, y, more ? ids + at + 4 : NULL);
    }
    if (end - begin > 1) j->loops->scale(j->cols, 1 / (real)(end - begin), y);
}

static void some_bags(void *context, int64_t task, int thread)
{
    const forward_job *j = context;
    const int64_t end = at_most((task + 1) * BAGS, j->bags->rows);
    (void)thread;
    for (int64_t bag = task * BAGS; bag < end; bag++) one_bag(j, bag);
}

void kin_cpu_bag(kin_backend *backend, const kin_bags *bags, int64_t cols, const real *table,
                 const real *weight, real *y)
{
    forward_job j = { cpu_of(backend)->loops, bags, cols, table, weight, y };
    kin_pool_run(backend->pool, parts(bags->rows, BAGS), some_bags, &j);
}

/* ---- backward ------------------------------------------------------------------------------- */

typedef struct {
    int32_t id, bag;
} pair;

typedef struct {
    const kin_loops *loops;
    const kin_bags *bags;
    int64_t cols;
    const real *table, *weight, *dy;
    const pair *pairs;             /* sorted by id, then by place */
    int64_t *begin;                /* first pair of each distinct row, and the end */
    int64_t *first_row;            /* the first distinct row that begins in each PAIRS pairs */
    kin_sparse *out;
    real *dweight;
} backward_job;

static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

size_t kin_cpu_bag_work(kin_backend *backend, int64_t tokens, int64_t table_rows, int64_t cols)
{
    (void)backend, (void)table_rows, (void)cols;
    const size_t t = (size_t)tokens;
    return 2 * rounded(t * sizeof(pair)) + rounded((t + 1) * sizeof(int64_t))
           + rounded((t / PAIRS + 2) * sizeof(int64_t));
}

static void list_pairs(const kin_bags *bags, pair *to)
{
    for (int64_t bag = 0; bag < bags->rows; bag++) {
        for (int64_t i = bags->start[bag]; i < bags->start[bag + 1]; i++) {
            to[i] = (pair){ bags->ids[i], (int32_t)bag };
        }
    }
}

/* One stable counting pass over `bits` bits of the id. */
static void sort_digit(int64_t n, int shift, int bits, const pair *from, pair *to)
{
    int64_t place[1 << DIGIT] = { 0 }, sum = 0;
    const uint32_t mask = (1u << bits) - 1;
    for (int64_t i = 0; i < n; i++) place[(uint32_t)from[i].id >> shift & mask]++;
    for (uint32_t d = 0; d <= mask; d++) {
        const int64_t count = place[d];
        place[d] = sum;
        sum += count;
    }
    for (int64_t i = 0; i < n; i++) to[place[(uint32_t)from[i].id >> shift & mask]++] = from[i];
}

/* Returns whichever of the two arrays holds the sorted pairs. */
static pair *sort_pairs(int64_t n, int64_t table_rows, pair *pairs, pair *other)
{
    int bits = 1;
    while (bits < 31 && (int64_t)1 << bits < table_rows) bits++;
    const int passes = (bits + DIGIT - 1) / DIGIT, digit = (bits + passes - 1) / passes;
    for (int pass = 0; pass < passes; pass++) {
        sort_digit(n, pass * digit, digit, pairs, other);
        pair *sorted = other;
        other = pairs;
        pairs = sorted;
    }
    return pairs;
}

/* Finds where each distinct row begins, and deals the rows to tasks by the pairs they have. */
static void list_rows(backward_job *j)
{
    const int64_t n = j->bags->tokens, tasks = parts(n, PAIRS);
    int64_t rows = 0, task = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i > 0 && j->pairs[i].id == j->pairs[i - 1].id) continue;
        while (task * PAIRS <= i) j->first_row[task++] = rows;
        j->out->id[rows] = j->pairs[i].id;
        j->begin[rows++] = i;
    }
    j->begin[rows] = n;
    j->out->count = rows;
    while (task <= tasks) j->first_row[task++] = rows;
}

static void one_row(const backward_job *j, int64_t row)
{
    const int64_t begin = j->begin[row], end = j->begin[row + 1], cols = j->cols;
    const int32_t id = j->out->id[row];
    const int64_t *start = j->bags->start;
    real *value = j->out->value + row * cols, weight[AT_ONCE];
    int32_t bag[AT_ONCE];
    memset(value, 0, (size_t)cols * sizeof *value);
    for (int64_t at = begin; at < end; at += AT_ONCE) {
        const int64_t now = at_most(AT_ONCE, end - at);
        for (int64_t i = 0; i < now; i++) {
            bag[i] = j->pairs[at + i].bag;
            weight[i] = 1 / (real)(start[bag[i] + 1] - start[bag[i]]);
        }
        j->loops->gather(now, bag, weight, cols, j->dy, value, NULL);
    }
    if (j->dweight) j->dweight[id] += (real)j->loops->dot(cols, value, j->table + id * cols);
    if (j->weight) j->loops->scale(cols, j->weight[id], value);
}

static void some_rows(void *context, int64_t task, int thread)
{
    const backward_job *j = context;
    (void)thread;
    for (int64_t row = j->first_row[task]; row < j->first_row[task + 1]; row++) one_row(j, row);
}

void kin_cpu_bag_back(kin_backend *backend, const kin_bags *bags, int64_t table_rows, int64_t cols,
                      const real *table, const real *weight, const real *dy, void *work,
                      kin_sparse *out, real *dweight)
{
    const size_t t = (size_t)bags->tokens;
    char *at = work;
    pair *pairs = (pair *)at, *other = (pair *)(at += rounded(t * sizeof(pair)));
    int64_t *begin = (int64_t *)(at += rounded(t * sizeof(pair)));
    int64_t *first_row = (int64_t *)(at + rounded((t + 1) * sizeof(int64_t)));
    list_pairs(bags, pairs);
    backward_job j = {
        .loops = cpu_of(backend)->loops, .bags = bags, .cols = cols, .table = table,
        .weight = weight, .dy = dy, .begin = begin, .first_row = first_row, .out = out,
        .pairs = sort_pairs(bags->tokens, at_least(table_rows, 2), pairs, other),
        .dweight = dweight,
    };
    list_rows(&j);
    kin_pool_run(backend->pool, parts(bags->tokens, PAIRS), some_rows, &j);
}
