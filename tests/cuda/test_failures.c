/* Every call of CUDA and cuBLAS that can fail is made to fail once, at one place of a short
 * training after the other: the run ends with a documented status and one sentence, gives
 * everything back, leaves no half of a file, and goes on from its last checkpoint. Here some
 * places, spread over all of them; with KIN_FAILURES=FIRST:STEP in the environment place FIRST and
 * each STEP-th from it. */
#include "tests/cuda/pretend.h"

#include <ftw.h>

enum { PLACES = 10 };

static const char short_run[] = "schedule.steps=3 eval.every=3 checkpoint.every=1 log.every=2 "
                                "batch.size=16 tokenizer.vocab_size=300 encoder.dim=8";
static const char *const kinds[] = {
    "", "encoder.projection=mlp loss.learn=temperature batch.chunk=6 optim.clip=1",
};

static int is_whole(const char *path, const struct stat *facts, int type, struct FTW *place)
{
    (void)facts, (void)type, (void)place;
    return strstr(path, ".tmp-") != NULL;
}

static void expect_nothing_held(int64_t n)
{
    kin_pretend_counts c;
    pretend.counters(&c);
    if (c.bytes || c.blocks || c.host_blocks || c.streams || c.events || c.handles)
        fail_msg("place %ld: %ld blocks, %ld in host memory, %ld streams, %ld events, %ld handles "
                 "are left", (long)n, (long)c.blocks, (long)c.host_blocks, (long)c.streams,
                 (long)c.events, (long)c.handles);
}

static void expect_sentence(int64_t n, kin_status status)
{
    const char *words = kin_message();
    if (status != KIN_RUNTIME && status != KIN_MEMORY)
        fail_msg("place %ld: status %d: %s", (long)n, (int)status, words);
    if (strlen(words) < 20 || strchr(words, '\n'))
        fail_msg("place %ld: \"%s\" is no sentence", (long)n, words);
    if (getenv("KIN_FAILURES")) printf("%6ld %d %s\n", (long)n, (int)status, words);
}

/* Where nothing was begun yet there is nothing to resume. */
static void expect_resumes(int64_t n, const char *settings)
{
    kin_train_outcome outcome;
    const bool begun = kin_file_exists(in_folder("run/run.ini"));
    const kin_status status = train_on("cpu", "run", settings, "latest", &outcome);
    if (begun ? status != KIN_OK : status != KIN_USAGE)
        fail_msg("place %ld: resuming: %s", (long)n, kin_message());
}

static void try_place(int64_t n, const char *settings)
{
    kin_train_outcome outcome;
    if (kin_file_exists(in_folder("run"))) expect_ok(kin_folder_remove(in_folder("run")));
    pretend.fail_call(n);
    const kin_status status = train_on("pretend", "run", settings, NULL, &outcome);
    pretend.fail_call(0);
    expect_nothing_held(n);
    if (nftw(folder, is_whole, 16, FTW_PHYS)) fail_msg("place %ld: a half is left", (long)n);
    if (status == KIN_OK) return;           /* less memory did, or it was being given back */
    expect_sentence(n, status);
    expect_resumes(n, settings);
}

/* How many calls a whole training makes. */
static int64_t count_places(const char *settings)
{
    kin_pretend_counts c;
    kin_train_outcome outcome;
    pretend.reset();
    expect_ok(train_on("pretend", "whole", settings, NULL, &outcome));
    pretend.counters(&c);
    assert_true(outcome.evaluated);
    expect_nothing_held(0);
    expect_ok(kin_folder_remove(in_folder("whole")));
    return c.calls;
}

static void test_every_place(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        char settings[512];
        long first = 1, step = 0;
        snprintf(settings, sizeof settings, "%s %s", short_run, kinds[k]);
        const int64_t places = count_places(settings);
        if (getenv("KIN_FAILURES")) sscanf(getenv("KIN_FAILURES"), "%ld:%ld", &first, &step);
        if (step < 1) step = (long)(places / PLACES) + 1;
        for (int64_t n = first; n <= places; n += step) try_place(n, settings);
    }
}

/* A device with too little memory: the sentence says for what, how much and what to do. With half
 * of what a run takes when it can, searches may take less and the run may end well. */
static void test_memory(void **state)
{
    (void)state;
    kin_train_outcome outcome;
    kin_pretend_counts c;
    pretend.reset();
    expect_ok(train_on("pretend", "all", short_run, NULL, &outcome));
    pretend.counters(&c);
    for (int share = 1; share < 5; share++) {
        if (kin_file_exists(in_folder("run"))) expect_ok(kin_folder_remove(in_folder("run")));
        pretend.fail_memory((size_t)c.bytes_most * (size_t)share / 16);
        expect_failure(train_on("pretend", "run", short_run, NULL, &outcome), KIN_MEMORY,
                       "no memory for ");
        expect_nothing_held(share);
    }
    pretend.fail_memory(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_place), cmocka_unit_test(test_memory),
    };
    find_pretend();
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
