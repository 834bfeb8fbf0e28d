/* Checkpoints: what is saved is what is loaded, any damaged byte is noticed, the newest good one is
 * found, the others go. */
#include "tests/train/fixture.h"
#include "train/checkpoint.h"

static kin_config *config;
static kin_tokenizer *tokenizer;
static real values[2][24];

static int make_all(void **state)
{
    (void)state;
    static const int64_t start[] = { 0, 5, 10 };
    const kin_texts texts = { 2, "alphabravo", start };
    const kin_tokenizer_setting setting = { 300, 1, 100, 1, -1 };
    snprintf(folder, sizeof folder, "/tmp/kin-test-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    config = make_config("run", "");
    for (int i = 0; i < 48; i++) values[i / 24][i % 24] = (real)i / 7;
    return kin_config_resolve(config)
           || kin_tokenizer_train(&tokenizer, NULL, &texts, NULL, 2, &setting);
}

static int free_all(void **state)
{
    kin_config_free(config);
    kin_tokenizer_free(tokenizer);
    return close_folder(state);
}

static int32_t whole[6] = { -1, 7, 123456789, 0, 2147483647, -5 };

static void save(int64_t step)
{
    const kin_progress_state s = { .step = step, .best_step = 7, .pairs = 99, .best = 1.0 / 3,
                                   .loss_average = 0.1, .train_seconds = 12.5,
                                   .mining_seconds = 1.5, .peak_mb = 3,
                                   .checksum = 0xfedcba9876543210u };
    const kin_block blocks[] = { { "a", 6, 4, values[0], false }, { "b", 1, 24, values[1], false },
                                 { "c", 2, 3, whole, true } };
    expect_ok(kin_checkpoint_save(in_folder("step_%ld", (long)step), &s, blocks, 3, tokenizer,
                                  config));
}

static void test_round_trip(void **state)
{
    (void)state;
    kin_progress_state s;
    real a[24] = { 0 }, b[24] = { 0 };
    int32_t c[6] = { 0 };
    kin_block blocks[] = { { "a", 6, 4, a, false }, { "b", 1, 24, b, false },
                           { "c", 2, 3, c, true } };
    save(5);
    expect_ok(kin_checkpoint_open(in_folder("step_5"), &s));
    assert_int_equal(s.step, 5);
    assert_int_equal(s.best_step, 7);
    assert_int_equal(s.pairs, 99);
    assert_true(s.best == 1.0 / 3 && s.loss_average == 0.1 && s.train_seconds == 12.5
                && s.mining_seconds == 1.5);
    assert_true(s.checksum == 0xfedcba9876543210u);
    expect_ok(kin_checkpoint_load(in_folder("step_5"), blocks, 3));
    assert_memory_equal(c, whole, sizeof c);
    assert_memory_equal(a, values[0], sizeof a);
    assert_memory_equal(b, values[1], sizeof b);
    blocks[0].rows = 4, blocks[0].cols = 6;
    expect_failure(kin_checkpoint_load(in_folder("step_5"), blocks, 2), KIN_DATA, "a");
    blocks[2].whole = false;
    expect_failure(kin_checkpoint_load(in_folder("step_5"), blocks + 2, 1), KIN_DATA, "I32");
}

static void flip(const char *name, size_t at)
{
    char *bytes;
    size_t size;
    expect_ok(kin_file_read(in_folder("step_5/%s", name), &bytes, &size));
    bytes[at % size] ^= 0x10;
    FILE *f = fopen(in_folder("step_5/%s", name), "wb");
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
    free(bytes);
}

static void test_every_damage_is_noticed(void **state)
{
    (void)state;
    static const char *const names[] = { "state.safetensors", "state.json", "tokenizer.json",
                                         "run.ini", "DONE" };
    kin_progress_state s;
    for (int i = 0; i < 5; i++)
        for (size_t at = 0; at < 400; at += 13) {
            flip(names[i], at);
            assert_int_equal(kin_checkpoint_open(in_folder("step_5"), &s), KIN_DATA);
            flip(names[i], at);
        }
    expect_ok(kin_checkpoint_open(in_folder("step_5"), &s));
    assert_int_equal(truncate(in_folder("step_5/state.json"), 10), 0);
    assert_int_equal(kin_checkpoint_open(in_folder("step_5"), &s), KIN_DATA);
    assert_int_equal(unlink(in_folder("step_5/DONE")), 0);
    expect_failure(kin_checkpoint_open(in_folder("step_5"), &s), KIN_DATA, "DONE");
}

static void test_find_and_tidy(void **state)
{
    (void)state;
    char found[KIN_PATH_MAX];
    int damaged;
    save(9);
    save(20);
    save(100);
    expect_ok(kin_folder_make(in_folder("step_200")));
    expect_ok(kin_folder_make(in_folder("step_x")));
    expect_ok(kin_checkpoint_find(folder, -1, found, &damaged));
    assert_string_equal(found, in_folder("step_100"));
    assert_int_equal(damaged, 1);
    kin_checkpoint_tidy(folder, 100, 9);
    assert_true(kin_file_exists(in_folder("step_9/DONE")));
    assert_false(kin_file_exists(in_folder("step_20")));
    assert_false(kin_file_exists(in_folder("step_200")));
    assert_true(kin_file_exists(in_folder("step_x")));
    kin_checkpoint_tidy(folder, -2, -2);
    expect_ok(kin_checkpoint_find(folder, -1, found, &damaged));
    assert_string_equal(found, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_every_damage_is_noticed),
        cmocka_unit_test(test_find_and_tidy),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}
