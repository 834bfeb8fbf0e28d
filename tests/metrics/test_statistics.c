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

/* ---- seeds ------------------------------------------------------------------------------------*/

static void intervals_over_seeds_are_numpys(void **state)
{
    (void)state;
    const double *const seeds[] = {a, b, c}, *const twice[] = {a, b, c, c, c, c};
    kin_interval interval[2];
    assert_ok(kin_bootstrap_seeds(interval, NULL, SEED, RESAMPLES, 0.95, 3, N, seeds, 1));
    assert_near(interval[0].low, 0.4299209245742092, 1e-14);
    assert_near(interval[0].high, 0.5116663000157159, 1e-14);
    assert_ok(kin_bootstrap_seeds(interval, NULL, SEED, RESAMPLES, 0.95, 3, N, twice, 2));
    assert_near(interval[0].low, 0.4299209245742092, 1e-14);
    kin_interval alone;
    assert_ok(kin_bootstrap(&alone, NULL, SEED, RESAMPLES, 0.95, N, twice + 2, 1));
    assert_near(interval[1].low, alone.low, 1e-14);      /* equal seeds add no width */
    assert_near(interval[1].high, alone.high, 1e-14);
}

/* Two seeds without any spread of their own: a resample's mean is 0, 1/2 or 1, with probability
 * 1/4, 1/2 and 1/4. */
static void the_spread_of_seeds_is_in_the_interval(void **state)
{
    (void)state;
    double zero[N] = {0}, one[N];
    const double *const seeds[] = {zero, one};
    kin_interval interval;
    for (int i = 0; i < N; i++) one[i] = 1;
    assert_ok(kin_bootstrap_seeds(&interval, NULL, 1, 10000, 0.95, 2, N, seeds, 1));
    assert_true(interval.low == 0 && interval.high == 1);
    assert_ok(kin_bootstrap_seeds(&interval, NULL, 1, 10000, 0.4, 2, N, seeds, 1));
    assert_true(interval.low == 0.5 && interval.high == 0.5);
}

static void spread_by_hand(void **state)
{
    (void)state;
    const double five[] = {100, 2, 3, 1, 4}, three[] = {1, 2, 6};
    kin_spread s;
    assert_ok(kin_spread_of(&s, 5, five));
    assert_true(s.mean == 22 && s.middle == 3);          /* without 1 and 100 */
    assert_near(s.deviation, sqrt(7610. / 4), 1e-13);
    assert_ok(kin_spread_of(&s, 3, three));
    assert_true(s.mean == 3 && s.middle == 3);           /* too few to leave any out */
    assert_near(s.deviation, sqrt(7), 1e-15);
    assert_ok(kin_spread_of(&s, 1, three));
    assert_true(s.mean == 1 && s.middle == 1 && s.deviation == 0);
    assert_fails(kin_spread_of(&s, 0, three), KIN_USAGE, "0 numbers");
}

/* ---- many pairs -------------------------------------------------------------------------------*/

/* Without ties the signs are the same ones; with ties others of the same distribution. */
static void pairs_agree_with_the_single_test(void **state)
{
    (void)state;
    double d[N];
    for (int i = 0; i < N; i++) d[i] = unit_of((uint64_t)(3000 + i));
    const double *const system[] = {c, d, a, b};
    kin_paired pairs[6], one;
    assert_ok(kin_pairwise_test(pairs, NULL, SEED, FLIPS, N, 4, system));
    for (int x = 0, i = 0; x < 4; x++)
        for (int y = x + 1; y < 4; y++, i++) {
            assert_ok(kin_paired_test(&one, NULL, SEED, FLIPS, N, system[x], system[y]));
            assert_near(pairs[i].difference, one.difference, 1e-15);
            assert_true(pairs[i].wins == one.wins && pairs[i].losses == one.losses
                        && pairs[i].ties == one.ties);
            assert_near(pairs[i].p, one.p, one.ties ? 6 * sqrt(one.p / FLIPS) : 0);
        }
}

static void pairs_do_not_mind_threads(void **state)
{
    (void)state;
    const double *const system[] = {a, b, c}, *const same[] = {a, a};
    kin_paired one[3], many[3];
    kin_pool *pool;
    assert_ok(kin_pairwise_test(one, NULL, 3, 5500, N, 3, system));
    assert_ok(kin_pool_new(&pool, 3));
    assert_ok(kin_pairwise_test(many, pool, 3, 5500, N, 3, system));
    kin_pool_free(pool);
    assert_memory_equal(one, many, sizeof one);
    assert_ok(kin_pairwise_test(one, NULL, 3, 100, N, 2, same));
    assert_true(one[0].p == 1);
    assert_fails(kin_pairwise_test(one, NULL, 3, 0, N, 2, same), KIN_USAGE, "0 flips");
}

/* R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm") */
static void holm_by_hand(void **state)
{
    (void)state;
    double p[] = {0.01, 0.04, 0.03, 0.005}, large[] = {0.9, 0.5};
    assert_ok(kin_holm(p, 4));
    assert_near(p[0], 0.03, 1e-15);
    assert_near(p[1], 0.06, 1e-15);
    assert_near(p[2], 0.06, 1e-15);
    assert_near(p[3], 0.02, 1e-15);
    assert_ok(kin_holm(large, 2));
    assert_true(large[0] == 1 && large[1] == 1);
    assert_ok(kin_holm(p, 0));
}

/* ---- letters ----------------------------------------------------------------------------------*/

enum { SYSTEMS = 12 };

static void mark(bool *differ, int n, int x, int y)
{
    differ[x * n + y] = differ[y * n + x] = true;
}

static void letters_by_hand(void **state)
{
    (void)state;
    bool differ[16] = {0}, none[9] = {0};
    kin_letters letters[SYSTEMS];
    mark(differ, 4, 0, 2);
    mark(differ, 4, 0, 3);
    mark(differ, 4, 1, 3);
    assert_ok(kin_letters_of(letters, 4, differ));
    assert_string_equal(letters[0].text, "a");
    assert_string_equal(letters[1].text, "ab");
    assert_string_equal(letters[2].text, "bc");
    assert_string_equal(letters[3].text, "c");
    assert_ok(kin_letters_of(letters, 3, none));
    for (int i = 0; i < 3; i++) assert_string_equal(letters[i].text, "a");
    assert_ok(kin_letters_of(letters, 0, none));
}

static bool share(const kin_letters *x, const kin_letters *y)
{
    return strpbrk(x->text, y->text) != NULL;
}

/* Two share a letter exactly when they do not differ, and no letter's group lies within
 * another's. */
static void check_letters(const kin_letters *letters, int n, const bool *differ)
{
    for (int x = 0; x < n; x++)
        for (int y = 0; y < n; y++)
            assert_true(share(&letters[x], &letters[y]) == !differ[x * n + y]);
    for (char u = 'a'; u <= 'z'; u++)
        for (char v = 'a'; v <= 'z'; v++) {
            bool inside = u != v, any = false;
            for (int x = 0; x < n; x++) {
                any |= strchr(letters[x].text, u) != NULL;
                inside &= !strchr(letters[x].text, u) || strchr(letters[x].text, v);
            }
            assert_false(any && inside);
        }
}

static void letters_of_random_tables(void **state)
{
    (void)state;
    for (uint64_t t = 0; t < 200; t++) {
        bool differ[SYSTEMS * SYSTEMS] = {0};
        const int n = 1 + (int)(t % SYSTEMS);
        kin_letters letters[SYSTEMS];
        for (int x = 0; x < n; x++)
            for (int y = x + 1; y < n; y++)
                if (unit_of(9000 + t * 200 + (uint64_t)(x * n + y)) * 200 < (double)t)
                    mark(differ, n, x, y);
        assert_ok(kin_letters_of(letters, n, differ));
        check_letters(letters, n, differ);
    }
}

/* Six pairs that differ make 2^6 groups. */
static void too_many_letters_are_refused(void **state)
{
    (void)state;
    bool differ[SYSTEMS * SYSTEMS] = {0};
    kin_letters letters[SYSTEMS];
    for (int x = 0; x < SYSTEMS; x += 2) mark(differ, SYSTEMS, x, x + 1);
    assert_fails(kin_letters_of(letters, SYSTEMS, differ), KIN_RUNTIME, "more than 52 groups");
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
        cmocka_unit_test(faults_are_refused), cmocka_unit_test(intervals_over_seeds_are_numpys),
        cmocka_unit_test(the_spread_of_seeds_is_in_the_interval), cmocka_unit_test(spread_by_hand),
        cmocka_unit_test(pairs_agree_with_the_single_test),
        cmocka_unit_test(pairs_do_not_mind_threads), cmocka_unit_test(holm_by_hand),
        cmocka_unit_test(letters_by_hand), cmocka_unit_test(letters_of_random_tables),
        cmocka_unit_test(too_many_letters_are_refused),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
