/* Values and gradients of independent implementations (tests/known): in double to 1e-9, and that
 * float is what double is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/losses/known.h"

/* The known numbers have 10 to 12 digits. In float, scores are good to 1e-7 and exponents multiply
 * that by up to 600 (circle, gamma 256). */
static const double tolerance = sizeof(real) == 8 ? 1e-9 : 1e-5;

static void check(const known *c, void *context)
{
    const machine *m = context;
    answer a = fused(m, &c->p);
    const double value = fabs(a.value - c->value) / fabs(c->value);
    const double dq = apart(a.dq, c->dq, c->p.rows * KNOWN_DIMENSION, 0);
    const double dk = c->p.k ? apart(a.dk, c->dk, c->p.columns * KNOWN_DIMENSION, 0) : 0;
    const double floor = sizeof(real) == 8 ? 0 : 1;
    double dh = 0;
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (c->parameters >> i & 1) dh = fmax(dh, apart(&a.dh[i], &c->dh[i], 1, floor));
    printf("%-8s %-44s value %.1e gradients %.1e %.1e parameters %.1e\n", c->p.loss, c->name, value,
           dq, dk, dh);
    assert_int_equal(a.status, KIN_OK);
    assert_true(value <= tolerance && dq <= tolerance && dk <= tolerance && dh <= tolerance);
    assert_true(!c->p.learn || c->parameters == c->p.learn);
    answer_free(&a);
}

static void test_known_values(void **state)
{
    (void)state;
    static const int cases[] = { 15, 1, 4, 2 };
    machine m;
    assert_int_equal(machine_open(&m, 2), KIN_OK);
    assert_int_equal(kin_losses.count, sizeof cases / sizeof *cases);
    for (int i = 0; i < kin_losses.count; i++)
        assert_int_equal(known_each(kin_losses.items[i]->name, check, &m), cases[i]);
    machine_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_known_values) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
