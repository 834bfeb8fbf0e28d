/* The static encoder beside plain sums: means, weights, projections, towers, first values. */
#include "tests/encoders/fixture.h"
#include "core/rng.h"

enum { V = 23, D = 7, ROWS = 5 };

static const int32_t ids[] = { 3, 3, 4, 22, 0, 1, 2, 5, 6, 7, 8 };
static const int64_t start[ROWS + 1] = { 0, 3, 4, 4, 9, 11 };        /* bag 2 is empty */
static const kin_bags bags = { ROWS, 11, ids, start };

static const double tolerance = sizeof(real) == 4 ? 2e-6 : 1e-14;

static double at(const kin_tensor *t, int64_t row, int64_t col)
{
    return (double)t->value[row * t->cols + col];
}

/* y[cols] = x[rows] W + b */
static void project(const double *x, const kin_tensor *w, const kin_tensor *b, double *y)
{
    for (int64_t j = 0; j < w->cols; j++) {
        y[j] = at(b, 0, j);
        for (int64_t i = 0; i < w->rows; i++) y[j] += x[i] * at(w, i, j);
    }
}

static void expected_row(kin_network *n, int row, const char *projection, double *y, int64_t width)
{
    double x[64] = { 0 }, h[64];
    const kin_tensor *table = weight_of(n, "table");
    const bool weighted = n->hypers[1] != 0;
    const int64_t count = start[row + 1] - start[row];
    for (int64_t i = start[row]; i < start[row + 1]; i++)
        for (int64_t j = 0; j < D; j++)
            x[j] += at(table, ids[i], j) / (double)count
                    * (weighted ? at(weight_of(n, "weights"), ids[i], 0) : 1);
    if (!strcmp(projection, "mlp")) {
        project(x, weight_of(n, "hidden"), weight_of(n, "hidden_bias"), h);
        for (int j = 0; j < weight_of(n, "hidden")->cols; j++)
            x[j] = h[j] * (1 + erf(h[j] / sqrt(2))) / 2;
    }
    if (strcmp(projection, "none"))
        project(x, weight_of(n, "linear"), weight_of(n, "linear_bias"), y);
    else
        memcpy(y, x, sizeof(double) * (size_t)width);
    double norm = 0;
    for (int64_t j = 0; j < width; j++) norm += y[j] * y[j];
    for (int64_t j = 0; j < width; j++) y[j] = norm > 0 ? y[j] / sqrt(norm) : 0;
}

static void compare(const char *settings, const char *projection)
{
    kin_network *n = make_network(settings, V, false);
    kin_tape *tape;
    float rarity[V];
    for (int i = 0; i < V; i++) rarity[i] = 0.5f + (float)i / V;
    expect_ok(kin_network_init(n, 7, rarity));
    expect_ok(kin_tape_new(&tape, backend));
    kin_tape_reset(tape, 0, 0, false);
    const kin_tensor *y = kin_network_forward(tape, n, KIN_QUERY, &bags);
    expect_ok(kin_tape_status(tape));
    assert_int_equal(y->rows, ROWS);
    assert_int_equal(y->cols, n->width);
    assert_true(y->unit);
    for (int row = 0; row < ROWS; row++) {
        double expected[64];
        expected_row(n, row, projection, expected, n->width);
        for (int64_t j = 0; j < n->width; j++)
            assert_true(fabs(at(y, row, j) - expected[j]) < tolerance);
    }
    kin_tape_free(tape);
    kin_network_free(n);
}

static void test_forward(void **state)
{
    (void)state;
    compare("dim 7", "none");
    compare("dim 7 weights fixed", "none");
    compare("dim 7 weights learned rarity 2", "none");
    compare("dim 7 projection linear output 5", "linear");
    compare("dim 7 projection mlp hidden 11 output 4 weights fixed", "mlp");
}

static void test_empty_bag_is_zero(void **state)
{
    (void)state;
    kin_network *n = make_network("dim 7", V, false);
    kin_tape *tape;
    expect_ok(kin_network_init(n, 7, NULL));
    expect_ok(kin_tape_new(&tape, backend));
    kin_tape_reset(tape, 0, 0, false);
    const kin_tensor *y = kin_network_forward(tape, n, KIN_DOCUMENT, &bags);
    for (int j = 0; j < D; j++) assert_true(y->value[2 * D + j] == 0);
    kin_tape_free(tape);
    kin_network_free(n);
}

/* A batch through one tower at once, and each side alone, must be the same rows. */
static void test_pairs(void **state)
{
    (void)state;
    static const int64_t left[3] = { 0, 3, 4 }, right[4] = { 0, 0, 5, 7 };
    const kin_pair_bags pair = { { 2, 4, ids, left }, { 3, 7, ids + 4, right }, bags };
    for (int separate = 0; separate < 2; separate++) {
        kin_network *n = make_network("dim 7", V, separate);
        kin_tape *tape;
        kin_tensor *q, *d;
        expect_ok(kin_network_init(n, 7, NULL));
        if (separate) weight_of(n, "document.table")->value[8 * D] += 1;
        expect_ok(kin_tape_new(&tape, backend));
        kin_tape_reset(tape, 0, 0, true);
        kin_network_forward_pairs(tape, n, &pair, &q, &d);
        const kin_tensor *a = kin_network_forward(tape, n, KIN_QUERY, &pair.queries);
        const kin_tensor *b = kin_network_forward(tape, n, KIN_DOCUMENT, &pair.documents);
        expect_ok(kin_tape_status(tape));
        assert_memory_equal(q->value, a->value, 2 * D * sizeof(real));
        assert_memory_equal(d->value, b->value, 3 * D * sizeof(real));
        kin_tape_free(tape);
        kin_network_free(n);
    }
}

static void test_first_values(void **state)
{
    (void)state;
    enum { ROWS_BIG = 4000, COLS = 32 };
    kin_network *n = make_network("dim 32 init_scale 0.5", ROWS_BIG, true);
    expect_ok(kin_network_init(n, 3, NULL));
    const kin_tensor *a = weight_of(n, "query.table"), *b = weight_of(n, "document.table");
    double sum = 0, squares = 0;
    for (int i = 0; i < ROWS_BIG * COLS; i++) {
        sum += (double)a->value[i];
        squares += (double)a->value[i] * (double)a->value[i];
        assert_true(a->value[i]
                    == (real)(0.5 * kin_random_normal(3, KIN_STREAM_INIT, 0, (uint64_t)i)));
    }
    assert_true(fabs(sum / (ROWS_BIG * COLS)) < 0.005);
    assert_true(fabs(squares / (ROWS_BIG * COLS) - 0.25) < 0.005);
    assert_memory_equal(a->value, b->value, ROWS_BIG * COLS * sizeof(real));
    assert_int_equal(kin_network_bytes(0, n->hypers, ROWS_BIG, true),
                     2 * ROWS_BIG * COLS * sizeof(real));
    kin_network_free(n);
}

static void test_rarity(void **state)
{
    (void)state;
    float rarity[V];
    for (int i = 0; i < V; i++) rarity[i] = 1 + (float)i;
    kin_network *n = make_network("dim 7 init_rarity 1 weights fixed rarity 0.5", V, false);
    expect_ok(kin_network_init(n, 3, rarity));
    const kin_tensor *table = weight_of(n, "table"), *weights = weight_of(n, "weights");
    for (int i = 0; i < V; i++) {
        const double x = kin_random_normal(3, KIN_STREAM_INIT, 0, (uint64_t)i * D);
        assert_true(fabs((double)table->value[i * D] - x * (1 + i)) < 1e-5 * (1 + i));
        assert_true(fabs((double)weights->value[i] - sqrt(1 + i)) < 1e-6);
    }
    assert_false(weights->needs_grad);
    kin_network_free(n);
}

/* What saving does: each scaled table with its rows multiplied. */
static void multiply(kin_network *f)
{
    for (int i = 0; i < f->count; i++) {
        kin_weight *w = &f->weight[i];
        const int64_t rows = w->tensor.rows, cols = w->tensor.cols;
        if (!w->scale) continue;
        real *value = backend->alloc(backend, (size_t)(rows * cols) * sizeof *value);
        for (int64_t k = 0; k < rows * cols; k++)
            value[k] = w->tensor.value[k] * w->scale[k / cols];
        w->tensor.value = value;
        w->borrowed = false;
    }
}

/* Weights multiplied into the table give the same embeddings, in each tower its own. */
static void test_fold(void **state)
{
    (void)state;
    float rarity[V];
    for (int i = 0; i < V; i++) rarity[i] = 0.3f + (float)(i % 5);
    for (int separate = 0; separate < 2; separate++) {
        kin_network *n = make_network("dim 7 weights learned projection linear", V, separate), *f;
        kin_tape *tape;
        expect_ok(kin_network_init(n, 3, rarity));
        if (separate) weight_of(n, "document.weights")->value[3] = 9;
        expect_ok(kin_network_fold(&f, n));
        assert_int_equal(f->tower, 3);
        multiply(f);
        expect_ok(kin_tape_new(&tape, backend));
        for (int role = 0; role < 2; role++) {
            kin_tape_reset(tape, 0, 0, false);
            const kin_tensor *a = kin_network_forward(tape, n, (kin_role)role, &bags);
            const kin_tensor *b = kin_network_forward(tape, f, (kin_role)role, &bags);
            for (int i = 0; i < ROWS * D; i++)
                assert_true(fabs((double)(a->value[i] - b->value[i])) < tolerance);
        }
        kin_tape_free(tape);
        kin_network_free(f);
        kin_network_free(n);
    }
}

static void test_fold_of_plain_borrows(void **state)
{
    (void)state;
    kin_network *n = make_network("dim 7", V, false), *f;
    expect_ok(kin_network_fold(&f, n));
    assert_ptr_equal(f->weight[0].tensor.value, n->weight[0].tensor.value);
    kin_network_free(f);
    kin_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward), cmocka_unit_test(test_empty_bag_is_zero),
        cmocka_unit_test(test_pairs), cmocka_unit_test(test_first_values),
        cmocka_unit_test(test_rarity), cmocka_unit_test(test_fold),
        cmocka_unit_test(test_fold_of_plain_borrows),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
