/* File: whole-file reading, mapping, and writing that never leaves half a file under its name. */
#ifndef KIN_CORE_FILE_H
#define KIN_CORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include "core/status.h"

/* The whole file in malloc'ed memory; a NUL that size does not count follows the last byte.
 * KIN_DATA names path and reason, KIN_MEMORY when it does not fit. */
kin_status kin_file_read(const char *path, char **bytes, size_t *size);

/* A file seen as memory, read-only. An empty file has bytes "" and size 0. */
typedef struct {
    const char *bytes;
    size_t size;
} kin_map;

kin_status kin_file_map(const char *path, kin_map *map);
void kin_file_unmap(kin_map *map);                     /* an unmapped or zeroed map is fine */

/* A writer fills "<path>.tmp-<pid>" and commit makes it path: write, fsync, rename, fsync of the
 * folder. After an error the writer stays open, later puts do nothing and commit reports it. */
typedef struct kin_writer kin_writer;

kin_status kin_writer_open(kin_writer **writer, const char *path);
kin_status kin_writer_put(kin_writer *writer, const void *bytes, size_t size);
kin_status kin_writer_printf(kin_writer *writer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
kin_status kin_writer_commit(kin_writer *writer);      /* frees the writer, also when it fails */
void kin_writer_abandon(kin_writer *writer);          /* removes the temporary file; NULL is fine */

kin_status kin_file_write(const char *path, const void *bytes, size_t size);  /* the three in one */

kin_status kin_folder_make(const char *path);          /* with its parents; existing is fine */
kin_status kin_folder_remove(const char *path);        /* with all in it; links are not followed */
bool kin_file_exists(const char *path);                /* file or folder */

/* out = folder/name (name alone when folder is empty or name is absolute). */
kin_status kin_path_join(char *out, size_t size, const char *folder, const char *name);

#endif
