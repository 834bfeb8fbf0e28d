/* Every op's gradients against slopes, in double; and proof that the check can fail: each op is
 * checked again with a fault planted behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "autograd/gradcheck.h"
#include "tests/devices/both.h"

static kin_tape *tape;

static int set_up(void **state)
{
    (void)state;
    return kin_tape_new(&tape, &backend) != KIN_OK;
}

static int tear_down(void **state)
{
    (void)state;
    kin_tape_free(tape);
    return 0;
}

static const kin_op *op_at(int i) { return (const kin_op *)kin_ops.items[i]; }

static void test_every_op(void **state)
{
    (void)state;
    assert_true(kin_ops.count >= 17);
    for (int i = 0; i < kin_ops.count; i++) {
        kin_gradcheck worst;
        assert_int_equal(kin_gradient_check_op(tape, op_at(i), &worst), KIN_OK);
        printf("%-14s %4d entries, worst error %.1e\n", op_at(i)->entry.name,
               (int)worst.entries, worst.error);
        assert_true(worst.entries > 0);
        assert_true(worst.error >= 0 && worst.error < KIN_GRADIENT_BOUND / 100);
    }
}

/* ---- planted faults: y = x, whose backward pass is wrong ------------------------------------ */

static const kin_op *healthy;
static enum { SCALED, NEGATED, DROPPED, FAULTS } fault;

static void fault_backward(kin_tape *t, kin_node *node)
{
    const int64_t n = node->out->rows * node->out->cols;
    const real *dy = node->out->grad;
    real *dx = kin_grad(t, node->in[0]);
    for (int64_t i = 0; i < n; i++) {
        if (fault == SCALED) dx[i] += 0.999 * dy[i];
        if (fault == NEGATED) dx[i] -= dy[i];
        if (fault == DROPPED && i > 0) dx[i] += dy[i];
    }
}

static kin_tensor *faulty_example(kin_tape *t, int case_, kin_tensor **params, int *count)
{
    static const kin_op op = { .entry = { .name = "fault" }, .backward = fault_backward };
    kin_tensor *x = healthy->example(t, case_, params, count);
    if (x == NULL) return NULL;
    kin_node *node = kin_node_new(t, &op, x->rows, x->cols, 1, x);
    if (node == NULL) return kin_empty(t);
    backend.copy(&backend, node->out->value, x->value, sizeof(real) * (size_t)(x->rows * x->cols));
    return node->out;
}

static void test_every_fault_is_found(void **state)
{
    (void)state;
    const double least[FAULTS] = { [SCALED] = 0.9e-3, [NEGATED] = 1.9, [DROPPED] = 1e-2 };
    for (int i = 0; i < kin_ops.count; i++) {
        healthy = op_at(i);
        const kin_op faulty = { .entry = { .name = "faulty" }, .example = faulty_example };
        for (fault = 0; fault < FAULTS; fault++) {
            kin_gradcheck worst;
            assert_int_equal(kin_gradient_check_op(tape, &faulty, &worst), KIN_OK);
            if (worst.error < least[fault])
                fail_msg("%s: fault %d shows only as %g", healthy->entry.name, (int)fault,
                         worst.error);
        }
    }
}

/* ---- a whole encoder ------------------------------------------------------------------------ */

enum { V = 9, D = 4, H = 5, B = 3, PARAMS = 6 };

typedef struct {
    kin_tensor tensor[PARAMS];          /* table, weights, W1, b1, W2, and a scalar */
    real value[PARAMS][V * D];
    real target[B * B];
} model;

static void make_model(model *m)
{
    static const int shape[PARAMS][2] = { { V, D }, { V, 1 }, { D, H }, { 1, H }, { H, D },
                                          { 1, 1 } };
    static const char *const names[PARAMS] = { "table", "weights", "W1", "b1", "W2", "shift" };
    for (int p = 0; p < PARAMS; p++) {
        m->tensor[p] = (kin_tensor){ .rows = shape[p][0], .cols = shape[p][1],
                                     .value = m->value[p], .needs_grad = true, .name = names[p] };
        for (int i = 0; i < shape[p][0] * shape[p][1]; i++)
            m->value[p][i] = (real)kin_random_normal(3, KIN_STREAM_TEST, (uint32_t)p, (uint64_t)i);
    }
    for (int i = 0; i < B * B; i++) m->target[i] = i % (B + 1) == 0 ? -1 : 1;
}

static kin_tensor *encode(kin_tape *t, model *m, const kin_bags *bags)
{
    kin_tensor *x = kin_embedding_bag(t, &m->tensor[0], &m->tensor[1], bags);
    kin_tensor *h = kin_gelu(t, kin_bias(t, kin_matmul(t, x, &m->tensor[2]), &m->tensor[3]));
    h = kin_dropout(t, h, 0.2);
    return kin_l2_normalize(t, kin_add(t, x, kin_tanh(t, kin_matmul(t, h, &m->tensor[4]))));
}

/* Two towers with shared parameters; scores of pairs pushed up, all others down. */
static kin_tensor *contrast(kin_tape *t, void *context)
{
    static const int32_t q_ids[] = { 0, 3, 3, 8, 1 }, d_ids[] = { 3, 0, 7, 7, 5, 1, 6 };
    static const int64_t q_start[] = { 0, 2, 3, 5 }, d_start[] = { 0, 2, 5, 7 };
    const kin_bags q = { B, 5, q_ids, q_start }, d = { B, 7, d_ids, d_start };
    model *m = context;
    kin_tensor *s = kin_matmul_nt(t, encode(t, m, &q), encode(t, m, &d));
    kin_tensor *column = kin_matmul(t, kin_tape_input(t, B, 1, m->target), &m->tensor[5]);
    s = kin_concat_rows(t, kin_mul(t, s, kin_tape_input(t, B, B, m->target)),
                        kin_matmul_nt(t, column, column));
    return kin_mean(t, kin_gelu(t, kin_scale(t, s, 3)));
}

static void test_two_towers(void **state)
{
    (void)state;
    model m;
    make_model(&m);
    kin_tensor *params[PARAMS];
    for (int p = 0; p < PARAMS; p++) params[p] = &m.tensor[p];
    kin_gradcheck worst;
    assert_int_equal(kin_gradient_check(tape, contrast, &m, params, PARAMS, 0, &worst), KIN_OK);
    printf("two towers: %d entries, worst error %.1e (%s, row %d)\n", (int)worst.entries,
           worst.error, m.tensor[worst.param].name, (int)worst.row);
    assert_true(worst.error < KIN_GRADIENT_BOUND / 100);
}

/* ---- the check itself ----------------------------------------------------------------------- */

static kin_tensor *sharp(kin_tape *t, void *context)
{
    return kin_sum(t, kin_tanh(t, kin_scale(t, context, 300)));
}

/* A step of 0.05 is far too long for a slope that is over within 0.003. */
static void test_sharp_functions(void **state)
{
    (void)state;
    real value[2] = { 0.002, -0.004 };
    kin_tensor x = { .rows = 1, .cols = 2, .value = value, .needs_grad = true, .name = "x" };
    kin_tensor *params[] = { &x };
    kin_gradcheck worst;
    assert_int_equal(kin_gradient_check(tape, sharp, &x, params, 1, 0, &worst), KIN_OK);
    printf("sharp: worst error %.1e\n", worst.error);
    assert_true(worst.error < KIN_GRADIENT_BOUND / 10);
    assert_true(value[0] == (real)0.002 && value[1] == (real)-0.004);
}

static kin_tensor *no_example(kin_tape *t, int case_, kin_tensor **params, int *count)
{
    (void)t;
    (void)case_;
    (void)params;
    (void)count;
    return NULL;
}

static void test_errors_come_through(void **state)
{
    (void)state;
    real value[2] = { 1, 2 };
    kin_tensor x = { .rows = 1, .cols = 2, .value = value, .needs_grad = true, .name = "x" };
    kin_tensor *params[] = { &x };
    kin_gradcheck worst;
    value[0] = NAN;
    assert_int_equal(kin_gradient_check(tape, sharp, &x, params, 1, 0, &worst), KIN_NUMERICAL);
    const kin_op none = { .entry = { .name = "none" }, .example = no_example };
    assert_int_equal(kin_gradient_check_op(tape, &none, &worst), KIN_CHECK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_op), TEST(every_fault_is_found), TEST(two_towers), TEST(sharp_functions),
        TEST(errors_come_through),
    };
    return RUN_ON_BOTH(tests);
}
