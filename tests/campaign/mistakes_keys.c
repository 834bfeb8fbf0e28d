/* Mistakes in settings, on the command line and in run files: exit code 2, and the key or the line
 * is named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign.h"

static bool is_path_or_text(const known_key *k)
{
    return !strncmp(k->range, "path", 4) || !strncmp(k->range, "text", 4);
}

static const known_key *pick_key(const world *w, dice *d)
{
    for (;;) {
        const known_key *k = &w->key[roll(d, (uint64_t)w->keys)];
        if (!is_path_or_text(k)) return k;
    }
}

/* A value that the key cannot have. */
static const char *bad_value(const known_key *k, dice *d, char text[64])
{
    static const char *const words[] = { "", "nan", "inf", "-inf", "1e999", "abc", "0x1p5z", "1,5",
                                         "-1e300", "99999999999999999999999", "1 2", "\xff", "%n",
                                         "true false", "-", "1e", "\n1" };
    if (k->number && roll(d, 2)) {
        const bool above = roll(d, 2);
        snprintf(text, 64, "%.9g", above ? k->high * 2 + 1 : k->low - 1);
        return text;
    }
    return PICK(d, words);
}

static bool bad_setting(const world *w, dice *d, invocation *v)
{
    char text[64];
    const known_key *k = pick_key(w, d);
    say_words(v, "train run.ini");
    say_option(v, d, k->name, bad_value(k, d, text));
    expect(v, CODE(2), k->name);
    return true;
}

/* Text that could be saved in run.ini but not read again, or not be written as JSON. */
static bool bad_text(const world *w, dice *d, invocation *v)
{
    static const char *const keys[] = { "encoder.query_prefix", "encoder.document_prefix",
                                        "loss.learn",
                                        "batch.repeat", "run.dir", "data.store", "tokenizer.file" };
    static const char *const values[] = { "a\nb", "\n", "a\x01", "\x1b[1m",
                                          "a\r\n[run]\nseed = 3" };
    const size_t which = roll(d, sizeof keys / sizeof *keys);
    (void)w;
    say_words(v, "train run.ini");
    say_option(v, d, keys[which], which < 4 && roll(d, 2) ? "\xff\xfe" : PICK(d, values));
    expect(v, CODE(2), keys[which]);
    return true;
}

static bool unknown_key(const world *w, dice *d, invocation *v)
{
    char name[80];
    snprintf(name, sizeof name, "%s", w->key[roll(d, (uint64_t)w->keys)].name);
    const size_t at = roll(d, strlen(name));
    name[at] = name[at] == 'q' ? 'z' : 'q';
    if (!strchr(name, '.')) snprintf(name, sizeof name, "zonk.zonk");
    say_words(v, "train run.ini");
    say_option(v, d, name, "1");
    expect(v, CODE(2), name);
    return true;
}

static bool bad_alias(const world *w, dice *d, invocation *v)
{
    static const char *const names[][2] = {
        { "lr", "optim.lr" }, { "batch-size", "batch.size" }, { "epochs", "schedule.epochs" },
        { "loss", "loss.name" }, { "temperature", "loss.temperature" }, { "seed", "run.seed" },
        { "device", "run.device" }, { "threads", "run.threads" }
    };
    static const char *const values[] = { "", "-1", "abc", "nan", "1e300", "cuda!", "--", "0x" };
    (void)w;
    const size_t which = roll(d, sizeof names / sizeof *names);
    say_words(v, "train run.ini");
    say_option(v, d, names[which][0], PICK(d, values));
    expect(v, CODE(2), names[which][1]);
    return true;
}

/* Several wrong settings at once are still one sentence. */
static bool several_settings(const world *w, dice *d, invocation *v)
{
    char text[64], name[80];
    const int n = 2 + (int)roll(d, 30);
    say_words(v, "train run.ini");
    for (int i = 0; i < n; i++) {
        const known_key *k = pick_key(w, d);
        snprintf(name, sizeof name, "%s%s", k->name, roll(d, 3) ? "" : "q");
        say_option(v, d, name, bad_value(k, d, text));
    }
    expect(v, CODE(2), ".");
    return true;
}

/* ---- run files ------------------------------------------------------------------------------- */

/* bad.ini, by lines put in front of or behind those of run.ini. */
static bool write_ini(const world *w, const char *before, const char *after)
{
    char path[PATH_ROOM * 2], *text, *whole = NULL;
    size_t size;
    snprintf(path, sizeof path, "%s/run.ini", w->box);
    if (!file_load(path, &text, &size)) return false;
    const int n = asprintf(&whole, "%s%s%s", before, text, after);
    free(text);
    if (n < 0) abort();
    snprintf(path, sizeof path, "%s/bad.ini", w->box);
    const bool stored = file_store(path, whole, (size_t)n);
    free(whole);
    return stored;
}

static bool bad_line(const world *w, dice *d, invocation *v)
{
    static const char *const lines[] = {
        "[loss\n", "[]\n", "loss]\n", "[loss] more\n", "= 3\n", "[loss]\ntemperature\n",
        "[loss]\ntemperature 3\n", "[loss]\ntemperature = \"0.1\n",
        "[loss]\nname = \"infonce\" x\n",
        "[l\xffoss]\n", "[loss]\ntemperature = 0.1\ntemperature = 0.1\n", "\x1b[31m\n",
        "[zonk]\nzonk = 1\n", "[loss]\nzonk = 1\n", "[loss]\nmargin = 0.2\n", "[batch]\nsize = 0\n",
        "[batch]\nsize = sixteen\n", "[batch]\nsize =\n", "[loss]\ntemperature = 1e400\n",
        "[run]\ndevice = cuda\n", "[optim]\nname = adamm\n", "[data]\nstore =\n", "[run]\ndir = \n",
        "[loss]\nname = infonce # and\nlearn = margin\n", "[eval]\nevery = -1\n",
        "[run]\ndir = ${run.dir}\n", "[run]\ndir = ${no.such}\n",
        "[schedule]\nsteps = 0\nepochs = 0\n",
        "garbage\n", "<xml/>\n", "{\"json\": 1}\n", "\t=\n", "[loss]\n\"name\" = infonce\n"
    };
    (void)w;
    if (!write_ini(w, "", PICK(d, lines))) return false;
    say_words(v, "train bad.ini");
    expect(v, CODE(2), "bad.ini");
    also_named(v, "run.dir");
    also_named(v, "schedule.");
    also_named(v, "data.store");
    also_named(v, "run.device");
    also_named(v, "loss.learn");
    return true;
}

static bool bad_value_in_file(const world *w, dice *d, invocation *v)
{
    char text[64], line[256], section[64];
    const known_key *k = pick_key(w, d);
    const char *value = bad_value(k, d, text);
    if (!strcmp(value, "\n1")) value = "";
    const size_t n = strcspn(k->name, ".");
    snprintf(section, sizeof section, "%.*s", (int)n, k->name);
    snprintf(line, sizeof line, "[%s]\n%s = %s\n", section, k->name + n + 1, value);
    if (!write_ini(w, "", line)) return false;
    say_words(v, "train bad.ini");
    expect(v, CODE(2), "bad.ini:");
    return true;
}

/* A whole file that is no run file. */
static bool no_run_file(const world *w, dice *d, invocation *v)
{
    char path[PATH_ROOM * 2], bytes[3000];
    const int kind = (int)roll(d, 3);
    const size_t n = 20 + roll(d, sizeof bytes - 20);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)(kind == 0 ? (int)roll(d, 256) : kind == 1 ? 0x80 | (int)roll(d, 128)
                          : 'a' + (int)roll(d, 26));
    snprintf(path, sizeof path, "%s/bad.ini", w->box);
    if (!file_store(path, bytes, n)) return false;
    say_words(v, "train bad.ini");
    expect(v, CODE(2), "bad.ini");
    return true;
}

static bool wrong_folder(const world *w, dice *d, invocation *v)
{
    static const char *const forms[][2] = {
        { "train run.ini --run.dir other", "other" },
        { "train run.ini --run.dir other --overwrite", "other" },
        { "train run.ini --run.dir other --resume", "other" },
        { "train run.ini --run.dir run", "run" }, { "train run.ini --run.dir part", "part" },
        { "train run.ini --run.dir nowhere --resume", "nowhere" },
        { "train run.ini --resume", "fresh" }, { "train run.ini --resume best", "fresh" },
        { "train part/run.ini --resume --optim.lr 0.5", "optim.lr" },
        { "train part/run.ini --resume --encoder.dim 8", "encoder.dim" },
        { "train part/run.ini --resume --run.seed 8", "run.seed" },
        { "train part/run.ini --resume --loss.name sigmoid", "loss." },
    };
    (void)w;
    const size_t which = roll(d, sizeof forms / sizeof *forms);
    say_words(v, forms[which][0]);
    expect(v, CODE(2), forms[which][1]);
    return true;
}

/* Settings that are each allowed, but not possible with this data or together. */
static bool impossible_setting(const world *w, dice *d, invocation *v)
{
    static const struct { const char *words, *named; unsigned codes; } forms[] = {
        { "train run.ini --batch.size 5000", "batch", CODE(2) | CODE(3) },
        { "train run.ini --batch.repeat nonsense", "batch.repeat", CODE(2) },
        { "train run.ini --batch.repeat text=2", "batch.repeat", CODE(2) },
        { "train run.ini --loss.learn margin", "loss", CODE(2) },
        { "train run.ini --run.memory 1", "memory", CODE(6) },
        { "train run.ini --schedule.steps 0 --schedule.epochs 0", "schedule", CODE(2) },
        { "train run.ini --loss.name triplet --loss.final_temperature 1", "temperature", CODE(2) },
        { "train run.ini --optim.name sgd --optim.lr 1000 --optim.weight_decay 1 --schedule.steps "
          "2000 --schedule.warmup 0 --eval.every 0", "not finite", CODE(4) },
        { "train run.ini --batch.size 10000000 --schedule.steps 2", "batch",
          CODE(2) | CODE(3) | CODE(6) },
    };
    (void)w;
    const size_t which = roll(d, sizeof forms / sizeof *forms);
    say_words(v, forms[which].words);
    expect(v, forms[which].codes, forms[which].named);
    if (forms[which].codes == CODE(4)) snprintf(v->grows, sizeof v->grows, "fresh");
    return true;
}

const mistake mistakes_keys[] = {
    { "bad setting", 5, bad_setting }, { "bad text", 1, bad_text },
    { "unknown key", 3, unknown_key },
    { "bad short setting", 2, bad_alias }, { "several bad settings", 1, several_settings },
    { "bad line in a run file", 3, bad_line }, { "bad value in a run file", 3, bad_value_in_file },
    { "no run file", 2, no_run_file }, { "wrong run folder", 2, wrong_folder },
    { "impossible setting", 1, impossible_setting }, { NULL, 0, NULL }
};
