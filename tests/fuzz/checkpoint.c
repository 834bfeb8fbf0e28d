/* Checkpoint: its four files, then DONE. An empty DONE is replaced by one that fits the files, so
 * that what is wrong with them is looked at. A checkpoint that loads is the same after being saved
 * again. */
#include <inttypes.h>
#include <unistd.h>
#include <xxhash.h>

#include "tests/fuzz/tensors.h"

enum { PARTS = 5, FILES = 4, TENSORS = 0 };
static const tensor_like wanted[] = {{"a", 2, 3}, {"b", 1, 2}};

#include "tests/fuzz/parts.h"
#include "core/real.h"
#include "train/checkpoint.h"

static const char *const names[PARTS] = {"state.safetensors", "state.json", "tokenizer.json",
                                         "run.ini", "DONE"};

enum { A_ROWS = 2, A_COLS = 3, B_COLS = 2, NUMBERS = A_ROWS * A_COLS + B_COLS };
#define BLOCKS(x) {{"a", A_ROWS, A_COLS, (x), false}, {"b", 1, B_COLS, (x) + A_ROWS * A_COLS, false}}

static void save_seed(const char *folder)
{
    static const int64_t start[] = {0, 5, 10};
    static real values[NUMBERS] = {1, 2, 3};
    const kin_texts texts = {2, "alphabravo", start};
    const kin_tokenizer_setting setting = {300, 1, 100, 1, -1};
    const kin_progress_state state = {.step = 5, .best_step = -1, .pairs = 99, .best = 0.25,
                                      .checksum = 0xfedcba9876543210u};
    const kin_block blocks[] = BLOCKS(values);
    kin_config *config;
    kin_tokenizer *tokenizer;
    CHECK(kin_config_new(&config) == KIN_OK);
    CHECK(kin_config_set(config, "data.store", "/a.h5") == KIN_OK);
    CHECK(kin_config_set(config, "run.dir", "/r") == KIN_OK);
    CHECK(kin_config_resolve(config) == KIN_OK);
    CHECK(kin_tokenizer_train(&tokenizer, NULL, &texts, NULL, 2, &setting) == KIN_OK);
    CHECK(kin_checkpoint_save(folder, &state, blocks, 2, tokenizer, config) == KIN_OK);
    kin_tokenizer_free(tokenizer);
    kin_config_free(config);
}

static void seeds(void)
{
    char plain[512];
    save_seed(in_folder("saved"));
    add_seed_parts(in_folder("saved"), names, TENSORS, (part){NULL, 0});
    add_seed_parts(in_folder("saved"), names, FILES, (part){"", 0});
    const size_t size = plain_tensors(
        plain, "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
               "\"b\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[24,32]}}", 32);
    CHECK(unlink(in_folder("saved/DONE")) == 0);
    add_seed_parts(in_folder("saved"), names, TENSORS, (part){plain, size});
}

static void write_done(const char *path, const part *parts)
{
    FILE *file = fopen(path, "wb");
    CHECK(file);
    for (int i = 0; i < FILES; i++)
        fprintf(file, "%016" PRIx64 " %zu %s\n", (uint64_t)XXH64(parts[i].bytes, parts[i].size, 0),
                parts[i].size, names[i]);
    CHECK(fclose(file) == 0);
}

static void check_same_state(const kin_progress_state *a, const kin_progress_state *b)
{
    CHECK(a->step == b->step && a->best_step == b->best_step && a->pairs == b->pairs);
    CHECK(a->best == b->best && a->loss_average == b->loss_average);
    CHECK(a->train_seconds == b->train_seconds && a->peak_mb == b->peak_mb);
    CHECK(a->mining_seconds == b->mining_seconds);
    CHECK(a->checksum == b->checksum);
}

static void save_again(const kin_progress_state *state, const real *values,
                       const kin_tokenizer *tokenizer, const kin_config *config)
{
    real copy[NUMBERS], same[NUMBERS];
    kin_progress_state again;
    memcpy(copy, values, sizeof copy);
    const kin_block blocks[] = BLOCKS(copy), loaded[] = BLOCKS(same);
    const char *folder = in_folder("again");
    CHECK(kin_checkpoint_save(folder, state, blocks, 2, tokenizer, config) == KIN_OK);
    CHECK(kin_checkpoint_open(folder, &again) == KIN_OK);
    check_same_state(state, &again);
    CHECK(kin_checkpoint_load(folder, loaded, 2) == KIN_OK);
    CHECK(memcmp(values, same, sizeof same) == 0);
}

/* As a run that goes on does: numbers, tokenizer, settings. */
static void use(const kin_progress_state *state, const real *values)
{
    kin_tokenizer *tokenizer = NULL;
    kin_config *config;
    CHECK(kin_config_new(&config) == KIN_OK);
    kin_status status = kin_config_load(config, in_folder("step_5/run.ini"));
    if (status == KIN_OK) status = kin_config_resolve(config);
    if (accepted(status, KIN_USAGE)
        && accepted(kin_tokenizer_load(&tokenizer, in_folder("step_5/tokenizer.json")), KIN_DATA))
        save_again(state, values, tokenizer, config);
    kin_tokenizer_free(tokenizer);
    kin_config_free(config);
}

/* Looking for the newest one reads it again, so only sometimes. */
static void find(size_t size, bool good)
{
    char found[KIN_PATH_MAX];
    int damaged;
    if (size % 4) return;
    CHECK(kin_checkpoint_find(fuzz_folder, -1, found, &damaged) == KIN_OK);
    CHECK(damaged == !good && !*found == !good);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    part parts[PARTS];
    real values[NUMBERS];
    const kin_block blocks[] = BLOCKS(values);
    kin_progress_state state;
    const char *folder = in_folder("step_5");
    cut_parts(bytes, size, parts);
    write_parts(folder, names, parts, PARTS);
    if (!parts[FILES].size) write_done(in_folder("step_5/DONE"), parts);
    const bool good = accepted(kin_checkpoint_open(folder, &state), KIN_DATA);
    find(size, good);
    if (!good) return 0;
    CHECK(state.step >= 0 && state.best_step >= -1 && state.pairs >= 0);
    if (accepted(kin_checkpoint_load(folder, blocks, 2), KIN_DATA)) use(&state, values);
    return 0;
}
