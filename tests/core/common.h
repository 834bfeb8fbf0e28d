/* What every cmocka program begins with. */
#ifndef KIN_TESTS_CORE_COMMON_H
#define KIN_TESTS_CORE_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define RUN(...)                                                                \
    int main(void)                                                              \
    {                                                                           \
        const struct CMUnitTest tests[] = { __VA_ARGS__ };                      \
        return cmocka_run_group_tests(tests, NULL, NULL);                       \
    }
#define TEST(name) cmocka_unit_test(name)

#endif
