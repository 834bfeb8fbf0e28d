/* A step in parts gives the numbers and the gradients of the step in one: dropout included, tables
 * whose rows several parts touch, parameters of one part alone, weights of tokens. */
#include "tests/autograd/fixture.h"

#include <string.h>

enum { B = 10, V = 12, D = 6, W = 5, TOKENS = 23, PARAMS = 4 };

static const int32_t ids[TOKENS] = { 0, 3, 3, 11, 5, 2, 7, 7, 7, 1, 0, 4, 9, 9, 10, 6, 3, 2, 8,
                                     8, 5, 11, 4 };
static const int64_t starts[B + 1] = { 0, 2, 3, 6, 6, 9, 13, 15, 18, 20, 23 };
static const int64_t cuts[][5] = { { 0, 10 }, { 0, 3, 8, 10 }, { 0, 1, 2, 5, 10 } };

static real table_[V * D], weight_[V], hidden_[D * W], bias_[W];
static kin_tensor *params[PARAMS];
static kin_tape *part;

static void make_parameters(void)
{
    real *const values[] = { table_, weight_, hidden_, bias_ };
    static const int64_t shape[][2] = { { V, D }, { V, 1 }, { D, W }, { 1, W } };
    static const char *const names[] = { "table", "weight", "hidden", "bias" };
    for (int p = 0; p < PARAMS; p++) {
        for (int64_t i = 0; i < shape[p][0] * shape[p][1]; i++)
            values[p][i] = (real)(sin(1.7 * (double)i + p) + (p == 1 ? 1.5 : 0));
        params[p] = parameter(shape[p][0], shape[p][1], values[p], names[p]);
    }
}

/* Rows first .. of what becomes a loss. */
static kin_tensor *forward(kin_tape *t, int64_t first, int64_t rows)
{
    static int64_t own[4 * (B + 1)];
    static int64_t used;
    if (used + rows + 1 > 4 * (B + 1)) used = 0;
    int64_t *start = own + used;
    used += rows + 1;
    for (int64_t i = 0; i <= rows; i++) start[i] = starts[first + i] - starts[first];
    const kin_bags bags = { rows, start[rows], ids + starts[first], start };
    kin_tape_rows(t, 3, first);
    kin_tensor *x = kin_embedding_bag(t, params[0], params[1], &bags);
    x = kin_dropout(t, kin_bias(t, kin_matmul(t, x, params[2]), params[3]), 0.4);
    return kin_dropout(t, kin_l2_normalize(t, kin_tanh(t, x)), 0.2);
}

/* Every row matters to every other. */
static kin_tensor *loss_of(kin_tape *t, kin_tensor *y)
{
    kin_tensor *s = kin_matmul_nt(t, y, y);
    return kin_sum(t, kin_mul(t, s, kin_tanh(t, s)));
}

static void keep(real *values[PARAMS], real *store)
{
    for (int p = 0; p < PARAMS; p++) {
        const size_t n = (size_t)(params[p]->rows * params[p]->cols);
        const real *g = kin_tensor_dense_gradient(tape, params[p]);
        assert_non_null(g);
        values[p] = store;
        memcpy(store, g, n * sizeof *g);
        store += n;
    }
}

static void compare(real *const a[PARAMS], real *const b[PARAMS])
{
    const double bound = sizeof(real) == sizeof(float) ? 1e-5 : 1e-13;
    for (int p = 0; p < PARAMS; p++) {
        double most = 0, worst = 0;
        for (int64_t i = 0; i < params[p]->rows * params[p]->cols; i++) {
            most = fmax(most, fabs((double)a[p][i]));
            worst = fmax(worst, fabs((double)a[p][i] - (double)b[p][i]));
        }
        assert_true(most > 0);
        if (!(worst <= bound * most)) fail_msg("%s is off by %g", params[p]->name, worst / most);
    }
}

static void in_parts(const int64_t *cut)
{
    real y[B * W];
    for (int64_t i = 0; cut[i] < B; i++) {
        kin_tape_begin_part(part, tape);
        const kin_tensor *x = forward(part, cut[i], cut[i + 1] - cut[i]);
        memcpy(y + cut[i] * W, x->value, (size_t)(x->rows * W) * sizeof *y);
    }
    kin_tensor *x = kin_tape_input(tape, B, W, y);
    x->needs_grad = true;
    assert_int_equal(kin_tape_backward(tape, loss_of(tape, x)), KIN_OK);
    for (int64_t i = 0; cut[i] < B; i++) {
        kin_tape_begin_part(part, tape);
        kin_tensor *again = forward(part, cut[i], cut[i + 1] - cut[i]);
        assert_memory_equal(again->value, y + cut[i] * W, (size_t)(again->rows * W) * sizeof *y);
        assert_int_equal(kin_tape_backward_part(part, again, x->grad + cut[i] * W), KIN_OK);
    }
    assert_int_equal(kin_tape_end_parts(tape), KIN_OK);
}

static void test_parts(void **state)
{
    (void)state;
    static real plain[V * D + V + D * W + W], parts[V * D + V + D * W + W];
    real *a[PARAMS], *b[PARAMS];
    make_parameters();
    assert_int_equal(kin_tape_new(&part, &backend), KIN_OK);
    assert_int_equal(kin_tape_backward(tape, loss_of(tape, forward(tape, 0, B))), KIN_OK);
    keep(a, plain);
    for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
        kin_tape_reset(tape, 1, 1, true);
        in_parts(cuts[k]);
        keep(b, parts);
        compare(a, b);
    }
    kin_tape_free(part);
}

/* Streams have numbers of their own; a part that fails says why. */
static void test_streams_and_errors(void **state)
{
    (void)state;
    static real ones[64];
    for (int i = 0; i < 64; i++) ones[i] = 1;
    make_parameters();
    kin_tensor *x = parameter(8, 8, ones, "x");
    kin_tensor *a = kin_dropout(tape, x, 0.5);
    kin_tape_rows(tape, 1, 0);
    kin_tensor *b = kin_dropout(tape, x, 0.5);
    assert_true(memcmp(a->value, b->value, sizeof ones) != 0);
    kin_tape_rows(tape, 0, 0);
    assert_memory_equal(kin_dropout(tape, x, 0.5)->value, a->value, sizeof ones);
    assert_int_equal(kin_tape_new(&part, &backend), KIN_OK);
    kin_tape_begin_part(part, tape);
    kin_tensor *y = kin_matmul(part, params[2], params[2]);
    assert_int_equal(kin_tape_backward_part(part, y, ones), KIN_USAGE);
    assert_string_equal(kin_message(), "matmul: a is 6x5, b is 6x5");
    kin_tape_free(part);
}

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(parts), TEST(streams_and_errors) };
    return RUN_ON_BOTH(tests);
}
