/* Files and folders: reading, writing, copying, and what a folder holds. */
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "campaign.h"
#include "core/file.h"
#include "core/hash.h"

enum { FOLDERS_OPEN = 16 };

bool file_load(const char *path, char **bytes, size_t *size)
{
    return kin_file_read(path, bytes, size) == KIN_OK;
}

/* In place: neither a temporary name nor a sync, which would cost more than the case. */
bool file_store(const char *path, const void *bytes, size_t size)
{
    FILE *f = fopen(path, "we");
    if (!f) return false;
    const bool written = fwrite(bytes, 1, size, f) == size;
    return !fclose(f) && written;
}

/* ---- copying --------------------------------------------------------------------------------- */

static const char *copy_from, *copy_to;         /* nftw takes no state */

static int copy_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    char to[PATH_ROOM], *bytes;
    size_t size;
    (void)about, (void)place;
    snprintf(to, sizeof to, "%s%s", copy_to, path + strlen(copy_from));
    if (kind == FTW_D) return mkdir(to, 0777) != 0 && access(to, F_OK) != 0;
    if (kind != FTW_F || !file_load(path, &bytes, &size)) return 1;
    const bool stored = file_store(to, bytes, size);
    free(bytes);
    return !stored;
}

bool folder_copy(const char *from, const char *to)
{
    copy_from = from;
    copy_to = to;
    return nftw(from, copy_one, FOLDERS_OPEN, FTW_PHYS) == 0;
}

/* ---- snapshots ------------------------------------------------------------------------------- */

static snapshot *taking;
static size_t taking_skip;

static uint64_t hash_of(const char *path, const struct stat *about)
{
    char *bytes, target[PATH_ROOM];
    size_t size;
    uint64_t hash = 0;
    if (S_ISLNK(about->st_mode)) {
        const ssize_t n = readlink(path, target, sizeof target);
        return n < 0 ? 1 : kin_hash_bytes(target, (size_t)n, 0);
    }
    if (!S_ISREG(about->st_mode) || about->st_size > 1 << 24) return (uint64_t)about->st_size;
    if (!file_load(path, &bytes, &size)) return 2;
    hash = kin_hash_bytes(bytes, size, 0);
    free(bytes);
    return hash;
}

static int look_at(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)kind, (void)place;
    char *line = NULL;
    const char *name = path + taking_skip;
    if (!*name) return 0;
    if (asprintf(&line, "%s %o %016llx", name + 1, (unsigned)(about->st_mode & S_IFMT),
                 S_ISDIR(about->st_mode) ? 0 : (unsigned long long)hash_of(path, about)) < 0)
        abort();
    taking->line = realloc(taking->line, sizeof *taking->line * (size_t)(taking->count + 1));
    if (!taking->line) abort();
    taking->line[taking->count++] = line;
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

snapshot snapshot_take(const char *folder)
{
    snapshot s = { 0 };
    taking = &s;
    taking_skip = strlen(folder);
    nftw(folder, look_at, FOLDERS_OPEN, FTW_PHYS);
    if (s.count) qsort(s.line, (size_t)s.count, sizeof *s.line, by_text);
    return s;
}

void snapshot_free(snapshot *s)
{
    for (int i = 0; i < s->count; i++) free(s->line[i]);
    free(s->line);
    *s = (snapshot){ 0 };
}

/* Whether the line is of a path that grows, which is "a" for a and all below it, "a b" for two, "*"
 * for any. */
static bool may_change(const char *line, const char *grows)
{
    if (!strcmp(grows, "*")) return true;
    while (*grows) {
        const size_t n = strcspn(grows, " ");
        if (n && !strncmp(line, grows, n) && (line[n] == ' ' || line[n] == '/')) return true;
        grows += n + (grows[n] == ' ');
    }
    return false;
}

const char *snapshot_differs(const snapshot *before, const snapshot *after, const char *grows)
{
    int i = 0, k = 0;
    while (i < before->count || k < after->count) {
        const int order = i == before->count ? 1 : k == after->count ? -1
                        : strcmp(before->line[i], after->line[k]);
        const char *line = order <= 0 ? before->line[i] : after->line[k];
        if (order && !may_change(line, grows)) return line;
        i += order <= 0;
        k += order >= 0;
    }
    return NULL;
}
