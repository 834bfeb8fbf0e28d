/* Checkpoint: everything a run needs to go on with the same bits, in checkpoints/step_N:
 *
 *     state.safetensors   parameters, the momentum tower, proxies, learned settings of the losses,
 *                         moments of the optimizer; mined negatives
 *     state.json          step, scores so far, seconds, checksum of the store
 *     tokenizer.json      unless the encoder takes features
 *     run.ini
 *     DONE                xxh64 and size of each of these files; written last
 *
 * The folder is filled under another name and renamed, so a folder without a matching DONE is no
 * checkpoint. */
#ifndef KIN_TRAIN_CHECKPOINT_H
#define KIN_TRAIN_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>
#include "data/tokenizer.h"
#include "encoders/folder.h"
#include "train/config.h"

typedef struct {
    int64_t step, best_step;         /* steps done; 0 and -1 at the beginning */
    int64_t pairs;                   /* pairs seen */
    double best, loss_average, train_seconds, peak_mb;
    double mining_seconds;           /* of train_seconds */
    uint64_t checksum;               /* of the store */
} kin_progress_state;

/* A block of numbers: kept where it lies (host memory) or copied by the caller. */
typedef struct {
    const char *name;
    int64_t rows, cols;
    void *values;                    /* real, or int32 where whole */
    bool whole;
} kin_block;

kin_status kin_checkpoint_save(const char *folder, const kin_progress_state *state,
                               const kin_block *blocks, int count,
                               const kin_tokenizer *tokenizer, const kin_config *config);

/* Verifies every file against DONE (KIN_DATA), then reads the state. */
kin_status kin_checkpoint_open(const char *folder, kin_progress_state *state);

/* Fills the blocks' values; names and shapes must be the saved ones (KIN_DATA). */
kin_status kin_checkpoint_load(const char *folder, const kin_block *blocks, int count);

/* The run's newest checkpoint that verifies, or its checkpoint of a step (step >= 0): folder, or ""
 * when there is none. damaged: how many newer ones were passed over. */
kin_status kin_checkpoint_find(const char *checkpoints, int64_t step, char folder[KIN_PATH_MAX],
                               int *damaged);

/* Removes all but the two steps. */
void kin_checkpoint_tidy(const char *checkpoints, int64_t keep, int64_t keep_too);

#endif
