/* Log: see log.h. */
#include "train/log.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "encoders/folder.h"
#include "train/tensorboard.h"

struct kin_log {
    FILE *file;
    kin_events *events;
    int64_t step;
    kin_status status;           /* of the line that is being written */
    char path[KIN_PATH_MAX];
};

/* Bytes of the lines up to step: a torn last line is dropped too. */
static size_t keep(const char *text, size_t size, int64_t step)
{
    size_t at = 0;
    while (at < size) {
        const char *end = memchr(text + at, '\n', size - at);
        long long of_line;
        if (!end || sscanf(text + at, "{\"step\":%lld", &of_line) != 1 || of_line > step) break;
        at = (size_t)(end + 1 - text);
    }
    return at;
}

static kin_status cut(const char *path, int64_t step)
{
    char *text;
    size_t size;
    if (!kin_file_exists(path)) return KIN_OK;
    KIN_TRY(kin_file_read(path, &text, &size));
    const size_t kept = keep(text, size, step);
    free(text);
    if (kept == size) return KIN_OK;
    KIN_REQUIRE(!truncate(path, (off_t)kept), KIN_RUNTIME, "%s: %s", path, strerror(errno));
    return KIN_OK;
}

static kin_status open_files(kin_log *l, const char *run, int64_t step, bool tensorboard)
{
    char folder[KIN_PATH_MAX];
    KIN_TRY(kin_path_join(l->path, sizeof l->path, run, "metrics.jsonl"));
    KIN_TRY(cut(l->path, step));
    l->file = fopen(l->path, "a");
    KIN_REQUIRE(l->file, KIN_RUNTIME, "%s: %s", l->path, strerror(errno));
    if (!tensorboard) return KIN_OK;
    KIN_TRY(kin_path_join(folder, sizeof folder, run, "tb"));
    return kin_events_open(&l->events, folder, step);
}

kin_status kin_log_open(kin_log **log, const char *run, int64_t step, bool tensorboard)
{
    kin_log *l = *log = calloc(1, sizeof *l);
    KIN_REQUIRE(l, KIN_MEMORY, "no memory for the log");
    const kin_status status = open_files(l, run, step, tensorboard);
    if (status) {
        kin_log_close(l);
        *log = NULL;
    }
    return status;
}

void kin_log_close(kin_log *l)
{
    if (!l) return;
    if (l->file) fclose(l->file);
    kin_events_close(l->events);
    free(l);
}

void kin_log_begin(kin_log *l, int64_t step)
{
    l->step = step;
    l->status = KIN_OK;
    fprintf(l->file, "{\"step\":%lld", (long long)step);
}

void kin_log_put(kin_log *l, const char *name, double value)
{
    if (!isfinite(value)) return;
    fprintf(l->file, ",\"%s\":%.9g", name, value);
    if (l->events && !l->status) l->status = kin_events_scalar(l->events, l->step, name, value);
}

kin_status kin_log_end(kin_log *l)
{
    fputs("}\n", l->file);
    if (l->status) return l->status;
    KIN_REQUIRE(!fflush(l->file) && !ferror(l->file), KIN_RUNTIME, "%s: %s", l->path,
                strerror(errno));
    return KIN_OK;
}
