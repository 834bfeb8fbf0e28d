/* Trainer: what a training run consists of. For the files of train/ that work on it:
 *
 *     setup.c      makes it from a config      estimate.c   memory and time beforehand
 *     material.c   what is trained on         numbers.c    users and items of a store
 *     batch.c      texts of a step             progress.c   what is told and logged
 *     towers.c     texts to embeddings         objective.c  embeddings to a loss
 *     trainer.c    the loop                    saving.c     checkpoints and model/
 *     negatives.h  documents that are mined for a batch
 *     train.c      from folder to results      finish.c     the scores of the finished model
 *     start.c      weights of another run      further.c    more scores, where asked for */
#ifndef KIN_TRAIN_TRAINER_H
#define KIN_TRAIN_TRAINER_H

#include "data/label_sampler.h"
#include "data/sampler.h"
#include "data/store.h"
#include "encoders/bags.h"
#include "encoders/model.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/log.h"
#include "train/negatives.h"
#include "train/objective.h"
#include "train/progress.h"
#include "train/run.h"
#include "train/run_folder.h"

/* What is trained on, as the store's goal has it: its pairs; the training items with their classes;
 * the training pairs with their scores. */
typedef struct {
    kin_goal goal;
    int64_t count;                  /* pairs or items */
    const int32_t *pair;            /* as kin_store.pair; NULL of items */
    int32_t *query, *label;         /* items: their queries and classes */
    int32_t *own_pair;              /* what pair points to unless that is the store's */
    float *score;                   /* of the pairs, or NULL */
    kin_label_sampler *sampler;     /* of items */
} kin_material;

/* The texts of one step. A shared tower sees one list of bags, separate towers one each. */
typedef struct {
    kin_bag_room room[2];
    kin_pair_bags bags;
    const int32_t *pairs;           /* the sampler's, batch.size of them: pairs or items */
    int32_t *label;                 /* classes of the items, or NULL */
    real *target;                   /* scores of the pairs, or NULL */
    real *host_features, *features; /* of the items, on the host and in backend memory, or NULL */
    int64_t *host_part, *part;      /* starts of the bags of each part and role, on the host and in
                                       backend memory: lists of starts begin at 0 */
} kin_batch;

/* What a side of a batch may be embedded for: by the trained tower or by that which follows it. */
enum { TRAINED_QUERIES, TRAINED_DOCUMENTS, SLOW_QUERIES, SLOW_DOCUMENTS, KIN_TOWER_SIDES };

/* How a step's texts become embeddings. */
typedef struct {
    int64_t chunk;                  /* pairs embedded at a time; 0: all, on the step's own tape */
    kin_tape *part;                 /* of a chunk */
    real *value[KIN_TOWER_SIDES];   /* with a chunk: embeddings of rows or of columns, or NULL */
    kin_tensor *side[KIN_TOWER_SIDES];      /* of this step, or NULL */
    kin_network *slow;              /* the momentum tower, or NULL */
    double momentum;
    bool cosine;                    /* it grows to 1 */
    bool both;                      /* either tower embeds either side */
    bool items;                     /* there is one side, both rows and columns */
} kin_towers;

/* How often something is due: every so many steps; where the run's length is a time, a share of the
 * run is a share of that time. */
typedef struct {
    double share;                   /* 0: steps alone say */
    int64_t steps;                  /* 0: never */
} kin_every;

/* What the last step gave. */
typedef struct {
    kin_loss_report report;
    double rate;
    double norm, temperature;           /* when they were last told */
} kin_step_facts;

typedef struct kin_trainer {
    const kin_config *config;
    kin_backend *backend;
    const kin_watch *watch;
    const kin_train_flags *flags;

    kin_run_folder folder;
    kin_run_facts facts;
    kin_log *log;

    kin_store *store;
    kin_split splits[2];            /* that can be judged: validation, test */
    int split_count;
    int64_t rows[2];                /* by kin_role: numbers of the store, where an encoder looks
                                       them up */
    kin_model *model;
    kin_role_tokens tokens;

    kin_material material;
    kin_sampler *sampler;           /* of pairs */
    int32_t *repeat;
    kin_batch batch;
    int64_t widest, widest_tokens;  /* the step with most tokens, and how many */
    kin_tape *tape;
    kin_towers towers;
    kin_objective objective;
    kin_negatives *negatives;       /* that are mined, or NULL */
    kin_optimizer *optimizer;
    kin_schedule_setting schedule;

    int64_t size, per_epoch, log_every;
    int64_t steps;                  /* with seconds: as many as will fit, by an estimate */
    double seconds;                 /* the run's length, or 0 */
    double step_seconds;            /* measured before the first step */
    double passed, passed_before;   /* of seconds: the share after this step, after the last one */
    kin_every eval_every, checkpoint_every;
    kin_progress_state state;
    kin_step_facts last;
    int64_t saved_step;             /* of the last checkpoint, or -1 */
    double spent_before;            /* seconds of training before this process */
    double clock, told;             /* when the loop began to count, and last told of progress */
    double spent, waited;           /* seconds in this process: training, and data of it */
    int64_t first_step;             /* of this process */
    double memory_mb, peak_mb;
    double expected_mb;             /* the estimate of the peak */
} kin_trainer;

/* material.c: what a store is trained on. open refuses what the run cannot train; free is fine with
 * one that was not opened. steps: batches in an epoch. */
kin_status kin_material_open(kin_trainer *t);
kin_status kin_material_make_sampler(kin_trainer *t);
void kin_material_free(kin_material *material);
int64_t kin_material_steps(const kin_trainer *t);
const int32_t *kin_material_batch(kin_trainer *t, int64_t step);
int32_t kin_material_text(const kin_trainer *t, int32_t which, kin_role role);
int kin_material_sides(const kin_trainer *t);               /* roles that a batch has texts of */
int64_t kin_trainer_inputs(const kin_trainer *t);           /* of the encoder: V, F or 0 */

/* setup.c: begin_with makes an empty one of t; setup takes all but the optimizer's, the tape's and
 * the batch's memory. */
void kin_trainer_begin_with(kin_trainer *t, const kin_config *config, kin_backend *backend,
                            const kin_watch *watch, const kin_train_flags *flags);
kin_status kin_trainer_setup(kin_trainer *t, const char *checkpoint);    /* "": from scratch */
/* A network with its first values. hypers: the encoder's; inputs: V, F or 0. */
kin_status kin_untrained_network(kin_network **network, kin_backend *backend,
                                 const kin_config *config, const double *hypers, int64_t inputs,
                                 const kin_tokens *documents, const kin_store *store);
kin_status kin_trainer_setup_step(kin_trainer *t);
void kin_trainer_close_step(kin_trainer *t);                            /* what setup_step made */
void kin_trainer_close(kin_trainer *t);
kin_optimizer_setting kin_trainer_optimizer(const kin_trainer *t);
bool kin_trainer_judges(const kin_trainer *t, kin_split split);
kin_split kin_trainer_last_split(const kin_trainer *t);     /* that judges the finished model */

/* start.c: where encoder.from is set, the checkpoint that it means ("" otherwise), and the weights
 * of the network from there. */
kin_status kin_start_folder(const kin_config *config, char folder[KIN_PATH_MAX]);
kin_status kin_start_weights(const kin_config *config, kin_network *network);

/* numbers.c: for an encoder that looks rows up by number; count_rows before the others. encoder:
 * the encoder's settings, with as many rows as the store has. */
bool kin_trainer_takes_numbers(const kin_trainer *t);
kin_status kin_trainer_count_rows(kin_trainer *t);
void kin_trainer_encoder(const kin_trainer *t, double *hypers);
kin_status kin_trainer_number_tokens(kin_trainer *t);

/* batch.c */
kin_status kin_batch_init(kin_trainer *t);
void kin_batch_free(kin_batch *batch);
kin_status kin_batch_fill(kin_trainer *t, int64_t step);
int64_t kin_batch_rows(const kin_trainer *t, kin_role role);    /* texts of a side, mined ones too */
int64_t kin_batch_tokens(const kin_trainer *t, const int32_t *pairs);
void kin_batch_find_widest(kin_trainer *t);

/* Texts from .. end - 1 of a role, a part of them at most; from is a multiple of a part's texts. */
kin_bags kin_batch_part(const kin_trainer *t, kin_role role, int64_t from, int64_t end);

/* towers.c: make after the network has its first values; embed gives the sides of the batch that is
 * filled; embed_again goes back to the parameters where embed kept no way; follow after the
 * parameters have moved. */
kin_status kin_towers_make(kin_trainer *t);
kin_status kin_towers_make_step(kin_trainer *t);
void kin_towers_free_step(kin_trainer *t);
kin_status kin_towers_embed(kin_trainer *t, kin_sides *sides);
kin_status kin_towers_embed_again(kin_trainer *t);
void kin_towers_follow(kin_trainer *t, int64_t step);

/* estimate.c: check refuses with KIN_MEMORY what would not fit; measure runs a step that moves
 * nothing and tells what the run will take. */
kin_status kin_trainer_check_memory(kin_trainer *t);
kin_status kin_trainer_measure(kin_trainer *t);

/* trainer.c: advise adds to a message about memory what would need less of it; pace sets how many
 * steps a run whose length is a time will have. */
void kin_trainer_pace(kin_trainer *t);
kin_status kin_trainer_advise(kin_status status);
kin_status kin_trainer_forward(kin_trainer *t, int64_t step, bool accuracy);
kin_status kin_trainer_run(kin_trainer *t);

/* progress.c (and progress.h); spent: seconds of training in this process */
double kin_trainer_spent(const kin_trainer *t);
kin_status kin_trainer_tell(kin_trainer *t);

/* saving.c */
kin_status kin_trainer_save(kin_trainer *t);                   /* a checkpoint */
kin_status kin_trainer_load(kin_trainer *t, const char *folder);
kin_status kin_trainer_export(kin_trainer *t, const char *results);
kin_status kin_trainer_card(kin_trainer *t, const kin_model *model, const char *results);

/* finish.c */
kin_status kin_trainer_begin(kin_trainer *t);                  /* untrained model and BM25 */
kin_status kin_trainer_validate(kin_trainer *t, bool *best);

#endif
