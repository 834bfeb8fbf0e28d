/* Signed gradient checks of every loss, at the defaults and at both ends of every hyperparameter:
 * pairs with extra columns, duplicates, zero rows, rows that lack positives; one way and both.
 * Circle holds its weights constant: its slopes are those of the oracle with the weights frozen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "autograd/gradcheck.h"
#include "tests/losses/fused.h"

static machine m;
static double worst[64];
static int checks[64];

enum { ROWS = 6, COLUMNS = 9, DIMENSION = 3, SHAPES = 6 };
static int32_t own[ROWS] = { 3, 0, 5, 1, 8, 2 };
static int32_t row_label[ROWS] = { 1, 2, 1, 4, 5, 1 };
static int32_t col_label[COLUMNS] = { 2, 4, 1, 1, 7, 1, 2, 8, 5 };
static int32_t self_label[ROWS] = { 1, 2, 1, 3, 2, 1 };              /* row 3 has no positive */
static double *q, *k, *zero_q, *zero_k;

static void make_data(void)
{
    q = normals(21, ROWS * DIMENSION), k = normals(22, COLUMNS * DIMENSION);
    zero_q = normals(21, ROWS * DIMENSION), zero_k = normals(22, COLUMNS * DIMENSION);
    for (int x = 0; x < DIMENSION; x++)
        zero_q[2 * DIMENSION + x] = zero_k[5 * DIMENSION + x] = zero_k[7 * DIMENSION + x] = 0;
}

/* The shapes of a check; wants: which inputs are differentiated (cosines of a zero row are not
 * smooth in that row). */
static problem shape_of(int shape, unsigned *wants)
{
    problem p = { .rows = ROWS, .columns = COLUMNS, .dimension = DIMENSION, .q = q, .k = k };
    p.relation.own = own;
    *wants = 3;
    if (shape == 1) p.symmetric = true;
    if (shape >= 2) p.relation.row_label = row_label, p.relation.col_label = col_label;
    if (shape == 2) p.symmetric = true, p.memory = 1 << 16;
    if (shape == 3) p.symmetric = true, p.k = zero_k, *wants = 1;
    if (shape == 4) p.q = zero_q, *wants = 2;
    if (shape == 5) {
        p.k = NULL, p.columns = ROWS;
        p.relation = (kin_relation){ .by_label = true, .row_label = self_label,
                                     .col_label = self_label, .self = true };
        p.relation.row_text = p.relation.col_text = row_label;
    }
    return p;
}

/* The shape as the loss takes it, false where it makes no sense for it: composed losses compare row
 * i with column i, and those that hold the columns are not smooth in what they hold. */
static bool shape_for(int loss, int shape, problem *p, unsigned *wants)
{
    *p = shape_of(shape, wants);
    p->loss = kin_losses.items[loss]->name;
    if (!composed(p->loss)) return true;
    const bool holds = loss_called(p->loss)->holds_columns;
    p->relation = (kin_relation){ .own = NULL };
    p->columns = ROWS;
    if (holds) *wants &= 1;
    return shape < 5 && *wants && !(holds && p->symmetric);
}

static kin_tensor *apply(kin_tape *tape, void *in) { return inputs_apply(in, tape, NULL); }

static double check_tape(const problem *p, unsigned wants, double step)
{
    inputs in;
    kin_gradcheck result = { 0 };
    kin_tensor *params[2 + KIN_HYPERS_MAX];
    int count = 0;
    inputs_open(&in, p);
    in.q.needs_grad = wants & 1, in.k.needs_grad = wants & 2;
    if (wants & 1) params[count++] = &in.q;
    if (wants & 2 && !in.same) params[count++] = &in.k;
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (p->learn >> i & 1) params[count++] = &in.learned[i];
    kin_tape_reset(m.tape, 1, 0, true);
    assert_int_equal(kin_gradient_check(m.tape, apply, &in, params, count, step, &result), KIN_OK);
    inputs_close(&in);
    return result.error;
}

/* Slope of circle by one number of q or k, its weights from the unmoved scores: differences of
 * fourth order. */
static double frozen_slope(const problem *p, double *x, double step)
{
    static const double at[] = { -2, -1, 1, 2 }, factor[] = { 1, -8, 8, -1 };
    const int64_t nq = p->rows * p->dimension, nk = p->k ? p->columns * p->dimension : 0;
    problem still = *p;
    double *sq = memcpy(zeros(nq), p->q, sizeof(double) * (size_t)nq);
    double *sk = nk ? memcpy(zeros(nk), p->k, sizeof(double) * (size_t)nk) : NULL;
    still.q = sq, still.k = sk;
    const double start = *x;
    double slope = 0;
    for (int i = 0; i < 4; i++) {
        *x = start + at[i] * step;
        answer a = oracle_frozen(p, &still);
        slope += factor[i] * a.value / (12 * step);
        answer_free(&a);
    }
    *x = start;
    free(sq), free(sk);
    return slope;
}

static double check_circle(const problem *p, unsigned wants, double step)
{
    const int64_t nq = p->rows * p->dimension, nk = p->k ? p->columns * p->dimension : 0;
    answer a = fused(&m, p);
    const double scale = fmax(largest(a.dq, nq), nk ? largest(a.dk, nk) : 0);
    double error = 0;
    for (int64_t i = 0; wants & 1 && i < nq; i++)
        error = fmax(error, fabs(frozen_slope(p, (double *)&p->q[i], step) - a.dq[i]));
    for (int64_t i = 0; wants & 2 && i < nk; i++)
        error = fmax(error, fabs(frozen_slope(p, (double *)&p->k[i], step) - a.dk[i]));
    answer_free(&a);
    return error / fmax(scale, 1e-6);
}

/* One setting in all shapes; step: small beside the width of the loss's corners. */
static void check(int loss, const double *hypers, double step)
{
    const kin_entry *entry = kin_losses.items[loss];
    for (int shape = 0; shape < SHAPES; shape++) {
        unsigned wants;
        problem p;
        if (!shape_for(loss, shape, &p, &wants)) continue;
        memcpy(p.hypers, hypers, sizeof p.hypers);
        const bool circle = !strcmp(p.loss, "circle");
        for (int i = 0; i < kin_hyper_count(entry); i++)
            if (entry->hypers[i].flags & KIN_LEARNABLE) p.learn |= 1u << i;
        const double error = circle ? check_circle(&p, wants, step) : check_tape(&p, wants, step);
        answer a = fused(&m, &p), b = { 0 };
        const bool known = formula_of(p.loss) >= 0;
        if (known) b = oracle(&p);
        const double apart_by = known ? answers_apart(&p, &a, &b, 1e-2) : 0;
        if (!(error < KIN_GRADIENT_BOUND && apart_by < 1e-10))
            printf("%s %g %g %g shape %d: gradient %.1e, oracle %.1e, value %g %g\n", p.loss,
                   hypers[0], hypers[1], hypers[2], shape, error, apart_by, a.value, b.value);
        assert_true(error < KIN_GRADIENT_BOUND);
        assert_true(apart_by < 1e-10);
        answer_free(&a), answer_free(&b);
        worst[loss] = fmax(worst[loss], error);
        checks[loss]++;
    }
}

/* The narrowest corner: 1 / the steepest exponent, or the distance between two scores. */
static double step_of(const char *loss, const double *h)
{
    if (!strcmp(loss, "infonce")) return fmin(0.05, 0.5 * h[0]);
    if (!strcmp(loss, "sigmoid")) return fmin(0.2, 0.5 / h[0]);
    if (!strcmp(loss, "circle")) return 2e-3 / fmax(1, h[1] / 20);
    return 1e-3;
}

static void test_every_end(void **state)
{
    (void)state;
    for (int loss = 0; loss < kin_losses.count; loss++) {
        const kin_entry *entry = kin_losses.items[loss];
        double hypers[KIN_HYPERS_MAX] = { 0 };
        kin_hyper_defaults(entry, hypers);
        check(loss, hypers, step_of(entry->name, hypers));
        for (int i = 0; i < kin_hyper_count(entry); i++) {
            for (int end = 0; end < 2; end++) {
                kin_hyper_defaults(entry, hypers);
                hypers[i] = end ? entry->hypers[i].max : entry->hypers[i].min;
                check(loss, hypers, step_of(entry->name, hypers));
            }
        }
        printf("%-8s %2d checks, worst error %.1e\n", entry->name, checks[loss], worst[loss]);
    }
}

/* ---- the check can fail: kernels with a fault ---------------------------------------------- */

static const kin_score_kernels *(*healthy)(kin_backend *, int);
static kin_score_kernels faulty;
static int faulty_loss, fault;

static void spoil(const kin_scores *t)
{
    const int64_t n = t->rows * t->side[1].count;
    for (int64_t i = 0; i < n; i++)
        t->score[i] *= fault == 0 ? 0.999 : fault == 1 ? -1 : i % 7 == 3 ? 0 : 1;
}

static void faulty_rows(kin_backend *backend, const kin_scores *t, bool slopes)
{
    healthy(backend, faulty_loss)->rows(backend, t, slopes);
    if (slopes) spoil(t);
}

static void faulty_slope(kin_backend *backend, const kin_scores *t)
{
    healthy(backend, faulty_loss)->slope(backend, t);
    spoil(t);
}

static const kin_score_kernels *faulty_score(kin_backend *backend, int loss)
{
    faulty = *healthy(backend, faulty_loss = loss);
    faulty.rows = faulty_rows, faulty.slope = faulty_slope;
    return &faulty;
}

static void test_faults_are_found(void **state)
{
    (void)state;
    static const double least[] = { 0.9e-3, 1.9, 1e-3 };      /* scaled, negated, some dropped */
    healthy = m.backend->score;
    m.backend->score = faulty_score;
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (fault = 0; fault < 3; fault++)
            for (int shape = 0; shape < 2; shape++) {
                unsigned wants;
                problem p;
                if (!shape_for(loss, shape, &p, &wants)) continue;
                if (composed(p.loss)) continue;                 /* it has no kernels of its own */
                kin_hyper_defaults(kin_losses.items[loss], p.hypers);
                const double step = step_of(p.loss, p.hypers);
                const double error = strcmp(p.loss, "circle") ? check_tape(&p, wants, step)
                                                              : check_circle(&p, wants, step);
                assert_true(error > least[fault]);
            }
    m.backend->score = healthy;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_end), cmocka_unit_test(test_faults_are_found),
    };
    make_data();
    if (machine_open(&m, 1) != KIN_OK) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    machine_close(&m);
    free(q), free(k), free(zero_q), free(zero_k);
    return failed;
}
