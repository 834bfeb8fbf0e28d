/* The objective's two ways apart against the loss that reads both ways at once. */
#include "tests/train/fixture.h"
#include "autograd/op.h"
#include "train/config.h"
#include "train/objective.h"

enum { ROWS = 9, EXTRA = 8, WIDTH = 5, COLUMNS = ROWS + EXTRA };

static kin_pool *pool;
static kin_backend *backend;
static kin_tape *tape;

static int open_all(void **state)
{
    if (open_folder(state) || kin_pool_new(&pool, 2) || kin_cpu_new(&backend, pool)) return -1;
    return kin_tape_new(&tape, backend);
}

static int close_all(void **state)
{
    kin_tape_free(tape);
    backend->free(backend);
    kin_pool_free(pool);
    return close_folder(state);
}

static real number[(ROWS + COLUMNS) * WIDTH], gradient[2][(ROWS + COLUMNS) * WIDTH];

/* Column ROWS is row 4's document once more; cells of both parts are ignored. */
static const int32_t row_text[ROWS] = { 0, 1, 2, 3, 4, 5, 6, 7, 8 };
static const int32_t col_text[COLUMNS] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 4, 20, 21, 22, 23, 24, 25,
                                           26 };
static const int32_t ignored_row[] = { 0, 3, 8, 8 }, ignored_col[] = { 2, 11, 16, 1 };

static kin_tensor tensor(int64_t from, int64_t rows, const char *name)
{
    return (kin_tensor){ .rows = rows, .cols = WIDTH, .value = number + from * WIDTH,
                         .needs_grad = true, .name = name };
}

/* Columns that keep still are those of the corpus. */
static double value_of(const char *settings, int64_t ignored, bool apart, real *to)
{
    kin_config *c;
    kin_objective o;
    kin_loss_report report;
    kin_tensor q = tensor(0, ROWS, "q"), k = tensor(ROWS, COLUMNS, "k");
    c = make_config("never", settings);
    expect_ok(kin_config_resolve(c));
    expect_ok(kin_objective_make(&o, backend, c));
    kin_tape_reset(tape, 1, 0, true);
    const kin_sides sides = { .rows = &q, .columns = &k, .row_text = row_text,
                              .col_text = col_text, .ignored = ignored,
                              .ignored_row = ignored_row, .ignored_col = ignored_col,
                              .still = apart ? EXTRA : 0 };
    kin_tensor *loss;
    if (apart) {
        loss = kin_objective_apply(tape, &o, 0, true, &sides, &report);
    } else {
        o.term[0].setting.relation = (kin_relation){
            .row_text = row_text, .col_text = col_text, .ignored = ignored,
            .ignored_row = ignored_row, .ignored_col = ignored_col };
        loss = kin_loss_apply(tape, &o.term[0].setting, &q, &k, &report);
    }
    expect_ok(kin_tape_backward(tape, loss));
    memcpy(to, q.grad, ROWS * WIDTH * sizeof *to);
    memcpy(to + ROWS * WIDTH, k.grad, COLUMNS * WIDTH * sizeof *to);
    kin_tape_reset(tape, 1, 0, true);
    kin_objective_free(&o);
    kin_config_free(c);
    return report.value;
}

static void test_both_ways(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "loss.name=infonce loss.direction=both_ways loss.temperature=0.1",
        "loss.name=sigmoid loss.direction=both_ways",
        "loss.name=triplet loss.direction=both_ways",
        "loss.name=contrastive loss.direction=both_ways",
        "loss.name=multi_similarity loss.direction=both_ways",
        "loss.name=infonce loss.direction=one_way",
    };
    for (int i = 0; i < (ROWS + COLUMNS) * WIDTH; i++)
        number[i] = (real)kin_random_normal(3, KIN_STREAM_TEST, 1, (uint64_t)i);
    for (size_t s = 0; s < sizeof settings / sizeof *settings; s++)
        for (int64_t ignored = 0; ignored <= 4; ignored += 4) {
            const double a = value_of(settings[s], ignored, true, gradient[0]);
            const double b = value_of(settings[s], ignored, false, gradient[1]);
            if (!(fabs(a - b) <= 1e-5 * fabs(b)))
                fail_msg("%s: %.9g apart, %.9g at once", settings[s], a, b);
            for (int i = 0; i < 2 * ROWS * WIDTH; i++)
                if (!(fabs((double)(gradient[0][i] - gradient[1][i])) <= 1e-5))
                    fail_msg("%s, gradient %d: %g apart, %g at once", settings[s], i,
                             (double)gradient[0][i], (double)gradient[1][i]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_both_ways) };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
