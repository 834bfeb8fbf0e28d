/* The gradients of whole encoders, every weight of them, beside slopes. */
#include "tests/encoders/fixture.h"
#include "autograd/gradcheck.h"
#include "autograd/op.h"
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

/* ---- numbers --------------------------------------------------------------------------------- */

enum { USERS = 5, ITEMS = 7 };

/* Users as a batch has them, one of them twice and one unknown, with dropout after their norm; all
 * items, of which few are reached. Few: as rows of a table, or written out by a second op. */
static kin_tensor *meeting(kin_tape *tape, void *context)
{
    static const int32_t users[] = { 3, 0, 3 }, picked[] = { 6, 1, 1 };
    static const int64_t bags_start[] = { 0, 1, 2, 3, 3 };
    kin_network *n = context;
    const kin_bags bags = { 4, 3, users, bags_start };
    kin_tensor *x = kin_network_forward_rows(tape, n, KIN_QUERY, &bags, 4, 0);
    kin_tensor *y = kin_network_forward_all(tape, n, KIN_DOCUMENT);
    kin_tensor *few = kin_gather_rows(tape, y, picked, 3);
    kin_tensor *match = kin_row_dots(tape, kin_split_rows(tape, x, 0, 3), few);
    return kin_sum(tape, kin_mul(tape, match, kin_tape_input(tape, 3, 1, weights)));
}

static void test_numbers(void **state)
{
    (void)state;
    kin_network *n = make_network_of("id", "dim 6 dropout 0.3 init_scale 1 users 5 items 7", 0,
                                     true);
    kin_gradcheck worst;
    kin_tape *tape;
    expect_ok(kin_network_init(n, 5, NULL));
    assert_int_equal(n->count, 2);
    assert_int_equal(n->weight[0].tensor.rows, USERS);
    assert_int_equal(n->weight[1].tensor.rows, ITEMS);
    assert_true(n->weight[0].tensor.value[0] != n->weight[1].tensor.value[0]);
    for (int i = 0; i < 3; i++) weights[i] = 0.5 + (real)i;
    expect_ok(kin_tape_new(&tape, backend));
    for (int i = 0; i < 2; i++) {
        kin_tensor *t = &n->weight[i].tensor;
        expect_ok(kin_gradient_check(tape, meeting, n, &t, 1, 0.02, &worst));
        if (!(worst.error < KIN_GRADIENT_BOUND))
            fail_msg("%s [%ld,%ld] gradient %g slope %g", t->name, (long)worst.row,
                     (long)worst.col, worst.gradient, worst.slope);
    }
    kin_tape_free(tape);
    kin_network_free(n);
}

/* While training a user's number is 0 or 1 / 0.7 of what it is else; an item's never. */
static void test_dropout_after_the_norm(void **state)
{
    (void)state;
    static const int32_t id = 2;
    static const int64_t one[] = { 0, 1 };
    const kin_bags bags = { 1, 1, &id, one };
    kin_network *n = make_network_of("id", "dim 64 dropout 0.3 init_scale 1 users 5 items 7", 0,
                                     true);
    real plain[2][64];
    kin_tape *tape;
    int zeros = 0;
    expect_ok(kin_network_init(n, 5, NULL));
    expect_ok(kin_tape_new(&tape, backend));
    for (int role = 0; role < 2; role++) {
        const kin_tensor *y = kin_network_forward(tape, n, (kin_role)role, &bags);
        double squares = 0;
        memcpy(plain[role], y->value, sizeof plain[role]);
        for (int j = 0; j < 64; j++) squares += (double)plain[role][j] * (double)plain[role][j];
        assert_true(fabs(squares - 1) < 1e-12);
    }
    kin_tape_reset(tape, 1, 1, true);
    const kin_tensor *user = kin_network_forward(tape, n, KIN_QUERY, &bags);
    const kin_tensor *item = kin_network_forward(tape, n, KIN_DOCUMENT, &bags);
    assert_memory_equal(item->value, plain[1], sizeof plain[1]);
    for (int j = 0; j < 64; j++) {
        zeros += user->value[j] == 0;
        assert_true(user->value[j] == 0 || fabs(user->value[j] * 0.7 - plain[0][j]) < 1e-15);
    }
    assert_in_range(zeros, 8, 32);
    assert_false(user->unit);
    kin_tape_free(tape);
    kin_network_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients), cmocka_unit_test(test_features),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_dropout_after_the_norm),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
