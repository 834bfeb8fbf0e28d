/* Safetensors files without the checksums that kin adds, and a header's length made right again:
 * damage behind a wrong length would never be looked at. */
#ifndef KIN_TESTS_FUZZ_TENSORS_H
#define KIN_TESTS_FUZZ_TENSORS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A file of a header of at most 255 bytes and zeros as values; its size. */
static inline size_t plain_tensors(char *file, const char *header, size_t value_bytes)
{
    const size_t length = strlen(header);
    memset(file, 0, 8 + length + value_bytes);
    file[0] = (char)length;
    memcpy(file + 8, header, length);
    return 8 + length + value_bytes;
}

/* The header ends at the last brace. */
static inline void mend_length(uint8_t *bytes, size_t size)
{
    size_t end = size;
    while (end > 8 && bytes[end - 1] != '}') end--;
    for (int i = 0; end > 8 && i < 8; i++) bytes[i] = (uint8_t)((uint64_t)(end - 8) >> 8 * i);
}

#endif
