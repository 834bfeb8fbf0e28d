/* kin describe: one listed thing: its documentation and its settings. */
#include "cli/lists.h"
#include "cli/page.h"
#include "cli/print.h"
#include "cli/verb.h"

static kin_status print_as_json(const kin_list *list, const kin_entry *e)
{
    kin_json_out json = { .indent = 2 };
    kin_json_open(&json, NULL, '{');
    kin_json_put_string(&json, "kind", list->kind);
    kin_json_put_string(&json, "name", e->name);
    kin_json_put_string(&json, "summary", e->summary);
    const char *head = lists_head(list->kind, e->name);
    if (head) kin_json_put_string(&json, "documentation", head);
    kin_json_open(&json, "settings", '[');
    for (const kin_hyper *h = e->hypers; h->name; h++) {
        char value[32], range[128];
        kin_hyper_print(h, h->value, value, sizeof value);
        kin_hyper_range(h, range, sizeof range);
        kin_json_open(&json, NULL, '{');
        kin_json_put_string(&json, "name", h->name);
        kin_json_put_string(&json, "default", value);
        kin_json_put_string(&json, "range", range);
        kin_json_put_string(&json, "help", h->help);
        kin_json_put_boolean(&json, "learnable", h->flags & KIN_LEARNABLE);
        kin_json_close(&json);
    }
    kin_json_close(&json);
    kin_json_close(&json);
    return print_json(&json);
}

static kin_status run(const args *a)
{
    const kin_list *list;
    int index;
    KIN_TRY(lists_find(a->positional[0], &list));
    if (args_has(a, "page")) {
        KIN_REQUIRE(a->count == 1 && !args_has(a, "json"), KIN_USAGE,
                    "--page is Markdown of all of a kind; it goes with neither a name nor --json");
        page_print(list);
        return KIN_OK;
    }
    KIN_REQUIRE(a->count == 2, KIN_USAGE, "a name is missing; 'kin list %s' shows them, --page "
                "describes all", list->kind);
    KIN_TRY(kin_list_find(list, a->positional[1], &index));
    if (args_has(a, "json")) return print_as_json(list, list->items[index]);
    page_print_entry(list, list->items[index]);
    return KIN_OK;
}

static const verb_option options[] = {
    { "page", NULL, "all of the kind, as Markdown" }, { NULL, NULL, NULL }
};

const verb verb_describe = {
    .name = "describe", .summary = "explain one loss, op, encoder, ...: formula, source, settings",
    .usage = "KIND NAME", .options = options, .least = 1, .most = 2, .run = run,
};
