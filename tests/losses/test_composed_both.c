/* Losses of ops: what has no answer gives a finite one (zero rows, constant coordinates, a single
 * row), what makes no sense is refused; and what is built around any loss: leading coordinates and
 * weighted sums. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/losses/fused.h"

static machine m;

/* to += weight from, whose rows are d wide. */
static void join(double *to, const double *from, int64_t rows, int64_t dimension, int64_t d,
                 double weight)
{
    for (int64_t i = 0; i < rows * d; i++) to[i / d * dimension + i % d] += weight * from[i];
}

static void stays_finite(const problem *p, const char *what)
{
    answer a = fused(&m, p);
    const double most = fmax(largest(a.dq, p->rows * p->dimension),
                             largest(a.dk, p->columns * p->dimension));
    if (a.status != KIN_OK || !isfinite(a.value) || !(most < 1e9))
        fail_msg("%s, %s: value %g, largest gradient %g: %s", p->loss, what, a.value, most,
                 a.status == KIN_OK ? "ok" : kin_message());
    answer_free(&a);
}

/* The default, and both ends of every hyperparameter. */
static void finite_at_ends(problem *p, const char *what)
{
    const kin_entry *entry = &loss_called(p->loss)->entry;
    kin_hyper_defaults(entry, p->hypers);
    stays_finite(p, what);
    for (int i = 0; i < 2 * kin_hyper_count(entry); i++) {
        kin_hyper_defaults(entry, p->hypers);
        p->hypers[i / 2] = i % 2 ? entry->hypers[i / 2].max : entry->hypers[i / 2].min;
        stays_finite(p, what);
    }
}

static void test_corners(void **state)
{
    (void)state;
    enum { B = 9, D = 4 };
    for (int loss = 0; loss < kin_losses.count; loss++) {
        problem p = { .loss = kin_losses.items[loss]->name, .rows = B, .columns = B,
                      .dimension = D };
        if (!composed(p.loss)) continue;
        for (p.symmetric = false;; p.symmetric = true) {
            double *q = normals(41, B * D), *k = normals(42, B * D), none[B * D] = { 0 };
            p.rows = p.columns = B, p.q = q, p.k = k;
            for (int x = 0; x < D; x++) q[2 * D + x] = k[2 * D + x] = k[5 * D + x] = 0;
            finite_at_ends(&p, "zero rows");
            for (int i = 0; i < B; i++) q[i * D + 1] = (double)0.1f, k[i * D + 2] = (double)3.3f;
            finite_at_ends(&p, "constant coordinates");
            for (int i = 0; i < B; i++) k[i * D + 3] = k[i * D];
            finite_at_ends(&p, "a coordinate twice");
            for (int i = 0; i < B * D; i++) k[i] = q[i % D];
            finite_at_ends(&p, "one row again and again");
            p.rows = p.columns = 1;
            finite_at_ends(&p, "a single row");
            p.rows = p.columns = 2;
            finite_at_ends(&p, "fewer rows than coordinates");
            p.rows = p.columns = B, p.q = p.k = none;
            finite_at_ends(&p, "nothing but zeros");
            free(q), free(k);
            if (p.symmetric) break;
        }
    }
}

static void refused(problem p, const char *words)
{
    answer a = fused(&m, &p);
    if (a.status != KIN_USAGE || !strstr(kin_message(), words)) printf("%s\n", kin_message());
    assert_int_equal(a.status, KIN_USAGE);
    assert_non_null(strstr(kin_message(), words));
    answer_free(&a);
}

static void test_refusals(void **state)
{
    (void)state;
    double *q = normals(43, 24);
    static int32_t own[4] = { 1, 0, 3, 2 };
    for (int loss = 0; loss < kin_losses.count; loss++) {
        const problem good = { .loss = kin_losses.items[loss]->name, .rows = 4, .columns = 4,
                               .dimension = 3, .q = q, .k = q };
        problem p = good;
        if (!composed(p.loss)) continue;
        kin_hyper_defaults(kin_losses.items[loss], p.hypers);
        p.columns = 6;
        refused(p, "it compares row i with column i, but there are 4 rows and 6 columns");
        p.columns = 4, p.relation.own = own;
        refused(p, "it compares row i with column i: no labels");
        p.relation = (kin_relation){ .by_label = true, .row_label = own, .col_label = own };
        refused(p, "it compares row i with column i: no labels");
        p.relation = (kin_relation){ .row_label = own, .col_label = own };      /* duplicates */
        stays_finite(&p, "keys");
    }
    free(q);
}

/* Nine rows in parts of at least four are the first four and the other five. */
static void test_parts_are_whitened_alone(void **state)
{
    (void)state;
    double *q = normals(48, 9 * 3), *k = normals(49, 9 * 3), want[27] = { 0 };
    problem p = { .loss = "w_mse", .hypers = { 1e-3, 4 }, .rows = 9, .columns = 9, .dimension = 3,
                  .q = q, .k = k };
    answer all = fused(&m, &p);
    p.rows = p.columns = 4;
    answer first = fused(&m, &p);
    p.rows = p.columns = 5, p.q = q + 12, p.k = k + 12;
    answer last = fused(&m, &p);
    join(want, first.dk, 4, 3, 3, 4.0 / 9);
    join(want + 12, last.dk, 5, 3, 3, 5.0 / 9);
    const double value = (4 * first.value + 5 * last.value) / 9;
    assert_true(fabs(all.value - value) <= (sizeof(real) == 8 ? 1e-13 : 1e-5) * fabs(value));
    assert_true(apart(all.dk, want, 27, 0) <= (sizeof(real) == 8 ? 1e-12 : 1e-4));
    answer_free(&all), answer_free(&first), answer_free(&last);
    free(q), free(k);
}

/* ---- leading coordinates -------------------------------------------------------------------- */

/* Rows of the first d coordinates. */
static double *cut(const double *x, int64_t rows, int64_t dimension, int64_t d)
{
    double *y = zeros(rows * d);
    for (int64_t i = 0; i < rows; i++) memcpy(y + i * d, x + i * dimension, sizeof *y * (size_t)d);
    return y;
}

/* The batch with its leading coordinates only, as far as there are embeddings. */
static void cut_batch(kin_loss_batch *b, int64_t d, real *whole[2])
{
    kin_tensor *const x[2] = { &b->rows, &b->columns };
    for (int side = 0; side < 2; side++) {
        if (!(whole[side] = x[side]->value)) continue;
        double *wide = zeros(x[side]->rows * x[side]->cols);
        from_real(x[side]->value, x[side]->rows * x[side]->cols, wide);
        double *narrow = cut(wide, x[side]->rows, x[side]->cols, d);
        x[side]->value = to_real(narrow, x[side]->rows * d);
        x[side]->cols = d;
        free(wide), free(narrow);
    }
}

static void restore(kin_loss_batch *b, int64_t d, real *whole[2])
{
    kin_tensor *const x[2] = { &b->rows, &b->columns };
    for (int side = 0; side < 2; side++) {
        if (!whole[side]) continue;
        free(x[side]->value);
        x[side]->value = whole[side], x[side]->cols = d;
    }
}

static void check_dims(kin_loss_batch *b)
{
    static const int dims[] = { 2, 6, 4 };
    static const double weight[] = { 0.5, 1, 2 };
    const int64_t d = b->rows.cols, rows = b->rows.rows, columns = b->columns.rows;
    double value = 0, *dq = zeros(rows * d), *dk = zeros(columns * d);
    for (int i = 0; i < 3; i++) {
        real *whole[2];
        cut_batch(b, dims[i], whole);
        answer a = fused_batch(&m, b);
        restore(b, d, whole);
        value += weight[i] * a.value;
        join(dq, a.dq, rows, d, dims[i], weight[i]);
        join(dk, a.dk, columns, d, dims[i], weight[i]);
        answer_free(&a);
    }
    for (int i = 0; i < 3; i++) b->setting.dims[i] = dims[i], b->setting.dim_weight[i] = weight[i];
    answer got = fused_batch(&m, b);
    const double bound = sizeof(real) == 8 ? 1e-12 : 1e-5;
    const double off = fmax(fabs(got.value - value) / fmax(fabs(value), 1e-3),
                            fmax(apart(got.dq, dq, rows * d, 1e-3),
                                 apart(got.dk, dk, columns * d, 1e-3)));
    if (got.status != KIN_OK || !(off < bound))
        fail_msg("%s, %s: leading coordinates are off by %g",
                 kin_losses.items[b->setting.loss]->name, b->kind, off);
    answer_free(&got), free(dq), free(dk);
}

static void test_dims(void **state)
{
    (void)state;
    double *q = normals(44, 8 * 6), *k = normals(45, 8 * 6);
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int kind = 0; kin_loss_batch_kind(kind); kind++) {
            kin_loss_batch b;
            if (kin_loss_batch_make(&b, m.tape, loss, kind, 8, 8, 6, 1) != KIN_OK) continue;
            if (!b.scores) check_dims(&b);
            kin_loss_batch_free(&b);
        }
    problem p = { .loss = "infonce", .hypers = { 0.05 }, .rows = 8, .columns = 8, .dimension = 6,
                  .q = q, .k = k, .dims = { 2, 7 }, .dim_weight = { 1, 1 } };
    refused(p, "7 coordinates are asked for of 6");
    p.dims[1] = 6, p.dim_weight[1] = 0;
    refused(p, "the weight of 6 coordinates is 0, expected above 0");
    free(q), free(k);
}

/* ---- sums ----------------------------------------------------------------------------------- */

enum { TERMS = 3 };

static void test_sum(void **state)
{
    (void)state;
    static const double weight[TERMS] = { 2, -0.25, 0 };
    const char *const names[TERMS] = { "infonce", "vicreg", "triplet" };
    double *q = normals(46, 6 * 4), *k = normals(47, 6 * 4), *dq = zeros(6 * 4), value = 0;
    kin_loss_term terms[TERMS];
    kin_loss_report reports[TERMS];
    answer one[TERMS];
    inputs in;
    for (int i = 0; i < TERMS; i++) {
        problem p = { .loss = names[i], .rows = 6, .columns = 6, .dimension = 4, .q = q, .k = k };
        kin_hyper_defaults(&loss_called(names[i])->entry, p.hypers);
        one[i] = fused(&m, &p);
        terms[i].weight = weight[i];
        assert_int_equal(kin_loss_default(&terms[i].setting, names[i]), KIN_OK);
        value += weight[i] * one[i].value;
        join(dq, one[i].dq, 6, 4, 4, weight[i]);
        if (!i) inputs_open(&in, &p);
    }
    kin_tape_reset(m.tape, 1, 0, true);
    kin_tensor *sum = kin_loss_sum(m.tape, terms, TERMS, &in.q, &in.k, reports);
    assert_int_equal(kin_tape_backward(m.tape, sum), KIN_OK);
    assert_true(fabs((double)*sum->value - value) < 1e-5 * fabs(value));
    for (int i = 0; i < TERMS; i++) assert_true(reports[i].value == one[i].value);
    for (int i = 0; i < 24; i++)
        assert_true(fabs((double)in.q.grad[i] - dq[i]) < 1e-5 * largest(dq, 24));
    for (int i = 0; i < TERMS; i++) terms[i].weight = 0, answer_free(&one[i]);
    kin_tape_reset(m.tape, 1, 0, true);
    kin_loss_sum(m.tape, terms, TERMS, &in.q, &in.k, NULL);
    assert_int_equal(kin_tape_status(m.tape), KIN_USAGE);
    assert_non_null(strstr(kin_message(), "none of the 3 has a weight"));
    kin_tape_reset(m.tape, 1, 0, true);
    inputs_close(&in), free(q), free(k), free(dq);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corners), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_parts_are_whitened_alone),
        cmocka_unit_test(test_dims), cmocka_unit_test(test_sum),
    };
    if (machine_open(&m, 2) != KIN_OK) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    machine_close(&m);
    return failed;
}
