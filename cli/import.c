/* kin import: from a source format to a store. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/print.h"
#include "cli/verb.h"
#include "data/import.h"

/* Options that are the importer's own numbers: --fraction 0.1. */
static kin_status read_hypers(const args *a, const kin_entry *entry, double *hypers)
{
    static const char *const others[] = { "out", "validation", "test", "labels", "test-labels",
                                          "json", "quiet", "threads" };
    kin_hyper_defaults(entry, hypers);
    for (int i = 0; i < a->options; i++) {
        bool other = false;
        for (size_t k = 0; k < sizeof others / sizeof *others; k++)
            other |= !strcmp(a->name[i], others[k]);
        const int place = kin_hyper_find(entry, a->name[i]);
        if (other) continue;
        KIN_REQUIRE(place >= 0, KIN_USAGE, "%s takes no option --%s", entry->name, a->name[i]);
        KIN_TRY(kin_hyper_parse(&entry->hypers[place], a->name[i], a->text[i], &hypers[place]));
    }
    return KIN_OK;
}

static kin_status print_report_json(const char *out, const kin_import_report *r)
{
    kin_json_out json = { .indent = 2 };
    kin_json_open(&json, NULL, '{');
    kin_json_put_string(&json, "store", out);
    kin_json_put_whole(&json, "documents", r->documents);
    kin_json_put_whole(&json, "texts", r->texts);
    kin_json_put_whole(&json, "pairs", r->pairs);
    kin_json_put_whole(&json, "relations", r->relations);
    kin_json_put_whole(&json, "train_queries", r->queries[KIN_TRAIN]);
    kin_json_put_whole(&json, "validation_queries", r->queries[KIN_VALIDATION]);
    kin_json_put_whole(&json, "test_queries", r->queries[KIN_TEST]);
    kin_json_put_whole(&json, "labels", r->labels);
    kin_json_put_whole(&json, "features", r->features);
    kin_json_put_whole(&json, "scores", r->scores);
    kin_json_put_whole(&json, "duplicates", r->duplicates);
    kin_json_close(&json);
    return print_json(&json);
}

static void print_items(const char *out, const kin_import_report *r)
{
    printf("%s: %" PRId64 " classes, ", out, r->labels);
    if (r->features) printf("%" PRId64 " features an item, ", r->features);
    printf("items %" PRId64 " train, %" PRId64 " validation, %" PRId64 " test\n",
           r->queries[KIN_TRAIN], r->queries[KIN_VALIDATION], r->queries[KIN_TEST]);
}

static void print_report(const char *out, const kin_import_report *r)
{
    if (r->labels) {
        print_items(out, r);
        return;
    }
    if (r->scores) {
        printf("%s: pairs with scores %" PRId64 " train, %" PRId64 " validation, %" PRId64
               " test\n", out, r->queries[KIN_TRAIN], r->queries[KIN_VALIDATION],
               r->queries[KIN_TEST]);
        return;
    }
    printf("%s: %" PRId64 " documents, %" PRId64 " pairs to train on, queries %" PRId64 " train, %"
           PRId64 " validation, %" PRId64 " test", out, r->documents, r->pairs,
           r->queries[KIN_TRAIN], r->queries[KIN_VALIDATION], r->queries[KIN_TEST]);
    if (r->duplicates) printf("; %" PRId64 " duplicate entries dropped", r->duplicates);
    printf("\n");
}

static kin_status run(const args *a)
{
    int importer;
    KIN_TRY(kin_list_find(&kin_importers, a->positional[0], &importer));
    const kin_importer *kind = kin_importer_at(importer);
    kin_import_setting setting = {
        .source = a->count == 2 ? a->positional[1] : NULL,
        .validation = args_get(a, "validation"), .out = args_get(a, "out"),
        .test = args_get(a, "test"), .labels = args_get(a, "labels"),
        .test_labels = args_get(a, "test-labels"),
    };
    KIN_REQUIRE(setting.out, KIN_USAGE, "--out FILE.h5 is missing: where the store goes");
    KIN_REQUIRE(setting.source || kind->source, KIN_USAGE, "%s needs %s", kind->entry.name,
                kind->argument);
    KIN_TRY(read_hypers(a, &kind->entry, setting.hypers));
    kin_import_report report = { 0 };
    KIN_TRY(kin_import_run(importer, &setting, &report));
    if (*report.notice && !args_has(a, "quiet")) fprintf(stderr, "%s\n", report.notice);
    if (*report.warning) fprintf(stderr, "warning: %s\n", report.warning);
    if (args_has(a, "json")) return print_report_json(setting.out, &report);
    print_report(setting.out, &report);
    return KIN_OK;
}

static const verb_option options[] = {
    { "out", "FILE.h5", "the store to write" },
    { "validation", "FILE", "what is kept for validation, not by hash (pairs, labelled, sts)" },
    { "test", "FILE", "what is kept for testing (labelled, sts, idx)" },
    { "labels", "FILE", "idx: the labels of SOURCE" },
    { "test-labels", "FILE", "idx: the labels of --test" },
    { "fraction", "SHARE",
      "the share that is kept for validation (pairs, labelled, idx, interactions, beir)" },
    { "test_fraction", "SHARE", "pairs: the share of queries kept for test (default 0)" },
    { "top", "SCORE", "sts: the score of texts that say the same" },
    { NULL, NULL, NULL }
};

const verb verb_import = {
    .name = "import", .summary = "make a store from WordNet, text pairs, labelled data, ...",
    .usage = "FORMAT [SOURCE] --out FILE.h5", .options = options, .least = 1, .most = 2,
    .run = run,
    .details = "'kin list importer' names the formats, 'kin describe importer NAME' explains one.",
};
