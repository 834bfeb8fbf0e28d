/* kin list: what there is of a kind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lists.h"
#include "cli/print.h"
#include "cli/verb.h"
#include "train/config.h"

static void print_kinds(void)
{
    for (int i = 0; lists[i]; i++) printf("%s\n", lists[i]->kind);
    printf("key\n");
}

/* Every key of a run file; an entry's own settings say whose they are. */
static kin_status print_keys(void)
{
    kin_config_key *keys;
    int count;
    KIN_TRY(kin_config_keys(&keys, &count));
    for (int i = 0; i < count; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s.%s", keys[i].section, keys[i].name);
        printf("%-26s %-14s %-24s %s%s%s%s\n", name, keys[i].value, keys[i].range, keys[i].help,
               keys[i].owner ? " (" : "", keys[i].owner ? keys[i].owner : "",
               keys[i].owner ? ")" : "");
    }
    free(keys);
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
    if (!a->count) {
        print_kinds();
        return KIN_OK;
    }
    if (!strcmp(a->positional[0], "key") || !strcmp(a->positional[0], "keys")) return print_keys();
    const kin_list *list;
    KIN_TRY(lists_find(a->positional[0], &list));
    if (args_has(a, "json")) return print_as_json(list);
    for (int i = 0; i < list->count; i++)
        printf("%-20s %s\n", list->items[i]->name, list->items[i]->summary);
    return KIN_OK;
}

const verb verb_list = {
    .name = "list", .summary = "list what there is of a kind: losses, encoders, ops, keys, ...",
    .usage = "[KIND]", .least = 0, .most = 1, .run = run,
    .details = "Without a kind, the kinds. 'kin describe KIND NAME' tells about one of them.",
};
