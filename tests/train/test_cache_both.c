/* The gradient cache: chunks give the loss and the gradients of a whole batch, in less memory. */
#include "tests/train/fixture.h"
#include "train/config.h"
#include "train/trainer.h"

static kin_pool *pool;
static kin_backend *backend;

static int open_all(void **state)
{
    if (open_folder(state) || kin_pool_new(&pool, 2) || kin_cpu_new(&backend, pool)) return -1;
    return 0;
}

static int close_all(void **state)
{
    backend->free(backend);
    kin_pool_free(pool);
    return close_folder(state);
}

static double worst;

static void keep_worst(void *state, const char *what, double difference)
{
    (void)state;
    (void)what;
    if (!(difference <= worst)) worst = difference;
}

static kin_cache_check check(const char *settings)
{
    kin_cache_check result;
    kin_config *c = make_config("never", settings);
    worst = 0;
    expect_ok(kin_config_resolve(c));
    expect_ok(kin_check_cache(c, backend, NULL, keep_worst, NULL, &result));
    kin_config_free(c);
    assert_false(kin_file_exists(in_folder("never")));
    return result;
}

static const char *const kinds[] = {
    "batch.chunk=8",
    "",
    "batch.chunk=7 encoder.projection=mlp encoder.hidden=24 batch.token_dropout=0.3",
    "batch.chunk=1 encoder.weights=learned encoder.towers=separate loss.learn=temperature",
    "batch.chunk=100 encoder.weights=learned encoder.projection=linear",
    "batch.chunk=12 loss.name=vicreg encoder.projection=mlp encoder.output=8",
    "batch.chunk=5 loss.name=barlow_twins",
    "batch.chunk=9 loss.direction=views loss.name=ntxent",
    "batch.chunk=9 loss.sum=infonce:1,uniformity:0.2 loss.learn=infonce.temperature",
    "batch.chunk=16 encoder.momentum=0.9 loss.name=byol encoder.projection=linear",
    "batch.chunk=6 encoder.momentum=0.9 loss.direction=one_way encoder.weights=learned",
    "batch.chunk=6 loss.direction=one_way loss.negatives=drawn loss.drawn=4",
};

static void test_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const kin_cache_check r = check(kinds[i]);
        assert_true(r.pairs == 32 && r.batches > 1);
        if (!(worst <= r.bound)) fail_msg("%s: %g, bound %g", kinds[i], worst, r.bound);
    }
}

/* A trainer after a step of so many pairs in a chunk: bytes of intermediates. */
static size_t peak(const char *settings, int64_t *part)
{
    kin_trainer *t = calloc(1, sizeof *t);
    kin_config *c = make_config("never", settings);
    expect_ok(kin_config_resolve(c));
    kin_trainer_begin_with(t, c, backend, NULL, NULL);
    expect_ok(kin_trainer_setup(t, ""));
    expect_ok(kin_trainer_setup_step(t));
    expect_ok(kin_batch_fill(t, 0));
    expect_ok(kin_trainer_forward(t, 0, true));
    size_t bytes = kin_arena_read(kin_tape_arena(t->tape)).peak;
    *part = 0;
    if (t->towers.part) *part = (int64_t)kin_arena_read(kin_tape_arena(t->towers.part)).peak;
    kin_trainer_close(t);
    kin_config_free(c);
    free(t);
    return bytes + (size_t)*part;
}

/* With a wide hidden layer intermediates are most of a step, and they follow the chunk. */
static void test_memory(void **state)
{
    (void)state;
    int64_t part8, part16, none;
    static const char wide[] = "batch.size=128 encoder.projection=mlp encoder.hidden=512";
    char text[200];
    const size_t plain = peak(wide, &none);
    snprintf(text, sizeof text, "%s batch.chunk=8", wide);
    const size_t by_8 = peak(text, &part8);
    snprintf(text, sizeof text, "%s batch.chunk=16", wide);
    peak(text, &part16);
    assert_int_equal(none, 0);
    if (!(by_8 * 4 < plain)) fail_msg("%zu bytes in chunks, %zu at once", by_8, plain);
    assert_true(part16 > part8 && part16 < 2 * part8 + 4096);
}

/* The same bits for any number of threads. */
static void test_threads(void **state)
{
    (void)state;
    static const char s[] = "batch.chunk=5 eval.every=0 encoder.projection=mlp schedule.steps=8 "
                            "encoder.weights=learned";
    expect_ok(train("one", s, 1, NULL, NULL, NULL));
    expect_ok(train("three", s, 3, NULL, NULL, NULL));
    expect_same_file(in_folder("one/model/model.safetensors"),
                     in_folder("three/model/model.safetensors"));
}

int main(void)
{
    if (!kin_store_available()) {
        printf("no HDF5: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same), cmocka_unit_test(test_memory), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
