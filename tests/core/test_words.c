/* The float words against libm's double functions, over their whole range. */
#include "tests/core/common.h"
#include <math.h>

/* Taken before core/words.h gives these names to the float forms. */
static double true_exp(double x) { return exp(x); }
static double true_log(double x) { return log(x); }
static double true_tanh(double x) { return tanh(x); }
static double true_erf(double x) { return erf(x); }
static double true_log1p(double x) { return log1p(x); }

#include "core/words.h"

static float word_exp(float x) { return exp(x); }
static float word_log(float x) { return log(x); }
static float word_tanh(float x) { return tanh(x); }
static float word_erf(float x) { return erf(x); }
static float word_log1p(float x) { return log1p_unit(x); }

/* Error in units of the last place of the float nearest to the true value. */
static double error(float got, double want)
{
    const float nearest = (float)want;
    const float size_ = nearest < 0 ? -nearest : nearest;
    return fabs((double)got - want) / (double)(nextafterf(size_, INFINITY) - size_);
}

static void check(const char *name, float (*word)(float), double (*truth)(double), float low,
                  float high, double most)
{
    double worst = 0;
    float at = 0;
    for (uint64_t bits = 0; bits < 0x100000000u; bits += 1009) {
        const float x = bits_float((uint32_t)bits);
        if (!(x >= low && x <= high)) continue;
        const double e = error(word(x), truth((double)x));
        if (e > worst) {
            worst = e;
            at = x;
        }
    }
    printf("%s: %.3f units at %.9g, allowed %g\n", name, worst, (double)at, most);
    assert_true(worst > 0 && worst <= most);
}

static void accuracy(void **state)
{
    (void)state;
    check("exp", word_exp, true_exp, -87.3f, 88.3f, 1.1);
    check("log", word_log, true_log, 1.1754944e-38f, 3.4e38f, 1);
    check("tanh", word_tanh, true_tanh, -1e30f, 1e30f, 1.5);
    check("erf", word_erf, true_erf, -1e30f, 1e30f, 1.5);
    check("log1p_unit", word_log1p, true_log1p, 1.2e-38f, 1, 2);
}

static void ends(void **state)
{
    (void)state;
    assert_true(word_exp(0) == 1 && word_exp(-100) == 0 && word_exp(-INFINITY) == 0);
    assert_true(word_exp(89) == INFINITY && word_exp(INFINITY) == INFINITY);
    assert_true(isnan(word_exp(NAN)));
    assert_true(word_log(1) == 0 && word_log(0) == -INFINITY && word_log(INFINITY) == INFINITY);
    assert_true(isnan(word_log(-1)) && isnan(word_log(NAN)));
    assert_true(word_tanh(0) == 0 && word_tanh(20) == 1 && word_tanh(-20) == -1);
    assert_true(word_tanh(INFINITY) == 1 && word_tanh(-INFINITY) == -1 && isnan(word_tanh(NAN)));
    assert_true(word_erf(0) == 0 && word_erf(5) == 1 && word_erf(-5) == -1);
    assert_true(word_erf(INFINITY) == 1 && isnan(word_erf(NAN)));
    assert_true(word_log1p(0) == 0);
}

static void choosing(void **state)
{
    (void)state;
    assert_true(pick(1, 2, 3) == 2 && pick(0, 2, 3) == 3);
    assert_true(pick(0, NAN, 3) == 3 && isnan(pick(1, NAN, 3)));
    assert_true(max(2, 3) == 3 && min(2, 3) == 2 && relu(-1) == 0 && relu(2) == 2);
    assert_true(isnan(relu(NAN)) && size(-2) == 2 && sqrt(9) == 3);
}

RUN(TEST(accuracy), TEST(ends), TEST(choosing))
