/* What the files of this room share. */
#ifndef KIN_MINING_INSIDE_H
#define KIN_MINING_INSIDE_H

#include "mining/index.h"

typedef struct kin_section_writer kin_section_writer;

/* Queries as an index sees them: rows of `stride` numbers, as its own rows are. */
typedef struct {
    int64_t count;
    const real *x;
    int64_t self;                 /* they are the index's rows from here on; -1: they are not */
} kin_asked;

typedef struct {
    kin_entry entry;
    /* After rows came, all of them or those from `first` on; state is that of an earlier build. */
    kin_status (*build)(kin_index *, int64_t first);
    /* The k best rows of each query with their products, sorted; -1 where fewer. Host memory. */
    kin_status (*find)(kin_index *, const kin_asked *, int64_t k, int32_t *row, real *score);
    void (*release)(kin_index *);
    void (*describe)(const kin_index *, char *text, size_t size);
    /* Sections of its own; NULL: none. */
    kin_status (*save)(const kin_index *, kin_section_writer *);
    kin_status (*load)(kin_index *, const kin_index_file *);
    /* What it learns, with room for it; NULL: nothing. */
    kin_status (*learn)(kin_index *, int64_t rows, kin_index_learned *);
} kin_index_kind;

/* values: by cosine unit rows; by euclidean a further column - |x|^2 / 2, so that with a 1 behind
 * the query every score is a product. */
struct kin_index {
    const kin_index_kind *kind;
    kin_index_setting setting;
    kin_backend *backend;
    kin_arena *work;              /* the backend's memory, for the time of a call */
    int64_t rows, room, stride;
    real *values;                 /* room x stride */
    void *state;                  /* the kind's own, NULL until built */
};

static inline double kin_index_get(const kin_index *index, int hyper)
{
    return index->setting.hypers[hyper];
}

/* ---- codes.c: rows as bytes, on a backend that has them -------------------------------------- */

/* Room for rows in whole strips; kin_codes_free takes a zeroed one. */
kin_status kin_codes_new(kin_codes *codes, kin_backend *backend, int64_t rows, int64_t cols);
void kin_codes_free(kin_codes *codes, kin_backend *backend);

/* Encodes rows (which: NULL or -1 where nobody is, as in encode) and fills up the last strip. */
void kin_codes_encode(kin_codes *codes, kin_index *index, int64_t rows, const int32_t *which,
                      const real *x);

/* n rows (stride numbers each) as queries in bytes, in the index's arena. */
typedef struct { uint8_t *code; float *scale; } kin_query_codes;

kin_status kin_codes_of_queries(kin_index *index, int64_t n, const real *x, kin_query_codes *out);

/* Rows rounded up to whole strips. */
static inline int64_t kin_strips(int64_t rows)
{
    return (rows + KIN_STRIP - 1) / KIN_STRIP * KIN_STRIP;
}

/* KIN_USAGE where the backend has no first look or the rows are too wide for it. */
kin_status kin_codes_check(const kin_index *index);

/* Candidates of each query (count x many, -1 behind the last) become its k best, by their products
 * in float. order: which query comes when, so that those with the same candidates follow each other;
 * NULL: as they are. */
kin_status kin_index_rescore(kin_index *index, const kin_asked *asked, const int32_t *order,
                             int64_t many, const int32_t *candidate, int64_t k, int32_t *row,
                             real *score);

/* How many candidates give k rows, with a factor; all rows at most. */
int64_t kin_candidates(const kin_index *index, int64_t k, double factor);

/* ---- kmeans.c -------------------------------------------------------------------------------- */

/* Centroids of the index's rows: lists x stride, backend memory. warm: they are there already. */
typedef struct { int64_t lists, sample; int steps; bool warm; } kin_kmeans;

kin_status kin_kmeans_run(kin_index *index, const kin_kmeans *by, real *centroid);

/* The nearest centroid of each of n rows (stride numbers each). */
kin_status kin_kmeans_assign(kin_index *index, int64_t lists, const real *centroid, int64_t n,
                             const real *x, int32_t *list);

/* order: 0 .. n - 1 by list, ascending within; start: lists + 1 */
void kin_lists_of(int64_t n, const int32_t *list, int64_t lists, int64_t *start, int32_t *order);

/* ---- file.c ---------------------------------------------------------------------------------- */

/* Bytes that must stay until the file is written; a copy of bytes; rows as floats. */
kin_status kin_section_put(kin_section_writer *writer, const char *name, const void *bytes,
                           size_t size);
kin_status kin_section_copy(kin_section_writer *writer, const char *name, const void *bytes,
                            size_t size);
kin_status kin_section_put_rows(kin_section_writer *writer, const char *name,
                                const kin_index *index, int64_t rows, const real *x);

/* KIN_DATA unless there is such a section of this size; rows (backend memory, stride numbers each)
 * are also checked to be as kin_index_check_rows wants them. */
kin_status kin_section_get(const kin_index_file *file, const char *name, size_t size,
                           const void **bytes);
kin_status kin_section_rows(const kin_index_file *file, const char *name, kin_index *index,
                            int64_t rows, real *to);
const char *kin_index_file_path(const kin_index_file *file);

/* ---- index.c --------------------------------------------------------------------------------- */

/* `status` and the first row whose squares are not finite or sum to more than 1e30, so that no
 * product of two rows is too large for a float. */
kin_status kin_index_check_rows(kin_index *index, int64_t rows, int64_t cols, const real *x,
                                const char *what, kin_status status);

/* The queries from .. from + count - 1 of q, as the index sees them; work of the index's arena. */
kin_status kin_index_ask(kin_index *index, const kin_index_query *q, int64_t from, int64_t count,
                         kin_asked *asked);

/* Room for so many rows in all. */
kin_status kin_index_reserve(kin_index *index, int64_t rows);

#endif
