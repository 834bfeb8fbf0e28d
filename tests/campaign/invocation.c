/* Invocations: putting one together and printing it as a shell would take it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign.h"
#include "core/rng.h"

uint64_t roll(dice *d, uint64_t n)
{
    return kin_random_below(d->seed, KIN_STREAM_TEST, d->number, d->index++, n);
}

void say(invocation *v, const char *word)
{
    if (v->words == WORDS_MAX) return;
    v->word[v->words++] = strdup(word);
    v->word[v->words] = NULL;
}

void say_words(invocation *v, const char *words)
{
    char *copy = strdup(words), *rest = NULL;
    for (char *w = strtok_r(copy, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) say(v, w);
    free(copy);
}

void say_option(invocation *v, dice *d, const char *name, const char *value)
{
    char *text = NULL;
    const bool joined = roll(d, 2);
    if (asprintf(&text, joined ? "--%s=%s" : "--%s", name, value) < 0) abort();
    say(v, text);
    if (!joined) say(v, value);
    free(text);
}

void expect(invocation *v, unsigned codes, const char *named)
{
    v->codes = codes;
    snprintf(v->named[0], sizeof v->named[0], "%s", named);
}

void also_named(invocation *v, const char *named)
{
    for (int i = 0; i < NAMES_MAX; i++) {
        if (*v->named[i]) continue;
        snprintf(v->named[i], sizeof v->named[i], "%s", named);
        return;
    }
}

void note(invocation *v, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(v->note, sizeof v->note, format, arguments);
    va_end(arguments);
}

void invocation_free(invocation *v)
{
    for (int i = 0; i < v->words; i++) free(v->word[i]);
    v->words = 0;
}

/* In $'...', where every byte that is not plain is an escape. */
static void print_word(const char *word)
{
    bool plain = *word;
    for (const char *c = word; *c; c++)
        plain &= *c > ' ' && *c < 127 && !strchr("'\"\\$`&|;<>()*?[]{}~#!", *c);
    if (plain) {
        printf(" %s", word);
        return;
    }
    printf(" $'");
    for (const char *c = word; *c; c++) {
        if (*c >= ' ' && *c < 127 && *c != '\'' && *c != '\\') putchar(*c);
        else printf("\\x%02x", (unsigned char)*c);
    }
    printf("'");
}

static void print_stream(stream kind, int number)
{
    static const char *const text[] = {
        [CLOSED] = "%d>&-", [FULL] = "%d>/dev/full", [BROKEN] = "%d> >(exec true)",
        [READ_ONLY] = "%d</dev/null",
    };
    if (kind == CAUGHT) return;
    putchar(' ');
    printf(text[kind], number);
}

void invocation_print(const world *w, const invocation *v)
{
    printf("  (cd %s;", w->box);
    if (v->file_limit) printf(" ulimit -f %ld;", (v->file_limit + 1023) / 1024);
    if (v->open_limit) printf(" ulimit -n %ld;", v->open_limit);
    if (v->locked) printf(" exec 9> %s/.lock; flock 9;", v->locked);
    if (*v->fifo) printf(" echo > %s &", v->fifo);
    if (v->signal) printf(" timeout -s %d %.3f", v->signal, v->signal_ms / 1000.0);
    if (v->nobody) printf(" setpriv --reuid=65534 --regid=65534 --clear-groups");
    printf(" %s", w->kin);
    for (int i = 0; i < v->words; i++) print_word(v->word[i]);
    if (v->in_closed) printf(" <&-");
    else if (v->in) printf(" < %s", v->in);
    print_stream(v->out, 1);
    print_stream(v->err, 2);
    printf(")\n");
    if (*v->note) printf("  %s\n", v->note);
}
