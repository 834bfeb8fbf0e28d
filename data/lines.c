#include "data/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>
#include "core/file.h"

kin_status kin_lines_fail(const kin_lines *lines, const char *format, ...)
{
    char what[600];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return kin_fail(KIN_DATA, "%s line %lld: %s", lines->path, (long long)lines->line, what);
}

kin_status kin_lines_open(kin_lines *l, const char *path)
{
    size_t size;
    *l = (kin_lines){.path = path};
    KIN_TRY(kin_file_read(path, &l->bytes, &size));
    l->at = l->bytes;
    l->end = l->bytes + size;
    if (size >= 3 && memcmp(l->at, "\xEF\xBB\xBF", 3) == 0) l->at += 3;
    KIN_REQUIRE(l->at < l->end, KIN_DATA, "%s: the file is empty", path);
    return KIN_OK;
}

void kin_lines_close(kin_lines *l)
{
    free(l->bytes);
    *l = (kin_lines){0};
}

size_t kin_lines_bound(const kin_lines *l)
{
    const size_t size = (size_t)(l->end - l->bytes);
    const char *at = l->bytes;
    size_t lines = 1;
    for (; at < l->end && (at = memchr(at, '\n', (size_t)(l->end - at))); at++) lines++;
    return lines < size / 4 + 1 ? lines : size / 4 + 1;
}

/* Place of the first byte that is not UTF-8, or -1. */
static int64_t bad_utf8(kin_field text)
{
    size_t i = 0;
    while (i < text.size) {
        utf8proc_int32_t point;
        const size_t left = text.size - i;
        const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text.at + i;
        const utf8proc_ssize_t used =
            *at < 0x80 ? 1 : utf8proc_iterate(at, left < 4 ? (utf8proc_ssize_t)left : 4, &point);
        if (used <= 0) return (int64_t)i;
        i += (size_t)used;
    }
    return -1;
}

static kin_status check_bytes(const kin_lines *l, kin_field line)
{
    if (line.size > KIN_LINE_MOST)
        return kin_lines_fail(l, "%zu bytes, at most %d are allowed", line.size, KIN_LINE_MOST);
    const char *nul = memchr(line.at, 0, line.size);
    if (nul)
        return kin_lines_fail(l, "a NUL byte at byte %lld; is this a text file in UTF-8?",
                              (long long)(nul - line.at) + 1);
    const int64_t bad = bad_utf8(line);
    if (bad >= 0)
        return kin_lines_fail(l, "byte %lld (0x%02x) is not UTF-8", (long long)bad + 1,
                              (unsigned char)line.at[bad]);
    return KIN_OK;
}

kin_status kin_lines_next(kin_lines *l, kin_field *line, bool *more)
{
    *more = l->at < l->end;
    if (!*more) return KIN_OK;
    const char *stop = memchr(l->at, '\n', (size_t)(l->end - l->at));
    *line = (kin_field){l->at, (size_t)((stop ? stop : l->end) - l->at)};
    l->at = stop ? stop + 1 : l->end;
    l->line++;
    if (line->size > 0 && line->at[line->size - 1] == '\r') line->size--;
    return check_bytes(l, *line);
}

int kin_lines_columns(kin_field line, kin_field *column, int most)
{
    const char *end = line.at + line.size;
    int columns = 0;
    for (const char *at = line.at; at; columns++) {
        const char *tab = memchr(at, '\t', (size_t)(end - at));
        if (columns < most) column[columns] = (kin_field){at, (size_t)((tab ? tab : end) - at)};
        at = tab ? tab + 1 : NULL;
    }
    return columns;
}

bool kin_field_is_blank(kin_field text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.at[i] > ' ') return false;
    return true;
}
