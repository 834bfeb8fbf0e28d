/* kin search: the documents nearest to a question. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/device.h"
#include "cli/print.h"
#include "cli/watch.h"
#include "train/run.h"

enum { MOST = 1000 };

static kin_status print_as_json(const char *query, const kin_hit *hits, int found)
{
    kin_json_out json = { .indent = 2 };
    kin_json_open(&json, NULL, '{');
    kin_json_put_string(&json, "query", query);
    kin_json_open(&json, "hits", '[');
    for (int i = 0; i < found; i++) {
        kin_json_open(&json, NULL, '{');
        kin_json_put_whole(&json, "rank", hits[i].rank);
        kin_json_put_number(&json, "score", hits[i].score);
        kin_json_put_bytes(&json, "id", hits[i].id, (size_t)hits[i].id_bytes);
        kin_json_put_bytes(&json, "text", hits[i].text, (size_t)hits[i].text_bytes);
        kin_json_close(&json);
    }
    kin_json_close(&json);
    kin_json_close(&json);
    return print_json(&json);
}

static void say_nothing_near(const char *query)
{
    fputc('\'', stderr);
    print_safe(stderr, query);
    fprintf(stderr, "' has no token of the vocabulary: nothing is near it\n");
}

static kin_status answer(kin_search *search, const char *query, int top, bool json)
{
    kin_hit *hits = calloc((size_t)top, sizeof *hits);
    int found = 0;
    KIN_REQUIRE(hits, KIN_MEMORY, "no memory for %d hits", top);
    kin_status status = kin_search_query(search, query, top, hits, &found);
    if (status == KIN_OK && !found) say_nothing_near(query);
    if (status == KIN_OK && json) status = print_as_json(query, hits, found);
    for (int i = 0; status == KIN_OK && !json && i < found; i++)
        printf("%3d  %.4f  %.*s\n", hits[i].rank, hits[i].score, (int)hits[i].text_bytes,
               hits[i].text);
    fflush(stdout);
    free(hits);
    return status;
}

static kin_status converse(kin_search *search, int top, bool json)
{
    const bool terminal = isatty(STDIN_FILENO);
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    kin_status status = KIN_OK;
    if (terminal) fprintf(stderr, "a question a line; Ctrl-D ends\n");
    for (;;) {
        if (terminal) fprintf(stderr, "> ");
        if ((length = getline(&line, &room, stdin)) < 0) break;
        while (length && (line[length - 1] == '\n' || line[length - 1] == '\r')) line[--length] = 0;
        if (!length) continue;
        if ((status = answer(search, line, top, json)) != KIN_OK || ferror(stdout)) break;
    }
    if (status == KIN_OK && ferror(stdin))
        status = kin_fail(KIN_DATA, "standard input: %s", strerror(errno));
    if (terminal) fputc('\n', stderr);
    free(line);
    return status;
}

static kin_status answer_file(kin_search *search, const args *a, int top)
{
    kin_search_report report;
    KIN_TRY(kin_search_file(search, args_get(a, "queries"), top, args_get(a, "out"), &report));
    if (report.empty && !args_has(a, "quiet"))
        fprintf(stderr, "%ld of %ld queries have no token of the vocabulary: nothing is near "
                "them\n", (long)report.empty, (long)report.queries);
    return KIN_OK;
}

/* A file of queries goes to a file; neither goes with a query on the command line. */
static kin_status check_files(const args *a)
{
    const bool file = args_has(a, "queries");
    KIN_REQUIRE(file == args_has(a, "out"), KIN_USAGE, "--queries FILE and --out RUN.trec go "
                "together");
    KIN_REQUIRE(!file || (a->count == 1 && !args_has(a, "json")), KIN_USAGE,
                "--queries goes with neither a QUERY nor --json: it writes a TREC run");
    return KIN_OK;
}

static kin_status run(const args *a)
{
    long top;
    const bool json = args_has(a, "json"), file = args_has(a, "queries");
    KIN_TRY(args_integer(a, "top", 1, MOST, file ? MOST : 10, &top));
    KIN_TRY(check_files(a));
    device d;
    KIN_TRY(device_open_for(&d, a));
    watcher w;
    const kin_watch watch = watch_start(&w, a);
    kin_search *search = NULL;
    kin_status status = kin_search_open(&search, a->positional[0], args_get(a, "index"), d.backend,
                                        &watch);
    watch_end(&w);
    if (status == KIN_OK && file)
        status = answer_file(search, a, (int)top);
    else if (status == KIN_OK && a->count == 2)
        status = answer(search, a->positional[1], (int)top, json);
    else if (status == KIN_OK)
        status = converse(search, (int)top, json);
    kin_search_close(search);
    device_close(&d);
    return status;
}

static const verb_option options[] = {
    { "top", "K", "how many documents (default 10; with --queries 1000)" },
    { "index", "FILE", "search this index file (default RUN/index.kin where it is there)" },
    { "queries", "FILE", "search for each of its lines, id<TAB>text or text alone" },
    { "out", "RUN.trec", "where the lists for --queries go, as a TREC run" },
    DEVICE_OPTIONS,
    { NULL, NULL, NULL }
};

const verb verb_search = {
    .name = "search", .summary = "find the documents nearest to a question",
    .usage = "RUN [QUERY | --queries FILE --out RUN.trec] [--top K]", .options = options,
    .least = 1, .most = 2, .run = run,
    .details = "Prints rank, cosine and text. Without a QUERY it reads questions from standard\n"
               "input, one a line, and loads model and documents once. 'kin index RUN' makes an\n"
               "index file; without one all documents are embedded first.",
};
