/* What holds for every loss: the same bits for any number of threads, memory that neither grows nor
 * holds all scores, NaN that stays NaN, and refusals that say what does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/losses/fused.h"

static machine m;

static problem problem_of(int loss, int64_t rows, int64_t columns, int64_t d)
{
    problem p = { .loss = kin_losses.items[loss]->name, .rows = rows, .columns = columns,
                  .dimension = d, .q = normals(1, rows * d), .k = normals(2, columns * d) };
    if (composed(p.loss)) p.columns = rows;              /* it compares row i with column i */
    kin_hyper_defaults(kin_losses.items[loss], p.hypers);
    for (int i = 0; i < kin_hyper_count(kin_losses.items[loss]); i++)
        if (kin_losses.items[loss]->hypers[i].flags & KIN_LEARNABLE) p.learn |= 1u << i;
    return p;
}

static void problem_free(problem *p)
{
    free((void *)p->q);
    free((void *)p->k);
}

static void same_bits(const problem *p, const answer *a, const answer *b)
{
    assert_memory_equal(&a->value, &b->value, sizeof a->value);
    assert_memory_equal(a->dq, b->dq, sizeof(double) * (size_t)(p->rows * p->dimension));
    assert_memory_equal(a->dk, b->dk, sizeof(double) * (size_t)(p->columns * p->dimension));
    assert_memory_equal(a->dh, b->dh, sizeof a->dh);
    assert_memory_equal(&a->report, &b->report, sizeof a->report);
}

static void test_threads(void **state)
{
    (void)state;
    static const int threads[] = { 1, 2, 3, 8 };
    const int64_t rows = 300, columns = 700;
    int32_t *row_label = numbers(3, rows, 40), *col_label = numbers(4, columns, 40);
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int way = 0; way < 4; way++) {
            problem p = problem_of(loss, rows, columns, 24);
            answer first = { 0 };
            p.symmetric = way & 1, p.accuracy = true, p.panel = 128;
            if (way == 1) p.memory = 1 << 24;
            if (way & 2) p.relation.row_label = row_label, p.relation.col_label = col_label;
            for (int i = 0; i < 4; i++) {
                machine other;
                assert_int_equal(machine_open(&other, threads[i]), KIN_OK);
                answer a = fused(&other, &p);
                assert_int_equal(a.status, KIN_OK);
                assert_true(largest(a.dq, rows * 24) > 0);
                if (i > 0) same_bits(&p, &first, &a);
                if (i > 0) answer_free(&a);
                else first = a;
                machine_close(&other);
            }
            answer_free(&first), problem_free(&p);
        }
    free(row_label), free(col_label);
}

static void test_memory(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        problem p = problem_of(0, 1500, 1500, 4);
        inputs in;
        kin_arena_stats before = { 0 };
        p.symmetric = way, p.panel = 64;
        inputs_open(&in, &p);
        for (int step = 0; step < 5; step++) {
            kin_tape_reset(m.tape, 1, (uint32_t)step, true);
            kin_tape_backward(m.tape, inputs_apply(&in, m.tape, NULL));
            const kin_arena_stats now = kin_arena_read(kin_tape_arena(m.tape));
            if (step > 1) assert_true(now.blocks == before.blocks && now.peak == before.peak);
            before = now;
        }
        printf("%s: %zu bytes at the peak, all scores are %zu\n", way ? "both ways" : "one way",
               before.peak, 1500 * 1500 * sizeof(real));
        assert_true(before.peak < 1500 * 1500 * sizeof(real) / 6);
        kin_tape_reset(m.tape, 1, 0, true);
        inputs_close(&in), problem_free(&p);
    }
}

/* NaN or infinity anywhere gives NaN, never a plausible number. */
static void test_nan(void **state)
{
    (void)state;
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int way = 0; way < 8; way++) {
            problem p = problem_of(loss, 5, 7, 3);
            double *spoilt = (double *)(way & 1 ? p.k : p.q);
            spoilt[7] = way & 2 ? INFINITY : NAN;
            p.symmetric = p.dot = way & 4;
            answer a = fused(&m, &p);
            assert_true(isnan(a.value));
            assert_int_equal(a.status, KIN_NUMERICAL);
            answer_free(&a);
            spoilt[7] = sizeof(real) == 4 ? 1e30 : 1e200;
            p.dot = true;
            a = fused(&m, &p);
            assert_true(isnan(a.value));
            answer_free(&a);
            p.learn = 0, p.hypers[0] = NAN, spoilt[7] = 1;
            a = fused(&m, &p);
            assert_int_equal(a.status, KIN_USAGE);
            answer_free(&a), problem_free(&p);
        }
}

/* One query on the wrong side of everything: log(1 + exp(2 / t)), far beyond float's exp; seen from
 * the columns both rows are the same. */
static void test_extremes(void **state)
{
    (void)state;
    const double q[] = { 1, 0, 1, 0 }, k[] = { -1, 0, 1, 0 };
    problem p = { .loss = "infonce", .hypers = { 0.01 }, .rows = 2, .columns = 2, .dimension = 2,
                  .q = q, .k = k };
    for (p.symmetric = false;; p.symmetric = true) {
        answer a = fused(&m, &p);
        assert_int_equal(a.status, KIN_OK);
        assert_true(fabs(a.value - (p.symmetric ? 50 + log(2) / 2 : 100)) < 1e-4);
        answer_free(&a);
        if (p.symmetric) break;
    }
    p.symmetric = false, p.hypers[0] = 0.001;
    answer a = fused(&m, &p);
    assert_true(fabs(a.value - 1000) < 1e-2);
    answer_free(&a);
}

/* The push along a distance of 0 has no direction: it is 0, though the hinge is active. */
static void test_distance_zero(void **state)
{
    (void)state;
    const double q[] = { 1, 0, 1, 0 }, nothing[4] = { 0 };
    problem p = { .loss = "triplet", .hypers = { 0.2 }, .rows = 2, .columns = 2, .dimension = 2,
                  .q = q, .k = q, .dot = true };
    answer a = fused(&m, &p);
    assert_int_equal(a.status, KIN_OK);
    assert_true(fabs(a.value - 0.2) < 1e-7);
    assert_memory_equal(a.dq, nothing, sizeof nothing);
    assert_memory_equal(a.dk, nothing, sizeof nothing);
    answer_free(&a);
}

/* The upstream gradient scales all gradients; without training there are none. */
static void test_upstream(void **state)
{
    (void)state;
    for (int loss = 0; loss < kin_losses.count; loss++) {
        problem p = problem_of(loss, 6, 8, 4);
        inputs in;
        answer a = fused(&m, &p);
        inputs_open(&in, &p);
        kin_tape_reset(m.tape, 1, 0, true);
        kin_tensor *value = kin_scale(m.tape, inputs_apply(&in, m.tape, NULL), -3);
        assert_int_equal(kin_tape_backward(m.tape, value), KIN_OK);
        for (int i = 0; i < 24; i++)
            assert_true(fabs(in.q.grad[i] + 3 * a.dq[i]) <= 1e-6 * largest(a.dq, 24));
        for (int i = 0; i < KIN_HYPERS_MAX; i++)
            if (p.learn >> i & 1)
                assert_true(fabs(*in.learned[i].grad + 3 * a.dh[i]) <= 1e-6 * fabs(a.dh[i]));
        kin_tape_reset(m.tape, 1, 0, false);
        kin_loss_report report;
        value = inputs_apply(&in, m.tape, &report);
        assert_true(!value->needs_grad && fabs(report.value - a.value) <= 1e-6 * fabs(a.value));
        kin_tape_reset(m.tape, 1, 0, true);
        inputs_close(&in), answer_free(&a), problem_free(&p);
    }
}

/* A gradient for only one of the inputs is the same as when all have one. */
static void test_partial(void **state)
{
    (void)state;
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int want = 0; want < 3; want++) {
            problem p = problem_of(loss, 6, 8, 4);
            inputs in;
            answer a = fused(&m, &p);
            inputs_open(&in, &p);
            in.q.needs_grad = want == 0, in.k.needs_grad = want == 1;
            kin_tape_reset(m.tape, 1, 0, true);
            kin_tensor *value = inputs_apply(&in, m.tape, NULL);
            if (value->needs_grad) assert_int_equal(kin_tape_backward(m.tape, value), KIN_OK);
            const bool held = want == 1 && loss_called(p.loss)->holds_columns;
            assert_true(value->needs_grad || ((want == 2 || held) && !p.learn));
            for (int i = 0; want == 0 && i < 24; i++) assert_true((double)in.q.grad[i] == a.dq[i]);
            for (int i = 0; want == 1 && in.k.grad && i < p.columns * 4; i++)
                assert_true((double)in.k.grad[i] == a.dk[i]);
            for (int i = 0; i < KIN_HYPERS_MAX; i++)
                if (p.learn >> i & 1)
                    assert_true(apart(&a.dh[i], &(double){ *in.learned[i].grad }, 1, 0) <= 2e-5);
            kin_tape_reset(m.tape, 1, 0, true);
            inputs_close(&in), answer_free(&a), problem_free(&p);
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
    const problem good = problem_of(0, 5, 6, 3);
    static int32_t own[] = { 0, 1, 2, 6, 4 }, label[6];
    problem p = good;
    p.learn = 0, p.hypers[0] = 0;
    refused(p, "temperature is 0, expected 0.001 to 10");
    p = good, p.relation.own = own;
    refused(p, "row 3 is column 6 of 6");
    p = good, p.relation.row_label = label;
    refused(p, "go together");
    p = good, p.relation.by_label = true;
    refused(p, "need labels");
    p = good, p.relation.self = true;
    refused(p, "5 and 6");
    p = good, p.columns = 4;
    refused(p, "5 rows and 4 columns");
    p = good, p.loss = "circle", p.learn = 1, p.hypers[0] = 0.4, p.hypers[1] = 80;
    refused(p, "margin cannot be learned");

    kin_tape_reset(m.tape, 1, 0, true);
    const real x[12] = { 0 };
    kin_loss_setting setting = { .hypers = { 0.05 } };
    kin_tensor *rows = kin_tape_input(m.tape, 3, 4, x), *columns = kin_tape_input(m.tape, 4, 3, x);
    kin_loss_apply(m.tape, &setting, rows, columns, NULL);
    assert_int_equal(kin_tape_status(m.tape), KIN_USAGE);
    assert_non_null(strstr(kin_message(), "rows are 3x4, columns are 4x3"));
    kin_tape_reset(m.tape, 1, 0, true);
    problem_free((problem *)&good);
}

static void test_learned(void **state)
{
    (void)state;
    double low, high;
    const kin_entry *infonce = kin_losses.items[0], *sigmoid = kin_losses.items[1];
    assert_true(fabs(kin_loss_learned_start(infonce, 0, 0.07) - 2.659260036932778) < 1e-12);
    assert_true(fabs(kin_loss_learned_value(infonce, 0, 2.659260036932778) - 0.07) < 1e-12);
    kin_loss_learned_range(infonce, 0, &low, &high);
    assert_true(low == 0 && fabs(high - log(100)) < 1e-15);
    assert_true(fabs(kin_loss_learned_start(sigmoid, 0, 10) - log(10)) < 1e-15);
    assert_true(kin_loss_learned_start(sigmoid, 1, -10) == -10);
    kin_loss_learned_range(sigmoid, 0, &low, &high);
    assert_true(isinf(low) && isinf(high));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads), cmocka_unit_test(test_memory), cmocka_unit_test(test_nan),
        cmocka_unit_test(test_extremes), cmocka_unit_test(test_distance_zero),
        cmocka_unit_test(test_upstream),
        cmocka_unit_test(test_partial), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_learned),
    };
    if (machine_open(&m, 2) != KIN_OK) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    machine_close(&m);
    return failed;
}
