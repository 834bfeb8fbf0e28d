/* Our own product, as on a machine without OpenBLAS: values, bits, and against OpenBLAS. */
#include "tests/cpu/product.h"
#include <sys/wait.h>
#include <unistd.h>

static void test_is_own(void **state)
{
    kin_backend *b = open_cpu(1);
    const kin_cpu_facts facts = kin_cpu_describe(b);
    (void)state;
    assert_false(facts.blas);
    assert_string_equal(facts.blas_path, "");
    assert_non_null(strstr(facts.blas_note, "own product"));
    close_cpu(b);
}

enum { SIDE = 300 };

static void square(real *x, real *c)
{
    const kin_product p = { .transpose_b = 1, .m = SIDE, .n = SIDE, .k = SIDE, .alpha = 1, .a = x,
                            .lda = SIDE, .b = x, .ldb = SIDE, .beta = 0, .c = c, .ldc = SIDE };
    kin_backend *b = open_cpu(2);
    b->product(b, &p);
    close_cpu(b);
}

/* OpenBLAS in a child, because a process opens it once. */
static void against_blas(void **state)
{
    real *x = numbers(SIDE * SIDE, 50);
    static real own[SIDE * SIDE], blas[SIDE * SIDE];
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        unsetenv("KIN_BLAS");
        square(x, blas);
        const char *at = (const char *)blas;
        for (size_t left = sizeof blas; left > 0;) {
            const ssize_t put = write(ends[1], at, left);
            if (put <= 0) _exit(1);
            at += put;
            left -= (size_t)put;
        }
        _exit(0);
    }
    char *to = (char *)blas;
    for (size_t left = sizeof blas; left > 0;) {
        const ssize_t got = read(ends[0], to, left);
        assert_true(got > 0);
        to += got;
        left -= (size_t)got;
    }
    waitpid(child, NULL, 0);
    square(x, own);
    for (int i = 0; i < SIDE * SIDE; i++) {
        double size = 0;                /* k roundings of a sum are worth about sqrt(k) of them */
        for (int k = 0; k < SIDE; k++) {
            size += fabs((double)x[i / SIDE * SIDE + k] * (double)x[i % SIDE * SIDE + k]);
        }
        assert_near((double)own[i], (double)blas[i], sqrt(SIDE) * tiny / 4 * size);
    }
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(against_blas),             /* first: the child must be the one that opens OpenBLAS */
        TEST(test_is_own), TEST(test_products), TEST(test_step_products),
    };
    setenv("KIN_BLAS", "none", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
