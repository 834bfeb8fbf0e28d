/* What every loss keeps on every kind of batch that it takes: the order of rows and columns says
 * nothing, inputs at the end of all ranges give finite numbers, what cannot be compared pushes
 * nothing, and following the gradient lowers the value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/losses/fused.h"

static machine m;

static const char *name_of(const kin_loss_batch *b)
{
    return kin_losses.items[b->setting.loss]->name;
}

static int64_t size_of(const kin_tensor *x) { return x->rows * x->cols; }

/* ---- the order of rows and columns ----------------------------------------------------------- */

enum { MOST = 64 };

typedef struct { int32_t to[MOST]; int64_t n; } order;
typedef struct {
    order rows, columns;
    int32_t own[MOST], key[4][MOST], more[2][MOST], cell[2][4 * MOST];
    real target[MOST * MOST];
    kin_cells cells;
} shuffled;

static order turned(int64_t n, int64_t by)
{
    order o = { .n = n };
    for (int64_t i = 0; i < n; i++) o.to[i] = (int32_t)((n - i + by) % n);
    return o;
}

static void move_rows(kin_tensor *x, const order *o)
{
    real *old = malloc(sizeof *old * (size_t)size_of(x));
    memcpy(old, x->value, sizeof *old * (size_t)size_of(x));
    for (int64_t i = 0; i < x->rows; i++)
        memcpy(x->value + o->to[i] * x->cols, old + i * x->cols, sizeof *old * (size_t)x->cols);
    free(old);
}

static void move_cells(real *to, const real *from, const shuffled *s)
{
    for (int64_t i = 0; i < s->rows.n; i++)
        for (int64_t j = 0; j < s->columns.n; j++)
            to[s->rows.to[i] * s->columns.n + s->columns.to[j]] = from[i * s->columns.n + j];
}

static const int32_t *move_key(int32_t *to, const int32_t *key, const order *o)
{
    for (int64_t i = 0; key && i < o->n; i++) to[o->to[i]] = key[i];
    return key ? to : NULL;
}

static const int32_t *rename_places(int32_t *to, const int32_t *places, int64_t n, const order *o)
{
    for (int64_t i = 0; i < n; i++) to[i] = o->to[places[i]];
    return to;
}

static void move_relation(kin_loss_batch *b, shuffled *s)
{
    kin_relation *r = &b->setting.relation;
    if (!r->by_label && !composed(name_of(b))) {
        for (int64_t i = 0; i < s->rows.n; i++) {
            const int32_t own = r->own ? r->own[i] : (int32_t)i;
            s->own[s->rows.to[i]] = own < 0 ? -1 : s->columns.to[own];
        }
        r->own = s->own;
    }
    r->row_label = move_key(s->key[0], r->row_label, &s->rows);
    r->col_label = move_key(s->key[1], r->col_label, &s->columns);
    r->row_text = move_key(s->key[2], r->row_text, &s->rows);
    r->col_text = move_key(s->key[3], r->col_text, &s->columns);
    r->more_row = rename_places(s->more[0], r->more_row, r->more, &s->rows);
    r->more_col = rename_places(s->more[1], r->more_col, r->more, &s->columns);
}

/* Everything that knows a row or a column by its place follows. */
static void shuffle(kin_loss_batch *b, shuffled *s)
{
    const bool tied = !b->scores && (!b->columns.value || composed(name_of(b)));
    s->rows = turned(b->rows.rows, 2);
    s->columns = b->scores ? turned(b->rows.cols, 3) : turned(b->columns.rows, 3);
    if (tied || b->setting.relation.self) s->columns = s->rows;
    move_relation(b, s);
    if (b->setting.cells) {
        s->cells = b->cells;
        const int64_t n = b->cells.start[b->cells.rows];
        s->cells.row = rename_places(s->cell[0], b->cells.row, n, &s->rows);
        s->cells.col = rename_places(s->cell[1], b->cells.col, n, &s->columns);
        b->setting.cells = &s->cells;
    } else if (b->target.value) {
        move_cells(s->target, b->target.value, s);
        b->target.value = s->target;
    }
    if (b->scores) {
        static real moved[MOST * MOST];
        move_cells(moved, b->rows.value, s);
        memcpy(b->rows.value, moved, sizeof *moved * (size_t)size_of(&b->rows));
        return;
    }
    move_rows(&b->rows, &s->rows);
    if (b->columns.value) move_rows(&b->columns, &s->columns);
}

/* Largest difference of a row and its new place. */
static double moved_apart(const kin_tensor *x, const order *o, const double *old, const double *new)
{
    double worst = 0;
    for (int64_t i = 0; i < x->rows; i++)
        for (int64_t k = 0; k < x->cols; k++)
            worst = fmax(worst, fabs(old[i * x->cols + k] - new[o->to[i] * x->cols + k]));
    return worst;
}

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

/* In float a score is good to 1e-7, and exponents multiply that by hundreds. */
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
                if (!(off <= bound))
                    printf("%s, %s: the order changes it by %g\n", name_of(&b), b.kind, off);
                worst = fmax(worst, off);
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
        cmocka_unit_test(test_learning),
    };
    if (machine_open(&m, 1) != KIN_OK) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    machine_close(&m);
    return failed;
}
