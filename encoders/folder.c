/* Folder: see folder.h. The names of drafts end in ".tmp-<pid>". */
#include "encoders/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"

static const char mark[] = ".tmp-";

kin_status kin_folder_draft(char draft[KIN_PATH_MAX], const char *folder)
{
    const int n = snprintf(draft, KIN_PATH_MAX, "%s%s%ld", folder, mark, (long)getpid());
    KIN_REQUIRE(n > 0 && n < KIN_PATH_MAX, KIN_USAGE, "%.200s...: the path is too long", folder);
    KIN_TRY(kin_folder_remove(draft));
    return kin_folder_make(draft);
}

static kin_status sync_folder(const char *path)
{
    const int fd = open(path, O_RDONLY | O_DIRECTORY);
    KIN_REQUIRE(fd >= 0, KIN_RUNTIME, "%s: %s", path, strerror(errno));
    const int failed = fsync(fd) && errno != EINVAL;    /* some file systems cannot sync folders */
    const int reason = errno;
    close(fd);
    KIN_REQUIRE(!failed, KIN_RUNTIME, "%s: %s", path, strerror(reason));
    return KIN_OK;
}

static kin_status sync_parent(const char *path)
{
    char parent[KIN_PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (!slash) return sync_folder(".");
    if (slash == parent) slash++;
    *slash = 0;
    return sync_folder(parent);
}

/* Where the two names can be exchanged at once, there is no moment without a folder. */
static kin_status exchange(const char *draft, const char *folder)
{
    if (!renameat2(AT_FDCWD, draft, AT_FDCWD, folder, RENAME_EXCHANGE)) {
        KIN_TRY(sync_parent(folder));
        return kin_folder_remove(draft);
    }
    char old[KIN_PATH_MAX];
    const int n = snprintf(old, sizeof old, "%s-old", draft);
    KIN_REQUIRE(n > 0 && n < KIN_PATH_MAX, KIN_USAGE, "%.200s...: the path is too long", folder);
    KIN_REQUIRE(!rename(folder, old), KIN_RUNTIME, "%s: cannot be replaced: %s", folder,
                strerror(errno));
    KIN_REQUIRE(!rename(draft, folder), KIN_RUNTIME, "%s: cannot be renamed to %s: %s", draft,
                folder, strerror(errno));
    KIN_TRY(sync_parent(folder));
    return kin_folder_remove(old);
}

kin_status kin_folder_commit(const char *draft, const char *folder)
{
    KIN_TRY(sync_folder(draft));
    struct stat there;
    if (!lstat(folder, &there)) return exchange(draft, folder);
    KIN_REQUIRE(!rename(draft, folder), KIN_RUNTIME, "%s: cannot be renamed to %s: %s", draft,
                folder, strerror(errno));
    return sync_parent(folder);
}

bool kin_folder_is_draft(const char *name)
{
    return strstr(name, mark) != NULL;
}

void kin_folder_sweep(const char *parent)
{
    DIR *d = opendir(parent);
    if (!d) return;
    for (const struct dirent *e; (e = readdir(d));) {
        char path[KIN_PATH_MAX];
        if (!kin_folder_is_draft(e->d_name)) continue;
        if (!kin_path_join(path, sizeof path, parent, e->d_name)) kin_folder_remove(path);
    }
    closedir(d);
}
