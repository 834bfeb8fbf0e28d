#include "metrics/trec.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"
#include "metrics/names.h"

#define COLUMNS 6
#define SHOWN 60                   /* bytes of a value that a message quotes */

typedef struct { const char *at; int size; } field_t;

typedef struct {
    int32_t row, document;
    int64_t line;
    double value;                  /* score or grade */
} entry_t;

typedef struct { entry_t *item; int64_t count, room; } entries_t;

/* The two kinds of file. */
typedef struct {
    const char *path, *form;
    int columns, value;            /* how many, and which is the value */
    bool grades;                   /* the value is a grade, and new queries are added */
} form_t;

struct reader {
    const form_t *form;
    kin_names *queries, *documents, *strangers;
    entries_t entries;
    int64_t line;
};

static int shown(const field_t *field) { return field->size < SHOWN ? field->size : SHOWN; }

/* Cuts a line at blanks and control characters; the number of fields, of which COLUMNS are kept. */
static int split(const char *at, const char *end, field_t field[COLUMNS])
{
    int n = 0;
    while (at < end) {
        while (at < end && (unsigned char)*at <= ' ') at++;
        const char *begin = at;
        while (at < end && (unsigned char)*at > ' ') at++;
        if (at > begin && n < COLUMNS) field[n] = (field_t){begin, (int)(at - begin)};
        n += at > begin;
    }
    return n;
}

static bool parse_value(const form_t *form, const field_t *field, double *value)
{
    char *end;
    errno = 0;
    if (form->grades) {
        long grade = strtol(field->at, &end, 10);
        *value = (double)grade;
        return end == field->at + field->size && !errno && grade == (int32_t)grade;
    }
    *value = (float)strtod(field->at, &end);
    return end == field->at + field->size && isfinite(*value);
}

static bool push(entries_t *entries, entry_t entry)
{
    if (entries->count == entries->room) {
        int64_t room = 2 * entries->room + 1024;
        entry_t *item = realloc(entries->item, sizeof *item * (size_t)room);
        if (!item) return false;
        entries->item = item;
        entries->room = room;
    }
    entries->item[entries->count++] = entry;
    return true;
}

static kin_status read_line(struct reader *reader, const char *at, const char *end)
{
    const form_t *form = reader->form;
    long long line = reader->line;
    field_t field[COLUMNS] = {{0}};
    int n = split(at, end, field);
    KIN_REQUIRE(n == form->columns, KIN_DATA, "%s line %lld: %d columns, expected %d: %s",
                form->path, line, n, form->columns, form->form);
    entry_t entry = {.line = reader->line};
    const field_t *query = field, *document = field + 2, *value = field + form->value;
    KIN_REQUIRE(parse_value(form, value, &entry.value), KIN_DATA,
                "%s line %lld: \"%.*s\" is not a %s", form->path, line, shown(value), value->at,
                form->grades ? "grade (a whole number)" : "score (a finite number)");
    entry.row = form->grades ? kin_names_add(reader->queries, query->at, query->size)
                             : kin_names_find(reader->queries, query->at, query->size);
    bool known = entry.row >= 0;
    if (known) {
        entry.document = kin_names_add(reader->documents, document->at, document->size);
        known = entry.document >= 0 && push(&reader->entries, entry);
    } else if (!form->grades) {
        known = kin_names_add(reader->strangers, query->at, query->size) >= 0;
    }
    KIN_REQUIRE(known, KIN_MEMORY, "%s line %lld: no memory", form->path, line);
    return KIN_OK;
}

static int compare_entries(const void *left, const void *right)
{
    const entry_t *a = left, *b = right;
    if (a->row != b->row) return a->row < b->row ? -1 : 1;
    if (a->document != b->document) return a->document < b->document ? -1 : 1;
    return (a->line > b->line) - (a->line < b->line);
}

/* Sorts by query and document; twice the same pair fails. */
static kin_status sort_entries(struct reader *reader)
{
    entry_t *item = reader->entries.item;
    int64_t count = reader->entries.count;
    if (count > 0) qsort(item, (size_t)count, sizeof *item, compare_entries);
    for (int64_t i = 1; i < count; i++) {
        if (item[i].row != item[i - 1].row || item[i].document != item[i - 1].document) continue;
        kin_texts queries = kin_names_texts(reader->queries);
        kin_texts documents = kin_names_texts(reader->documents);
        const int64_t *q = queries.start + item[i].row, *d = documents.start + item[i].document;
        return kin_fail(KIN_DATA,
                        "%s line %lld: document %.*s of query %.*s stands on line %lld too",
                        reader->form->path, (long long)item[i].line, (int)(d[1] - d[0]),
                        documents.bytes + d[0], (int)(q[1] - q[0]), queries.bytes + q[0],
                        (long long)item[i - 1].line);
    }
    return KIN_OK;
}

static kin_status read_entries(struct reader *reader)
{
    char *bytes;
    size_t size;
    KIN_TRY(kin_file_read(reader->form->path, &bytes, &size));
    kin_status status = KIN_OK;
    const char *end = bytes + size;
    for (const char *at = bytes; at < end && status == KIN_OK;) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop ? stop : end;
        reader->line++;
        status = read_line(reader, at, stop);
        at = stop + 1;
    }
    free(bytes);
    return status == KIN_OK ? sort_entries(reader) : status;
}

static kin_status make_judgements(kin_judgements **judgements, const entries_t *entries,
                                  const kin_names *queries, const kin_names *documents)
{
    int32_t *triple = malloc(3 * sizeof *triple * (size_t)(entries->count + 1));
    KIN_REQUIRE(triple, KIN_MEMORY, "no memory for %lld judgements", (long long)entries->count);
    for (int64_t i = 0; i < entries->count; i++) {
        triple[3 * i] = entries->item[i].row;
        triple[3 * i + 1] = entries->item[i].document;
        triple[3 * i + 2] = (int32_t)entries->item[i].value;
    }
    kin_status status = kin_judgements_new(judgements, queries->count, NULL,
                                           kin_names_texts(queries), kin_names_texts(documents),
                                           entries->count, triple);
    free(triple);
    return status;
}

static kin_status make_run(kin_run **run, const entries_t *entries, int64_t rows)
{
    KIN_TRY(kin_run_new(run, 1, entries->count));
    int64_t *start = realloc((*run)->start, sizeof *start * (size_t)(rows + 1));
    if (!start) return kin_fail(KIN_MEMORY, "no memory for %lld lists", (long long)rows);
    (*run)->rows = rows;
    (*run)->start = start;
    int64_t row = 0;
    start[0] = 0;
    for (int64_t i = 0; i < entries->count; i++) {
        while (row < entries->item[i].row) start[++row] = i;
        (*run)->document[i] = entries->item[i].document;
        (*run)->score[i] = (float)entries->item[i].value;
    }
    while (row < rows) start[++row] = entries->count;
    return KIN_OK;
}

/* The ids that the judgements borrow stand beside them. */
typedef struct {
    kin_trec trec;
    kin_names queries, documents;
} files_t;

static kin_status read_qrels(files_t *files, const char *path, entries_t *entries)
{
    const form_t form = {path, "query 0 document grade", 4, 3, true};
    struct reader reader = {.form = &form, .queries = &files->queries,
                            .documents = &files->documents};
    kin_status status = read_entries(&reader);
    *entries = reader.entries;
    return status;
}

static kin_status read_run(files_t *files, const char *path, entries_t *entries)
{
    const form_t form = {path, "query Q0 document rank score tag", 6, 4, false};
    kin_names strangers = {0};
    struct reader reader = {.form = &form, .queries = &files->queries,
                            .documents = &files->documents, .strangers = &strangers};
    kin_status status = read_entries(&reader);
    files->trec.ignored = strangers.count;
    kin_names_free(&strangers);
    *entries = reader.entries;
    return status;
}

static kin_status read_both(files_t *files, const char *run_path, const char *qrels_path)
{
    kin_trec *trec = &files->trec;
    entries_t grades = {0}, scores = {0};
    kin_status status = read_qrels(files, qrels_path, &grades);
    if (status == KIN_OK) status = read_run(files, run_path, &scores);
    if (status == KIN_OK)
        status = make_judgements(&trec->judgements, &grades, &files->queries, &files->documents);
    if (status == KIN_OK) status = make_run(&trec->run, &scores, files->queries.count);
    if (status == KIN_OK) status = kin_run_order(trec->run, NULL, &trec->judgements->document_id);
    if (status == KIN_OK) kin_run_cut(trec->run, KIN_RUN_DEPTH, NULL);
    free(grades.item);
    free(scores.item);
    return status;
}

kin_status kin_trec_read(kin_trec **trec, const char *run_path, const char *qrels_path)
{
    *trec = NULL;
    files_t *files = calloc(1, sizeof *files);
    KIN_REQUIRE(files, KIN_MEMORY, "%s: no memory", run_path);
    kin_status status = read_both(files, run_path, qrels_path);
    if (status == KIN_OK) *trec = &files->trec;
    else kin_trec_free(&files->trec);
    return status;
}

void kin_trec_free(kin_trec *trec)
{
    if (!trec) return;
    files_t *files = (files_t *)trec;          /* trec is its first member */
    kin_judgements_free(trec->judgements);
    kin_run_free(trec->run);
    kin_names_free(&files->queries);
    kin_names_free(&files->documents);
    free(files);
}
