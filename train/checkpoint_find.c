/* Which checkpoints a run has. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "train/checkpoint.h"

/* The step of a folder name like "step_1200", or -1. */
static int64_t step_of(const char *name)
{
    long long step;
    int end = 0;
    if (sscanf(name, "step_%lld%n", &step, &end) != 1 || name[end] || step < 0) return -1;
    return step;
}

/* The largest step below `below` in the folder, or -1. */
static int64_t largest_below(const char *checkpoints, int64_t below)
{
    int64_t best = -1;
    DIR *d = opendir(checkpoints);
    if (!d) return best;
    for (const struct dirent *e; (e = readdir(d));) {
        const int64_t step = step_of(e->d_name);
        if (step < below && step > best) best = step;
    }
    closedir(d);
    return best;
}

static kin_status name_step(const char *checkpoints, int64_t step, char folder[KIN_PATH_MAX])
{
    char name[48];
    snprintf(name, sizeof name, "step_%lld", (long long)step);
    return kin_path_join(folder, KIN_PATH_MAX, checkpoints, name);
}

kin_status kin_checkpoint_find(const char *checkpoints, int64_t step, char folder[KIN_PATH_MAX],
                               int *damaged)
{
    kin_progress_state state;
    *damaged = 0;
    if (step >= 0) return name_step(checkpoints, step, folder);
    for (int64_t at = largest_below(checkpoints, INT64_MAX); at >= 0;
         at = largest_below(checkpoints, at)) {
        KIN_TRY(name_step(checkpoints, at, folder));
        const kin_status status = kin_checkpoint_open(folder, &state);
        if (!status) return KIN_OK;
        if (status != KIN_DATA) return status;
        ++*damaged;
    }
    folder[0] = 0;
    return KIN_OK;
}

void kin_checkpoint_tidy(const char *checkpoints, int64_t keep, int64_t keep_too)
{
    for (int64_t at = largest_below(checkpoints, INT64_MAX); at >= 0;
         at = largest_below(checkpoints, at)) {
        char folder[KIN_PATH_MAX];
        if (at == keep || at == keep_too) continue;
        if (!name_step(checkpoints, at, folder)) kin_folder_remove(folder);
    }
}
