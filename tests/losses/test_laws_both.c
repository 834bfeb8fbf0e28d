/* What every loss keeps on every kind of batch that it takes: the order of rows and columns says
 * nothing, inputs at the end of all ranges give finite numbers, what cannot be compared or is far
 * away pushes nothing, and following the gradient lowers the value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/losses/shuffle.h"

static machine m;

enum { COLUMNS = 8 };

/* ---- the order of rows and columns ----------------------------------------------------------- */

static double apart_shuffled(kin_loss_batch *b, shuffled *s)
{
    answer before = fused_batch(&m, b);
    shuffle(b, s);
    answer after = fused_batch(&m, b);
    const double most = fmax(largest(before.dq, size_of(&b->rows)), 1e-3);
    double off = fabs(before.value - after.value) / fmax(1e-3, fabs(before.value));
    if (!b->scores)
        off = fmax(off, moved_apart(&b->rows, &s->rows, before.dq, after.dq) / most);
    if (b->columns.value)
        off = fmax(off, moved_apart(&b->columns, &s->columns, before.dk, after.dk) / most);
    assert_int_equal(before.report.valid, after.report.valid);
    answer_free(&before), answer_free(&after);
    return off;
}

/* In float a score of 1 is good to 1e-7, and exponents multiply that by hundreds. */
static void test_order(void **state)
{
    (void)state;
    const double bound = sizeof(real) == 8 ? 1e-12 : 2e-5;
    double worst = 0;
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int kind = 0; kin_loss_batch_kind(kind); kind++) {
            kin_loss_batch b;
            static shuffled s;
            if (!batch_open(&m, &b, loss, kind, 12, 17, 6)) continue;
            if (!b.setting.relation.extra && !(b.scores && b.setting.cells)) {
                const double off = apart_shuffled(&b, &s);
                if (!(off <= bound * reach_of(&b)))
                    printf("%s, %s: the order changes it by %g\n", name_of(&b), b.kind, off);
                worst = fmax(worst, off / reach_of(&b));
            }
            kin_loss_batch_free(&b);
        }
    assert_true(worst <= bound);
}

/* ---- the ends of all ranges ------------------------------------------------------------------ */

enum { AS_IS, ONE_POINT, TWO_POINTS, TWO_SIDES, COPIES, NOTHING, FAR_OUT, ONE_LABEL, ALL_DIFFERENT,
       EXTREMES };
static const char *const extremes[] = { "as it is", "one point", "two points", "two sides",
                                        "columns like rows", "zeros", "tiny and large rows",
                                        "one label", "labels all different" };

static void set_labels(kin_loss_batch *b, bool different)
{
    const kin_relation *r = &b->setting.relation;
    int32_t *rows = (int32_t *)r->row_label, *columns = (int32_t *)r->col_label;
    const int64_t n = b->scores ? b->rows.cols : b->columns.value ? b->columns.rows : b->rows.rows;
    if (!rows) return;
    for (int64_t i = 0; i < b->rows.rows; i++) rows[i] = different ? (int32_t)i : 0;
    for (int64_t i = 0; rows != columns && i < n; i++)
        columns[i] = different ? (int32_t)(-1 - i) : 0;
}

/* Whether the length of a row says nothing. */
static bool by_cosine(const kin_loss_batch *b)
{
    const kin_loss *l = loss_at(b->setting.loss);
    const int similarity = b->setting.similarity ? b->setting.similarity : l->similarity;
    return !b->scores && l->form != KIN_COMPOSED &&
           (l->normalizes || !similarity || similarity == KIN_COSINE);
}

static real extreme_entry(const kin_loss_batch *b, int extreme, int side, int64_t i, int64_t k)
{
    const real x = b->rows.value[k];
    switch (extreme) {
    case ONE_POINT: return x;
    case TWO_POINTS: return i % 2 ? -x : x;
    case TWO_SIDES: return side ? -x : x;
    case COPIES: return side ? b->rows.value[i % b->rows.rows * b->rows.cols + k] : 0;
    default: return 0;
    }
}

static void set_extreme(kin_loss_batch *b, int extreme)
{
    kin_tensor *const sides[] = { &b->columns, &b->rows };
    const real far = by_cosine(b) ? 10000 : 4;
    if (extreme >= ONE_LABEL) set_labels(b, extreme == ALL_DIFFERENT);
    if (extreme == AS_IS || extreme >= ONE_LABEL) return;
    for (int s = 0; s < 2; s++) {
        kin_tensor *x = sides[s];
        if (!x->value || (extreme == COPIES && s == 1)) continue;
        for (int64_t i = x->rows - 1; i >= 0; i--)                /* the first row last */
            for (int64_t k = 0; k < x->cols; k++) {
                real *to = &x->value[i * x->cols + k];
                if (extreme == FAR_OUT) *to *= i % 2 ? far : 1 / far;
                else *to = extreme_entry(b, extreme, s == 0, i, k);
            }
    }
}

static bool finite_numbers(const double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

static int infinite;

static void stays_finite(kin_loss_batch *b, const char *setting, const char *what)
{
    answer a = fused_batch(&m, b);
    const bool good = a.status == KIN_OK && isfinite(a.value) &&
                      finite_numbers(a.dh, KIN_HYPERS_MAX) &&
                      finite_numbers(a.dq, size_of(&b->rows)) &&
                      finite_numbers(a.dk, size_of(&b->columns));
    if (!good && infinite++ < 40)
        printf("%s, %s, %s, %s: value %g: %s\n", name_of(b), setting, b->kind, what, a.value,
               a.status == KIN_OK ? "a gradient is not finite" : kin_message());
    answer_free(&a);
}

static void finite_at(int loss, const double *hypers, const char *setting, int kind, int64_t rows,
                      int64_t columns)
{
    for (int extreme = 0; extreme < EXTREMES; extreme++) {
        kin_loss_batch b;
        if (kin_loss_batch_make(&b, m.tape, loss, kind, rows, columns, 4, 1) != KIN_OK) return;
        memcpy(b.setting.hypers, hypers, sizeof b.setting.hypers);
        kin_loss_batch_learn(&b);
        set_extreme(&b, extreme);
        stays_finite(&b, setting, extremes[extreme]);
        kin_loss_batch_free(&b);
    }
}

static void test_extremes(void **state)
{
    (void)state;
    static const int64_t shapes[][2] = { { 6, 8 }, { 1, 1 }, { 1, 3 }, { 2, 2 } };
    double hypers[KIN_HYPERS_MAX] = { 0 };
    char what[96];
    infinite = 0;
    for (int loss = 0; loss < kin_losses.count; loss++) {
        const kin_entry *entry = kin_losses.items[loss];
        for (int n = 0; kin_loss_batch_hypers(entry, n, hypers, what, sizeof what); n++)
            for (int kind = 0; kin_loss_batch_kind(kind); kind++)
                for (int i = 0; i < 4 && (!n || kin_loss_batch_kind_is_main(kind)); i++)
                    finite_at(loss, hypers, what, kind, shapes[i][0], shapes[i][1]);
    }
    assert_int_equal(infinite, 0);
}

/* ---- what pushes nothing --------------------------------------------------------------------- */

/* Where scores are cosines, a zero row is like nothing and gets no gradient. */
static void test_zero_rows(void **state)
{
    (void)state;
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int kind = 0; kin_loss_batch_kind(kind); kind++) {
            kin_loss_batch b;
            if (!batch_open(&m, &b, loss, kind, 6, 8, 4)) continue;
            if (by_cosine(&b)) {
                memset(b.rows.value + 4, 0, 4 * sizeof(real));
                if (b.columns.value) memset(b.columns.value + 8, 0, 4 * sizeof(real));
                answer a = fused_batch(&m, &b);
                assert_true(isfinite(a.value));
                for (int k = 4; k < 8; k++) assert_true(a.dq[k] == 0);
                for (int k = 8; b.columns.value && k < 12; k++) assert_true(a.dk[k] == 0);
                answer_free(&a);
            }
            kin_loss_batch_free(&b);
        }
}

/* A row without a positive, where the loss needs one, is counted out and neither pushes nor is
 * pushed as an anchor. */
static void test_lacking_rows(void **state)
{
    (void)state;
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int kind = 0; kin_loss_batch_kind(kind); kind++) {
            const kin_loss *l = loss_at(loss);
            kin_loss_batch b;
            if (!batch_open(&m, &b, loss, kind, 6, 8, 4)) continue;
            const kin_relation *r = &b.setting.relation;
            const bool plain = b.setting.direction == KIN_ONE_WAY && !r->self && !b.setting.cells;
            if (plain && r->own && !r->more && (l->needs & KIN_POSITIVE) && !l->columns &&
                !l->whole) {
                const int64_t width = b.rows.cols;
                answer a = fused_batch(&m, &b);
                assert_int_equal(r->own[3], -1);
                assert_int_equal(a.report.rows, 6);
                assert_true(a.report.valid < 6);
                for (int64_t k = 3 * width; k < 4 * width; k++) assert_true(a.dq[k] == 0);
                answer_free(&a);
            }
            kin_loss_batch_free(&b);
        }
}

/* A negative that is far away is pushed no more, and where exactly it is says nothing. */

enum { NEAR, FAR, FARTHER };

static int64_t columns_of(const kin_loss_batch *b)
{
    return b->scores ? b->rows.cols : b->columns.value ? b->columns.rows : b->rows.rows;
}

static bool positive(const kin_loss_batch *b, int64_t i, int64_t j)
{
    const kin_relation *r = &b->setting.relation;
    for (int64_t n = 0; n < r->more; n++)
        if (r->more_row[n] == i && r->more_col[n] == j) return true;
    return relation_of(r, i, j) > 0;
}

/* A column that is a positive of no row, but someone's negative; -1: there is none. */
static int64_t only_negative(const kin_loss_batch *b)
{
    const kin_cells *c = b->setting.cells;
    const bool each_side = loss_at(b->setting.loss)->each_side && !c;
    const int64_t columns = b->scores && c ? COLUMNS : columns_of(b);
    for (int64_t j = columns - 1; j >= 0; j--) {
        bool pos = false, neg = false;
        for (int64_t n = 0; c && n < c->start[c->rows]; n++)
            if (c->col[n] == j) pos = pos || c->kind[n] > 0, neg = neg || c->kind[n] < 0;
        for (int64_t i = 0; !c && i < b->rows.rows; i++) {
            pos = pos || (!each_side && positive(b, i, j));
            neg = neg || relation_of(&b->setting.relation, i, j) < 0;
        }
        if (!pos && (neg || each_side)) return j;
    }
    return -1;
}

/* Whether score number n is one of column j. */
static bool of_column(const kin_loss_batch *b, int64_t n, int64_t j)
{
    return b->setting.cells ? b->setting.cells->col[n] == j : n % b->rows.cols == j;
}

/* The points of x near (1, 0, ...); point j at 0.9, or as far on the other side as it goes. */
static void lay_out(kin_tensor *x, const real *noise, int64_t j, int where)
{
    static const double along[] = { 0.9, -1e3, -3e3 };
    for (int64_t i = 0; i < x->rows; i++)
        for (int64_t k = 0; k < x->cols; k++) {
            const double to = k ? 0 : i == j ? along[where] : 1;
            const double scatter = i == j && where == FARTHER ? 0.2 : 0.05;
            x->value[i * x->cols + k] = (real)(to + scatter * (double)noise[i * x->cols + k]);
        }
}

static void lay_out_scores(kin_loss_batch *b, const real *noise, int64_t j, int where)
{
    for (int64_t n = 0; n < size_of(&b->rows); n++) {
        const double near = 0.8 + 0.05 * (double)noise[n], far = where == FAR ? -1e3 : -3e3;
        b->rows.value[n] = (real)(of_column(b, n, j) && where != NEAR ? far : near);
    }
}

/* The answer with column j there, and how hard it is pushed. */
static answer pushed(kin_loss_batch *b, real *const *noise, int64_t j, int where, double *push)
{
    const bool set = !b->scores && !b->columns.value;
    if (b->scores) lay_out_scores(b, noise[0], j, where);
    else lay_out(&b->rows, noise[0], set ? j : -1, where);
    if (b->columns.value) lay_out(&b->columns, noise[1], j, where);
    answer a = fused_batch(&m, b);
    assert_int_equal(a.status, KIN_OK);
    *push = 0;
    for (int64_t n = 0; b->scores && n < size_of(&b->rows); n++)
        if (of_column(b, n, j)) *push = fmax(*push, fabs(a.dq[n]));
    if (!b->scores) *push = largest((set ? a.dq : a.dk) + j * b->rows.cols, b->rows.cols);
    return a;
}

/* Returns whether column j is pushed where it is near: rows that do not count push nothing. */
static bool far_column(kin_loss_batch *b, int64_t j)
{
    const double bound = sizeof(real) == 8 ? 1e-12 : 1e-6;
    const int64_t n = size_of(&b->rows), k = size_of(&b->columns);
    real *noise[2] = { malloc(sizeof(real) * (size_t)n), malloc(sizeof(real) * (size_t)(k + 1)) };
    memcpy(noise[0], b->rows.value, sizeof(real) * (size_t)n);
    if (k) memcpy(noise[1], b->columns.value, sizeof(real) * (size_t)k);
    double near, far, farther;
    answer of_near = pushed(b, noise, j, NEAR, &near), a = pushed(b, noise, j, FAR, &far);
    answer moved = pushed(b, noise, j, FARTHER, &farther);
    const double floor = fmax(1e-6, fmax(largest(a.dq, n), largest(a.dk, k)));
    const double off = fmax(apart(&moved.value, &a.value, 1, 1e-3),
                            fmax(apart(moved.dq, a.dq, n, floor), apart(moved.dk, a.dk, k, floor)));
    if (!(fmax(far, farther) <= bound * floor && off <= bound))
        fail_msg("%s, %s: column %d is pushed by %g, far away by %g and %g; moving it there "
                 "changes %g", name_of(b), b->kind, (int)j, near, far, farther, off);
    answer_free(&of_near), answer_free(&a), answer_free(&moved);
    free(noise[0]), free(noise[1]);
    return near > 0;
}

static void test_far_negatives(void **state)
{
    (void)state;
    for (int loss = 0; loss < kin_losses.count; loss++) {
        const kin_loss *l = loss_at(loss);
        int tried = 0;
        if (l->form == KIN_COMPOSED || l->positives_only || (l->takes & KIN_TARGETS)) continue;
        for (int kind = 0; kin_loss_batch_kind(kind); kind++) {
            kin_loss_batch b;
            if (!batch_open(&m, &b, loss, kind, 6, COLUMNS, 4)) continue;
            const int64_t j = only_negative(&b);
            const bool chosen = b.setting.similarity;
            if (!l->similarity) b.setting.similarity = KIN_DOT;       /* a cosine has an end */
            if (j >= 0 && !chosen) tried += far_column(&b, j);
            kin_loss_batch_free(&b);
        }
        if (!tried) fail_msg("%s: no batch pushes a column that is a negative only",
                             l->entry.name);
    }
}

/* ---- learning -------------------------------------------------------------------------------- */

/* Adam on all numbers of x; moments: two for each. */
static void follow(kin_tensor *x, const double *gradient, double *moments, int step)
{
    for (int64_t i = 0; i < size_of(x); i++) {
        double *mean = &moments[2 * i], *square = &moments[2 * i + 1];
        *mean = 0.9 * *mean + 0.1 * gradient[i];
        *square = 0.99 * *square + 0.01 * gradient[i] * gradient[i];
        const double size = sqrt(*square / (1 - pow(0.99, step)));
        x->value[i] -= (real)(0.05 * *mean / (1 - pow(0.9, step)) / (size + 1e-12));
    }
}

/* The first value and, of the steps, the last; the last accuracy. */
static void learn(kin_loss_batch *b, int steps, double *first, answer *last)
{
    double *of_rows = zeros(2 * size_of(&b->rows)), *of_columns = zeros(2 * size_of(&b->columns));
    b->setting.want_accuracy = !composed(name_of(b));
    for (int step = 0; step <= steps; step++) {
        *last = fused_batch(&m, b);
        assert_int_equal(last->status, KIN_OK);
        if (!step) *first = last->value;
        if (step == steps) break;
        follow(&b->rows, last->dq, of_rows, step + 1);
        follow(&b->columns, last->dk, of_columns, step + 1);
        answer_free(last);
    }
    free(of_rows), free(of_columns);
}

/* From random embeddings; losses that tell positives from negatives end with every positive in
 * front of all negatives. */
static void test_learning(void **state)
{
    (void)state;
    for (int loss = 0; loss < kin_losses.count; loss++) {
        const kin_loss *l = loss_at(loss);
        const bool tells = l->form != KIN_COMPOSED && !(l->takes & KIN_TARGETS) &&
                           !l->positives_only && !l->each_side;
        kin_loss_batch b;
        double first;
        answer last;
        int kind = 0;
        while (kin_loss_batch_make(&b, m.tape, loss, kind, 8, 8, 8, 1) != KIN_OK) kind++;
        learn(&b, 200, &first, &last);
        if (!(last.value < first) || (tells && !(last.report.accuracy == 1)))
            fail_msg("%s, %s: from %g to %g, accuracy %g", name_of(&b), b.kind, first, last.value,
                     last.report.accuracy);
        answer_free(&last), kin_loss_batch_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order), cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_zero_rows), cmocka_unit_test(test_lacking_rows),
        cmocka_unit_test(test_far_negatives), cmocka_unit_test(test_learning),
    };
    if (machine_open(&m, 1) != KIN_OK) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    machine_close(&m);
    return failed;
}
