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
    const int32_t *row, *col;               /* of each cell, backend memory */
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
        int32_t positives = 0, negatives = 0;
        for (int64_t i = c->start[r]; i < c->start[r + 1]; i++) {
            positives += c->kind[i] > 0;
            negatives += c->kind[i] < 0;
        }
        s->positives[r] = (real)positives, s->negatives[r] = (real)negatives;
        run->scores.paired += s->positives[r] > 0;
    }
    run->scores.extra = c->extra ? c->extra : INT32_MAX / 2;
    kin_rows_weigh(run, s);
    kin_rows_report(s, counts);
    return kin_rows_upload(tape, s, 1, false, &run->scores.side[0]);
}

/* ---- what slopes give back ------------------------------------------------------------------ */

/* The cells that push at all (host): a hinge leaves few of many. */
typedef struct { int32_t *cell, *of[2]; int64_t count; } pushing;

enum { AT_ONCE = 16 };

static bool none_push(const real *slope)
{
    int any = 0;
    for (int i = 0; i < AT_ONCE; i++) any |= slope[i] != 0;
    return !any;
}

/* On the host. */
static const real *fetch_slopes(kin_tape *tape, const engine *e)
{
    const real *score = e->run->scores.score;
    const size_t bytes = (size_t)e->count * sizeof *score;
    if (e->backend->host) return score;
    real *slope = kin_keep_host(tape, bytes);
    if (slope) e->backend->download(e->backend, slope, score, bytes);
    return slope;
}

static kin_status find_pushing(kin_tape *tape, const engine *e, pushing *p)
{
    const size_t ids = (size_t)(e->count + 1) * sizeof(int32_t);
    const real *slope = fetch_slopes(tape, e);
    *p = (pushing){ .cell = kin_keep_host(tape, ids),
                    .of = { kin_keep_host(tape, ids), kin_keep_host(tape, ids) } };
    if (!slope || !p->of[1]) return kin_tape_status(tape);
    for (int64_t c = 0; c < e->count; c += AT_ONCE) {
        const int64_t end = c + AT_ONCE < e->count ? c + AT_ONCE : e->count;
        if (end == c + AT_ONCE && none_push(slope + c)) continue;
        for (int64_t i = c; i < end; i++) {
            if (slope[i] == 0) continue;
            p->cell[p->count] = (int32_t)i;
            p->of[0][p->count] = e->cells->row[i];
            p->of[1][p->count++] = e->cells->col[i];
        }
    }
    return KIN_OK;
}

/* They by row (side 0) or column, of so many: cells of i are cell[start[i]] .. (host). Memory is
 * taken for all cells, however many push in this step. */
typedef struct { int64_t *start; int32_t *cell; int64_t room, most; } grouped;

static kin_status group(kin_tape *tape, const engine *e, const pushing *p, int side, int64_t rows,
                        grouped *g)
{
    *g = (grouped){ .room = rows, .most = e->count };
    g->start = kin_keep_host(tape, (size_t)(rows + 2) * sizeof *g->start);
    g->cell = kin_keep_host(tape, (size_t)(e->count + 1) * sizeof *g->cell);
    if (!g->start || !g->cell) return kin_tape_status(tape);
    kin_group(p->of[side], p->count, rows, g->start, g->cell);
    for (int64_t i = 0; i < p->count; i++) g->cell[i] = p->cell[g->cell[i]];
    return KIN_OK;
}

/* x_r = sum of slope times the other side's row, for the groups as they lie. */
static kin_status sum_groups(kin_tape *tape, const engine *e, int side, const grouped *g,
                             int64_t rows, real *x)
{
    kin_backend *backend = e->backend;
    const kin_rows_run *run = e->run;
    int64_t *start = kin_keep(tape, (size_t)(g->room + 1) * sizeof *start);
    int32_t *cell = kin_keep(tape, (size_t)(g->most + 1) * sizeof *cell);
    if (!start || !cell) return kin_tape_status(tape);
    backend->upload(backend, start, g->start, (size_t)(rows + 1) * sizeof *start);
    backend->upload(backend, cell, g->cell, (size_t)g->start[rows] * sizeof *cell);
    backend->zero(backend, x, (size_t)(rows * run->dimension) * sizeof(real));
    backend->cell_sums(backend, rows, start, cell, run->scores.score, side ? e->row : e->col,
                       run->dimension, side ? run->q : run->k, x);
    return KIN_OK;
}

/* The columns that have cells, one behind the other. */
static kin_status push_few(kin_tape *tape, const engine *e, grouped *g)
{
    kin_sparse *few = e->run->dk_rows;
    const int64_t columns = e->run->scores.side[1].count;
    const int64_t most = columns < e->count ? columns : e->count;
    int32_t *id = kin_keep_host(tape, (size_t)most * sizeof *id);
    few->id = kin_keep(tape, (size_t)most * sizeof *id);
    few->value = kin_keep(tape, (size_t)(most * e->run->dimension) * sizeof(real));
    if (!id || !few->id || !few->value) return kin_tape_status(tape);
    for (int64_t j = 0; j < columns; j++) {
        if (g->start[j + 1] == g->start[j]) continue;
        id[few->count] = (int32_t)j;
        g->start[few->count++] = g->start[j];          /* at most j: it was read already */
    }
    g->start[few->count] = g->start[columns];
    e->backend->upload(e->backend, few->id, id, (size_t)few->count * sizeof *id);
    return sum_groups(tape, e, 1, g, few->count, few->value);
}

static kin_status push(kin_tape *tape, engine *e)
{
    kin_rows_run *run = e->run;
    kin_backend *backend = e->backend;
    real *const to[2] = { run->dq, run->dk };
    pushing p;
    if (run->dgiven)
        backend->copy(backend, run->dgiven, run->scores.score, (size_t)e->count * sizeof(real));
    if (!to[0] && !to[1] && !run->dk_rows) return KIN_OK;
    KIN_TRY(find_pushing(tape, e, &p));
    for (int side = 0; side < 2; side++) {
        const int64_t rows = run->scores.side[side].count;
        grouped g;
        if (!to[side] && !(side && run->dk_rows)) continue;
        KIN_TRY(group(tape, e, &p, side, rows, &g));
        if (side && run->dk_rows) KIN_TRY(push_few(tape, e, &g));
        else KIN_TRY(sum_groups(tape, e, side, &g, rows, to[side]));
    }
    return KIN_OK;
}

/* ---- scores --------------------------------------------------------------------------------- */

static kin_status send(kin_tape *tape, const void *host, size_t bytes, const void **sent)
{
    kin_backend *backend = kin_tape_backend(tape);
    *sent = host;
    if (backend->host) return KIN_OK;
    void *to = kin_keep(tape, bytes);
    if (to) backend->upload(backend, to, host, bytes);
    *sent = to;
    return kin_tape_status(tape);
}

static kin_status prepare(kin_tape *tape, engine *e, const kin_score_kernels *kernels)
{
    kin_scores *t = &e->run->scores;
    const kin_cells *c = e->cells;
    const size_t ids = (size_t)e->count * sizeof(int32_t);
    const void *row, *col, *start, *kind;
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

/* Of a table's columns few are looked at: the scores of these show what is not finite, in place of
 * the whole table. */
static bool check_scores(engine *e)
{
    kin_rows_run *run = e->run;
    if (!run->unchecked || !run->dk_rows) return true;
    run->unchecked = false;
    return e->backend->sum_squares(e->backend, e->count, run->scores.score) < 1e30;
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
    const bool sound = check_scores(e) && run_loops(e, kernels);
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
