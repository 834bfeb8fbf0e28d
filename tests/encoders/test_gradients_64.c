/* The gradients of whole encoders, every weight of them, beside slopes. */
#include "tests/encoders/fixture.h"
#include "autograd/gradcheck.h"
#include "core/rng.h"

enum { V = 9, ROWS = 4 };

static const int32_t ids[] = { 1, 1, 4, 8, 0, 2, 3 };
static const int64_t start[ROWS + 1] = { 0, 2, 5, 5, 7 };
static real weights[ROWS * 16];

/* A fixed mixture of the embeddings. */
static kin_tensor *mixture(kin_tape *tape, void *context)
{
    kin_network *n = context;
    const kin_bags bags = { ROWS, 7, ids, start };
    kin_tensor *y = kin_network_forward(tape, n, KIN_DOCUMENT, &bags);
    return kin_sum(tape, kin_mul(tape, y, kin_tape_input(tape, ROWS, y->cols, weights)));
}

static void check(const char *settings, bool separate)
{
    kin_network *n = make_network(settings, V, separate);
    kin_tensor *params[2 * KIN_PLAN_MAX];
    kin_gradcheck worst;
    kin_tape *tape;
    int count = 0;
    expect_ok(kin_network_init(n, 5, NULL));
    for (int i = 0; i < ROWS * 16; i++)
        weights[i] = kin_random_normal(9, KIN_STREAM_TEST, 0, (uint64_t)i);
    for (int i = 0; i < n->count; i++) {
        kin_tensor *t = &n->weight[i].tensor;
        if (t->rows == 1)                   /* at 0 the empty bag is the kink of the norm */
            for (int64_t j = 0; j < t->cols; j++) t->value[j] = 0.3 + 0.1 * (double)j;
        if (!n->weight[i].frozen) params[count++] = t;
    }
    expect_ok(kin_tape_new(&tape, backend));
    for (int i = 0; i < count; i++) {
        expect_ok(kin_gradient_check(tape, mixture, n, &params[i], 1, 0.02, &worst));
        if (!(worst.error < KIN_GRADIENT_BOUND))
            fail_msg("%s: %s [%ld,%ld] gradient %g slope %g", settings, params[i]->name,
                     (long)worst.row, (long)worst.col, worst.gradient, worst.slope);
    }
    kin_tape_free(tape);
    kin_network_free(n);
}

static void test_gradients(void **state)
{
    (void)state;
    check("dim 6", false);
    check("dim 6 weights learned", false);
    check("dim 5 weights learned projection linear output 4", false);
    check("dim 5 projection mlp hidden 7 output 3", true);
}

/* Rows of features through every kind of layer. */
static kin_tensor *mixture_of_features(kin_tape *tape, void *context)
{
    static real x[ROWS * V];
    kin_network *n = context;
    for (int i = 0; i < ROWS * V; i++)
        x[i] = kin_random_normal(3, KIN_STREAM_TEST, 1, (uint64_t)i);
    kin_tensor *in = kin_tape_input(tape, ROWS, V, x);
    kin_tensor *y = kin_network_forward_features(tape, n, in, 0);
    return kin_sum(tape, kin_mul(tape, y, kin_tape_input(tape, ROWS, y->cols, weights)));
}

static void test_features(void **state)
{
    (void)state;
    int place;
    expect_ok(kin_list_find(&kin_encoders, "mlp", &place));
    for (int layers = 0; layers <= 3; layers++) {
        double hypers[KIN_HYPERS_MAX];
        kin_network *n;
        kin_tape *tape;
        kin_gradcheck worst;
        kin_hyper_defaults(kin_encoders.items[place], hypers);
        hypers[0] = 3, hypers[1] = layers, hypers[2] = 6, hypers[3] = layers % 2 ? 0 : 2;
        expect_ok(kin_network_new(&n, backend, place, hypers, V, false));
        expect_ok(kin_network_init(n, 5, NULL));
        assert_int_equal(n->count, 2 * (layers + 1));
        expect_ok(kin_tape_new(&tape, backend));
        for (int i = 0; i < n->count; i++) {
            kin_tensor *t = &n->weight[i].tensor;
            expect_ok(kin_gradient_check(tape, mixture_of_features, n, &t, 1, 0.02, &worst));
            if (!(worst.error < KIN_GRADIENT_BOUND))
                fail_msg("%d layers: %s [%ld,%ld] gradient %g slope %g", layers, t->name,
                         (long)worst.row, (long)worst.col, worst.gradient, worst.slope);
        }
        kin_tape_free(tape);
        kin_network_free(n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_gradients),
                                        cmocka_unit_test(test_features) };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
