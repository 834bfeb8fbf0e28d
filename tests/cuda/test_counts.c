/* What one step of training asks of a device, counted on the pretend device: a GPU that waits for
 * its host, or for the next of many small kernels, is slower than any arithmetic. The numbers are
 * those of the second step and later ones, which take no memory. */
#include "tests/cuda/pretend.h"

#include "autograd/op.h"
#include "optim/optimizer.h"

enum { ROWS = 48, IN = 20, HIDDEN = 24, OUT = 16, TABLE = 90, LENGTH = 5, WEIGHTS = 8 };

typedef struct {
    kin_backend *backend;
    kin_tape *tape;
    kin_optimizer *optimizer;
    kin_loss_setting loss;
    kin_tensor weight[WEIGHTS];
    int weights;
    real *q, *k;
    int32_t *ids;
    int64_t *start;
    uint32_t step;
} model;

static void *put(model *m, const void *host, size_t bytes)
{
    void *block = m->backend->alloc(m->backend, bytes);
    assert_non_null(block);
    m->backend->upload(m->backend, block, host, bytes);
    return block;
}

static real *put_normal(model *m, uint32_t which, int64_t n)
{
    real *x = malloc((size_t)n * sizeof *x);
    assert_non_null(x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (real)(kin_random_normal(3, KIN_STREAM_TEST, which, (uint64_t)i) / 4);
    real *block = put(m, x, (size_t)n * sizeof *x);
    free(x);
    return block;
}

static void add_weight(model *m, int64_t rows, int64_t cols)
{
    kin_tensor *w = &m->weight[m->weights];
    *w = (kin_tensor){ .rows = rows, .cols = cols, .needs_grad = true, .name = "weight" };
    w->value = put_normal(m, (uint32_t)m->weights++, rows * cols);
}

static void open_model(model *m)
{
    kin_optimizer_setting setting;
    kin_parameter parameters[WEIGHTS];
    for (int i = 0; i < m->weights; i++)
        parameters[i] = (kin_parameter){ .tensor = &m->weight[i], .rate_factor = 1 };
    expect_ok(kin_optimizer_defaults(&setting, "adam"));
    expect_ok(kin_optimizer_new(&m->optimizer, m->backend, &setting, parameters, m->weights));
    expect_ok(kin_tape_new(&m->tape, m->backend));
    kin_tape_leave_sums(m->tape, true);
}

static void finish(model *m, kin_tensor *q, kin_tensor *k)
{
    kin_loss_report report;
    expect_ok(kin_tape_backward(m->tape, kin_loss_apply(m->tape, &m->loss, q, k, &report)));
    expect_ok(kin_optimizer_step(m->optimizer, m->tape, 1e-3));
}

/* ---- two towers of two layers --------------------------------------------------------------- */

static kin_tensor *tower(model *m, int first, kin_tensor *x)
{
    kin_tensor *w = m->weight + first;
    x = kin_relu(m->tape, kin_bias(m->tape, kin_matmul(m->tape, x, &w[0]), &w[1]));
    return kin_bias(m->tape, kin_matmul(m->tape, x, &w[2]), &w[3]);
}

static void make_towers(model *m)
{
    for (int i = 0; i < 2; i++) {
        add_weight(m, IN, HIDDEN);
        add_weight(m, 1, HIDDEN);
        add_weight(m, HIDDEN, OUT);
        add_weight(m, 1, OUT);
    }
    m->q = put_normal(m, 20, ROWS * IN);
    m->k = put_normal(m, 21, ROWS * IN);
    m->loss.direction = KIN_BOTH_WAYS;
}

static void step_towers(model *m)
{
    kin_tape_reset(m->tape, 0, ++m->step, true);
    kin_tensor *q = tower(m, 0, kin_tape_input(m->tape, ROWS, IN, m->q));
    finish(m, q, tower(m, 4, kin_tape_input(m->tape, ROWS, IN, m->k)));
}

/* ---- a table of tokens ---------------------------------------------------------------------- */

static void make_table(model *m)
{
    int32_t ids[2 * ROWS * LENGTH];
    int64_t start[2 * ROWS + 1];
    for (int i = 0; i < 2 * ROWS * LENGTH; i++) ids[i] = (int32_t)draw(9, i, TABLE);
    for (int i = 0; i <= 2 * ROWS; i++) start[i] = i * LENGTH;
    add_weight(m, TABLE, OUT);
    m->ids = put(m, ids, sizeof ids);
    m->start = put(m, start, sizeof start);
}

static void step_table(model *m)
{
    const kin_bags bags = { 2 * ROWS, 2 * ROWS * LENGTH, m->ids, m->start };
    kin_tape_reset(m->tape, 0, ++m->step, true);
    kin_tensor *x = kin_embedding_bag(m->tape, &m->weight[0], NULL, &bags);
    x = kin_l2_normalize(m->tape, x);
    finish(m, kin_split_rows(m->tape, x, 0, ROWS), kin_split_rows(m->tape, x, ROWS, ROWS));
}

/* ---- counting ------------------------------------------------------------------------------- */

/* Most of each. */
static const struct {
    const char *name;
    void (*make)(model *);
    void (*step)(model *);
    int64_t waits, launches, products, copies, fills, up, down;
} cases[] = {
    { "two towers", make_towers, step_towers, 2, 33, 14, 3, 4, 48 * ROWS, 128 },
    { "table", make_table, step_table, 2, 21, 3, 3, 2, 48 * ROWS, 40 },
};

static void expect_most(const char *name, const char *what, int64_t got, int64_t most, int *over)
{
    printf("%s: %ld %s, at most %ld\n", name, (long)got, what, (long)most);
    *over += got > most;
}

static void close_model(model *m)
{
    void *const blocks[] = { m->q, m->k, m->ids, m->start };
    kin_optimizer_free(m->optimizer);
    kin_tape_free(m->tape);
    for (int b = 0; b < 4; b++) m->backend->release(m->backend, blocks[b]);
    for (int w = 0; w < m->weights; w++) m->backend->release(m->backend, m->weight[w].value);
    m->backend->free(m->backend);
}

static void list_kernels(void)
{
    const char *name;
    int64_t times;
    for (int k = 0; (times = pretend.launches(k, &name)) >= 0; k++)
        printf("  %ld %s\n", (long)times, name);
}

static void test_counts(void **state)
{
    int over = 0;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model m = { .step = 0 };
        kin_pretend_counts c;
        kin_pool *pool;
        const char *name = cases[i].name;
        expect_ok(kin_pool_new(&pool, 1));
        expect_ok(open_device("pretend", pool, &m.backend));
        expect_ok(kin_loss_default(&m.loss, "infonce"));
        cases[i].make(&m);
        open_model(&m);
        for (int s = 0; s < 3; s++) cases[i].step(&m);
        if (getenv("KIN_COUNTS")) list_kernels();
        pretend.reset();
        cases[i].step(&m);
        pretend.counters(&c);
        if (getenv("KIN_COUNTS")) list_kernels();
        expect_most(name, "waits", c.waits, cases[i].waits, &over);
        expect_most(name, "launches", c.launches, cases[i].launches, &over);
        expect_most(name, "products", c.products, cases[i].products, &over);
        expect_most(name, "copies", c.copies, cases[i].copies, &over);
        expect_most(name, "fills", c.fills, cases[i].fills, &over);
        expect_most(name, "bytes up", c.bytes_up, cases[i].up, &over);
        expect_most(name, "bytes down", c.bytes_down, cases[i].down, &over);
        assert_int_equal(c.allocations + c.releases, 0);
        close_model(&m);
        kin_pool_free(pool);
    }
    assert_int_equal(over, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_counts) };
    find_pretend();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
