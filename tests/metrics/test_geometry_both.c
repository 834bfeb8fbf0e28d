/* Geometry by hand, against double loops, and the eigenvalues of matrices that have known ones. */
#include "tests/metrics/tools.h"
#include <math.h>
#include "cpu/cpu.h"
#include "metrics/geometry.h"
#include "tests/devices/plain.h"

#define TINY (sizeof(real) == 4 ? 2e-6 : 1e-13)

/* Unit rows drawn evenly from the sphere. */
static real *sphere(int64_t rows, int64_t cols)
{
    real *x = malloc(sizeof(real) * (size_t)(rows * cols));
    for (int64_t i = 0; i < rows; i++) {
        double square = 0;
        for (int64_t j = 0; j < cols; j++) {
            double z = kin_random_normal(3, KIN_STREAM_TEST, 0, (uint64_t)(i * cols + j));
            x[i * cols + j] = (real)z;
            square += z * z;
        }
        for (int64_t j = 0; j < cols; j++) x[i * cols + j] /= (real)sqrt(square);
    }
    return x;
}

static kin_status look(kin_geometry_cloud *out, kin_backend *backend, int64_t rows, int64_t cols,
                       const real *x)
{
    kin_arena *work;
    assert_ok(kin_arena_new(&work, NULL));
    kin_status status = kin_geometry_of_cloud(out, backend, work, rows, cols, x);
    kin_arena_free(work);
    return status;
}

static kin_geometry_cloud look_plainly(int64_t rows, int64_t cols, const real *x)
{
    kin_backend plain = plain_backend();
    kin_geometry_cloud cloud;
    assert_ok(look(&cloud, &plain, rows, cols, x));
    return cloud;
}

static void pairs_by_hand(void **state)
{
    (void)state;
    const real x[] = {1, 0, 0, 1, 0.6f, 0.8f}, y[] = {0, 1, 0, 1, 0.8f, 0.6f};
    kin_geometry_pairs pairs;
    assert_ok(kin_geometry_of_pairs(&pairs, 3, 2, x, y));
    assert_int_equal(pairs.pairs, 3);
    assert_near(pairs.alignment, (2 + 0 + 0.08) / 3, 1e-7);
    assert_near(pairs.cosine, (0 + 1 + 0.96) / 3, 1e-7);
    for (int i = 0; i < KIN_COSINE_BINS; i++)            /* 0, and 0.96 and 1 above 0.95 */
        assert_int_equal(pairs.cosines.count[i],
                         i == KIN_COSINE_BINS / 2 ? 1 : i == KIN_COSINE_BINS - 2 ? 1
                                                    : i == KIN_COSINE_BINS - 1);
    assert_fails(kin_geometry_of_pairs(&pairs, 0, 2, x, y), KIN_USAGE, "no pairs");
    const real bad[] = {1, NAN};
    assert_fails(kin_geometry_of_pairs(&pairs, 1, 2, bad, y), KIN_NUMERICAL, "NaN");
}

/* (1,0), (0,1), (-1,0): squared distances 2, 4, 2; covariance diag(2/3, 2/9). */
static void cloud_by_hand(void **state)
{
    (void)state;
    const real x[] = {1, 0, 0, 1, -1, 0};
    kin_geometry_cloud cloud = look_plainly(3, 2, x);
    assert_int_equal(cloud.pairs, 3);
    assert_near(cloud.uniformity, log((2 * exp(-4) + exp(-8)) / 3), TINY);
    assert_near(cloud.cosine, -1. / 3, TINY);
    assert_near(cloud.deviation, (sqrt(2. / 3) + sqrt(2. / 9)) / sqrt(2), TINY);
    assert_near(cloud.rank, exp(-(0.75 * log(0.75) + 0.25 * log(0.25))), TINY);
    assert_int_equal(cloud.values, 2);
    assert_near(cloud.spectrum[0], 0.75, TINY);
    assert_near(cloud.spectrum[1], 0.25, TINY);
    assert_int_equal(cloud.cosines.count[0], 1);         /* -1, and twice 0 */
    assert_int_equal(cloud.cosines.count[KIN_COSINE_BINS / 2], 2);
}

static void equals_the_double_loop(void **state)
{
    (void)state;
    enum { ROWS = 300, COLS = 5 };
    real *x = sphere(ROWS, COLS);
    double sum = 0, cosine = 0;
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < i; j++) {
            double square = 0;
            for (int c = 0; c < COLS; c++) {
                double d = (double)x[i * COLS + c] - (double)x[j * COLS + c];
                square += d * d;
                cosine += (double)x[i * COLS + c] * (double)x[j * COLS + c];
            }
            sum += exp(-2 * square);
        }
    }
    kin_geometry_cloud cloud = look_plainly(ROWS, COLS, x);
    double pairs = ROWS * (ROWS - 1) / 2;
    assert_near(cloud.uniformity, log(sum / pairs), TINY);
    assert_near(cloud.cosine, cosine / pairs, TINY);
    free(x);
}

static void even_spread_is_not_collapsed(void **state)
{
    (void)state;
    enum { ROWS = 500, COLS = 64 };
    char text[256];
    real *x = sphere(ROWS, COLS);
    kin_geometry_cloud cloud = look_plainly(ROWS, COLS, x);
    assert_near(cloud.uniformity, -4 + 8. / COLS, 0.01);
    assert_near(cloud.cosine, 0, 0.001);
    assert_near(cloud.deviation, 1, 0.01);
    assert_true(cloud.rank > 0.9 * COLS && cloud.rank <= COLS);
    assert_false(kin_geometry_collapsed(&cloud, text, sizeof text));
    assert_string_equal(text, "");
    free(x);
}

static void one_point_is_collapsed(void **state)
{
    (void)state;
    enum { ROWS = 150, COLS = 8 };
    real x[ROWS * COLS];
    char text[256];
    for (int i = 0; i < ROWS * COLS; i++) x[i] = (real)sqrt(1. / COLS);
    kin_geometry_cloud cloud = look_plainly(ROWS, COLS, x);
    assert_near(cloud.uniformity, 0, TINY);
    assert_near(cloud.cosine, 1, TINY);
    assert_near(cloud.deviation, 0, TINY);
    assert_near(cloud.rank, 0, 0);
    assert_true(kin_geometry_collapsed(&cloud, text, sizeof text));
    assert_non_null(strstr(text, "mean cosine of random pairs 1.0000 (limit 0.9)"));
}

/* Half the rows at one pole, half at the other: only the rank tells. */
static void one_line_is_collapsed(void **state)
{
    (void)state;
    enum { ROWS = 100, COLS = 64 };
    static real x[ROWS * COLS];
    char text[256];
    for (int i = 0; i < ROWS; i++) x[i * COLS + 5] = i % 2 ? 1 : -1;
    kin_geometry_cloud cloud = look_plainly(ROWS, COLS, x);
    assert_near(cloud.rank, 1, TINY);
    assert_near(cloud.deviation, 0.125, TINY);
    assert_true(kin_geometry_collapsed(&cloud, text, sizeof text));
    assert_non_null(strstr(text, "effective rank 1.00 of 64 (at least 1.64)"));
}

static void faults_are_refused(void **state)
{
    (void)state;
    kin_backend plain = plain_backend();
    kin_geometry_cloud cloud;
    const real bad[] = {1, 0, INFINITY, 0};
    assert_fails(look(&cloud, &plain, 1, 2, bad), KIN_USAGE, "at least 2 rows");
    assert_fails(look(&cloud, &plain, 2, 2, bad), KIN_NUMERICAL, "NaN or infinity");
}

/* The real backend: near the plain one, and the same bits on 1, 2 and 3 threads. */
static void cpu_backend_agrees(void **state)
{
    (void)state;
    enum { ROWS = 400, COLS = 33 };
    real *x = sphere(ROWS, COLS);
    kin_geometry_cloud plain = look_plainly(ROWS, COLS, x), cloud, first = {0};
    for (int threads = 1; threads <= 3; threads++) {
        kin_pool *pool;
        kin_backend *backend;
        assert_ok(kin_pool_new(&pool, threads));
        assert_ok(kin_cpu_new(&backend, pool));
        assert_ok(look(&cloud, backend, ROWS, COLS, x));
        if (threads == 1) first = cloud;
        assert_memory_equal(&cloud, &first, sizeof cloud);
        backend->free(backend);
        kin_pool_free(pool);
    }
    assert_near(first.uniformity, plain.uniformity, TINY);
    assert_near(first.rank, plain.rank, 10 * TINY);
    assert_true(first.deviation == plain.deviation);
    free(x);
}

/* ---- eigenvalues ------------------------------------------------------------------------------*/

/* The second difference has the eigenvalues 2 - 2 cos(k pi / (n + 1)). */
static void second_difference(void **state)
{
    (void)state;
    enum { SIZE = 50 };
    static double a[SIZE * SIZE], value[SIZE];
    for (int i = 0; i < SIZE; i++) {
        a[i * SIZE + i] = 2;
        if (i > 0) a[i * SIZE + i - 1] = a[(i - 1) * SIZE + i] = -1;
    }
    assert_ok(kin_eigenvalues(SIZE, a, value));
    for (int k = 1; k <= SIZE; k++)
        assert_near(value[k - 1], 2 - 2 * cos(k * acos(-1) / (SIZE + 1)), 1e-14);
}

/* (1 - 2 u u') D (1 - 2 u u') has the eigenvalues of the diagonal D: here twice each, some of them
 * negative. */
static void reflected_diagonal(void **state)
{
    (void)state;
    enum { SIZE = 64 };
    static double a[SIZE * SIZE], value[SIZE], d[SIZE], u[SIZE];
    double square = 0, dot = 0;
    for (int i = 0; i < SIZE; i++) {
        d[i] = i / 2 - 10;
        u[i] = unit_of((uint64_t)i) - 0.5;
        square += u[i] * u[i];
    }
    for (int i = 0; i < SIZE; i++) u[i] /= sqrt(square);
    for (int i = 0; i < SIZE; i++) dot += u[i] * u[i] * d[i];
    for (int i = 0; i < SIZE; i++)
        for (int j = 0; j < SIZE; j++)
            a[i * SIZE + j] = (i == j) * d[i] - 2 * u[i] * u[j] * (d[i] + d[j] - 2 * dot);
    assert_ok(kin_eigenvalues(SIZE, a, value));
    for (int i = 0; i < SIZE; i++) assert_near(value[i], d[i], 1e-13);
}

static void small_matrices(void **state)
{
    (void)state;
    double one[] = {-3}, two[] = {2, 1, 1, 2}, zero[9] = {0}, value[3];
    double ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    assert_ok(kin_eigenvalues(1, one, value));
    assert_near(value[0], -3, 1e-15);
    assert_ok(kin_eigenvalues(2, two, value));
    assert_near(value[0], 1, 1e-15);
    assert_near(value[1], 3, 1e-14);
    assert_ok(kin_eigenvalues(3, zero, value));
    assert_true(value[0] == 0 && value[2] == 0);
    assert_ok(kin_eigenvalues(3, ones, value));
    assert_near(value[0], 0, 1e-14);
    assert_near(value[1], 0, 1e-14);
    assert_near(value[2], 3, 1e-14);
}

static void samples_are_distinct(void **state)
{
    (void)state;
    int32_t which[100], again[100];
    assert_ok(kin_geometry_sample(7, 1000, 100, which));
    assert_ok(kin_geometry_sample(7, 1000, 100, again));
    assert_memory_equal(which, again, sizeof which);
    for (int i = 1; i < 100; i++) assert_true(which[i - 1] < which[i]);
    assert_true(which[0] >= 0 && which[99] < 1000);
    assert_ok(kin_geometry_sample(8, 1000, 100, again));
    assert_memory_not_equal(which, again, sizeof which);
    assert_ok(kin_geometry_sample(7, 100, 100, which));
    for (int i = 0; i < 100; i++) assert_int_equal(which[i], i);
    assert_fails(kin_geometry_sample(7, 10, 11, which), KIN_USAGE, "11 out of 10");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_by_hand), cmocka_unit_test(cloud_by_hand),
        cmocka_unit_test(equals_the_double_loop), cmocka_unit_test(even_spread_is_not_collapsed),
        cmocka_unit_test(one_point_is_collapsed), cmocka_unit_test(one_line_is_collapsed),
        cmocka_unit_test(faults_are_refused), cmocka_unit_test(cpu_backend_agrees),
        cmocka_unit_test(second_difference), cmocka_unit_test(reflected_diagonal),
        cmocka_unit_test(small_matrices), cmocka_unit_test(samples_are_distinct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
