#include "data/numbers.h"

#include <stdbool.h>
#include <stdlib.h>

static bool white(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

int32_t kin_number_read(const char *text, int64_t bytes)
{
    int64_t value = 0, at = 0;
    while (bytes > 0 && white(text[bytes - 1])) bytes--;
    while (at < bytes && white(text[at])) at++;
    if (at == bytes) return -1;
    for (; at < bytes; at++) {
        if (text[at] < '0' || text[at] > '9') return -1;
        value = 10 * value + (text[at] - '0');
        if (value > INT32_MAX - 1) return -1;
    }
    return (int32_t)value;
}

kin_status kin_numbers_all(const kin_texts *texts, int64_t rows, kin_tokens *out)
{
    const size_t count = (size_t)texts->count;
    *out = (kin_tokens){.count = texts->count, .start = malloc((count + 1) * sizeof *out->start),
                        .ids = malloc((count + 1) * sizeof *out->ids)};
    if (!out->start || !out->ids) {
        kin_tokens_free(out);
        return kin_fail(KIN_MEMORY, "no memory for %zu numbers", count);
    }
    int64_t n = 0;
    for (int64_t i = 0; i < texts->count; i++) {
        const int32_t number = kin_number_read(kin_text(texts, i), kin_text_size(texts, i));
        out->start[i] = n;
        if (number >= 0 && number < rows) out->ids[n++] = number;
        else out->empty++;
    }
    out->start[texts->count] = n;
    return KIN_OK;
}
