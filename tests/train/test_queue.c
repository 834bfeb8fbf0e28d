/* The queue of past documents against a list of everything that ever entered it. */
#include "tests/train/fixture.h"

#include "autograd/op.h"
#include "train/trainer.h"

enum { BATCH = 7, CORPUS = 30, PAIRS = 60, WIDTH = 3, STEPS = 50, KNOWN = 3, MINED = 2 };

typedef struct { int32_t document; real first; } entry;      /* its embedding's first number */

static entry entered[STEPS * BATCH];
static int64_t entries;
static int32_t pair[3 * PAIRS], query_of[PAIRS], known[KNOWN * PAIRS], batch[BATCH];
static int32_t column[BATCH * MINED], document_text[CORPUS];
static int64_t known_start[PAIRS + 1];
static real embedding[(BATCH + MINED) * WIDTH];

static void fill_lists(void)
{
    for (int d = 0; d < CORPUS; d++) document_text[d] = 100 + d;
    for (int i = 0; i < PAIRS; i++) {
        const int32_t own = (int32_t)draw(20, i, CORPUS);
        pair[3 * i + KIN_PAIR_DOCUMENT] = own;
        query_of[i] = i % 5 ? i : -1;
        known_start[i + 1] = known_start[i] + KNOWN;
        for (int k = 0; k < KNOWN; k++) known[KNOWN * i + k] = (own + 7 * k) % CORPUS;
    }
}

static int32_t own_document(int row) { return pair[3 * batch[row] + KIN_PAIR_DOCUMENT]; }

static bool is_known(int row, int32_t document)
{
    const int32_t query = query_of[batch[row]];
    for (int k = 0; query >= 0 && k < KNOWN; k++)
        if (known[KNOWN * query + k] == document) return true;
    return false;
}

static bool is_listed(const kin_sides *s, int64_t row, int64_t col)
{
    for (int64_t n = 0; n < s->ignored; n++)
        if (s->ignored_row[n] == row && s->ignored_col[n] == col) return true;
    return false;
}

/* Every column behind the batch's is one of the last that entered, each of these once. */
static void check_joined(const kin_trainer *t, const kin_sides *s, int64_t before, bool used)
{
    const kin_queue *q = &t->negatives->queue;
    const int64_t held = entries < q->size ? entries : q->size;
    bool there[STEPS * BATCH] = { false };
    int64_t ignored = 0;
    assert_int_equal(s->columns->rows, before + (used ? held : 0));
    assert_int_equal(t->negatives->step.queued, used ? held : 0);
    for (int64_t j = before; j < s->columns->rows; j++) {
        const real first = s->columns->value[j * WIDTH];
        int64_t n = entries - held;
        while (n < entries && entered[n].first != first) n++;
        assert_true(n < entries && !there[n]);
        there[n] = true;
        assert_int_equal(s->col_text[j], document_text[entered[n].document]);
        for (int i = 0; i < BATCH; i++) {
            const bool own = own_document(i) == entered[n].document;
            const bool listed = !own && is_known(i, entered[n].document);
            assert_int_equal(is_listed(s, i, j), listed);
            assert_int_equal(s->row_text[i] == s->col_text[j], own);
            ignored += listed;
        }
    }
    assert_int_equal(s->ignored, ignored);
}

static void one_step(kin_trainer *t, int step)
{
    kin_negatives *n = t->negatives;
    kin_tape_reset(t->tape, 1, (uint32_t)step, true);
    t->state.step = step;
    n->step = (kin_negatives_step){ .columns = step % (MINED + 1) };
    for (int i = 0; i < BATCH; i++) batch[i] = (int32_t)draw(22, step * BATCH + i, PAIRS);
    for (int i = 0; i < MINED; i++) column[i] = (int32_t)draw(23, step * MINED + i, CORPUS);
    for (int i = 0; i < (BATCH + MINED) * WIDTH; i++)
        embedding[i] = (real)(step * 1000 + i + 1);
    const int64_t before = BATCH + n->step.columns;
    kin_sides sides = { .columns = kin_tape_input(t->tape, before, WIDTH, embedding) };
    expect_ok(kin_queue_join(t, &sides));
    check_joined(t, &sides, before, step >= n->queue.start);
    kin_queue_push(t);
    for (int i = 0; i < BATCH; i++)
        entered[entries++] = (entry){ own_document(i), embedding[i * WIDTH] };
}

static void test_queue(void **state)
{
    (void)state;
    static const int64_t sizes[] = { 1, 5, 7, 20, 33, 1000 };
    fill_lists();
    kin_pool *pool;
    kin_store store = { .documents = CORPUS, .document_text = document_text };
    kin_network network = { .width = WIDTH };
    kin_model model = { .network = &network };
    kin_trainer t = { .store = &store, .size = BATCH, .material.pair = pair,
                      .batch.pairs = batch, .model = &model };
    expect_ok(kin_pool_new(&pool, 1));
    expect_ok(kin_cpu_new(&t.backend, pool));
    expect_ok(kin_tape_new(&t.tape, t.backend));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        kin_negatives n = { .count = 1, .query_of = query_of, .known_start = known_start,
                            .known = known, .column = column,
                            .queue = { .size = sizes[i], .start = i % 2 ? 9 : 0 } };
        t.negatives = &n;
        entries = 0;
        expect_ok(kin_queue_open(&t));
        for (int step = 0; step < STEPS; step++) {
            one_step(&t, step);
            if (step % 10 == 9) expect_ok(kin_queue_link(&t));      /* as after a resume */
        }
        n.queue.document[0] = CORPUS;
        expect_failure(kin_queue_link(&t), KIN_DATA, "holds document 30, but the store has 30");
        n.queue.fact[KIN_QUEUE_FILLED] = (int32_t)sizes[i] + 1;
        expect_failure(kin_queue_link(&t), KIN_DATA, "cannot hold");
        kin_queue_free(&n.queue, t.backend);
    }
    kin_tape_free(t.tape);
    t.backend->free(t.backend);
    kin_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_queue) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
