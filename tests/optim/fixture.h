/* Fixture: a tape for every test, six steps' gradients, and steps that have them. */
#ifndef KIN_TESTS_OPTIM_FIXTURE_H
#define KIN_TESTS_OPTIM_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "autograd/op.h"
#include "optim/optimizer.h"
#include "tests/devices/both.h"

enum { N = 3, STEPS = 6 };

#ifdef KIN_DOUBLE
static const double tolerance = 1e-13;
#else
static const double tolerance = 1e-6;
#endif

static kin_tape *tape;

static int set_up(void **state)
{
    (void)state;
    return kin_tape_new(&tape, &backend) != KIN_OK;
}

static int tear_down(void **state)
{
    (void)state;
    kin_tape_free(tape);
    return 0;
}

static const real gradients[STEPS][N] = {
    { 0.5, 1e-9, -2 }, { -0.25, 2e-9, 1 }, { 0.125, -1e-9, 0 },
    { 1, 3e-8, -0.5 }, { 0, 0, 4 }, { -0.75, 1e-10, 0.25 },
};
static const double rates[STEPS] = { 0.1, 0.1, 0.1, 0.05, 0.05, 0.025 };

static kin_optimizer *make(const char *name, const char *const *hypers, const double *values,
                           const kin_parameter *params, int count)
{
    kin_optimizer_setting setting;
    kin_optimizer *o = NULL;
    assert_int_equal(kin_optimizer_defaults(&setting, name), KIN_OK);
    for (int i = 0; hypers != NULL && hypers[i] != NULL; i++)
        assert_int_equal(kin_optimizer_set(&setting, hypers[i], values[i]), KIN_OK);
    assert_int_equal(kin_optimizer_new(&o, &backend, &setting, params, count), KIN_OK);
    return o;
}

/* The tape forgets the gradients while the parameters are still there. */
static void finish(kin_optimizer *o)
{
    kin_tape_reset(tape, 1, 1, true);
    kin_optimizer_free(o);
}

/* A step whose gradient of x is g: the loss is sum g x. */
static void step(kin_optimizer *o, kin_tensor *x, const real *g, double lr)
{
    kin_tape_reset(tape, 1, 1, true);
    kin_tensor *loss = kin_sum(tape, kin_mul(tape, x, kin_tape_input(tape, x->rows, x->cols, g)));
    assert_int_equal(kin_tape_backward(tape, loss), KIN_OK);
    assert_int_equal(kin_optimizer_step(o, tape, lr), KIN_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

#endif
