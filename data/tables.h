/* Tables: an HDF5 file of a few matrices, written for other programs; kin does not read it. */
#ifndef KIN_DATA_TABLES_H
#define KIN_DATA_TABLES_H

#include <stdbool.h>
#include <stdint.h>
#include "core/status.h"

typedef struct {
    const char *name;
    int64_t rows, cols;
    bool whole;                        /* int32 values, otherwise float32 */
    const void *values;
} kin_table;

/* The file is made in memory, then written under a temporary name and renamed. KIN_RUNTIME where
 * kin was built without HDF5. */
kin_status kin_tables_write(const char *path, const kin_table *tables, int count);

#endif
