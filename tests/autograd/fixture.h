/* Fixture: a fresh training tape for every test, and parameters for it. */
#ifndef KIN_TESTS_AUTOGRAD_FIXTURE_H
#define KIN_TESTS_AUTOGRAD_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "autograd/op.h"
#include "tests/devices/both.h"

static kin_tape *tape;

static int set_up(void **state)
{
    (void)state;
    if (kin_tape_new(&tape, &backend) != KIN_OK) return 1;
    kin_tape_reset(tape, 1, 1, true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    kin_tape_free(tape);
    return 0;
}

/* Parameters outlive the tape, which forgets their gradients when it is freed. */
static kin_tensor *parameter(int64_t rows, int64_t cols, real *value, const char *name)
{
    static kin_tensor pool[4];
    static int next;
    kin_tensor *tensor = &pool[next++ % 4];
    *tensor = (kin_tensor){ .rows = rows, .cols = cols, .value = value, .needs_grad = true,
                            .name = name };
    return tensor;
}

static inline void assert_failed(kin_tensor *y, const char *message)
{
    assert_int_equal(y->rows, 0);
    assert_int_equal(y->cols, 0);
    assert_int_equal(kin_tape_status(tape), KIN_USAGE);
    assert_string_equal(kin_message(), message);
    kin_tape_reset(tape, 1, 1, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)

#endif
