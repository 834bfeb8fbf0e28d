/* Run folder: see run_folder.h. */
#include "train/run_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "core/file.h"
#include "data/json.h"

static const char lock_name[] = ".lock";

kin_status kin_run_folder_at(const kin_run_folder *f, const char *name, char *out)
{
    return kin_path_join(out, KIN_PATH_MAX, f->path, name);
}

static kin_status take_lock(kin_run_folder *f)
{
    char path[KIN_PATH_MAX];
    KIN_TRY(kin_run_folder_at(f, lock_name, path));
    f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    KIN_REQUIRE(f->lock >= 0, KIN_RUNTIME, "%s: %s", path, strerror(errno));
    if (!flock(f->lock, LOCK_EX | LOCK_NB)) return KIN_OK;
    const bool busy = errno == EWOULDBLOCK;
    const char *reason = strerror(errno);
    close(f->lock);
    f->lock = -1;
    return kin_fail(KIN_RUNTIME, busy ? "%s: another process trains in this run folder"
                                      : "%s: cannot be locked: %s", f->path, reason);
}

/* What a training that was killed before it began may leave. */
static bool remains(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, lock_name)
           || kin_folder_is_draft(name);
}

/* Whether the folder holds anything but our lock, and whether that is a run. */
static kin_status look(const kin_run_folder *f, bool *used, bool *run)
{
    DIR *d = opendir(f->path);
    KIN_REQUIRE(d, KIN_RUNTIME, "%s: %s", f->path, strerror(errno));
    for (const struct dirent *e; (e = readdir(d));) {
        if (remains(e->d_name)) continue;
        *used = true;
        if (!strcmp(e->d_name, "run.ini")) *run = true;
    }
    closedir(d);
    return KIN_OK;
}

static kin_status check_rules(const kin_run_folder *f, bool resume, bool overwrite)
{
    bool used = false, run = false;
    KIN_TRY(look(f, &used, &run));
    KIN_REQUIRE(!used || run || resume, KIN_USAGE,
                "%s: holds files but no run; choose another run.dir", f->path);
    KIN_REQUIRE(!used || resume || overwrite, KIN_USAGE,
                "%s: there is a run already; --resume continues it, --overwrite replaces it",
                f->path);
    KIN_REQUIRE(run || !resume, KIN_USAGE, "%s: there is no run to resume", f->path);
    return KIN_OK;
}

/* Looks before it locks too: the lock is a file, and what is no run is not ours to write in. */
static kin_status enter(kin_run_folder *f)
{
    KIN_TRY(check_rules(f, f->resume, f->overwrite));
    KIN_TRY(take_lock(f));
    const kin_status status = check_rules(f, f->resume, f->overwrite);
    if (status) kin_run_folder_leave(f);
    return status;
}

kin_status kin_run_folder_take(kin_run_folder *f, const char *path, bool resume, bool overwrite)
{
    f->lock = -1;
    const int n = snprintf(f->path, sizeof f->path, "%s", path);
    KIN_REQUIRE(n > 0 && n < KIN_PATH_MAX / 2, KIN_USAGE, "%.200s...: the path is too long", path);
    f->resume = resume;
    f->overwrite = overwrite;
    KIN_REQUIRE(!resume || kin_file_exists(path), KIN_USAGE, "%s: there is no run to resume", path);
    return kin_file_exists(path) ? enter(f) : KIN_OK;
}

/* All but run.ini, which the new one takes the place of: at no moment is this no run. */
static kin_status remove_contents(const kin_run_folder *f)
{
    DIR *d = opendir(f->path);
    KIN_REQUIRE(d, KIN_RUNTIME, "%s: %s", f->path, strerror(errno));
    kin_status status = KIN_OK;
    for (const struct dirent *e; !status && (e = readdir(d));) {
        char path[KIN_PATH_MAX];
        if (remains(e->d_name) || !strcmp(e->d_name, "run.ini")) continue;
        status = kin_run_folder_at(f, e->d_name, path);
        if (!status) status = kin_folder_remove(path);
    }
    closedir(d);
    return status;
}

kin_status kin_run_folder_begin(kin_run_folder *f)
{
    char checkpoints[KIN_PATH_MAX];
    if (f->lock < 0) {
        KIN_TRY(kin_folder_make(f->path));
        KIN_TRY(enter(f));
    }
    if (f->overwrite && !f->resume) KIN_TRY(remove_contents(f));
    kin_folder_sweep(f->path);
    KIN_TRY(kin_run_folder_at(f, "checkpoints", checkpoints));
    kin_folder_sweep(checkpoints);      /* saving makes the folder: run.ini is to be there first */
    return KIN_OK;
}

void kin_run_folder_leave(kin_run_folder *f)
{
    bool used = false, run = false;
    char path[KIN_PATH_MAX];
    if (f->lock < 0) return;
    const kin_status looked = look(f, &used, &run);
    if (!looked && !used && !kin_run_folder_at(f, lock_name, path)) {
        unlink(path);                       /* nothing came of it */
        rmdir(f->path);
    }
    close(f->lock);         /* the file stays in a run: without it two could get in */
    f->lock = -1;
}

void kin_time_text(char text[32])
{
    const time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* ---- run.json -------------------------------------------------------------------------------- */

static void put_text(kin_json_out *out, const char *key, const char *text)
{
    if (text && *text) kin_json_put_bytes(out, key, text, strlen(text));
}

kin_status kin_run_facts_save(const kin_run_facts *f, const char *path)
{
    char checksum[32];
    snprintf(checksum, sizeof checksum, "%016llx", (unsigned long long)f->checksum);
    kin_json_out out = { .indent = 2 };
    kin_json_open(&out, NULL, '{');
    put_text(&out, "command", f->command);
    put_text(&out, "build", f->build);
    put_text(&out, "cpu", f->cpu);
    put_text(&out, "blas", f->blas);
    put_text(&out, "device", f->device);
    kin_json_put_whole(&out, "threads", f->threads);
    kin_json_put_whole(&out, "seed", f->seed);
    kin_json_open(&out, "data", '{');
    put_text(&out, "store", f->store);
    kin_json_put_string(&out, "xxh64", checksum);
    kin_json_close(&out);
    put_text(&out, "started", f->started);
    if (f->resumed_from) kin_json_put_whole(&out, "resumed_from", f->resumed_from);
    put_text(&out, "ended", f->ended);
    put_text(&out, "exit", f->exit);
    kin_json_put_whole(&out, "step", f->step);
    kin_json_put_whole(&out, "best_step", f->best_step);
    kin_json_put_whole(&out, "pairs", f->pairs);
    kin_json_put_number(&out, "train_seconds", f->train_seconds);
    kin_json_put_number(&out, "mining_seconds", f->mining_seconds);
    kin_json_put_number(&out, "peak_mb", f->peak_mb);
    kin_json_close(&out);
    return kin_json_save(&out, path);
}

static kin_status read_facts(kin_run_facts *f, const kin_json_tree *tree)
{
    const kin_json *root = kin_json_root(tree);
    const int64_t most = (int64_t)1 << 53;
    const char *text;
    const kin_json *data;
    KIN_TRY(kin_json_need(tree, root, "data", KIN_JSON_OBJECT, &data));
    KIN_TRY(kin_json_need_string(tree, data, "xxh64", &text));
    KIN_REQUIRE(sscanf(text, "%" SCNx64, &f->checksum) == 1, KIN_DATA, "%s: xxh64 is '%.40s'",
                kin_json_name(tree), text);
    KIN_TRY(kin_json_need_string(tree, root, "exit", &text));
    snprintf(f->exit, sizeof f->exit, "%s", text);
    KIN_TRY(kin_json_need_whole(tree, root, "step", 0, most, &f->step));
    KIN_TRY(kin_json_need_whole(tree, root, "best_step", -1, most, &f->best_step));
    KIN_TRY(kin_json_need_whole(tree, root, "pairs", 0, most, &f->pairs));
    KIN_TRY(kin_json_need_number(tree, root, "train_seconds", &f->train_seconds));
    KIN_TRY(kin_json_need_number(tree, root, "mining_seconds", &f->mining_seconds));
    return kin_json_need_number(tree, root, "peak_mb", &f->peak_mb);
}

kin_status kin_run_facts_load(kin_run_facts *f, const char *path)
{
    kin_json_tree *tree;
    KIN_TRY(kin_json_read(&tree, path));
    const kin_status status = read_facts(f, tree);
    kin_json_free(tree);
    return status;
}
