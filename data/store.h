/* Store: a training set in one file. It is HDF5 with contiguous datasets, so that any HDF5 program
 * reads it, behind a 512-byte block of kin's own: magic, version, length and xxh64 of all that
 * follows, and where each dataset lies. kin reads the arrays where the block says, by mmap, after
 * it has checked block and checksum and every index; HDF5 only writes.
 *
 * Text is kept once however often it is used; documents, queries and pairs name texts by index. */
#ifndef KIN_DATA_STORE_H
#define KIN_DATA_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include "core/file.h"
#include "core/status.h"
#include "data/texts.h"

typedef enum { KIN_TRAIN = 0, KIN_VALIDATION = 1, KIN_TEST = 2, KIN_SPLITS = 3 } kin_split;

/* What a store is for: queries have relevant documents; items have a class; pairs of texts have a
 * score that says how alike they are. */
typedef enum { KIN_GOAL_RANKING, KIN_GOAL_LABELS, KIN_GOAL_SCORES, KIN_GOALS } kin_goal;

/* The columns of kin_store.relation and kin_store.pair. */
enum { KIN_RELATION_QUERY, KIN_RELATION_DOCUMENT, KIN_RELATION_GRADE };
enum { KIN_PAIR_LEFT, KIN_PAIR_RIGHT, KIN_PAIR_DOCUMENT };

typedef struct {
    kin_texts texts;                   /* every distinct text */
    int64_t documents;
    const int32_t *document_text;      /* documents */
    kin_texts document_id;             /* documents; no blanks in an id, none is empty */
    int64_t queries;
    const int32_t *query_text;         /* queries */
    kin_texts query_id;                /* queries */
    const uint8_t *query_split;        /* queries: kin_split */
    int64_t relations;
    const int32_t *relation;           /* relations x 3: query, document, grade; > 0 is relevant */
    int64_t pairs;
    const int32_t *pair;               /* pairs x 3: left text, right text, document */
    kin_texts source;                  /* names of the kinds of pairs: "example", "lemmas"; start
                                          NULL when writing: one kind, "pairs" */
    const int64_t *source_start;       /* source.count + 1: pairs of kind s are
                                          source_start[s] .. source_start[s + 1] - 1 */
    int64_t labels;                    /* classes; 0: nothing has one. Else the queries are items
                                          of a class each, and features take the place of texts
                                          where there are any */
    const int32_t *label_text;         /* labels: what a class is called */
    const int32_t *query_label;        /* queries */
    int64_t features;                  /* numbers of an item; 0: it is its text */
    const float *feature;              /* queries x features, finite */
    const float *relation_score;       /* relations: how alike the two texts are, from 0 to 1; or
                                          NULL */
    uint64_t checksum;                 /* xxh64 of all after the block; set by kin_store_open */
    const char *path;                  /* set by kin_store_open */
    kin_map map;                       /* what the arrays above point into; kin_store_open's */
} kin_store;

/* Opens a store read-only. KIN_DATA with path and reason when it is not a kin store, is of another
 * version, truncated, damaged (its checksum differs) or inconsistent. A file is read for its
 * checksum once per process, size and modification time. The file must not be written to while it
 * is open; kin_store_write replaces it by a new one, which is safe. */
kin_status kin_store_open(kin_store **store, const char *path);
void kin_store_close(kin_store *store);                           /* NULL is fine */

/* Writes contents (checksum, path and map are not read) under a temporary name, then renames. The
 * same contents give the same bytes. KIN_DATA when the contents are inconsistent, KIN_RUNTIME when
 * kin was built without HDF5. Takes as much memory as the file is long. */
kin_status kin_store_write(const char *path, const kin_store *contents);

/* KIN_DATA with name and the first wrong entry unless every index, offset, split, grade and id of
 * the contents is valid. */
kin_status kin_store_check(const kin_store *contents, const char *name);

kin_goal kin_store_goal(const kin_store *store);

/* The kind of pairs that belongs to the validation queries, "validation", or -1: there is none. */
int64_t kin_store_held_out(const kin_store *store);

/* Whether this kin was built with HDF5 and can write stores. */
bool kin_store_available(void);

#endif
