/* Stopped, killed and resumed runs end with the bits of a run that was never interrupted. */
#include "tests/train/fixture.h"

#include <signal.h>
#include <sys/wait.h>

typedef struct { int64_t stop_at, kill_at, first; } orders;

static void obey(void *state, const kin_progress *p)
{
    orders *o = state;
    if (!o->first) o->first = p->step;
    if (p->step == o->stop_at) kin_train_stop();
    if (p->step == o->kill_at) raise(SIGKILL);
}

static const char *const kinds[] = {
    "", "encoder.weights=learned encoder.towers=separate loss.learn=temperature",
    "encoder.projection=mlp optim.name=adamw optim.clip=0.1 batch.token_dropout=0.2",
    "loss.final_temperature=0.02 optim.dense=true schedule.name=cosine",
    "encoder.momentum=0.9 loss.name=byol encoder.projection=mlp",
    "encoder.momentum=0.95 encoder.momentum_schedule=constant loss.direction=one_way batch.chunk=7 "
    "batch.token_dropout=0.1",
    "loss.sum=infonce:1,uniformity:0.5 loss.learn=infonce.temperature batch.chunk=10 optim.clip=1",
    "loss.negatives=drawn loss.drawn=6 loss.direction=one_way loss.name=cosine_contrastive",
    "negatives.source=model negatives.index=ivf negatives.every_steps=7 negatives.before=random "
    "negatives.start=0.25 negatives.count=2 negatives.policy=duplicate,random",
    "negatives.queue=90 negatives.queue_start=0.2 encoder.momentum=0.9 loss.direction=one_way",
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* metrics.jsonl without what the clock says. */
static void expect_same_log(const char *a, const char *b)
{
    FILE *f = fopen(in_folder("%s/metrics.jsonl", a), "r");
    FILE *g = fopen(in_folder("%s/metrics.jsonl", b), "r");
    char x[2000], y[2000];
    assert_true(f && g);
    for (int line = 1;; line++) {
        const char *more = fgets(x, sizeof x, f);
        const char *other = fgets(y, sizeof y, g);
        assert_int_equal(more == NULL, other == NULL);
        if (!more) break;
        char *p = strstr(x, ",\"perf/"), *q = strstr(y, ",\"perf/");
        if (p) *p = 0;
        if (q) *q = 0;
        assert_string_equal(x, y);
    }
    fclose(f);
    fclose(g);
}

static void expect_same_end(const char *a, const char *b)
{
    static const char *const files[] = { "model/model.safetensors", "eval/test/run.trec",
                                         "checkpoints/step_40/state.safetensors" };
    for (int i = 0; i < 3; i++)
        expect_same_file(in_folder("%s/%s", a, files[i]), in_folder("%s/%s", b, files[i]));
    expect_same_log(a, b);
}

static void test_stop_and_resume(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        char whole[32], parts[32];
        const kin_train_flags resume = { .resume = "latest" };
        snprintf(whole, sizeof whole, "whole%d", k);
        snprintf(parts, sizeof parts, "parts%d", k);
        expect_ok(train(whole, kinds[k], 2, NULL, NULL, NULL));
        for (int64_t at = 13; at < 40; at += 13) {
            orders o = { .stop_at = at };
            const kin_watch watch = { .state = &o, .progress = obey };
            expect_failure(train(parts, kinds[k], at == 13 ? 1 : 3, at == 13 ? NULL : &resume,
                                 &watch, NULL), KIN_STOPPED, "--resume");
            assert_int_equal(o.first, at - 12);
        }
        expect_ok(train(parts, kinds[k], 2, &resume, NULL, NULL));
        expect_same_end(whole, parts);
    }
}

/* The process dies between checkpoints; another one goes on from the last of them. */
static void test_kill_and_resume(void **state)
{
    (void)state;
    static const char settings[] = "checkpoint.every=7";
    const kin_train_flags resume = { .resume = "latest" };
    static const int64_t steps[] = { 9, 21, 30 };
    for (int i = 0; i < 3; i++) {
        const pid_t child = fork();
        assert_true(child >= 0);
        if (!child) {
            orders o = { .kill_at = steps[i] };
            const kin_watch watch = { .state = &o, .progress = obey };
            train("killed", settings, 1 + i, i ? &resume : NULL, &watch, NULL);
            _exit(9);
        }
        int how;
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL);
    }
    expect_ok(train("killed", settings, 2, &resume, NULL, NULL));
    expect_same_end("whole0", "killed");
}

static void test_killed_before_a_checkpoint(void **state)
{
    (void)state;
    const kin_train_flags resume = { .resume = "latest" };
    const pid_t child = fork();
    if (!child) {
        orders o = { .kill_at = 3 };
        const kin_watch watch = { .state = &o, .progress = obey };
        train("early", "", 1, NULL, &watch, NULL);
        _exit(9);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    expect_ok(train("early", "", 2, &resume, NULL, NULL));
    expect_same_end("whole0", "early");
}

static void test_finished(void **state)
{
    (void)state;
    const kin_train_flags resume = { .resume = "latest" };
    kin_train_outcome o;
    expect_ok(train("whole0", "", 2, &resume, NULL, &o));
    assert_true(o.finished_before && o.evaluated);
    assert_int_equal(o.results.queries, HELD_OUT);
}

static void test_refused(void **state)
{
    (void)state;
    const kin_train_flags resume = { .resume = "latest" };
    const kin_train_flags wrong = { .resume = in_folder("nothing") };
    orders o = { .stop_at = 10 };
    const kin_watch watch = { .state = &o, .progress = obey };
    expect_failure(train("absent", "", 1, &resume, NULL, NULL), KIN_USAGE, "no run to resume");
    expect_failure(train("other", "", 1, NULL, &watch, NULL), KIN_STOPPED, "step 10");
    expect_failure(train("other", "optim.lr=0.2", 1, &resume, NULL, NULL), KIN_USAGE, "optim.lr");
    expect_failure(train("other", "", 1, &wrong, NULL, NULL), KIN_DATA, "DONE");
}

/* A damaged newest checkpoint is passed over for the one before. */
static void test_damaged(void **state)
{
    (void)state;
    const kin_train_flags resume = { .resume = "latest" };
    orders o = { .stop_at = 27 };
    const kin_watch watch = { .state = &o, .progress = obey };
    expect_failure(train("damaged", "", 1, NULL, &watch, NULL), KIN_STOPPED, "");
    const char *path = in_folder("damaged/checkpoints/step_27/state.safetensors");
    char *bytes;
    size_t size;
    expect_ok(kin_file_read(path, &bytes, &size));
    bytes[size / 2] ^= 1;
    expect_ok(kin_file_write(path, bytes, size));
    free(bytes);
    o = (orders){ 0 };
    expect_ok(train("damaged", "", 2, &resume, &watch, NULL));
    assert_int_equal(o.first, 21);                        /* the best was at step 20 */
    expect_same_end("whole0", "damaged");
}

int main(void)
{
    if (!kin_store_available()) {
        printf("no HDF5: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stop_and_resume), cmocka_unit_test(test_kill_and_resume),
        cmocka_unit_test(test_killed_before_a_checkpoint), cmocka_unit_test(test_finished),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_damaged),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
