/* Results that cannot be written: exit code 1, the path is named, nothing half-written stays. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "campaign.h"

typedef struct { const char *before, *after; bool folder; } writer;

static const writer writers[] = {
    { "import pairs pairs.tsv --out", NULL, false }, { "embed run lines.txt --out", NULL, false },
    { "train run.ini --run.dir", NULL, true },
    { "loss infonce --query q.npy --document k.npy --grad", NULL, true },
};

static bool use(invocation *v, const writer *x, const char *path, unsigned codes, const char *named)
{
    say_words(v, x->before);
    say(v, path);
    expect(v, codes, named);
    return true;
}

static bool out_in_no_folder(const world *w, dice *d, invocation *v)
{
    (void)w;
    return use(v, &writers[roll(d, 2)], "nowhere/new.file", CODE(1), "nowhere");
}

static bool out_is_folder(const world *w, dice *d, invocation *v)
{
    static const char *const folders[] = { "other", "run", ".", "/", "other/" };
    (void)w;
    const char *folder = PICK(d, folders);
    return use(v, &writers[roll(d, 2)], folder, CODE(1), folder);
}

static bool out_through_file(const world *w, dice *d, invocation *v)
{
    (void)w;
    return use(v, &PICK(d, writers), "pairs.tsv/x", CODE(1), "pairs.tsv");
}

static bool out_is_file(const world *w, dice *d, invocation *v)
{
    static const char *const files[] = { "pairs.tsv", "/dev/null", "/dev/full" };
    (void)w;
    const char *file = PICK(d, files);
    return use(v, &writers[2 + roll(d, 2)], file, CODE(1), file);
}

static bool out_too_long(const world *w, dice *d, invocation *v)
{
    char path[6000];
    const size_t n = PICK(d, ((const size_t[]){ 256, 300, 4090, 4096, 5900 }));
    (void)w;
    memset(path, 'p', n);
    path[n] = 0;
    return use(v, &PICK(d, writers), path, CODE(1) | CODE(2), "ppp");
}

static bool out_is_nothing(const world *w, dice *d, invocation *v)
{
    (void)w;
    return use(v, &PICK(d, writers), "", CODE(1) | CODE(2), "");
}

static bool out_device_full(const world *w, dice *d, invocation *v)
{
    (void)w;
    return use(v, &writers[roll(d, 2)], "/dev/full", CODE(1), "/dev/full");
}

static bool out_not_allowed(const world *w, dice *d, invocation *v)
{
    static const char *const forms[][2] = {
        { "import pairs pairs.tsv --out new.h5", "new.h5" },
        { "embed run lines.txt --out out.npy", "out.npy" }, { "train run.ini", "fresh" },
        { "eval run --split validation", "run" }, { "train part/run.ini --resume", "part" },
        { "loss infonce --query q.npy --document k.npy --grad grad", "grad" },
        { "train run.ini --run.dir part --overwrite", "part" },
    };
    if (!w->other_user) return false;
    const size_t which = roll(d, sizeof forms / sizeof *forms);
    v->nobody = true;
    say_words(v, forms[which][0]);
    expect(v, CODE(1), forms[which][1]);
    return true;
}

static bool out_read_only(const world *w, dice *d, invocation *v)
{
    static const char *const forms[] = {
        "import pairs pairs.tsv --out ../frozen/new.h5", "train run.ini --run.dir ../frozen/fresh",
        "embed run lines.txt --out ../frozen/out.npy", "eval ../frozen/run --split validation",
        "train ../frozen/run/run.ini --run.dir ../frozen/run --overwrite",
        "loss infonce --query q.npy --document k.npy --grad ../frozen/grad"
    };
    if (!*w->frozen) return false;
    const size_t which = roll(d, sizeof forms / sizeof *forms);
    say_words(v, forms[which]);
    if (which == 3) {
        char store[PATH_ROOM * 2];                  /* its run.ini says where the store is */
        snprintf(store, sizeof store, "%s/pairs.h5", w->box);
        note(v, "the store is %.400s", store);
    }
    expect(v, CODE(1), "frozen");
    return true;
}

static bool out_full(const world *w, dice *d, invocation *v)
{
    static const char *const forms[] = { "import pairs pairs.tsv --out ../full/new.h5",
                                         "train run.ini --run.dir ../full/fresh" };
    if (!*w->full) return false;
    const size_t which = roll(d, 2);
    say_words(v, forms[which]);
    v->on_full = which == 1;
    expect(v, CODE(1), "full");
    return true;
}

/* A file may not grow beyond a number of bytes: as on a full disk, at any place. */
static bool out_limited(const world *w, dice *d, invocation *v)
{
    static const struct { probe p; long most; const char *grows; } forms[] = {
        { IMPORT, 16000, "" }, { EMBED, 280, "" }, { TRAIN, 10000, "fresh" },
        { EVAL, 3000, "run/eval" }, { RESUME, 9000, "part" }, { TRAIN_TOKENIZER, 10000, "fresh" },
        { LOSS, 250, "grad" },
    };
    (void)w;
    const size_t which = roll(d, sizeof forms / sizeof *forms);
    say_words(v, probe_kinds[forms[which].p].words);
    v->file_limit = 1 + (long)roll(d, (uint64_t)forms[which].most);
    v->same_as = (int)forms[which].p;
    v->success_grows = probe_kinds[forms[which].p].grows;
    snprintf(v->grows, sizeof v->grows, "%s", forms[which].grows);
    note(v, "no file may be larger than %ld bytes", v->file_limit);
    const bool always = forms[which].p == EMBED || forms[which].p == IMPORT
                        || forms[which].p == LOSS;
    expect(v, CODE(1) | (always ? 0 : CODE(0)), "");
    return true;
}

static bool few_descriptors(const world *w, dice *d, invocation *v)
{
    const int p = (int)roll(d, PROBES);
    (void)w;
    say_words(v, probe_kinds[p].words);
    v->open_limit = 5 + (long)roll(d, 8);      /* the loader itself needs some */
    v->same_as = p;
    v->success_grows = probe_kinds[p].grows;
    if (strstr(probe_kinds[p].words, "train") || p == EVAL || p == LOSS)
        snprintf(v->grows, sizeof v->grows, "%s", probe_kinds[p].grows ? probe_kinds[p].grows : "");
    note(v, "at most %ld files may be open", v->open_limit);
    expect(v, CODE(0) | CODE(1) | CODE(3) | CODE(6), "");
    return true;
}

/* ---- others at the same folder, and the end from outside ------------------------------------- */

static bool locked_run(const world *w, dice *d, invocation *v)
{
    static const char *const forms[] = { "train part/run.ini --resume",
                                         "train run.ini --run.dir part --overwrite",
                                         "train part/run.ini --resume best" };
    (void)w;
    say_words(v, PICK(d, forms));
    v->locked = "part";
    expect(v, CODE(1), "another process");
    return true;
}

/* Whenever a training is stopped, it can be resumed to the same end. */
static bool stopped(const world *w, dice *d, invocation *v)
{
    (void)w;
    const bool over = roll(d, 2);
    say_words(v, "train run.ini --quiet");
    if (over) say_words(v, "--run.dir run --overwrite");
    v->signal = PICK(d, ((const int[]){ SIGINT, SIGTERM, SIGKILL, SIGKILL }));
    v->signal_ms = (int)roll(d, 200);
    v->resume = over ? "run" : "fresh";
    v->success_grows = v->resume;
    snprintf(v->grows, sizeof v->grows, "%s", v->resume);
    note(v, "signal %d after %d ms", v->signal, v->signal_ms);
    expect(v, CODE(0) | CODE(75), "");
    return true;
}

const mistake mistakes_output[] = {
    { "output in no folder", 1, out_in_no_folder }, { "output is a folder", 1, out_is_folder },
    { "output through a file", 1, out_through_file }, { "run folder is a file", 1, out_is_file },
    { "output path too long", 1, out_too_long }, { "output path empty", 1, out_is_nothing },
    { "output on /dev/full", 1, out_device_full }, { "output not allowed", 2, out_not_allowed },
    { "read-only disk", 2, out_read_only }, { "full disk", 2, out_full },
    { "file size limit", 6, out_limited }, { "few descriptors", 3, few_descriptors },
    { "locked run folder", 1, locked_run }, { "stopped from outside", 3, stopped },
    { NULL, 0, NULL }
};
