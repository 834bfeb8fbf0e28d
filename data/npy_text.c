#include "data/npy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/lines.h"

typedef union { double real; int64_t whole; } number;

typedef struct {
    kin_lines lines;
    bool whole;
    number *values;
    int64_t count, room, rows, cols;
} reader;

static bool between(char c) { return c == ' ' || c == '\t' || c == ',' || c == '\r'; }

static kin_status put(reader *r, const char *word, size_t size)
{
    char text[64] = "", *end = text;
    number x = { 0 };
    const bool fits = size < sizeof text;
    errno = 0;
    if (fits) {
        memcpy(text, word, size);
        if (r->whole) x.whole = strtoll(text, &end, 10);
        else x.real = strtod(text, &end);
    }
    /* a number too near to 0 is 0 */
    const bool large = errno == ERANGE && (r->whole || x.real > 1 || x.real < -1);
    if (!fits || !size || end != text + size || large)
        return kin_lines_fail(&r->lines, "'%.*s' is not a %snumber", (int)(size < 40 ? size : 40),
                              word, r->whole ? "whole " : "");
    if (r->count == r->room) {
        const int64_t room = r->room ? 2 * r->room : 64;
        number *values = realloc(r->values, (size_t)room * sizeof *values);
        KIN_REQUIRE(values, KIN_MEMORY, "%s: no memory for %lld numbers", r->lines.path,
                    (long long)room);
        r->values = values, r->room = room;
    }
    r->values[r->count++] = x;
    return KIN_OK;
}

static kin_status put_row(reader *r, kin_field line)
{
    const char *at = line.at, *end = line.at + line.size;
    const int64_t before = r->count;
    while (at < end && between(*at)) at++;
    if (at == end || *at == '#') return KIN_OK;
    while (at < end) {
        const char *word = at;
        while (at < end && !between(*at)) at++;
        KIN_TRY(put(r, word, (size_t)(at - word)));
        while (at < end && between(*at)) at++;
    }
    const int64_t cols = r->count - before;
    if (r->rows++ == 0) r->cols = cols;
    if (cols != r->cols)
        return kin_lines_fail(&r->lines, "%lld numbers, expected %lld as in the first row",
                              (long long)cols, (long long)r->cols);
    return KIN_OK;
}

static kin_status read_all(reader *r, const char *path)
{
    kin_field line;
    bool more;
    KIN_TRY(kin_lines_open(&r->lines, path));
    for (;;) {
        KIN_TRY(kin_lines_next(&r->lines, &line, &more));
        if (!more) break;
        KIN_TRY(put_row(r, line));
    }
    KIN_REQUIRE(r->rows > 0, KIN_DATA, "%s: holds no numbers", path);
    return KIN_OK;
}

kin_status kin_npy_read_text(kin_npy *array, const char *path, bool whole, bool vector)
{
    reader r = { .whole = whole };
    *array = (kin_npy){ .rows = 0 };
    const kin_status status = read_all(&r, path);
    kin_lines_close(&r.lines);
    if (status != KIN_OK) {
        free(r.values);
        return status;
    }
    *array = (kin_npy){ .dtype = whole ? KIN_I64 : KIN_F64, .rows = r.rows,
                        .cols = vector && r.cols == 1 ? 0 : r.cols,
                        .values = r.values, .room = r.values };
    return KIN_OK;
}
