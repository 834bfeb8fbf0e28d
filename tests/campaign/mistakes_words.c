/* Wrong words: verbs, options, values and arguments that are not what the command takes. Nothing of
 * it may touch the box, and all of it is exit code 2. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign.h"

typedef struct { const char *name, *arguments; int most; } verb_shape;

static const verb_shape verbs[] = {
    { "import", "pairs pairs.tsv --out new.h5", 2 }, { "train", "run.ini", 1 },
    { "eval", "run", 1 }, { "embed", "run lines.txt --out out.npy", 2 },
    { "search", "run thing7", 2 }, { "loss", "infonce --query q.npy --document k.npy", 1 },
    { "list", "loss", 1 }, { "describe", "loss infonce", 2 },
    { "check", "gelu", 1 }, { "bench", "L1b", 1 }, { "doctor", "", 0 },
    { "ablate", "plan.ini", 1 }, { "report", "plan.ini", 1 },
};

static const verb_shape *say_verb(dice *d, invocation *v)
{
    const verb_shape *s = &PICK(d, verbs);
    say(v, s->name);
    say_words(v, s->arguments);
    return s;
}

/* A word of random bytes; never empty, never an option. */
static char *random_word(dice *d, char *out, size_t most)
{
    const int kind = (int)roll(d, 4);
    const size_t n = 1 + roll(d, most - 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(kind == 0 ? 'a' + (int)roll(d, 26) : kind == 1 ? 33 + (int)roll(d, 94)
                        : kind == 2 ? 1 + (int)roll(d, 255) : "\n\t\x1b\xff%s\"'\\=."[roll(d, 12)]);
    out[n] = 0;
    if (*out == '-') *out = '_';
    return out;
}

static bool unknown_verb(const world *w, dice *d, invocation *v)
{
    char word[40];
    (void)w;
    random_word(d, word, sizeof word);
    if (!strcmp(word, "help")) word[0] = 'H';
    say(v, word);
    if (roll(d, 2)) say_words(v, "run --json");
    expect(v, CODE(2), "unknown verb");
    return true;
}

static bool misspelt_verb(const world *w, dice *d, invocation *v)
{
    char word[40];
    (void)w;
    snprintf(word, sizeof word, "%s", PICK(d, verbs).name);
    const size_t at = roll(d, strlen(word));
    word[at] = word[at] == 'q' ? 'z' : 'q';
    say(v, word);
    expect(v, CODE(2), word);
    return true;
}

static bool no_verb(const world *w, dice *d, invocation *v)
{
    (void)w;
    if (roll(d, 2)) say(v, "");
    expect(v, CODE(2), "verb");
    return true;
}

static bool unknown_option(const world *w, dice *d, invocation *v)
{
    static const char *const names[] = { "zonk", "thread", "outt", "Json", "no-such", "x", "1",
                                         "splitt", "topp", "rolle", "quit", "validate", "\xff\xfe",
                                         "a b", "" };
    char name[64];
    (void)w;
    say_verb(d, v);
    if (roll(d, 3)) snprintf(name, sizeof name, "%s", PICK(d, names));
    else random_word(d, name, 30);
    for (char *c = name; *c; c++)
        if (*c == '.' || *c == '=') *c = '_';        /* would be the key of a run file, a value */
    if (!*name) snprintf(name, sizeof name, "-");
    say_option(v, d, name, "1");
    expect(v, CODE(2), "option");
    also_named(v, "argument");
    return true;
}

static bool short_option(const world *w, dice *d, invocation *v)
{
    char word[8] = "-x";
    (void)w;
    say_verb(d, v);
    word[1] = "abcdefgijklmnopqrstuvwxyzABC0123"[roll(d, 32)];
    say(v, word);
    expect(v, CODE(2), "unknown option");
    return true;
}

static bool missing_value(const world *w, dice *d, invocation *v)
{
    static const char *const ends[] = {
        "import pairs pairs.tsv --out", "train run.ini --run.dir", "train run.ini --lr",
        "eval run --split", "embed run lines.txt --out", "search run thing7 --top",
        "doctor --threads", "check --threads", "import pairs pairs.tsv --out x.h5 --validation",
        "embed run lines.txt --out out.npy --role", "bench L1b --repeats", "loss infonce --query",
        "loss circle --query q.npy --margin", "loss infonce --query q.npy --label"
    };
    (void)w;
    const char *words = PICK(d, ends);
    say_words(v, words);
    expect(v, CODE(2), strrchr(words, '-') - 1);
    return true;
}

static bool value_for_switch(const world *w, dice *d, invocation *v)
{
    static const char *const switches[] = { "--json=yes", "--quiet=1", "--help=x", "--json=" };
    (void)w;
    say_verb(d, v);
    say(v, PICK(d, switches));
    expect(v, CODE(2), "takes no value");
    return true;
}

static bool bad_number(const world *w, dice *d, invocation *v)
{
    static const char *const options[][2] = {
        { "search run thing7", "top" }, { "doctor", "threads" }, { "list", "threads" },
        { "search run thing7", "threads" }, { "embed run lines.txt --out out.npy", "threads" },
        { "eval run", "threads" }, { "check gelu", "threads" }, { "bench L1b", "repeats" },
        { "bench", "repeats" }, { "bench", "threads" },
        { "import pairs pairs.tsv --out new.h5", "threads" },
        { "describe loss infonce", "threads" }, { "train run.ini", "threads" },
        { "import pairs pairs.tsv --out new.h5", "fraction" },
        { "loss infonce --query q.npy --document k.npy", "temperature" },
        { "loss circle --query q.npy --label y.npy", "loss.gamma" },
        { "loss circle --query q.npy --label y.npy", "threads" },
    };
    static const char *const values[] = {
        "", "many", "-1", "-0.5", "1e99", "99999999999999999999", "nan", "inf", "3x", "x3",
        "--json", "\xff", "2,5", "1 2", "-9223372036854775809", "%d", "\n7"
    };
    (void)w;
    const size_t which = roll(d, sizeof options / sizeof *options);
    say_words(v, options[which][0]);
    say_option(v, d, options[which][1], PICK(d, values));
    expect(v, CODE(2), options[which][1]);
    return true;
}

static bool unknown_value(const world *w, dice *d, invocation *v)
{
    static const char *const options[][3] = {
        { "eval run", "split", "--split" },
        { "embed run lines.txt --out out.npy", "role", "--role" },
        { "loss infonce --query q.npy --document k.npy", "similarity", "--similarity" },
        { "loss infonce --query q.npy --document k.npy", "reduce", "--reduce" },
        { "loss infonce --query q.npy --document k.npy", "direction", "--direction" },
        { "loss infonce --query q.npy --document k.npy", "symmetric", "--symmetric" },
    };
    static const char *const values[] = { "", "dev", "TEST", "test ", "validation,test", "\xc3\x28",
                                          "documents", "train\n", "kin: no mistake" };
    (void)w;
    const size_t which = roll(d, sizeof options / sizeof *options);
    say_words(v, options[which][0]);
    say_option(v, d, options[which][1], PICK(d, values));
    expect(v, CODE(2), options[which][2]);
    return true;
}

static bool missing_argument(const world *w, dice *d, invocation *v)
{
    static const char *const forms[] = {
        "import", "import --out x.h5", "import pairs", "import pairs pairs.tsv", "train",
        "train --resume", "ablate", "ablate --dry-run", "report",
        "eval", "eval --split test", "embed", "embed run", "embed run lines.txt",
        "embed run --out out.npy", "search", "search --top 3", "describe", "describe loss",
        "import pairs --out new.h5", "embed --out out.npy --json", "loss", "loss infonce",
        "loss circle --query q.npy", "loss infonce --document k.npy"
    };
    (void)w;
    say_words(v, PICK(d, forms));
    expect(v, CODE(2), "missing");
    also_named(v, "needs");
    return true;
}

static bool too_many_arguments(const world *w, dice *d, invocation *v)
{
    char word[64];
    (void)w;
    const verb_shape *s = say_verb(d, v);
    const int n = s->most + 1 + (int)roll(d, roll(d, 8) ? 3 : 2000);
    for (int i = 0; i < n; i++) say(v, random_word(d, word, 20));
    expect(v, CODE(2), "unexpected argument");
    return true;
}

static bool beside_help(const world *w, dice *d, invocation *v)
{
    static const char *const forms[] = { "--help train", "-h x", "help --json", "--version x",
                                         "--versio", "-v", "--help --help", "train --help --zonk",
                                         "--json", "-", "--", "--version --json" };
    (void)w;
    say_words(v, PICK(d, forms));
    expect(v, CODE(2), "");
    return true;
}

static bool unknown_name(const world *w, dice *d, invocation *v)
{
    static const char *const forms[] = { "describe loss", "describe", "list", "check", "bench",
                                         "import", "describe encoder", "describe importer",
                                         "describe op", "describe optimizer", "describe schedule",
                                         "loss" };
    char word[200];
    (void)w;
    const char *form = PICK(d, forms);
    say_words(v, form);
    random_word(d, word, roll(d, 4) ? 20 : sizeof word);
    say(v, word);
    if (!strcmp(form, "describe")) say(v, "infonce");
    if (!strcmp(form, "import")) say_words(v, "pairs.tsv --out new.h5");
    if (!strcmp(form, "loss")) say_words(v, "--query q.npy --document k.npy");
    expect(v, CODE(2), "");
    return true;
}

static bool empty_words(const world *w, dice *d, invocation *v)
{
    static const char *const forms[] = { "describe loss", "list", "check", "bench", "describe op" };
    (void)w;
    say_words(v, PICK(d, forms));
    say(v, "");
    expect(v, CODE(2), "");
    return true;
}

static bool long_word(const world *w, dice *d, invocation *v)
{
    static const char *const forms[] = { "", "describe loss", "list", "check", "bench",
                                         "eval run --split",
                                         "doctor --threads", "train run.ini --loss.name" };
    const size_t n = 1000 + roll(d, 130000);
    char *word = malloc(n + 1);
    (void)w;
    if (!word) abort();
    memset(word, roll(d, 2) ? 'z' : 0xC3, n);
    word[n] = 0;
    say_words(v, PICK(d, forms));
    say(v, word);
    free(word);
    expect(v, CODE(2), "");
    return true;
}

static bool excluded_together(const world *w, dice *d, invocation *v)
{
    (void)w;
    say_words(v, "train part/run.ini --overwrite");
    say(v, roll(d, 2) ? "--resume" : "--resume=best");
    expect(v, CODE(2), "--resume");
    return true;
}

static bool foreign_option(const world *w, dice *d, invocation *v)
{
    static const char *const forms[][2] = {
        { "import wordnet --out new.h5 --fraction 0.2", "--fraction" },
        { "import wordnet --out new.h5 --validation val.tsv", "validation" },
        { "import pairs pairs.tsv --out new.h5 --fraction 1.5", "fraction" },
        { "eval run --top 3", "--top" }, { "search run x --split test", "--split" },
        { "doctor --run.dir x", "--run.dir" },
        { "embed run lines.txt --out out.npy --lr 1", "--lr" },
        { "loss circle --query q.npy --label y.npy --temperature 1", "temperature" },
        { "list loss --out x", "--out" }, { "bench L1b --out x", "--out" },
    };
    (void)w;
    const size_t which = roll(d, sizeof forms / sizeof *forms);
    say_words(v, forms[which][0]);
    expect(v, CODE(2), forms[which][1]);
    return true;
}

const mistake mistakes_words[] = {
    { "unknown verb", 2, unknown_verb }, { "misspelt verb", 1, misspelt_verb },
    { "no verb", 1, no_verb }, { "unknown option", 3, unknown_option },
    { "short option", 1, short_option }, { "missing value", 1, missing_value },
    { "value for a switch", 1, value_for_switch }, { "bad number", 4, bad_number },
    { "unknown value", 1, unknown_value }, { "missing argument", 1, missing_argument },
    { "too many arguments", 1, too_many_arguments }, { "words beside help", 1, beside_help },
    { "unknown name", 2, unknown_name }, { "empty word", 1, empty_words },
    { "very long word", 1, long_word }, { "excluded together", 1, excluded_together },
    { "option of another verb", 1, foreign_option }, { NULL, 0, NULL }
};
