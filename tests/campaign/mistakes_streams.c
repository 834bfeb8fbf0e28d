/* Standard streams that are closed, full, broken or something else than expected. */
#include <stdio.h>
#include <string.h>

#include "campaign.h"

typedef struct { const char *words, *grows; } talker;

/* Each prints results to stdout and works. */
static const talker talkers[] = {
    { "--help", "" }, { "--version", "" }, { "train --help", "" }, { "list loss", "" },
    { "list key --json", "" }, { "describe loss infonce", "" },
    { "describe loss infonce --json", "" },
    { "check gelu", "" }, { "check gelu --json", "" }, { "bench", "" }, { "bench --json", "" },
    { "search run thing7", "" }, { "search run thing7 --json", "" },
    { "eval run --split validation", "run/eval" },
    { "eval run --split validation --json", "run/eval" },
    { "embed run lines.txt --out out.npy --json", "out.npy" },
    { "import pairs pairs.tsv --out new.h5", "new.h5" },
    { "import pairs pairs.tsv --out new.h5 --json", "new.h5" },
    { "train run/run.ini --resume", "" }, { "train run.ini --quiet", "fresh" },
};

static const talker *say_talker(dice *d, invocation *v)
{
    const talker *t = &PICK(d, talkers);
    say_words(v, t->words);
    snprintf(v->grows, sizeof v->grows, "%s", t->grows);
    v->success_grows = t->grows;
    return t;
}

static bool no_stdout(const world *w, dice *d, invocation *v)
{
    (void)w;
    say_talker(d, v);
    v->out = PICK(d, ((const stream[]){ CLOSED, FULL, READ_ONLY }));
    expect(v, CODE(1), "stdout");
    return true;
}

static bool broken_stdout(const world *w, dice *d, invocation *v)
{
    (void)w;
    say_talker(d, v);
    v->out = BROKEN;
    expect(v, CODE(0), "");
    return true;
}

static bool no_stderr(const world *w, dice *d, invocation *v)
{
    static const struct { const char *words; int code; } wrong[] = {
        { "zonk", 2 }, { "list zonk", 2 }, { "train nowhere.ini", 3 }, { "search nowhere x", 3 },
        { "import pairs pairs.tsv --out nowhere/x.h5", 1 }, { "train run.ini --loss.zonk 1", 2 },
        { "train run.ini --run.memory 1", 6 }, { "check zonk", 2 },
    };
    (void)w;
    v->err = PICK(d, ((const stream[]){ CLOSED, FULL, BROKEN, READ_ONLY }));
    if (roll(d, 2)) {
        say_talker(d, v);
        expect(v, CODE(0), "");
        return true;
    }
    const size_t which = roll(d, sizeof wrong / sizeof *wrong);
    say_words(v, wrong[which].words);
    expect(v, CODE(wrong[which].code), "");
    return true;
}

static bool no_streams(const world *w, dice *d, invocation *v)
{
    (void)w;
    say_talker(d, v);
    v->out = v->err = CLOSED;
    v->in_closed = true;
    expect(v, CODE(1), "");
    return true;
}

static const talker readers[] = {
    { "search run", "" }, { "search run --json", "" }, { "embed run - --out out.npy", "out.npy" },
    { "bench L1b --serve --threads 1", "" }, { "embed run /dev/stdin --out out.npy", "out.npy" }
};

static const talker *say_reader(dice *d, invocation *v, size_t n)
{
    const talker *t = &readers[roll(d, n)];
    say_words(v, t->words);
    v->success_grows = t->grows;
    return t;
}

static bool no_stdin(const world *w, dice *d, invocation *v)
{
    (void)w;
    say_reader(d, v, 4);
    v->in_closed = true;
    expect(v, CODE(0), "");
    return true;
}

static bool folder_as_stdin(const world *w, dice *d, invocation *v)
{
    (void)w;
    say_reader(d, v, 5);
    v->in = "other";
    expect(v, CODE(3), "stdin");
    also_named(v, "standard input");
    return true;
}

static bool garbage_on_stdin(const world *w, dice *d, invocation *v)
{
    static char path[PATH_ROOM * 2];
    char bytes[4000];
    const size_t n = roll(d, sizeof bytes);
    for (size_t i = 0; i < n; i++) bytes[i] = (char)(roll(d, 30) ? (int)roll(d, 256) : '\n');
    snprintf(path, sizeof path, "%s/garbage", w->box);
    if (!file_store(path, bytes, n)) return false;
    say_reader(d, v, 5);
    v->in = "garbage";
    v->out = roll(d, 4) ? CAUGHT : BROKEN;
    expect(v, CODE(0) | CODE(3), "");
    return true;
}

static bool long_stdin(const world *w, dice *d, invocation *v)
{
    say_reader(d, v, 5);
    v->in = w->big;
    expect(v, CODE(0) | CODE(3), "");
    return true;
}

/* Questions of any bytes are questions. */
static bool strange_question(const world *w, dice *d, invocation *v)
{
    char word[300];
    const size_t n = 1 + roll(d, sizeof word - 1);
    (void)w;
    for (size_t i = 0; i < n; i++) word[i] = (char)(1 + roll(d, 255));
    word[n] = 0;
    if (*word == '-') *word = '_';
    say_words(v, "search run");
    say(v, word);
    if (roll(d, 2)) say(v, "--json");
    expect(v, CODE(0), "");
    return true;
}

const mistake mistakes_streams[] = {
    { "stdout cannot be written", 3, no_stdout }, { "reader went away", 2, broken_stdout },
    { "stderr cannot be written", 2, no_stderr }, { "no streams at all", 1, no_streams },
    { "stdin closed", 1, no_stdin }, { "stdin is a folder", 1, folder_as_stdin },
    { "garbage on stdin", 2, garbage_on_stdin }, { "very long line on stdin", 1, long_stdin },
    { "strange question", 1, strange_question }, { NULL, 0, NULL }
};
