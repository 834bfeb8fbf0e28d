/* Writer: a file appears under its name whole or not at all, also when the machine stops. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/file.h"

struct kin_writer {
    FILE *file;
    char *path, *temporary;        /* temporary NULL: a device or pipe, written in place */
    int error;                     /* errno of the first failure */
};

static kin_status fail_write(const char *path, int error)
{
    return kin_fail(KIN_RUNTIME, "%s: cannot write: %s", path, strerror(error));
}

static void free_writer(kin_writer *writer)
{
    free(writer->path);
    free(writer->temporary);
    free(writer);
}

static char *temporary_name(const char *path)
{
    char *name = NULL;
    return asprintf(&name, "%s.tmp-%ld", path, (long)getpid()) < 0 ? NULL : name;
}

kin_status kin_writer_open(kin_writer **out, const char *path)
{
    struct stat about;
    *out = NULL;
    const bool exists = stat(path, &about) == 0;
    const bool in_place = exists && !S_ISREG(about.st_mode);
    KIN_REQUIRE(!exists || !S_ISDIR(about.st_mode), KIN_RUNTIME,
                "%s: it is a folder, expected a file to write", path);
    kin_writer *writer = calloc(1, sizeof *writer);
    KIN_REQUIRE(writer, KIN_MEMORY, "%s: no memory for a writer", path);
    writer->path = strdup(path);
    if (!in_place) writer->temporary = temporary_name(path);
    if (!writer->path || (!in_place && !writer->temporary)) {
        free_writer(writer);
        return kin_fail(KIN_MEMORY, "%s: no memory for a writer", path);
    }
    writer->file = fopen(in_place ? path : writer->temporary, "we");
    if (!writer->file) {
        const int error = errno;
        free_writer(writer);
        return fail_write(path, error);
    }
    *out = writer;
    return KIN_OK;
}

static kin_status note(kin_writer *writer, bool failed)
{
    if (failed && writer->error == 0) writer->error = errno != 0 ? errno : EIO;
    return writer->error ? fail_write(writer->path, writer->error) : KIN_OK;
}

kin_status kin_writer_put(kin_writer *writer, const void *bytes, size_t size)
{
    if (writer->error == 0 && size > 0) {
        return note(writer, fwrite(bytes, 1, size, writer->file) != size);
    }
    return note(writer, false);
}

kin_status kin_writer_printf(kin_writer *writer, const char *format, ...)
{
    if (writer->error) return note(writer, false);
    va_list arguments;
    va_start(arguments, format);
    const bool failed = vfprintf(writer->file, format, arguments) < 0;
    va_end(arguments);
    return note(writer, failed);
}

/* The folder of a path, to be synchronised: -1 and errno when it cannot be opened. */
static int open_folder(const char *path)
{
    char *folder = strdup(path);
    if (!folder) return -1;
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    const int file = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int error = errno;
    free(folder);
    errno = error;
    return file;
}

/* A rename is only safe once the folder's entry is on the disk. The folder is opened before, so that
 * a lack of descriptors leaves nothing renamed. */
static int rename_safely(const char *from, const char *to)
{
    const int folder = open_folder(to);
    if (folder < 0) return errno;
    int error = rename(from, to) == 0 ? 0 : errno;
    if (!error && fsync(folder) != 0 && errno != EINVAL) error = errno;
    close(folder);
    return error;
}

static int finish(kin_writer *writer)
{
    if (fflush(writer->file) != 0) return errno;
    if (!writer->temporary) return 0;
    if (fsync(fileno(writer->file)) != 0) return errno;
    return rename_safely(writer->temporary, writer->path);
}

kin_status kin_writer_commit(kin_writer *writer)
{
    const int error = writer->error ? writer->error : finish(writer);
    const kin_status status = error ? fail_write(writer->path, error) : KIN_OK;
    if (error) {
        kin_writer_abandon(writer);
        return status;
    }
    const bool closed = fclose(writer->file) == 0;
    const kin_status closing = closed ? KIN_OK : fail_write(writer->path, errno);
    free_writer(writer);
    return closing;
}

void kin_writer_abandon(kin_writer *writer)
{
    if (!writer) return;
    fclose(writer->file);
    if (writer->temporary) unlink(writer->temporary);
    free_writer(writer);
}

kin_status kin_file_write(const char *path, const void *bytes, size_t size)
{
    kin_writer *writer;
    KIN_TRY(kin_writer_open(&writer, path));
    (void)kin_writer_put(writer, bytes, size);
    return kin_writer_commit(writer);
}
