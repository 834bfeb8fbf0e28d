/* Judges an outcome: the end, the sentence on stderr, what is left in the box, the result. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign.h"
#include "core/hash.h"

enum { SENTENCE_MOST = 4200 };           /* bytes: 1,023 at most, all of them escaped */

static void blame(verdict *t, bool *kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void blame(verdict *t, bool *kind, const char *format, ...)
{
    const size_t used = strlen(t->why);
    va_list arguments;
    *kind = true;
    if (used + 4 > sizeof t->why) return;
    snprintf(t->why + used, sizeof t->why - used, "%s", used ? "; " : "");
    va_start(arguments, format);
    vsnprintf(t->why + strlen(t->why), sizeof t->why - strlen(t->why), format, arguments);
    va_end(arguments);
}

/* ---- the sentence ---------------------------------------------------------------------------- */

/* What a run may say beside its sentence while it works. */
static bool is_progress(const char *line, size_t n)
{
    static const char *const begins[] = {
        "training the tokenizer", "tokenising ", "evaluating ", "validation at ", "test at ",
        "data: ", "texts: ", "run: ", "estimate: ", "step ", "warning: ", "embedding ",
        "the run in ", "'"
    };
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
        const size_t length = strlen(begins[i]);
        if (n >= length && !memcmp(line, begins[i], length)) return true;
    }
    return false;
}

/* Bytes of a UTF-8 sequence at s, 0 when it is none. */
static int utf8_length(const unsigned char *s, size_t left)
{
    const int n = *s < 0x80 ? 1 : *s < 0xC2 ? 0 : *s < 0xE0 ? 2 : *s < 0xF0 ? 3 : *s < 0xF5 ? 4 : 0;
    if (!n || (size_t)n > left) return 0;
    for (int i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    return n;
}

static bool printable(const char *line, size_t size)
{
    const unsigned char *s = (const unsigned char *)line;
    for (size_t i = 0; i < size;) {
        const int n = utf8_length(s + i, size - i);
        if (!n || s[i] < ' ' || s[i] == 127) return false;
        i += (size_t)n;
    }
    return true;
}

static bool names(const invocation *v, const char *line, size_t size)
{
    if (!*v->named[0]) return true;
    for (int i = 0; i < NAMES_MAX && *v->named[i]; i++)
        if (memmem(line, size, v->named[i], strlen(v->named[i]))) return true;
    return false;
}

static void judge_line(const invocation *v, verdict *t, const char *line, size_t n, int *sentences)
{
    const bool own = n >= 3 && !memcmp(line, "kin", 3);
    *sentences += own;
    if (!own && !is_progress(line, n))
        blame(t, &t->sentence, "stderr has the line '%.*s'", (int)(n < 200 ? n : 200), line);
    if (!printable(line, n)) blame(t, &t->sentence, "stderr has control bytes or no UTF-8");
    if (!own) return;
    if (n > SENTENCE_MOST) blame(t, &t->sentence, "a sentence of %zu bytes", n);
    if (!memchr(line, ' ', n) || !memmem(line, n, ": ", 2))
        blame(t, &t->sentence, "the sentence does not begin with 'kin VERB: '");
    if (!names(v, line, n))
        blame(t, &t->sentence, "the sentence does not name '%s'", v->named[0]);
}

static void judge_sentence(const invocation *v, const outcome *o, verdict *t)
{
    const bool failed = o->code != 0 && o->code != 75;
    int sentences = 0;
    if (v->err != CAUGHT) return;
    for (const char *at = o->err, *stop = o->err + o->err_size; at < stop;) {
        const char *end = memchr(at, '\n', (size_t)(stop - at));
        if (!end) blame(t, &t->sentence, "stderr does not end with a line");
        const size_t n = end ? (size_t)(end - at) : (size_t)(stop - at);
        if (failed) judge_line(v, t, at, n, &sentences);
        at += n + 1;
    }
    if (failed && sentences != 1) blame(t, &t->sentence, "%d sentences on stderr", sentences);
}

/* ---- the result ------------------------------------------------------------------------------ */

/* Without the line that tells how long a training took. */
static uint64_t hash_output(const char *out, size_t size)
{
    uint64_t hash = 0;
    for (const char *at = out, *stop = out + size; at < stop;) {
        const char *end = memchr(at, '\n', (size_t)(stop - at));
        const size_t n = end ? (size_t)(end + 1 - at) : (size_t)(stop - at);
        if (n < 8 || memcmp(at, "trained ", 8)) hash = kin_hash_bytes(at, n, hash);
        at += n;
    }
    return hash;
}

uint64_t outcome_digest(const world *w, const outcome *o, probe p)
{
    return outcome_hash(w, o, probe_kinds[p].result);
}

uint64_t outcome_hash(const world *w, const outcome *o, const char *result)
{
    char path[PATH_ROOM * 2], *bytes;
    size_t size;
    uint64_t hash = hash_output(o->out, o->out_size);
    if (!result) return hash;
    snprintf(path, sizeof path, "%s/%s", w->box, result);
    if (!file_load(path, &bytes, &size)) return 1;
    hash = kin_hash_bytes(bytes, size, hash);
    free(bytes);
    return hash;
}

static void judge_result(const world *w, const invocation *v, const outcome *o, verdict *t)
{
    const int p = v->same_as >= 0 ? v->same_as : v->compare;
    if (p < 0 || o->code != 0) return;
    t->other = outcome_digest(w, o, (probe)p) != w->reference[p];
    if (t->other && v->same_as >= 0)
        blame(t, &t->result, "accepted, but the result is not that of the undamaged files");
}

/* ---- what is left ---------------------------------------------------------------------------- */

static void judge_box(const world *w, const invocation *v, const outcome *o,
                      const snapshot *before, verdict *t)
{
    snapshot after = snapshot_take(w->box);
    const char *grows = o->code == 0 ? v->success_grows : v->grows;
    const char *changed = snapshot_differs(before, &after, grows ? grows : "");
    if (changed) blame(t, &t->residue, "changed or left behind: %s", changed);
    for (int i = 0; i < after.count; i++)
        if (strstr(after.line[i], ".tmp-"))
            blame(t, &t->residue, "a temporary file is left: %s", after.line[i]);
    snapshot_free(&after);
    if (!*w->full || v->on_full) return;
    after = snapshot_take(w->full);
    if (after.count) blame(t, &t->residue, "left on the full disk: %s", after.line[0]);
    snapshot_free(&after);
}

verdict judge(const world *w, const invocation *v, const outcome *o, const snapshot *before)
{
    verdict t = { 0 };
    if (o->hung) blame(&t, &t.hang, "still running after %d s", w->deadline);
    if (o->signal) blame(&t, &t.crash, "ended by signal %d", o->signal);
    if (o->hung || o->signal) return t;
    if (o->code == 126 || o->code == 127) blame(&t, &t.code, "the command could not be started");
    if (o->code > 75 || !(v->codes & CODE(o->code == 75 ? 75 : o->code & 15)) || (o->code > 6
        && o->code != 75))
        blame(&t, &t.code, "exit code %d is not expected", o->code);
    judge_sentence(v, o, &t);
    judge_box(w, v, o, before, &t);
    judge_result(w, v, o, &t);
    return t;
}
