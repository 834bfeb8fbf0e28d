/* Common: what tiles of scores and lists of cells do alike. */
#include <math.h>
#include "losses/rows/rows.h"

kin_status kin_rows_take(kin_tape *tape, int64_t count, real **numbers)
{
    *numbers = KIN_TAKE(kin_tape_arena(tape), real, count);
    if (!*numbers)
        kin_tape_fail(tape, KIN_MEMORY, "loss: no memory for %lld numbers", (long long)count);
    return kin_tape_status(tape);
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

/* Sum of the values of one side and what to divide it by. */
double kin_rows_sum(kin_backend *backend, const kin_rows_run *run, int side, double *divisor)
{
    const kin_score_side *s = &run->scores.side[side];
    const int reduce = run->reduce;
    *divisor = reduce == KIN_SUM ? 1
               : reduce == KIN_MEAN_ROWS ? (double)s->count
               : backend->sum(backend, s->count, s->counted);
    return backend->sum(backend, s->count, s->value);
}

double kin_rows_share(double sum, double divisor) { return divisor > 0 ? sum / divisor : 0; }

void kin_rows_total(kin_backend *backend, kin_rows_run *run)
{
    double divisor;
    const double sum = kin_rows_sum(backend, run, 0, &divisor);
    run->factor = kin_rows_share(1, divisor);
    run->value = sum * run->factor;
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

/* Sum of slope * score over all cells: sum_j slope_ij s_ij = q_i . dq_i as s_ij = q_i . k_j. */
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
    if (run->triangle) sums.score /= 2;        /* dq also holds what columns are pushed by */
    sums.all *= run->factor;
    sums.positive *= run->factor;
    run->loss->learn(run->hypers, sums, run->gradient);
    return KIN_OK;
}
