/* Safetensors files without the checksums that kin adds: written out, drawn at random, and with the
 * header's length made right again. Damage behind a wrong length would never be looked at, and
 * shapes, offsets and sizes seldom change together by chance. */
#ifndef KIN_TESTS_FUZZ_TENSORS_H
#define KIN_TESTS_FUZZ_TENSORS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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

/* A tensor that the reader looks for. */
typedef struct {
    const char *name;
    unsigned rows, cols;
} tensor_like;

static inline unsigned draw(unsigned *state, unsigned below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 16) % below;
}

/* A file of such tensors with any dtypes; a shape or an offset is sometimes another. bytes has room
 * for the 1024 that the result takes at most. */
static inline size_t random_tensors(uint8_t *bytes, unsigned seed, const tensor_like *like, int count)
{
    static const struct { const char *name; unsigned bytes; } dtypes[] = {
        {"F32", 4}, {"F64", 8}, {"F16", 2}, {"BF16", 2}, {"U8", 1}, {"I64", 8}};
    char header[600] = "{";
    size_t used = 1;
    unsigned end = 0;
    for (int i = 0; i < count; i++) {
        const unsigned dtype = draw(&seed, 6), begin = end;
        const unsigned rows = draw(&seed, 8) ? like[i].rows : draw(&seed, 5);
        const unsigned cols = draw(&seed, 8) ? like[i].cols : draw(&seed, 5);
        end += rows * cols * dtypes[dtype].bytes + !draw(&seed, 16);
        used += (size_t)snprintf(
            header + used, sizeof header - used,
            "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%u,%u],\"data_offsets\":[%u,%u]}",
            i ? "," : "", like[i].name, dtypes[dtype].name, rows, cols, begin, end);
    }
    snprintf(header + used, sizeof header - used, "}");
    const size_t size = plain_tensors((char *)bytes, header, end);
    mend_length(bytes, 8 + strlen(header));
    return size;
}

#endif
