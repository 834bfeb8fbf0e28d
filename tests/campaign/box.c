/* The box: a store, a finished run, a run that was stopped, made by the command itself. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "campaign.h"
#include "core/file.h"

const probe_kind probe_kinds[PROBES] = {
    [EMBED] = { "embed run lines.txt --out out.npy", "out.npy", "out.npy" },
    [EMBED_MODEL] = { "embed run/model lines.txt --role query --out out.npy", "out.npy",
                      "out.npy" },
    [SEARCH] = { "search run thing7 --top 5", NULL, NULL },
    [EVAL] = { "eval run --split validation", NULL, "run/eval" },
    [TRAIN] = { "train run.ini", "fresh/model/model.safetensors", "fresh" },
    [TRAIN_TOKENIZER] = { "train run.ini --tokenizer.file tokenizer.json",
                          "fresh/model/model.safetensors", "fresh" },
    [RESUME] = { "train part/run.ini --resume", "part/model/model.safetensors", "part" },
    [RESUME_BEST] = { "train part/run.ini --resume best", "part/model/model.safetensors", "part" },
    [RESUME_FOLDER] = { "train part/run.ini --resume=part/checkpoints/step_6",
                        "part/model/model.safetensors", "part" },
    [DONE] = { "train run/run.ini --resume", NULL, NULL },
    [IMPORT] = { "import pairs pairs.tsv --out new.h5", "new.h5", "new.h5" },
    [IMPORT_VALIDATION] = { "import pairs pairs.tsv --validation val.tsv --out new.h5", "new.h5",
                            "new.h5" },
    [LOSS] = { "loss infonce --query q.npy --document k.npy --grad grad", "grad/q.npy", "grad" },
    [LOSS_LABEL] = { "loss circle --query q.npy --label y.npy", NULL, NULL },
};

/* A rate so small that no evaluation beats the first, whose checkpoint is therefore kept. */
static const char run_ini[] =
    "[run]\ndir = fresh\nthreads = 1\n[data]\nstore = pairs.h5\n[tokenizer]\nvocab_size = 300\n"
    "[encoder]\ndim = 4\n[batch]\nsize = 16\n[optim]\nlr = 0.0001\n[schedule]\nsteps = 12\n"
    "[eval]\nevery = 6\n[checkpoint]\nevery = 4\n[log]\nevery = 1\n";

static const char *in_box(const world *w, const char *name)
{
    static char path[4][PATH_ROOM * 2];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", w->box, name);
    return path[turn];
}

/* Eight rows of four numbers, and eight labels. */
static bool write_arrays(const world *w)
{
    static const char *const header[] = {
        "{'descr': '<f4', 'fortran_order': False, 'shape': (8, 4), }",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (8,), }"
    };
    char bytes[128 + 128];
    float q[32], k[32];
    const int64_t y[8] = { 0, 0, 1, 1, 2, 2, 3, 0 };
    for (int i = 0; i < 32; i++) q[i] = (float)(i * 7 % 5 - 2), k[i] = (float)(i * 5 % 7 - 3);
    memset(bytes, ' ', sizeof bytes);
    memcpy(bytes, "\x93NUMPY\x01\0v\0", 10);
    bytes[127] = '\n';
    memcpy(bytes + 10, header[0], strlen(header[0]));
    memcpy(bytes + 128, q, sizeof q);
    bool written = file_store(in_box(w, "q.npy"), bytes, sizeof bytes);
    memcpy(bytes + 128, k, sizeof k);
    written = written && file_store(in_box(w, "k.npy"), bytes, sizeof bytes)
           && file_store(in_box(w, "s.npy"), bytes, sizeof bytes);
    memset(bytes + 10, ' ', 117);
    memcpy(bytes + 10, header[1], strlen(header[1]));
    memcpy(bytes + 128, y, sizeof y);
    return written && file_store(in_box(w, "y.npy"), bytes, 128 + sizeof y);
}

static bool write_sources(const world *w)
{
    char pairs[8192] = "", lines[1024] = "";
    for (int i = 0; i < 60; i++)
        sprintf(pairs + strlen(pairs), "what about thing%d and part%d\tthing%d is near part%d of "
                "place%d\n", i, i % 10, i, i % 10, i % 7);
    for (int i = 0; i < 10; i++) sprintf(lines + strlen(lines), "thing%d and part%d\n", i, i % 3);
    return !kin_folder_make(in_box(w, "other")) && write_arrays(w)
        && file_store(in_box(w, "pairs.tsv"), pairs, strlen(pairs))
        && file_store(in_box(w, "val.tsv"), pairs, 560)          /* whole lines and a part */
        && file_store(in_box(w, "lines.txt"), lines, strlen(lines))
        && file_store(in_box(w, "run.ini"), run_ini, strlen(run_ini))
        && file_store(in_box(w, "other/notes.txt"), "mine\n", 5);
}

static bool works(const world *w, const char *words)
{
    invocation v = { .same_as = -1, .compare = -1 };
    say_words(&v, words);
    outcome o = run(w, &v);
    const bool good = !o.signal && !o.code && !o.hung;
    if (!good) fprintf(stderr, "kin_campaign: '%s' ended with %d: %s\n", words, o.code, o.err);
    outcome_free(&o);
    invocation_free(&v);
    return good;
}

/* part/ is what a run is when it was stopped behind step 6: two checkpoints and its older files. */
static bool cut_run(const world *w)
{
    char *text, *at;
    size_t size;
    if (!folder_copy(in_box(w, "run/checkpoints/step_6"), in_box(w, "part/checkpoints/step_6"))
        || kin_folder_remove(in_box(w, "part/checkpoints/step_12"))
        || !file_load(in_box(w, "part/run.json"), &text, &size)) return false;
    if ((at = strstr(text, "\"finished\""))) memcpy(at, "\"stopped.\"", 10);
    const bool stored = at && file_store(in_box(w, "part/run.json"), text, size);
    free(text);
    return stored;
}

static bool copy_tokenizer(const world *w)
{
    char *text;
    size_t size;
    if (!file_load(in_box(w, "run/model/tokenizer.json"), &text, &size)) return false;
    const bool stored = file_store(in_box(w, "tokenizer.json"), text, size);
    free(text);
    return stored;
}

bool box_restore(const world *w)
{
    if (*w->full) kin_folder_remove(w->full);        /* what is in it; the mount itself stays */
    return !kin_folder_remove(w->box) && folder_copy(w->good, w->box);
}

static bool take_references(world *w)
{
    for (int p = 0; p < PROBES; p++) {
        invocation v = { .same_as = -1, .compare = -1 };
        if (!box_restore(w)) return false;
        say_words(&v, probe_kinds[p].words);
        outcome o = run(w, &v);
        w->reference[p] = outcome_digest(w, &o, (probe)p);
        if (o.code || o.signal || o.hung)
            fprintf(stderr, "kin_campaign: '%s' ended with %d: %s\n", probe_kinds[p].words, o.code,
                    o.err);
        const bool good = !o.code && !o.signal && !o.hung;
        outcome_free(&o);
        invocation_free(&v);
        if (!good) return false;
    }
    return true;
}

/* ---- keys ------------------------------------------------------------------------------------ */

static void read_key(world *w, const char *line)
{
    enum { RANGE_AT = 42 };              /* the column of the range in `kin list key` */
    if (strlen(line) < RANGE_AT) return;
    known_key *k = &w->key[w->keys++];
    sscanf(line, "%63s", k->name);
    snprintf(k->range, sizeof k->range, "%s", line + RANGE_AT);
    k->number = sscanf(k->range, "%lf .. %lf", &k->low, &k->high) == 2;
}

static bool read_keys(world *w)
{
    invocation v = { .same_as = -1, .compare = -1 };
    say_words(&v, "list key");
    outcome o = run(w, &v);
    char *rest = NULL;
    w->key = calloc(o.out_size / 20 + 1, sizeof *w->key);
    if (!w->key) abort();
    for (char *l = strtok_r(o.out, "\n", &rest); l; l = strtok_r(NULL, "\n", &rest))
        read_key(w, l);
    outcome_free(&o);
    invocation_free(&v);
    return w->keys > 0;
}

/* ---- what only root can set up --------------------------------------------------------------- */

/* In a name space of its own, so that no mount outlives the campaign. */
static void make_mounts(world *w)
{
    char full[PATH_ROOM], frozen[PATH_ROOM], run[PATH_ROOM + 8], good[PATH_ROOM + 8];
    snprintf(full, sizeof full, "%.4000s/full", w->work);
    snprintf(frozen, sizeof frozen, "%.4000s/frozen", w->work);
    snprintf(run, sizeof run, "%s/run", frozen);
    snprintf(good, sizeof good, "%s/run", w->good);
    if (geteuid() || unshare(CLONE_NEWNS)
        || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)
        || kin_folder_make(full) || kin_folder_make(frozen)
        || mount("tmpfs", full, "tmpfs", 0, "size=12k")) return;
    snprintf(w->full, sizeof w->full, "%s", full);
    if (mount("tmpfs", frozen, "tmpfs", 0, "size=1m") || !folder_copy(good, run)
        || mount("tmpfs", frozen, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=1m")) return;
    snprintf(w->frozen, sizeof w->frozen, "%s", frozen);
}

static bool as_nobody(const world *w)
{
    invocation v = { .same_as = -1, .compare = -1, .nobody = true };
    if (geteuid()) return false;
    say(&v, "--version");
    outcome o = run(w, &v);
    const bool good = !o.code && !o.signal && !o.hung;
    outcome_free(&o);
    invocation_free(&v);
    return good;
}

static bool write_big(const char *path, size_t bytes)
{
    char block[4096];
    bool good = true;
    FILE *f = fopen(path, "we");
    memset(block, 'a', sizeof block);
    for (size_t i = 0; f && good && i < bytes; i += sizeof block)
        good = fwrite(block, 1, sizeof block, f) == sizeof block;
    return f && !fclose(f) && good;
}

bool world_make(world *w, const char *kin, const char *work, size_t big_bytes)
{
    if (!realpath(kin, w->kin)) return false;
    snprintf(w->work, sizeof w->work, "%s", work);
    snprintf(w->box, sizeof w->box, "%.4000s/box", work);
    snprintf(w->good, sizeof w->good, "%.4000s/good", work);
    snprintf(w->big, sizeof w->big, "%.4000s/big.txt", work);
    const bool made = !kin_folder_make(w->box) && write_big(w->big, big_bytes) && write_sources(w)
        && works(w, "import pairs pairs.tsv --out pairs.h5")
        && works(w, "train run.ini --run.dir run")
        && works(w, "train run.ini --run.dir part --eval.every 4")
        && works(w, "eval run --split validation")
        && cut_run(w) && copy_tokenizer(w) && folder_copy(w->box, w->good)
        && take_references(w) && read_keys(w);
    if (!made) return false;
    make_mounts(w);
    w->other_user = as_nobody(w);
    return true;
}

void world_end(world *w, bool keep)
{
    if (*w->full) umount(w->full);
    if (*w->frozen) umount(w->frozen);
    free(w->key);
    if (!keep) kin_folder_remove(w->work);
}
