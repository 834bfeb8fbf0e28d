/* Triangles: rows against themselves, each score formed once for its row and its column. Compared
 * with the whole square, which the wish for an accuracy asks for, and with the oracle; the number
 * of scores formed tells that the triangle was taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/losses/fused.h"

static machine m;

enum { LABELS, TEXTS, MINED, VIEWS, JOINT, KINDS };       /* MINED: with what is a yes or no on */

static problem problem_of(int loss, int64_t rows, int64_t d, int kind)
{
    const kin_entry *entry = kin_losses.items[loss];
    problem p = { .loss = entry->name, .rows = rows, .columns = rows, .dimension = d,
                  .q = normals(1, rows * d) };
    kin_hyper_defaults(entry, p.hypers);
    for (int i = 0; i < kin_hyper_count(entry); i++)
        if (entry->hypers[i].flags & KIN_LEARNABLE) p.learn |= 1u << i;
    for (int i = 0; kind == MINED && i < kin_hyper_count(entry); i++)
        if (entry->hypers[i].flags & KIN_BOOLEAN) p.hypers[i] = 1;
    if (kind >= VIEWS) {
        p.k = normals(4, rows * d);
        return p;
    }
    const int32_t *label = numbers(2, rows, (uint64_t)rows / 6 + 1);
    p.relation = (kin_relation){ .self = true, .by_label = true, .row_label = label,
                                 .col_label = label };
    if (kind == TEXTS) p.relation.row_text = p.relation.col_text = numbers(3, rows, 40);
    return p;
}

static void problem_free(problem *p)
{
    free((void *)p->q);
    free((void *)p->k);
    free((void *)p->relation.row_label);
    free((void *)p->relation.row_text);
}

static answer run(const machine *on, const problem *p, int kind)
{
    answer a = { 0 };
    inputs in;
    inputs_open(&in, p);
    if (kind >= VIEWS) in.setting.direction = kind == JOINT ? KIN_JOINT : KIN_VIEWS;
    kin_tape_reset(on->tape, 1, 0, true);
    kin_tensor *loss = inputs_apply(&in, on->tape, &a.report);
    a.status = kin_tape_backward(on->tape, loss);
    a.value = a.report.value;
    a.dq = zeros(p->rows * p->dimension);
    from_real(in.q.grad, p->rows * p->dimension, a.dq);
    if (p->k) a.dk = zeros(p->rows * p->dimension);
    if (p->k) from_real(in.k.grad, p->rows * p->dimension, a.dk);
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        a.dh[i] = in.learned[i].grad ? (double)in.learned[i].grad[0] : 0;
    kin_tape_reset(on->tape, 1, 0, true);
    inputs_close(&in);
    return a;
}

/* On and right of the diagonal, squares on it whole. */
static double triangle_of(int64_t rows, int64_t panel, int64_t before)
{
    double scores = 0;
    for (int64_t r = 0; r < rows && r < before; r += panel)
        scores += (double)((rows - r < panel ? rows - r : panel) * (rows - r));
    return scores;
}

static const kin_loss *descriptor(int loss)
{
    return kin_loss_of(kin_losses.items[loss]);
}

/* Cell by cell, on scores that are alike both ways round, of all cells. */
static bool fits(int loss, int kind)
{
    const kin_loss *l = descriptor(loss);
    const int takes = l->takes;
    if (l->form != KIN_CELLS || l->columns || l->positives_only || l->joins_pairs) return false;
    if (l->similarity && l->similarity != KIN_COSINE && l->similarity != KIN_DOT) return false;
    if (l->each_side && kind != LABELS) return false;
    if (kind == MINED && !l->looks_first) return false;
    if (takes & (KIN_TARGETS | KIN_PROXIES | KIN_TRIPLETS)) return false;
    return !takes || (takes & (kind < VIEWS ? KIN_LABELS : KIN_PAIRS));
}

/* Nothing, half and all of the scores may be kept; sweeps after the first form the others again. */
static void check_one(int loss, int64_t n, int64_t panel, int kind)
{
    problem p = problem_of(loss, n, 5, kind);
    const int64_t rows = kind < VIEWS ? n : 2 * n;
    const double all = triangle_of(rows, panel, rows);
    const kin_loss *l = descriptor(loss);
    const bool looks_first = l->looks_first && l->looks_first(p.hypers);
    const double steep = strcmp(p.loss, "infonce") == 0 ? 20 : 240;
    p.accuracy = true, p.panel = panel;
    answer square = run(&m, &p, kind), truth = { 0 };
    assert_int_equal(square.status, KIN_OK);
    p.accuracy = false;
    if (kind < VIEWS && formula_of(p.loss) >= 0) truth = oracle(&p);
    for (int keep = 0; keep < 3; keep++) {
        p.memory = (size_t)(all * keep / 2) * sizeof(real);
        answer a = run(&m, &p, kind);
        assert_int_equal(a.status, KIN_OK);
        const double tolerance = sizeof(real) == 8 ? 1e-11 : 5e-5 * fmax(1, steep / 100);
        const double floor = fmax(1e-2, 1e-3 * steep);
        const double d = answers_apart(&p, &a, &square, floor);
        const double to_truth = truth.dq ? answers_apart(&p, &a, &truth, floor) : 0;
        if (!(d <= tolerance && to_truth <= tolerance))
            printf("%s kind %d, %d rows, panel %d, keep %d: %.1e %.1e\n", p.loss, kind, (int)rows,
                   (int)panel, keep, d, to_truth);
        assert_true(d <= tolerance && to_truth <= tolerance);
        const double again = a.report.formed - all, most = looks_first ? 2 * all : all;
        if (!(keep == 0 ? again == most : keep == 1 ? again > 0 && again < most : again == 0))
            fail_msg("%s kind %d, %d rows, panel %d, keep %d: %g of %g scores formed again",
                     p.loss, kind, (int)rows, (int)panel, keep, again, most);
        answer_free(&a);
    }
    answer_free(&square), answer_free(&truth), problem_free(&p);
}

/* By whole rows, and a few columns at a time. */
static void check_all(int64_t tile)
{
    if (tile) m.backend->tile_columns = tile;
    static const int64_t shapes[][2] = { { 37, 7 }, { 66, 1 }, { 130, 30 }, { 540, 130 } };
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int kind = 0; kind < KINDS; kind++)
            for (int i = 0; i < 4; i++)
                if (fits(loss, kind))
                    check_one(loss, shapes[i][0], shapes[i][1], kind);
}

static void run_variant(const char *isa)
{
    setenv("KIN_ISA", isa, 1);
    if (machine_open(&m, 2) == KIN_OK) check_all(0), check_all(40);
    else printf("%s: not on this machine (%s)\n", isa, kin_message());
    machine_close(&m);
    unsetenv("KIN_ISA");
}

static void test_plain(void **state) { (void)state; run_variant("plain"); }
static void test_avx2(void **state) { (void)state; if (sizeof(real) == 4) run_variant("avx2"); }
static void test_avx512(void **state) { (void)state; if (sizeof(real) == 4) run_variant("avx512"); }

static void test_threads(void **state)
{
    (void)state;
    static const int threads[] = { 1, 2, 3, 8 };
    for (int loss = 0; loss < kin_losses.count; loss++) {
        if (!fits(loss, LABELS)) continue;
        problem p = problem_of(loss, 650, 9, LABELS);
        answer first = { 0 };
        p.panel = 100;
        for (int i = 0; i < 4; i++) {
            machine other;
            assert_int_equal(machine_open(&other, threads[i]), KIN_OK);
            other.backend->tile_columns = 160;
            answer a = run(&other, &p, LABELS);
            if (i == 0) first = a;
            assert_memory_equal(&a.value, &first.value, sizeof a.value);
            assert_memory_equal(a.dq, first.dq, sizeof(double) * (size_t)(p.rows * 9));
            assert_memory_equal(a.dh, first.dh, sizeof a.dh);
            if (i > 0) answer_free(&a);
            machine_close(&other);
        }
        answer_free(&first), problem_free(&p);
    }
}

/* Relations that are not alike both ways round, and rows too few, take the square. */
static void test_not_taken(void **state)
{
    (void)state;
    int32_t own[40], label[2][40];
    assert_int_equal(machine_open(&m, 2), KIN_OK);
    for (int i = 0; i < 40; i++) own[i] = (i + 1) % 40, label[0][i] = i / 2, label[1][i] = i / 3;
    const kin_relation relations[] = {
        { .own = own, .self = true },
        { .by_label = true, .row_label = label[0], .col_label = label[1], .self = true },
        { .by_label = true, .row_label = label[0], .col_label = label[0], .self = true },
    };
    for (int i = 0; i < 3; i++) {
        problem p = { .loss = "infonce", .hypers = { 0.05 }, .rows = 40, .columns = 40,
                      .dimension = 4, .q = normals(1, 160), .relation = relations[i] };
        p.panel = i < 2 ? 7 : 10;
        answer a = run(&m, &p, LABELS), b = oracle(&p);
        assert_true(a.report.formed == 1600);
        assert_true(answers_apart(&p, &a, &b, 2e-2) < 2e-5);
        answer_free(&a), answer_free(&b);
        free((void *)p.q);
    }
    machine_close(&m);
}

/* Points that stand evenly on a circle: the mean over all pairs is one over a point's. 67 million
 * cells become one number, whose rounding must not grow with them. */
static void test_many_rows(void **state)
{
    enum { ROWS = 8192 };
    (void)state;
    const double step = 2 * 3.14159265358979323846 / ROWS;
    int loss;
    double mean = 0;
    assert_int_equal(kin_list_find(&kin_losses, "uniformity", &loss), KIN_OK);
    problem p = problem_of(loss, ROWS, 2, LABELS);
    for (int i = 0; i < 2 * ROWS; i++)
        ((double *)p.q)[i] = i % 2 ? sin(step * (i / 2)) : cos(step * (i / 2));
    for (int i = 1; i < ROWS; i++) mean += exp(-2 * (2 - 2 * cos(step * i))) / (ROWS - 1);
    assert_int_equal(machine_open(&m, 2), KIN_OK);
    answer a = run(&m, &p, LABELS);
    assert_int_equal(a.status, KIN_OK);
    assert_true(fabs(a.value - log(mean)) < (sizeof(real) == 8 ? 1e-11 : 1e-6));
    answer_free(&a), problem_free(&p);
    machine_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain), cmocka_unit_test(test_avx2), cmocka_unit_test(test_avx512),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_not_taken),
        cmocka_unit_test(test_many_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
