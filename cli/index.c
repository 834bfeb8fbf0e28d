/* kin index: a run's documents, embedded and ready to be searched, in a file. */
#include <stdio.h>
#include <string.h>

#include "cli/device.h"
#include "cli/print.h"
#include "cli/watch.h"
#include "mining/index.h"
#include "train/run.h"

static const char *const own[] = { "out", "append", "kind", "device", "precision", "threads",
                                   "json", "quiet" };

static bool is_own(const char *name)
{
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (!strcmp(own[i], name)) return true;
    return false;
}

/* The settings of every kind, each once, so that a wrong name is caught as such. */
static const char *setting(int i)
{
    for (int k = 0, seen = 0; k < kin_indexes.count; k++)
        for (const kin_hyper *h = kin_indexes.items[k]->hypers; h->name; h++) {
            bool before = false;
            for (int o = 0; o < k; o++)
                before |= kin_hyper_find(kin_indexes.items[o], h->name) >= 0;
            if (!before && seen++ == i) return h->name;
        }
    return NULL;
}

/* Options that are the index's own: --look int8. */
static kin_status read_order(const args *a, kin_index_order *order)
{
    int place;
    order->out = args_get(a, "out");
    order->append = args_get(a, "append");
    order->kind = args_has(a, "kind") ? args_get(a, "kind") : "exact";
    KIN_TRY(kin_list_find(&kin_indexes, order->kind, &place));
    const kin_entry *entry = kin_indexes.items[place];
    kin_hyper_defaults(entry, order->hypers);
    for (int i = 0; i < a->options; i++) {
        if (is_own(a->name[i])) {
            KIN_REQUIRE(!order->append || strcmp(a->name[i], "kind"), KIN_USAGE,
                        "--append adds to an index of the kind that it is; --kind makes a new one");
            continue;
        }
        const int hyper = kin_hyper_find(entry, a->name[i]);
        KIN_REQUIRE(!order->append, KIN_USAGE, "--append adds to an index as it is; --%s makes a "
                    "new one", a->name[i]);
        KIN_REQUIRE(hyper >= 0, KIN_USAGE, "index %s takes no option --%s; 'kin describe index %s'",
                    entry->name, a->name[i], entry->name);
        KIN_TRY(kin_hyper_parse(&entry->hypers[hyper], a->name[i], a->text[i],
                                &order->hypers[hyper]));
    }
    return KIN_OK;
}

static kin_status print_as_json(const kin_index_report *r)
{
    kin_json_out json = { .indent = 2 };
    kin_json_open(&json, NULL, '{');
    kin_json_put_string(&json, "index", r->path);
    kin_json_put_whole(&json, "documents", r->documents);
    kin_json_put_whole(&json, "added", r->added);
    kin_json_put_string(&json, "what", r->what);
    kin_json_put_number(&json, "recall@10", r->recall);
    kin_json_close(&json);
    return print_json(&json);
}

static kin_status run(const args *a)
{
    kin_index_order order;
    kin_index_report report;
    KIN_TRY(read_order(a, &order));
    device d;
    KIN_TRY(device_open_for(&d, a));
    watcher w;
    const kin_watch watch = watch_start(&w, a);
    const kin_status status = kin_index_run(a->positional[0], &order, d.backend, &watch, &report);
    watch_end(&w);
    device_close(&d);
    if (status) return status;
    if (args_has(a, "json")) return print_as_json(&report);
    printf("%s: %ld documents, %ld of them added; %s; recall@10 %.3f\n", report.path,
           (long)report.documents, (long)report.added, report.what, report.recall);
    return KIN_OK;
}

static const verb_option options[] = {
    { "out", "FILE", "the index file (default RUN/index.kin)" },
    { "append", "FILE", "add its lines, id<TAB>text, to the index that is there" },
    { "kind", "NAME", "exact (default) or another of 'kin list index'" },
    DEVICE_OPTIONS,
    { NULL, NULL, NULL }
};

const verb verb_index = {
    .name = "index", .summary = "embed the documents of a run into an index file",
    .usage = "RUN [--kind NAME] [--SETTING VALUE ...] [--append FILE] [--out FILE]",
    .options = options, .least = 1, .most = 1, .run = run, .setting = setting,
    .details = "The settings of a kind: 'kin describe index NAME'. The file holds embeddings, ids\n"
               "and texts of all documents; 'kin search RUN' uses RUN/index.kin. recall@10: how\n"
               "many of the ten nearest a search finds, for 256 of the documents.",
};
