/* Bags of table rows: forward gathers them, backward sorts the (token, bag) pairs by token, so that
 * each row's gradient is summed in one place, in the order of the bags, and either written once or
 * used at once, while it is in the cache, to move the row. */
#include <string.h>
#include "cpu/internal.h"

enum { BAGS = 16, AT_ONCE = 64, PAIRS = 512, DIGIT = 11, STRIP = 512 };

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
        j->loops->gather(now, ids + at, weight, j->cols, j->cols, j->table, y,
                         more ? ids + at + 4 : NULL);
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

/* ---- backward: which rows, and where their tokens are ---------------------------------------- */

typedef struct {
    int32_t id, bag;
} pair;

/* The work space of a kin_sparse begins with this. */
typedef struct {
    pair *pairs;                   /* sorted by id, then by place */
    pair *other;                   /* as many, for sorting */
    int64_t *begin;                /* first pair of each distinct row, and the end */
    int64_t *first_row;            /* the first distinct row that begins in each PAIRS pairs */
    double *squares;               /* of each PAIRS pairs */
} places;

static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

size_t kin_cpu_bag_work(kin_backend *backend, int64_t tokens, int64_t table_rows)
{
    (void)backend, (void)table_rows;
    const size_t t = (size_t)tokens, tasks = t / PAIRS + 2;
    return rounded(sizeof(places)) + 2 * rounded(t * sizeof(pair))
           + rounded((t + 1) * sizeof(int64_t)) + rounded(tasks * sizeof(int64_t))
           + rounded(tasks * sizeof(double));
}

static places *lay_out(void *work, int64_t tokens)
{
    const size_t t = (size_t)tokens, tasks = t / PAIRS + 2;
    places *p = work;
    char *at = (char *)work + rounded(sizeof *p);
    p->pairs = (pair *)at;
    p->other = (pair *)(at += rounded(t * sizeof(pair)));
    p->begin = (int64_t *)(at += rounded(t * sizeof(pair)));
    p->first_row = (int64_t *)(at += rounded((t + 1) * sizeof(int64_t)));
    p->squares = (double *)(at + rounded(tasks * sizeof(int64_t)));
    return p;
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

static void sort_pairs(int64_t n, int64_t table_rows, places *p)
{
    int bits = 1;
    while (bits < 31 && (int64_t)1 << bits < table_rows) bits++;
    const int passes = (bits + DIGIT - 1) / DIGIT, digit = (bits + passes - 1) / passes;
    for (int pass = 0; pass < passes; pass++) {
        sort_digit(n, pass * digit, digit, p->pairs, p->other);
        pair *sorted = p->other;
        p->other = p->pairs;
        p->pairs = sorted;
    }
}

/* Finds where each distinct row begins, and deals the rows to tasks by the pairs they have. */
static void list_rows(const places *p, kin_sparse *g)
{
    const int64_t n = g->bags.tokens, tasks = parts(n, PAIRS);
    int64_t rows = 0, task = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i > 0 && p->pairs[i].id == p->pairs[i - 1].id) continue;
        while (task * PAIRS <= i) p->first_row[task++] = rows;
        g->id[rows] = p->pairs[i].id;
        p->begin[rows++] = i;
    }
    p->begin[rows] = n;
    g->count = rows;
    while (task <= tasks) p->first_row[task++] = rows;
}

void kin_cpu_bag_rows(kin_backend *backend, int64_t table_rows, kin_sparse *g)
{
    (void)backend;
    places *p = lay_out(g->work, g->bags.tokens);
    list_pairs(&g->bags, p->pairs);
    sort_pairs(g->bags.tokens, at_least(table_rows, 2), p);
    list_rows(p, g);
}

/* ---- backward: sums, to be kept or to move the row at once ----------------------------------- */

typedef struct {
    const kin_loops *loops;
    const kin_sparse *g;
    const places *places;
    int64_t cols;
    const real *table;                     /* bag_sum */
    real *dweight;
    const kin_adam *adam;                  /* bag_adam */
    real *p, *m, *v;
} backward_job;

/* Columns from .. from+cols-1 of a row's value, without its weight. */
static void sum_row(const backward_job *j, int64_t row, int64_t from, int64_t cols, real *value)
{
    const int64_t begin = j->places->begin[row], end = j->places->begin[row + 1];
    const int64_t *start = j->g->bags.start;
    real share[AT_ONCE];
    int32_t bag[AT_ONCE];
    memset(value, 0, (size_t)cols * sizeof *value);
    for (int64_t at = begin; at < end; at += AT_ONCE) {
        const int64_t now = at_most(AT_ONCE, end - at);
        for (int64_t i = 0; i < now; i++) {
            bag[i] = j->places->pairs[at + i].bag;
            share[i] = 1 / (real)(start[bag[i] + 1] - start[bag[i]]);
        }
        j->loops->gather(now, bag, share, cols, j->cols, j->g->dy + from, value, NULL);
    }
}

static void keep_row(const backward_job *j, int64_t row)
{
    const int64_t cols = j->cols, id = j->g->id[row];
    real *value = j->g->value + row * cols;
    sum_row(j, row, 0, cols, value);
    if (j->dweight) j->dweight[id] += (real)j->loops->dot(cols, value, j->table + id * cols);
    if (j->g->weight) j->loops->scale(cols, j->g->weight[id], value);
}

static void keep_rows(void *context, int64_t task, int thread)
{
    const backward_job *j = context;
    const int64_t end = j->places->first_row[task + 1];
    (void)thread;
    for (int64_t row = j->places->first_row[task]; row < end; row++) keep_row(j, row);
}

void kin_cpu_bag_sum(kin_backend *backend, int64_t cols, const real *table, kin_sparse *g,
                     real *dweight)
{
    backward_job j = { .loops = cpu_of(backend)->loops, .g = g, .places = g->work, .cols = cols,
                       .table = table, .dweight = dweight };
    kin_pool_run(backend->pool, parts(g->bags.tokens, PAIRS), keep_rows, &j);
}

/* Strip by strip, so that a strip's sum stays in the first-level cache. */
static double move_row(const backward_job *j, int64_t row)
{
    const int64_t id = j->g->id[row];
    real value[STRIP];
    double squares = 0;
    for (int64_t from = 0; from < j->cols; from += STRIP) {
        const int64_t now = at_most(STRIP, j->cols - from), at = id * j->cols + from;
        sum_row(j, row, from, now, value);
        if (j->g->weight) j->loops->scale(now, j->g->weight[id], value);
        squares += j->loops->sum_squares(now, value);
        j->loops->adam(now, j->adam, value, j->p + at, j->m ? j->m + at : NULL, j->v + at);
    }
    return squares;
}

static void move_rows(void *context, int64_t task, int thread)
{
    const backward_job *j = context;
    const int64_t end = j->places->first_row[task + 1];
    double squares = 0;
    (void)thread;
    for (int64_t row = j->places->first_row[task]; row < end; row++) {
        if (row + 1 < j->g->count)
            kin_cpu_fetch(j->g->id[row + 1] * j->cols, j->cols, j->p, j->m, j->v);
        squares += move_row(j, row);
    }
    j->places->squares[task] = squares;
}

void kin_cpu_bag_adam(kin_backend *backend, const kin_sparse *g, int64_t cols, const kin_adam *a,
                      real *p, real *m, real *v, double *squares)
{
    backward_job j = { .loops = cpu_of(backend)->loops, .g = g, .places = g->work, .cols = cols,
                       .adam = a, .p = p, .m = m, .v = v };
    const int64_t tasks = parts(g->bags.tokens, PAIRS);
    kin_pool_run(backend->pool, tasks, move_rows, &j);
    *squares = 0;
    for (int64_t task = 0; task < tasks; task++) *squares += j.places->squares[task];
}
