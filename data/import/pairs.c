/* pairs: a text file of lines "query<TAB>document" or "query<TAB>document<TAB>grade". The corpus is
 * the distinct documents in order of first appearance. A grade is a whole number, 1 where there is
 * none; a pair with grade 0 was judged and found irrelevant: it is kept for evaluation and not
 * trained on. A share of the queries, drawn by a hash of the query's bytes, is kept for validation;
 * or the queries of a second file are. Another share may be kept for test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/hash.h"
#include "data/builder.h"
#include "data/lines.h"

enum { FRACTION, TEST_FRACTION };      /* places of the options */

/* One judgement, to find it again; its grade is one higher, so that 0 is an empty slot. */
typedef struct {
    int32_t query, document, grade;
} judgement;

/* The lists have room for every line of both files and start as zeros: index + 1, 0 for none. */
typedef struct {
    kin_builder *builder;
    kin_import_report *report;
    int32_t *query_of, *document_of;   /* by text */
    judgement *slots;                  /* open addressing */
    size_t slot_mask;
    int64_t queries, documents, regraded, in_both;
    double fraction, test;
    kin_lines *file;                   /* the file being read */
    bool validating;                   /* it is the validation file */
} reading;

/* ---- what a line must be --------------------------------------------------------------------- */

static kin_status split_columns(const reading *r, kin_field line, kin_field column[3], int *columns)
{
    *columns = kin_lines_columns(line, column, 3);
    if (*columns == 2 || *columns == 3) return KIN_OK;
    return kin_lines_fail(r->file, "%d column%s, expected query<TAB>document or "
                          "query<TAB>document<TAB>grade", *columns, *columns == 1 ? "" : "s");
}

/* A whole number from 0 to INT32_MAX - 1. */
static kin_status read_grade(const reading *r, kin_field text, int32_t *grade)
{
    int64_t value = text.size == 0 ? -1 : 0;
    for (size_t i = 0; i < text.size && value >= 0; i++) {
        const int digit = text.at[i] - '0';
        value = digit < 0 || digit > 9 ? -1 : value * 10 + digit;
        if (value >= INT32_MAX) value = -1;
    }
    if (value < 0)
        return kin_lines_fail(r->file, "grade \"%.*s\", expected a whole number from 0 to %d",
                              text.size > 40 ? 40 : (int)text.size, text.at, INT32_MAX - 1);
    *grade = (int32_t)value;
    return KIN_OK;
}

/* ---- a line ---------------------------------------------------------------------------------- */

static kin_split side_of(const reading *r, kin_field query)
{
    const double draw = (double)(kin_hash_bytes(query.at, query.size, 0) >> 11) * 0x1p-53;
    if (r->validating || draw < r->fraction) return KIN_VALIDATION;
    return draw < r->fraction + r->test ? KIN_TEST : KIN_TRAIN;
}

/* The query with this text, new or known. One that is in both files is a validation query. */
static int32_t find_query(reading *r, kin_field text)
{
    const int32_t index = kin_builder_text(r->builder, text.at, text.size);
    if (index < 0) return -1;
    int32_t *known = &r->query_of[index];
    if (*known == 0) {
        char id[24];
        snprintf(id, sizeof id, "q%lld", (long long)++r->queries);
        *known = 1 + kin_builder_query(r->builder, index, id, side_of(r, text));
    } else if (r->validating && kin_builder_move(r->builder, *known - 1, KIN_VALIDATION)) {
        r->in_both++;
    }
    return *known - 1;
}

static int32_t find_document(reading *r, kin_field text)
{
    const int32_t index = kin_builder_text(r->builder, text.at, text.size);
    if (index < 0) return -1;
    int32_t *known = &r->document_of[index];
    if (*known == 0) {
        char id[24];
        snprintf(id, sizeof id, "d%lld", (long long)++r->documents);
        *known = 1 + kin_builder_document(r->builder, index, id);
    }
    return *known - 1;
}

/* Where the judgement of this query and document is or belongs. */
static judgement *slot_of(const reading *r, int32_t query, int32_t document)
{
    const uint64_t key = (uint64_t)query << 32 | (uint32_t)document;
    size_t at = kin_mix64(key + 1) & r->slot_mask;
    while (r->slots[at].grade != 0 &&
           (r->slots[at].query != query || r->slots[at].document != document))
        at = (at + 1) & r->slot_mask;
    return &r->slots[at];
}

/* The first of several judgements of the same query and document counts. */
static kin_status add_judgement(reading *r, kin_field left, kin_field right, int32_t grade)
{
    const int32_t query = find_query(r, left), document = find_document(r, right);
    KIN_TRY(kin_builder_status(r->builder));
    judgement *slot = slot_of(r, query, document);
    if (slot->grade != 0) {
        r->report->duplicates++;
        r->regraded += slot->grade != grade + 1;
        return KIN_OK;
    }
    *slot = (judgement){query, document, grade + 1};
    kin_builder_relation(r->builder, query, document, grade);
    return kin_builder_status(r->builder);
}

static kin_status read_line(reading *r, kin_field line)
{
    kin_field column[3];
    int columns;
    int32_t grade = 1;
    KIN_TRY(split_columns(r, line, column, &columns));
    if (kin_field_is_blank(column[0])) return kin_lines_fail(r->file, "the query is empty");
    if (kin_field_is_blank(column[1])) return kin_lines_fail(r->file, "the document is empty");
    if (columns == 3) KIN_TRY(read_grade(r, column[2], &grade));
    return add_judgement(r, column[0], column[1], grade);
}

/* ---- the files ------------------------------------------------------------------------------- */

static kin_status read_lines(reading *r, kin_lines *file)
{
    kin_field line;
    bool more;
    r->file = file;
    for (;;) {
        KIN_TRY(kin_lines_next(file, &line, &more));
        if (!more) return KIN_OK;
        KIN_TRY(read_line(r, line));
        r->report->lines++;
    }
}

static kin_status make_lists(reading *r, size_t lines)
{
    size_t slots = 16;
    while (slots < 2 * lines) slots *= 2;
    r->query_of = calloc(2 * lines, sizeof *r->query_of);
    r->document_of = calloc(2 * lines, sizeof *r->document_of);
    r->slots = calloc(slots, sizeof *r->slots);
    r->slot_mask = slots - 1;
    KIN_REQUIRE(r->query_of && r->document_of && r->slots, KIN_MEMORY,
                "no memory to import %zu lines", lines);
    return kin_builder_new(&r->builder);
}

static void write_warnings(const reading *r, kin_import_report *report)
{
    kin_import_warn(report, r->in_both,
                    "queries are in both files; they are kept for validation alone.");
    kin_import_warn(report, r->regraded,
                    "lines judge a pair again with another grade; the first counts.");
    const size_t used = strlen(report->warning);
    const char *lack = report->pairs == 0 ? "There is no pair to train on."
                       : report->queries[KIN_VALIDATION] == 0
                           ? "No query is kept for validation, so training cannot be judged."
                           : "";
    if (*lack)
        snprintf(report->warning + used, sizeof report->warning - used, "%s%s", used ? " " : "",
                 lack);
}

static kin_status import_files(reading *r, const kin_import_setting *setting, kin_lines file[2])
{
    size_t lines = 0;
    KIN_TRY(kin_lines_open(&file[0], setting->source));
    if (setting->validation) KIN_TRY(kin_lines_open(&file[1], setting->validation));
    for (int i = 0; i < 2 && file[i].bytes; i++) lines += kin_lines_bound(&file[i]);
    KIN_TRY(make_lists(r, lines));
    KIN_TRY(read_lines(r, &file[0]));
    r->validating = true;
    if (setting->validation) KIN_TRY(read_lines(r, &file[1]));
    KIN_TRY(kin_builder_pair_judged(r->builder, "pairs"));
    KIN_TRY(kin_builder_write(r->builder, setting->out, r->report));
    write_warnings(r, r->report);
    return KIN_OK;
}

static kin_status run(const kin_import_setting *setting, kin_import_report *report)
{
    reading r = {.report = report};
    kin_lines file[2] = {{0}};
    r.fraction = setting->validation ? 0 : setting->hypers[FRACTION];
    r.test = setting->hypers[TEST_FRACTION];
    const kin_status status = import_files(&r, setting, file);
    kin_builder_free(r.builder);
    free(r.query_of);
    free(r.document_of);
    free(r.slots);
    for (int i = 0; i < 2; i++) kin_lines_close(&file[i]);
    return status;
}

const kin_importer kin_importer_pairs = {
    .entry = {.name = "pairs",
              .summary = "Lines of query<TAB>document[<TAB>grade]: your own text.",
              .hypers = {[FRACTION] = {.name = "fraction",
                                       .value = 0.05,
                                       .min = 0,
                                       .max = 0.5,
                                       .help = "share of the queries kept for validation when "
                                               "there is no validation file"},
                         [TEST_FRACTION] = {.name = "test_fraction",
                                            .value = 0,
                                            .min = 0,
                                            .max = 0.5,
                                            .help = "share of the queries kept for test"}}},
    .argument = "FILE.tsv",
    .validation = true,
    .run = run,
};
