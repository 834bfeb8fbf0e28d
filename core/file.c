/* Reading, mapping and folders. Writing is in writer.c. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core/file.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define GUARDED
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define GUARDED
#endif
#ifdef GUARDED
#include <sanitizer/asan_interface.h>
#endif

enum { PATH = 4096, FOLDERS_OPEN = 16 };

/* Devices have no end, but for terminals and /dev/null. */
static bool endless(int file, const struct stat *about)
{
    struct stat null;
    if (!S_ISCHR(about->st_mode)) return S_ISBLK(about->st_mode);
    return !isatty(file) && (stat("/dev/null", &null) != 0 || null.st_rdev != about->st_rdev);
}

static kin_status open_to_read(const char *path, int flags, int *file, struct stat *about)
{
    *file = open(path, O_RDONLY | O_CLOEXEC | flags);
    KIN_REQUIRE(*file >= 0, KIN_DATA, "%s: cannot open: %s", path, strerror(errno));
    const char *why = NULL;
    if (fstat(*file, about) != 0) why = strerror(errno);
    else if (S_ISDIR(about->st_mode)) why = "it is a folder, expected a file";
    else if (endless(*file, about)) why = "it is a device, expected a file";
    if (!why) return KIN_OK;
    close(*file);
    return kin_fail(KIN_DATA, "%s: %s", path, why);
}

/* Reads to the end: a pipe's size is not known beforehand, a file's may change. */
static kin_status read_all(int file, const char *path, size_t room, char **bytes, size_t *size)
{
    char *buffer = malloc(room);
    size_t used = 0;
    while (buffer) {
        const ssize_t got = read(file, buffer + used, room - used - 1);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            free(buffer);
            return kin_fail(KIN_DATA, "%s: cannot read: %s", path, strerror(errno));
        }
        used += (size_t)got;
        if (got == 0) break;
        if (used + 1 < room) continue;
        char *larger = room > SIZE_MAX / 2 ? NULL : realloc(buffer, room * 2);
        if (!larger) free(buffer);
        buffer = larger;
        room *= 2;
    }
    KIN_REQUIRE(buffer, KIN_MEMORY, "%s: no memory for %zu bytes", path, room);
    buffer[used] = '\0';
    *bytes = buffer;
    *size = used;
    return KIN_OK;
}

kin_status kin_file_read(const char *path, char **bytes, size_t *size)
{
    int file;
    struct stat about;
    *bytes = NULL;
    *size = 0;
    KIN_TRY(open_to_read(path, 0, &file, &about));
    const kin_status status = read_all(file, path, (size_t)about.st_size + 4096, bytes, size);
    close(file);
    return status;
}

/* Reading on behind a file's end goes unnoticed within its last page; the address sanitizer can be
 * told that nothing is there. */
static void guard_end(const kin_map *map, bool guarded)
{
#ifdef GUARDED
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), rest = (page - map->size % page) % page;
    if (guarded) ASAN_POISON_MEMORY_REGION(map->bytes + map->size, rest);
    else ASAN_UNPOISON_MEMORY_REGION(map->bytes + map->size, rest);
#else
    (void)map, (void)guarded;
#endif
}

kin_status kin_file_map(const char *path, kin_map *map)
{
    int file;
    struct stat about;
    *map = (kin_map){ "", 0 };
    KIN_TRY(open_to_read(path, O_NONBLOCK, &file, &about));      /* does not wait at a pipe */
    void *memory = NULL;
    if (!S_ISREG(about.st_mode)) {
        close(file);
        return kin_fail(KIN_DATA, "%s: it is a pipe or device, expected a file", path);
    }
    if (about.st_size > 0) {
        memory = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    }
    const int error = errno;
    close(file);
    KIN_REQUIRE(memory != MAP_FAILED, KIN_DATA, "%s: cannot map: %s", path, strerror(error));
    if (!memory) return KIN_OK;
    *map = (kin_map){ memory, (size_t)about.st_size };
    guard_end(map, true);
    return KIN_OK;
}

void kin_file_unmap(kin_map *map)
{
    if (map->size > 0) {
        guard_end(map, false);
        munmap((void *)(uintptr_t)map->bytes, map->size);
    }
    *map = (kin_map){ "", 0 };
}

static kin_status make_one(const char *path)
{
    struct stat about;
    if (mkdir(path, 0777) == 0) return KIN_OK;
    const int error = errno;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) return KIN_OK;
    return kin_fail(KIN_RUNTIME, "%s: cannot make the folder: %s", path, strerror(error));
}

kin_status kin_folder_make(const char *path)
{
    char part[PATH];
    const size_t length = strlen(path);
    KIN_REQUIRE(length > 0 && length < sizeof part, KIN_USAGE,
                "a folder's path has %zu bytes, expected 1 to %zu", length, sizeof part - 1);
    memcpy(part, path, length + 1);
    for (char *at = part + 1; *at; at++) {
        if (*at != '/') continue;
        *at = '\0';
        KIN_TRY(make_one(part));
        *at = '/';
    }
    return make_one(part);
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about, (void)kind, (void)place;
    return remove(path);
}

kin_status kin_folder_remove(const char *path)
{
    const int failed = nftw(path, remove_one, FOLDERS_OPEN, FTW_DEPTH | FTW_PHYS);
    KIN_REQUIRE(!failed || errno == ENOENT, KIN_RUNTIME, "%s: cannot remove the folder: %s", path,
                strerror(errno));
    return KIN_OK;
}

bool kin_file_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0;
}

kin_status kin_path_join(char *out, size_t size, const char *folder, const char *name)
{
    const size_t length = strlen(folder);
    const bool alone = length == 0 || name[0] == '/';
    const char *between = alone || folder[length - 1] == '/' ? "" : "/";
    const int used = snprintf(out, size, "%s%s%s", alone ? "" : folder, between, name);
    KIN_REQUIRE(used >= 0 && (size_t)used < size, KIN_USAGE,
                "the path %s/%s is longer than %zu bytes", folder, name, size - 1);
    return KIN_OK;
}
