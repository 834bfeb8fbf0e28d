/* Damaged files of stores, run folders and model folders. The table says which verb reads which
 * file and whether a checksum covers it there:
 *     REFUSED  every change is noticed: exit code 3
 *     CHECKED  what would change the result is noticed: 3, or 0 with the same result
 *     UNREAD   the verb does without the file: 0 and the same result
 *     OPEN     no checksum covers it: 3, or 0 with any result, which is counted */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "campaign.h"
#include "core/file.h"

typedef enum { REFUSED, CHECKED, UNREAD, OPEN } cover;

typedef struct {
    const char *file;
    probe by;
    cover how;
    unsigned also;                       /* further codes that are right for this pair */
    const char *named;                   /* beside the file's own name */
} target;

#define STEP "part/checkpoints/step_6/"
#define FIRST_STEP "part/checkpoints/step_4/"

static const target targets[] = {
    { "pairs.h5", TRAIN, REFUSED, 0, NULL }, { "pairs.h5", RESUME, REFUSED, 0, NULL },
    { "pairs.h5", EVAL, REFUSED, 0, NULL }, { "pairs.h5", SEARCH, REFUSED, 0, NULL },
    { "pairs.h5", EMBED, UNREAD, 0, NULL }, { "pairs.h5", DONE, UNREAD, 0, NULL },

    { "run/model/model.safetensors", EMBED, CHECKED, 0, NULL },
    { "run/model/model.safetensors", EMBED_MODEL, CHECKED, 0, NULL },
    { "run/model/model.safetensors", SEARCH, CHECKED, 0, NULL },
    { "run/model/model.safetensors", EVAL, CHECKED, 0, NULL },
    { "run/model/tokenizer.json", EMBED, CHECKED, 0, "model.safetensors" },
    { "run/model/tokenizer.json", SEARCH, CHECKED, 0, "model.safetensors" },
    { "run/model/tokenizer.json", EVAL, CHECKED, 0, "model.safetensors" },
    { "run/model/config.json", EMBED, CHECKED, 0, "model.safetensors" },
    { "run/model/config.json", SEARCH, CHECKED, 0, "model.safetensors" },
    { "run/model/modules.json", EMBED, UNREAD, 0, NULL },
    { "run/model/README.md", SEARCH, UNREAD, 0, NULL },
    { "run/model/model.safetensors", DONE, UNREAD, 0, NULL },

    { "run/run.ini", SEARCH, OPEN, 0, "data.store" },
    { "run/run.ini", EVAL, OPEN, 0, "data.store" },
    { "run/run.ini", EMBED, UNREAD, 0, NULL },
    { "run/run.ini", DONE, OPEN, CODE(2) | CODE(1), "run" },
    { "run/run.json", EVAL, OPEN, 0, "pairs.h5" }, { "run/run.json", SEARCH, UNREAD, 0, NULL },
    { "run/run.json", DONE, OPEN, 0, NULL },
    { "run/eval/validation/results.json", DONE, OPEN, 0, NULL },
    { "run/eval/validation/results.json", EVAL, OPEN, 0, NULL },
    { "run/eval/validation/run.trec", EVAL, UNREAD, 0, NULL },
    { "run/metrics.jsonl", EVAL, UNREAD, 0, NULL }, { "run/metrics.jsonl", DONE, UNREAD, 0, NULL },

    { STEP "state.safetensors", RESUME, UNREAD, 0, NULL },
    { STEP "state.json", RESUME, UNREAD, 0, NULL },
    { STEP "tokenizer.json", RESUME, UNREAD, 0, NULL },
    { STEP "run.ini", RESUME, UNREAD, 0, NULL }, { STEP "DONE", RESUME, UNREAD, 0, NULL },
    { FIRST_STEP "state.safetensors", RESUME, UNREAD, 0, NULL },
    { FIRST_STEP "DONE", RESUME, UNREAD, 0, NULL },
    { FIRST_STEP "state.safetensors", RESUME_BEST, CHECKED, 0, NULL },
    { FIRST_STEP "state.json", RESUME_BEST, CHECKED, CODE(2), "step_" },
    { STEP "state.safetensors", RESUME_BEST, CHECKED, CODE(2), "step_" },
    { STEP "state.safetensors", RESUME_FOLDER, REFUSED, 0, "step_6" },
    { STEP "state.json", RESUME_FOLDER, REFUSED, 0, "step_6" },
    { STEP "tokenizer.json", RESUME_FOLDER, REFUSED, 0, "step_6" },
    { STEP "run.ini", RESUME_FOLDER, REFUSED, 0, "step_6" },
    { STEP "DONE", RESUME_FOLDER, REFUSED, 0, "step_6" },
    { "part/run.json", RESUME, CHECKED, 0, NULL },
    { "part/run.ini", RESUME, OPEN, CODE(2), "part" },
    { "part/metrics.jsonl", RESUME, UNREAD, 0, NULL },
    { "part/eval/validation/results.json", RESUME, OPEN, 0, NULL },
    { "part/model/model.safetensors", RESUME, OPEN, 0, NULL },        /* is itself the result */
    { "part/model/tokenizer.json", RESUME, CHECKED, 0, "model.safetensors" },
    { "part/model/config.json", RESUME, CHECKED, 0, "model.safetensors" },

    { "tokenizer.json", TRAIN_TOKENIZER, OPEN, CODE(2) | CODE(6), NULL },
    { "run.ini", TRAIN, OPEN, CODE(1) | CODE(2) | CODE(4) | CODE(6), "" },
    { "pairs.tsv", IMPORT, OPEN, 0, NULL }, { "val.tsv", IMPORT_VALIDATION, OPEN, 0, NULL },
    { "lines.txt", EMBED, OPEN, 0, NULL },
    { "q.npy", LOSS, OPEN, CODE(4), "large" }, { "k.npy", LOSS, OPEN, CODE(4), "large" },
    { "y.npy", LOSS_LABEL, OPEN, 0, NULL },
};

static const char *in_box(const world *w, const char *name)
{
    static char path[2][PATH_ROOM * 2];
    static int turn;
    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", w->box, name);
    return path[turn];
}

static void expect_target(invocation *v, const target *t)
{
    const unsigned codes[] = { [REFUSED] = CODE(3), [CHECKED] = CODE(3) | CODE(0),
                               [UNREAD] = CODE(0), [OPEN] = CODE(3) | CODE(0) };
    const char *slash = strrchr(t->file, '/');
    say_words(v, probe_kinds[t->by].words);
    expect(v, codes[t->how] | t->also, t->named && !*t->named ? "" : slash ? slash + 1 : t->file);
    if (t->named && *t->named) also_named(v, t->named);
    v->success_grows = probe_kinds[t->by].grows;
    v->compare = (int)t->by;
    v->same_as = t->how == OPEN ? -1 : (int)t->by;
    if (!strcmp(t->file, "run/run.json") && t->by == DONE)
        v->success_grows = "run";                    /* it no longer says that it is finished */
    if (!strcmp(t->file, "run.ini")) v->success_grows = "*";        /* run.dir may be another */
    if (t->also & CODE(1)) snprintf(v->grows, sizeof v->grows, "fresh run/run.json");
}

static bool damaged(const world *w, dice *d, invocation *v)
{
    char how[400] = "";
    const target *t = &PICK(d, targets);
    if (!damage_file(d, in_box(w, t->file), how, sizeof how)) return false;
    expect_target(v, t);
    note(v, "%s: %.400s", t->file, how);
    return true;
}

static bool gone(const world *w, dice *d, invocation *v)
{
    const target *t = &PICK(d, targets);
    if (unlink(in_box(w, t->file))) return false;
    expect_target(v, t);
    if (t->file == targets[0].file || strchr(t->file, '.')) also_named(v, "run");
    if (!strcmp(t->file, "run.ini")) v->codes = CODE(3);
    note(v, "%s is gone", t->file);
    return true;
}

static bool became_folder(const world *w, dice *d, invocation *v)
{
    const target *t = &PICK(d, targets);
    if (unlink(in_box(w, t->file)) || mkdir(in_box(w, t->file), 0777)) return false;
    expect_target(v, t);
    v->codes |= CODE(3) | CODE(1);                   /* where it would be written again */
    if (v->same_as >= 0) v->grows[0] = 0;
    snprintf(v->grows, sizeof v->grows, "%s", t->by == RESUME || t->by == RESUME_BEST ? "part"
             : t->by == EVAL ? "run/eval" : v->grows);
    note(v, "%s is a folder", t->file);
    return true;
}

/* A whole good file, but another one. */
static bool swapped(const world *w, dice *d, invocation *v)
{
    char *bytes;
    size_t size;
    const target *t = &PICK(d, targets), *other = &PICK(d, targets);
    const char *last = strrchr(t->file, '/'), *last_other = strrchr(other->file, '/');
    if (last && last_other && !strcmp(last, last_other)) return false;
    if (!strcmp(t->file, other->file) || !file_load(in_box(w, other->file), &bytes, &size))
        return false;
    const bool stored = file_store(in_box(w, t->file), bytes, size);
    free(bytes);
    expect_target(v, t);
    if (!strcmp(t->file, "tokenizer.json") || !strcmp(other->file, "tokenizer.json")) return false;
    note(v, "%s has the content of %s", t->file, other->file);
    return stored;
}

/* A weight that is no number, in a file whose checksum of it is not looked for. */
static bool not_finite(const world *w, dice *d, invocation *v)
{
    static const uint32_t words[] = { 0x7FC00000, 0x7F800000, 0xFF800000, 0x7F800001 };
    static const target uses[] = {
        { "run/model/model.safetensors", EMBED, REFUSED, 0, NULL },
        { "run/model/model.safetensors", SEARCH, REFUSED, 0, NULL },
        { "run/model/model.safetensors", EVAL, REFUSED, 0, NULL },
        { "part/model/model.safetensors", RESUME, REFUSED, 0, NULL },
    };
    const target *t = &PICK(d, uses);
    const uint32_t word = PICK(d, words);
    char *bytes, *at;
    size_t size;
    uint64_t header;
    if (!file_load(in_box(w, t->file), &bytes, &size) || size < 16) return false;
    memcpy(&header, bytes, sizeof header);
    if ((at = memmem(bytes, size, "xxh64:", 6))) memcpy(at, "other:", 6);
    const size_t first = (size_t)header + 8, place = first + 4 * roll(d, (size - first) / 4);
    memcpy(bytes + place, &word, sizeof word);
    const bool stored = at && file_store(in_box(w, t->file), bytes, size);
    free(bytes);
    expect_target(v, t);
    note(v, "%s: %x at byte %zu, its checksum taken out", t->file, word, place);
    return stored;
}

const mistake mistakes_damage[] = {
    { "damaged file", 60, damaged }, { "file gone", 5, gone },
    { "file became a folder", 4, became_folder },
    { "files swapped", 5, swapped },
    { "weight not finite", 2, not_finite }, { NULL, 0, NULL }
};
