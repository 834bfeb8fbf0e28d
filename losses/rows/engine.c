/* Engine: panels of scores from products, the loss's loops over them, and two more products that
 * carry slopes back to the embeddings while the panel is still in the cache.
 *
 * One direction forms every panel once: 6 B N D operations. Both directions need the statistics of
 * all columns before the first slope, so they sweep the panels twice and form them twice (8 B N D),
 * except those that setting->memory lets us keep; so do rows that are merged before they are
 * closed. */
#include <math.h>
#include "losses/rows/rows.h"

enum { PANEL_BYTES = 6 << 20, PANEL_LEAST = 128 };

typedef struct {
    kin_rows_run *run;
    kin_backend *backend;
    const kin_score_kernels *kernels;
    kin_scores *t;              /* the tile at hand */
    int64_t panel;              /* rows in a panel */
    int64_t kept_rows;          /* scores of the rows before this one stay in `kept` */
    real *kept, *scratch;
    real *hit;                  /* B: accuracy */
    int8_t *kind, *host_kind;   /* what the panel's cells are, where keys do not tell */
    kin_slopes sums;
    real *pull;                 /* B: sums of slopes over positives */
} engine;

static int64_t panel_rows(const kin_rows_run *run)
{
    const int64_t rows = run->scores.side[0].count, columns = run->scores.side[1].count;
    int64_t panel = run->setting->panel;
    if (panel < 1) panel = PANEL_BYTES / (columns * (int64_t)sizeof(real));
    if (run->setting->panel < 1 && panel < PANEL_LEAST) panel = PANEL_LEAST;
    return panel < rows ? panel : rows;
}

/* Points the tile at rows row .. and says whether their scores are there. */
static bool place(engine *e, int64_t row, bool formed)
{
    kin_scores *t = e->t;
    const int64_t rows = t->side[0].count, columns = t->side[1].count;
    t->row = row;
    t->rows = rows - row < e->panel ? rows - row : e->panel;
    t->kept = row < e->kept_rows;
    t->score = t->kept ? e->kept + row * columns : e->scratch;
    t->target = e->run->setting->target ? e->run->setting->target->value + row * columns : NULL;
    if (e->kind) {
        kin_rows_kinds(e->run, row, t->rows, e->host_kind);
        e->backend->upload(e->backend, e->kind, e->host_kind, (size_t)(t->rows * columns));
    }
    return t->kept && formed;
}

static void form(engine *e)
{
    const kin_rows_run *run = e->run;
    const int64_t columns = e->t->side[1].count, d = run->dimension;
    if (run->given) {
        e->backend->copy(e->backend, e->t->score, run->given + e->t->row * columns,
                         (size_t)(e->t->rows * columns) * sizeof(real));
        return;
    }
    const kin_product product = { .transpose_b = 1, .m = e->t->rows, .n = columns, .k = d,
        .alpha = 1, .a = run->q + e->t->row * d, .lda = d, .b = run->k, .ldb = d,
        .c = e->t->score, .ldc = columns };
    e->backend->product(e->backend, &product);
}

static void sum_slopes(engine *e)
{
    const int64_t rows = e->t->rows, columns = e->t->side[1].count;
    e->kernels->pull(e->backend, e->t, e->pull);
    e->sums.positive += e->backend->sum(e->backend, rows, e->pull + e->t->row);
    e->sums.all += e->backend->sum(e->backend, rows * columns, e->t->score);
}

/* The tile's slopes into the gradients of its rows and of all columns. */
static void push(engine *e)
{
    kin_rows_run *run = e->run;
    const int64_t columns = e->t->side[1].count, d = run->dimension, row = e->t->row;
    if (run->loss->sums_slopes && run->learns)
        sum_slopes(e);
    if (run->dgiven)
        e->backend->copy(e->backend, run->dgiven + row * columns, e->t->score,
                         (size_t)(e->t->rows * columns) * sizeof(real));
    if (run->dq) {
        const kin_product product = { .m = e->t->rows, .n = d, .k = columns, .alpha = 1,
            .a = e->t->score, .lda = columns, .b = run->k, .ldb = d,
            .c = run->dq + row * d, .ldc = d };
        e->backend->product(e->backend, &product);
    }
    if (run->dk) {
        const kin_product product = { .transpose_a = 1, .m = columns, .n = d, .k = e->t->rows,
            .alpha = 1, .a = e->t->score, .lda = columns, .b = run->q + row * d, .ldb = d,
            .beta = row > 0, .c = run->dk, .ldc = d };
        e->backend->product(e->backend, &product);
    }
}

/* Sum of the values of one side and what to divide it by. */
static double total(kin_backend *backend, const kin_rows_run *run, int side, double *divisor)
{
    const kin_score_side *s = &run->scores.side[side];
    const int reduce = run->reduce;
    *divisor = reduce == KIN_SUM ? 1
               : reduce == KIN_MEAN_ROWS ? (double)s->count
               : backend->sum(backend, s->count, s->counted);
    return backend->sum(backend, s->count, s->value);
}

static double share(double sum, double divisor) { return divisor > 0 ? sum / divisor : 0; }

void kin_rows_total(kin_backend *backend, kin_rows_run *run)
{
    double divisor;
    const double sum = total(backend, run, 0, &divisor);
    run->factor = share(1, divisor);
    run->value = sum * run->factor;
}

static void one_way(engine *e)
{
    kin_rows_run *run = e->run;
    e->t->scale[0] = 1;
    for (int64_t row = 0; row < e->t->side[0].count; row += e->panel) {
        place(e, row, false);
        form(e);
        if (e->hit) e->kernels->best(e->backend, e->t, e->hit);
        e->kernels->rows(e->backend, e->t, run->slopes);
        if (run->slopes) push(e);
    }
    kin_rows_total(e->backend, run);
}

typedef enum { LOOK, ADD, SLOPE, READ, PUSH } sweep;

static void sweep_panels(engine *e, sweep at, bool formed)
{
    for (int64_t row = 0; row < e->t->side[0].count; row += e->panel) {
        const bool ready = place(e, row, formed);
        if (!ready) form(e);
        if (!formed && e->hit && (at < SLOPE || at == READ)) e->kernels->best(e->backend, e->t, e->hit);
        if (at == LOOK) e->kernels->look(e->backend, e->t);
        if (at == ADD) e->kernels->add(e->backend, e->t);
        if (at == SLOPE) e->kernels->slope(e->backend, e->t);
        if (at == READ) e->kernels->read(e->backend, e->t);
        if (at == PUSH) e->kernels->push(e->backend, e->t);
        if (at == SLOPE || at == PUSH) push(e);
    }
}

static void two_way(engine *e)
{
    kin_rows_run *run = e->run;
    const bool looks_first = run->loss->looks_first;
    double divisor[2], sum[2];
    e->kernels->open(e->backend, e->t, 0);
    e->kernels->open(e->backend, e->t, 1);
    if (looks_first) sweep_panels(e, LOOK, false);
    sweep_panels(e, ADD, looks_first);
    for (int side = 0; side < 2; side++) {
        e->kernels->close(e->backend, e->t, side);
        sum[side] = total(e->backend, run, side, &divisor[side]);
        e->t->scale[side] = (real)share(0.5, divisor[side]);
    }
    run->value = (share(sum[0], divisor[0]) + share(sum[1], divisor[1])) / 2;
    run->factor = 1;
    if (run->slopes) sweep_panels(e, SLOPE, true);
}

static void merged(engine *e)
{
    sweep_panels(e, READ, false);
    e->kernels->unite(e->backend, e->t, e->run->leader);
    kin_rows_total(e->backend, e->run);
    e->t->scale[0] = 1;
    if (e->run->slopes) sweep_panels(e, PUSH, false);
}

kin_status kin_rows_take(kin_tape *tape, int64_t count, real **numbers)
{
    *numbers = KIN_TAKE(kin_tape_arena(tape), real, count);
    if (!*numbers)
        kin_tape_fail(tape, KIN_MEMORY, "loss: no memory for %lld numbers", (long long)count);
    return kin_tape_status(tape);
}

static kin_status prepare_side(kin_tape *tape, kin_score_side *side, int fields)
{
    KIN_TRY(kin_rows_take(tape, side->count, &side->value));
    KIN_TRY(kin_rows_take(tape, side->count, &side->counted));
    return fields > 0 ? kin_rows_take(tape, side->count * fields, &side->stats) : KIN_OK;
}

/* Bounded scores need no look: the bound serves while exponents span less than 80. */
void kin_rows_bound(kin_rows_run *run)
{
    const kin_loss *loss = run->loss;
    kin_scores *t = &run->scores;
    t->bounded = run->unit && loss->steepness && 2 * loss->steepness(run->hypers) < 80;
    t->top = t->bounded ? 1 : (real)-1e30;                 /* -BIG of core/words.h */
    t->reduce = run->reduce;
    for (int i = 0; i < KIN_HYPERS_MAX; i++) t->hypers[i] = (real)run->hypers[i];
}

static kin_status prepare_kinds(kin_tape *tape, engine *e)
{
    const size_t bytes = (size_t)(e->panel * e->t->side[1].count);
    if (!e->run->more_start) return KIN_OK;
    e->kind = kin_arena_take(kin_tape_arena(tape), bytes);
    e->host_kind = kin_keep_host(tape, bytes);
    if (!e->kind) kin_tape_fail(tape, KIN_MEMORY, "loss: no memory for %zu bytes", bytes);
    e->t->kind = e->kind;
    return kin_tape_status(tape);
}

static kin_status prepare(kin_tape *tape, engine *e)
{
    const kin_rows_run *run = e->run;
    const int64_t rows = e->t->side[0].count, columns = e->t->side[1].count;
    const bool stays = run->both || run->leader;           /* statistics outlive a panel */
    kin_rows_bound(e->run);
    e->panel = panel_rows(run);
    KIN_TRY(prepare_side(tape, &e->t->side[0], stays ? e->kernels->fields : 0));
    if (run->both) {
        KIN_TRY(prepare_side(tape, &e->t->side[1], e->kernels->fields));
        const int64_t room = (int64_t)(run->setting->memory / sizeof(real)) / columns;
        e->kept_rows = room >= rows ? rows : room / e->panel * e->panel;
        if (e->kept_rows > 0) KIN_TRY(kin_rows_take(tape, e->kept_rows * columns, &e->kept));
    }
    if (run->both || run->loss->form == KIN_ROW) {
        const size_t work = e->kernels->work(e->backend, e->panel, columns);
        real *room;
        KIN_TRY(kin_rows_take(tape, (int64_t)(work / sizeof(real)) + 1, &room));
        e->t->work = room;
    }
    if (e->kept_rows < rows) KIN_TRY(kin_rows_take(tape, e->panel * columns, &e->scratch));
    if (run->setting->want_accuracy) KIN_TRY(kin_rows_take(tape, rows, &e->hit));
    if (run->learns) KIN_TRY(kin_rows_take(tape, rows, &e->pull));
    return prepare_kinds(tape, e);
}

/* NaN and infinity would come out of the loops as a plausible number, and so would overflow. */
bool kin_rows_sane(kin_backend *backend, const kin_rows_run *run)
{
    const int64_t q_rows = run->scores.side[0].count, k_rows = run->scores.side[1].count;
    const int64_t rows = q_rows * run->dimension, columns = k_rows * run->dimension;
    bool finite = true;
    for (int i = 0; i < KIN_HYPERS_MAX; i++) finite = finite && isfinite(run->hypers[i]);
    if (run->given)
        return finite && backend->sum_squares(backend, q_rows * k_rows, run->given) < 1e30;
    const double q = backend->sum_squares(backend, rows, run->q);
    const double k = backend->sum_squares(backend, columns, run->k);
    finite = finite && sqrt(q) * sqrt(k) < 1e15;
    for (int i = 0; i < (run->raw[0] == run->raw[1] ? 1 : 2); i++) {
        const kin_tensor *x = run->raw[i];
        if (!x || x->value == run->q || x->value == run->k) continue;
        finite = finite && isfinite(backend->sum_squares(backend, x->rows * x->cols, x->value));
    }
    return finite;
}

/* sum of slope * score over all cells, as sum_j slope_ij s_ij = q_i . dq_i when s_ij = q_i . k_j. */
kin_status kin_rows_learn(kin_tape *tape, kin_rows_run *run, kin_slopes sums)
{
    kin_backend *backend = kin_tape_backend(tape);
    const int64_t q_rows = run->scores.side[0].count, k_rows = run->scores.side[1].count;
    const real *x = run->given ? run->given : run->dq ? run->q : run->k;
    const real *dx = run->given ? run->dgiven : run->dq ? run->dq : run->dk;
    const int64_t n = run->given ? q_rows * k_rows : (run->dq ? q_rows : k_rows) * run->dimension;
    real *product;
    KIN_TRY(kin_rows_take(tape, n, &product));
    backend->zero(backend, product, (size_t)n * sizeof(real));
    backend->multiply(backend, n, x, dx, product);
    sums.score = backend->sum(backend, n, product) * run->factor;
    sums.all *= run->factor;
    sums.positive *= run->factor;
    run->loss->learn(run->hypers, sums, run->gradient);
    return KIN_OK;
}

static kin_status compute(kin_tape *tape, engine *e)
{
    kin_rows_run *run = e->run;
    KIN_TRY(prepare(tape, e));
    if (run->both) two_way(e);
    else if (run->leader) merged(e);
    else one_way(e);
    if (e->hit) run->accuracy = e->backend->sum(e->backend, e->t->side[0].count, e->hit);
    return run->slopes && run->learns ? kin_rows_learn(tape, run, e->sums) : KIN_OK;
}

kin_status kin_rows_compute(kin_tape *tape, kin_rows_run *run)
{
    engine e = { .run = run, .backend = kin_tape_backend(tape), .t = &run->scores };
    e.kernels = e.backend->score(e.backend, run->setting->loss);
    run->value = NAN;
    run->factor = 0;
    run->accuracy = NAN;
    if (!kin_rows_sane(e.backend, run)) return KIN_OK;
    const size_t mark = kin_arena_mark(kin_tape_arena(tape));
    const kin_status status = compute(tape, &e);
    kin_arena_rewind(kin_tape_arena(tape), mark);
    return status;
}
