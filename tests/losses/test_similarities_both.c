/* What a score may be: every similarity against its formula, and in double its gradients against
 * slopes, for rows and columns that differ and for rows against themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "autograd/gradcheck.h"
#include "tests/losses/fused.h"

enum { ROWS = 7, COLUMNS = 9, D = 5 };
static const int32_t label[ROWS] = { 0, 1, 0, 2, 1, 0, 3 };

static machine m;

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int x = 0; x < D; x++) sum += a[x] * b[x];
    return sum;
}

static double variance(const double *a)
{
    double mean = 0, sum = 0;
    for (int x = 0; x < D; x++) mean += a[x] / D;
    for (int x = 0; x < D; x++) sum += (a[x] - mean) * (a[x] - mean) / D;
    return sum;
}

/* Re + Im of q conj k; the missing number of a shorter second half is 0. */
static double turned(const double *q, const double *k)
{
    const int half = (D + 1) / 2;
    double sum = 0;
    for (int x = 0; x < half; x++) {
        const double b = half + x < D ? q[half + x] : 0, d = half + x < D ? k[half + x] : 0;
        sum += q[x] * k[x] + b * d + b * k[x] - q[x] * d;
    }
    return sum;
}

static double formula(int similarity, const double *q, const double *k)
{
    double apart[D];
    for (int x = 0; x < D; x++) apart[x] = q[x] - k[x];
    const double lengths = sqrt(dot(q, q) * dot(k, k));
    switch (similarity) {
    case KIN_COSINE: return lengths > 0 ? dot(q, k) / lengths : 0;
    case KIN_DOT: return dot(q, k);
    case KIN_EUCLIDEAN: return 1 - dot(apart, apart) / 2;
    case KIN_ANGLE: return lengths > 0 ? turned(q, k) / lengths : 0;
    default: return variance(q) > 1e-20 ? 1 - variance(apart) / variance(q) / 2 : 0;
    }
}

typedef struct {
    kin_loss_setting setting;
    kin_tensor q, k;
} task;

static kin_tensor *apply(kin_tape *tape, void *context)
{
    task *t = context;
    return kin_loss_apply(tape, &t->setting, &t->q,
                          t->setting.relation.self ? &t->q : &t->k, NULL);
}

/* The same loss of scores that the formula gives. */
static double by_formula(const task *t, const double *q, const double *k)
{
    const int64_t columns = t->setting.relation.self ? ROWS : COLUMNS;
    double s[ROWS * COLUMNS];
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < columns; j++)
            s[i * columns + j] = formula(t->setting.similarity, q + i * D, k + j * D);
    kin_loss_report report;
    real *scores = to_real(s, ROWS * columns);
    kin_tape_reset(m.tape, 1, 0, true);
    kin_loss_apply_scores(m.tape, &t->setting, kin_tape_input(m.tape, ROWS, columns, scores),
                          &report);
    free(scores);
    return report.value;
}

static double by_products(task *t)
{
    kin_tape_reset(m.tape, 1, 0, true);
    kin_tensor *loss = apply(m.tape, t);
    assert_int_equal(kin_tape_backward(m.tape, loss), KIN_OK);
    return (double)*loss->value;
}

static void check_slopes(task *t)
{
    kin_tensor *params[] = { &t->q, &t->k };
    kin_gradcheck worst;
    if (sizeof(real) == 4) return;
    assert_int_equal(kin_gradient_check(m.tape, apply, t, params, t->setting.relation.self ? 1 : 2,
                                        0.02, &worst), KIN_OK);
    if (worst.error > KIN_GRADIENT_BOUND)
        fail_msg("similarity %d: gradient off by %g", t->setting.similarity, worst.error);
}

static void run(const double *q, const double *k, bool slopes)
{
    task t = { .q = { .rows = ROWS, .cols = D, .needs_grad = true, .name = "q" },
               .k = { .rows = COLUMNS, .cols = D, .needs_grad = true, .name = "k" } };
    t.q.value = to_real(q, ROWS * D), t.k.value = to_real(k, COLUMNS * D);
    assert_int_equal(kin_loss_default(&t.setting, "infonce"), KIN_OK);
    t.setting.hypers[0] = 0.5;
    for (int similarity = 1; similarity < KIN_SIMILARITIES; similarity++)
        for (int self = 0; self < 2; self++) {
            t.setting.similarity = similarity;
            t.setting.relation = (kin_relation){ .self = self, .by_label = self };
            if (self) t.setting.relation.row_label = t.setting.relation.col_label = label;
            const double want = by_formula(&t, q, self ? q : k), got = by_products(&t);
            if (!(fabs(got - want) <= (sizeof(real) == 8 ? 1e-13 : 2e-6) * fabs(want)))
                fail_msg("similarity %d, self %d: %.9g, expected %.9g", similarity, self, got,
                         want);
            if (slopes) check_slopes(&t);
        }
    kin_tape_reset(m.tape, 1, 0, true);
    free(t.q.value), free(t.k.value);
}

static void test_formulas(void **state)
{
    (void)state;
    double *q = normals(31, ROWS * D), *k = normals(32, COLUMNS * D);
    run(q, k, true);
    free(q), free(k);
}

/* Zero rows and constant rows, whose variance is nothing but rounding. */
static void test_nothing_to_compare(void **state)
{
    (void)state;
    double *q = normals(33, ROWS * D), *k = normals(34, COLUMNS * D);
    for (int x = 0; x < D; x++)
        q[x] = k[D + x] = 0, q[2 * D + x] = (double)0.1f, k[3 * D + x] = (double)0.3f;
    run(q, k, false);
    free(q), free(k);
}

/* Both ways the columns read the same scores; views are every row against every other. */
static void test_directions(void **state)
{
    (void)state;
    double *q = normals(35, ROWS * D), *k = normals(36, ROWS * D);
    task t = { .q = { .rows = ROWS, .cols = D, .needs_grad = true, .name = "q" },
               .k = { .rows = ROWS, .cols = D, .needs_grad = true, .name = "k" } };
    t.q.value = to_real(q, ROWS * D), t.k.value = to_real(k, ROWS * D);
    assert_int_equal(kin_loss_default(&t.setting, "infonce"), KIN_OK);
    t.setting.hypers[0] = 0.5;
    for (int similarity = 1; similarity < KIN_SIMILARITIES; similarity++)
        for (int direction = 0; direction <= KIN_JOINT; direction++) {
            t.setting.similarity = similarity, t.setting.direction = direction;
            check_slopes(&t);
        }
    kin_tape_reset(m.tape, 1, 0, true);
    free(t.q.value), free(t.k.value), free(q), free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formulas), cmocka_unit_test(test_nothing_to_compare),
        cmocka_unit_test(test_directions),
    };
    if (machine_open(&m, 2) != KIN_OK) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    machine_close(&m);
    return failed;
}
