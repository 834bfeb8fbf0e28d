/* Loss, settings: hyperparameters, choices and which arrays go together. */
#include <stdio.h>
#include <string.h>

#include "cli/args.h"
#include "cli/loss.h"

#define PREFIX "loss."

/* ---- names ---------------------------------------------------------------------------------- */

enum { NAMES_MOST = 400, NAME_ROOM = 48 };

static bool known(char table[][NAME_ROOM], int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(table[i], name)) return true;
    return false;
}

/* Every hyperparameter of every loss, alone and behind "loss.": which of them this loss has is
 * told when the loss is known. */
const char *loss_setting_name(int i)
{
    static char table[NAMES_MOST][NAME_ROOM];
    static int n;
    const bool made = n > 0;
    for (int loss = 0; !made && loss < kin_losses.count; loss++)
        for (const kin_hyper *h = kin_losses.items[loss]->hypers; h->name; h++) {
            if (n + 2 > NAMES_MOST || known(table, n, h->name)) continue;
            snprintf(table[n++], NAME_ROOM, "%s", h->name);
            snprintf(table[n++], NAME_ROOM, PREFIX "%s", h->name);
        }
    return i < n ? table[i] : NULL;
}

static bool is_option(const verb_option *o, const char *name)
{
    for (; o->name; o++)
        if (!strcmp(o->name, name)) return true;
    return false;
}

/* ---- hyperparameters ------------------------------------------------------------------------ */

static kin_status no_such(const loss_call *c, const char *name)
{
    const kin_entry *e = &c->loss->entry;
    const char *names[KIN_HYPERS_MAX];
    char all[512] = "";
    const int n = kin_hyper_count(e);
    for (int i = 0; i < n; i++) {
        names[i] = e->hypers[i].name;
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = kin_nearest(name, names, n);
    if (near)
        return kin_fail(KIN_USAGE, "%s has no setting '%s'; did you mean '%s'?", e->name, name,
                        near);
    return kin_fail(KIN_USAGE, "%s has no setting '%s'; it has %s", e->name, name,
                    n ? all : "none");
}

/* Sets the hyperparameter, unless the name is an option's own; "loss." before it says that it is
 * none. */
static kin_status read_hyper(loss_call *c, const char *given, const char *text)
{
    const size_t length = sizeof PREFIX - 1;
    const bool prefixed = !strncmp(given, PREFIX, length);
    const char *name = prefixed ? given + length : given;
    const int place = kin_hyper_find(&c->loss->entry, name);
    const bool option = is_option(verb_loss.options, name) || is_option(args_common, name);
    if (!prefixed && option && !(place >= 0 && !strcmp(name, "swap"))) return KIN_OK;
    if (place < 0) return no_such(c, name);
    return kin_hyper_parse(&c->loss->entry.hypers[place], given, text, &c->setting.hypers[place]);
}

static kin_status read_learned(loss_call *c, const char *text)
{
    while (text && *text) {
        char name[64];
        const size_t n = strcspn(text, ", ");
        snprintf(name, sizeof name, "%.*s", (int)n, text);
        text += n + strspn(text + n, ", ");
        if (!n) continue;
        const int i = kin_hyper_find(&c->loss->entry, name);
        if (i < 0) return no_such(c, name);
        KIN_REQUIRE(c->loss->entry.hypers[i].flags & KIN_LEARNABLE, KIN_USAGE,
                    "--learn names %s, which %s does not learn", name, c->loss->entry.name);
        c->setting.learned[i] = &c->learned[i];
    }
    return KIN_OK;
}

/* ---- choices -------------------------------------------------------------------------------- */

static kin_status read_switch(const loss_call *c, const char *name, bool *value)
{
    const kin_hyper truth = { .name = name, .max = 1, .flags = KIN_BOOLEAN };
    char where[32];
    double number = 0;
    const char *text = args_get(c->args, name);
    snprintf(where, sizeof where, "--%s", name);
    if (text) KIN_TRY(kin_hyper_parse(&truth, where, text, &number));
    *value = number != 0;
    return KIN_OK;
}

static kin_status read_choices(loss_call *c)
{
    bool symmetric;
    for (const kin_hyper *h = kin_loss_choices; h->name; h++) {
        const char *text = args_get(c->args, h->name);
        char where[32];
        double place = h->value;
        snprintf(where, sizeof where, "--%s", h->name);
        if (text) KIN_TRY(kin_hyper_parse(h, where, text, &place));
        *kin_loss_choice(&c->setting, h->name) = (int)place;
    }
    KIN_TRY(read_switch(c, "symmetric", &symmetric));
    KIN_REQUIRE(!symmetric || !args_has(c->args, "direction"), KIN_USAGE,
                "--symmetric and --direction exclude each other");
    if (symmetric) c->setting.direction = KIN_BOTH_WAYS;
    return KIN_OK;
}

/* ---- which arrays go together --------------------------------------------------------------- */

static kin_status read_paths(loss_call *c)
{
    for (int i = 0; i < LOSS_ARRAYS; i++)
        if (i != LOSS_LABEL && i != LOSS_DOCUMENT_LABEL)
            c->array[i].path = args_get(c->args, c->array[i].option);
    for (int i = 0; i < c->args->options; i++) {
        if (strcmp(c->args->name[i], "label")) continue;
        KIN_REQUIRE(!c->array[LOSS_DOCUMENT_LABEL].path, KIN_USAGE,
                    "--label was given three times, expected labels of queries and of documents");
        const int to = c->array[LOSS_LABEL].path ? LOSS_DOCUMENT_LABEL : LOSS_LABEL;
        c->array[to].path = c->args->text[i];
    }
    return KIN_OK;
}

static kin_status check_excluded(const loss_call *c)
{
    static const int pairs[][2] = {
        { LOSS_SCORE, LOSS_QUERY }, { LOSS_SCORE, LOSS_DOCUMENT }, { LOSS_SCORE, LOSS_NEGATIVE },
        { LOSS_SCORE, LOSS_PROXY }, { LOSS_SCORE, LOSS_TRIPLET },
        { LOSS_PROXY, LOSS_DOCUMENT }, { LOSS_PROXY, LOSS_NEGATIVE },
        { LOSS_PROXY, LOSS_POSITIVE }, { LOSS_PROXY, LOSS_TRIPLET }, { LOSS_PROXY, LOSS_TARGET },
        { LOSS_TRIPLET, LOSS_LABEL }, { LOSS_TRIPLET, LOSS_POSITIVE },
        { LOSS_TRIPLET, LOSS_NEGATIVE }, { LOSS_POSITIVE, LOSS_LABEL },
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        KIN_REQUIRE(!loss_given(c, pairs[i][0]) || !loss_given(c, pairs[i][1]), KIN_USAGE,
                    "--%s and --%s exclude each other", c->array[pairs[i][0]].option,
                    c->array[pairs[i][1]].option);
    return KIN_OK;
}

static kin_status check_missing(const loss_call *c)
{
    const bool score = loss_given(c, LOSS_SCORE), document = loss_given(c, LOSS_DOCUMENT);
    const bool related = loss_given(c, LOSS_LABEL) || loss_given(c, LOSS_POSITIVE) ||
                         loss_given(c, LOSS_TRIPLET) || loss_given(c, LOSS_TARGET);
    KIN_REQUIRE(score || loss_given(c, LOSS_QUERY), KIN_USAGE,
                "--query Q.npy (or --score S.npy) is missing");
    KIN_REQUIRE(!loss_given(c, LOSS_PROXY) || loss_given(c, LOSS_LABEL), KIN_USAGE,
                "--proxy needs --label Y.npy: which proxy is each query's");
    KIN_REQUIRE(!loss_given(c, LOSS_NEGATIVE) || document, KIN_USAGE,
                "--negative needs --document K.npy: the positives");
    KIN_REQUIRE(!loss_given(c, LOSS_DOCUMENT_LABEL) || document || score, KIN_USAGE,
                "a second --label needs --document K.npy, whose labels it holds");
    const bool rows = c->loss->form == KIN_COMPOSED && !(c->loss->takes & KIN_LABELS);
    KIN_REQUIRE(score || document || related || c->loss->each_side, KIN_USAGE,
                "--document K.npy is missing%s", rows ? ": row i is row i of the queries once more"
                : ", or what else tells positives: --label, --positive, --triplet");
    KIN_REQUIRE(!c->self || score, KIN_USAGE, "--self needs --score");
    KIN_REQUIRE(!c->swap || loss_given(c, LOSS_TRIPLET), KIN_USAGE, "--swap needs --triplet");
    KIN_REQUIRE(!c->swap || !document, KIN_USAGE, "--swap needs triplets of queries alone, without "
                "--document");
    KIN_REQUIRE(!loss_given(c, LOSS_TARGET) || (c->loss->takes & KIN_TARGETS), KIN_USAGE,
                "%s takes no --target", c->loss->entry.name);
    KIN_REQUIRE(loss_given(c, LOSS_TARGET) || !(c->loss->takes & KIN_TARGETS), KIN_USAGE,
                "%s needs --target T.npy: how alike a query and a document should be",
                c->loss->entry.name);
    return KIN_OK;
}

kin_status loss_read_settings(loss_call *c)
{
    KIN_TRY(kin_loss_default(&c->setting, c->args->positional[0]));
    c->loss = kin_loss_of(kin_losses.items[c->setting.loss]);
    c->self = args_has(c->args, "self");
    for (int i = 0; i < c->args->options; i++) {
        KIN_TRY(read_hyper(c, c->args->name[i], c->args->text[i]));
        if (!strcmp(c->args->name[i], "learn")) KIN_TRY(read_learned(c, c->args->text[i]));
    }
    if (kin_hyper_find(&c->loss->entry, "swap") < 0) KIN_TRY(read_switch(c, "swap", &c->swap));
    KIN_TRY(read_choices(c));
    KIN_TRY(read_paths(c));
    KIN_TRY(check_excluded(c));
    return check_missing(c);
}
