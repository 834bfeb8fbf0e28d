/* Optimizers: lazy rows and the dense switch, groups, norms, ranges, states and errors. */
#include "tests/optim/fixture.h"

/* ---- tables --------------------------------------------------------------------------------- */

enum { ROWS = 4 };

typedef struct { int tokens; int32_t ids[2]; real gradient[2]; } touch;

static const touch touches[] = {
    { 2, { 2, 0 }, { -1, 0.5 } }, { 1, { 2 }, { 0.25 } }, { 1, { 0 }, { 1 } },
    { 2, { 0, 2 }, { -0.5, 2 } }, { 1, { 1 }, { 0.125 } },
};
enum { TOUCHES = sizeof touches / sizeof *touches };

/* Bags of one token each, weighed by the gradients; dense: the same through a product with a table
 * of zeros and ones. */
static void touch_table(kin_optimizer *o, kin_tensor *table, const touch *t, bool dense)
{
    static const int64_t start[] = { 0, 1, 2 };
    real whole[ROWS] = { 0 };
    for (int i = 0; i < t->tokens; i++) whole[t->ids[i]] = t->gradient[i];
    kin_tape_reset(tape, 1, 1, true);
    const kin_bags bags = { t->tokens, t->tokens, t->ids, start };
    kin_tensor *y = dense ? table : kin_embedding_bag(tape, table, NULL, &bags);
    kin_tensor *g = kin_tape_input(tape, y->rows, 1, dense ? whole : t->gradient);
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, kin_mul(tape, y, g))), KIN_OK);
    assert_true(dense ? table->sparse == NULL : table->grad == NULL);
    assert_int_equal(kin_optimizer_step(o, tape, 0.1), KIN_OK);
}

static kin_tensor table_of(real *value)
{
    for (int i = 0; i < ROWS; i++) value[i] = (real)(i + 1);
    return (kin_tensor){ .rows = ROWS, .cols = 1, .value = value, .needs_grad = true,
                         .name = "table" };
}

/* Rows move by Adam's formula with the count of all steps and with their own moments; all others
 * keep their bits, and so do their moments. */
static void test_lazy_rows(void **state)
{
    static const double expected[TOUCHES][ROWS] = {
        { 0.900000002, 2, 3.099999999, 4 },
        { 0.900000002, 2, 3.14694681547654, 4 },
        { 0.81714274041652, 2, 3.14694681547654, 4 },
        { 0.778927241372284, 2, 3.11039285547655, 4 },
        { 0.778927241372284, 1.94545108475115, 3.11039285547655, 4 },
    };
    (void)state;
    real value[ROWS], before[ROWS];
    kin_tensor table = table_of(value);
    const kin_parameter param = { .tensor = &table, .rate_factor = 1 };
    kin_optimizer *o = make("adam", NULL, NULL, &param, 1);
    for (int k = 0; k < TOUCHES; k++) {
        const touch *t = &touches[k];
        memcpy(before, value, sizeof value);
        touch_table(o, &table, t, false);
        for (int i = 0; i < ROWS; i++) {
            const bool touched = t->ids[0] == i || (t->tokens > 1 && t->ids[1] == i);
            assert_true(fabs((double)value[i] - expected[k][i]) <= 4 * tolerance);
            assert_int_equal(memcmp(&value[i], &before[i], sizeof(real)) != 0, touched);
        }
    }
    size_t bytes;
    const real *moments = kin_optimizer_state(o, &bytes);
    assert_true(moments[3] == 0 && moments[16 + 3] == 0 && moments[0] != 0);
    finish(o);
}

/* With `dense` a sparse gradient does exactly what the same dense gradient does, else not. */
static void run_table(const char *name, double dense_switch, bool dense, real *value)
{
    static const char *const hypers[] = { "dense", NULL };
    kin_tensor table = table_of(value);
    const kin_parameter param = { .tensor = &table, .decay = true, .rate_factor = 1 };
    kin_optimizer *o = make(name, strcmp(name, "adagrad") != 0 ? hypers : NULL, &dense_switch,
                            &param, 1);
    for (int k = 0; k < TOUCHES; k++) touch_table(o, &table, &touches[k], dense);
    finish(o);
}

static void test_dense_switch(void **state)
{
    (void)state;
    static const char *const names[] = { "adam", "adamw", "sgd", "adagrad" };
    for (int i = 0; i < 4; i++) {
        real dense[ROWS], switched[ROWS], lazy[ROWS];
        run_table(names[i], 0, true, dense);
        run_table(names[i], 1, false, switched);
        run_table(names[i], 0, false, lazy);
        assert_memory_equal(dense, switched, sizeof dense);
        const bool same = memcmp(dense, lazy, sizeof dense) == 0;
        assert_int_equal(same, strcmp(names[i], "adagrad") == 0);
    }
}

/* Sums that are left to the optimizer give the same bits and the same norm, with and without a mean
 * of past gradients; one that needs the norm first refuses them. */
static void test_open_sums(void **state)
{
    static const char *const hypers[] = { "beta1", "clip", NULL };
    (void)state;
    for (int mean = 0; mean < 2; mean++) {
        real value[2][ROWS];
        double norm[2];
        for (int open = 0; open < 2; open++) {
            kin_tensor table = table_of(value[open]);
            const kin_parameter param = { .tensor = &table, .rate_factor = 1 };
            const double values[] = { mean ? 0.9 : 0, 0 };
            kin_optimizer *o = make("adam", hypers, values, &param, 1);
            kin_tape_leave_sums(tape, open);
            for (int k = 0; k < TOUCHES; k++) touch_table(o, &table, &touches[k], false);
            assert_true((table.sparse->value == NULL) == open);
            norm[open] = kin_optimizer_norm(o);
            finish(o);
        }
        assert_memory_equal(value[0], value[1], sizeof value[0]);
        assert_float_equal(norm[0], norm[1], 1e-6);
        assert_true(norm[0] > 0);
    }
}

static void test_open_sums_are_refused(void **state)
{
    static const char *const hypers[] = { "clip", "dense", NULL };
    static const double values[2][2] = { { 1, 0 }, { 0, 1 } };
    static const int32_t ids[] = { 1 };
    static const int64_t start[] = { 0, 1 };
    static const kin_bags bags = { 1, 1, ids, start };
    (void)state;
    for (int i = 0; i < 2; i++) {
        real value[ROWS];
        kin_tensor table = table_of(value);
        const kin_parameter param = { .tensor = &table, .rate_factor = 1 };
        kin_optimizer *o = make("adam", hypers, values[i], &param, 1);
        kin_tape_leave_sums(tape, true);
        kin_tape_reset(tape, 1, 1, true);
        kin_tensor *y = kin_sum(tape, kin_embedding_bag(tape, &table, NULL, &bags));
        assert_int_equal(kin_tape_backward(tape, y), KIN_OK);
        assert_int_equal(kin_optimizer_step(o, tape, 0.1), KIN_USAGE);
        assert_non_null(strstr(kin_message(), "the gradient of table was left unsummed"));
        assert_true(value[1] == 2);
        finish(o);
    }
}

/* What could overflow on the way is summed at once, so that it can be explained. */
static void test_large_sums_are_formed(void **state)
{
    static const int32_t ids[] = { 1 };
    static const int64_t start[] = { 0, 1 };
    static const kin_bags bags = { 1, 1, ids, start };
    (void)state;
    real value[ROWS];
    kin_tensor table = table_of(value);
    kin_tape_leave_sums(tape, true);
    kin_tape_reset(tape, 1, 1, true);
    kin_tensor *y = kin_sum(tape, kin_embedding_bag(tape, &table, NULL, &bags));
    assert_int_equal(kin_tape_backward(tape, kin_scale(tape, y, 1e20)), KIN_OK);
    assert_non_null(table.sparse->value);
    assert_true(table.sparse->value[0] == (real)1e20);
    kin_tape_reset(tape, 1, 1, true);
}

/* ---- groups, norms, states ------------------------------------------------------------------ */

static void test_groups(void **state)
{
    (void)state;
    real value[2][4] = { { 1, 1, 1, 1 }, { 1, 1, 1, 1 } }, zeros[4] = { 0 };
    kin_tensor matrix = { .rows = 2, .cols = 2, .value = value[0], .needs_grad = true };
    kin_tensor row = { .rows = 1, .cols = 4, .value = value[1], .needs_grad = true };
    matrix.name = row.name = "x";
    kin_parameter params[2] = { kin_parameter_of(&matrix), kin_parameter_of(&row) };
    assert_true(params[0].decay && !params[1].decay);
    params[0].rate_factor = 3;
    static const char *const hypers[] = { "weight_decay", NULL };
    static const double values[] = { 0.5 };
    kin_optimizer *o = make("adamw", hypers, values, params, 2);
    kin_tape_reset(tape, 1, 1, true);
    kin_tensor *a = kin_mul(tape, &matrix, kin_tape_input(tape, 2, 2, zeros));
    kin_tensor *b = kin_mul(tape, &row, kin_tape_input(tape, 1, 4, zeros));
    assert_int_equal(kin_tape_backward(tape, kin_add(tape, kin_sum(tape, a), kin_sum(tape, b))),
                     KIN_OK);
    assert_int_equal(kin_optimizer_step(o, tape, 0.1), KIN_OK);
    for (int i = 0; i < 4; i++) {
        assert_float_equal(value[0][i], 1 - 0.1 * 3 * 0.5, 1e-6);
        assert_true(value[1][i] == 1);
    }
    finish(o);
}

/* Two parameters in one optimizer move as each of them does alone: their moments lie apart. */
static void test_neighbours(void **state)
{
    (void)state;
    real together[2][N] = { { 1, 2, 3 }, { 4, 5, 6 } }, alone[2][N];
    memcpy(alone, together, sizeof alone);
    kin_tensor x[2];
    kin_parameter params[2];
    for (int i = 0; i < 2; i++) {
        x[i] = (kin_tensor){ .rows = 1, .cols = N, .needs_grad = true, .name = "x" };
        x[i].value = together[i];
        params[i] = kin_parameter_of(&x[i]);
    }
    kin_optimizer *both = make("adam", NULL, NULL, params, 2);
    for (int k = 0; k < STEPS; k++) {
        const real *g[2] = { gradients[k], gradients[(k + 3) % STEPS] };
        kin_tape_reset(tape, 1, 1, true);
        kin_tensor *y[2];
        for (int i = 0; i < 2; i++) y[i] = kin_mul(tape, &x[i], kin_tape_input(tape, 1, N, g[i]));
        assert_int_equal(kin_tape_backward(tape, kin_sum(tape, kin_add(tape, y[0], y[1]))),
                         KIN_OK);
        assert_int_equal(kin_optimizer_step(both, tape, 0.1), KIN_OK);
    }
    finish(both);
    for (int i = 0; i < 2; i++) {
        x[i].value = alone[i];
        kin_optimizer *o = make("adam", NULL, NULL, &params[i], 1);
        for (int k = 0; k < STEPS; k++) step(o, &x[i], gradients[(k + 3 * i) % STEPS], 0.1);
        finish(o);
        assert_memory_equal(together[i], alone[i], sizeof alone[i]);
    }
}

/* The norm is that of all parameters together, sparse and dense. */
static void test_norm(void **state)
{
    static const int32_t ids[] = { 1, 1 };
    static const int64_t start[] = { 0, 1, 2 };
    static const kin_bags bags = { 2, 2, ids, start };
    (void)state;
    real value[ROWS], one[2] = { 1, 1 }, g[2] = { 3, 0 }, h[2] = { 2, 2 };
    kin_tensor table = table_of(value);
    kin_tensor row = { .rows = 1, .cols = 2, .value = one, .needs_grad = true, .name = "row" };
    const kin_parameter params[2] = { kin_parameter_of(&table), kin_parameter_of(&row) };
    static const char *const hypers[] = { "momentum", "clip", NULL };
    static const double values[] = { 0, 1 };
    kin_optimizer *o = make("sgd", hypers, values, params, 2);
    kin_tape_reset(tape, 1, 1, true);
    kin_tensor *y = kin_embedding_bag(tape, &table, NULL, &bags);
    y = kin_sum(tape, kin_mul(tape, y, kin_tape_input(tape, 2, 1, h)));
    kin_tensor *z = kin_sum(tape, kin_mul(tape, &row, kin_tape_input(tape, 1, 2, g)));
    assert_int_equal(kin_tape_backward(tape, kin_add(tape, y, z)), KIN_OK);
    assert_int_equal(kin_optimizer_step(o, tape, 1), KIN_OK);
    assert_float_equal(kin_optimizer_norm(o), 5, 1e-6);             /* 4 in the table, 3 beside */
    assert_float_equal(value[1], 2 - 4 / 5.000001, 1e-6);
    assert_float_equal(one[0], 1 - 3 / 5.000001, 1e-6);
    finish(o);
}

static void test_range(void **state)
{
    (void)state;
    real value = 0.5, up = -1;
    kin_tensor x = { .rows = 1, .cols = 1, .value = &value, .needs_grad = true, .name = "x" };
    kin_parameter param = kin_parameter_of(&x);
    param.low = -1;
    param.high = 0.75;
    kin_optimizer *o = make("adam", NULL, NULL, &param, 1);
    for (int i = 0; i < 5; i++) step(o, &x, &up, 0.1);
    assert_true(value == (real)0.75);
    for (int i = 0; i < 40; i++) step(o, &x, (const real[]){ 1 }, 0.2);
    assert_true(value == -1);
    finish(o);
}

/* Parameters, moments and the count are all there is: a copy goes on with the same bits. */
static void test_resume(void **state)
{
    (void)state;
    real value[N] = { 1, -0.5, 0.25 }, copy[N];
    kin_tensor x = { .rows = 1, .cols = N, .value = value, .needs_grad = true, .name = "x" };
    const kin_parameter param = { .tensor = &x, .decay = true, .rate_factor = 1 };
    kin_optimizer *first = make("adamw", NULL, NULL, &param, 1);
    for (int k = 0; k < 3; k++) step(first, &x, gradients[k], rates[k]);
    memcpy(copy, value, sizeof copy);
    size_t bytes, again;
    void *from = kin_optimizer_state(first, &bytes);
    kin_optimizer *second = make("adamw", NULL, NULL, &param, 1);
    void *to = kin_optimizer_state(second, &again);
    assert_int_equal(bytes, again);
    memcpy(to, from, bytes);
    kin_optimizer_set_steps(second, kin_optimizer_steps(first));
    for (int k = 3; k < STEPS; k++) step(first, &x, gradients[k], rates[k]);
    x.value = copy;
    for (int k = 3; k < STEPS; k++) step(second, &x, gradients[k], rates[k]);
    assert_memory_equal(value, copy, sizeof copy);
    finish(first);
    finish(second);
}

/* ---- errors --------------------------------------------------------------------------------- */

static void test_settings(void **state)
{
    (void)state;
    real value = 0;
    kin_tensor x = { .rows = 1, .cols = 1, .value = &value, .needs_grad = true, .name = "x" };
    kin_parameter param = kin_parameter_of(&x);
    kin_optimizer_setting setting;
    kin_optimizer *o;
    assert_int_equal(kin_optimizer_defaults(&setting, "adamv"), KIN_USAGE);
    assert_int_equal(kin_optimizer_defaults(&setting, "adam"), KIN_OK);
    assert_int_equal(kin_optimizer_set(&setting, "momentum", 0), KIN_USAGE);
    assert_string_equal(kin_message(), "optim: adam has no momentum");
    assert_int_equal(kin_optimizer_set(&setting, "beta1", 1), KIN_OK);
    assert_int_equal(kin_optimizer_new(&o, &backend, &setting, &param, 1), KIN_USAGE);
    assert_non_null(strstr(kin_message(), "beta1 is 1, expected 0 to"));
    assert_null(o);
    assert_int_equal(kin_optimizer_defaults(&setting, "adam"), KIN_OK);
    param.rate_factor = 0;
    assert_int_equal(kin_optimizer_new(&o, &backend, &setting, &param, 1), KIN_USAGE);
    assert_int_equal(kin_optimizer_new(&o, &backend, &setting, &param, 0), KIN_USAGE);
    kin_optimizer_free(NULL);
}

/* Whatever is wrong with the tape or the gradient, nothing moves. */
static void test_bad_steps(void **state)
{
    (void)state;
    real value[2] = { 1, 2 }, inf[2] = { INFINITY, 0 };
    kin_tensor x = { .rows = 1, .cols = 2, .value = value, .needs_grad = true, .name = "x" };
    const kin_parameter param = kin_parameter_of(&x);
    kin_optimizer *o = make("adamw", NULL, NULL, &param, 1);
    kin_tape_reset(tape, 1, 1, true);
    assert_int_equal(kin_optimizer_step(o, tape, 0.1), KIN_USAGE);
    kin_tensor *y = kin_mul(tape, &x, kin_tape_input(tape, 1, 2, inf));
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, y)), KIN_NUMERICAL);
    assert_int_equal(kin_optimizer_step(o, tape, 0.1), KIN_NUMERICAL);
    kin_tape_reset(tape, 1, 1, true);
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, &x)), KIN_OK);
    assert_int_equal(kin_optimizer_step(o, tape, NAN), KIN_USAGE);
    assert_true(value[0] == 1 && value[1] == 2);
    assert_int_equal(kin_optimizer_steps(o), 0);
    finish(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lazy_rows), TEST(dense_switch), TEST(open_sums), TEST(open_sums_are_refused),
        TEST(large_sums_are_formed), TEST(groups), TEST(neighbours), TEST(norm),
        TEST(range), TEST(resume), TEST(settings), TEST(bad_steps),
    };
    return RUN_ON_BOTH(tests);
}
