/* beir: a folder as the BEIR benchmark has them (Thakur et al. 2021, "BEIR: a heterogeneous
 * benchmark for zero-shot evaluation of information retrieval models"):
 *
 *     corpus.jsonl       {"_id": "d1", "title": "...", "text": "..."}, one document a line
 *     queries.jsonl      {"_id": "q1", "text": "..."}
 *     qrels/train.tsv    query-id<TAB>corpus-id<TAB>score, below a line of these names; also
 *     qrels/dev.tsv      dev.tsv (validation) and test.tsv, at least one of the three
 *
 * A document's text is its title, a blank, and its text; of either alone where the other is empty.
 * Control characters (line ends too) become blanks, and blanks around a title or text go. Scores
 * are whole numbers and stay as grades; one of 0 or below says judged and irrelevant.
 *
 * Two kinds of training pairs come of it. "title": the title of each document and its text, which
 * needs no judgement. "judged": the training queries and what is relevant to them. batch.repeat
 * says which a run uses ("judged=0", "title=0"); encoder.from begins a run with another's weights.
 *
 * Without dev.tsv a share of the training queries, drawn by a hash of the query's bytes, is kept
 * for validation. A query that several files judge belongs to the last of train, dev, test, with
 * that file's judgements alone. Queries that no file judges are left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/file.h"
#include "core/hash.h"
#include "data/builder.h"
#include "data/json.h"
#include "data/lines.h"
#include "data/numbers.h"

enum { FRACTION };                     /* places of the options */
enum { PATH = 4096, NOT_THERE = -1, SHOWN = 40 };

static const char *const qrels_names[KIN_SPLITS] = {"qrels/train.tsv", "qrels/dev.tsv",
                                                    "qrels/test.tsv"};

/* A line of a file in qrels. query: its place among the ids; later its number in the store. */
typedef struct {
    int32_t query, document, grade, split;
    int64_t order;                     /* of the lines of all files */
} judgement;

/* Ids are kept as the distinct texts of builders of their own: an id's place is its text's. */
typedef struct {
    kin_builder *builder, *document_ids, *query_ids;
    kin_import_report *report;
    const kin_import_setting *setting;
    char path[PATH];                   /* of the file being read */
    int part;                          /* kin_split, of a file in qrels */
    int64_t documents, judgements;
    judgement *judged;
    int32_t queries;                   /* ids that were judged */
    uint8_t *split;                    /* queries: the last file that judges it */
    int32_t *number;                   /* queries: in the store, NOT_THERE until it has come */
    double fraction;
    int64_t unknown_documents, unknown_queries, unjudged, regraded, empty, in_several;
} reading;

typedef kin_status line_reader(reading *r, const kin_lines *file, kin_field line);

/* ---- JSON lines ------------------------------------------------------------------------------ */

/* A member that is a string; "" where it may lack and does, or is null. */
static kin_status read_text(const kin_json_tree *t, const char *key, bool may_lack,
                            const char **value)
{
    const kin_json *member = kin_json_get(kin_json_root(t), key);
    *value = "";
    if (may_lack && (!member || member->kind == KIN_JSON_NULL)) return KIN_OK;
    return kin_json_need_string(t, kin_json_root(t), key, value);
}

static kin_status read_id(const kin_json_tree *t, const kin_lines *file, const char **id)
{
    KIN_TRY(read_text(t, "_id", false, id));
    bool good = **id != 0;
    for (const char *c = *id; *c; c++) good = good && (unsigned char)*c > ' ';
    if (good) return KIN_OK;
    return kin_lines_fail(file, "the _id \"%.*s\" is empty or holds a blank", SHOWN, *id);
}

static bool is_blank(char c) { return (unsigned char)c <= ' '; }

/* Bytes without blanks around them; how many there are. */
static size_t trim(const char **text)
{
    while (**text && is_blank(**text)) ++*text;
    size_t size = strlen(*text);
    while (size > 0 && is_blank((*text)[size - 1])) size--;
    return size;
}

/* Puts bytes behind the builder's pieces, control characters as blanks. */
static void put(kin_builder *b, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) kin_builder_piece(b, is_blank(text[i]) ? " " : text + i, 1);
}

static int32_t text_of(kin_builder *b, const char *text, size_t size)
{
    put(b, text, size);
    return kin_builder_pieces(b);
}

static int32_t add_texts(kin_builder *b, const char *title, const char *body, int32_t place)
{
    const size_t first = trim(&title), second = trim(&body);
    put(b, title, first);
    if (first > 0 && second > 0) put(b, " ", 1);
    const int32_t both = text_of(b, body, second);
    if (first == 0 || second == 0) return both;
    const int32_t left = text_of(b, title, first), right = text_of(b, body, second);
    kin_builder_pair(b, left, right, place);
    return both;
}

static kin_status add_document(reading *r, const kin_lines *file, const kin_json_tree *t)
{
    const char *id, *title, *body;
    KIN_TRY(read_id(t, file, &id));
    KIN_TRY(read_text(t, "title", true, &title));
    KIN_TRY(read_text(t, "text", true, &body));
    const int32_t place = kin_builder_text(r->document_ids, id, strlen(id));
    KIN_TRY(kin_builder_status(r->document_ids));
    if (place != r->documents)
        return kin_lines_fail(file, "the _id \"%.*s\" came before", SHOWN, id);
    kin_builder_document(r->builder, add_texts(r->builder, title, body, place), id);
    r->empty += trim(&title) + trim(&body) == 0;
    r->documents++;
    return kin_builder_status(r->builder);
}

/* A line as a tree, for one of the two. */
static kin_status read_object(reading *r, const kin_lines *file, kin_field line,
                              kin_status (*add)(reading *, const kin_lines *,
                                                const kin_json_tree *))
{
    kin_json_tree *tree;
    KIN_TRY(kin_json_parse_from(&tree, r->path, (int32_t)file->line, line.at, line.size));
    const kin_status status = add(r, file, tree);
    kin_json_free(tree);
    return status;
}

static kin_status read_document(reading *r, const kin_lines *file, kin_field line)
{
    return read_object(r, file, line, add_document);
}

/* ---- judgements ------------------------------------------------------------------------------ */

/* A whole number; below 0 it becomes 0. */
static int32_t read_grade(kin_field text)
{
    const bool negative = text.size > 0 && *text.at == '-';
    const int32_t number = kin_number_read(text.at + negative, (int64_t)text.size - negative);
    return negative && number >= 0 ? 0 : number;
}

static kin_status add_judgement(reading *r, kin_field query, int32_t document, int32_t grade)
{
    const int32_t place = kin_builder_text(r->query_ids, query.at, query.size);
    KIN_TRY(kin_builder_status(r->query_ids));
    r->judged[r->judgements] = (judgement){place, document, grade, r->part, r->judgements};
    r->judgements++;
    if (place >= r->queries) r->queries = place + 1;
    return KIN_OK;
}

/* The first line may be names. A document that the corpus lacks cannot be found: it is counted. */
static kin_status read_judgement(reading *r, const kin_lines *file, kin_field line)
{
    kin_field column[3];
    const int columns = kin_lines_columns(line, column, 3);
    if (columns != 3)
        return kin_lines_fail(file, "%d column%s, expected query-id<TAB>corpus-id<TAB>score",
                              columns, columns == 1 ? "" : "s");
    const int32_t grade = read_grade(column[2]);
    if (grade < 0 && file->line == 1) return KIN_OK;
    if (grade < 0)
        return kin_lines_fail(file, "score \"%.*s\", expected a whole number up to %d",
                              column[2].size > SHOWN ? SHOWN : (int)column[2].size, column[2].at,
                              INT32_MAX - 1);
    if (kin_field_is_blank(column[0])) return kin_lines_fail(file, "the query-id is empty");
    if (kin_field_is_blank(column[1])) return kin_lines_fail(file, "the corpus-id is empty");
    const int32_t document = kin_builder_text(r->document_ids, column[1].at, column[1].size);
    KIN_TRY(kin_builder_status(r->document_ids));
    if (document >= r->documents) {
        r->unknown_documents++;
        return KIN_OK;
    }
    return add_judgement(r, column[0], document, grade);
}

/* ---- queries --------------------------------------------------------------------------------- */

static kin_split side_of(const reading *r, int32_t place, const char *text, size_t size)
{
    const double draw = (double)(kin_hash_bytes(text, size, 0) >> 11) * 0x1p-53;
    return r->split[place] == KIN_TRAIN && draw < r->fraction ? KIN_VALIDATION
                                                              : (kin_split)r->split[place];
}

static kin_status add_query(reading *r, const kin_lines *file, const kin_json_tree *t)
{
    const char *id, *text;
    KIN_TRY(read_id(t, file, &id));
    KIN_TRY(read_text(t, "text", false, &text));
    const int32_t place = kin_builder_text(r->query_ids, id, strlen(id));
    KIN_TRY(kin_builder_status(r->query_ids));
    if (place >= r->queries) {
        r->unjudged++;
        return KIN_OK;
    }
    if (r->number[place] != NOT_THERE)
        return kin_lines_fail(file, "the _id \"%.*s\" came before", SHOWN, id);
    const size_t size = trim(&text);
    if (size == 0) return kin_lines_fail(file, "the text of query \"%.*s\" is empty", SHOWN, id);
    r->number[place] = kin_builder_query(r->builder, text_of(r->builder, text, size), id,
                                         side_of(r, place, text, size));
    return kin_builder_status(r->builder);
}

static kin_status read_query(reading *r, const kin_lines *file, kin_field line)
{
    return read_object(r, file, line, add_query);
}

/* ---- the files ------------------------------------------------------------------------------- */

static kin_status make_room(reading *r, size_t lines)
{
    const size_t room = (size_t)r->judgements + lines;
    judgement *larger = realloc(r->judged, room * sizeof *larger);
    KIN_REQUIRE(larger, KIN_MEMORY, "no memory for %zu judgements", room);
    r->judged = larger;
    return KIN_OK;
}

/* Every line that is not blank. */
static kin_status read_lines(reading *r, kin_lines *file, line_reader *read)
{
    kin_field line;
    for (bool more;;) {
        KIN_TRY(kin_lines_next(file, &line, &more));
        if (!more) return KIN_OK;
        if (kin_field_is_blank(line)) continue;
        KIN_TRY(read(r, file, line));
        r->report->lines++;
    }
}

static kin_status read_file(reading *r, const char *name, line_reader *read)
{
    kin_lines file;
    KIN_TRY(kin_path_join(r->path, PATH, r->setting->source, name));
    KIN_TRY(kin_import_apart(r->path, r->setting));
    kin_status status = kin_lines_open(&file, r->path);
    if (status == KIN_OK && read == read_judgement) status = make_room(r, kin_lines_bound(&file));
    if (status == KIN_OK) status = read_lines(r, &file, read);
    kin_lines_close(&file);
    return status;
}

static kin_status read_qrels(reading *r, bool *dev)
{
    const char *folder = r->setting->source;
    int files = 0;
    for (r->part = 0; r->part < KIN_SPLITS; r->part++) {
        KIN_TRY(kin_path_join(r->path, PATH, folder, qrels_names[r->part]));
        if (!kin_file_exists(r->path)) continue;
        KIN_TRY(read_file(r, qrels_names[r->part], read_judgement));
        *dev = *dev || r->part == KIN_VALIDATION;
        files++;
    }
    KIN_REQUIRE(files > 0, KIN_DATA, "%s: has neither %s nor %s nor %s", folder, qrels_names[0],
                qrels_names[1], qrels_names[2]);
    r->split = calloc((size_t)r->queries + 1, sizeof *r->split);
    r->number = malloc(((size_t)r->queries + 1) * sizeof *r->number);
    KIN_REQUIRE(r->split && r->number, KIN_MEMORY, "no memory for %d queries", r->queries);
    for (int32_t q = 0; q < r->queries; q++) r->number[q] = NOT_THERE;
    for (int64_t i = 0; i < r->judgements; i++)
        r->split[r->judged[i].query] = (uint8_t)r->judged[i].split;     /* files rise */
    return KIN_OK;
}

/* ---- the store ------------------------------------------------------------------------------- */

static int by_query(const void *left, const void *right)
{
    const judgement *a = left, *b = right;
    if (a->query != b->query) return a->query < b->query ? -1 : 1;
    if (a->document != b->document) return a->document < b->document ? -1 : 1;
    return (a->order > b->order) - (a->order < b->order);
}

/* Those of a query's own file, whose query is there, by the store's numbers. */
static void keep_own(reading *r)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < r->judgements; i++) {
        judgement j = r->judged[i];
        const bool own = j.split == r->split[j.query], there = r->number[j.query] != NOT_THERE;
        r->unknown_queries += !there;
        r->in_several += there && !own;
        j.query = r->number[j.query];
        if (own && there) r->judged[kept++] = j;
    }
    r->judgements = kept;
}

/* The first of several judgements of the same query and document counts. */
static kin_status make_relations(reading *r)
{
    const judgement *last = NULL;
    keep_own(r);
    if (r->judgements) qsort(r->judged, (size_t)r->judgements, sizeof *r->judged, by_query);
    for (int64_t i = 0; i < r->judgements; i++) {
        const judgement *j = &r->judged[i];
        if (last && last->query == j->query && last->document == j->document) {
            r->report->duplicates++;
            r->regraded += last->grade != j->grade;
            continue;
        }
        kin_builder_relation(r->builder, j->query, j->document, j->grade);
        last = j;
    }
    return kin_builder_status(r->builder);
}

static void write_warnings(const reading *r)
{
    kin_import_report *to = r->report;
    kin_import_warn(to, r->unknown_documents, "judgements are of documents that the corpus lacks.");
    kin_import_warn(to, r->unknown_queries, "judgements are of queries that queries.jsonl lacks.");
    kin_import_warn(to, r->in_several, "judgements are of queries that a later file judges too.");
    kin_import_warn(to, r->regraded, "lines judge a pair again with another score: not counted.");
    kin_import_warn(to, r->empty, "documents have neither title nor text.");
    kin_import_warn(to, r->unjudged, "queries are judged nowhere and left out.");
}

static kin_status import(reading *r)
{
    bool dev = false;
    KIN_TRY(kin_builder_new(&r->builder));
    KIN_TRY(kin_builder_new(&r->document_ids));
    KIN_TRY(kin_builder_new(&r->query_ids));
    kin_builder_source(r->builder, "title");
    KIN_TRY(read_file(r, "corpus.jsonl", read_document));
    KIN_REQUIRE(r->documents > 0, KIN_DATA, "%s: has no document", r->path);
    KIN_TRY(read_qrels(r, &dev));
    if (dev) r->fraction = 0;
    KIN_TRY(read_file(r, "queries.jsonl", read_query));
    KIN_TRY(make_relations(r));
    KIN_REQUIRE(r->judgements > 0, KIN_DATA, "%s: no judgement is of a query and a document that "
                "are there", r->setting->source);
    KIN_TRY(kin_builder_pair_judged(r->builder, "judged"));
    KIN_TRY(kin_builder_write(r->builder, r->setting->out, r->report));
    write_warnings(r);
    return KIN_OK;
}

static kin_status run(const kin_import_setting *setting, kin_import_report *report)
{
    reading r = {.report = report, .setting = setting, .fraction = setting->hypers[FRACTION]};
    const kin_status status = import(&r);
    kin_builder_free(r.builder);
    kin_builder_free(r.document_ids);
    kin_builder_free(r.query_ids);
    free(r.judged);
    free(r.split);
    free(r.number);
    return status;
}

const kin_importer kin_importer_beir = {
    .entry = {.name = "beir",
              .summary = "A folder as BEIR has them: corpus.jsonl, queries.jsonl, qrels/*.tsv.",
              .hypers = {[FRACTION] = {"fraction", 0.1, 0, 0.5,
                                       "share of the training queries kept for validation when "
                                       "there is no dev.tsv", 0, NULL}}},
    .argument = "FOLDER",
    .run = run,
};
