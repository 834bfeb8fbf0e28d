/* Run folder: who may write in it, and run.json. */
#ifndef KIN_TRAIN_RUN_FOLDER_H
#define KIN_TRAIN_RUN_FOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include "core/status.h"
#include "encoders/folder.h"

typedef struct {
    char path[KIN_PATH_MAX];
    int lock;                    /* -1: not held */
    bool resume, overwrite;
} kin_run_folder;

/* Locks the folder, if it is there, against other processes. A folder with a run in it and neither
 * flag is KIN_USAGE; so is one that holds something else than a run. Nothing has changed after. */
kin_status kin_run_folder_take(kin_run_folder *folder, const char *path, bool resume,
                               bool overwrite);

/* Makes it ready for its run.ini: there, locked, and emptied of a run that is replaced. */
kin_status kin_run_folder_begin(kin_run_folder *folder);

/* Unlocks it. A folder that is still empty goes. */
void kin_run_folder_leave(kin_run_folder *folder);

/* Path of a file in it: out has KIN_PATH_MAX bytes. */
kin_status kin_run_folder_at(const kin_run_folder *folder, const char *name, char *out);

/* run.json: how the run was made and what became of it. NULL and 0 members are left out. */
typedef struct {
    const char *command, *build, *cpu, *blas, *device, *store;
    uint64_t checksum;           /* of the store */
    int threads;
    int64_t seed, resumed_from, step, pairs;
    char started[32], ended[32], exit[512];
    double train_seconds, mining_seconds, peak_mb;
    int64_t best_step;
} kin_run_facts;

kin_status kin_run_facts_save(const kin_run_facts *facts, const char *path);

/* Reads back checksum, exit, step, best_step, pairs, both seconds and peak_mb; nothing else. */
kin_status kin_run_facts_load(kin_run_facts *facts, const char *path);

void kin_time_text(char text[32]);         /* now, UTC, ISO 8601 */

#endif
