/* The sampler's promises, on many kinds of data: no two pairs of a batch share a value, no pair is
 * used more often than allowed, every epoch has as many batches as promised, and the same seed and
 * epoch give the same batches. */
#include "tests/data/stores.h"

#include <time.h>
#include "core/rng.h"
#include "data/sampler.h"

static uint64_t drawn;

static int32_t draw(int32_t n)
{
    return (int32_t)kin_random_below(3, KIN_STREAM_TEST, 0, drawn++, (uint64_t)n);
}

/* Pairs with left texts, right texts and documents drawn from so many; 0: all different. */
static int32_t *make_pairs(int32_t pairs, int32_t lefts, int32_t rights, int32_t documents)
{
    int32_t *pair = malloc(12 * (size_t)pairs);
    for (int32_t i = 0; i < pairs; i++) {
        pair[3 * i] = lefts ? draw(lefts) : i;
        pair[3 * i + 1] = rights ? draw(rights) : i;
        pair[3 * i + 2] = documents ? draw(documents) : i;
    }
    return pair;
}

/* Every promise about the prepared epoch; used[pair] may be at most limit[pair] (NULL: 1). */
static void expect_promises(const kin_sampler *s, const int32_t *pair, int64_t pairs, int64_t batch,
                            const int32_t *limit)
{
    static int64_t when[3][1 << 18];
    int32_t *used = calloc((size_t)pairs, sizeof *used);
    memset(when, 0xFF, sizeof when);
    for (int64_t step = 0; step < kin_sampler_steps(s); step++)
        for (int64_t i = 0; i < batch; i++) {
            const int32_t p = kin_sampler_batch(s, step)[i];
            assert_in_range(p, 0, pairs - 1);
            used[p]++;
            for (int k = 0; k < 3; k++) {
                assert_int_not_equal(when[k][pair[3 * p + k]], step);
                when[k][pair[3 * p + k]] = step;
            }
        }
    for (int64_t i = 0; i < pairs; i++) assert_true(used[i] <= (limit ? limit[i] : 1));
    free(used);
}

static kin_sampler *make(const int32_t *pair, int64_t pairs, int64_t batch)
{
    kin_sampler *s;
    expect_ok(kin_sampler_new(&s, &(kin_sampler_setting){.pairs = pairs, .pair = pair,
                                                         .batch = batch, .seed = 5}));
    return s;
}

/* Several epochs keep the promises; gives the steps. */
static int64_t expect_good(const int32_t *pair, int64_t pairs, int64_t batch)
{
    kin_sampler *s = make(pair, pairs, batch);
    const int64_t steps = kin_sampler_steps(s);
    for (int epoch = 0; epoch < 5; epoch++) {
        kin_sampler_epoch(s, epoch);
        assert_int_equal(kin_sampler_steps(s), steps);
        expect_promises(s, pair, pairs, batch, NULL);
    }
    assert_int_equal(kin_sampler_dropped(s), pairs - steps * batch);
    kin_sampler_free(s);
    return steps;
}

static void different_pairs_fill_every_batch(void **state)
{
    (void)state;
    int32_t *pair = make_pairs(1000, 0, 0, 0);
    for (int batch = 1; batch <= 1000; batch = batch * 3 + 1)
        assert_int_equal(expect_good(pair, 1000, batch), 1000 / batch);
    assert_int_equal(expect_good(pair, 1000, 1000), 1);
    free(pair);
}

/* Even where no pair is left over, shared documents and texts cost no batch. */
static void shared_values_cost_no_batch(void **state)
{
    (void)state;
    const struct {
        int32_t pairs, lefts, rights, documents, batch;
    } cases[] = {
        {4096, 0, 0, 2000, 64},       {4096, 0, 0, 2000, 256}, {4096, 1500, 0, 2000, 64},
        {4096, 1500, 1500, 1500, 64}, {4096, 0, 300, 300, 64}, {8192, 300, 0, 500, 64},
        {8192, 300, 300, 300, 32},    {16384, 8000, 8000, 8000, 1024},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t *pair =
            make_pairs(cases[i].pairs, cases[i].lefts, cases[i].rights, cases[i].documents);
        assert_int_equal(expect_good(pair, cases[i].pairs, cases[i].batch),
                         cases[i].pairs / cases[i].batch);
        free(pair);
    }
}

/* 77 labels with 130 queries each, as in intent data: 77 bounds the batch. */
static void few_documents_with_many_queries(void **state)
{
    (void)state;
    int32_t *pair = make_pairs(77 * 130, 0, 0, 0);
    for (int32_t i = 0; i < 77 * 130; i++) pair[3 * i + 1] = pair[3 * i + 2] = i % 77;
    assert_int_equal(expect_good(pair, 77 * 130, 77), 130);
    assert_int_equal(expect_good(pair, 77 * 130, 64), 77 * 130 / 64);
    assert_int_equal(expect_good(pair, 77 * 130, 70), 143);
    kin_sampler *s;
    const kin_sampler_setting setting = {.pairs = 77 * 130, .pair = pair, .batch = 78};
    expect_failure(kin_sampler_new(&s, &setting), KIN_DATA,
                   "a batch of 78 needs as many different documents, there are 77");
    assert_null(s);
    free(pair);
}

/* Half of 1,000 pairs share one document. With batches of 10 there are 100 at most; S of them can
 * use 500 + min(500, S) pairs: 500 + S >= 10 S up to 55. */
static void more_copies_than_batches(void **state)
{
    (void)state;
    int32_t *pair = make_pairs(1000, 0, 0, 0);
    for (int i = 0; i < 500; i++) pair[3 * i + 2] = 999;
    assert_int_equal(expect_good(pair, 1000, 10), 55);
    for (int i = 0; i < 1000; i++) pair[3 * i + 2] = 999;
    assert_int_equal(expect_good(pair, 1000, 1), 1000);
    free(pair);
}

/* Each left text has one half of the documents: the columns together allow less than each alone. */
static void columns_that_hinder_each_other(void **state)
{
    (void)state;
    int32_t *pair = make_pairs(64, 0, 0, 0);
    for (int32_t i = 0; i < 64; i++) {
        pair[3 * i] = i % 2;
        pair[3 * i + 2] = i % 2 ? 0 : 1 + i / 16;
    }
    assert_int_equal(expect_good(pair, 64, 2), 32);
    for (int32_t i = 0; i < 64; i++) pair[3 * i] = i % 2, pair[3 * i + 2] = (i + 1) % 2;
    assert_int_equal(expect_good(pair, 64, 2), 32);
    for (int32_t i = 0; i < 64; i++) {                  /* a star: each pair shares 0 with each */
        pair[3 * i] = i % 2 ? 0 : i;
        pair[3 * i + 2] = i % 2 ? i : 0;
    }
    pair[0] = 0;
    kin_sampler *s;
    const kin_sampler_setting setting = {.pairs = 64, .pair = pair, .batch = 3};
    expect_failure(kin_sampler_new(&s, &setting), KIN_DATA, "found no batch of 3");
    free(pair);
}

/* ---- order ----------------------------------------------------------------------------------- */

static void epochs_differ_and_repeat(void **state)
{
    (void)state;
    enum { PAIRS = 5000, BATCH = 50, BYTES = 4 * PAIRS / BATCH * BATCH };
    int32_t *pair = make_pairs(PAIRS, 4000, 0, 3000), *first = malloc(BYTES);
    kin_sampler *a = make(pair, PAIRS, BATCH), *b = make(pair, PAIRS, BATCH), *c;
    assert_int_equal(kin_sampler_steps(a), PAIRS / BATCH);
    kin_sampler_epoch(a, 3);
    memcpy(first, kin_sampler_batch(a, 0), BYTES);
    kin_sampler_epoch(b, 7);
    assert_memory_not_equal(first, kin_sampler_batch(b, 0), BYTES);
    kin_sampler_epoch(b, 3);
    assert_memory_equal(first, kin_sampler_batch(b, 0), BYTES);
    kin_sampler_epoch(a, 0);
    kin_sampler_epoch(b, 0);
    assert_memory_equal(kin_sampler_batch(a, 0), kin_sampler_batch(b, 0), BYTES);
    assert_memory_not_equal(first, kin_sampler_batch(b, 0), BYTES);
    expect_ok(kin_sampler_new(&c, &(kin_sampler_setting){.pairs = PAIRS, .pair = pair,
                                                         .batch = BATCH, .seed = 6}));
    assert_memory_not_equal(kin_sampler_batch(a, 0), kin_sampler_batch(c, 0), BYTES);
    kin_sampler_free(a);
    kin_sampler_free(b);
    kin_sampler_free(c);
    kin_sampler_free(NULL);
    free(first);
    free(pair);
}

/* Two given pairs meet in a batch in about batch / pairs of the epochs, be their documents shared
 * with others or not; two pairs of one document never do. */
static void companions_are_drawn_evenly(void **state)
{
    (void)state;
    enum { PAIRS = 400, BATCH = 40, EPOCHS = 4000 };
    int32_t *pair = make_pairs(PAIRS, 0, 0, 0);
    for (int32_t i = 0; i < 200; i++) pair[3 * i + 2] = i / 2;
    kin_sampler *s = make(pair, PAIRS, BATCH);
    int together[4] = {0};
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        int64_t batch_of[PAIRS];
        kin_sampler_epoch(s, epoch);
        for (int i = 0; i < PAIRS; i++) batch_of[kin_sampler_batch(s, 0)[i]] = i / BATCH;
        together[0] += batch_of[0] == batch_of[1];
        together[1] += batch_of[0] == batch_of[2];
        together[2] += batch_of[0] == batch_of[300];
        together[3] += batch_of[300] == batch_of[301];
    }
    assert_int_equal(together[0], 0);
    for (int k = 1; k < 4; k++) assert_in_range(together[k], 320, 480);   /* 400 +- 4 sigma */
    kin_sampler_free(s);
    free(pair);
}

/* ---- kinds of pairs -------------------------------------------------------------------------- */

static void kinds_repeat_as_often_as_told(void **state)
{
    (void)state;
    enum { PAIRS = 900, BATCH = 64 };
    const int64_t start[] = {0, 300, 600, 900};
    const int32_t repeat[] = {3, 0, 1};
    int32_t *pair = make_pairs(PAIRS, 0, 0, 0), limit[PAIRS];
    for (int i = 0; i < PAIRS; i++) limit[i] = repeat[i / 300];
    kin_sampler *s;
    expect_ok(kin_sampler_new(&s, &(kin_sampler_setting){.pairs = PAIRS, .pair = pair,
                                                         .batch = BATCH, .sources = 3,
                                                         .source_start = start, .repeat = repeat}));
    assert_int_equal(kin_sampler_steps(s), 1200 / BATCH);
    for (int epoch = 0; epoch < 4; epoch++) {
        kin_sampler_epoch(s, epoch);
        expect_promises(s, pair, PAIRS, BATCH, limit);
    }
    kin_sampler_free(s);
    free(pair);
}

/* Mixed batches use every pair at most once an epoch and do not mind what they share. */
static void mixed_batches_are_a_shuffle(void **state)
{
    (void)state;
    int32_t *pair = make_pairs(1000, 3, 3, 3), first[64];
    kin_sampler *s;
    expect_ok(kin_sampler_new(&s, &(kin_sampler_setting){.pairs = 1000, .pair = pair, .batch = 64,
                                                         .seed = 5, .mixed = true}));
    assert_int_equal(kin_sampler_steps(s), 15);
    assert_int_equal(kin_sampler_dropped(s), 40);
    memcpy(first, kin_sampler_batch(s, 0), sizeof first);
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        bool used[1000] = {false};
        kin_sampler_epoch(s, epoch);
        for (int64_t i = 0; i < 15 * 64; i++) {
            const int32_t p = kin_sampler_batch(s, 0)[i];
            assert_in_range(p, 0, 999);
            assert_false(used[p]);
            used[p] = true;
        }
        assert_int_equal(memcmp(first, kin_sampler_batch(s, 0), sizeof first) == 0, epoch == 0);
    }
    kin_sampler_free(s);
    expect_failure(kin_sampler_new(&s, &(kin_sampler_setting){.pairs = 9, .pair = pair, .batch = 10,
                                                              .mixed = true}),
                   KIN_DATA, "batch.size is 10, but there are 9 pairs");
    free(pair);
}

static void wrong_settings_are_refused(void **state)
{
    (void)state;
    kin_sampler *s;
    int32_t pair[6] = {0, 1, 2, 3, 4, 5};
    kin_sampler_setting setting = {.pairs = 2, .pair = pair, .batch = 0};
    expect_failure(kin_sampler_new(&s, &setting), KIN_USAGE, "batch size 0");
    setting.batch = 3;
    expect_failure(kin_sampler_new(&s, &setting), KIN_DATA,
                   "batch.size is 3, but there are 2 pairs");
    setting.batch = 1;
    setting.pairs = 0;
    expect_failure(kin_sampler_new(&s, &setting), KIN_DATA, "there are 0");
    setting.pairs = 2;
    pair[4] = -1;
    expect_failure(kin_sampler_new(&s, &setting), KIN_DATA, "pair 1 holds the index -1");
}

/* A quarter of a million pairs in which much is shared must not take quadratic time. */
static void time_is_linear(void **state)
{
    (void)state;
    enum { PAIRS = 1 << 18 };
    const struct {
        int32_t lefts, documents;
    } cases[] = {{0, 40000}, {1000, 1000}, {0, 2}, {3, 100000}};
    const clock_t begin = clock();
    for (int i = 0; i < 4; i++) {
        int32_t *pair = make_pairs(PAIRS, cases[i].lefts, 0, cases[i].documents);
        kin_sampler *s = make(pair, PAIRS, 2);
        expect_promises(s, pair, PAIRS, 2, NULL);
        kin_sampler_free(s);
        s = cases[i].documents > 1000 && cases[i].lefts == 0 ? make(pair, PAIRS, 1024) : NULL;
        kin_sampler_free(s);
        free(pair);
    }
    assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(different_pairs_fill_every_batch),
        cmocka_unit_test(shared_values_cost_no_batch),
        cmocka_unit_test(few_documents_with_many_queries),
        cmocka_unit_test(more_copies_than_batches),
        cmocka_unit_test(columns_that_hinder_each_other),
        cmocka_unit_test(epochs_differ_and_repeat),
        cmocka_unit_test(companions_are_drawn_evenly),
        cmocka_unit_test(kinds_repeat_as_often_as_told),
        cmocka_unit_test(mixed_batches_are_a_shuffle),
        cmocka_unit_test(wrong_settings_are_refused),
        cmocka_unit_test(time_is_linear),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
