/* Engine: panels of scores from products, the loss's loops over them, and two more products that
 * carry slopes back to the embeddings while the panel is still in the cache.
 *
 * One direction forms every panel once: 6 B N D operations. Both directions need the statistics of
 * all columns before the first slope, so they sweep the panels twice and form them twice (8 B N D),
 * except those that setting->memory lets us keep; so do rows that are merged before they are
 * closed. Rows against themselves, alike both ways round, need only the triangle of scores on and
 * right of the diagonal, each serving its row and its column: two sweeps of half the scores
 * (4 B^2 D). Where they are not alike, or few, slopes of (i, j) and (j, i) within a panel are added
 * up before they are carried back: one product fewer of the panel's own columns.
 *
 * Where two sweeps need no whole rows, a tile is a part of a panel, a few columns at a time: what
 * the second-level cache of a host holds, or what a device wants. A device may also want the
 * operands of its products rounded (core/backend.h): then slopes are written so at once.
 */
#include <math.h>
#include "losses/rows/rows.h"

typedef struct {
    kin_rows_run *run;
    kin_backend *backend;
    const kin_score_kernels *kernels;
    kin_scores *t;              /* the tile at hand */
    bool padded;                /* rows of scratch have numbers behind them that are not theirs */
    int64_t panel, tile;        /* rows in a panel, columns in a tile */
    int64_t kept_rows;          /* scores of the rows before this one stay in `kept` */
    real *kept, *scratch;
    kin_narrow q, k;            /* rounded, where the backend wants that */
    real *looked[2];            /* fields x B, fields x N */
    real *hit;                  /* B: accuracy */
    int8_t *kind, *host_kind;   /* what the panel's cells are, where keys do not tell */
    kin_slopes sums;
    real *pull;                 /* B: sums of slopes over positives */
} engine;

/* Of the panels before `row`. */
static int64_t scores_before(const engine *e, int64_t row)
{
    const int64_t rows = e->t->side[0].count, columns = e->t->side[1].count;
    int64_t scores = 0;
    for (int64_t r = 0; r < row && r < rows; r += e->panel)
        scores += (rows - r < e->panel ? rows - r : e->panel) *
                  (e->run->triangle ? columns - r : columns);
    return scores;
}

/* On a host, rows of scratch lie whole lines of the cache apart, and never whole pages: those would
 * share a few places of the first-level cache, and a product writes many at a time. */
static int64_t stride_of(const engine *e, int64_t columns)
{
    enum { LINE = 16, PAGE = 4096 / sizeof(real) };
    const int64_t lines = (columns + LINE - 1) / LINE * LINE;
    return !e->padded ? columns : lines % PAGE ? lines : lines + LINE;
}

static int64_t first_column(const engine *e, int64_t row) { return e->run->triangle ? row : 0; }

/* Points the tile at rows row .. and columns column .. and says whether their scores are there. */
static bool place(engine *e, int64_t row, int64_t column, bool formed)
{
    kin_scores *t = e->t;
    const int64_t rows = t->side[0].count, columns = t->side[1].count;
    t->row = row;
    t->rows = rows - row < e->panel ? rows - row : e->panel;
    t->column = column;
    t->columns = columns - column < e->tile ? columns - column : e->tile;
    t->kept = row < e->kept_rows;
    t->stride = t->kept ? t->columns : stride_of(e, t->columns);
    t->score = t->kept ? e->kept + scores_before(e, row) + t->rows * (column - first_column(e, row))
                       : e->scratch;
    t->target = e->run->setting->target ? e->run->setting->target->value + row * columns : NULL;
    if (e->kind) {
        kin_rows_kinds(e->run, row, t->rows, e->host_kind);
        e->backend->upload(e->backend, e->kind, e->host_kind, (size_t)(t->rows * columns));
    }
    return t->kept && formed;
}

/* A rounded matrix from its number `at` on. */
static kin_narrow from(kin_narrow x, int64_t at)
{
    return (kin_narrow){ x.high ? x.high + at : NULL, x.low ? x.low + at : NULL };
}

static void form(engine *e)
{
    kin_rows_run *run = e->run;
    const kin_scores *t = e->t;
    const int64_t d = run->dimension;
    run->formed += (double)(t->rows * t->columns);
    if (run->given) {
        e->backend->copy(e->backend, t->score, run->given + t->row * t->columns,
                         (size_t)(t->rows * t->columns) * sizeof(real));
        return;
    }
    const kin_product product = { .transpose_b = 1, .m = t->rows, .n = t->columns, .k = d,
        .alpha = 1, .a = run->q + t->row * d, .lda = d, .b = run->k + t->column * d, .ldb = d,
        .c = t->score, .ldc = t->stride, .narrow_a = from(e->q, t->row * d),
        .narrow_b = from(e->k, t->column * d) };
    e->backend->product(e->backend, &product);
}

static void sum_slopes(engine *e)
{
    const int64_t rows = e->t->rows, columns = e->t->columns;
    e->kernels->pull(e->backend, e->t, e->pull);
    e->sums.positive += e->backend->sum(e->backend, rows, e->pull + e->t->row);
    e->sums.all += e->backend->sum(e->backend, rows * columns, e->t->score);
}

static void push_rows(engine *e, real beta)
{
    const kin_rows_run *run = e->run;
    const kin_scores *t = e->t;
    const int64_t d = run->dimension;
    const kin_product product = { .m = t->rows, .n = d, .k = t->columns, .alpha = 1,
        .a = t->score, .lda = t->stride, .b = run->k + t->column * d, .ldb = d,
        .beta = beta, .c = run->dq + t->row * d, .ldc = d, .narrow_a = t->slopes,
        .narrow_b = from(e->k, t->column * d) };
    e->backend->product(e->backend, &product);
}

/* Of the tile's columns first .. end-1. */
static void push_columns(engine *e, real *dk, int64_t first, int64_t end)
{
    const kin_rows_run *run = e->run;
    const kin_scores *t = e->t;
    const int64_t d = run->dimension;
    const kin_product product = { .transpose_a = 1, .m = end - first, .n = d, .k = t->rows,
        .alpha = 1, .a = t->score + first, .lda = t->stride, .b = run->q + t->row * d, .ldb = d,
        .beta = t->row > 0, .c = dk + (t->column + first) * d, .ldc = d,
        .narrow_a = from(t->slopes, first), .narrow_b = from(e->q, t->row * d) };
    if (end > first) e->backend->product(e->backend, &product);
}

/* Rows that are also columns: the square on the diagonal serves both in one product. The first
 * panel fills the gradient, its columns by the others. */
static void push_folded(engine *e)
{
    const kin_scores *t = e->t;
    e->backend->fold(e->backend, t->rows, t->score + t->row, t->stride);
    push_rows(e, t->row > 0);
    push_columns(e, e->run->dq, 0, t->row);
    push_columns(e, e->run->dq, t->row + t->rows, t->columns);
}

/* How many of the last columns get no gradient: none where hyperparameters learn from it. */
static int64_t still_columns(const kin_rows_run *run)
{
    return run->dk && (run->dq || !run->learns) ? run->setting->still : 0;
}

/* Columns of the tile that get a gradient. */
static int64_t moving_columns(const engine *e)
{
    const int64_t end = e->t->side[1].count - still_columns(e->run) - e->t->column;
    return end < 0 ? 0 : end < e->t->columns ? end : e->t->columns;
}

/* The tile's slopes into the gradients of its rows and of its columns; in a triangle they are one
 * array, which the first tile's columns fill. */
static void push(engine *e)
{
    kin_rows_run *run = e->run;
    const kin_scores *t = e->t;
    if (run->loss->sums_slopes && run->learns) sum_slopes(e);
    if (run->dgiven)
        e->backend->copy(e->backend, run->dgiven + t->row * t->columns, t->score,
                         (size_t)(t->rows * t->columns) * sizeof(real));
    if (run->folds) {
        push_folded(e);
        return;
    }
    if (run->triangle) {
        push_columns(e, run->dq, 0, t->columns);
        push_rows(e, 1);
        return;
    }
    if (run->dq) push_rows(e, t->column > 0);
    if (run->dk) push_columns(e, run->dk, 0, moving_columns(e));
}

static bool one_way(engine *e)
{
    kin_rows_run *run = e->run;
    e->t->scale[0] = 1;
    for (int64_t row = 0; row < e->t->side[0].count; row += e->panel) {
        place(e, row, 0, false);
        form(e);
        if (e->hit) e->kernels->best(e->backend, e->t, e->hit);
        e->kernels->rows(e->backend, e->t, run->slopes);
        if (run->slopes) push(e);
    }
    return kin_rows_total(e->backend, run);
}

typedef enum { LOOK, ADD, SLOPE, READ, PUSH } sweep;

static void do_tile(engine *e, sweep at, bool formed, bool ready)
{
    if (!ready) form(e);
    const bool first = at == LOOK || at == READ || (at == ADD && !formed);
    if (first && e->hit) e->kernels->best(e->backend, e->t, e->hit);
    if (at == LOOK) e->kernels->look(e->backend, e->t);
    if (at == ADD) e->kernels->add(e->backend, e->t);
    if (at == SLOPE) e->kernels->slope(e->backend, e->t);
    if (at == READ) e->kernels->read(e->backend, e->t);
    if (at == PUSH) e->kernels->push(e->backend, e->t);
    if (at == SLOPE || at == PUSH) push(e);
}

static void sweep_panels(engine *e, sweep at, bool formed)
{
    const kin_score_side *side = e->t->side;
    for (int64_t row = 0; row < side[0].count; row += e->panel)
        for (int64_t column = first_column(e, row); column < side[1].count; column += e->tile)
            do_tile(e, at, formed, place(e, row, column, formed));
}

/* Statistics of all rows and columns; a triangle has one side. */
static void read_both(engine *e)
{
    kin_score_side *side = e->t->side;
    const int sides = e->run->triangle ? 1 : 2;
    for (int i = 0; i < sides; i++) e->kernels->open(e->backend, e->t, i);
    if (e->t->looks_first) {
        sweep_panels(e, LOOK, false);
        for (int i = 0; i < sides; i++)
            e->backend->copy(e->backend, e->looked[i], side[i].stats,
                             sizeof(real) * (size_t)(side[i].count * e->kernels->fields));
    }
    sweep_panels(e, ADD, e->t->looks_first);
}

static bool two_way(engine *e)
{
    kin_rows_run *run = e->run;
    double divisor[2], sum[2];
    read_both(e);
    for (int side = 0; side < 2; side++) e->kernels->close(e->backend, e->t, side);
    if (!kin_rows_sums(e->backend, run, 2, sum, divisor)) return false;
    for (int side = 0; side < 2; side++)
        e->t->scale[side] = (real)kin_rows_share(0.5, divisor[side]);
    run->value = (kin_rows_share(sum[0], divisor[0]) + kin_rows_share(sum[1], divisor[1])) / 2;
    run->factor = 1;
    if (run->slopes) sweep_panels(e, SLOPE, true);
    return true;
}

static bool triangle(engine *e)
{
    kin_rows_run *run = e->run;
    read_both(e);
    if (run->groups) e->kernels->unite(e->backend, e->t, run->groups);
    else e->kernels->close(e->backend, e->t, 0);
    if (!kin_rows_total(e->backend, run)) return false;
    e->t->scale[0] = e->t->scale[1] = 1;
    if (run->slopes) sweep_panels(e, SLOPE, true);
    return true;
}

static bool merged(engine *e)
{
    sweep_panels(e, READ, false);
    e->kernels->unite(e->backend, e->t, e->run->groups);
    if (!kin_rows_total(e->backend, e->run)) return false;
    e->t->scale[0] = 1;
    if (e->run->slopes) sweep_panels(e, PUSH, false);
    return true;
}

static kin_status prepare_side(kin_tape *tape, kin_score_side *side, int fields)
{
    KIN_TRY(kin_rows_take(tape, side->count, &side->value));
    KIN_TRY(kin_rows_take(tape, side->count, &side->counted));
    return fields > 0 ? kin_rows_take(tape, side->count * fields, &side->stats) : KIN_OK;
}

static kin_status prepare_kinds(kin_tape *tape, engine *e)
{
    const size_t bytes = (size_t)(e->panel * e->t->side[1].count);
    if (!e->run->more_start && !e->run->ignored_start) return KIN_OK;
    e->kind = kin_arena_take(kin_tape_arena(tape), bytes);
    e->host_kind = kin_keep_host(tape, bytes);
    if (!e->kind) kin_tape_fail(tape, KIN_MEMORY, "loss: no memory for %zu bytes", bytes);
    e->t->kind = e->kind;
    return kin_tape_status(tape);
}

/* One side's statistics in a triangle serve both. */
static kin_status prepare_sides(kin_tape *tape, engine *e)
{
    const kin_rows_run *run = e->run;
    kin_score_side *side = e->t->side;
    const bool stays = run->both || run->groups || run->triangle;      /* longer than a panel */
    const int fields = stays ? e->kernels->fields : 0;
    KIN_TRY(prepare_side(tape, &side[0], fields));
    if (run->both) KIN_TRY(prepare_side(tape, &side[1], fields));
    for (int i = 0; e->t->looks_first && i < (run->both ? 2 : run->triangle); i++) {
        KIN_TRY(kin_rows_take(tape, side[i].count * fields, &e->looked[i]));
        side[i].looked = e->looked[i];
    }
    if (!run->triangle) return KIN_OK;
    e->t->triangle = true;
    side[1].stats = side[0].stats, side[1].looked = side[0].looked;
    side[1].weight = side[0].weight;
    return KIN_OK;
}

/* As many whole panels of scores as setting->memory holds, and room for one that is not kept. */
static kin_status prepare_scores(kin_tape *tape, engine *e)
{
    const kin_rows_run *run = e->run;
    const int64_t rows = e->t->side[0].count;
    const int64_t room = (int64_t)(run->setting->memory / sizeof(real));
    while ((run->both || run->triangle) && e->kept_rows < rows &&
           scores_before(e, e->kept_rows + e->panel) <= room)
        e->kept_rows += e->panel;
    if (e->kept_rows > 0)
        KIN_TRY(kin_rows_take(tape, scores_before(e, e->kept_rows), &e->kept));
    if (e->kept_rows >= rows) return KIN_OK;
    return kin_rows_take(tape, e->panel * stride_of(e, e->tile), &e->scratch);
}

static kin_status take_narrow(kin_tape *tape, engine *e, int64_t n, kin_narrow *to)
{
    uint16_t **const planes[2] = { &to->high, &to->low };
    for (int i = 0; i < e->backend->planes; i++)
        if (!(*planes[i] = KIN_TAKE(kin_tape_arena(tape), uint16_t, n)))
            kin_tape_fail(tape, KIN_MEMORY, "loss: no memory for %lld numbers", (long long)n);
    return kin_tape_status(tape);
}

/* Rows, columns and slopes rounded for products. Sums of slopes want them as they are, and so do
 * losses that write whole rows. */
static kin_status prepare_narrow(kin_tape *tape, engine *e)
{
    const kin_rows_run *run = e->run;
    const int64_t d = run->dimension, q = e->t->side[0].count * d, k = e->t->side[1].count * d;
    if (!e->backend->narrow || run->given) return KIN_OK;
    KIN_TRY(take_narrow(tape, e, q, &e->q));
    e->backend->narrow(e->backend, q, run->q, e->q);
    e->k = e->q;
    if (run->k != run->q || k != q) {
        KIN_TRY(take_narrow(tape, e, k, &e->k));
        e->backend->narrow(e->backend, k, run->k, e->k);
    }
    if (!run->slopes || run->loss->form == KIN_ROW || (run->loss->sums_slopes && run->learns))
        return KIN_OK;
    return take_narrow(tape, e, e->panel * e->tile, &e->t->slopes);
}

static kin_status prepare(kin_tape *tape, engine *e)
{
    const kin_rows_run *run = e->run;
    const int64_t rows = e->t->side[0].count;
    kin_rows_bound(e->run);
    e->panel = run->panel, e->tile = run->tile;
    e->padded = e->backend->host && !run->given && !run->dgiven
                && !(run->loss->sums_slopes && run->learns);
    const int64_t still = still_columns(run) * run->dimension;
    if (still)
        e->backend->zero(e->backend, run->dk + e->t->side[1].count * run->dimension - still,
                         (size_t)still * sizeof(real));
    KIN_TRY(prepare_sides(tape, e));
    KIN_TRY(prepare_scores(tape, e));
    KIN_TRY(prepare_narrow(tape, e));
    if (run->both || run->triangle || run->loss->form == KIN_ROW) {
        const size_t work = e->kernels->work(e->backend, e->panel, e->tile);
        real *room;
        KIN_TRY(kin_rows_take(tape, (int64_t)(work / sizeof(real)) + 1, &room));
        e->t->work = room;
    }
    if (run->setting->want_accuracy) KIN_TRY(kin_rows_take(tape, rows, &e->hit));
    if (run->learns) KIN_TRY(kin_rows_take(tape, rows, &e->pull));
    return prepare_kinds(tape, e);
}

static kin_status compute(kin_tape *tape, engine *e)
{
    kin_rows_run *run = e->run;
    KIN_TRY(prepare(tape, e));
    const bool sound = run->triangle ? triangle(e) : run->both ? two_way(e)
                       : run->groups ? merged(e) : one_way(e);
    if (!sound) return KIN_OK;
    if (e->hit) run->accuracy = e->backend->sum(e->backend, e->t->side[0].count, e->hit);
    return run->slopes && run->learns ? kin_rows_learn(tape, run, e->sums) : KIN_OK;
}

kin_status kin_rows_compute(kin_tape *tape, kin_rows_run *run)
{
    engine e = { .run = run, .backend = kin_tape_backend(tape), .t = &run->scores };
    e.kernels = e.backend->score(e.backend, run->setting->loss);
    if (!kin_rows_begin(e.backend, run)) return KIN_OK;
    const size_t mark = kin_arena_mark(kin_tape_arena(tape));
    const kin_status status = compute(tape, &e);
    kin_arena_rewind(kin_tape_arena(tape), mark);
    return status;
}
