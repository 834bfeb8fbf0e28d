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

/* threads 0: as many as the machine allows. name: "cpu", "cuda" or "pretend"; precision: what a
 * device's products may round to (kin_precision). */
kin_status device_open(device *, const char *name, int precision, int threads);
kin_status device_open_run(device *, const kin_config *);              /* as a run file says */
kin_status device_open_for(device *, const args *);       /* with --threads of the command line */
void device_close(device *);

#endif
