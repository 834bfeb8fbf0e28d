/* Signed gradient checks of every loss on every kind of batch that it takes (losses/check.h), and
 * that the checks find faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "losses/check.h"
#include "tests/losses/fused.h"

static machine m;

typedef struct { int lines, off; double worst; } tally;

static void count(void *state, const kin_loss_check_line *got)
{
    tally *t = state;
    t->lines++;
    t->worst = fmax(t->worst, got->error);
    if (got->error <= got->bound) return;
    t->off++;
    printf("%s: %s: off by %.1e at %s\n", got->loss, got->what, got->error, got->where);
}

static void test_every_loss(void **state)
{
    (void)state;
    int off = 0;
    for (int loss = 0; loss < kin_losses.count; loss++) {
        tally t = { 0, 0, 0 };
        assert_int_equal(kin_loss_check(m.tape, loss, count, &t), KIN_OK);
        assert_true(t.lines > 0);
        printf("%-18s %2d settings, worst error %.1e\n", kin_losses.items[loss]->name, t.lines,
               t.worst);
        off += t.off;
    }
    assert_int_equal(off, 0);
}

/* ---- the checks can fail: kernels with a fault ---------------------------------------------- */

enum { SCALED, NEGATED, DROPPED, FAULTS };
enum { ROWS, PUSH, SLOPE, PATHS };
static const double least[] = { 0.9e-3, 1.9, 1e-3 };

static const kin_score_kernels *(*healthy)(kin_backend *, int);
static kin_score_kernels faulty;
static int faulty_loss, fault, spoilt[PATHS];

/* Scores that are dropped are spread over all rows and columns. */
static void spoil(const kin_scores *t, int path)
{
    const int64_t n = t->start ? t->start[t->rows] : t->rows * t->stride;
    for (int64_t i = 0; i < n; i++)
        t->score[i] *= fault == SCALED ? 0.999 : fault == NEGATED ? -1 : i % 3 == 1 ? 0 : 1;
    spoilt[path]++;
}

static void faulty_rows(kin_backend *backend, const kin_scores *t, bool slopes)
{
    healthy(backend, faulty_loss)->rows(backend, t, slopes);
    if (slopes) spoil(t, ROWS);
}

static void faulty_push(kin_backend *backend, const kin_scores *t)
{
    healthy(backend, faulty_loss)->push(backend, t);
    spoil(t, PUSH);
}

static void faulty_slope(kin_backend *backend, const kin_scores *t)
{
    healthy(backend, faulty_loss)->slope(backend, t);
    spoil(t, SLOPE);
}

static const kin_score_kernels *faulty_score(kin_backend *backend, int loss)
{
    faulty = *healthy(backend, faulty_loss = loss);
    faulty.rows = faulty_rows, faulty.push = faulty_push, faulty.slope = faulty_slope;
    return &faulty;
}

/* The worst error that any kind of batch shows, for each path that it was computed on. */
static void worst_of_paths(int loss, double *worst)
{
    for (int kind = 0; kin_loss_batch_kind(kind); kind++) {
        kin_loss_batch b;
        kin_gradcheck got;
        const char *name;
        int before[PATHS];
        if (kin_loss_batch_make(&b, m.tape, loss, kind, 5, 7, 3, 1) != KIN_OK) continue;
        memcpy(before, spoilt, sizeof before);
        assert_int_equal(kin_loss_batch_check(&b, m.tape, &got, &name), KIN_OK);
        for (int path = 0; path < PATHS; path++)
            if (spoilt[path] > before[path]) worst[path] = fmax(worst[path], got.error);
        kin_loss_batch_free(&b);
    }
}

static void test_faults_in_kernels_are_found(void **state)
{
    (void)state;
    int missed = 0;
    healthy = m.backend->score;
    m.backend->score = faulty_score;
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (fault = 0; fault < FAULTS && !composed(kin_losses.items[loss]->name); fault++) {
            double worst[PATHS] = { 0 };
            memset(spoilt, 0, sizeof spoilt);
            worst_of_paths(loss, worst);
            for (int path = 0; path < PATHS; path++) {
                if (!spoilt[path] || worst[path] > least[fault]) continue;
                printf("%s: fault %d on path %d shows only %.1e\n", kin_losses.items[loss]->name,
                       fault, path, worst[path]);
                missed++;
            }
        }
    m.backend->score = healthy;
    assert_int_equal(missed, 0);
}

/* The same with a fault in what the rows are told, whatever the loss is made of. */
static void spoilt_backward(kin_tape *tape, kin_node *node)
{
    const int64_t n = node->out->rows * node->out->cols;
    real *g = node->out->grad;
    for (int64_t i = 0; i < n; i++)
        g[i] *= fault == SCALED ? 0.999 : fault == NEGATED ? -1 : i % 3 == 1 ? 0 : 1;
    kin_grad_give(tape, node->in[0], 1, g);
}

static const kin_op spoil_op = { .entry = { .name = "spoil" }, .backward = spoilt_backward };

static kin_tensor *apply_spoilt(kin_tape *tape, void *context)
{
    kin_loss_batch *b = context;
    kin_node *node = kin_node_new(tape, &spoil_op, b->rows.rows, b->rows.cols, 1, &b->rows);
    const size_t bytes = sizeof(real) * (size_t)(b->rows.rows * b->rows.cols);
    memcpy(node->out->value, b->rows.value, bytes);
    return kin_loss_apply(tape, &b->setting, node->out,
                          b->columns.value ? &b->columns : node->out, NULL);
}

static void test_faults_in_rows_are_found(void **state)
{
    (void)state;
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (fault = 0; fault < FAULTS; fault++) {
            double worst = 0;
            for (int kind = 0; kin_loss_batch_kind(kind) && !(worst > least[fault]); kind++) {
                kin_loss_batch b;
                kin_gradcheck got = { .error = 0 };
                if (kin_loss_batch_make(&b, m.tape, loss, kind, 5, 7, 3, 1) != KIN_OK) continue;
                kin_tensor *const params[] = { &b.rows };
                if (loss_at(loss)->holds)
                    assert_int_equal(kin_loss_batch_hold(&b, m.tape), KIN_OK);
                if (!b.scores && b.smooth[0])
                    assert_int_equal(kin_gradient_check(m.tape, apply_spoilt, &b, params, 1, 0,
                                                        &got), KIN_OK);
                worst = fmax(worst, got.error);
                kin_loss_batch_free(&b);
            }
            if (!(worst > least[fault]))
                fail_msg("%s: fault %d shows only %.1e", kin_losses.items[loss]->name, fault,
                         worst);
        }
}

/* Holding a loss at its own scores changes neither its value nor its gradient. */
static void test_holding(void **state)
{
    (void)state;
    for (int loss = 0; loss < kin_losses.count; loss++)
        for (int kind = 0; loss_at(loss)->holds && kin_loss_batch_kind(kind); kind++) {
            kin_loss_batch b;
            real own[64], value;
            if (kin_loss_batch_make(&b, m.tape, loss, kind, 5, 7, 3, 1) != KIN_OK) continue;
            const int64_t n = b.rows.rows * b.rows.cols;
            for (int held = 0; held < 2; held++) {
                if (held) assert_int_equal(kin_loss_batch_hold(&b, m.tape), KIN_OK);
                kin_tape_reset(m.tape, 1, 0, true);
                kin_tensor *out = kin_loss_batch_apply(&b, m.tape, NULL);
                assert_int_equal(kin_tape_backward(m.tape, out), KIN_OK);
                if (held) assert_true(fabs(*out->value - value) <= 1e-14 * fabs(value));
                for (int64_t i = 0; held && i < n; i++)
                    assert_true(fabs(b.rows.grad[i] - own[i]) <= 1e-12 * fabs(value));
                memcpy(own, b.rows.grad, sizeof *own * (size_t)n);
                value = *out->value;
            }
            kin_tape_reset(m.tape, 1, 0, true);
            kin_loss_batch_free(&b);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_loss), cmocka_unit_test(test_holding),
        cmocka_unit_test(test_faults_in_kernels_are_found),
        cmocka_unit_test(test_faults_in_rows_are_found),
    };
    if (machine_open(&m, 1) != KIN_OK) return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    machine_close(&m);
    return failed;
}
