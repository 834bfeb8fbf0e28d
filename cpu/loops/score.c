/* The loops over scores, compiled once for each loss (KIN_LOSS_ID) and instruction set, with
 * -ffinite-math-only: NaN must be looked for elsewhere. Work is cut by the problem alone and sums
 * are merged in a fixed order, so that numbers do not depend on the number of threads. */
#include <string.h>
#include "core/score.h"
#include "cpu/loops/variant.h"

#define KIN_LOSS(name_, ...) static const kin_loss loss = { .entry.name = #name_, __VA_ARGS__ };
#include KIN_TEXT(losses/KIN_LOSS_ID.c)
#include "cpu/loops/cells.h"

/* BLOCK columns at a time keep their statistics in the first-level cache. */
enum { BLOCK = 256, CHUNK = 256 };

/* ---- tasks --------------------------------------------------------------------------------- */

typedef struct {
    const kin_scores *t;
    hyper h;
    bool slopes;               /* rows */
    enum { AT_ONCE, READ_ONLY, PUSH_ONLY } parts;
    int side;                  /* close */
    int64_t rows_per_task;
    bool pulls;
    real *hit;                 /* best, pull */
} job;

static job job_of(const kin_scores *t)
{
    job k = { .t = t };
    memcpy(&k.h, t->hypers, sizeof k.h);
    return k;
}

static bool looks(const kin_scores *t)
{
    return loss.looks == KIN_ALWAYS || (loss.looks == KIN_IF_UNBOUNDED && !t->bounded);
}

static bool one_term(const kin_scores *t) { return !looks(t); }
static bool keyed_cells(const kin_scores *t) { return t->side[0].label != NULL; }

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* The row's value, unless it lacks what the loss needs. */
INLINE row finish(const kin_scores *t, int side, int64_t i, row r, hyper h)
{
    const kin_score_side *s = &t->side[side];
    const count n = { s->positives[i], s->negatives[i], (real)s->count, t->paired };
    const bool valid = s->weight[i] > 0;
    const real value = valid ? close(&r, n, h) : 0;
    const bool in = valid && (t->reduce != KIN_MEAN_NONZERO || value > 0);
    s->value[i] = s->weight[i] * value;
    s->counted[i] = in ? s->weight[i] : 0;
    return r;
}

/* One direction: a task has a few rows to itself. */
INLINE row read_row(const job *k, int64_t i, int keyed)
{
    const kin_scores *t = k->t;
    const line l = line_at(t, i, 0, (int32_t)t->side[1].count, keyed);
    row r = open(t->top);
    if (looks(t)) r = look_row(l, r, k->h, keyed);
    return add_row(l, r, k->h, keyed, loss.keeps);
}

INLINE void push_row(const job *k, int64_t i, row r, int keyed, int stored)
{
    const kin_scores *t = k->t;
    const line l = line_at(t, i, 0, (int32_t)t->side[1].count, keyed);
    const real scale = t->scale[0] * t->side[0].weight[t->row + i];
    slope_row(l, r, scale, k->h, keyed, stored);
}

INLINE void do_row(const job *k, int64_t i, int keyed)
{
    const kin_scores *t = k->t;
    const kin_score_side *side = &t->side[0];
    const int64_t at = t->row + i;
    if (k->parts == PUSH_ONLY) {
        push_row(k, i, get(side->stats, side->count, at), keyed, 0);
        return;
    }
    row r = read_row(k, i, keyed);
    if (k->parts == READ_ONLY) {
        put(side->stats, side->count, at, r);
        return;
    }
    r = finish(t, 0, at, r, k->h);
    if (k->slopes) push_row(k, i, r, keyed, loss.keeps);
}

static void rows_task(void *context, int64_t task, int thread)
{
    (void)thread;
    const job *k = context;
    const int64_t from = task * k->rows_per_task, to = least(from + k->rows_per_task, k->t->rows);
    if (k->t->kind)
        for (int64_t i = from; i < to; i++) do_row(k, i, BY_KIND);
    else if (keyed_cells(k->t))
        for (int64_t i = from; i < to; i++) do_row(k, i, BY_KEY);
    else
        for (int64_t i = from; i < to; i++) do_row(k, i, BY_MATCH);
}

/* Rows of about 8192 scores in all. */
static void run_rows(kin_backend *backend, job *k, kin_task task)
{
    const kin_scores *t = k->t;
    const int64_t rows = t->rows > 0 ? t->rows : 1;
    const int64_t cells = t->start ? t->start[t->rows] / rows + 1 : t->side[1].count;
    k->rows_per_task = cells < 8192 ? 8192 / cells : 1;
    kin_pool_run(backend->pool, (t->rows + k->rows_per_task - 1) / k->rows_per_task, task, k);
}

static void rows(kin_backend *backend, const kin_scores *t, bool slopes)
{
    job k = job_of(t);
    k.slopes = slopes;
    run_rows(backend, &k, rows_task);
}

static void read_all(kin_backend *backend, const kin_scores *t)
{
    job k = job_of(t);
    k.parts = READ_ONLY;
    run_rows(backend, &k, rows_task);
}

static void push_all(kin_backend *backend, const kin_scores *t)
{
    job k = job_of(t);
    k.parts = PUSH_ONLY;
    run_rows(backend, &k, rows_task);
}

static void unite(kin_backend *backend, const kin_scores *t, const int32_t *leader)
{
    (void)backend;
    const kin_score_side *s = &t->side[0];
    const job k = job_of(t);
    for (int64_t i = 0; i < s->count; i++) {
        if (leader[i] == i) continue;
        const row to = get(s->stats, s->count, leader[i]), from = get(s->stats, s->count, i);
        put(s->stats, s->count, leader[i], merge(to, from, k.h));
    }
    for (int64_t i = 0; i < s->count; i++) {
        s->value[i] = s->counted[i] = 0;
        row r = get(s->stats, s->count, leader[i]);
        if (leader[i] == i) r = finish(t, 0, i, r, k.h);
        put(s->stats, s->count, i, r);
    }
}

/* Both directions: a task has a block of columns to itself, whose statistics it carries through the
 * tile's rows in order; of each row it forms a part, and the parts are merged in order. */
static int64_t blocks_of(int64_t columns) { return (columns + BLOCK - 1) / BLOCK; }

static real *parts_of(const kin_scores *t, int64_t block)
{
    return (real *)t->work + block * FIELDS * t->rows;
}

static size_t work(kin_backend *backend, int64_t rows_, int64_t columns)
{
    (void)backend;
    return sizeof(real) * FIELDS * (size_t)rows_ * (size_t)blocks_of(columns);
}

static void merge_task(void *context, int64_t task, int thread)
{
    (void)thread;
    const job *k = context;
    const kin_scores *t = k->t;
    const int64_t blocks = blocks_of(t->side[1].count);
    for (int64_t i = task * CHUNK; i < least((task + 1) * CHUNK, t->rows); i++) {
        row r = get(parts_of(t, 0), t->rows, i);
        for (int64_t b = 1; b < blocks; b++) r = merge(r, get(parts_of(t, b), t->rows, i), k->h);
        put(t->side[0].stats, t->side[0].count, t->row + i, r);
    }
}

static void run_blocks(kin_backend *backend, const kin_scores *t, kin_task task, bool merges)
{
    job k = job_of(t);
    kin_pool_run(backend->pool, blocks_of(t->side[1].count), task, &k);
    if (merges) kin_pool_run(backend->pool, (t->rows + CHUNK - 1) / CHUNK, merge_task, &k);
}

INLINE void look_block(const job *k, int64_t block, real *stats, int64_t stride, int keyed)
{
    const kin_scores *t = k->t;
    const hyper h = k->h;
    const int64_t column = block * BLOCK;
    const int32_t n = (int32_t)least(BLOCK, t->side[1].count - column);
    for (int64_t i = 0; i < t->rows; i++) {
        const line l = line_at(t, i, column, n, keyed);
        put(parts_of(t, block), t->rows, i, look_both(l, open(t->top), stats, stride, h, keyed));
    }
}

static void look_task(void *context, int64_t block, int thread)
{
    (void)thread;
    const job *k = context;
    const kin_score_side *columns = &k->t->side[1];
    real *stats = columns->stats + block * BLOCK;
    if (keyed_cells(k->t))
        look_block(k, block, stats, columns->count, 1);
    else
        look_block(k, block, stats, columns->count, 0);
}

/* Parts begin empty, or with what the first pass over all cells or over this part has seen. */
INLINE void add_block(const job *k, int64_t block, real *stats, int64_t stride, bool looked,
                      int keyed, int one, int stored)
{
    const kin_scores *t = k->t;
    const hyper h = k->h;
    const int64_t column = block * BLOCK;
    const int32_t n = (int32_t)least(BLOCK, t->side[1].count - column);
    real *parts = parts_of(t, block);
    for (int64_t i = 0; i < t->rows; i++) {
        const line l = line_at(t, i, column, n, keyed);
        row r = open(t->top);
        if (loss.looks_first) r = get(t->side[0].stats, t->side[0].count, t->row + i);
        else if (looked) r = get(parts, t->rows, i);
        put(parts, t->rows, i, add_both(l, r, stats, stride, h, keyed, one, stored));
    }
}

INLINE void add_keyed(const job *k, int64_t block, real *stats, int64_t stride, bool looked,
                      int keyed)
{
    if (!one_term(k->t))
        add_block(k, block, stats, stride, looked, keyed, 0, 0);
    else if (loss.keeps && k->t->kept)
        add_block(k, block, stats, stride, looked, keyed, 1, 1);
    else
        add_block(k, block, stats, stride, looked, keyed, 1, 0);
}

static void add_to(const job *k, int64_t block, real *stats, int64_t stride, bool looked)
{
    if (keyed_cells(k->t))
        add_keyed(k, block, stats, stride, looked, 1);
    else
        add_keyed(k, block, stats, stride, looked, 0);
}

/* A loss that looks as it goes needs fresh statistics for what it has looked at. */
static void add_task(void *context, int64_t block, int thread)
{
    (void)thread;
    const job *k = context;
    const kin_score_side *columns = &k->t->side[1];
    real *stats = columns->stats + block * BLOCK;
    if (!looks(k->t) || loss.looks_first) {
        add_to(k, block, stats, columns->count, false);
        return;
    }
    real fresh[FIELDS * BLOCK];
    for (int64_t j = 0; j < BLOCK; j++) put(fresh, BLOCK, j, open(k->t->top));
    if (keyed_cells(k->t))
        look_block(k, block, fresh, BLOCK, 1);
    else
        look_block(k, block, fresh, BLOCK, 0);
    add_to(k, block, fresh, BLOCK, true);
    const int64_t n = least(BLOCK, columns->count - block * BLOCK);
    for (int64_t j = 0; j < n; j++) {
        const row r = merge(get(stats, columns->count, j), get(fresh, BLOCK, j), k->h);
        put(stats, columns->count, j, r);
    }
}

INLINE void slope_block(const job *k, int64_t block, int keyed, int one, int stored)
{
    const kin_scores *t = k->t;
    const kin_score_side *side = t->side;
    const int64_t column = block * BLOCK;
    const int32_t n = (int32_t)least(BLOCK, side[1].count - column);
    for (int64_t i = 0; i < t->rows; i++) {
        const line l = line_at(t, i, column, n, keyed);
        const row r = get(side[0].stats, side[0].count, t->row + i);
        slope_both(l, r, t->scale[0] * side[0].weight[t->row + i], side[1].stats + column,
                   side[1].count, side[1].weight + column, t->scale[1], k->h, keyed, one, stored);
    }
}

INLINE void slope_keyed(const job *k, int64_t block, int keyed)
{
    if (!one_term(k->t))
        slope_block(k, block, keyed, 0, 0);
    else if (loss.keeps && k->t->kept)
        slope_block(k, block, keyed, 1, 1);
    else
        slope_block(k, block, keyed, 1, 0);
}

static void slope_task(void *context, int64_t block, int thread)
{
    (void)thread;
    const job *k = context;
    if (keyed_cells(k->t))
        slope_keyed(k, block, 1);
    else
        slope_keyed(k, block, 0);
}

static void look_all(kin_backend *backend, const kin_scores *t)
{
    run_blocks(backend, t, look_task, true);
}

static void add_all(kin_backend *backend, const kin_scores *t)
{
    run_blocks(backend, t, add_task, true);
}

static void slope_all(kin_backend *backend, const kin_scores *t)
{
    run_blocks(backend, t, slope_task, false);
}

static void open_all(kin_backend *backend, const kin_scores *t, int side)
{
    (void)backend;
    const kin_score_side *s = &t->side[side];
    for (int64_t i = 0; i < s->count; i++) put(s->stats, s->count, i, open(t->top));
}

static void close_task(void *context, int64_t task, int thread)
{
    (void)thread;
    const job *k = context;
    const kin_score_side *side = &k->t->side[k->side];
    for (int64_t i = task * CHUNK; i < least((task + 1) * CHUNK, side->count); i++)
        put(side->stats, side->count, i, finish(k->t, k->side, i, get(side->stats, side->count, i), k->h));
}

static void close_all(kin_backend *backend, const kin_scores *t, int side)
{
    job k = job_of(t);
    k.side = side;
    kin_pool_run(backend->pool, (t->side[side].count + CHUNK - 1) / CHUNK, close_task, &k);
}

INLINE real best_row(line l, int keyed)
{
    real positive = -BIG, negative = -BIG;
    EACH_COLUMN(j, l.n) {
        const cell c = at(l, j, keyed);
        positive = max(positive, pick(c.pos, c.s, -BIG));
        negative = max(negative, pick(c.neg, c.s, -BIG));
    }
    return positive > negative;
}

INLINE real pull_row(line l, int keyed)
{
    real sum = 0;
    EACH_COLUMN(j, l.n) sum += pick(at(l, j, keyed).pos, l.score[j], 0);
    return sum;
}

INLINE void judge_row(const job *k, int64_t i, int keyed)
{
    const kin_scores *t = k->t;
    const line l = line_at(t, i, 0, (int32_t)t->side[1].count, keyed);
    const int64_t row_ = t->row + i;
    if (k->pulls) k->hit[row_] = pull_row(l, keyed);
    else k->hit[row_] = t->side[0].weight[row_] > 0 ? best_row(l, keyed) : 0;
}

static void judge_task(void *context, int64_t task, int thread)
{
    (void)thread;
    const job *k = context;
    const int64_t from = task * k->rows_per_task, to = least(from + k->rows_per_task, k->t->rows);
    for (int64_t i = from; i < to; i++) {
        if (k->t->kind) judge_row(k, i, BY_KIND);
        else if (keyed_cells(k->t)) judge_row(k, i, BY_KEY);
        else judge_row(k, i, BY_MATCH);
    }
}

static void best(kin_backend *backend, const kin_scores *t, real *hit)
{
    job k = job_of(t);
    k.hit = hit;
    run_rows(backend, &k, judge_task);
}

static void pull(kin_backend *backend, const kin_scores *t, real *sum)
{
    job k = job_of(t);
    k.hit = sum, k.pulls = true;
    run_rows(backend, &k, judge_task);
}

extern const kin_score_kernels KIN_VARIANT(KIN_PASTE(kin_score, KIN_LOSS_ID));
const kin_score_kernels KIN_VARIANT(KIN_PASTE(kin_score, KIN_LOSS_ID)) = {
    .variant = KIN_TEXT(KIN_ISA_NAME),
    .fields = FIELDS,
    .hypers = sizeof(hyper) / sizeof(real),
    .work = work,
    .rows = rows,
    .read = read_all,
    .unite = unite,
    .push = push_all,
    .open = open_all,
    .look = look_all,
    .add = add_all,
    .close = close_all,
    .slope = slope_all,
    .pull = pull,
    .best = best,
};
