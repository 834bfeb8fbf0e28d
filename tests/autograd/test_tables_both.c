/* Tables: the gradients that embedding_bag gives, row-sparse, shared and dense. */
#include "tests/autograd/fixture.h"

enum { V = 6, D = 2 };
static const int32_t ids_a[] = { 5, 2, 2 }, ids_b[] = { 2, 0 };
static const int64_t start_a[] = { 0, 1, 3 }, start_b[] = { 0, 0, 1, 2 };
static const kin_bags bags_a = { 2, 3, ids_a, start_a }, bags_b = { 3, 2, ids_b, start_b };

static void test_sparse_gradient(void **state)
{
    (void)state;
    real value[V * D] = { 0 };
    kin_tensor *table = parameter(V, D, value, "table");
    kin_tensor *y = kin_embedding_bag(tape, table, NULL, &bags_a);
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, kin_scale(tape, y, 3))), KIN_OK);
    assert_null(table->grad);
    assert_int_equal(table->sparse->count, 2);
    assert_int_equal(table->sparse->id[0], 2);
    assert_int_equal(table->sparse->id[1], 5);
    for (int i = 0; i < 4; i++) assert_true(table->sparse->value[i] == 3);
    assert_true(table->squares == 36);
    const real *dense = kin_tensor_dense_gradient(tape, table);
    for (int i = 0; i < V * D; i++) assert_true(dense[i] == (i / D == 2 || i / D == 5 ? 3 : 0));
    kin_tape_reset(tape, 1, 1, true);
    assert_null(table->sparse);
}

/* Two lists of bags, one of which the loss does not reach at all or only later. */
static void test_shared_table(void **state)
{
    (void)state;
    real value[V * D] = { 0 };
    kin_tensor *table = parameter(V, D, value, "table");
    kin_tensor *a = kin_embedding_bag(tape, table, NULL, &bags_a);
    kin_tensor *b = kin_embedding_bag(tape, table, NULL, &bags_b);
    kin_embedding_bag(tape, table, NULL, &bags_b);                    /* reached by nothing */
    kin_tensor *loss = kin_add(tape, kin_sum(tape, b), kin_scale(tape, kin_sum(tape, a), 2));
    assert_int_equal(kin_tape_backward(tape, loss), KIN_OK);
    static const int32_t ids[] = { 0, 2, 5 };
    static const real expected[] = { 1, 3, 2 };
    assert_int_equal(table->sparse->count, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(table->sparse->id[i], ids[i]);
        assert_true(table->sparse->value[i * D] == expected[i]);
        assert_true(table->sparse->value[i * D + 1] == expected[i]);
    }
}

static void test_table_with_a_dense_gradient(void **state)
{
    (void)state;
    real value[V * D] = { 0 };
    kin_tensor *table = parameter(V, D, value, "table");
    kin_tensor *y = kin_embedding_bag(tape, table, NULL, &bags_a);
    kin_tensor *loss = kin_add(tape, kin_sum(tape, y), kin_sum(tape, kin_split_rows(tape, table,
                                                                                     4, 2)));
    assert_int_equal(kin_tape_backward(tape, loss), KIN_OK);
    assert_null(table->sparse);
    static const real expected[V] = { 0, 0, 1, 0, 1, 2 };
    for (int i = 0; i < V * D; i++) assert_true(table->grad[i] == expected[i / D]);
}

static void test_frozen_table(void **state)
{
    (void)state;
    real value[V * D] = { 0 }, ones[V] = { 1, 1, 1, 1, 1, 1 };
    for (int i = 0; i < V * D; i++) value[i] = (real)i;
    kin_tensor *table = parameter(V, D, value, "table"), *weight = parameter(V, 1, ones, "weight");
    table->needs_grad = false;
    kin_tensor *y = kin_embedding_bag(tape, table, weight, &bags_a);
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, y)), KIN_OK);
    assert_true(table->sparse == NULL && table->grad == NULL);
    assert_float_equal(weight->grad[2], 4 + 5, 1e-6);
    assert_float_equal(weight->grad[5], 10 + 11, 1e-6);
    assert_true(weight->grad[0] == 0);
}

static void test_two_weights(void **state)
{
    (void)state;
    real value[V * D] = { 0 };
    kin_tensor *table = parameter(V, D, value, "table"), *weight = parameter(V, 1, value, "weight");
    kin_embedding_bag(tape, table, weight, &bags_a);
    kin_embedding_bag(tape, table, weight, &bags_b);
    assert_failed(kin_embedding_bag(tape, table, NULL, &bags_b),
                  "embedding_bag: two weights for table in one step");
}

static void test_only_empty_bags(void **state)
{
    (void)state;
    static const int64_t starts[4] = { 0 };
    const kin_bags bags = { 3, 0, ids_a, starts };
    real value[V * D] = { 1, 1 };
    kin_tensor *table = parameter(V, D, value, "table");
    kin_tensor *y = kin_embedding_bag(tape, table, NULL, &bags);
    for (int i = 0; i < 3 * D; i++) assert_true(y->value[i] == 0);
    assert_int_equal(kin_tape_backward(tape, kin_sum(tape, y)), KIN_OK);
    assert_int_equal(table->sparse->count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sparse_gradient), TEST(shared_table), TEST(table_with_a_dense_gradient),
        TEST(frozen_table), TEST(two_weights), TEST(only_empty_bags),
    };
    return RUN_ON_BOTH(tests);
}
