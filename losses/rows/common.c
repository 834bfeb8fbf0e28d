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
    t->looks_first = loss->looks_first && loss->looks_first(run->hypers);
    t->reduce = run->reduce;
    for (int i = 0; i < KIN_HYPERS_MAX; i++) t->hypers[i] = (real)run->hypers[i];
}

/* ---- sums ----------------------------------------------------------------------------------- */

enum { CHECKS_MAX = 4, SIDE_SUMS = 2 };

/* NaN and infinity would come out of the loops as a plausible number, and so would overflow: sums
 * of squares of the inputs show them. */
static int list_checks(const kin_rows_run *run, kin_sum_request *to)
{
    const int64_t q_rows = run->q_rows, k_rows = run->scores.side[1].count;
    int n = 0;
    if (run->given) {
        to[n++] = (kin_sum_request){ q_rows * k_rows, run->given, true };
        return n;
    }
    to[n++] = (kin_sum_request){ q_rows * run->dimension, run->q, true };
    to[n++] = (kin_sum_request){ k_rows * run->dimension, run->k, true };
    for (int i = 0; i < (run->raw[0] == run->raw[1] ? 1 : 2); i++) {
        const kin_tensor *x = run->raw[i];
        if (!x || x->value == run->q || x->value == run->k) continue;
        to[n++] = (kin_sum_request){ x->rows * x->cols, x->value, true };
    }
    return n;
}

static bool passes(const kin_rows_run *run, const double *squares, int checks)
{
    if (run->given) return squares[0] < 1e30;
    bool finite = sqrt(squares[0]) * sqrt(squares[1]) < 1e15;
    for (int i = 2; i < checks; i++) finite = finite && isfinite(squares[i]);
    return finite;
}

/* Rows that are sorted, or looked through one by one, are looked at beforehand; loops that only
 * calculate may meet any number, and the check waits for their sums. */
bool kin_rows_begin(kin_backend *backend, kin_rows_run *run)
{
    kin_sum_request of[CHECKS_MAX];
    double squares[CHECKS_MAX];
    run->value = run->accuracy = NAN;
    run->factor = 0;
    run->q_rows = run->scores.side[0].count;
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (!isfinite(run->hypers[i])) return false;
    run->unchecked = run->loss->form != KIN_ROW;
    if (run->unchecked) return true;
    const int checks = list_checks(run, of);
    backend->sums(backend, checks, of, squares);
    return passes(run, squares, checks);
}

/* Of each side the sum of its rows' values and what to divide it by. False: the inputs are not such
 * that the sums mean anything. */
bool kin_rows_sums(kin_backend *backend, kin_rows_run *run, int sides, double *sum, double *divisor)
{
    kin_sum_request of[CHECKS_MAX + 2 * SIDE_SUMS];
    double result[CHECKS_MAX + 2 * SIDE_SUMS];
    const int checks = run->unchecked ? list_checks(run, of) : 0;
    const bool counts = run->reduce != KIN_SUM && run->reduce != KIN_MEAN_ROWS;
    int n = checks;
    for (int i = 0; i < sides; i++) {
        const kin_score_side *s = &run->scores.side[i];
        of[n++] = (kin_sum_request){ s->count, s->value, false };
        if (counts) of[n++] = (kin_sum_request){ s->count, s->counted, false };
    }
    backend->sums(backend, n, of, result);
    for (int i = 0, at = checks; i < sides; i++) {
        sum[i] = result[at++];
        divisor[i] = counts ? result[at++]
                     : run->reduce == KIN_SUM ? 1 : (double)run->scores.side[i].count;
    }
    return checks == 0 || passes(run, result, checks);
}

double kin_rows_share(double sum, double divisor) { return divisor > 0 ? sum / divisor : 0; }

bool kin_rows_total(kin_backend *backend, kin_rows_run *run)
{
    double divisor, sum;
    if (!kin_rows_sums(backend, run, 1, &sum, &divisor)) return false;
    run->factor = kin_rows_share(1, divisor);
    run->value = sum * run->factor;
    return true;
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
    if (run->one) sums.score /= 2;        /* dq also holds what columns are pushed by */
    sums.all *= run->factor;
    sums.positive *= run->factor;
    run->loss->learn(run->hypers, sums, run->gradient);
    return KIN_OK;
}
