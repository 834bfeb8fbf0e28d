#include <stdlib.h>
#include <string.h>
#include "core/hash.h"
#include "data/builder.h"

/* A growing array of bytes. */
typedef struct {
    char *at;
    size_t size, room;
} grow;

/* Growing texts, as in kin_texts. */
typedef struct {
    grow bytes, start;
    int64_t count;
} grow_texts;

struct kin_builder {
    kin_status status;
    grow_texts texts, document_id, query_id, source;
    grow document_text, query_text, query_split, relation, pair, source_start, pieces;
    grow label_text, query_label, feature, relation_score;
    int32_t *slots;            /* open addressing: text index + 1, or 0 */
    size_t slot_count;         /* a power of two, at least twice the texts */
};

/* ---- growing --------------------------------------------------------------------------------- */

static bool append(kin_builder *b, grow *g, const void *bytes, size_t size)
{
    if (b->status != KIN_OK) return false;
    if (size > g->room - g->size) {
        const size_t room = 2 * g->room + size + 64;
        char *larger = realloc(g->at, room);
        if (!larger) {
            b->status = kin_fail(KIN_MEMORY, "no memory for %zu bytes of imported data", room);
            return false;
        }
        g->at = larger;
        g->room = room;
    }
    if (size > 0) memcpy(g->at + g->size, bytes, size);
    g->size += size;
    return true;
}

/* Appends to a list whose items are indexed by int32_t; gives the item's index or -1. */
static int32_t append_item(kin_builder *b, grow *g, const void *item, size_t size)
{
    const size_t count = g->size / size;
    if (count >= INT32_MAX && b->status == KIN_OK)
        b->status = kin_fail(KIN_DATA, "more than %d entries of one kind", INT32_MAX);
    return append(b, g, item, size) ? (int32_t)count : -1;
}

static bool append_text(kin_builder *b, grow_texts *t, const char *bytes, size_t size)
{
    if (!append(b, &t->bytes, bytes, size)) return false;
    const int64_t end = (int64_t)t->bytes.size;
    if (append_item(b, &t->start, &end, sizeof end) < 0) return false;
    t->count++;
    return true;
}

static void start_texts(kin_builder *b, grow_texts *t)
{
    const int64_t zero = 0;
    append(b, &t->start, &zero, sizeof zero);
}

static kin_texts seen(const grow_texts *t)
{
    const char *bytes = t->bytes.at ? t->bytes.at : "";
    return (kin_texts){t->count, bytes, (const int64_t *)t->start.at};
}

static void free_texts(grow_texts *t)
{
    free(t->bytes.at);
    free(t->start.at);
}

/* ---- the builder ----------------------------------------------------------------------------- */

kin_status kin_builder_new(kin_builder **builder)
{
    kin_builder *b = *builder = calloc(1, sizeof *b);
    KIN_REQUIRE(b, KIN_MEMORY, "no memory to import");
    start_texts(b, &b->texts);
    start_texts(b, &b->document_id);
    start_texts(b, &b->query_id);
    start_texts(b, &b->source);
    b->slot_count = 1 << 10;
    b->slots = calloc(b->slot_count, sizeof *b->slots);
    if (!b->slots) b->status = kin_fail(KIN_MEMORY, "no memory to import");
    return b->status;
}

void kin_builder_free(kin_builder *b)
{
    if (!b) return;
    grow_texts *const texts[] = {&b->texts, &b->document_id, &b->query_id, &b->source};
    grow *const lists[] = {&b->document_text, &b->query_text, &b->query_split, &b->relation,
                           &b->pair, &b->source_start, &b->pieces, &b->label_text,
                           &b->query_label, &b->feature, &b->relation_score};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) free_texts(texts[i]);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]->at);
    free(b->slots);
    free(b);
}

kin_status kin_builder_status(const kin_builder *b)
{
    return b->status;
}

/* ---- distinct texts -------------------------------------------------------------------------- */

/* The slot of a text: where it is, or the empty one where it belongs. */
static int32_t *slot_of(const kin_builder *b, const char *bytes, size_t size)
{
    const kin_texts texts = seen(&b->texts);
    size_t at = kin_hash_bytes(bytes, size, 0) & (b->slot_count - 1);
    for (;; at = (at + 1) & (b->slot_count - 1)) {
        const int32_t text = b->slots[at] - 1;
        if (text < 0) break;
        if ((size_t)kin_text_size(&texts, text) == size &&
            memcmp(kin_text(&texts, text), bytes, size) == 0)
            break;
    }
    return &b->slots[at];
}

static bool widen(kin_builder *b)
{
    int32_t *old = b->slots;
    b->slots = calloc(4 * b->slot_count, sizeof *b->slots);
    if (!b->slots) {
        b->slots = old;
        b->status = kin_fail(KIN_MEMORY, "no memory for %lld texts", (long long)b->texts.count);
        return false;
    }
    b->slot_count *= 4;
    free(old);
    const kin_texts texts = seen(&b->texts);
    for (int64_t i = 0; i < texts.count; i++)
        *slot_of(b, kin_text(&texts, i), (size_t)kin_text_size(&texts, i)) = (int32_t)i + 1;
    return true;
}

int32_t kin_builder_text(kin_builder *b, const char *bytes, size_t size)
{
    if (b->status != KIN_OK) return -1;
    if (2 * (size_t)b->texts.count >= b->slot_count && !widen(b)) return -1;
    int32_t *slot = slot_of(b, bytes, size);
    if (*slot == 0) {
        if (!append_text(b, &b->texts, bytes, size)) return -1;
        *slot = (int32_t)b->texts.count;
    }
    return *slot - 1;
}

void kin_builder_piece(kin_builder *b, const char *bytes, size_t size)
{
    append(b, &b->pieces, bytes, size);
}

void kin_builder_latin1(kin_builder *b, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)bytes[i];
        const char two[2] = {(char)(0xC0 | c >> 6), (char)(0x80 | (c & 0x3F))};
        if (c < 0x80) append(b, &b->pieces, &bytes[i], 1);
        else append(b, &b->pieces, two, 2);
    }
}

int32_t kin_builder_pieces(kin_builder *b)
{
    const int32_t text = kin_builder_text(b, b->pieces.at ? b->pieces.at : "", b->pieces.size);
    b->pieces.size = 0;
    return text;
}

/* ---- documents, queries, relations, pairs ---------------------------------------------------- */

int32_t kin_builder_document(kin_builder *b, int32_t text, const char *id)
{
    if (!append_text(b, &b->document_id, id, strlen(id))) return -1;
    return append_item(b, &b->document_text, &text, sizeof text);
}

int32_t kin_builder_query(kin_builder *b, int32_t text, const char *id, kin_split split)
{
    const uint8_t byte = (uint8_t)split;
    if (!append_text(b, &b->query_id, id, strlen(id))) return -1;
    if (append_item(b, &b->query_split, &byte, sizeof byte) < 0) return -1;
    return append_item(b, &b->query_text, &text, sizeof text);
}

bool kin_builder_move(kin_builder *b, int32_t query, kin_split split)
{
    if (b->status != KIN_OK || b->query_split.at[query] == (char)split) return false;
    b->query_split.at[query] = (char)split;
    return true;
}

int32_t kin_builder_label(kin_builder *b, int32_t text)
{
    return append_item(b, &b->label_text, &text, sizeof text);
}

void kin_builder_query_label(kin_builder *b, int32_t label)
{
    append(b, &b->query_label, &label, sizeof label);
}

void kin_builder_features(kin_builder *b, const float *features, int64_t count)
{
    append(b, &b->feature, features, (size_t)count * sizeof *features);
}

void kin_builder_score(kin_builder *b, float score)
{
    append(b, &b->relation_score, &score, sizeof score);
}

int32_t kin_builder_relation(kin_builder *b, int32_t query, int32_t document, int32_t grade)
{
    const int32_t row[3] = {query, document, grade};
    return append_item(b, &b->relation, row, sizeof row);
}

int32_t kin_builder_pair(kin_builder *b, int32_t left, int32_t right, int32_t document)
{
    const int32_t row[3] = {left, right, document};
    return append_item(b, &b->pair, row, sizeof row);
}

static int64_t pairs_of(const kin_builder *b)
{
    return (int64_t)(b->pair.size / (3 * sizeof(int32_t)));
}

void kin_builder_source(kin_builder *b, const char *name)
{
    const int64_t start = pairs_of(b);
    append_text(b, &b->source, name, strlen(name));
    append(b, &b->source_start, &start, sizeof start);
}

/* ---- the result ------------------------------------------------------------------------------ */

kin_status kin_builder_pair_judged(kin_builder *b, const char *source)
{
    kin_store s;
    kin_builder_source(b, source);
    KIN_TRY(kin_builder_contents(b, &s));
    for (int64_t i = 0; i < s.relations; i++) {
        const int32_t *row = s.relation + 3 * i;
        const int32_t query = row[KIN_RELATION_QUERY], document = row[KIN_RELATION_DOCUMENT];
        if (s.query_split[query] == KIN_TRAIN && row[KIN_RELATION_GRADE] > 0)
            kin_builder_pair(b, s.query_text[query], s.document_text[document], document);
    }
    return kin_builder_status(b);
}

kin_status kin_builder_contents(kin_builder *b, kin_store *s)
{
    const int64_t end = pairs_of(b);
    if (append(b, &b->source_start, &end, sizeof end)) b->source_start.size -= sizeof end;
    *s = (kin_store){
        .texts = seen(&b->texts),
        .documents = b->document_id.count,
        .document_text = (const int32_t *)b->document_text.at,
        .document_id = seen(&b->document_id),
        .queries = b->query_id.count,
        .query_text = (const int32_t *)b->query_text.at,
        .query_id = seen(&b->query_id),
        .query_split = (const uint8_t *)b->query_split.at,
        .relations = (int64_t)(b->relation.size / (3 * sizeof(int32_t))),
        .relation = (const int32_t *)b->relation.at,
        .pairs = end,
        .pair = (const int32_t *)b->pair.at,
        .source = seen(&b->source),
        .source_start = (const int64_t *)b->source_start.at,
        .labels = (int64_t)(b->label_text.size / sizeof(int32_t)),
        .label_text = (const int32_t *)b->label_text.at,
        .query_label = (const int32_t *)b->query_label.at,
        .feature = (const float *)b->feature.at,
        .relation_score = (const float *)b->relation_score.at,
    };
    if (s->queries) s->features = (int64_t)(b->feature.size / sizeof(float)) / s->queries;
    return b->status;
}

kin_status kin_builder_write(kin_builder *b, const char *path, kin_import_report *report)
{
    kin_store s;
    KIN_TRY(kin_builder_contents(b, &s));
    report->texts = s.texts.count;
    report->documents = s.documents;
    report->relations = s.relations;
    report->pairs = s.pairs;
    report->labels = s.labels;
    report->features = s.features;
    report->scores = s.relation_score ? s.relations : 0;
    memset(report->queries, 0, sizeof report->queries);
    for (int64_t i = 0; i < s.queries; i++) report->queries[s.query_split[i]]++;
    return kin_store_write(path, &s);
}
