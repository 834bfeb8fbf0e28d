/* Cells: scores one by one, as given pairs, triplets or each row's own negatives: the same loss
 * functions over lists of cells instead of tiles. Memory is linear in the number of cells. */
#include <math.h>
#include "core/group.h"
#include "losses/rows/rows.h"

typedef struct {
    kin_rows_run *run;
    kin_backend *backend;
    const kin_cells *cells;
    int64_t count;
    int32_t *row, *col;                     /* of each cell, backend memory */
    real *hit;
} engine;

kin_status kin_cells_relate(kin_tape *tape, kin_rows_run *run, kin_loss_report *counts)
{
    const kin_cells *c = run->setting->cells;
    kin_keys *s = &run->keys[0];
    const size_t n = (size_t)c->rows;
    *s = (kin_keys){ .count = c->rows, .positives = kin_keep_host(tape, 3 * n * sizeof(real)) };
    if (!s->positives) return kin_tape_status(tape);
    s->negatives = s->positives + n, s->weight = s->positives + 2 * n;
    for (int64_t r = 0; r < c->rows; r++) {
        s->positives[r] = s->negatives[r] = 0;
        for (int64_t i = c->start[r]; i < c->start[r + 1]; i++) {
            s->positives[r] += c->kind[i] > 0;
            s->negatives[r] += c->kind[i] < 0;
        }
        run->scores.paired += s->positives[r] > 0;
    }
    run->scores.extra = c->extra ? c->extra : INT32_MAX / 2;
    kin_rows_weigh(run, s);
    kin_rows_report(s, counts);
    return kin_rows_upload(tape, s, 1, false, &run->scores.side[0]);
}

/* The cells of each row (column), by counting: start and cell of kin_backend.cell_sums. */
static kin_status sort_cells(kin_tape *tape, const int32_t *of, int64_t cells, int64_t rows,
                             int64_t **start, int32_t **cell)
{
    kin_backend *backend = kin_tape_backend(tape);
    const size_t start_bytes = (size_t)(rows + 1) * sizeof(int64_t);
    const size_t cell_bytes = (size_t)cells * sizeof(int32_t);
    int64_t *first = kin_keep_host(tape, start_bytes + sizeof *first);     /* rows + 2 */
    int32_t *sorted = kin_keep_host(tape, cell_bytes);
    *start = kin_keep(tape, start_bytes), *cell = kin_keep(tape, cell_bytes);
    if (!first || !sorted || !*start || !*cell) return kin_tape_status(tape);
    kin_group(of, cells, rows, first, sorted);
    backend->upload(backend, *start, first, start_bytes);
    backend->upload(backend, *cell, sorted, cell_bytes);
    return KIN_OK;
}

static kin_status push(kin_tape *tape, engine *e)
{
    kin_rows_run *run = e->run;
    kin_backend *backend = e->backend;
    const int32_t *const of[2] = { e->cells->row, e->cells->col };
    int32_t *const other[2] = { e->col, e->row };
    const real *const from[2] = { run->k, run->q };
    real *const to[2] = { run->dq, run->dk };
    const int64_t rows[2] = { run->scores.side[0].count, run->scores.side[1].count };
    if (run->dgiven)
        backend->copy(backend, run->dgiven, run->scores.score, (size_t)e->count * sizeof(real));
    for (int side = 0; side < 2; side++) {
        int64_t *start;
        int32_t *cell;
        if (!to[side]) continue;
        KIN_TRY(sort_cells(tape, of[side], e->count, rows[side], &start, &cell));
        backend->zero(backend, to[side], (size_t)(rows[side] * run->dimension) * sizeof(real));
        backend->cell_sums(backend, rows[side], start, cell, run->scores.score, other[side],
                           run->dimension, from[side], to[side]);
    }
    return KIN_OK;
}

static kin_status send(kin_tape *tape, const void *host, size_t bytes, void **to)
{
    *to = kin_keep(tape, bytes);
    if (*to) kin_tape_backend(tape)->upload(kin_tape_backend(tape), *to, host, bytes);
    return kin_tape_status(tape);
}

static kin_status prepare(kin_tape *tape, engine *e, const kin_score_kernels *kernels)
{
    kin_scores *t = &e->run->scores;
    const kin_cells *c = e->cells;
    const size_t ids = (size_t)e->count * sizeof(int32_t);
    void *row, *col, *start, *kind;
    KIN_TRY(send(tape, c->row, ids, &row));
    KIN_TRY(send(tape, c->col, ids, &col));
    KIN_TRY(send(tape, c->start, (size_t)(c->rows + 1) * sizeof *c->start, &start));
    KIN_TRY(send(tape, c->kind, (size_t)e->count, &kind));
    e->row = row, e->col = col, t->start = start, t->kind = kind;
    for (int64_t r = 0; r < c->rows; r++)
        if (c->start[r + 1] - c->start[r] > t->longest) t->longest = c->start[r + 1] - c->start[r];
    t->target = e->run->setting->target ? e->run->setting->target->value : NULL;
    t->rows = c->rows, t->columns = t->side[1].count;
    kin_rows_bound(e->run);
    KIN_TRY(kin_rows_take(tape, e->count + 1, &t->score));
    if (e->run->setting->want_accuracy) KIN_TRY(kin_rows_take(tape, c->rows, &e->hit));
    if (e->run->loss->form != KIN_ROW) return KIN_OK;
    const size_t work = kernels->work(e->backend, c->rows, t->longest);
    real *room;
    KIN_TRY(kin_rows_take(tape, (int64_t)(work / sizeof(real)) + 1, &room));
    t->work = room;
    return KIN_OK;
}

static bool run_loops(engine *e, const kin_score_kernels *kernels)
{
    kin_rows_run *run = e->run;
    kin_scores *t = &run->scores;
    t->scale[0] = 1;
    if (e->hit) kernels->best(e->backend, t, e->hit);
    kernels->rows(e->backend, t, run->slopes);
    return kin_rows_total(e->backend, run);
}

static kin_status compute(kin_tape *tape, engine *e)
{
    kin_rows_run *run = e->run;
    kin_backend *backend = e->backend;
    const kin_score_kernels *kernels = backend->score(backend, run->setting->loss);
    const int64_t q_rows = run->scores.side[0].count;
    kin_slopes sums = { 0 };
    KIN_TRY(prepare(tape, e, kernels));
    run->scores.side[0].count = e->cells->rows;
    KIN_TRY(kin_rows_take(tape, e->cells->rows, &run->scores.side[0].value));
    KIN_TRY(kin_rows_take(tape, e->cells->rows, &run->scores.side[0].counted));
    if (run->given)
        backend->copy(backend, run->scores.score, run->given, (size_t)e->count * sizeof(real));
    else
        backend->cell_dots(backend, e->count, e->row, e->col, run->dimension, run->q, run->k,
                           run->scores.score);
    run->formed = (double)e->count;
    const bool sound = run_loops(e, kernels);
    if (e->hit && sound) run->accuracy = backend->sum(backend, e->cells->rows, e->hit);
    run->scores.side[0].count = q_rows;
    if (!run->slopes || !sound) return KIN_OK;
    if (run->loss->sums_slopes && run->learns) {
        real *pull;
        KIN_TRY(kin_rows_take(tape, e->cells->rows, &pull));
        kernels->pull(backend, &run->scores, pull);
        sums.positive = backend->sum(backend, e->cells->rows, pull);
        sums.all = backend->sum(backend, e->count, run->scores.score);
    }
    KIN_TRY(push(tape, e));
    return run->learns ? kin_rows_learn(tape, run, sums) : KIN_OK;
}

kin_status kin_cells_compute(kin_tape *tape, kin_rows_run *run)
{
    const kin_cells *c = run->setting->cells;
    engine e = { .run = run, .backend = kin_tape_backend(tape), .cells = c,
                 .count = c->start[c->rows] };
    if (!kin_rows_begin(e.backend, run)) return KIN_OK;
    return compute(tape, &e);
}
