/* Open run: a finished run folder (or a model folder alone), to be used. For train/. */
#ifndef KIN_TRAIN_OPEN_RUN_H
#define KIN_TRAIN_OPEN_RUN_H

#include "data/store.h"
#include "encoders/model.h"
#include "train/config.h"

/* The model of a run folder, or of a folder that is a model itself. */
kin_status kin_open_model(kin_model **model, kin_backend *backend, const char *run);

/* The settings a run was made with, with run.dir where the folder is now, and its store. */
kin_status kin_open_run(kin_config **config, kin_store **store, const char *run);

#endif
