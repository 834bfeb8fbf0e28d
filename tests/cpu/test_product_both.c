/* Products through OpenBLAS where there is one: values, and the same bits for any threads. */
#include "tests/cpu/product.h"

static void core_is_right(void **state)
{
    kin_backend *b = open_cpu(1);
    const kin_cpu_facts facts = kin_cpu_describe(b);
    (void)state;
    close_cpu(b);
    if (!facts.blas) {
        assert_true(strlen(facts.blas_note) > 0);
        print_message("skipped: %s\n", facts.blas_note);
        skip();
    }
    assert_true(strlen(facts.blas_path) > 0 && strlen(facts.blas_config) > 0);
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        assert_string_not_equal(facts.blas_core, "Prescott");
        assert_string_equal(facts.blas_note, "");
        assert_non_null(getenv("OPENBLAS_CORETYPE"));
    }
#endif
}

static void facts_and_rates(void **state)
{
    kin_backend *b = open_cpu(2);
    const kin_cpu_facts facts = kin_cpu_describe(b);
    kin_cpu_rates rates;
    (void)state;
    assert_int_equal(kin_cpu_measure(b, &rates), KIN_OK);
    print_message("%s, %s, %s; BLAS %s; peak %.1f, one %.1f, %d threads %.1f GFLOP/s\n",
                  facts.model, facts.features, facts.isa, facts.blas_core, rates.peak,
                  rates.product_one, rates.threads, rates.product_all);
    assert_true(rates.peak > 0.1 && rates.product_one > 0.01 && rates.product_all > 0.01);
    assert_int_equal(rates.threads, 2);
    close_cpu(b);
}

static void bad_settings(void **state)
{
    kin_backend *b;
    (void)state;
    setenv("KIN_ISA", "sse9", 1);
    assert_int_equal(kin_cpu_new(&b, NULL), KIN_USAGE);
    assert_non_null(strstr(kin_message(), "sse9"));
    assert_null(b);
    setenv("KIN_ISA", "", 1);
    assert_int_equal(kin_cpu_new(&b, NULL), KIN_OK);
    b->free(b);
    unsetenv("KIN_ISA");
}

RUN(TEST(core_is_right), TEST(test_products), TEST(test_step_products), TEST(facts_and_rates),
    TEST(bad_settings))
