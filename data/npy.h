/* npy: NumPy's file of one array, here of one to three dimensions in C order. A name that ends in
 * .txt is a text file, for people: a row a line. */
#ifndef KIN_DATA_NPY_H
#define KIN_DATA_NPY_H

#include <stdbool.h>
#include <stdint.h>
#include "core/file.h"
#include "core/status.h"
#include "data/safetensors.h"

typedef struct {
    kin_dtype dtype;             /* F32, F64, I32 or I64 */
    int64_t rows, cols, depth;   /* depth 0: two dimensions; cols 0: one */
    const void *values;          /* in the map, aligned to the dtype */
    kin_map map;
    void *room;                  /* of text: the values, which unmap frees */
} kin_npy;

/* Its shape as NumPy writes it: "(6, 4)"; returns text. */
#define KIN_NPY_SHAPE 72
const char *kin_npy_shape(const kin_npy *array, char text[KIN_NPY_SHAPE]);

/* ---- writing: rows x cols of F32, F64, I32 or I64; cols 0: one dimension ---------------------
 *
 * Text has as many digits as bring the numbers back; of three dimensions the last is a line. */

typedef struct kin_npy_writer kin_npy_writer;

kin_status kin_npy_open(kin_npy_writer **writer, const char *path, kin_dtype dtype, int64_t rows,
                        int64_t cols);
/* The next rows. */
kin_status kin_npy_put(kin_npy_writer *writer, const void *values, int64_t rows);
/* KIN_RUNTIME unless all rows were put. Frees the writer in any case. */
kin_status kin_npy_commit(kin_npy_writer *writer);
void kin_npy_abandon(kin_npy_writer *writer);                              /* NULL is fine */

/* The three in one. */
kin_status kin_npy_write(const char *path, kin_dtype dtype, int64_t rows, int64_t cols,
                         const void *values);

/* The same with dtype and shape of another array. */
kin_status kin_npy_write_like(const char *path, const kin_npy *like, const void *values);

bool kin_npy_is_text(const char *path);

/* ---- reading --------------------------------------------------------------------------------- */

/* KIN_DATA: not an array of these kinds, or the file's length is not what its shape asks for. */
kin_status kin_npy_map(kin_npy *array, const char *path);
void kin_npy_unmap(kin_npy *array);

/* A text file: numbers with blanks or commas between, blank lines and those that begin with # left
 * out; F64, or with whole I64. vector: one number a line is an array of one dimension. KIN_DATA with
 * file and line: something is no number, rows are of different lengths, or there are none. */
kin_status kin_npy_read_text(kin_npy *array, const char *path, bool whole, bool vector);

#endif
