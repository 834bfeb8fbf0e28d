/* Engine: panels of scores from products, the loss's loops over them, and two more products that
 * carry slopes back to the embeddings while the panel is still in the cache.
 *
 * One direction forms every panel once: 6 B N D operations. Both directions need the statistics of
 * all columns before the first slope, so they sweep the panels twice and form them twice (8 B N D),
 * except those that setting->memory lets us keep. */
#include <math.h>
#include "losses/rows/rows.h"

enum { PANEL_BYTES = 6 << 20, PANEL_LEAST = 128 };

typedef struct {
    kin_rows_run *run;
    kin_backend *backend;
    const kin_score_kernels *kernels;
    kin_scores t;               /* the tile at hand */
    int64_t panel;              /* rows in a panel */
    int64_t kept_rows;          /* scores of the rows before this one stay in `kept` */
    real *kept, *scratch;
    real *hit;                  /* B: accuracy */
    double slope_sum;
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
    const int64_t rows = e->t.side[0].count, columns = e->t.side[1].count;
    e->t.row = row;
    e->t.rows = rows - row < e->panel ? rows - row : e->panel;
    e->t.kept = row < e->kept_rows;
    e->t.score = e->t.kept ? e->kept + row * columns : e->scratch;
    return e->t.kept && formed;
}

static void form(engine *e)
{
    const kin_rows_run *run = e->run;
    const int64_t columns = e->t.side[1].count, d = run->dimension;
    const kin_product product = { .transpose_b = 1, .m = e->t.rows, .n = columns, .k = d,
        .alpha = 1, .a = run->q + e->t.row * d, .lda = d, .b = run->k, .ldb = d,
        .c = e->t.score, .ldc = columns };
    e->backend->product(e->backend, &product);
}

/* The tile's slopes into the gradients of its rows and of all columns. */
static void push(engine *e)
{
    kin_rows_run *run = e->run;
    const int64_t columns = e->t.side[1].count, d = run->dimension, row = e->t.row;
    if (run->loss->sums_slopes && run->learns)
        e->slope_sum += e->backend->sum(e->backend, e->t.rows * columns, e->t.score);
    if (run->dq) {
        const kin_product product = { .m = e->t.rows, .n = d, .k = columns, .alpha = 1,
            .a = e->t.score, .lda = columns, .b = run->k, .ldb = d,
            .c = run->dq + row * d, .ldc = d };
        e->backend->product(e->backend, &product);
    }
    if (run->dk) {
        const kin_product product = { .transpose_a = 1, .m = columns, .n = d, .k = e->t.rows,
            .alpha = 1, .a = e->t.score, .lda = columns, .b = run->q + row * d, .ldb = d,
            .beta = row > 0, .c = run->dk, .ldc = d };
        e->backend->product(e->backend, &product);
    }
}

/* Sum of the values of one side and what to divide it by. */
static double total(engine *e, int side, double *divisor)
{
    const kin_score_side *s = &e->t.side[side];
    const bool all = e->run->loss->reduce == KIN_SUM_PER_ROW;
    *divisor = all ? (double)s->count : e->backend->sum(e->backend, s->count, s->counted);
    return e->backend->sum(e->backend, s->count, s->value);
}

static double share(double sum, double divisor) { return divisor > 0 ? sum / divisor : 0; }

static void one_way(engine *e)
{
    kin_rows_run *run = e->run;
    double divisor;
    e->t.scale[0] = 1;
    for (int64_t row = 0; row < e->t.side[0].count; row += e->panel) {
        place(e, row, false);
        form(e);
        if (e->hit) e->kernels->best(e->backend, &e->t, e->hit);
        e->kernels->rows(e->backend, &e->t, run->slopes);
        if (run->slopes) push(e);
    }
    run->value = total(e, 0, &divisor);
    run->factor = share(1, divisor);
    run->value *= run->factor;
}

typedef enum { LOOK, ADD, SLOPE } sweep;

static void sweep_panels(engine *e, sweep at, bool formed)
{
    for (int64_t row = 0; row < e->t.side[0].count; row += e->panel) {
        const bool ready = place(e, row, formed);
        if (!ready) form(e);
        if (!formed && e->hit) e->kernels->best(e->backend, &e->t, e->hit);
        if (at == LOOK) e->kernels->look(e->backend, &e->t);
        if (at == ADD) e->kernels->add(e->backend, &e->t);
        if (at == SLOPE) e->kernels->slope(e->backend, &e->t);
        if (at == SLOPE) push(e);
    }
}

static void two_way(engine *e)
{
    kin_rows_run *run = e->run;
    const bool looks_first = run->loss->looks_first;
    double divisor[2], sum[2];
    e->kernels->open(e->backend, &e->t, 0);
    e->kernels->open(e->backend, &e->t, 1);
    if (looks_first) sweep_panels(e, LOOK, false);
    sweep_panels(e, ADD, looks_first);
    for (int side = 0; side < 2; side++) {
        e->kernels->close(e->backend, &e->t, side);
        sum[side] = total(e, side, &divisor[side]);
        e->t.scale[side] = (real)share(0.5, divisor[side]);
    }
    run->value = (share(sum[0], divisor[0]) + share(sum[1], divisor[1])) / 2;
    run->factor = 1;
    if (run->slopes) sweep_panels(e, SLOPE, true);
}

static real *take(kin_tape *tape, int64_t count)
{
    real *taken = KIN_TAKE(kin_tape_arena(tape), real, count);
    if (!taken)
        kin_tape_fail(tape, KIN_MEMORY, "loss: no memory for %lld numbers", (long long)count);
    return taken;
}

static kin_status prepare_side(kin_tape *tape, kin_score_side *side, int fields)
{
    side->value = take(tape, side->count);
    side->counted = take(tape, side->count);
    if (fields > 0) side->stats = take(tape, side->count * fields);
    return kin_tape_status(tape);
}

/* Bounded scores need no look: the bound serves while exponents span less than 80. */
static void bound(engine *e)
{
    const kin_loss *loss = e->run->loss;
    e->t.bounded = e->run->unit && loss->steepness && 2 * loss->steepness(e->run->hypers) < 80;
    e->t.top = e->t.bounded ? 1 : (real)-1e30;             /* -BIG of core/words.h */
    for (int i = 0; i < KIN_HYPERS_MAX; i++) e->t.hypers[i] = (real)e->run->hypers[i];
}

static kin_status prepare(kin_tape *tape, engine *e)
{
    const kin_rows_run *run = e->run;
    const int64_t rows = e->t.side[0].count, columns = e->t.side[1].count;
    bound(e);
    e->panel = panel_rows(run);
    KIN_TRY(prepare_side(tape, &e->t.side[0], run->both ? e->kernels->fields : 0));
    if (run->both) {
        KIN_TRY(prepare_side(tape, &e->t.side[1], e->kernels->fields));
        const int64_t room = (int64_t)(run->setting->memory / sizeof(real)) / columns;
        e->kept_rows = room >= rows ? rows : room / e->panel * e->panel;
        if (e->kept_rows > 0) e->kept = take(tape, e->kept_rows * columns);
        const size_t work = e->kernels->work(e->backend, e->panel, columns);
        e->t.work = take(tape, (int64_t)(work / sizeof(real)));
    }
    if (e->kept_rows < rows) e->scratch = take(tape, e->panel * columns);
    if (run->setting->want_accuracy) e->hit = take(tape, rows);
    return kin_tape_status(tape);
}

/* NaN and infinity would come out of the loops as a plausible number, and so would overflow. */
static bool sane(const engine *e)
{
    const kin_rows_run *run = e->run;
    const int64_t rows = e->t.side[0].count * run->dimension;
    const int64_t columns = e->t.side[1].count * run->dimension;
    const double q = e->backend->sum_squares(e->backend, rows, run->q);
    const double k = e->backend->sum_squares(e->backend, columns, run->k);
    bool finite = sqrt(q) * sqrt(k) < 1e15;
    if (run->raw_q != run->q)
        finite = finite && isfinite(e->backend->sum_squares(e->backend, rows, run->raw_q));
    if (run->raw_k != run->k && run->raw_k != run->raw_q)
        finite = finite && isfinite(e->backend->sum_squares(e->backend, columns, run->raw_k));
    for (int i = 0; i < KIN_HYPERS_MAX; i++) finite = finite && isfinite(run->hypers[i]);
    return finite;
}

/* sum_ij slope_ij s_ij = sum_i q_i . dq_i, as s_ij = q_i . k_j and dq_i = sum_j slope_ij k_j. */
static kin_status learn(kin_tape *tape, engine *e)
{
    kin_rows_run *run = e->run;
    const int64_t n = (run->dq ? e->t.side[0].count : e->t.side[1].count) * run->dimension;
    real *product = take(tape, n);
    if (!product) return kin_tape_status(tape);
    e->backend->zero(e->backend, product, (size_t)n * sizeof(real));
    if (run->dq) e->backend->multiply(e->backend, n, run->q, run->dq, product);
    else e->backend->multiply(e->backend, n, run->k, run->dk, product);
    const double slope_score = e->backend->sum(e->backend, n, product) * run->factor;
    run->loss->learn(run->hypers, e->slope_sum * run->factor, slope_score, run->gradient);
    return KIN_OK;
}

static kin_status compute(kin_tape *tape, engine *e)
{
    kin_rows_run *run = e->run;
    KIN_TRY(prepare(tape, e));
    if (run->both) two_way(e);
    else one_way(e);
    if (e->hit) run->accuracy = e->backend->sum(e->backend, e->t.side[0].count, e->hit);
    return run->slopes && run->learns ? learn(tape, e) : KIN_OK;
}

kin_status kin_rows_compute(kin_tape *tape, kin_rows_run *run)
{
    engine e = { .run = run, .backend = kin_tape_backend(tape), .t = run->scores };
    e.kernels = e.backend->score(e.backend, run->setting->loss);
    run->value = NAN;
    run->factor = 0;
    run->accuracy = NAN;
    if (!sane(&e)) return KIN_OK;
    const size_t mark = kin_arena_mark(kin_tape_arena(tape));
    const kin_status status = compute(tape, &e);
    kin_arena_rewind(kin_tape_arena(tape), mark);
    return status;
}
