/* Texts: many strings in one block of bytes. Nothing ends with a NUL; text i has
 * start[i + 1] - start[i] bytes of UTF-8. */
#ifndef KIN_DATA_TEXTS_H
#define KIN_DATA_TEXTS_H

#include <stdint.h>

typedef struct {
    int64_t count;
    const char *bytes;
    const int64_t *start;      /* count + 1, start[0] = 0, ascending */
} kin_texts;

static inline const char *kin_text(const kin_texts *texts, int64_t i)
{
    return texts->bytes + texts->start[i];
}

static inline int64_t kin_text_size(const kin_texts *texts, int64_t i)
{
    return texts->start[i + 1] - texts->start[i];
}

#endif
