/* Lines: a text file read line by line, as importers do. Every line that comes out is UTF-8 without
 * NUL bytes and at most KIN_LINE_MOST bytes long. Lines may end with CR LF, the last one without
 * either; a byte order mark in front is dropped. */
#ifndef KIN_DATA_LINES_H
#define KIN_DATA_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/status.h"

#define KIN_LINE_MOST (1 << 20)

/* Part of a line; not NUL-terminated. */
typedef struct {
    const char *at;
    size_t size;
} kin_field;

typedef struct {
    const char *path;              /* borrowed, for messages */
    char *bytes;
    const char *at, *end;          /* what is still to be read */
    int64_t line;                  /* the number of the newest line, from 1 */
} kin_lines;

/* Reads the file. KIN_DATA when it cannot be read or is empty. Close it also after a failure. */
kin_status kin_lines_open(kin_lines *lines, const char *path);
void kin_lines_close(kin_lines *lines);                /* a zeroed one is fine */

/* At least as many as there are lines of four bytes or more. */
size_t kin_lines_bound(const kin_lines *lines);

/* The next line; *more is false behind the last. KIN_DATA with file and line. */
kin_status kin_lines_next(kin_lines *lines, kin_field *line, bool *more);

/* Columns of a line, with tabs between: the first `most` of them, and how many there are. */
int kin_lines_columns(kin_field line, kin_field *column, int most);

bool kin_field_is_blank(kin_field field);

/* KIN_DATA: "FILE line N: " and what is wrong. */
kin_status kin_lines_fail(const kin_lines *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
