/* Start: the first weights of a run that goes on from another (encoder.from): those of the other
 * run's best checkpoint by its validation, or of its last one, with that run's tokenizer. Moments
 * of the optimizer, steps and learned settings of the loss begin anew. */
#include <stdio.h>
#include <stdlib.h>

#include "core/file.h"
#include "train/trainer.h"

kin_status kin_start_folder(const kin_config *config, char folder[KIN_PATH_MAX])
{
    char checkpoints[KIN_PATH_MAX];
    kin_progress_state state;
    int damaged;
    const char *run = kin_config_text(config, "encoder.from");
    *folder = 0;
    if (!*run) return KIN_OK;
    KIN_TRY(kin_path_join(checkpoints, sizeof checkpoints, run, "checkpoints"));
    KIN_TRY(kin_checkpoint_find(checkpoints, -1, folder, &damaged));
    KIN_REQUIRE(*folder, KIN_DATA, "encoder.from: %s is no run with a checkpoint", run);
    KIN_TRY(kin_checkpoint_open(folder, &state));
    if (state.best_step < 0) return KIN_OK;
    KIN_TRY(kin_checkpoint_find(checkpoints, state.best_step, folder, &damaged));
    return kin_checkpoint_open(folder, &state);
}

/* Host memory for the weights, as blocks of a checkpoint. */
static kin_status take_blocks(const kin_network *n, kin_block *blocks, char names[][64])
{
    for (int i = 0; i < n->count; i++) {
        const kin_tensor *w = &n->weight[i].tensor;
        snprintf(names[i], 64, "encoder.%s", n->weight[i].name);
        blocks[i] = (kin_block){ .name = names[i], .rows = w->rows, .cols = w->cols };
        blocks[i].values = malloc((size_t)(w->rows * w->cols) * sizeof(real) + 1);
        KIN_REQUIRE(blocks[i].values, KIN_MEMORY, "no memory for the weights of encoder.from");
    }
    return KIN_OK;
}

kin_status kin_start_weights(const kin_config *config, kin_network *n)
{
    char folder[KIN_PATH_MAX], names[2 * KIN_PLAN_MAX][64];
    kin_block blocks[2 * KIN_PLAN_MAX] = { { 0 } };
    KIN_TRY(kin_start_folder(config, folder));
    if (!*folder) return KIN_OK;
    kin_status status = take_blocks(n, blocks, names);
    if (!status) status = kin_checkpoint_load(folder, blocks, n->count);
    if (status)
        kin_fail_in(status, "encoder.from: not the encoder of this run");
    for (int i = 0; i < n->count; i++) {
        const size_t bytes = (size_t)(blocks[i].rows * blocks[i].cols) * sizeof(real);
        if (!status) n->backend->upload(n->backend, n->weight[i].tensor.value, blocks[i].values,
                                        bytes);
        free(blocks[i].values);
    }
    return status ? status : kin_backend_check(n->backend);
}
