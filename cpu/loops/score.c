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

static bool looks_first(const kin_scores *t) { return loss.looks_first && t->looks_first; }
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
    const line l = line_at(t, i, 0, (int32_t)t->columns, keyed);
    row r = open(t->top);
    if (looks(t)) r = look_row(l, r, k->h, keyed);
    return add_row(l, r, k->h, keyed, loss.keeps);
}

INLINE void push_row(const job *k, int64_t i, row r, int keyed, int stored)
{
    const kin_scores *t = k->t;
    const line l = line_at(t, i, 0, (int32_t)t->columns, keyed);
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
    else if (loss.fast && !keyed_cells(k->t))
        for (int64_t i = from; i < to; i++) do_row(k, i, BY_MATCH);
    else if (loss.fast && k->t->distinct)
        for (int64_t i = from; i < to; i++) do_row(k, i, BY_CLASS);
    else
        for (int64_t i = from; i < to; i++) do_row(k, i, BY_KEY);
}

/* Rows of about 8192 scores in all. */
static void run_rows(kin_backend *backend, job *k, kin_task task)
{
    const kin_scores *t = k->t;
    const int64_t rows = t->rows > 0 ? t->rows : 1;
    const int64_t cells = t->start ? t->start[t->rows] / rows + 1 : t->columns;
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

static void unite(kin_backend *backend, const kin_scores *t, const kin_groups *groups)
{
    (void)backend;
    const kin_score_side *s = &t->side[0];
    const job k = job_of(t);
    for (int64_t n = 0; n < groups->start[groups->levels]; n++) {
        const row to = get(s->stats, s->count, groups->to[n]);
        const row from = get(s->stats, s->count, groups->from[n]);
        put(s->stats, s->count, groups->to[n], merge(to, from, k.h));
    }
    for (int64_t i = 0; i < s->count; i++) {
        const int32_t leader = groups->leader[i];
        s->value[i] = s->counted[i] = 0;
        row r = get(s->stats, s->count, leader);
        if (leader == i) r = finish(t, 0, i, r, k.h);
        put(s->stats, s->count, i, r);
    }
}

#include "cpu/loops/both.h"

/* ---- judging ------------------------------------------------------------------------------- */

INLINE real best_row(line l, int keyed)
{
    real positive = -BIG, negative = -BIG;
    EACH_CELL(l, keyed, {
        const cell c = at(l, j, how);
        positive = max(positive, pick(c.pos, c.s, -BIG));
        negative = max(negative, pick(c.neg, c.s, -BIG));
    });
    return positive > negative;
}

INLINE real pull_row(line l, int keyed)
{
    real sum = 0;
    EACH_CELL(l, keyed, sum += pick(at(l, j, how).pos, l.score[j], 0););
    return sum;
}

INLINE void judge_row(const job *k, int64_t i, int keyed)
{
    const kin_scores *t = k->t;
    const line l = line_at(t, i, 0, (int32_t)t->columns, keyed);
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
        else if (loss.fast && !keyed_cells(k->t)) judge_row(k, i, BY_MATCH);
        else judge_row(k, i, BY_KEY);
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
