/* pairs: a text file of lines "query<TAB>document" or "query<TAB>document<TAB>grade". The corpus is
 * the distinct documents in order of first appearance. A grade is a whole number, 1 where there is
 * none; a pair with grade 0 was judged and found irrelevant: it is kept for evaluation and not
 * trained on. A share of the queries, drawn by a hash of the query's bytes, is kept for validation;
 * or the queries of a second file are. Another share may be kept for test. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "core/file.h"
#include "core/hash.h"
#include "data/builder.h"

enum { LONGEST = 1 << 20 };            /* bytes in a line */
enum { FRACTION, TEST };               /* places of the options */

typedef struct {
    const char *at;
    size_t size;
} field;

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
    const char *path;                  /* the file being read */
    int64_t line;
    bool validating;                   /* it is the validation file */
} reading;

/* ---- what a line must be --------------------------------------------------------------------- */

static kin_status wrong_line(const reading *r, const char *what)
{
    return kin_fail(KIN_DATA, "%s line %lld: %s", r->path, (long long)r->line, what);
}

/* Place of the first byte that is not UTF-8, or -1. */
static int64_t bad_utf8(field text)
{
    size_t i = 0;
    while (i < text.size) {
        utf8proc_int32_t point;
        const size_t left = text.size - i;
        const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text.at + i;
        const utf8proc_ssize_t used =
            *at < 0x80 ? 1 : utf8proc_iterate(at, left < 4 ? (utf8proc_ssize_t)left : 4, &point);
        if (used <= 0) return (int64_t)i;
        i += (size_t)used;
    }
    return -1;
}

static kin_status check_bytes(const reading *r, field line)
{
    const char *nul = memchr(line.at, 0, line.size);
    KIN_REQUIRE(line.size <= LONGEST, KIN_DATA, "%s line %lld: %zu bytes, at most %d are allowed",
                r->path, (long long)r->line, line.size, LONGEST);
    KIN_REQUIRE(!nul, KIN_DATA, "%s line %lld: a NUL byte at byte %lld; is this a text file in "
                "UTF-8?", r->path, (long long)r->line, (long long)(nul - line.at) + 1);
    const int64_t bad = bad_utf8(line);
    KIN_REQUIRE(bad < 0, KIN_DATA, "%s line %lld: byte %lld (0x%02x) is not UTF-8", r->path,
                (long long)r->line, (long long)bad + 1, (unsigned char)line.at[bad]);
    return KIN_OK;
}

static kin_status split_columns(const reading *r, field line, field column[3], int *columns)
{
    const char *end = line.at + line.size;
    *columns = 0;
    for (const char *at = line.at; at; (*columns)++) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        if (*columns < 3) column[*columns] = (field){at, (size_t)((tab ? tab : end) - at)};
        at = tab ? tab + 1 : NULL;
    }
    KIN_REQUIRE(*columns == 2 || *columns == 3, KIN_DATA, "%s line %lld: %d column%s, expected "
                "query<TAB>document or query<TAB>document<TAB>grade", r->path,
                (long long)r->line, *columns, *columns == 1 ? "" : "s");
    return KIN_OK;
}

static bool blank(field text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.at[i] > ' ') return false;
    return true;
}

/* A whole number from 0 to INT32_MAX - 1. */
static kin_status read_grade(const reading *r, field text, int32_t *grade)
{
    int64_t value = text.size == 0 ? -1 : 0;
    for (size_t i = 0; i < text.size && value >= 0; i++) {
        const int digit = text.at[i] - '0';
        value = digit < 0 || digit > 9 ? -1 : value * 10 + digit;
        if (value >= INT32_MAX) value = -1;
    }
    KIN_REQUIRE(value >= 0, KIN_DATA, "%s line %lld: grade \"%.*s\", expected a whole number from "
                "0 to %d", r->path, (long long)r->line, text.size > 40 ? 40 : (int)text.size, text.at,
                INT32_MAX - 1);
    *grade = (int32_t)value;
    return KIN_OK;
}

/* ---- a line ---------------------------------------------------------------------------------- */

static kin_split side_of(const reading *r, field query)
{
    const double draw = (double)(kin_hash_bytes(query.at, query.size, 0) >> 11) * 0x1p-53;
    if (r->validating || draw < r->fraction) return KIN_VALIDATION;
    return draw < r->fraction + r->test ? KIN_TEST : KIN_TRAIN;
}

/* The query with this text, new or known. One that is in both files is a validation query. */
static int32_t find_query(reading *r, field text)
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

static int32_t find_document(reading *r, field text)
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
static kin_status add_judgement(reading *r, field left, field right, int32_t grade)
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

static kin_status read_line(reading *r, field line)
{
    field column[3];
    int columns;
    int32_t grade = 1;
    KIN_TRY(check_bytes(r, line));
    KIN_TRY(split_columns(r, line, column, &columns));
    if (blank(column[0])) return wrong_line(r, "the query is empty");
    if (blank(column[1])) return wrong_line(r, "the document is empty");
    if (columns == 3) KIN_TRY(read_grade(r, column[2], &grade));
    return add_judgement(r, column[0], column[1], grade);
}

/* ---- the files ------------------------------------------------------------------------------- */

typedef struct {
    const char *path;
    char *bytes;
    size_t size;
} input;

/* Lines may end with CR LF, the last one without either; a byte order mark in front is dropped. */
static kin_status read_lines(reading *r, const input *file)
{
    const char *at = file->bytes, *end = at + file->size;
    if (file->size >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0) at += 3;
    KIN_REQUIRE(at < end, KIN_DATA, "%s: the file is empty", file->path);
    r->path = file->path;
    for (r->line = 1; at < end; r->line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        field line = {at, (size_t)((stop ? stop : end) - at)};
        at += line.size + 1;
        if (line.size > 0 && line.at[line.size - 1] == '\r') line.size--;
        KIN_TRY(read_line(r, line));
        if (!stop) at = end;
        r->report->lines++;
    }
    return KIN_OK;
}

/* At least as many as there are good lines, which have four bytes or more. */
static size_t count_lines(const input *file)
{
    const char *at = file->bytes, *end = at + file->size;
    size_t lines = 1;
    for (; at < end && (at = memchr(at, '\n', (size_t)(end - at))); at++) lines++;
    return lines < file->size / 4 + 1 ? lines : file->size / 4 + 1;
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

/* What is relevant and belongs to a training query becomes a training pair. */
static kin_status make_pairs(reading *r)
{
    kin_store s;
    kin_builder_source(r->builder, "pairs");
    KIN_TRY(kin_builder_contents(r->builder, &s));
    for (int64_t i = 0; i < s.relations; i++) {
        const int32_t *row = s.relation + 3 * i;
        if (s.query_split[row[0]] == KIN_TRAIN && row[2] > 0)
            kin_builder_pair(r->builder, s.query_text[row[0]], s.document_text[row[1]], row[1]);
    }
    return kin_builder_status(r->builder);
}

static void warn(kin_import_report *report, int64_t count, const char *sentence)
{
    const size_t used = strlen(report->warning);
    if (count > 0)
        snprintf(report->warning + used, sizeof report->warning - used, "%s%lld %s",
                 used ? " " : "", (long long)count, sentence);
}

static void write_warnings(const reading *r, kin_import_report *report)
{
    warn(report, r->in_both, "queries are in both files; they are kept for validation alone.");
    warn(report, r->regraded, "lines judge a pair again with another grade; the first counts.");
    const size_t used = strlen(report->warning);
    const char *lack = report->pairs == 0 ? "There is no pair to train on."
                       : report->queries[KIN_VALIDATION] == 0
                           ? "No query is kept for validation, so training cannot be judged."
                           : "";
    if (*lack)
        snprintf(report->warning + used, sizeof report->warning - used, "%s%s", used ? " " : "",
                 lack);
}

static kin_status import_files(reading *r, const kin_import_setting *setting, const input file[2])
{
    KIN_TRY(make_lists(r, count_lines(&file[0]) + (file[1].path ? count_lines(&file[1]) : 0)));
    KIN_TRY(read_lines(r, &file[0]));
    r->validating = true;
    if (file[1].path) KIN_TRY(read_lines(r, &file[1]));
    KIN_TRY(make_pairs(r));
    KIN_TRY(kin_builder_write(r->builder, setting->out, r->report));
    write_warnings(r, r->report);
    return KIN_OK;
}

static kin_status run(const kin_import_setting *setting, kin_import_report *report)
{
    reading r = {.report = report};
    input file[2] = {{.path = setting->source}, {.path = setting->validation}};
    r.fraction = setting->validation ? 0 : setting->hypers[FRACTION];
    r.test = setting->hypers[TEST];
    kin_status status = kin_file_read(file[0].path, &file[0].bytes, &file[0].size);
    if (status == KIN_OK && file[1].path)
        status = kin_file_read(file[1].path, &file[1].bytes, &file[1].size);
    if (status == KIN_OK) status = import_files(&r, setting, file);
    kin_builder_free(r.builder);
    free(r.query_of);
    free(r.document_of);
    free(r.slots);
    for (int i = 0; i < 2; i++) free(file[i].bytes);
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
                         [TEST] = {.name = "test",
                                   .value = 0,
                                   .min = 0,
                                   .max = 0.5,
                                   .help = "share of the queries kept for test"}}},
    .argument = "FILE.tsv",
    .validation = true,
    .run = run,
};
