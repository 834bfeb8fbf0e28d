/* interactions: a folder with train.txt and, perhaps, test.txt, lines of "user item item ...": who
 * chose what. Users and items are whole numbers, each its own row of a table, so both are best
 * numbered from 0 without gaps. The documents are the items of both files in rising order. A user
 * with items in test.txt is a test query, to which these are relevant; what a user chose in
 * train.txt makes training pairs of the kind "train". A share of them, drawn by a hash of user and
 * item, is of the kind "validation" and relevant to a validation query of that user:
 * data.validation says whether a run leaves these pairs out and judges by them, or trains on all.
 * Several lines of a user add up; empty lines say nothing.
 *
 * As LightGCN's and SimpleX's authors publish Gowalla, Yelp 2018 and Amazon-Books. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"
#include "core/hash.h"
#include "data/builder.h"
#include "data/lines.h"
#include "data/numbers.h"

enum { FRACTION };                     /* places of the options */
enum { TRAIN_FILE, TEST_FILE, FILES, PATH = 4096 };

static const char *const file_names[FILES] = {"train.txt", "test.txt"};

/* user and item, and the file it was read from. */
typedef struct {
    int32_t user, item, file;
} choice;

typedef struct {
    kin_builder *builder;
    kin_import_report *report;
    char path[FILES][PATH];
    kin_lines file[FILES];
    choice *choices;
    int64_t count, room;
    int32_t *items;                    /* distinct, rising */
    int64_t item_count, users, in_both;
    double fraction;
} reading;

/* ---- lines ----------------------------------------------------------------------------------- */

static bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The number that begins at *at, which moves behind it. */
static kin_status read_number(const kin_lines *file, const char **at, const char *end,
                              int32_t *number)
{
    const char *from = *at;
    char text[41];
    while (*at < end && !blank(**at)) ++*at;
    *number = kin_number_read(from, *at - from);
    if (*number >= 0) return KIN_OK;
    const int64_t shown = *at - from < 40 ? *at - from : 40;
    for (int64_t i = 0; i < shown; i++) text[i] = from[i] >= ' ' && from[i] < 127 ? from[i] : '?';
    text[shown] = 0;
    return kin_lines_fail(file, "\"%s\", expected a whole number from 0 to %d", text,
                          INT32_MAX - 1);
}

static void skip_blanks(const char **at, const char *end)
{
    while (*at < end && blank(**at)) ++*at;
}

/* The first number is the user; a line of a user alone says nothing. */
static kin_status read_line(reading *r, int which, kin_field line)
{
    choice c = {.file = which};
    const kin_lines *file = &r->file[which];
    const char *at = line.at, *end = at + line.size;
    skip_blanks(&at, end);
    if (at == end) return KIN_OK;
    KIN_TRY(read_number(file, &at, end, &c.user));
    for (skip_blanks(&at, end); at < end; skip_blanks(&at, end)) {
        KIN_TRY(read_number(file, &at, end, &c.item));
        r->choices[r->count++] = c;
    }
    return KIN_OK;
}

static kin_status read_lines(reading *r, int which)
{
    kin_field line;
    bool more;
    KIN_TRY(kin_lines_next(&r->file[which], &line, &more));
    while (more) {
        KIN_TRY(read_line(r, which, line));
        r->report->lines++;
        KIN_TRY(kin_lines_next(&r->file[which], &line, &more));
    }
    return KIN_OK;
}

/* ---- choices --------------------------------------------------------------------------------- */

static int by_user(const void *left, const void *right)
{
    const choice *a = left, *b = right;
    if (a->user != b->user) return a->user < b->user ? -1 : 1;
    if (a->item != b->item) return a->item < b->item ? -1 : 1;
    return (a->file > b->file) - (a->file < b->file);
}

static int by_number(const void *left, const void *right)
{
    const int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

/* Each choice once, in the order of users and items; what is in both files counts as train. */
static void drop_repeated(reading *r)
{
    int64_t kept = 0;
    qsort(r->choices, (size_t)r->count, sizeof *r->choices, by_user);
    for (int64_t i = 0; i < r->count; i++) {
        const choice *c = &r->choices[i], *last = kept ? &r->choices[kept - 1] : NULL;
        if (last && last->user == c->user && last->item == c->item) {
            r->in_both += last->file != c->file;
            r->report->duplicates++;
            continue;
        }
        r->choices[kept++] = *c;
    }
    r->count = kept;
}

static kin_status list_items(reading *r)
{
    r->items = malloc((size_t)(r->count + 1) * sizeof *r->items);
    KIN_REQUIRE(r->items, KIN_MEMORY, "no memory for %lld interactions", (long long)r->count);
    for (int64_t i = 0; i < r->count; i++) r->items[i] = r->choices[i].item;
    qsort(r->items, (size_t)r->count, sizeof *r->items, by_number);
    for (int64_t i = 0; i < r->count; i++)
        if (i == 0 || r->items[i] != r->items[i - 1]) r->items[r->item_count++] = r->items[i];
    return KIN_OK;
}

static int32_t document_of(const reading *r, int32_t item)
{
    const int32_t *at = bsearch(&item, r->items, (size_t)r->item_count, sizeof item, by_number);
    return (int32_t)(at - r->items);
}

/* ---- the store ------------------------------------------------------------------------------- */

static int32_t number_text(reading *r, int32_t number, char text[16])
{
    const int size = snprintf(text, 16, "%d", number);
    return kin_builder_text(r->builder, text, (size_t)size);
}

static kin_status make_documents(reading *r)
{
    char text[16];
    for (int64_t i = 0; i < r->item_count; i++) {
        const int32_t index = number_text(r, r->items[i], text);
        kin_builder_document(r->builder, index, text);
    }
    return kin_builder_status(r->builder);
}

/* The same whatever else is in the files. */
static kin_split part_of(const reading *r, const choice *c)
{
    const uint64_t draw = kin_mix64(((uint64_t)(uint32_t)c->user << 32 | (uint32_t)c->item) + 1);
    if (c->file == TEST_FILE) return KIN_TEST;
    return (double)(draw >> 11) * 0x1p-53 < r->fraction ? KIN_VALIDATION : KIN_TRAIN;
}

/* A user's query of one part, with all that is relevant to it; none where there is nothing. */
static void make_query(reading *r, const choice *c, int64_t count, kin_split part)
{
    char text[16];
    int32_t query = -1;
    for (int64_t i = 0; i < count; i++) {
        if (part_of(r, &c[i]) != part) continue;
        if (query < 0) {
            const int32_t index = number_text(r, c->user, text);
            query = kin_builder_query(r->builder, index, text, part);
        }
        kin_builder_relation(r->builder, query, document_of(r, c[i].item), 1);
    }
}

static kin_status make_queries(reading *r)
{
    for (int64_t from = 0, to; from < r->count; from = to, r->users++) {
        for (to = from; to < r->count && r->choices[to].user == r->choices[from].user; to++) {}
        make_query(r, r->choices + from, to - from, KIN_VALIDATION);
        make_query(r, r->choices + from, to - from, KIN_TEST);
    }
    return kin_builder_status(r->builder);
}

static kin_status make_pairs(reading *r, kin_split part, const char *kind)
{
    char text[16];
    kin_builder_source(r->builder, kind);
    for (int64_t i = 0; i < r->count; i++) {
        const choice *c = &r->choices[i];
        if (part_of(r, c) != part) continue;
        const int32_t user = number_text(r, c->user, text), item = number_text(r, c->item, text);
        kin_builder_pair(r->builder, user, item, document_of(r, c->item));
    }
    return kin_builder_status(r->builder);
}

/* ---- the files ------------------------------------------------------------------------------- */

static kin_status open_files(reading *r, const kin_import_setting *setting)
{
    for (int i = 0; i < FILES; i++) {
        kin_lines *f = &r->file[i];
        KIN_TRY(kin_path_join(r->path[i], PATH, setting->source, file_names[i]));
        if (i == TEST_FILE && !kin_file_exists(r->path[i])) continue;
        KIN_TRY(kin_import_apart(r->path[i], setting));
        KIN_TRY(kin_lines_open(f, r->path[i]));
        r->room += (f->end - f->bytes) / 2 + 1;         /* a digit and a blank each, at least */
    }
    r->choices = malloc((size_t)r->room * sizeof *r->choices);
    KIN_REQUIRE(r->choices, KIN_MEMORY, "no memory to import %s", setting->source);
    return KIN_OK;
}

static void warn(kin_import_report *report, const char *format, long long count)
{
    const size_t used = strlen(report->warning);
    if (count <= 0) return;
    if (used) report->warning[used] = ' ';
    snprintf(report->warning + used + (used > 0), sizeof report->warning - used - 1, format, count);
}

static void write_warnings(const reading *r)
{
    kin_import_report *report = r->report;
    const int64_t items = r->items[r->item_count - 1] + (int64_t)1;
    const int64_t users = r->choices[r->count - 1].user + (int64_t)1;
    warn(report, "%lld interactions of test.txt are in train.txt too and count as training.",
         r->in_both);
    warn(report, "%lld numbers below the largest are no item's: their rows of the table are never "
         "trained, and are drawn as negatives.", items - r->item_count);
    warn(report, "%lld numbers below the largest are no user's.", users - r->users);
}

static kin_status import(reading *r, const kin_import_setting *setting)
{
    KIN_TRY(open_files(r, setting));
    for (int i = 0; i < FILES; i++)
        if (r->file[i].bytes) KIN_TRY(read_lines(r, i));
    KIN_REQUIRE(r->count > 0, KIN_DATA, "%s: no line has an item", r->path[TRAIN_FILE]);
    drop_repeated(r);
    KIN_TRY(list_items(r));
    KIN_TRY(kin_builder_new(&r->builder));
    KIN_TRY(make_documents(r));
    KIN_TRY(make_queries(r));
    KIN_TRY(make_pairs(r, KIN_TRAIN, "train"));
    KIN_TRY(make_pairs(r, KIN_VALIDATION, "validation"));
    KIN_TRY(kin_builder_write(r->builder, setting->out, r->report));
    write_warnings(r);
    return KIN_OK;
}

static kin_status run(const kin_import_setting *setting, kin_import_report *report)
{
    reading r = {.report = report, .fraction = setting->hypers[FRACTION]};
    const kin_status status = import(&r, setting);
    kin_builder_free(r.builder);
    free(r.choices);
    free(r.items);
    for (int i = 0; i < FILES; i++) kin_lines_close(&r.file[i]);
    return status;
}

const kin_importer kin_importer_interactions = {
    .entry = {.name = "interactions",
              .summary = "train.txt and test.txt of lines \"user item item ...\".",
              .hypers = {[FRACTION] = {.name = "fraction",
                                       .value = 0.1,
                                       .min = 0,
                                       .max = 0.5,
                                       .help = "share of the training interactions that make the "
                                               "validation part"}}},
    .argument = "FOLDER",
    .run = run,
};
