/* Learning rates at the corners of each schedule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "optim/schedule.h"

static kin_schedule_setting make(const char *name, double warmup, double floor_)
{
    kin_schedule_setting setting;
    assert_int_equal(kin_schedule_defaults(&setting, name, 2), KIN_OK);
    assert_true(setting.warmup == 0.1 && setting.floor == 0);
    setting.warmup = warmup;
    setting.floor = floor_;
    return setting;
}

static void expect(const kin_schedule_setting *setting, int64_t step, int64_t steps, double rate)
{
    const double got = kin_schedule_rate(setting, step, steps);
    if (!(fabs(got - rate) < 1e-12)) fail_msg("step %d: %.15g, expected %.15g", (int)step, got,
                                              rate);
}

static void test_warmup(void **state)
{
    (void)state;
    const char *const names[] = { "constant", "linear", "cosine", "quadratic" };
    for (int i = 0; i < 4; i++) {
        const kin_schedule_setting steps = make(names[i], 4, 0), share = make(names[i], 0.1, 0);
        for (int k = 0; k < 4; k++) {
            expect(&steps, k, 40, 2 * (k + 1) / 4.0);
            expect(&share, k, 40, 2 * (k + 1) / 4.0);
        }
        expect(&steps, 4, 40, 2);
    }
}

static void test_decay(void **state)
{
    (void)state;
    const kin_schedule_setting constant = make("constant", 0, 0);
    const kin_schedule_setting linear = make("linear", 0, 0.1), cosine = make("cosine", 2, 0.1);
    expect(&constant, 0, 10, 2);
    expect(&constant, 9, 10, 2);
    expect(&linear, 0, 10, 2);
    expect(&linear, 5, 10, 2 * (0.1 + 0.9 * 0.5));
    expect(&linear, 9, 10, 2 * (0.1 + 0.9 * 0.1));
    expect(&linear, 10, 10, 0.2);
    expect(&linear, 99, 10, 0.2);
    expect(&cosine, 2, 10, 2);
    expect(&cosine, 4, 10, 2 * (0.1 + 0.9 * (1 + sqrt(0.5)) / 2));
    expect(&cosine, 6, 10, 2 * (0.1 + 0.9 * 0.5));
    expect(&cosine, 8, 10, 2 * (0.1 + 0.9 * (1 - sqrt(0.5)) / 2));
    const kin_schedule_setting quadratic = make("quadratic", 2, 0.1);
    expect(&quadratic, 2, 10, 2);
    expect(&quadratic, 6, 10, 2 * (0.1 + 0.9 * 0.75));
    expect(&quadratic, 9, 10, 2 * (0.1 + 0.9 * (1 - 0.875 * 0.875)));
}

static void test_stairs(void **state)
{
    (void)state;
    kin_schedule_setting s = make("stairs", 0, 0);
    expect(&s, 0, 40, 2);
    expect(&s, 19, 40, 2);
    expect(&s, 20, 40, 0.2);
    expect(&s, 29, 40, 0.2);
    expect(&s, 30, 40, 0.02);
    s.first_drop = 3, s.second_drop = 5, s.drop = 0.5, s.warmup = 2;
    expect(&s, 0, 40, 1);
    expect(&s, 2, 40, 2);
    expect(&s, 3, 40, 1);
    expect(&s, 39, 40, 0.5);
}

/* A warm-up as long as the run or longer, and a run of one step. */
static void test_short_runs(void **state)
{
    (void)state;
    const kin_schedule_setting all = make("linear", 10, 0), most = make("cosine", 0.999, 0);
    expect(&all, 0, 10, 0.2);
    expect(&all, 9, 10, 2);
    expect(&all, 3, 5, 0.8);
    expect(&most, 0, 1, 2);
    const kin_schedule_setting none = make("linear", 0.1, 0);
    expect(&none, 0, 1, 2);
}

static void test_names(void **state)
{
    (void)state;
    kin_schedule_setting setting;
    assert_int_equal(kin_schedule_defaults(&setting, "cosinus", 1), KIN_USAGE);
    assert_int_equal(kin_schedules.count, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warmup), cmocka_unit_test(test_decay), cmocka_unit_test(test_stairs),
        cmocka_unit_test(test_short_runs), cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
