/* Config: takes settings from files and the command line, checks them together, answers. */
#include "train/config.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "train/config_keys.h"
#include "train/config_parts.h"
#include "train/ini.h"

kin_status kin_config_new(kin_config **config)
{
    *config = calloc(1, sizeof **config);
    KIN_REQUIRE(*config, KIN_MEMORY, "no memory for the settings");
    return KIN_OK;
}

void config_forget_items(kin_config *c)
{
    for (int i = 0; i < c->items; i++) free(c->item[i].text);
    free(c->item);
    c->item = NULL;
    c->items = 0;
}

void kin_config_free(kin_config *c)
{
    if (!c) return;
    config_forget_items(c);
    for (int i = 0; i < c->settings; i++) {
        free(c->setting[i].key);
        free(c->setting[i].value);
        free(c->setting[i].where);
        free(c->setting[i].base);
    }
    free(c->setting);
    free(c->file);
    free(c);
}

/* ---- taking settings ------------------------------------------------------------------------- */

given *config_given(const kin_config *c, const char *key)
{
    for (int i = 0; i < c->settings; i++)
        if (!strcmp(c->setting[i].key, key)) return &c->setting[i];
    return NULL;
}

/* There are far fewer keys, and each setting is looked for among the others. */
enum { SETTINGS_MAX = 1000 };

static kin_status grow(kin_config *c)
{
    if (c->settings < c->room) return KIN_OK;
    KIN_REQUIRE(c->settings < SETTINGS_MAX, KIN_USAGE, "more than %d different settings",
                SETTINGS_MAX);
    const int room = c->room ? 2 * c->room : SETTINGS_MAX / 8;
    given *more = realloc(c->setting, (size_t)room * sizeof *more);
    KIN_REQUIRE(more, KIN_MEMORY, "no memory for the settings");
    c->setting = more;
    c->room = room;
    return KIN_OK;
}

/* A run file has a setting a line: what cannot stand there could be saved but not read again. */
static kin_status check_line(const char *key, const char *value, const char *where)
{
    for (const char *c = value; *c; c++)
        KIN_REQUIRE((unsigned char)*c >= ' ' || *c == '\t', KIN_USAGE,
                    "%s: %s holds the control character 0x%02x, expected one line of text", where,
                    key, (unsigned char)*c);
    return KIN_OK;
}

static kin_status put(kin_config *c, const char *key, const char *value, const char *where,
                      const char *base)
{
    KIN_TRY(check_line(key, value, where));
    given *g = config_given(c, key);
    if (!g) {
        KIN_TRY(grow(c));
        g = &c->setting[c->settings++];
        memset(g, 0, sizeof *g);
        g->key = strdup(key);
    }
    free(g->value);
    free(g->where);
    free(g->base);
    g->value = strdup(value);
    g->where = strdup(where);
    g->base = strdup(base);
    KIN_REQUIRE(g->key && g->value && g->where && g->base, KIN_MEMORY,
                "no memory for the settings");
    return KIN_OK;
}

/* A switch that is short for another key: both may be written, but not against each other. before:
 * what the other was set to in the same place, or NULL. */
static kin_status put_short(kin_config *c, const config_short *s, const char *value,
                            const char *where, const char *base, const given *before)
{
    const kin_hyper truth = { .name = s->key, .max = 1, .flags = KIN_BOOLEAN };
    double on;
    if (kin_hyper_parse(&truth, s->key, value, &on)) return kin_fail_in(KIN_USAGE, "%s", where);
    const char *means = s->value[on != 0];
    KIN_REQUIRE(!before || !strcmp(before->value, means), KIN_USAGE,
                "%s: %s = %s means %s = %s, but %s says %s", where, s->key, value, s->means, means,
                before->where, before->value);
    return put(c, s->means, means, where, base);
}

static const config_short *short_of(const char *key)
{
    for (const config_short *s = config_shorts; s->key; s++)
        if (!strcmp(s->key, key)) return s;
    return NULL;
}

typedef struct {
    kin_config *config;
    const char *path, *base;
} loading;

static kin_status take_setting(void *state, const char *key, const char *value, int line)
{
    const loading *l = state;
    char where[PATH_MAX + 32], prefix[PATH_MAX + 2];
    snprintf(where, sizeof where, "%s:%d", l->path, line);
    snprintf(prefix, sizeof prefix, "%s:", l->path);
    const config_short *s = short_of(key);
    const given *before = config_given(l->config, s ? s->means : key);
    const bool here = before && !strncmp(before->where, prefix, strlen(prefix));
    if (s) return put_short(l->config, s, value, where, l->base, here ? before : NULL);
    if (here)
        return kin_fail(KIN_USAGE, "%s: %s was set before, at %s", where, key, before->where);
    const kin_status status = put(l->config, key, value, where, l->base);
    return status ? kin_fail_in(status, "%s", where) : KIN_OK;
}

/* The absolute path of the folder that a file is in. */
static kin_status folder_of(const char *path, char folder[PATH_MAX])
{
    char whole[PATH_MAX];
    KIN_REQUIRE(realpath(path, whole), KIN_DATA, "%s: %s", path, strerror(errno));
    char *slash = strrchr(whole, '/');
    slash[slash == whole] = 0;
    memcpy(folder, whole, strlen(whole) + 1);
    return KIN_OK;
}

kin_status kin_config_load(kin_config *c, const char *path)
{
    char folder[PATH_MAX], *text;
    size_t size;
    KIN_TRY(kin_file_read(path, &text, &size));
    free(c->file);
    c->file = strdup(path);
    kin_status status = folder_of(path, folder);
    loading l = { .config = c, .path = path, .base = folder };
    if (!status) status = kin_ini_parse(text, size, path, take_setting, &l);
    free(text);
    return status;
}

kin_status kin_config_load_own(kin_config *c, const char *path, const char *run)
{
    kin_status status = kin_config_load(c, path);
    if (!status && run) status = kin_config_set(c, "run.dir", run);
    if (!status) status = kin_config_resolve(c);
    return status == KIN_USAGE ? kin_fail(KIN_DATA, "%s: damaged: %s", path, kin_message())
                               : status;
}

kin_status kin_config_set_from(kin_config *c, const char *key, const char *value,
                               const char *where, const char *base)
{
    const config_short *s = short_of(key);
    return s ? put_short(c, s, value, where, base, NULL) : put(c, key, value, where, base);
}

bool kin_config_has(const kin_config *c, const char *key)
{
    for (int i = 0; i < c->items; i++)
        if (!strcmp(c->item[i].key, key)) return true;
    return false;
}

kin_status kin_config_set(kin_config *c, const char *key, const char *value)
{
    char base[PATH_MAX], where[160];
    KIN_REQUIRE(getcwd(base, sizeof base), KIN_RUNTIME, "the working folder is unknown: %s",
                strerror(errno));
    snprintf(where, sizeof where, "--%.140s", key);
    const config_short *s = short_of(key);
    const given *before = config_given(c, s ? s->means : key);
    const bool other = before && !strncmp(before->where, "--", 2) && strcmp(before->where, where);
    if (s) return put_short(c, s, value, where, base, other ? before : NULL);
    KIN_REQUIRE(!other || !strcmp(before->value, value), KIN_USAGE, "%s is %s, but %s means %s",
                where, value, before->where, before->value);
    return put(c, key, value, where, base);
}

/* ---- answering ------------------------------------------------------------------------------- */

static const item *find_item(const kin_config *c, const char *key)
{
    for (int i = 0; i < c->items; i++)
        if (!strcmp(c->item[i].key, key)) return &c->item[i];
    assert(!"a key that exists");
    return NULL;
}

double kin_config_number(const kin_config *c, const char *key)
{
    return find_item(c, key)->number;
}

const char *kin_config_text(const kin_config *c, const char *key)
{
    return find_item(c, key)->text;
}

bool kin_config_is(const kin_config *c, const char *key, const char *value)
{
    return !strcmp(find_item(c, key)->text, value);
}

int kin_config_entry(const kin_config *c, const char *section)
{
    for (int i = 0; i < CONFIG_LISTS; i++)
        if (!strcmp(config_lists[i].section, section)) return c->entry[i];
    assert(!"a section with a list");
    return -1;
}

void kin_config_hypers(const kin_config *c, const char *section, double *values)
{
    const kin_entry *e = config_list_of(section)->items[kin_config_entry(c, section)];
    memset(values, 0, KIN_HYPERS_MAX * sizeof *values);
    for (int i = 0; e->hypers[i].name; i++) {
        char key[CONFIG_KEY_MAX];
        snprintf(key, sizeof key, "%s.%s", section, e->hypers[i].name);
        values[i] = kin_config_number(c, key);
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

char *kin_config_print(const kin_config *c)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (!f) return NULL;
    fputs("# A complete kin run file.\n", f);
    const char *section = "";
    for (int i = 0; i < c->items; i++) {
        const item *t = &c->item[i];
        if (t->hidden) continue;
        if (strcmp(section, t->section)) fprintf(f, "\n[%s]\n", t->section);
        section = t->section;
        char *quoted = malloc(2 * strlen(t->text) + 3);
        if (quoted) kin_ini_quote(t->text, quoted);
        fprintf(f, "%s = %s\n", t->key + strlen(section) + 1, quoted ? quoted : "");
        free(quoted);
    }
    if (fclose(f)) {
        free(text);
        return NULL;
    }
    return text;
}

kin_status kin_config_save(const kin_config *c, const char *path)
{
    char *text = kin_config_print(c);
    KIN_REQUIRE(text, KIN_MEMORY, "no memory to write %s", path);
    const kin_status status = kin_file_write(path, text, strlen(text));
    free(text);
    return status;
}

/* Keys that do not change what a step does, but for the last bits where another device does it.
 * data.store may have moved: its checksum counts. */
static bool harmless(const item *t)
{
    static const char *const free_keys[] = { "run.dir", "run.threads", "run.memory", "run.device",
                                             "run.precision", "data.store", "tokenizer.file",
                                             "eval.every", "eval.final", "eval.baselines",
                                             "checkpoint.every", "negatives.record" };
    for (size_t i = 0; i < sizeof free_keys / sizeof *free_keys; i++)
        if (!strcmp(t->key, free_keys[i])) return true;
    return !strcmp(t->section, "log");
}

const char *kin_config_differs(const kin_config *a, const kin_config *b)
{
    for (int i = 0; i < a->items; i++) {
        const item *t = &a->item[i];
        if (harmless(t)) continue;
        const item *o = NULL;
        for (int k = 0; k < b->items && !o; k++)
            if (!strcmp(b->item[k].key, t->key)) o = &b->item[k];
        if (!o || strcmp(o->text, t->text)) return t->key;
    }
    return NULL;
}
