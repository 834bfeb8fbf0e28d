/* Whole runs on the pretend device: the same bits run by run and for any order of threads, and a
 * run that began on one device goes on on another. */
#include "tests/cuda/pretend.h"

static const char short_run[] = "schedule.steps=6 eval.every=3 checkpoint.every=3 log.every=1 "
                                "batch.size=16 tokenizer.vocab_size=300 encoder.dim=8";
static const char *const kinds[] = {
    "", "encoder.projection=mlp encoder.towers=separate loss.learn=temperature "
        "batch.token_dropout=0.2 optim.clip=0.1",
};

static void expect_same_end(const char *a, const char *b)
{
    static const char *const files[] = { "model/model.safetensors", "eval/test/run.trec",
                                         "checkpoints/step_6/state.safetensors" };
    for (int i = 0; i < 3; i++)
        expect_same_file(in_folder("%s/%s", a, files[i]), in_folder("%s/%s", b, files[i]));
}

static void test_same_bits(void **state)
{
    (void)state;
    for (int k = 0; k < 2; k++) {
        char settings[512], run[3][16];
        kin_train_outcome outcome;
        snprintf(settings, sizeof settings, "%s %s", short_run, kinds[k]);
        for (int i = 0; i < 3; i++) {
            snprintf(run[i], sizeof run[i], "same%d%d", k, i);
            pretend.seed(i < 2 ? 1 : 2);
            expect_ok(train_on("pretend", run[i], settings, NULL, &outcome));
        }
        expect_same_end(run[0], run[1]);
        expect_same_end(run[0], run[2]);
    }
}

/* Half of the steps on one device, the rest on the other: the end is near that of a run on one. */
static void test_moves(void **state)
{
    (void)state;
    char settings[512], half[512];
    kin_train_outcome there, moved;
    snprintf(settings, sizeof settings, "%s %s", short_run, kinds[1]);
    snprintf(half, sizeof half, "%s checkpoint.every=3", settings);
    expect_ok(train_on("cpu", "stays", settings, NULL, &there));
    static const char *const devices[] = { "cpu", "pretend" };
    for (int i = 0; i < 2; i++) {
        const char *run = i ? "back" : "forth";
        expect_ok(train_on(devices[i], run, half, NULL, &moved));
        expect_ok(kin_folder_remove(in_folder("%s/checkpoints/step_6", run)));
        expect_ok(kin_folder_remove(in_folder("%s/eval/test", run)));
        assert_int_equal(unlink(in_folder("%s/run.json", run)), 0);
        expect_ok(train_on(devices[1 - i], run, half, "latest", &moved));
        assert_false(moved.finished_before);
        assert_true(moved.evaluated);
        const double a = there.results.model.mean[0], b = moved.results.model.mean[0];
        if (fabs(a - b) > 0.1) fail_msg("%s: %g, expected about %g", run, b, a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits), cmocka_unit_test(test_moves),
    };
    find_pretend();
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
