/* Optimizers against trajectories that were computed apart, from these formulas, in double:
 *
 *     Adam     m = .9 m + .1 g, v = .999 v + .001 g^2
 *              p -= lr m / (1 - .9^k) / (sqrt(v) / sqrt(1 - .999^k) + 1e-8)
 *     AdamW    p *= 1 - lr .1, then Adam
 *     SGD      p *= 1 - lr .1, u = .9 u + g, p -= lr u
 *     Adagrad  s += g^2, p -= lr g / (sqrt(s) + 1e-10)
 *     clipped  g *= min(1, .5 / (|g| + 1e-6)), p -= lr g
 *
 * The second number has gradients near 1e-9, where it matters that eps is added after the bias
 * correction: before it, Adam's first step there would be 0.0003 instead of 0.009. */
#include "tests/optim/fixture.h"

static void follow(const char *name, const char *const *hypers, const double *values,
                   const double expected[STEPS][N])
{
    real value[N] = { 1, -0.5, 0.25 };
    kin_tensor x = { .rows = 1, .cols = N, .value = value, .needs_grad = true, .name = "x" };
    const kin_parameter param = { .tensor = &x, .decay = true, .rate_factor = 1 };
    kin_optimizer *o = make(name, hypers, values, &param, 1);
    for (int k = 0; k < STEPS; k++) {
        step(o, &x, gradients[k], rates[k]);
        assert_int_equal(kin_optimizer_steps(o), k + 1);
        for (int i = 0; i < N; i++)
            if (!(fabs((double)value[i] - expected[k][i]) <= tolerance))
                fail_msg("%s, step %d, number %d: %.15g, expected %.15g", name, k + 1, i,
                         (double)value[i], expected[k][i]);
    }
    finish(o);
}

static void test_adam(void **state)
{
    static const double expected[STEPS][N] = {
        { 0.900000002, -0.509090909090909, 0.3499999995 },
        { 0.873366298707846, -0.522269962910282, 0.376633703297568 },
        { 0.839323384916654, -0.527474841405442, 0.397221633496558 },
        { 0.807178789425983, -0.545719862446221, 0.411799152040665 },
        { 0.78000927643525, -0.560445849500091, 0.394237655409956 },
        { 0.777326445969845, -0.5665670211091, 0.385973383656013 },
    };
    (void)state;
    follow("adam", NULL, NULL, expected);
}

static void test_adamw(void **state)
{
    static const char *const hypers[] = { "weight_decay", NULL };
    static const double values[] = { 0.1 };
    static const double expected[STEPS][N] = {
        { 0.890000002, -0.504090909090909, 0.3474999995 },
        { 0.854466298687846, -0.512229053819373, 0.370658703302568 },
        { 0.811878721909776, -0.512311641776339, 0.387540046468533 },
        { 0.775674732809555, -0.527995104608236, 0.400179864780297 },
        { 0.744626846154775, -0.540081116139065, 0.380617468825687 },
        { 0.740082448573983, -0.544852084957727, 0.371401653399679 },
    };
    (void)state;
    follow("adamw", hypers, values, expected);
}

static void test_sgd(void **state)
{
    static const char *const hypers[] = { "weight_decay", NULL };
    static const double values[] = { 0.1 };
    static const double expected[STEPS][N] = {
        { 0.94, -0.4950000001, 0.4475 },
        { 0.9106, -0.490050000389, 0.523025 },
        { 0.870994, -0.48514950054611, 0.58979475 },
        { 0.80291403, -0.482723754615829, 0.64424577625 },
        { 0.74154695985, -0.480310137257955, 0.49268454736875 },
        { 0.732634467450375, -0.479109362554153, 0.418449836000328 },
    };
    (void)state;
    follow("sgd", hypers, values, expected);
}

static void test_adagrad(void **state)
{
    static const double expected[STEPS][N] = {
        { 0.90000000002, -0.590909090909091, 0.349999999995 },
        { 0.944721359561996, -0.67652303790307, 0.305278640447004 },
        { 0.922899570542206, -0.637299502965121, 0.305278640447004 },
        { 0.87951347898224, -0.686968650339681, 0.316189534958328 },
        { 0.87951347898224, -0.686968650339681, 0.272803443395538 },
        { 0.893149842617611, -0.687051431796634, 0.271449617492882 },
    };
    (void)state;
    follow("adagrad", NULL, NULL, expected);
}

static void test_clipped(void **state)
{
    static const char *const hypers[] = { "momentum", "clip", NULL };
    static const double values[] = { 0, 0.5 };
    static const double expected[STEPS][N] = {
        { 0.987873224630533, -0.500000000024254, 0.298507101477866 },
        { 0.999999994117656, -0.500000000121268, 0.250000023529378 },
        { 0.987499994117656, -0.500000000021268, 0.250000023529378 },
        { 0.96513933434264, -0.500000000692088, 0.261180353416885 },
        { 0.96513933434264, -0.500000000692088, 0.236180359666884 },
        { 0.97699786056829, -0.500000000693669, 0.232227517591667 },
    };
    (void)state;
    follow("sgd", hypers, values, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(adam), TEST(adamw), TEST(sgd), TEST(adagrad), TEST(clipped),
    };
    return RUN_ON_BOTH(tests);
}
