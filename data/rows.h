/* Rows: a matrix of float32 in an HDF5 file, for reading rows in any order. The dataset must be
 * contiguous and not compressed: it is mapped where it lies, and what is not asked for is not read.
 * HDF5 itself reads the file's structure, so the file must come from someone who is trusted. */
#ifndef KIN_DATA_ROWS_H
#define KIN_DATA_ROWS_H

#include <stdint.h>
#include "core/file.h"
#include "core/status.h"

typedef struct {
    int64_t rows, cols;
    const float *values;         /* rows x cols, in the map */
    kin_map map;
} kin_rows;

/* KIN_DATA names file and dataset when it is not there or of another kind, KIN_RUNTIME when this
 * kin was built without HDF5. */
kin_status kin_rows_open(kin_rows *rows, const char *path, const char *dataset);
void kin_rows_close(kin_rows *rows);

/* out (n x cols) = the rows of these numbers, which must be below rows->rows. */
void kin_rows_gather(const kin_rows *rows, int64_t n, const int64_t *which, float *out);

/* Writes a file of one dataset; fill gives count rows from number first on. */
typedef void kin_rows_fill(void *context, int64_t first, int64_t count, float *values);
kin_status kin_rows_write(const char *path, const char *dataset, int64_t rows, int64_t cols,
                          kin_rows_fill *fill, void *context);

#endif
