/* Intervals and paired tests: the literals are those that compare_statistics.py prints. */
#include "tests/metrics/tools.h"
#include <math.h>
#include "metrics/statistics.h"

enum { N = 137, RESAMPLES = 2000, FLIPS = 20000, SEED = 5 };

static double a[N], b[N], c[N];

static int fill(void **state)
{
    (void)state;
    for (int i = 0; i < N; i++) {
        a[i] = (int)(unit_of((uint64_t)i) * 11) / 10.;
        b[i] = (int)(unit_of((uint64_t)(500 + i)) * 10) / 10.;
        c[i] = unit_of((uint64_t)(1000 + i));
    }
    return 0;
}

static void intervals_are_numpys(void **state)
{
    (void)state;
    const double *const column[] = {a, b, c};
    kin_interval interval[3];
    assert_ok(kin_bootstrap(interval, NULL, SEED, RESAMPLES, 0.95, N, column, 3));
    assert_near(interval[0].low, 0.4343065693430657, 1e-14);
    assert_near(interval[0].high, 0.5321167883211678, 1e-14);
    assert_near(interval[1].low, 0.39927007299270073, 1e-14);
    assert_near(interval[1].high, 0.49854014598540153, 1e-14);
    assert_near(interval[2].low, 0.42852787982539775, 1e-14);
    assert_near(interval[2].high, 0.5259278670452038, 1e-14);
}

static void p_is_the_share_of_flips(void **state)
{
    (void)state;
    kin_paired paired, swapped;
    assert_ok(kin_paired_test(&paired, NULL, SEED, FLIPS, N, a, b));
    assert_near(paired.difference, 0.03357664233576641, 1e-14);
    assert_near(paired.p, 0.3347332633368332, 1e-15);
    assert_int_equal(paired.wins, 67);
    assert_int_equal(paired.losses, 58);
    assert_int_equal(paired.ties, N - 67 - 58);
    assert_ok(kin_paired_test(&swapped, NULL, SEED, FLIPS, N, b, a));
    assert_true(swapped.p == paired.p && swapped.wins == paired.losses);
}

/* Of the 2^6 sign patterns of these differences 2 reach |sum|: p is near 1/32. */
static void few_queries_have_a_known_p(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3, 4, 5, 6, 1}, y[] = {0, 0, 0, 0, 0, 0, 1};
    kin_paired paired;
    assert_ok(kin_paired_test(&paired, NULL, 1, KIN_FLIPS, 7, x, y));
    assert_near(paired.p, 1. / 32, 4 * sqrt(1. / 32 / KIN_FLIPS));
    assert_int_equal(paired.ties, 1);
}

static void equal_systems_do_not_differ(void **state)
{
    (void)state;
    kin_paired paired;
    assert_ok(kin_paired_test(&paired, NULL, 1, 1000, N, a, a));
    assert_true(paired.p == 1 && paired.difference == 0 && paired.ties == N);
}

static void clear_winners_have_the_least_p(void **state)
{
    (void)state;
    double better[N];
    kin_paired paired;
    for (int i = 0; i < N; i++) better[i] = a[i] + 0.1;
    assert_ok(kin_paired_test(&paired, NULL, 1, 999, N, better, a));
    assert_true(paired.p == 1. / 1000);
}

static void constant_columns_have_no_width(void **state)
{
    (void)state;
    double one[N];
    const double *const column[] = {one};
    kin_interval interval;
    for (int i = 0; i < N; i++) one[i] = 0.25;
    assert_ok(kin_bootstrap(&interval, NULL, 1, 10, 0.5, N, column, 1));
    assert_true(interval.low == 0.25 && interval.high == 0.25);
    assert_ok(kin_bootstrap(&interval, NULL, 1, 1, 0.95, 1, column, 1));
    assert_true(interval.low == 0.25 && interval.high == 0.25);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    const double *const column[] = {a};
    kin_interval one, many;
    kin_paired first, second;
    assert_ok(kin_bootstrap(&one, NULL, 9, 1234, 0.9, N, column, 1));
    assert_ok(kin_paired_test(&first, NULL, 9, 1234, N, a, b));
    for (int threads = 2; threads <= 3; threads++) {
        kin_pool *pool;
        assert_ok(kin_pool_new(&pool, threads));
        assert_ok(kin_bootstrap(&many, pool, 9, 1234, 0.9, N, column, 1));
        assert_ok(kin_paired_test(&second, pool, 9, 1234, N, a, b));
        assert_true(one.low == many.low && one.high == many.high && first.p == second.p);
        kin_pool_free(pool);
    }
}

static void faults_are_refused(void **state)
{
    (void)state;
    const double bad[] = {1, NAN};
    const double *const column[] = {bad};
    kin_interval interval;
    kin_paired paired;
    assert_fails(kin_bootstrap(&interval, NULL, 1, 10, 0.9, 2, column, 1), KIN_NUMERICAL,
                 "value 1");
    assert_fails(kin_bootstrap(&interval, NULL, 1, 0, 0.9, 1, column, 1), KIN_USAGE, "0 resamples");
    assert_fails(kin_bootstrap(&interval, NULL, 1, 10, 1, 1, column, 1), KIN_USAGE, "level 1");
    assert_fails(kin_bootstrap(&interval, NULL, 1, 10, 0.9, 0, column, 1), KIN_USAGE, "0 values");
    assert_fails(kin_paired_test(&paired, NULL, 1, 10, 2, a, bad), KIN_NUMERICAL, "value 1");
    assert_fails(kin_paired_test(&paired, NULL, 1, 0, 2, a, b), KIN_USAGE, "0 flips");
    assert_fails(kin_paired_test(&paired, NULL, 1, 10, 0, a, b), KIN_USAGE, "0 queries");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_are_numpys), cmocka_unit_test(p_is_the_share_of_flips),
        cmocka_unit_test(few_queries_have_a_known_p), cmocka_unit_test(equal_systems_do_not_differ),
        cmocka_unit_test(clear_winners_have_the_least_p),
        cmocka_unit_test(constant_columns_have_no_width), cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(faults_are_refused),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
