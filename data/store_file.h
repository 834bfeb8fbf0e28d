/* The two halves of a store's file: kin's block, and the HDF5 file behind it. Used by store*.c.
 *
 * HDF5 crashes on damaged files, and a checksum does not keep a stranger from making one. So kin
 * lets HDF5 write stores, but not read them: the block says where each dataset lies, and what HDF5
 * itself put into the file is left to other programs. */
#ifndef KIN_DATA_STORE_FILE_H
#define KIN_DATA_STORE_FILE_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include "core/file.h"
#include "core/status.h"

#define KIN_STORE_BLOCK 512
#define KIN_STORE_VERSION 2

/* The datasets of a store, in the order in which they are written and stand in the block: place,
 * name, type, columns. */
#define KIN_EACH_DATASET(X)                          \
    X(TEXT_START, "text_start", I64, 1)              \
    X(TEXT_BYTES, "text_bytes", U8, 1)               \
    X(DOCUMENT_TEXT, "document_text", I32, 1)        \
    X(DOCUMENT_ID_START, "document_id_start", I64, 1) \
    X(DOCUMENT_ID_BYTES, "document_id_bytes", U8, 1) \
    X(QUERY_TEXT, "query_text", I32, 1)              \
    X(QUERY_ID_START, "query_id_start", I64, 1)      \
    X(QUERY_ID_BYTES, "query_id_bytes", U8, 1)       \
    X(QUERY_SPLIT, "query_split", U8, 1)             \
    X(RELATION, "relation", I32, 3)                  \
    X(PAIR, "pair", I32, 3)                          \
    X(SOURCE_START, "source_start", I64, 1)          \
    X(SOURCE_ID_START, "source_id_start", I64, 1)    \
    X(SOURCE_ID_BYTES, "source_id_bytes", U8, 1)     \
    X(LABEL_TEXT, "label_text", I32, 1)              \
    X(QUERY_LABEL, "query_label", I32, 1)            \
    X(FEATURE, "feature", F32, 1)                    \
    X(RELATION_SCORE, "relation_score", F32, 1)

enum {
#define X(place, name, type, columns) place,
    KIN_EACH_DATASET(X)
#undef X
    DATASETS
};

typedef struct {
    const void *data;
    int64_t rows;
} kin_dataset;

/* Where a dataset lies: its first byte, counted from the file's. */
typedef struct {
    uint64_t offset, rows;
} kin_extent;

/* store_block.c. Seal fills in the block in front of a file of so many bytes. Check verifies block
 * and file (once for each identity) and gives the checksum of what follows the block. Find gives
 * the datasets of a file that was checked; what they hold is anything. */
void kin_block_seal(char *file, size_t size, const kin_extent extent[DATASETS]);
kin_status kin_block_check(const char *path, const kin_map *file, const struct stat *identity,
                           uint64_t *checksum);
kin_status kin_block_find(const char *path, const kin_map *file, kin_dataset set[DATASETS]);
bool kin_file_same(const struct stat *a, const struct stat *b);    /* and not changed since */

/* store_hdf5.c */
kin_status kin_datasets_write(const char *path, const kin_dataset set[DATASETS]);

#endif
