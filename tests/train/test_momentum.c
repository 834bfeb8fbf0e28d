/* The momentum tower: it follows by the schedule, makes the columns, and gets no gradient. */
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

static kin_trainer *open_trainer(kin_config **c, const char *settings)
{
    kin_trainer *t = calloc(1, sizeof *t);
    *c = make_config("never", settings);
    expect_ok(kin_config_resolve(*c));
    kin_trainer_begin_with(t, *c, backend, NULL, NULL);
    expect_ok(kin_trainer_setup(t, ""));
    expect_ok(kin_trainer_setup_step(t));
    return t;
}

static void close_trainer(kin_trainer *t, kin_config *c)
{
    kin_trainer_close(t);
    kin_config_free(c);
    free(t);
}

static double first_loss(const char *settings)
{
    kin_config *c;
    kin_trainer *t = open_trainer(&c, settings);
    expect_ok(kin_log_open(&t->log, folder, 0, false));
    expect_ok(kin_negatives_mine(t));
    expect_ok(kin_batch_fill(t, 0));
    expect_ok(kin_trainer_forward(t, 0, true));
    assert_true(!t->negatives || t->negatives->step.columns > t->size);
    const double value = t->last.report.value;
    close_trainer(t, c);
    return value;
}

#define MINED "negatives.source=model negatives.start=0 negatives.count=2 negatives.record=false"

/* In the first step both towers are the same, and so is every loss. */
static void test_first_step(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "loss.name=byol", "loss.name=byol loss.direction=one_way", "loss.direction=one_way",
        "loss.name=byol encoder.towers=separate batch.chunk=5",
        "batch.chunk=9 encoder.projection=mlp",
        MINED, MINED " loss.direction=one_way batch.chunk=5",
        MINED " negatives.mask=relative_margin:0.3", MINED " batch.chunk=7",
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char text[300];
        snprintf(text, sizeof text, "%s encoder.momentum=0.9", settings[i]);
        const double with = first_loss(text), without = first_loss(settings[i]);
        if (!(fabs(with - without) < 1e-5 * fabs(without)))
            fail_msg("%s: %g with a momentum tower, %g without", settings[i], with, without);
    }
}

/* Both ways, the trained tower learns from documents as from queries; the other from nothing. */
static void test_who_gets_gradients(void **state)
{
    (void)state;
    kin_config *c;
    kin_trainer *t = open_trainer(&c, "encoder.momentum=0.9 loss.name=byol batch.chunk=8");
    expect_ok(kin_batch_fill(t, 0));
    expect_ok(kin_trainer_forward(t, 0, false));
    assert_non_null(t->towers.side[TRAINED_QUERIES]->grad);
    assert_non_null(t->towers.side[TRAINED_DOCUMENTS]->grad);
    assert_null(t->towers.side[SLOW_QUERIES]->grad);
    assert_null(t->towers.side[SLOW_DOCUMENTS]->grad);
    for (int i = 0; i < t->towers.slow->count; i++) {
        assert_null(t->towers.slow->weight[i].tensor.grad);
        assert_null(t->towers.slow->weight[i].tensor.sparse);
    }
    close_trainer(t, c);
}

static void expect_follows(const char *settings, int64_t step, double share)
{
    kin_config *c;
    kin_trainer *t = open_trainer(&c, settings);
    const kin_tensor *from = &t->model->network->weight[0].tensor;
    const kin_tensor *to = &t->towers.slow->weight[0].tensor;
    for (int64_t i = 0; i < 50; i++) from->value[i] = (real)i;
    for (int64_t i = 0; i < 50; i++) to->value[i] = 7;
    kin_towers_follow(t, step);
    for (int64_t i = 0; i < 50; i++)
        assert_true(fabs((double)to->value[i] - (7 * share + (double)i * (1 - share))) < 1e-4);
    close_trainer(t, c);
}

/* 40 steps: 1 - (1 - 0.6) (cos(pi k / 40) + 1) / 2 */
static void test_schedule(void **state)
{
    (void)state;
    expect_follows("encoder.momentum=0.6 encoder.momentum_schedule=constant", 30, 0.6);
    expect_follows("encoder.momentum=0.6", 0, 0.6);
    expect_follows("encoder.momentum=0.6", 20, 0.8);
    expect_follows("encoder.momentum=0.6", 40, 1);
    expect_follows("encoder.momentum=0.6", 10, 1 - 0.4 * (sqrt(0.5) + 1) / 2);
}

int main(void)
{
    if (!kin_store_available()) {
        printf("no HDF5: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_step), cmocka_unit_test(test_who_gets_gradients),
        cmocka_unit_test(test_schedule),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
