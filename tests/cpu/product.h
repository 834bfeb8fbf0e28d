/* Checks of the product, for the two programs that run it with and without OpenBLAS. */
#ifndef KIN_TESTS_CPU_PRODUCT_H
#define KIN_TESTS_CPU_PRODUCT_H

#include "cpu/internal.h"
#include "tests/cpu/common.h"

static const int64_t product_shapes[][3] = {
    { 1, 1, 1 }, { 1, 7, 5 }, { 7, 1, 3 }, { 3, 5, 0 }, { 0, 5, 3 }, { 17, 33, 65 },
    { 64, 64, 64 }, { 130, 257, 19 }, { 6, 900, 300 }, { 513, 40, 511 }, { 255, 300, 257 },
    { 50, 35, 769 }, { 61, 33, 1700 }, { 1100, 33, 64 },
};
enum { PRODUCTS = 14, LARGEST_C = 255 * 300 };

static double element_of(const real *m, int64_t ld, int transposed, int64_t i, int64_t k)
{
    return (double)(transposed ? m[k * ld + i] : m[i * ld + k]);
}

static void look_product(const kin_product *p, const real *old)
{
    for (int64_t i = 0; i < p->m; i++) {
        for (int64_t j = 0; j < p->n; j++) {
            double want = 0, size = 0;
            for (int64_t k = 0; k < p->k; k++) {
                const double x = element_of(p->a, p->lda, p->transpose_a, i, k)
                                 * element_of(p->b, p->ldb, !p->transpose_b, j, k);
                want += x;
                size += fabs(x);
            }
            const double before = p->beta == 0 ? 0 : (double)p->beta * (double)old[i * p->ldc + j];
            want = (double)p->alpha * want + before;
            assert_near((double)p->c[i * p->ldc + j], want,
                        2 * tiny * (fabs((double)p->alpha) * size + fabs(before)));
        }
    }
}

/* Whether our own loops should form it. */
static bool is_expected(const kin_cpu *cpu, const kin_product *p)
{
    if (!cpu->blas->gemm) return true;
    if (p->transpose_a || p->m < 48 || p->n < 16) return false;
    return cpu->own == KIN_OWN_ALL || (cpu->own == KIN_OWN_DOTS && p->transpose_b && p->k <= 512);
}

static void one_product(kin_backend *b, const int64_t *shape, int kind, bool look, real *c)
{
    const int64_t m = shape[0], n = shape[1], k = shape[2];
    kin_product p = {
        .transpose_a = kind & 1, .transpose_b = kind >> 1 & 1, .m = m, .n = n, .k = k,
        .alpha = kind & 4 ? (real)-0.7 : 1, .beta = kind & 8 ? (real)0.5 : 0,
        .lda = (kind & 1 ? m : k) + 3, .ldb = (kind & 2 ? k : n) + 1, .ldc = n + 2, .c = c,
    };
    real *a = numbers((m + k + 3) * (m + k + 3), 40), *bb = numbers((n + k + 1) * (n + k + 1), 41);
    real *old = numbers(m * p.ldc, 42);
    if (p.beta == 0) {
        for (int64_t i = 0; i < m * p.ldc; i++) old[i] = (real)NAN;   /* written, not read */
    }
    for (int64_t i = 0; i < m; i++) {                        /* what is beside C stays */
        old[i * p.ldc + n] = old[i * p.ldc + n + 1] = 77;
    }
    memcpy(c, old, (size_t)(m * p.ldc) * sizeof *c);
    p.a = a;
    p.b = bb;
    const int64_t before = cpu_of(b)->owned;
    b->product(b, &p);
    assert_int_equal(cpu_of(b)->owned - before, m > 0 && n > 0 && is_expected(cpu_of(b), &p));
    for (int64_t i = 0; i < m; i++) {
        assert_true(c[i * p.ldc + n] == 77 && c[i * p.ldc + n + 1] == 77);
    }
    if (look) look_product(&p, old);
    free(a), free(bb), free(old);
}

/* The bits of C as one number that a real holds exactly. */
static real digest(const real *c, size_t count)
{
    return (real)(kin_hash_bytes(c, count * sizeof *c, 0) >> 44);
}

/* All kinds are looked at; the four transpositions are compared between numbers of threads. */
static void products(kin_backend *b, bool look, real *out)
{
    real *c = malloc((LARGEST_C + 2 * 1100) * sizeof *c);
    for (int s = 0; s < PRODUCTS; s++) {
        const int64_t *shape = product_shapes[s];
        for (int kind = 0; look && kind < 12; kind++) one_product(b, shape, kind, true, c);
        for (int kind = 12; kind < 16; kind++) {
            one_product(b, shape, kind, look, c);
            out[4 * s + kind - 12] = digest(c, (size_t)(shape[0] * (shape[1] + 2)));
        }
    }
    free(c);
}

static void test_products(void **state)
{
    (void)state;
    for_each_cpu(products, 4 * PRODUCTS);
}

/* The shapes of a training step, by their bits alone. */
static void step_products(kin_backend *b, bool look, real *out)
{
    static const int64_t shapes[][5] = { { 0, 1, 1024, 1024, 64 }, { 0, 0, 512, 512, 300 },
                                         { 1, 0, 1024, 256, 256 }, { 0, 1, 2000, 333, 64 } };
    real *x = numbers(1024 * 1024, 43);
    int64_t used = 0;
    (void)look;
    for (int s = 0; s < 4; s++) {
        const int64_t *h = shapes[s];
        const kin_product p = {
            .transpose_a = (int)h[0], .transpose_b = (int)h[1], .m = h[2], .n = h[3], .k = h[4],
            .alpha = 1, .a = x, .lda = h[0] ? h[2] : h[4], .b = x + 7, .ldb = h[1] ? h[4] : h[3],
            .beta = 0, .c = out + used, .ldc = h[3],
        };
        b->product(b, &p);
        used += h[2] * h[3];
    }
    free(x);
}

static void test_step_products(void **state)
{
    (void)state;
    for_each_cpu(step_products, 1024 * 1024 + 512 * 512 + 1024 * 256 + 2000 * 333);
}

#endif
