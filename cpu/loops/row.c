/* The loops over scores for a loss that sees whole rows (core/cell.h), compiled once for each such
 * loss (KIN_LOSS_ID) and instruction set. */
#include <string.h>
#include "core/score.h"
#include "cpu/loops/variant.h"

#define KIN_LOSS(name_, ...) static const kin_loss loss = { .entry.name = #name_, __VA_ARGS__ };
#include KIN_TEXT(losses/KIN_LOSS_ID.c)

typedef struct {
    const kin_scores *t;
    hyper h;
    bool slopes;
    int64_t longest;           /* row */
    real *hit;                 /* best, pull */
} job;

static job job_of(const kin_scores *t)
{
    job k = { .t = t, .longest = t->start ? t->longest : t->columns };
    memcpy(&k.h, t->hypers, sizeof k.h);
    return k;
}

/* For each thread the loss's own room and the kinds of a row. */
static size_t bytes_of(int64_t longest)
{
    return ((size_t)longest * (KIN_ROW_WORK * sizeof(real) + 1) + 63) / 64 * 64;
}

static size_t work(kin_backend *backend, int64_t rows_, int64_t columns)
{
    (void)rows_;
    return bytes_of(columns) * (size_t)kin_pool_threads(backend->pool);
}

/* What the cells of row i are, by their keys; without these by the column's number. */
static void tell_kinds(const kin_scores *t, int64_t i, signed char *restrict kind)
{
    const kin_score_side *rows = &t->side[0], *columns = &t->side[1];
    const int64_t at = t->row + i;
    const int32_t n = (int32_t)columns->count, own = rows->match[at];
    const int32_t *match = columns->match, *label = columns->label, *text = columns->text;
    if (!label) {
        memset(kind, -1, (size_t)n);
        if (own >= 0 && own < n) kind[own] = 1;
    } else if (t->distinct) {
        EACH(j, n) kind[j] = (signed char)(match[j] == own ? 1 : -1);
    } else {
        const int32_t l = rows->label[at], x = rows->text[at];
        EACH(j, n)
            kind[j] = (signed char)(match[j] == own ? 1
                                    : ((label[j] != l) & (text[j] != x)) ? -1 : 0);
    }
    if (t->self) kind[at] = 0;
}

/* Row i with its kinds; room: bytes_of the longest row. */
static span span_of(const job *k, int64_t i, char *room)
{
    const kin_scores *t = k->t;
    const int64_t columns = t->columns, first = t->start ? t->start[i] : i * columns;
    span c = { .n = (int32_t)(t->start ? t->start[i + 1] - first : columns),
                .s = t->score + (t->start ? first : i * t->stride),
                .y = t->target ? t->target + first : NULL, .work = (real *)room };
    if (t->kind) {
        c.kind = t->kind + first;
    } else {
        signed char *kind = (signed char *)(c.work + KIN_ROW_WORK * k->longest);
        tell_kinds(t, i, kind);
        c.kind = kind;
    }
    return c;
}

static void do_row(const job *k, int64_t i, char *room)
{
    const kin_scores *t = k->t;
    const kin_score_side *side = &t->side[0];
    const int64_t at = t->row + i;
    const real weight = side->weight[at];
    const count n = { side->positives[at], side->negatives[at], (real)side->count, t->paired };
    real elements = 1, above = -1;
    span c = span_of(k, i, room);
    c.elements = &elements, c.above = &above;
    const real value = weight > 0 ? whole(c, n, k->h) : 0;
    if (above < 0) above = value > 0;
    side->value[at] = weight * value;
    side->counted[at] = weight * (t->reduce == KIN_MEAN_NONZERO ? above : elements);
    if (!k->slopes) return;
    const real scale = t->scale[0] * weight;
    if (scale == 1) return;
    for (int32_t j = 0; j < c.n; j++) c.s[j] = weight > 0 ? scale * c.s[j] : 0;
}

static void rows_task(void *context, int64_t i, int thread)
{
    const job *k = context;
    do_row(k, i, (char *)k->t->work + bytes_of(k->longest) * (size_t)thread);
}

static void rows(kin_backend *backend, const kin_scores *t, bool slopes)
{
    job k = job_of(t);
    k.slopes = slopes;
    kin_pool_run(backend->pool, t->rows, rows_task, &k);
}

static void best_task(void *context, int64_t i, int thread)
{
    const job *k = context;
    const kin_scores *t = k->t;
    const span c = span_of(k, i, (char *)t->work + bytes_of(k->longest) * (size_t)thread);
    real positive = -BIG, negative = -BIG;
    for (int32_t j = 0; j < c.n; j++) {
        if (c.kind[j] > 0) positive = max(positive, c.s[j]);
        if (c.kind[j] < 0) negative = max(negative, c.s[j]);
    }
    k->hit[t->row + i] = t->side[0].weight[t->row + i] > 0 && positive > negative;
}

static void best(kin_backend *backend, const kin_scores *t, real *hit)
{
    job k = job_of(t);
    k.hit = hit;
    kin_pool_run(backend->pool, t->rows, best_task, &k);
}

static void pull_task(void *context, int64_t i, int thread)
{
    const job *k = context;
    const span c = span_of(k, i, (char *)k->t->work + bytes_of(k->longest) * (size_t)thread);
    real sum = 0;
    for (int32_t j = 0; j < c.n; j++) sum += c.kind[j] > 0 ? c.s[j] : 0;
    k->hit[k->t->row + i] = sum;
}

static void pull(kin_backend *backend, const kin_scores *t, real *sum)
{
    job k = job_of(t);
    k.hit = sum;
    kin_pool_run(backend->pool, t->rows, pull_task, &k);
}

extern const kin_score_kernels KIN_VARIANT(KIN_PASTE(kin_score, KIN_LOSS_ID));
const kin_score_kernels KIN_VARIANT(KIN_PASTE(kin_score, KIN_LOSS_ID)) = {
    .variant = KIN_TEXT(KIN_ISA_NAME),
    .hypers = sizeof(hyper) / sizeof(real),
    .work = work,
    .rows = rows,
    .pull = pull,
    .best = best,
};
