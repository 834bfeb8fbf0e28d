#include "cli/args.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/entry.h"
#include "train/config.h"

const verb_option args_common[] = {
    { "help", NULL, "say what the verb does and how" },
    { "json", NULL, "print results as JSON" },
    { "quiet", NULL, "no progress, only results and errors" },
    { "threads", "N", "threads (default: what the machine allows)" },
    { NULL, NULL, NULL }
};

const char *args_get(const args *a, const char *name)
{
    for (int i = a->options; i-- > 0;)
        if (!strcmp(a->name[i], name)) return a->text[i];
    return NULL;
}

bool args_has(const args *a, const char *name)
{
    return args_get(a, name) != NULL;
}

kin_status args_integer(const args *a, const char *name, long low, long high, long otherwise,
                        long *value)
{
    const char *text = args_get(a, name);
    *value = otherwise;
    if (!text) return KIN_OK;
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    const bool read = *text && !isspace((unsigned char)*text) && !*end && !errno;
    KIN_REQUIRE(read && *value >= low && *value <= high, KIN_USAGE,
                "--%s is '%s', expected a whole number from %ld to %ld", name, text, low, high);
    return KIN_OK;
}

/* ---- which options there are --------------------------------------------------------------- */

static const verb_option *find_in(const verb_option *table, const char *name, size_t length)
{
    for (; table && table->name; table++)
        if (strlen(table->name) == length && !strncmp(table->name, name, length)) return table;
    return NULL;
}

static bool is_setting(const verb *v, const char *name, size_t length)
{
    const char *setting;
    for (int i = 0; v->setting && (setting = v->setting(i)); i++)
        if (strlen(setting) == length && !strncmp(setting, name, length)) return true;
    return false;
}

static const verb_option *find_option(const verb *v, const char *name, size_t length)
{
    static const verb_option key = { "section.key", "VALUE", "" };
    const verb_option *found = find_in(v->options, name, length);
    if (!found) found = find_in(args_common, name, length);
    if (found) return found;
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    const bool run_key = v->run_keys && (memchr(name, '.', length) || kin_config_alias(word));
    return run_key || is_setting(v, name, length) ? &key : NULL;
}

static kin_status unknown_option(const verb *v, const char *given)
{
    enum { MOST = 512 };
    const char *names[MOST], *setting;
    int n = 0;
    for (const verb_option *o = v->options; o && o->name && n < MOST; o++) names[n++] = o->name;
    for (const verb_option *o = args_common; o->name && n < MOST; o++) names[n++] = o->name;
    for (int i = 0; v->setting && n < MOST && (setting = v->setting(i)); i++)
        names[n++] = setting;
    const char *near = kin_nearest(given, names, n);
    if (near)
        return kin_fail(KIN_USAGE, "unknown option --%s; did you mean --%s?", given, near);
    return kin_fail(KIN_USAGE, "unknown option --%s; 'kin %s --help' lists the options", given,
                    v->name);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* One option at argv[*i], a copy; the value is behind '=' or is the next word. */
static kin_status read_option(const verb *v, int argc, char **argv, int *i, args *out)
{
    char *name = argv[*i] + 2, *equal = strchr(name, '=');
    const size_t length = equal ? (size_t)(equal - name) : strlen(name);
    const verb_option *option = find_option(v, name, length);
    if (equal) *equal = 0;
    if (!option) return unknown_option(v, name);
    const char *text = equal ? equal + 1 : "";
    if (!option->value) {
        KIN_REQUIRE(!equal, KIN_USAGE, "--%s takes no value, but '%s' was given", name, text);
    } else if (!equal) {
        /* A value in brackets may be left out: --resume [WHICH]. A last word that an argument is
         * still missing for is that argument. */
        const bool optional = option->value[0] == '[';
        const bool argument = *i + 2 == argc && out->count < v->least;
        const bool there = *i + 1 < argc
                           && (!optional || (argv[*i + 1][0] != '-' && !argument));
        KIN_REQUIRE(there || optional, KIN_USAGE, "--%s needs a value (%s)", name, option->value);
        if (there) text = argv[++*i];
    }
    out->name[out->options] = name;
    out->text[out->options++] = text;
    return KIN_OK;
}

/* Also where the verb has no use for them. Those of a training are a key of its run file. */
static kin_status check_threads(const verb *v, const args *a)
{
    long threads;
    return v->run_keys ? KIN_OK : args_integer(a, "threads", 1, THREADS_MOST, 0, &threads);
}

static kin_status check_count(const verb *v, const args *a)
{
    if (args_has(a, "help")) return KIN_OK;
    KIN_TRY(check_threads(v, a));
    KIN_REQUIRE(a->count >= v->least, KIN_USAGE, "%s is missing; usage: kin %s %s",
                a->count ? "another argument" : "an argument", v->name, v->usage);
    KIN_REQUIRE(a->count <= v->most, KIN_USAGE, "unexpected argument '%s'; usage: kin %s %s",
                a->positional[v->most], v->name, v->usage);
    return KIN_OK;
}

/* Reading cuts words at '='; argv stays whole, for whoever hands it on. */
static kin_status copy_words(int argc, char **argv, args *out)
{
    out->words = calloc((size_t)argc + 1, sizeof(char *));
    bool copied = out->words != NULL;
    for (int i = 0; copied && i < argc; i++) copied = (out->words[i] = strdup(argv[i])) != NULL;
    KIN_REQUIRE(copied, KIN_MEMORY, "no memory for %d arguments", argc);
    return KIN_OK;
}

kin_status args_read(const verb *v, int argc, char **argv, args *out)
{
    *out = (args){ .program = argv[0], .argc = argc, .argv = argv };
    KIN_TRY(copy_words(argc, argv, out));
    argv = out->words;
    out->positional = calloc((size_t)argc + 1, sizeof(char *));
    out->name = calloc((size_t)argc + 1, sizeof(char *));
    out->text = calloc((size_t)argc + 1, sizeof(char *));
    KIN_REQUIRE(out->positional && out->name && out->text, KIN_MEMORY,
                "no memory for %d arguments", argc);
    bool only_words = false;                     /* after -- */
    for (int i = 2; i < argc; i++) {
        if (!only_words && !strcmp(argv[i], "--")) {
            only_words = true;
        } else if (!only_words && !strcmp(argv[i], "-h")) {
            out->name[out->options] = "help";
            out->text[out->options++] = "";
        } else if (!only_words && !strncmp(argv[i], "--", 2)) {
            KIN_TRY(read_option(v, argc, argv, &i, out));
        } else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
            return unknown_option(v, argv[i] + 1);
        } else {
            out->positional[out->count++] = argv[i];
        }
    }
    return check_count(v, out);
}

void args_done(args *a)
{
    free(a->positional);
    free(a->name);
    free(a->text);
    for (int i = 0; a->words && i < a->argc; i++) free(a->words[i]);
    free(a->words);
    *a = (args){ 0 };
}
