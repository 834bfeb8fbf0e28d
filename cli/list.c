/* kin list: what there is of a kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lists.h"
#include "cli/print.h"
#include "cli/verb.h"
#include "train/config.h"

static kin_status print_kinds(bool as_json)
{
    kin_json_out json = { .indent = 2 };
    kin_json_open(&json, NULL, '[');
    for (int i = 0; lists[i]; i++) {
        if (!as_json) printf("%s\n", lists[i]->kind);
        kin_json_put_string(&json, NULL, lists[i]->kind);
    }
    if (!as_json) printf("key\n");
    kin_json_put_string(&json, NULL, "key");
    kin_json_close(&json);
    if (as_json) return print_json(&json);
    kin_json_discard(&json);
    return KIN_OK;
}

/* An entry's own settings say whose they are. */
static void print_key(const kin_config_key *k)
{
    char name[128];
    snprintf(name, sizeof name, "%s.%s", k->section, k->name);
    printf("%-26s %-14s %-24s %s%s%s%s\n", name, k->value, k->range, k->help, k->owner ? " (" : "",
           k->owner ? k->owner : "", k->owner ? ")" : "");
}

static void put_key(kin_json_out *json, const kin_config_key *k)
{
    kin_json_open(json, NULL, '{');
    kin_json_put_string(json, "section", k->section);
    kin_json_put_string(json, "name", k->name);
    kin_json_put_string(json, "default", k->value);
    kin_json_put_string(json, "range", k->range);
    kin_json_put_string(json, "help", k->help);
    if (k->owner) kin_json_put_string(json, "owner", k->owner);
    kin_json_close(json);
}

/* Every key of a run file. */
static kin_status print_keys(bool as_json)
{
    kin_config_key *keys;
    int count;
    kin_json_out json = { .indent = 2 };
    KIN_TRY(kin_config_keys(&keys, &count));
    kin_json_open(&json, NULL, '[');
    for (int i = 0; i < count; i++) {
        if (as_json) put_key(&json, &keys[i]);
        else print_key(&keys[i]);
    }
    kin_json_close(&json);
    free(keys);
    if (as_json) return print_json(&json);
    kin_json_discard(&json);
    return KIN_OK;
}

static kin_status print_as_json(const kin_list *list)
{
    kin_json_out json = { .indent = 2 };
    kin_json_open(&json, NULL, '[');
    for (int i = 0; i < list->count; i++) {
        kin_json_open(&json, NULL, '{');
        kin_json_put_string(&json, "name", list->items[i]->name);
        kin_json_put_string(&json, "summary", list->items[i]->summary);
        kin_json_close(&json);
    }
    kin_json_close(&json);
    return print_json(&json);
}

static kin_status run(const args *a)
{
    const bool as_json = args_has(a, "json");
    if (!a->count) return print_kinds(as_json);
    if (!strcmp(a->positional[0], "key") || !strcmp(a->positional[0], "keys"))
        return print_keys(as_json);
    const kin_list *list;
    KIN_TRY(lists_find(a->positional[0], &list));
    if (as_json) return print_as_json(list);
    for (int i = 0; i < list->count; i++)
        printf("%-20s %s\n", list->items[i]->name, list->items[i]->summary);
    return KIN_OK;
}

const verb verb_list = {
    .name = "list", .summary = "list what there is of a kind: losses, encoders, ops, keys, ...",
    .usage = "[KIND]", .least = 0, .most = 1, .run = run,
    .details = "Without a kind, the kinds. 'kin describe KIND NAME' tells about one of them.",
};
