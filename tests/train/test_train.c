/* A whole run on a small store: it learns, its folder is complete, its numbers do not depend on
 * threads, and what can go wrong is answered as promised. */
#include "tests/train/fixture.h"
#include "train/machine.h"
#include "train/run_folder.h"

static void test_learns(void **state)
{
    (void)state;
    kin_train_outcome o;
    kin_results r;
    expect_ok(train("learns", "", 2, NULL, NULL, &o));
    assert_true(o.evaluated && !o.finished_before);
    assert_true(o.results.model.present && o.results.untrained.present && o.results.bm25.present);
    assert_true(o.results.model.mean[KIN_MRR10] > o.results.untrained.mean[KIN_MRR10] + 0.02);
    assert_int_equal(o.results.queries, HELD_OUT);
    assert_int_equal(o.results.documents, DOCUMENTS);
    assert_int_equal(o.results.pairs, 40 * 32);
    assert_true(o.results.train_seconds > 0 && o.results.peak_mb > 0);
    expect_ok(kin_results_load(&r, in_folder("learns/eval/test/results.json")));
    for (int m = 0; m < KIN_MEASURES; m++) {
        assert_true(fabs(r.model.mean[m] - o.results.model.mean[m]) < 1e-8);
        assert_true(r.model.interval[m].low <= r.model.mean[m] + 1e-9);
        assert_true(r.model.interval[m].high >= r.model.mean[m] - 1e-9);
    }
    static const char *const files[] = {
        "run.ini", "run.json", "metrics.jsonl", "tb", "checkpoints/step_40/DONE", "model/README.md",
        "model/model.safetensors", "model/tokenizer.json", "model/config.json",
        "model/modules.json", "model/config_sentence_transformers.json", "eval/test/run.trec",
        "eval/test/qrels.trec", "eval/validation/results.json" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!kin_file_exists(in_folder("learns/%s", files[i]))) fail_msg("no %s", files[i]);
}

/* run.ini is itself a run file that says the same. */
static void test_resolved(void **state)
{
    (void)state;
    kin_config *c;
    expect_ok(kin_config_new(&c));
    expect_ok(kin_config_load(c, in_folder("learns/run.ini")));
    expect_ok(kin_config_resolve(c));
    expect_ok(kin_config_save(c, in_folder("again.ini")));
    expect_same_file(in_folder("learns/run.ini"), in_folder("again.ini"));
    kin_config_free(c);
}

static void test_any_threads(void **state)
{
    (void)state;
    static const int threads[] = { 1, 2, 3, 8 };
    for (int i = 0; i < 4; i++) {
        char run[32];
        snprintf(run, sizeof run, "threads%d", i);
        expect_ok(train(run, "", threads[i], NULL, NULL, NULL));
        expect_same_file(in_folder("threads0/model/model.safetensors"),
                         in_folder("%s/model/model.safetensors", run));
        expect_same_file(in_folder("threads0/checkpoints/step_40/state.safetensors"),
                         in_folder("%s/checkpoints/step_40/state.safetensors", run));
        expect_same_file(in_folder("threads0/eval/test/run.trec"),
                         in_folder("%s/eval/test/run.trec", run));
    }
}

/* Judging a run again gives the same results. */
static void test_evaluate_again(void **state)
{
    (void)state;
    kin_pool *pool;
    kin_backend *backend;
    kin_results before, r;
    expect_ok(kin_results_load(&before, in_folder("learns/eval/test/results.json")));
    expect_ok(kin_pool_new(&pool, 3));
    expect_ok(kin_cpu_new(&backend, pool));
    expect_ok(kin_evaluate_run(in_folder("learns"), "test", false, backend, NULL, &r));
    for (int m = 0; m < KIN_MEASURES; m++) {
        assert_true(fabs(r.model.mean[m] - before.model.mean[m]) < 1e-8);
        assert_true(fabs(r.untrained.mean[m] - before.untrained.mean[m]) < 1e-8);
    }
    assert_int_equal(r.pairs, before.pairs);
    assert_true(fabs(r.train_seconds - before.train_seconds) < 1e-6 * r.train_seconds + 1e-9);
    expect_failure(kin_evaluate_run(in_folder("learns"), "tests", false, backend, NULL, &r), KIN_USAGE,
                   "tests");
    expect_failure(kin_evaluate_run(in_folder("nowhere"), "test", false, backend, NULL, &r), KIN_DATA,
                   "nowhere");
    backend->free(backend);
    kin_pool_free(pool);
}

static void test_without_evaluation(void **state)
{
    (void)state;
    kin_train_outcome o;
    expect_ok(train("blind", "eval.every=0 schedule.steps=5", 2, NULL, NULL, &o));
    assert_false(o.evaluated);
    assert_false(kin_file_exists(in_folder("blind/eval")));
    assert_true(kin_file_exists(in_folder("blind/model/model.safetensors")));
    assert_true(kin_file_exists(in_folder("blind/checkpoints/step_5/DONE")));
}

static void test_folder_rules(void **state)
{
    (void)state;
    const kin_train_flags overwrite = { .overwrite = true };
    kin_run_folder held;
    expect_failure(train("blind", "eval.every=0", 1, NULL, NULL, NULL), KIN_USAGE, "--overwrite");
    expect_ok(kin_folder_make(in_folder("other")));
    expect_ok(kin_file_write(in_folder("other/letter.txt"), "dear", 4));
    expect_failure(train("other", "", 1, &overwrite, NULL, NULL), KIN_USAGE, "no run");
    assert_true(kin_file_exists(in_folder("other/letter.txt")));
    expect_ok(kin_run_folder_take(&held, in_folder("blind"), true, false));
    expect_failure(train("blind", "eval.every=0", 1, &overwrite, NULL, NULL), KIN_RUNTIME,
                   "another process");
    kin_run_folder_leave(&held);
    expect_ok(train("blind", "eval.every=0 schedule.steps=3", 1, &overwrite, NULL, NULL));
    assert_false(kin_file_exists(in_folder("blind/checkpoints/step_5")));
}

/* What is refused before it begins leaves no folder, and an older run as it was. */
static void test_refused_leaves_nothing(void **state)
{
    (void)state;
    const kin_train_flags overwrite = { .overwrite = true };
    expect_failure(train("fresh", "run.memory=1", 1, NULL, NULL, NULL), KIN_MEMORY, "");
    assert_false(kin_file_exists(in_folder("fresh")));
    expect_failure(train("blind", "batch.size=5000", 1, &overwrite, NULL, NULL), KIN_DATA, "");
    assert_true(kin_file_exists(in_folder("blind/checkpoints/step_3/DONE")));
}

static void test_memory_is_refused(void **state)
{
    (void)state;
    expect_failure(train("big", "run.memory=1", 1, NULL, NULL, NULL), KIN_MEMORY, "batch");
    char text[128];
    snprintf(text, sizeof text, "encoder.dim=4096 batch.size=200 run.memory=%.0f",
             kin_memory_now() + 130);
    expect_failure(train("huge", text, 1, NULL, NULL, NULL), KIN_MEMORY, "batch.size = ");
}

/* A decay of more than the whole weight makes the weights grow without end. */
static void test_numerical(void **state)
{
    (void)state;
    expect_failure(train("bad", "optim.name=adamw optim.lr=1000 optim.weight_decay=1 eval.every=0 "
                                "checkpoint.every=2", 2, NULL, NULL, NULL),
                   KIN_NUMERICAL, "the batch begins with");
    assert_non_null(strstr(kin_message(), "step "));
    assert_non_null(strstr(kin_message(), "is good"));
    char *text;
    size_t size;
    expect_ok(kin_file_read(in_folder("bad/run.json"), &text, &size));
    assert_non_null(strstr(text, "the batch begins with"));
    free(text);
}

static void test_bad_data(void **state)
{
    (void)state;
    expect_failure(train("none", "data.store=/nowhere.h5", 1, NULL, NULL, NULL), KIN_DATA,
                   "/nowhere.h5");
    expect_failure(train("wide", "batch.size=5000", 1, NULL, NULL, NULL), KIN_DATA, "");
    expect_failure(train("kind", "batch.repeat=guess=2", 1, NULL, NULL, NULL), KIN_USAGE, "guess");
}

/* Every kind of encoder, loss and setting gets through a short run. */
static void test_variety(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "encoder.weights=learned encoder.towers=separate",
        "encoder.projection=mlp encoder.output=8 encoder.query_prefix=bako:",
        "encoder.max_tokens=4 loss.learn=temperature optim.clip=1",
        "loss.name=triplet batch.token_dropout=0.3", "loss.name=sigmoid loss.direction=one_way",
        "loss.name=circle optim.name=adamw", "optim.name=sgd schedule.name=cosine",
        "loss.final_temperature=0.02 batch.repeat=query=2 schedule.name=constant",
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        char text[256], run[32];
        snprintf(run, sizeof run, "variety%zu", i);
        snprintf(text, sizeof text, "schedule.steps=6 eval.every=6 %s", settings[i]);
        expect_ok(train(run, text, 2, NULL, NULL, NULL));
    }
}

static void stop_early(void *state, const kin_progress *p)
{
    (void)state;
    if (p->step == 5) kin_train_stop();
}

/* How often a name stands in a run's metrics.jsonl, and its last number. */
static int count_logged(const char *run, const char *name, double *last)
{
    char *text, word[64];
    size_t size;
    int count = 0;
    expect_ok(kin_file_read(in_folder("%s/metrics.jsonl", run), &text, &size));
    snprintf(word, sizeof word, "\"%s\":", name);
    for (const char *at = text; (at = strstr(at, word)); at++, count++)
        *last = strtod(at + strlen(word), NULL);
    free(text);
    return count;
}

/* A run whose length is a time: it takes that long, also when it is stopped in between, its rate falls
 * to the end, and shares of the run are shares of the time. */
static void test_length_in_seconds(void **state)
{
    (void)state;
    static const char settings[] = "schedule.steps=0 schedule.seconds=0.6 eval.every=0.5 log.every=1";
    const kin_train_flags resume = { .resume = "latest" };
    double rate = 1, unused;
    const kin_watch watch = { .progress = stop_early };
    kin_train_outcome o;
    expect_ok(train("timed", settings, 1, NULL, NULL, &o));
    assert_true(o.train_seconds >= 0.6 && o.train_seconds < 5);
    const int evaluations = count_logged("timed", "val/mrr@10", &unused);
    assert_true(evaluations == 2 || evaluations == 3);   /* half of the time may pass in a last step */
    assert_true(count_logged("timed", "train/lr", &rate) > 10);
    assert_true(rate < 0.03);                            /* of 0.1 */
    expect_failure(train("pause", settings, 1, NULL, &watch, &o), KIN_STOPPED, "--resume");
    expect_ok(train("pause", settings, 1, &resume, NULL, &o));
    assert_true(o.train_seconds >= 0.6 && o.train_seconds < 5);
    expect_failure(train("both", "schedule.seconds=1", 1, NULL, NULL, NULL), KIN_USAGE,
                   "schedule.seconds and schedule.steps both say");
}

/* Which queries judge the finished model is a setting; what was left out can be judged later, and is
 * the same then. */
static void test_judged_later(void **state)
{
    (void)state;
    static const char settings[] = "schedule.steps=4 eval.every=4";
    char text[128];
    kin_train_outcome o;
    kin_results r;
    kin_pool *pool;
    kin_backend *backend;
    expect_ok(train("full", settings, 1, NULL, NULL, NULL));
    snprintf(text, sizeof text, "%s eval.baselines=false eval.final=none", settings);
    expect_ok(train("unjudged", text, 1, NULL, NULL, &o));
    assert_false(o.evaluated || kin_file_exists(in_folder("unjudged/eval")));
    snprintf(text, sizeof text, "%s eval.baselines=false eval.final=validation", settings);
    expect_ok(train("lean", text, 1, NULL, NULL, &o));
    assert_true(o.evaluated && !o.results.bm25.present && !o.results.untrained.present);
    assert_string_equal(o.results.split, "validation");
    assert_false(kin_file_exists(in_folder("lean/eval/test")));
    expect_ok(kin_pool_new(&pool, 2));
    expect_ok(kin_cpu_new(&backend, pool));
    expect_ok(kin_evaluate_run(in_folder("lean"), "test", false, backend, NULL, &r));
    assert_false(r.bm25.present || r.untrained.present);
    expect_ok(kin_evaluate_run(in_folder("lean"), "test", true, backend, NULL, &r));
    backend->free(backend);
    kin_pool_free(pool);
    static const char *const files[] = { "model", "bm25", "untrained" };
    for (int i = 0; i < 3; i++)
        expect_same_file(in_folder("full/eval/test/%s.tsv", files[i]),
                         in_folder("lean/eval/test/%s.tsv", files[i]));
}

int main(void)
{
    if (!kin_store_available()) {
        printf("no HDF5: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns), cmocka_unit_test(test_resolved),
        cmocka_unit_test(test_any_threads), cmocka_unit_test(test_evaluate_again),
        cmocka_unit_test(test_without_evaluation), cmocka_unit_test(test_folder_rules),
        cmocka_unit_test(test_refused_leaves_nothing),
        cmocka_unit_test(test_memory_is_refused), cmocka_unit_test(test_numerical),
        cmocka_unit_test(test_bad_data), cmocka_unit_test(test_variety),
        cmocka_unit_test(test_length_in_seconds), cmocka_unit_test(test_judged_later),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
