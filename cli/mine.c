/* kin mine: negatives from a model's nearest documents, and what they look like. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/device.h"
#include "cli/print.h"
#include "cli/watch.h"
#include "core/file.h"
#include "train/mine.h"

enum { BAR = 24, COUNT_MOST = 1000, DEPTH_MOST = 1000 };

static const char *const kinds[KIN_MINE_KINDS] = { "positive", "mined", "random" };

static double share_of(const kin_mine_report *r, int kind, int bin)
{
    return r->scores[kind] ? (double)r->bin[kind][bin] / (double)r->scores[kind] : 0;
}

/* A line for each part of the scores' range, the highest first; bars by the share of their kind. */
static void print_histogram(FILE *out, const kin_mine_report *r)
{
    const double width = (r->high - r->low) / KIN_MINE_BINS;
    double most = 0;
    for (int k = 0; k < KIN_MINE_KINDS; k++)
        for (int b = 0; b < KIN_MINE_BINS; b++)
            if (share_of(r, k, b) > most) most = share_of(r, k, b);
    fprintf(out, "score   ");
    for (int k = 0; k < KIN_MINE_KINDS; k++) fprintf(out, " %-*s", BAR, kinds[k]);
    fputc('\n', out);
    for (int b = KIN_MINE_BINS - 1; b >= 0; b--) {
        fprintf(out, "%8.3f", r->low + b * width);
        for (int k = 0; k < KIN_MINE_KINDS; k++) {
            const int length = most > 0 ? (int)(share_of(r, k, b) / most * BAR + 0.5) : 0;
            fprintf(out, " %.*s%*s", length, "########################", BAR - length, "");
        }
        fputc('\n', out);
    }
}

static void print_report(const kin_mine_order *order, const kin_mine_report *r)
{
    printf("%s: %" PRId64 " negatives for %" PRId64 " queries, %" PRId64 " of them without any\n",
           order->out, r->negatives, r->queries, r->without);
    printf("candidates %" PRId64 "; left out: %" PRId64 " relevant to their query", r->candidates,
           r->known);
    for (int i = 0; i < r->chain.count; i++)
        printf(", %" PRId64 " by %s", r->dropped[i], r->chain.link[i].policy->entry.name);
    printf("\nmean score: positive %.3f, mined %.3f, random %.3f\n", r->mean[KIN_MINE_POSITIVE],
           r->mean[KIN_MINE_MINED], r->mean[KIN_MINE_RANDOM]);
    print_histogram(stdout, r);
    if (r->judged)
        printf("false negatives, estimated: %.2f %% (%" PRId64 " of %" PRId64 "), when of the "
               "queries with several relevant documents the positive alone is known and the other %"
               PRId64 " are withheld; what nobody judged is not counted\n",
               100 * (double)r->caught / (double)r->judged, r->caught, r->judged, r->withheld);
    else
        printf("false negatives: no estimate: no query has several relevant documents\n");
}

/* ---- the same as a picture ------------------------------------------------------------------- */

enum { WIDE = 640, TALL = 300, LEFT = 40, BOTTOM = 40, TOP = 20 };

/* A line through the middles of the bins. */
static void put_curve(kin_writer *w, const kin_mine_report *r, int kind, double most)
{
    static const char *const colours[KIN_MINE_KINDS] = { "#1b7837", "#c51b1b", "#555555" };
    const double step = (double)(WIDE - 2 * LEFT) / KIN_MINE_BINS;
    kin_writer_printf(w, "<polyline fill='none' stroke='%s' stroke-width='2' points='",
                      colours[kind]);
    for (int b = 0; b < KIN_MINE_BINS; b++)
        kin_writer_printf(w, "%s%.1f,%.1f", b ? " " : "", LEFT + (b + 0.5) * step,
                          TALL - BOTTOM - share_of(r, kind, b) / most * (TALL - BOTTOM - TOP));
    kin_writer_printf(w, "'/>\n<text x='%d' y='%d' fill='%s'>%s, mean %.3f</text>\n",
                      WIDE - 190, TOP + 18 * kind + 10, colours[kind], kinds[kind], r->mean[kind]);
}

static kin_status write_picture(const char *path, const kin_mine_report *r)
{
    kin_writer *w;
    double most = 0;
    for (int k = 0; k < KIN_MINE_KINDS; k++)
        for (int b = 0; b < KIN_MINE_BINS; b++)
            if (share_of(r, k, b) > most) most = share_of(r, k, b);
    KIN_TRY(kin_writer_open(&w, path));
    kin_writer_printf(w, "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
                      "font-family='sans-serif' font-size='13'>\n", WIDE, TALL);
    kin_writer_printf(w, "<path d='M%d %d H%d' stroke='#000'/>\n", LEFT, TALL - BOTTOM,
                      WIDE - LEFT);
    for (int i = 0; i <= 4; i++)
        kin_writer_printf(w, "<text x='%d' y='%d' text-anchor='middle'>%.2f</text>\n",
                          LEFT + (WIDE - 2 * LEFT) * i / 4, TALL - BOTTOM + 18,
                          r->low + (r->high - r->low) * i / 4);
    kin_writer_printf(w, "<text x='%d' y='%d' text-anchor='middle'>score of query and document; "
                      "height: share of their kind</text>\n", WIDE / 2, TALL - 6);
    for (int k = 0; k < KIN_MINE_KINDS; k++) put_curve(w, r, k, most > 0 ? most : 1);
    kin_writer_printf(w, "</svg>\n");
    return kin_writer_commit(w);             /* tells of a failed print */
}

static void put_bins(kin_json_out *json, const kin_mine_report *r)
{
    kin_json_open(json, "histogram", '{');
    kin_json_put_number(json, "low", r->low);
    kin_json_put_number(json, "high", r->high);
    for (int k = 0; k < KIN_MINE_KINDS; k++) {
        kin_json_open(json, kinds[k], '[');
        for (int b = 0; b < KIN_MINE_BINS; b++) kin_json_put_whole(json, NULL, r->bin[k][b]);
        kin_json_close(json);
    }
    kin_json_close(json);
}

static kin_status print_as_json(const kin_mine_report *r)
{
    kin_json_out json = { .indent = 2 };
    kin_json_open(&json, NULL, '{');
    kin_json_put_whole(&json, "queries", r->queries);
    kin_json_put_whole(&json, "negatives", r->negatives);
    kin_json_put_whole(&json, "without", r->without);
    kin_json_put_whole(&json, "candidates", r->candidates);
    kin_json_put_whole(&json, "relevant", r->known);
    kin_json_open(&json, "dropped", '[');
    for (int i = 0; i < r->chain.count; i++) kin_json_put_whole(&json, NULL, r->dropped[i]);
    kin_json_close(&json);
    kin_json_open(&json, "mean", '{');
    for (int k = 0; k < KIN_MINE_KINDS; k++) kin_json_put_number(&json, kinds[k], r->mean[k]);
    kin_json_close(&json);
    put_bins(&json, r);
    kin_json_open(&json, "false_negatives", '{');
    kin_json_put_whole(&json, "caught", r->caught);
    kin_json_put_whole(&json, "of", r->judged);
    kin_json_put_whole(&json, "withheld", r->withheld);
    kin_json_close(&json);
    kin_json_close(&json);
    return print_json(&json);
}

static kin_status run(const args *a)
{
    long count, depth, seed;
    kin_mine_order order = {
        .out = args_get(a, "out"), .tables = args_get(a, "hdf5"), .guide = args_get(a, "guide"),
        .split = args_has(a, "split") ? args_get(a, "split") : "train",
        .policy = args_has(a, "policy") ? args_get(a, "policy")
                                        : "duplicate relative_margin random",
    };
    KIN_REQUIRE(order.out, KIN_USAGE, "--out FILE.jsonl is missing: where the negatives go");
    KIN_TRY(args_integer(a, "count", 1, COUNT_MOST, 4, &count));
    KIN_TRY(args_integer(a, "depth", 1, DEPTH_MOST, 100, &depth));
    KIN_TRY(args_integer(a, "seed", 0, INT32_MAX, 0, &seed));
    order.count = count;
    order.depth = depth;
    order.seed = (uint64_t)seed;
    device d;
    KIN_TRY(device_open_for(&d, a));
    watcher w;
    kin_mine_report report;
    const kin_watch watch = watch_start(&w, a);
    const kin_status status = kin_mine_run(a->positional[0], &order, d.backend, &watch, &report);
    watch_end(&w);
    device_close(&d);
    if (status) return status;
    if (args_has(a, "picture")) KIN_TRY(write_picture(args_get(a, "picture"), &report));
    if (args_has(a, "json")) return print_as_json(&report);
    print_report(&order, &report);
    return KIN_OK;
}

static const verb_option options[] = {
    { "out", "FILE.jsonl", "the negatives, a line for each query" },
    { "hdf5", "FILE.h5", "also as tables: query, positive, negative, rank, score" },
    { "picture", "FILE.svg", "how positives, negatives and documents at random score" },
    { "policy", "CHAIN", "what becomes a negative (default 'duplicate relative_margin random')" },
    { "guide", "RUN", "the model that the policy 'guide' asks" },
    { "count", "N", "negatives of a query (default 4)" },
    { "depth", "N", "documents that are looked at for each query (default 100)" },
    { "split", "NAME", "whose queries: train (default), validation or test" },
    { "seed", "N", "of what policies draw (default 0)" },
    DEVICE_OPTIONS,
    { NULL, NULL, NULL }
};

const verb verb_mine = {
    .name = "mine", .summary = "write the negatives that a policy chooses by a run's model",
    .usage = "RUN --out FILE.jsonl [--policy CHAIN] [--count N]", .options = options,
    .least = 1, .most = 1, .run = run,
    .details = "Prints who was left out and why, how positives, negatives and documents at random\n"
               "score, and an estimate of how many negatives are relevant after all. 'kin list\n"
               "policy' names the policies, 'kin describe policy NAME' explains one.",
};
