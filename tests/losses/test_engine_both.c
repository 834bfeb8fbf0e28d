/* What holds for every loss: the same bits for any number of threads, memory that neither grows nor
 * holds all scores, NaN that stays NaN, and refusals that say what does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/losses/fused.h"

static machine m;

static problem infonce_of(int64_t rows, int64_t columns, int64_t d)
{
    problem p = { .loss = "infonce", .learn = 1, .rows = rows, .columns = columns,
                  .dimension = d, .q = normals(1, rows * d), .k = normals(2, columns * d) };
    kin_hyper_defaults(&loss_called(p.loss)->entry, p.hypers);
    return p;
}

static void problem_free(problem *p)
{
    free((void *)p->q);
    free((void *)p->k);
}

static void same_bits(const kin_loss_batch *b, const answer *x, const answer *y)
{
    assert_memory_equal(&x->value, &y->value, sizeof x->value);
    assert_memory_equal(x->dq, y->dq, sizeof(double) * (size_t)(b->rows.rows * b->rows.cols));
    assert_memory_equal(x->dk, y->dk, sizeof(double) * (size_t)(b->columns.rows * b->columns.cols));
    assert_memory_equal(x->dh, y->dh, sizeof x->dh);
    assert_memory_equal(&x->report, &y->report, sizeof x->report);
}

/* Whole rows, with accuracy, or tiles. */
static void check_threads(bool tiles)
{
    static const int threads[] = { 1, 2, 3, 8 };
    machine with[4];
    for (int i = 0; i < 4; i++) {
        assert_int_equal(machine_open(&with[i], threads[i]), KIN_OK);
        if (tiles) with[i].backend->tile_columns = 64, with[i].backend->tile_scores = 64 * 64;
    }
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int kind = 0; kin_loss_batch_kind(kind); kind++) {
            kin_loss_batch b;
            answer first = { 0 };
            if (!batch_open(&m, &b, loss, kind, 150, 330, 12)) continue;
            b.setting.want_accuracy = !tiles, b.setting.panel = 64;
            for (int i = 0; i < 4; i++) {
                answer a = fused_batch(&with[i], &b);
                assert_int_equal(a.status, KIN_OK);
                if (i > 0) same_bits(&b, &first, &a);
                if (i > 0) answer_free(&a);
                else first = a;
            }
            answer_free(&first), kin_loss_batch_free(&b);
        }
    for (int i = 0; i < 4; i++) machine_close(&with[i]);
}

static void test_threads(void **state)
{
    (void)state;
    check_threads(false);
    check_threads(true);
}

static void test_memory(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        problem p = infonce_of(1500, 1500, 4);
        inputs in;
        kin_arena_stats before = { 0 };
        machine own;
        assert_int_equal(machine_open(&own, 2), KIN_OK);
        p.symmetric = way, p.panel = 64;
        inputs_open(&in, &p);
        for (int step = 0; step < 5; step++) {
            kin_tape_reset(own.tape, 1, (uint32_t)step, true);
            kin_tape_backward(own.tape, inputs_apply(&in, own.tape, NULL));
            const kin_arena_stats now = kin_arena_read(kin_tape_arena(own.tape));
            if (step > 1) assert_true(now.blocks == before.blocks && now.peak == before.peak);
            before = now;
        }
        printf("%s: %zu bytes at the peak, all scores are %zu\n", way ? "both ways" : "one way",
               before.peak, 1500 * 1500 * sizeof(real));
        assert_true(before.peak < 1500 * 1500 * sizeof(real) / 6);
        kin_tape_reset(own.tape, 1, 0, true);
        inputs_close(&in), problem_free(&p), machine_close(&own);
    }
}

static void is_nan(kin_loss_batch *b, kin_status status, const char *what)
{
    answer a = fused_batch(&m, b);
    if (!isnan(a.value) || a.status != status)
        fail_msg("%s, %s: %s give %g and status %d", kin_losses.items[b->setting.loss]->name,
                 b->kind, what, a.value, a.status);
    answer_free(&a);
}

/* NaN or infinity anywhere gives NaN, never a plausible number; so does what is beyond all reason
 * where it is not normalised away. */
static void test_nan(void **state)
{
    (void)state;
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int kind = 0; kin_loss_batch_kind(kind); kind++)
            for (int side = 0; side < 2; side++) {
                kin_loss_batch b;
                if (!batch_open(&m, &b, loss, kind, 5, 7, 4)) continue;
                real *at = (side && b.columns.value ? b.columns.value : b.rows.value) + 7;
                *at = (real)NAN;
                is_nan(&b, KIN_NUMERICAL, "NaN");
                *at = (real)INFINITY;
                is_nan(&b, KIN_NUMERICAL, "infinite numbers");
                *at = sizeof(real) == 4 ? (real)1e30 : (real)1e200;
                if (b.setting.similarity == KIN_DOT || composed(kin_losses.items[loss]->name))
                    is_nan(&b, KIN_NUMERICAL, "numbers beyond all reason");
                *at = 1;
                b.setting.hypers[0] = NAN, b.setting.learned[0] = NULL;
                answer a = fused_batch(&m, &b);
                if (kin_hyper_count(kin_losses.items[loss])) assert_int_equal(a.status, KIN_USAGE);
                answer_free(&a), kin_loss_batch_free(&b);
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
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int kind = 0; kin_loss_batch_kind(kind); kind++) {
            kin_loss_batch b;
            kin_loss_report report;
            if (!batch_open(&m, &b, loss, kind, 6, 8, 4)) continue;
            answer a = fused_batch(&m, &b);
            const int64_t n = b.rows.rows * b.rows.cols;
            const double most = largest(a.dq, n);
            kin_tape_reset(m.tape, 1, 0, true);
            kin_tensor *value = kin_scale(m.tape, kin_loss_batch_apply(&b, m.tape, NULL), -3);
            assert_int_equal(kin_tape_backward(m.tape, value), KIN_OK);
            for (int64_t i = 0; i < n; i++)
                assert_true(fabs((double)b.rows.grad[i] + 3 * a.dq[i]) <= 1e-5 * most);
            for (int i = 0; i < KIN_HYPERS_MAX; i++)
                if (b.setting.learned[i])
                    assert_true(fabs((double)*b.learned[i].grad + 3 * a.dh[i])
                                <= 1e-5 * fabs(a.dh[i]));
            kin_tape_reset(m.tape, 1, 0, false);
            value = kin_loss_batch_apply(&b, m.tape, &report);
            assert_true(!value->needs_grad && fabs(report.value - a.value) <= 1e-6 * fabs(a.value));
            kin_tape_reset(m.tape, 1, 0, true);
            answer_free(&a), kin_loss_batch_free(&b);
        }
}

/* A gradient for only one of the inputs is the same as when all have one. */
static void one_input(kin_loss_batch *b, const answer *a, int want)
{
    b->rows.needs_grad = want == 0, b->columns.needs_grad = want == 1;
    kin_tape_reset(m.tape, 1, 0, true);
    kin_tensor *value = kin_loss_batch_apply(b, m.tape, NULL);
    if (value->needs_grad) assert_int_equal(kin_tape_backward(m.tape, value), KIN_OK);
    for (int64_t i = 0; want == 0 && i < b->rows.rows * b->rows.cols; i++)
        assert_true((double)b->rows.grad[i] == a->dq[i]);
    for (int64_t i = 0; want == 1 && i < b->columns.rows * b->columns.cols; i++)
        assert_true(b->columns.grad ? (double)b->columns.grad[i] == a->dk[i] : a->dk[i] == 0);
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (b->setting.learned[i])
            if (!(fabs(a->dh[i] - (double)*b->learned[i].grad) <= 2e-5 * fabs(a->dh[i])))
                fail_msg("%s, %s: the gradient of %s is %.9g, or %.9g with input %d alone",
                         kin_losses.items[b->setting.loss]->name, b->kind, b->learned[i].name,
                         a->dh[i], (double)*b->learned[i].grad, want);
    kin_tape_reset(m.tape, 1, 0, true);
}

static void test_partial(void **state)
{
    (void)state;
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int kind = 0; kin_loss_batch_kind(kind); kind++) {
            kin_loss_batch b;
            if (!batch_open(&m, &b, loss, kind, 6, 8, 4)) continue;
            answer a = fused_batch(&m, &b);
            for (int want = 0; want < 3; want++) one_input(&b, &a, want);
            answer_free(&a), kin_loss_batch_free(&b);
        }
}

/* Columns that need no gradient change nothing of the others. */
static void test_still(void **state)
{
    (void)state;
    enum { STILL = 3 };
    int spared = 0;
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int kind = 0; kin_loss_batch_kind(kind); kind++) {
            kin_loss_batch b;
            if (!batch_open(&m, &b, loss, kind, 6, 9, 4)) continue;
            answer all = fused_batch(&m, &b);
            b.setting.still = b.columns.rows > STILL ? STILL : 0;
            answer some = fused_batch(&m, &b);
            const int64_t d = b.columns.cols, rows = b.rows.rows * b.rows.cols;
            const int64_t moving = (b.columns.rows - b.setting.still) * d;
            bool zero = b.setting.still > 0;
            assert_memory_equal(&all.value, &some.value, sizeof all.value);
            assert_memory_equal(all.dq, some.dq, sizeof *all.dq * (size_t)rows);
            if (moving > 0) assert_memory_equal(all.dk, some.dk, sizeof *all.dk * (size_t)moving);
            for (int64_t i = moving; i < moving + b.setting.still * d; i++)
                zero = zero && some.dk[i] == 0;
            spared += zero;
            answer_free(&all), answer_free(&some), kin_loss_batch_free(&b);
        }
    assert_true(spared > 30);
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
    const problem good = infonce_of(5, 6, 3);
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
    p = good, p.relation.ignored = 4, p.relation.ignored_row = p.relation.ignored_col = own;
    refused(p, "ignored pair 3 is (6, 6) of 5x6");
    p = good, p.columns = 4;
    refused(p, "5 rows and 4 columns");
    p = good, p.loss = "circle", p.learn = 1, p.hypers[0] = 0.4, p.hypers[1] = 80;
    refused(p, "margin cannot be learned");

    kin_tape_reset(m.tape, 1, 0, true);
    const real x[12] = { 0 };
    kin_loss_setting setting;
    assert_int_equal(kin_loss_default(&setting, "infonce"), KIN_OK);
    kin_tensor *rows = kin_tape_input(m.tape, 3, 4, x), *columns = kin_tape_input(m.tape, 4, 3, x);
    kin_loss_apply(m.tape, &setting, rows, columns, NULL);
    assert_int_equal(kin_tape_status(m.tape), KIN_USAGE);
    assert_non_null(strstr(kin_message(), "rows are 3x4, columns are 4x3"));
    kin_tape_reset(m.tape, 1, 0, true);
    problem_free((problem *)&good);
}

/* ---- columns of a table ---------------------------------------------------------------------- */

enum { FEW_ROWS = 7, FEW_COLUMNS = 60, FEW_D = 5, FEW_EACH = 9 };

/* Cells of each row: its own column, then others, some of them twice. */
static kin_cells few_cells(void)
{
    static int32_t row[FEW_ROWS * FEW_EACH], col[FEW_ROWS * FEW_EACH];
    static int8_t kind[FEW_ROWS * FEW_EACH];
    static int64_t start[FEW_ROWS + 1];
    for (int n = 0; n < FEW_ROWS * FEW_EACH; n++) {
        row[n] = n / FEW_EACH;
        col[n] = (int32_t)kin_random_below(4, KIN_STREAM_TEST, 8, (uint64_t)n, FEW_COLUMNS);
        kind[n] = n % FEW_EACH ? -1 : 1;
    }
    for (int i = 0; i <= FEW_ROWS; i++) start[i] = i * FEW_EACH;
    return (kin_cells){ .rows = FEW_ROWS, .start = start, .row = row, .col = col, .kind = kind };
}

/* The gradients of both sides where columns may be a table whose few rows are pushed; terms: how
 * often the same loss is in the sum. Returns how many rows the gradient has, or -1: all. */
static int64_t few_gradients(bool table, int terms, real *dq, real *dk)
{
    const kin_cells cells = few_cells();
    double *x = normals(11, (FEW_ROWS + FEW_COLUMNS) * FEW_D);
    real *value = to_real(x, (FEW_ROWS + FEW_COLUMNS) * FEW_D);
    kin_tensor q = { .rows = FEW_ROWS, .cols = FEW_D, .value = value, .needs_grad = true,
                     .name = "q" };
    kin_tensor k = { .rows = FEW_COLUMNS, .cols = FEW_D, .value = value + FEW_ROWS * FEW_D,
                     .needs_grad = true, .table = table, .name = "k" };
    kin_loss_term term[2] = { { .weight = 1.0 / terms }, { .weight = 1.0 / terms } };
    kin_tape_reset(m.tape, 1, 0, true);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(kin_loss_default(&term[i].setting, "cosine_contrastive"), KIN_OK);
        term[i].setting.cells = &cells;
        term[i].setting.hypers[0] = 0.5;
    }
    kin_tensor *columns = kin_l2_normalize(m.tape, &k);
    kin_tensor *loss = kin_loss_sum(m.tape, term, terms, &q, columns, NULL);
    assert_int_equal(kin_tape_backward(m.tape, loss), KIN_OK);
    const int64_t count = k.sparse ? k.sparse->count : -1;
    memcpy(dq, q.grad, FEW_ROWS * FEW_D * sizeof *dq);
    memcpy(dk, kin_tensor_dense_gradient(m.tape, &k), FEW_COLUMNS * FEW_D * sizeof *dk);
    kin_tape_reset(m.tape, 1, 0, true);
    free(value);
    free(x);
    return count;
}

/* Few rows hold what the whole gradient would; two losses of one table write it out. */
static void test_few_columns(void **state)
{
    (void)state;
    real dq[3][FEW_ROWS * FEW_D], dk[3][FEW_COLUMNS * FEW_D];
    int pushed = 0;
    assert_int_equal(few_gradients(false, 1, dq[0], dk[0]), -1);
    for (int j = 0; j < FEW_COLUMNS; j++) {
        bool zero = true;
        for (int d = 0; d < FEW_D; d++) zero = zero && dk[0][j * FEW_D + d] == 0;
        pushed += !zero;
    }
    assert_in_range(pushed, 5, FEW_COLUMNS - 10);
    assert_int_equal(few_gradients(true, 1, dq[1], dk[1]), pushed);
    assert_memory_equal(dq[0], dq[1], sizeof dq[0]);
    assert_memory_equal(dk[0], dk[1], sizeof dk[0]);
    assert_int_equal(few_gradients(true, 2, dq[2], dk[2]), -1);
    for (int i = 0; i < FEW_COLUMNS * FEW_D; i++)
        assert_true(fabs((double)(dk[0][i] - dk[2][i])) < 1e-6);
}

static void test_learned(void **state)
{
    (void)state;
    double low, high;
    const kin_entry *infonce = &loss_called("infonce")->entry;
    const kin_entry *sigmoid = &loss_called("sigmoid")->entry;
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
        cmocka_unit_test(test_partial), cmocka_unit_test(test_still),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_learned), cmocka_unit_test(test_few_columns),
    };
    if (machine_open(&m, 2) != KIN_OK) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    machine_close(&m);
    return failed;
}
