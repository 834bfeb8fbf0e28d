/* Index: finds the rows most similar to a query. An index is one file of index/ that ends in its
 * descriptor, and one line in indexes.def.
 *
 * Rows are numbered from 0 in the order in which they came. Results have the same bits for any
 * number of threads: score descending, then row ascending. Every score is formed in float, also
 * where rows were first looked at as bytes. Work is done on the backend that the index was made
 * with; memory is linear in rows and in queries. */
#ifndef KIN_MINING_INDEX_H
#define KIN_MINING_INDEX_H

#include <stdbool.h>
#include "core/backend.h"
#include "core/entry.h"
#include "core/score.h"

extern const kin_list kin_indexes;                    /* indexes.def, kind "index" */

typedef struct {
    int kind;                                         /* place in kin_indexes */
    double hypers[KIN_HYPERS_MAX];                    /* in the order of its entry */
    int similarity;                                   /* KIN_COSINE, KIN_DOT or KIN_EUCLIDEAN */
    int64_t width;
    uint64_t seed;                                    /* of what an index draws */
} kin_index_setting;

/* The index called name with its defaults, by cosine. */
kin_status kin_index_defaults(kin_index_setting *setting, const char *name, int64_t width);

/* Changes one hyperparameter; an unknown name is KIN_USAGE. */
kin_status kin_index_set(kin_index_setting *setting, const char *hyper, double value);

typedef struct kin_index kin_index;

kin_status kin_index_new(kin_index **index, kin_backend *backend, const kin_index_setting *setting);
void kin_index_free(kin_index *index);

/* Holds these rows (rows x width, backend memory, copied) and no others. An index that was built
 * before starts from what it learned then (ivf: its centroids). KIN_NUMERICAL names the first row
 * with NaN, infinity or numbers above 1e15. After a failure to build or append it is empty. */
kin_status kin_index_build(kin_index *index, int64_t rows, const real *x);

/* Where the index will keep so many rows, for a caller that makes them there and builds from these
 * very ones: the second copy is saved. It is empty until then. KIN_USAGE by euclidean distance. */
kin_status kin_index_place(kin_index *index, int64_t rows, real **x);

/* Further rows, numbered on. What was learned from the others stays as it is. */
kin_status kin_index_append(kin_index *index, int64_t rows, const real *x);

int64_t kin_index_rows(const kin_index *index);
const kin_index_setting *kin_index_settings(const kin_index *index);

/* One sentence about what was built: "316 lists, 4 are looked at". */
void kin_index_describe(const kin_index *index, char *text, size_t size);

/* What is asked. x NULL: the queries are the rows first .. first + queries - 1 of the index, and no
 * row is its own neighbour. skip: rows that query i must not get, skip[skip_start[i] ..
 * skip_start[i + 1] - 1], ascending (its known positives); skip_start NULL: none. */
typedef struct {
    int64_t queries, first, k;
    const real *x;                                    /* queries x width, backend memory */
    const int64_t *skip_start;
    const int32_t *skip;
} kin_index_query;

/* row, score: queries x k in host memory; -1 and -infinity where there are fewer. KIN_NUMERICAL
 * when a query holds NaN or infinity. */
kin_status kin_index_search(kin_index *index, const kin_index_query *query, int32_t *row,
                            real *score);

/* What the next build starts from, of an index that learns (ivf: its centroids): rows x cols in
 * backend memory, the index's own; values NULL of another. of: how many rows the index will hold,
 * where it holds none yet. Whoever writes other values there, of an index that was built with as
 * many rows, has the next build go on from these. */
typedef struct { int64_t rows, cols; real *values; } kin_index_learned;

kin_status kin_index_learn(kin_index *index, int64_t of, kin_index_learned *learned);

/* The share of the k nearest rows that a search finds, for at most sample rows drawn with the
 * index's seed, against all of them compared in float. */
kin_status kin_index_recall(kin_index *index, int64_t sample, int64_t k, double *recall);

/* ---- on disk ----------------------------------------------------------------------------------*/

/* Further bytes that an index file carries for whoever made it. Names have 15 bytes at most. */
typedef struct {
    const char *name;
    const void *bytes;
    size_t size;
} kin_index_note;

kin_status kin_index_save(const kin_index *index, const char *path, const kin_index_note *notes,
                          int count);

/* An index file: magic, version, length, a table of sections, each with its xxh64. */
typedef struct kin_index_file kin_index_file;

/* KIN_DATA with path and reason unless the file is whole and every byte is what was written. */
kin_status kin_index_file_open(kin_index_file **file, const char *path);
void kin_index_file_close(kin_index_file *file);

/* A note's bytes (borrowed, 64-byte aligned); KIN_DATA when there is none of this name. */
kin_status kin_index_file_note(const kin_index_file *file, const char *name, kin_index_note *note);

/* The index, with all that it says checked. */
kin_status kin_index_load(kin_index **index, kin_backend *backend, const kin_index_file *file);

#endif
