/* Checks the settings together: references, unknown keys, types, ranges, names, paths. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "data/text.h"
#include "losses/loss.h"
#include "train/config_parts.h"

enum { ERRORS_MAX = 6, DEPTH_MAX = 8, REFERENCES_MAX = 1000, VALUE_MAX = CONFIG_VALUE_MAX,
       ITEMS_MAX = 256 };

const char *config_where(const kin_config *c, const char *key)
{
    const given *g = config_given(c, key);
    return g ? g->where : NULL;
}

void config_complain(resolving *r, const char *where)
{
    if (r->errors++ >= ERRORS_MAX) return;
    const size_t used = strlen(r->message);
    snprintf(r->message + used, sizeof r->message - used, "%s%s%s%s", used ? "; " : "",
             where ? where : "", where ? ": " : "", kin_message());
}

/* ---- ${section.key} -------------------------------------------------------------------------- */

/* The value of a key before it is checked: as given, or its default. */
static bool raw_value(const kin_config *c, const char *key, char value[VALUE_MAX])
{
    const given *g = config_given(c, key);
    if (g) {
        snprintf(value, VALUE_MAX, "%s", g->value);
        return true;
    }
    for (const config_spec *s = config_specs; s->section; s++) {
        char name[CONFIG_KEY_MAX];
        snprintf(name, sizeof name, "%s.%s", s->section, s->hyper.name);
        if (strcmp(name, key)) continue;
        if (s->kind == CONFIG_SHORT) return false;
        if (s->text)
            snprintf(value, VALUE_MAX, "%s", s->text);
        else
            kin_hyper_print(&s->hyper, s->hyper.value, value, VALUE_MAX);
        return true;
    }
    return false;
}

/* Length of the reference that text begins with, or 0. */
static int reference(const char *text, char key[CONFIG_KEY_MAX])
{
    int length = 0;
    if (*text != '$' || sscanf(text, "${%90[a-zA-Z0-9_.]}%n", key, &length) != 1) return 0;
    return length;
}

/* out = text with every reference replaced by that key's value, itself expanded. left: how many
 * more are allowed, because references to references to nothing can be many without being long. */
static kin_status expand_at(const kin_config *c, const char *text, char out[VALUE_MAX], int depth,
                            int *left)
{
    size_t used = 0;
    KIN_REQUIRE(depth < DEPTH_MAX, KIN_USAGE, "references go round in a circle at '%.60s'", text);
    while (*text) {
        char key[CONFIG_KEY_MAX], raw[VALUE_MAX], value[VALUE_MAX];
        const int length = reference(text, key);
        value[0] = *text, value[1] = 0;
        if (length) {
            KIN_REQUIRE((*left)-- > 0, KIN_USAGE, "more than %d references in one value",
                        REFERENCES_MAX);
            KIN_REQUIRE(raw_value(c, key, raw), KIN_USAGE, "${%s}: there is no such key", key);
            KIN_TRY(expand_at(c, raw, value, depth + 1, left));
        }
        text += length ? length : 1;
        const size_t more = strlen(value);
        out[used] = 0;
        KIN_REQUIRE(used + more < VALUE_MAX, KIN_USAGE,
                    "the value that begins '%.60s' is longer than %d bytes", out, VALUE_MAX - 1);
        memcpy(out + used, value, more);
        used += more;
    }
    out[used] = 0;
    return KIN_OK;
}

/* A result that is itself a reference would be another value when the printed run file is read. */
static kin_status expand(const kin_config *c, const char *text, char out[VALUE_MAX])
{
    char key[CONFIG_KEY_MAX];
    int left = REFERENCES_MAX;
    KIN_TRY(expand_at(c, text, out, 0, &left));
    for (const char *at = out; (at = strchr(at, '$')); at++)
        KIN_REQUIRE(!reference(at, key), KIN_USAGE, "references put together a new one, ${%s}",
                    key);
    return KIN_OK;
}

kin_status config_expanded(const kin_config *c, const char *key, char value[VALUE_MAX])
{
    char raw[VALUE_MAX];
    *value = 0;
    return raw_value(c, key, raw) ? expand(c, raw, value) : KIN_OK;
}

/* ---- one key --------------------------------------------------------------------------------- */

static kin_status read_path(const given *g, const char *text, char value[VALUE_MAX])
{
    if (!*text || !g) {
        snprintf(value, VALUE_MAX, "%s", text);
        return KIN_OK;
    }
    while (!strncmp(text, "./", 2)) text += 2;
    if (!strcmp(text, ".")) text = "";
    if (!*text) {
        snprintf(value, VALUE_MAX, "%s", g->base);
        return KIN_OK;
    }
    return kin_path_join(value, VALUE_MAX, g->base, text);
}

static kin_status read_number(const config_spec *s, const char *key, const char *text, item *to)
{
    KIN_TRY(kin_hyper_parse(&s->hyper, key, text, &to->number));
    KIN_REQUIRE(s->kind != CONFIG_SHARE || to->number < 1 || to->number == floor(to->number),
                KIN_USAGE, "%s is %s; expected a share below 1 or a whole number of steps", key,
                text);
    return KIN_OK;
}

/* One more item, with the number and text of its key. */
static void add_item(resolving *r, const char *section, const config_spec *s)
{
    kin_config *c = r->config;
    char value[VALUE_MAX] = "", text[VALUE_MAX];
    if (s->kind == CONFIG_SHORT) return;             /* what it is short for is an item */
    item *to = &c->item[c->items];
    memset(to, 0, sizeof *to);
    snprintf(to->key, sizeof to->key, "%s.%s", section, s->hyper.name);
    to->section = section;
    const given *g = config_given(c, to->key);
    const bool numeric = s->kind == CONFIG_NUMBER || s->kind == CONFIG_SHARE;
    kin_status status = KIN_OK;
    to->number = s->hyper.value;
    if (g) status = expand(c, g->value, text);
    else snprintf(text, sizeof text, "%s", s->text ? s->text : "");
    if (!status && numeric && g) status = read_number(s, to->key, text, to);
    if (!status && s->kind == CONFIG_PATH) status = read_path(g, text, value);
    if (!status && s->kind == CONFIG_TEXT && !kin_utf8_valid(text, (int64_t)strlen(text)))
        status = kin_fail(KIN_USAGE, "%s is not UTF-8", to->key);
    if (status) config_complain(r, g ? g->where : NULL);
    if (numeric) kin_hyper_print(&s->hyper, to->number, value, sizeof value);
    else if (s->kind != CONFIG_PATH) memcpy(value, text, sizeof value);
    to->text = strdup(value);
    c->items++;
}

/* A table's keys, with a prefix before their names. */
static void add_table(resolving *r, const char *section, const char *prefix, const kin_hyper *h)
{
    for (; h && h->name; h++) {
        char name[CONFIG_KEY_MAX];
        config_spec own = { section, CONFIG_NUMBER, *h, NULL };
        snprintf(name, sizeof name, "%s%s", prefix, h->name);
        own.hyper.name = name;
        add_item(r, section, &own);
    }
}

/* What follows a section's own keys: tables of other rooms, settings of the chosen entry. */
static void add_chosen(resolving *r, const char *section)
{
    kin_config *c = r->config;
    const kin_list *list = config_list_of(section);
    const int terms = list == &kin_losses ? c->terms : 0;
    add_table(r, section, "", config_table_of(section));
    if (list && !terms)
        add_table(r, section, "", list->items[kin_config_entry(c, section)]->hypers);
    for (int i = 0; i < terms; i++) {
        char prefix[CONFIG_KEY_MAX];
        const kin_entry *e = list->items[c->term[i].loss];
        snprintf(prefix, sizeof prefix, "%s.", e->name);
        add_table(r, section, prefix, e->hypers);
    }
}

static kin_status add_items(resolving *r)
{
    kin_config *c = r->config;
    c->item = calloc(ITEMS_MAX, sizeof *c->item);
    KIN_REQUIRE(c->item, KIN_MEMORY, "no memory for the settings");
    for (const config_spec *s = config_specs; s->section; s++) {
        add_item(r, s->section, s);
        if (!s[1].section || strcmp(s[1].section, s->section)) add_chosen(r, s->section);
    }
    for (int i = 0; i < c->items; i++)
        KIN_REQUIRE(c->item[i].text, KIN_MEMORY, "no memory for the settings");
    return KIN_OK;
}

/* ---- names and unknown keys ------------------------------------------------------------------ */

static void choose_entries(resolving *r)
{
    kin_config *c = r->config;
    for (int i = 0; i < CONFIG_LISTS; i++) {
        char key[CONFIG_KEY_MAX], raw[VALUE_MAX], name[VALUE_MAX];
        snprintf(key, sizeof key, "%s.name", config_lists[i].section);
        const given *g = config_given(c, key);
        raw_value(c, key, raw);
        if (expand(c, raw, name) || kin_list_find(config_lists[i].list, name, &c->entry[i])) {
            config_complain(r, g ? g->where : NULL);
            c->entry[i] = 0;
        }
    }
}

/* The entry of the section's list that has this hyperparameter, or NULL. */
static const char *other_owner(const char *key)
{
    const char *dot = strchr(key, '.');
    for (int i = 0; i < CONFIG_LISTS && dot; i++) {
        const kin_list *list = config_lists[i].list;
        const size_t n = strlen(config_lists[i].section);
        if ((size_t)(dot - key) != n || strncmp(key, config_lists[i].section, n)) continue;
        for (int k = 0; k < list->count; k++)
            if (kin_hyper_find(list->items[k], dot + 1) >= 0) return list->items[k]->name;
    }
    return NULL;
}

static void refuse(resolving *r, const given *g)
{
    const kin_config *c = r->config;
    const char *names[ITEMS_MAX];
    if (r->errors >= ERRORS_MAX) {           /* only counted: the nearest name takes time to find */
        r->errors++;
        return;
    }
    if (config_explain_loss_key(c, g->key)) {
        config_complain(r, g->where);
        return;
    }
    const char *owner = other_owner(g->key);
    for (int i = 0; i < c->items; i++) names[i] = c->item[i].key;
    const char *near = kin_nearest(g->key, names, c->items);
    if (owner) {
        const int section = (int)(strchr(g->key, '.') - g->key);
        char name_key[CONFIG_KEY_MAX];
        snprintf(name_key, sizeof name_key, "%.*s.name", section, g->key);
        kin_fail(KIN_USAGE, "%s is a setting of '%s', but %s is '%.80s': take it out", g->key,
                 owner, name_key, kin_config_text(c, name_key));
    } else if (near) {
        kin_fail(KIN_USAGE, "unknown key %.80s; did you mean %s?", g->key, near);
    } else {
        kin_fail(KIN_USAGE, "unknown key %.80s", g->key);
    }
    config_complain(r, g->where);
}

static void refuse_unknown(resolving *r)
{
    const kin_config *c = r->config;
    for (int i = 0; i < c->settings; i++) {
        int k = 0;
        while (k < c->items && strcmp(c->item[k].key, c->setting[i].key)) k++;
        if (k == c->items) refuse(r, &c->setting[i]);
    }
}

/* ---- what concerns several keys -------------------------------------------------------------- */

static void need_text(resolving *r, const char *key, const char *what)
{
    const given *g = config_given(r->config, key);
    if (*kin_config_text(r->config, key) || (g && *g->value)) return;     /* there, if only wrong */
    kin_fail(KIN_USAGE, "%s is missing: %s", key, what);
    config_complain(r, r->config->file);
}

static void check_length(resolving *r)
{
    const double seconds = kin_config_number(r->config, "schedule.seconds");
    const double steps = kin_config_number(r->config, "schedule.steps");
    if (seconds > 0 && steps > 0)
        kin_fail(KIN_USAGE, "schedule.seconds and schedule.steps both say how long the run is");
    else if (seconds > 0 || steps > 0 || kin_config_number(r->config, "schedule.epochs") > 0)
        return;
    else
        kin_fail(KIN_USAGE, "schedule.epochs, schedule.steps and schedule.seconds are all 0: the "
                 "run has no length");
    config_complain(r, config_where(r->config, "schedule.seconds"));
}

/* Patience is counted in steps. */
static void check_patience(resolving *r)
{
    const kin_config *c = r->config;
    if (kin_config_number(c, "eval.patience") == 0 || kin_config_number(c, "eval.every") >= 1
        || kin_config_number(c, "schedule.seconds") == 0) return;
    kin_fail(KIN_USAGE, "eval.patience is %s, but with schedule.seconds eval.every is a share of "
             "the time: expected steps", kin_config_text(c, "eval.patience"));
    config_complain(r, config_where(c, "eval.patience"));
}

static void check_together(resolving *r)
{
    need_text(r, "data.store", "the file that 'kin import' wrote");
    need_text(r, "run.dir", "the folder for this run's results");
    config_check_losses(r);
    config_check_negatives(r);
    check_length(r);
    check_patience(r);
}

kin_status kin_config_resolve(kin_config *c)
{
    resolving r = { .config = c };
    config_forget_items(c);
    choose_entries(&r);
    config_read_sum(&r);
    KIN_TRY(add_items(&r));
    refuse_unknown(&r);
    check_together(&r);
    if (!r.errors) return KIN_OK;
    if (r.errors > ERRORS_MAX) {
        const size_t used = strlen(r.message);
        snprintf(r.message + used, sizeof r.message - used, "; and %d more",
                 r.errors - ERRORS_MAX);
    }
    return kin_fail(KIN_USAGE, "%s", r.message);
}
