/* Checkpoint: writing, verifying, reading. */
#include "train/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/file.h"
#include "core/real.h"
#include "data/json.h"
#include "data/safetensors.h"

enum { VERSION = 1, FILES = 4, TOKENIZER = 2 };

static const char *const file_names[FILES] = { "state.safetensors", "state.json",
                                               "tokenizer.json", "run.ini" };

/* ---- DONE ------------------------------------------------------------------------------------ */

/* Reads rather than maps: a mapped file would count as this process's memory. */
static bool hash_stream(int file, XXH64_state_t *state, size_t *size)
{
    static _Thread_local char bytes[1 << 16];
    ssize_t n;
    XXH64_reset(state, 0);
    *size = 0;
    while ((n = read(file, bytes, sizeof bytes)) > 0) {
        XXH64_update(state, bytes, (size_t)n);
        *size += (size_t)n;
    }
    return n == 0;
}

static kin_status hash_file(const char *folder, const char *name, char line[256])
{
    char path[KIN_PATH_MAX];
    size_t size = 0;
    KIN_TRY(kin_path_join(path, sizeof path, folder, name));
    XXH64_state_t *state = XXH64_createState();
    KIN_REQUIRE(state, KIN_MEMORY, "no memory to verify %s", path);
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);   /* never waits at a pipe */
    const bool read_all = file >= 0 && hash_stream(file, state, &size);
    const int reason = errno;
    if (file >= 0) close(file);
    snprintf(line, 256, "%016" PRIx64 " %zu %s\n", (uint64_t)XXH64_digest(state), size, name);
    XXH64_freeState(state);
    KIN_REQUIRE(read_all, KIN_DATA, "%s: %s", path, strerror(reason));
    return KIN_OK;
}

static kin_status list_hashes(const char *folder, char text[FILES * 256])
{
    char path[KIN_PATH_MAX];
    text[0] = 0;
    KIN_TRY(kin_path_join(path, sizeof path, folder, file_names[TOKENIZER]));
    for (int i = 0; i < FILES; i++)
        if (i != TOKENIZER || kin_file_exists(path))
            KIN_TRY(hash_file(folder, file_names[i], text + strlen(text)));
    return KIN_OK;
}

static kin_status verify(const char *folder)
{
    char path[KIN_PATH_MAX], expected[FILES * 256], *found;
    size_t size;
    KIN_TRY(kin_path_join(path, sizeof path, folder, "DONE"));
    KIN_REQUIRE(kin_file_exists(path), KIN_DATA, "%s: no DONE marker, so it is not complete",
                folder);
    KIN_TRY(kin_file_read(path, &found, &size));
    const kin_status status = list_hashes(folder, expected);
    const bool same = !status && size == strlen(expected) && !memcmp(found, expected, size);
    free(found);
    KIN_TRY(status);
    KIN_REQUIRE(same, KIN_DATA, "%s: damaged: its files are not those that DONE lists", folder);
    return KIN_OK;
}

/* ---- state.json ------------------------------------------------------------------------------ */

static kin_status save_state(const char *path, const kin_progress_state *s)
{
    char checksum[32];
    snprintf(checksum, sizeof checksum, "%016" PRIx64, s->checksum);
    kin_json_out out = { .indent = 2 };
    kin_json_open(&out, NULL, '{');
    kin_json_put_whole(&out, "version", VERSION);
    kin_json_put_whole(&out, "step", s->step);
    kin_json_put_whole(&out, "best_step", s->best_step);
    kin_json_put_whole(&out, "pairs", s->pairs);
    kin_json_put_exact(&out, "best", s->best);
    kin_json_put_exact(&out, "loss_average", s->loss_average);
    kin_json_put_exact(&out, "train_seconds", s->train_seconds);
    kin_json_put_exact(&out, "mining_seconds", s->mining_seconds);
    kin_json_put_exact(&out, "peak_mb", s->peak_mb);
    kin_json_put_string(&out, "store_xxh64", checksum);
    kin_json_close(&out);
    return kin_json_save(&out, path);
}

static kin_status read_state(const kin_json_tree *t, kin_progress_state *s)
{
    const kin_json *root = kin_json_root(t);
    const int64_t most = (int64_t)1 << 53;
    int64_t version;
    const char *checksum;
    KIN_TRY(kin_json_need_whole(t, root, "version", 0, most, &version));
    KIN_REQUIRE(version == VERSION, KIN_DATA, "%s: version %ld, this program reads %d",
                kin_json_name(t), (long)version, VERSION);
    KIN_TRY(kin_json_need_whole(t, root, "step", 0, most, &s->step));
    KIN_TRY(kin_json_need_whole(t, root, "best_step", -1, most, &s->best_step));
    KIN_TRY(kin_json_need_whole(t, root, "pairs", 0, most, &s->pairs));
    KIN_TRY(kin_json_need_number(t, root, "best", &s->best));
    KIN_TRY(kin_json_need_number(t, root, "loss_average", &s->loss_average));
    KIN_TRY(kin_json_need_number(t, root, "train_seconds", &s->train_seconds));
    KIN_TRY(kin_json_need_number(t, root, "mining_seconds", &s->mining_seconds));
    KIN_TRY(kin_json_need_number(t, root, "peak_mb", &s->peak_mb));
    KIN_TRY(kin_json_need_string(t, root, "store_xxh64", &checksum));
    KIN_REQUIRE(sscanf(checksum, "%" SCNx64, &s->checksum) == 1, KIN_DATA,
                "%s: store_xxh64 is '%.40s'", kin_json_name(t), checksum);
    return KIN_OK;
}

static kin_status load_state(const char *path, kin_progress_state *s)
{
    kin_json_tree *tree;
    KIN_TRY(kin_json_read(&tree, path));
    const kin_status status = read_state(tree, s);
    kin_json_free(tree);
    return status;
}

/* ---- state.safetensors ----------------------------------------------------------------------- */

static kin_dtype dtype_of(const kin_block *b)
{
    return b->whole ? KIN_I32 : sizeof(real) == sizeof(float) ? KIN_F32 : KIN_F64;
}

static kin_status save_blocks(const char *path, const kin_block *blocks, int count)
{
    kin_safetensor *tensors = calloc((size_t)count + 1, sizeof *tensors);
    KIN_REQUIRE(tensors, KIN_MEMORY, "no memory to write %s", path);
    for (int i = 0; i < count; i++)
        tensors[i] = (kin_safetensor){ .name = blocks[i].name, .dtype = dtype_of(&blocks[i]),
                                       .rank = 2, .shape = { blocks[i].rows, blocks[i].cols },
                                       .values = blocks[i].values };
    const kin_status status = kin_safetensors_write(path, tensors, count, NULL, 0);
    free(tensors);
    return status;
}

static kin_status load_block(const kin_safetensors *file, const char *path, const kin_block *b)
{
    const kin_safetensor *t;
    KIN_TRY(kin_safetensors_need(file, b->name, b->rows, b->cols, &t));
    KIN_REQUIRE(t->dtype == dtype_of(b), KIN_DATA, "%s: %s is %s, expected %s", path, b->name,
                kin_dtype_name(t->dtype), kin_dtype_name(dtype_of(b)));
    memcpy(b->values, t->values, t->bytes);
    return KIN_OK;
}

kin_status kin_checkpoint_load(const char *folder, const kin_block *blocks, int count)
{
    char path[KIN_PATH_MAX];
    kin_safetensors *file;
    KIN_TRY(kin_path_join(path, sizeof path, folder, file_names[0]));
    KIN_TRY(kin_safetensors_open(&file, path));
    kin_status status = KIN_OK;
    for (int i = 0; i < count && !status; i++) status = load_block(file, path, &blocks[i]);
    kin_safetensors_close(file);
    return status;
}

/* ---- the folder ------------------------------------------------------------------------------ */

static kin_status save_files(const char *folder, const kin_progress_state *state,
                             const kin_block *blocks, int count, const kin_tokenizer *tokenizer,
                             const kin_config *config)
{
    char path[KIN_PATH_MAX], done[FILES * 256];
    KIN_TRY(kin_path_join(path, sizeof path, folder, file_names[0]));
    KIN_TRY(save_blocks(path, blocks, count));
    KIN_TRY(kin_path_join(path, sizeof path, folder, file_names[1]));
    KIN_TRY(save_state(path, state));
    KIN_TRY(kin_path_join(path, sizeof path, folder, file_names[TOKENIZER]));
    if (tokenizer) KIN_TRY(kin_tokenizer_save(tokenizer, path));
    KIN_TRY(kin_path_join(path, sizeof path, folder, file_names[3]));
    KIN_TRY(kin_config_save(config, path));
    KIN_TRY(list_hashes(folder, done));
    KIN_TRY(kin_path_join(path, sizeof path, folder, "DONE"));
    return kin_file_write(path, done, strlen(done));
}

kin_status kin_checkpoint_save(const char *folder, const kin_progress_state *state,
                               const kin_block *blocks, int count,
                               const kin_tokenizer *tokenizer, const kin_config *config)
{
    char draft[KIN_PATH_MAX];
    KIN_TRY(kin_folder_draft(draft, folder));
    kin_status status = save_files(draft, state, blocks, count, tokenizer, config);
    if (!status) status = kin_folder_commit(draft, folder);
    if (status) {
        char reason[1024];
        snprintf(reason, sizeof reason, "%s", kin_message());
        kin_folder_remove(draft);
        kin_fail(status, "%s", reason);
    }
    return status;
}

kin_status kin_checkpoint_open(const char *folder, kin_progress_state *state)
{
    char path[KIN_PATH_MAX];
    KIN_TRY(verify(folder));
    KIN_TRY(kin_path_join(path, sizeof path, folder, file_names[1]));
    return load_state(path, state);
}
