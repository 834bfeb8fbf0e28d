/* The profile: the same numbers as without it, every kernel counted, and rows that sum up to the
 * time that passed. */
#include "tests/cpu/common.h"

#include <stddef.h>

#include "core/profile.h"

enum { M = 70, N = 90, K = 33, ROWS = 40 };

static const kin_profile_row *row_of(const kin_profile_row *rows, int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(rows[i].name, name)) return &rows[i];
    return NULL;
}

static void multiply(kin_backend *b, const real *x, real *y)
{
    const kin_product p = { .transpose_b = 1, .m = M, .n = N, .k = K, .alpha = 1, .a = x, .lda = K,
                            .b = x + M * K, .ldb = K, .c = y, .ldc = N };
    b->product(b, &p);
}

static void test_counts(void **state)
{
    kin_backend *b = open_cpu(2);
    kin_profile *p;
    kin_profile_row rows[ROWS];
    double total, sum = 0;
    real *x = numbers((M + N) * K, 1), *y = calloc(2 * M * N, sizeof *y);
    (void)state;
    assert_int_equal(kin_profile_new(&p, b), KIN_OK);
    kin_backend *counting = kin_profile_backend(p);
    multiply(counting, x, y);                                     /* not counted yet */
    kin_profile_run(p, true);
    kin_profile_host(p, "batches");
    multiply(counting, x, y + M * N);
    multiply(counting, x, y + M * N);
    kin_profile_host(p, NULL);
    assert_true(counting->sum(counting, M * N, y) == b->sum(b, M * N, y));
    kin_profile_run(p, false);
    multiply(counting, x, y + M * N);
    assert_memory_equal(y, y + M * N, M * N * sizeof *y);
    const int n = kin_profile_rows(p, rows, ROWS, &total);
    const kin_profile_row *product = row_of(rows, n, "product A B'");
    assert_non_null(product);
    assert_int_equal(product->calls, 2);
    assert_true(product->flops == 2 * 2.0 * M * N * K);
    assert_true(product->bytes == 2.0 * sizeof(real) * (M * K + N * K + M * N));
    assert_int_equal(row_of(rows, n, "sums")->calls, 1);
    assert_non_null(row_of(rows, n, "batches"));
    assert_null(row_of(rows, n, "Adam"));
    for (int i = 0; i < n; i++) sum += rows[i].seconds;
    assert_near(sum, total, 1e-9 + 1e-6 * total);
    for (int i = 1; i < n; i++) assert_true(rows[i - 1].seconds >= rows[i].seconds);
    kin_profile_free(p);
    free(x), free(y);
    close_cpu(b);
}

/* Every kernel that the backend has is handed on: none would be missed by who computes with it. */
static void test_complete(void **state)
{
    kin_backend *b = open_cpu(1);
    kin_profile *p;
    (void)state;
    assert_int_equal(kin_profile_new(&p, b), KIN_OK);
    const char *ours = (const char *)kin_profile_backend(p), *theirs = (const char *)b;
    for (size_t at = offsetof(kin_backend, alloc); at < offsetof(kin_backend, free);
         at += sizeof(void (*)(void))) {
        void (*mine)(void), (*its)(void);
        memcpy(&mine, ours + at, sizeof mine);
        memcpy(&its, theirs + at, sizeof its);
        assert_true(!mine == !its);
        assert_true(!mine || mine != its);
    }
    kin_profile_free(p);
    close_cpu(b);
}

RUN(TEST(test_counts), TEST(test_complete))
