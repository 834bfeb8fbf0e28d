/* Builder: collects texts, documents, queries and pairs in growing arrays, keeps every distinct
 * text once, and writes the store. What importers use.
 *
 * The first failure (out of memory) sticks: later calls do nothing, kin_builder_status and
 * kin_builder_write report it. Functions that add return the index, or -1 after a failure. */
#ifndef KIN_DATA_BUILDER_H
#define KIN_DATA_BUILDER_H

#include <stddef.h>
#include "data/import.h"
#include "data/store.h"

typedef struct kin_builder kin_builder;

kin_status kin_builder_new(kin_builder **builder);
void kin_builder_free(kin_builder *builder);              /* NULL is fine */
kin_status kin_builder_status(const kin_builder *builder);

/* Index of the text with these bytes; the same bytes give the same index. */
int32_t kin_builder_text(kin_builder *builder, const char *bytes, size_t size);

/* The same for bytes of which several pieces are put together. */
void kin_builder_piece(kin_builder *builder, const char *bytes, size_t size);
void kin_builder_latin1(kin_builder *builder, const char *bytes, size_t size);  /* becomes UTF-8 */
int32_t kin_builder_pieces(kin_builder *builder);          /* the text; the pieces start afresh */

int32_t kin_builder_document(kin_builder *builder, int32_t text, const char *id);
int32_t kin_builder_query(kin_builder *builder, int32_t text, const char *id, kin_split split);

/* Puts a query on another side; whether it was not there yet. */
bool kin_builder_move(kin_builder *builder, int32_t query, kin_split split);

/* A class, called as this text says, and that of the newest query: every query has one or none. */
int32_t kin_builder_label(kin_builder *builder, int32_t text);
void kin_builder_query_label(kin_builder *builder, int32_t label);

/* The numbers of the newest query, as many as of every other. */
void kin_builder_features(kin_builder *builder, const float *features, int64_t count);

/* How alike the two texts of the newest relation are, from 0 to 1: of every relation or of none. */
void kin_builder_score(kin_builder *builder, float score);

int32_t kin_builder_relation(kin_builder *builder, int32_t query, int32_t document, int32_t grade);
int32_t kin_builder_pair(kin_builder *builder, int32_t left, int32_t right, int32_t document);

/* The pairs added from now on are of this kind. One is named before the first pair. */
void kin_builder_source(kin_builder *builder, const char *name);

/* What is relevant to a training query becomes a training pair, of a kind of its own. */
kin_status kin_builder_pair_judged(kin_builder *builder, const char *source);

/* Everything so far. Adding to an array may move it. */
kin_status kin_builder_contents(kin_builder *builder, kin_store *contents);

/* Writes the store and fills in the report's counts of what it holds. */
kin_status kin_builder_write(kin_builder *builder, const char *path, kin_import_report *report);

#endif
