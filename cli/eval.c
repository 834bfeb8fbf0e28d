/* kin eval: the scores of a trained run. */
#include <stdio.h>
#include <string.h>

#include "cli/device.h"
#include "cli/print.h"
#include "cli/watch.h"
#include "train/run.h"

static kin_status run(const args *a)
{
    const char *split = args_get(a, "split") ? args_get(a, "split") : "test";
    KIN_REQUIRE(!strcmp(split, "test") || !strcmp(split, "validation"), KIN_USAGE,
                "--split is '%s', expected test or validation", split);
    device d;
    KIN_TRY(device_open_for(&d, a));
    watcher w;
    const kin_watch watch = watch_start(&w, a);
    kin_results results = { 0 };
    const unsigned also = (args_has(a, "baselines") ? KIN_ALSO_BASELINES : 0u)
                          | (args_has(a, "hybrid") ? KIN_ALSO_HYBRID : 0u)
                          | (args_has(a, "fresh") ? KIN_ALSO_FRESH : 0u);
    const kin_status status = kin_evaluate_run(a->positional[0], split, also, d.backend, &watch,
                                               &results);
    watch_end(&w);
    device_close(&d);
    if (status != KIN_OK) return status;
    if (args_has(a, "json"))
        return print_run_file(a->positional[0], !strcmp(split, "test")
                              ? "eval/test/results.json" : "eval/validation/results.json");
    watch_print_table(stdout, &results);
    return KIN_OK;
}

static const verb_option options[] = {
    { "split", "NAME", "test (default) or validation" },
    { "baselines", NULL, "also where the run's eval.baselines is false" },
    { "hybrid", NULL, "BM25 and the model together: as the run's eval.hybrid = true" },
    { "fresh", NULL, "by documents new to the split: as the run's eval.fresh = true" },
    DEVICE_OPTIONS,
    { NULL, NULL, NULL }
};

const verb verb_eval = {
    .name = "eval", .summary = "judge a run's model on a split",
    .usage = "RUN [--split test|validation]", .options = options, .least = 1, .most = 1,
    .run = run,
    .details = "Writes RUN/eval/SPLIT: results.json, run.trec and qrels.trec, and the scores of each\n"
               "query in model.tsv, bm25.tsv and untrained.tsv. All measures are of run.trec (top\n"
               "1,000 a query), so that any TREC evaluator repeats them; --hybrid adds rrf.trec,\n"
               "weighted.trec and their scores (docs/training.md). Of items of classes\n"
               "(import labelled, idx) it writes items.tsv, of pairs with scores (import sts)\n"
               "pairs.tsv; docs/training.md says how they are judged.",
};
