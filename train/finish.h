/* Finish: judging a finished model, in the training process or later. For train/. */
#ifndef KIN_TRAIN_FINISH_H
#define KIN_TRAIN_FINISH_H

#include "train/evaluate.h"
#include "train/run.h"
#include "train/run_folder.h"

typedef struct {
    const char *run;                 /* the folder */
    const kin_config *config;
    kin_backend *backend;
    const kin_watch *watch;
    const kin_store *store;
    const kin_model *model;
    const kin_role_tokens *tokens;
    const kin_run_facts *facts;
    bool baselines;                  /* BM25 and the untrained model are judged too */
    bool hybrid, fresh;              /* further.h */
} kin_finished;

/* Scores of the model and, with baselines, of BM25 and the untrained model, unless these are known
 * from before; writes eval/<split>/. */
kin_status kin_finished_judge(const kin_finished *finished, kin_split split, kin_results *results);

#endif
