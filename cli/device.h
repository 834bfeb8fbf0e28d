/* The device a verb computes on: its threads and its backend. */
#ifndef KIN_CLI_DEVICE_H
#define KIN_CLI_DEVICE_H

#include "cli/verb.h"
#include "core/backend.h"
#include "train/config.h"

typedef struct {
    kin_pool *pool;
    kin_backend *backend;
} device;

/* For a verb that computes on embeddings and takes no keys of a run file. */
#define DEVICE_OPTIONS                                                                          \
    { "device", "NAME", "where to compute: cpu (default), cuda or pretend" },                   \
    { "precision", "WORD", "what a GPU's products may round to: " KIN_PRECISION_LIST(", ")      \
                           " (default: fp32)" }

/* threads 0: as many as the machine allows. name: "cpu", "cuda" or "pretend"; precision: what a
 * device's products may round to (kin_precision). */
kin_status device_open(device *, const char *name, int precision, int threads);
kin_status device_open_run(device *, const kin_config *);              /* as a run file says */
/* With --threads of the command line and, where the verb has them, DEVICE_OPTIONS. */
kin_status device_open_for(device *, const args *);

/* The place of an option's value ("device", "precision") among the choices of the run file's key of
 * that name; 0 where it was not given. */
kin_status device_choose(const args *, const char *name, int *place);

void device_close(device *);

#endif
