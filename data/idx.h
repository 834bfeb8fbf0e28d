/* IDX: the format of MNIST's files: two zero bytes, a type, the number of dimensions, their sizes
 * as 32-bit numbers with the highest byte first, then the numbers. kin reads bytes (type 8), plain
 * or gzip'ed (where kin was built with zlib).
 *
 * Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits". */
#ifndef KIN_DATA_IDX_H
#define KIN_DATA_IDX_H

#include <stdint.h>
#include "core/status.h"

enum { KIN_IDX_DIMS = 4 };

typedef struct {
    int dims;
    int64_t size[KIN_IDX_DIMS];    /* size[0]: items */
    int64_t each;                  /* numbers of an item: the product of the other sizes */
    uint8_t *bytes;                /* size[0] x each */
} kin_idx;

/* KIN_DATA names the file and what is wrong: not IDX, another type than bytes, more than four
 * dimensions, an empty one, more or fewer bytes than the sizes say. */
kin_status kin_idx_read(kin_idx *idx, const char *path);
void kin_idx_free(kin_idx *idx);                       /* a zeroed one is fine */

#endif
