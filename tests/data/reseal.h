/* Makes the checksums of a changed store right again, so that the reader looks at what was changed.
 * The block's layout is written down here a second time: it may not change by accident. */
#ifndef KIN_TESTS_DATA_RESEAL_H
#define KIN_TESTS_DATA_RESEAL_H

#include <stdint.h>
#include <string.h>
#include <xxhash.h>
#include "data/store_file.h"

enum { SEAL_VERSION = 16, SEAL_LENGTH = 24, SEAL_BODY = 32, SEAL_EXTENTS = 40, SEAL_BLOCK = 504 };

static inline void put_number(void *file, size_t at, uint64_t value)
{
    unsigned char *bytes = (unsigned char *)file + at;
    for (int i = 0; i < 8; i++) bytes[i] = (unsigned char)(value >> 8 * i);
}

/* Where a dataset's offset stands in the block; its rows stand 8 bytes further. */
static inline size_t extent_at(size_t place)
{
    return SEAL_EXTENTS + 16 * place;
}

/* size >= KIN_STORE_BLOCK. Version and extents stay as they are. */
static inline void reseal(void *file, size_t size)
{
    memcpy(file, "\x89kin store\r\n\x1a\n\0\0", 16);
    put_number(file, SEAL_LENGTH, size);
    put_number(file, SEAL_BODY, XXH64((char *)file + KIN_STORE_BLOCK, size - KIN_STORE_BLOCK, 0));
    put_number(file, SEAL_BLOCK, XXH64(file, SEAL_BLOCK, 0));
}

#endif
