/* The tape: sticky errors and their words, resetting, what is recorded and what is not, and numbers
 * that are not finite. */
#include "tests/autograd/fixture.h"

/* ---- errors --------------------------------------------------------------------------------- */

static void test_shapes(void **state)
{
    (void)state;
    real zeros[64] = { 0 };
    kin_tensor *a = parameter(8, 4, zeros, "a"), *b = parameter(3, 5, zeros, "b");
    assert_failed(kin_matmul(tape, a, b), "matmul: a is 8x4, b is 3x5");
    assert_failed(kin_matmul_nt(tape, a, b), "matmul_nt: a is 8x4, b is 3x5");
    assert_failed(kin_add(tape, a, b), "add: a is 8x4, b is 3x5");
    assert_failed(kin_mul(tape, a, b), "mul: a is 8x4, b is 3x5");
    assert_failed(kin_bias(tape, a, b), "bias: x is 8x4, b is 3x5");
    assert_failed(kin_concat_rows(tape, a, b), "concat_rows: a is 8x4, b is 3x5");
    assert_failed(kin_split_rows(tape, a, 7, 2), "split_rows: 2 rows from row 7 on, x is 8x4");
    assert_failed(kin_split_rows(tape, a, -1, 2), "split_rows: 2 rows from row -1 on, x is 8x4");
    assert_failed(kin_dropout(tape, a, 1), "dropout: rate is 1, expected 0 <= rate < 1");
    kin_tensor *none = parameter(0, 4, zeros, "none");
    assert_failed(kin_mean(tape, none), "mean: x is 0x4, expected at least one number");
    const kin_bags bags = { 0 };
    assert_failed(kin_embedding_bag(tape, a, b, &bags),
                  "embedding_bag: table is 8x4, weight is 3x5");
    assert_failed(kin_embedding_bag(tape, kin_scale(tape, a, 2), NULL, &bags),
                  "embedding_bag: scale is the result of an op, expected a parameter");
    kin_tensor *huge = parameter(INT64_MAX / 8, 1, zeros, "huge");
    assert_failed(kin_matmul_nt(tape, huge, huge), "matmul_nt: 1152921504606846975x"
                  "1152921504606846975 is not a size");
}

/* The first error stays, whatever else goes wrong on the tape or elsewhere. */
static void test_sticky(void **state)
{
    (void)state;
    real zeros[64] = { 0 };
    kin_tensor *a = parameter(8, 4, zeros, "a"), *b = parameter(3, 5, zeros, "b");
    kin_tensor *y = kin_matmul(tape, a, b);
    y = kin_l2_normalize(tape, kin_relu(tape, kin_add(tape, y, a)));
    y = kin_mean(tape, kin_dropout(tape, kin_scale(tape, y, 2), 0.5));
    assert_int_equal(y->rows + y->cols, 0);
    kin_fail(KIN_DATA, "something else");
    assert_int_equal(kin_tape_backward(tape, y), KIN_USAGE);
    assert_string_equal(kin_message(), "matmul: a is 8x4, b is 3x5");
    assert_null(a->grad);
    kin_tape_reset(tape, 1, 2, true);
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, a)), KIN_OK);
}

static void test_wrong_use_of_backward(void **state)
{
    (void)state;
    real one[2] = { 1, 1 };
    kin_tensor *x = parameter(1, 2, one, "x");
    kin_tensor *loss = kin_sum(tape, x);
    assert_int_equal(kin_tape_backward(tape, loss), KIN_OK);
    assert_int_equal(kin_tape_backward(tape, loss), KIN_USAGE);
    assert_non_null(strstr(kin_message(), "already"));
    kin_tape_reset(tape, 1, 1, true);
    assert_int_equal(kin_tape_backward(tape, kin_relu(tape, x)), KIN_USAGE);
    assert_string_equal(kin_message(), "backward: the loss is 1x2, expected 1x1");
    kin_tape_reset(tape, 1, 1, true);
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, kin_stop_gradient(tape, x))),
                     KIN_USAGE);
    assert_non_null(strstr(kin_message(), "depends on no tensor"));
    kin_tape_reset(tape, 1, 1, false);
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, x)), KIN_USAGE);
    assert_non_null(strstr(kin_message(), "training"));
}

/* A backend that runs out of memory: the tape says so and does nothing more. */
static void *(*enough)(kin_backend *b, size_t bytes);

static void *no_memory(kin_backend *b, size_t bytes)
{
    return bytes > 1 << 20 ? NULL : enough(b, bytes);
}

static void test_memory(void **state)
{
    (void)state;
    char words[100];
    real zeros[64] = { 0 };
    enough = backend.alloc;
    backend.alloc = no_memory;
    kin_tensor *a = parameter(8, 4, zeros, "a"), *b = parameter(1 << 20, 4, zeros, "b");
    kin_tensor *y = kin_matmul_nt(tape, a, b);
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, y)), KIN_MEMORY);
    snprintf(words, sizeof words, "matmul_nt: no memory for 8x1048576 numbers (%zu bytes)",
             sizeof(real) << 23);
    assert_string_equal(kin_message(), words);
    backend.alloc = enough;
}

/* ---- what is recorded ----------------------------------------------------------------------- */

static void test_reset(void **state)
{
    (void)state;
    real value[2] = { 3, 4 };
    kin_tensor *x = parameter(1, 2, value, "x");
    for (int step = 0; step < 3; step++) {
        assert_int_equal(kin_tape_backward(tape, kin_sum(tape, kin_mul(tape, x, x))), KIN_OK);
        assert_true(x->grad[0] == 6 && x->grad[1] == 8);
        assert_true(x->squares == 100);
        kin_tape_reset(tape, 1, (uint32_t)step, true);
        assert_null(x->grad);
        assert_null(kin_tape_last(tape));
        assert_true(x->squares == 0);
    }
}

static void test_not_training(void **state)
{
    (void)state;
    real value[2] = { 3, 4 };
    kin_tensor *x = parameter(1, 2, value, "x");
    kin_tape_reset(tape, 1, 1, false);
    assert_ptr_equal(kin_dropout(tape, x, 0.5), x);
    kin_tensor *y = kin_l2_normalize(tape, x);
    assert_false(y->needs_grad);
    assert_null(kin_tape_last(tape));
    assert_float_equal(y->value[0], 0.6, 1e-6);
}

static void test_nothing_for_inputs(void **state)
{
    (void)state;
    real value[4] = { 1, 2, 3, 4 };
    kin_tensor *x = parameter(2, 2, value, "x");
    kin_tensor *in = kin_tape_input(tape, 2, 2, value);
    kin_tensor *fixed = kin_relu(tape, in);
    assert_false(fixed->needs_grad);
    assert_null(kin_tape_last(tape));
    kin_tensor *stopped = kin_stop_gradient(tape, kin_scale(tape, x, 2));
    kin_tensor *y = kin_add(tape, kin_mul(tape, x, stopped), fixed);
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, y)), KIN_OK);
    assert_null(in->grad);
    assert_null(fixed->grad);
    assert_null(stopped->grad);
    for (int i = 0; i < 4; i++) assert_true(x->grad[i] == 2 * value[i]);
}

static void test_unit_rows(void **state)
{
    (void)state;
    real value[6] = { 3, 4, 0, 0, -5, 12 };
    kin_tensor *x = parameter(3, 2, value, "x");
    kin_tensor *y = kin_l2_normalize(tape, x);
    assert_true(y->unit && kin_l2_normalize(tape, y) == y);
    assert_true(kin_concat_rows(tape, y, y)->unit);
    assert_false(kin_concat_rows(tape, y, x)->unit);
    assert_true(kin_split_rows(tape, y, 1, 1)->unit);
    assert_true(kin_stop_gradient(tape, y)->unit);
    assert_false(kin_scale(tape, y, 2)->unit);
    kin_tensor *loss = kin_sum(tape, kin_mul(tape, y, kin_tape_input(tape, 3, 2, value)));
    assert_int_equal(kin_tape_backward(tape, loss), KIN_OK);
    assert_true(y->value[2] == 0 && y->value[3] == 0);      /* the zero row */
    assert_true(x->grad[2] == 0 && x->grad[3] == 0);
}

static void test_relu_at_zero(void **state)
{
    (void)state;
    real value[3] = { 0, 1, -1 };
    kin_tensor *x = parameter(1, 3, value, "x");
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, kin_relu(tape, x))), KIN_OK);
    assert_true(x->grad[0] == 0 && x->grad[1] == 1 && x->grad[2] == 0);
}

enum { MANY = 4000 };

static double overlap(const kin_tensor *a, const kin_tensor *b)
{
    int same = 0;
    for (int i = 0; i < MANY; i++) same += (a->value[i] == 0) == (b->value[i] == 0);
    return (double)same / MANY;
}

/* Masks differ within a step and between steps; a repeated step repeats them; gradients use the
 * mask of their forward pass. */
static void test_dropout(void **state)
{
    (void)state;
    static real ones[MANY];
    static real first[MANY];
    for (int i = 0; i < MANY; i++) ones[i] = 1;
    kin_tensor *x = parameter(1, MANY, ones, "x");
    kin_tensor *a = kin_dropout(tape, x, 0.25), *b = kin_dropout(tape, x, 0.25);
    assert_true(fabs(overlap(a, b) - 0.625) < 0.03);
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, b)), KIN_OK);
    assert_memory_equal(x->grad, b->value, sizeof ones);
    memcpy(first, a->value, sizeof first);
    kin_tape_reset(tape, 1, 1, true);
    assert_memory_equal(kin_dropout(tape, x, 0.25)->value, first, sizeof first);
    kin_tape_reset(tape, 1, 2, true);
    a = kin_dropout(tape, x, 0.25);
    kin_tensor before = { .value = first };
    assert_true(fabs(overlap(a, &before) - 0.625) < 0.03);
    kin_tape_reset(tape, 2, 1, true);
    assert_true(fabs(overlap(kin_dropout(tape, x, 0.25), &before) - 0.625) < 0.03);
}

/* ---- not finite ----------------------------------------------------------------------------- */

static void assert_numerical(kin_tensor *loss, const char *message)
{
    assert_int_equal(kin_tape_backward(tape, loss), KIN_NUMERICAL);
    assert_string_equal(kin_message(), message);
    kin_tape_reset(tape, 1, 1, true);
}

static void test_loss_is_not_finite(void **state)
{
    (void)state;
    real good[6] = { 1, 2, 3, 4, 5, 6 }, bad[6] = { 1, 2, 3, 4, NAN, 6 };
    kin_tensor *a = parameter(2, 3, good, "encoder.a"), *b = parameter(3, 2, bad, "encoder.b");
    assert_numerical(kin_sum(tape, kin_relu(tape, kin_matmul(tape, a, b))),
                     "matmul: encoder.b is not finite (row 2 of 3x2), the loss is nan");
    assert_numerical(kin_mean(tape, kin_scale(tape, a, INFINITY)),
                     "scale: its result is not finite (row 0 of 2x3), the loss is inf");
}

/* y = x whose backward pass spoils one entry: what a broken kernel or an overflow would do. */
static void spoil(kin_tape *t, kin_node *node)
{
    real *dx = kin_grad(t, node->in[0]);
    const int64_t n = node->out->rows * node->out->cols;
    for (int64_t i = 0; i < n; i++) dx[i] += node->out->grad[i];
    dx[n - 1] = INFINITY;
}

static kin_tensor *spoiled(kin_tensor *x)
{
    static const kin_op op = { .entry = { .name = "spoil" }, .backward = spoil };
    kin_node *node = kin_node_new(tape, &op, x->rows, x->cols, 1, x);
    memcpy(node->out->value, x->value, sizeof(real) * (size_t)(x->rows * x->cols));
    return node->out;
}

static void test_gradient_is_not_finite(void **state)
{
    (void)state;
    real value[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
    kin_tensor *a = parameter(4, 2, value, "encoder.projection"), *b = parameter(2, 3, value, "b");
    assert_numerical(kin_sum(tape, spoiled(a)),
                     "spoil: gradient of encoder.projection is not finite (row 3)");
    assert_numerical(kin_sum(tape, spoiled(kin_matmul(tape, a, kin_stop_gradient(tape, b)))),
                     "spoil: gradient of its input matmul (4x3) is not finite (row 3), and so "
                     "that of encoder.projection");
}

static void test_sparse_gradient_is_not_finite(void **state)
{
    enum { V = 6, D = 2 };
    static const int32_t ids[] = { 5, 2, 2 };
    static const int64_t start[] = { 0, 1, 3 };
    static const kin_bags bags = { 2, 3, ids, start };
    (void)state;
    real value[V * D] = { 0 };
    kin_tensor *table = parameter(V, D, value, "table");
    kin_tensor *y = spoiled(kin_embedding_bag(tape, table, NULL, &bags));
    assert_numerical(kin_sum(tape, y), "spoil: gradient of its input embedding_bag (2x2) is not "
                     "finite (row 1), and so that of table");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(shapes), TEST(sticky), TEST(wrong_use_of_backward), TEST(memory), TEST(reset),
        TEST(not_training), TEST(nothing_for_inputs), TEST(unit_rows), TEST(relu_at_zero),
        TEST(dropout), TEST(loss_is_not_finite), TEST(gradient_is_not_finite),
        TEST(sparse_gradient_is_not_finite),
    };
    return RUN_ON_BOTH(tests);
}
