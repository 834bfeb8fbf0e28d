/* Element ops and dropout: every variant of every listed op against the formulas in double. */
#include "tests/cpu/common.h"
#include "core/entry.h"

enum { N = 5003 };

static double gelu(double x) { return x * 0.5 * (1 + erf(x / sqrt(2))); }

static double gelu_slope(double x)
{
    return 0.5 * (1 + erf(x / sqrt(2))) + x * exp(-0.5 * x * x) / sqrt(2 * acos(-1));
}

static double relu_(double x) { return x > 0 ? x : 0; }
static double relu_slope(double x) { return x > 0; }
static double tanh_slope(double x) { return 1 - tanh(x) * tanh(x); }
static double root(double x) { return sqrt(fmax(0, x)); }
static double root_slope(double x) { return x > 0 ? 0.5 / sqrt(x) : 0; }

/* In the order of autograd/elements.def; an op that is added there is added here. */
static const struct {
    const char *name;
    double (*forward)(double), (*slope)(double);
} truth[] = {
    { "relu", relu_, relu_slope },
    { "gelu", gelu, gelu_slope },
    { "tanh", tanh, tanh_slope },
    { "root", root, root_slope },
};
static const char *const listed[] = {
#define ELEMENT(name) #name,
#include "autograd/elements.def"
#undef ELEMENT
};
enum { OPS = sizeof truth / sizeof *truth, LISTED = sizeof listed / sizeof *listed };

static void elements(kin_backend *b, bool look, real *out)
{
    real *x = numbers(N, 20), *dy = numbers(N, 21), *old = numbers(N, 22);
    for (int64_t i = 0; i < N; i += 7) x[i] *= 4;
    x[5] = 0;
    for (int op = 0; op < OPS; op++) {
        real *y = out + 2 * op * N, *dx = y + N;
        b->element(b, op, N, x, y);
        memcpy(dx, old, N * sizeof *old);
        b->element_back(b, op, 1, N - 1, x, y, dy, dx);
        real fresh[N];
        b->element_back(b, op, 0, N - 1, x, y, dy, fresh);
        for (int64_t i = 0; look && i < N; i++) {
            const double v = (double)x[i];
            assert_near((double)y[i], truth[op].forward(v), tiny * (1 + fabs(v)));
            const double want = i < N - 1 ? (double)dy[i] * truth[op].slope(v) : 0;
            assert_near((double)dx[i], (double)old[i] + want,
                        tiny * (2 + fabs((double)old[i]) + 4 * fabs((double)dy[i]) + fabs(want)));
            if (i < N - 1) assert_near((double)fresh[i], want, tiny * (4 * fabs((double)dy[i])));
        }
        x[1] = (real)NAN;
        b->element(b, op, 10, x, dx);
        if (op > 0) assert_true(isnan(dx[1]));
        x[1] = 1;
        memcpy(dx, y, N * sizeof *y);
    }
    free(x), free(dy), free(old);
}

static void test_elements(void **state)
{
    (void)state;
    assert_int_equal(LISTED, OPS);
    for (int i = 0; i < OPS; i++) assert_string_equal(listed[i], truth[i].name);
    for_each_cpu(elements, 2 * OPS * N);
}

/* ---- dropout --------------------------------------------------------------------------------- */

enum { LONGEST = 40001 };

/* The random numbers must be those of core/rng.c in the order that the backend states. */
static bool kept(uint64_t seed, uint32_t step, double rate, int64_t i)
{
    const uint64_t block = (uint64_t)(i / 256 * 64 + i % 64);
    const uint32_t counter[4] = { (uint32_t)block, (uint32_t)(block >> 32), KIN_STREAM_DROPOUT,
                                  step };
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    return kin_philox(counter, key).word[i % 256 / 64] >= (uint32_t)(rate * 0x1p32);
}

static void dropout(kin_backend *b, bool look, real *out)
{
    const real rate = (real)0.25;
    const uint64_t seed = 0x123456789abcdefu;
    real *x = numbers(LONGEST, 15);
    int64_t zeros = 0;
    b->dropout(b, 0, LONGEST, rate, seed, 3, 0, x, out);
    for (int64_t i = 0; look && i < LONGEST; i++) {
        const bool k = kept(seed, 3, (double)rate, i);
        zeros += !k;
        assert_near((double)out[i], k ? (double)x[i] / 0.75 : 0, 4 * tiny);
    }
    /* within five standard errors */
    if (look) assert_near((double)zeros / LONGEST, 0.25, 5 * sqrt(0.1875 / LONGEST));
    real *sum = out + LONGEST;
    b->dropout(b, 77, LONGEST - 77, rate, seed, 3, 0, x + 77, sum + 77);    /* a part of it */
    if (look) assert_memory_equal(sum + 77, out + 77, (LONGEST - 77) * sizeof *x);
    memcpy(sum, x, LONGEST * sizeof *x);
    b->dropout(b, 0, LONGEST - 3, rate, seed, 3, 1, x, sum);
    for (int64_t i = 0; look && i < LONGEST; i++) {
        const double want = (double)x[i] + (i < LONGEST - 3 ? (double)out[i] : 0);
        assert_near((double)sum[i], want, 8 * tiny);
    }
    free(x);
}

static void test_dropout(void **state)
{
    (void)state;
    for_each_cpu(dropout, 2 * LONGEST);
}

RUN(TEST(test_elements), TEST(test_dropout))
