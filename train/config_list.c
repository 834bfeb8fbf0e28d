/* Every key with its default and range as text, for help and completion. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/config.h"
#include "train/config_keys.h"

static void describe_hyper(kin_config_key *k, const kin_hyper *h)
{
    kin_hyper_print(h, h->value, k->value, sizeof k->value);
    kin_hyper_range(h, k->range, sizeof k->range);
    k->whole = h->flags & KIN_INTEGER;
}

static void describe_names(kin_config_key *k, const kin_list *list)
{
    size_t used = 0;
    for (int i = 0; i < list->count && used < sizeof k->range; i++)
        used += (size_t)snprintf(k->range + used, sizeof k->range - used, "%s%s", i ? "|" : "",
                                 list->items[i]->name);
}

static void describe_spec(kin_config_key *k, const config_spec *s)
{
    *k = (kin_config_key){ .section = s->section, .name = s->hyper.name, .help = s->hyper.help };
    if (s->kind == CONFIG_NUMBER || s->kind == CONFIG_SHARE || s->kind == CONFIG_SHORT) {
        describe_hyper(k, &s->hyper);
        return;
    }
    snprintf(k->value, sizeof k->value, "%s", s->text);
    if (s->kind == CONFIG_NAME)
        describe_names(k, config_list_of(s->section));
    else
        snprintf(k->range, sizeof k->range, "%s", s->kind == CONFIG_PATH ? "path" : "text");
}

/* The hyperparameters of every entry of the section's list. keys NULL: only counts. */
static int describe_entries(kin_config_key *keys, const char *section)
{
    const kin_list *list = config_list_of(section);
    int n = 0;
    for (int i = 0; list && i < list->count; i++) {
        const kin_entry *e = list->items[i];
        for (const kin_hyper *h = e->hypers; h->name; h++, n++) {
            if (!keys) continue;
            keys[n] = (kin_config_key){ .section = section, .name = h->name, .help = h->help,
                                        .owner = e->name };
            describe_hyper(&keys[n], h);
        }
    }
    return n;
}

static int describe_table(kin_config_key *keys, const char *section)
{
    int n = 0;
    for (const kin_hyper *h = config_table_of(section); h && h->name; h++, n++) {
        if (!keys) continue;
        keys[n] = (kin_config_key){ .section = section, .name = h->name, .help = h->help };
        describe_hyper(&keys[n], h);
    }
    return n;
}

static int describe_all(kin_config_key *keys)
{
    int n = 0;
    for (const config_spec *s = config_specs; s->section; s++) {
        if (keys) describe_spec(&keys[n], s);
        n++;
        const bool last = !s[1].section || strcmp(s[1].section, s->section);
        if (!last) continue;
        n += describe_table(keys ? keys + n : NULL, s->section);
        n += describe_entries(keys ? keys + n : NULL, s->section);
    }
    return n;
}

kin_status kin_config_keys(kin_config_key **keys, int *count)
{
    *count = describe_all(NULL);
    *keys = calloc((size_t)*count, sizeof **keys);
    KIN_REQUIRE(*keys, KIN_MEMORY, "no memory for the list of keys");
    describe_all(*keys);
    return KIN_OK;
}
