/* How many threads this process may use: the affinity mask, and the quotas of its cgroups. */
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/pool.h"

enum { PATH = 4096, MOST_CPUS = 1 << 16 };

static int affinity_count(void)
{
    for (int room = 1024; room <= MOST_CPUS; room *= 2) {
        cpu_set_t *set = CPU_ALLOC(room);
        if (!set) break;
        const size_t size = CPU_ALLOC_SIZE(room);
        const int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0) return count;        /* else the kernel's mask is larger than ours */
    }
    return 1;
}

/* The first line of folder/name, or false. */
static bool read_line(const char *folder, const char *name, char *line, int size)
{
    char path[2 * PATH];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file) return false;
    const bool got = fgets(line, size, file) != NULL;
    fclose(file);
    return got;
}

/* Quota of one folder in CPUs, 0 for none. Version 2: cpu.max "quota period" or "max period". */
static double folder_quota(const char *folder)
{
    char line[128];
    double quota = 0, period = 0;
    if (read_line(folder, "cpu.max", line, sizeof line)) {
        if (sscanf(line, "%lf %lf", &quota, &period) != 2) return 0;
    } else if (read_line(folder, "cpu.cfs_quota_us", line, sizeof line)) {
        quota = atof(line);
        period = read_line(folder, "cpu.cfs_period_us", line, sizeof line) ? atof(line) : 0;
    }
    return quota > 0 && period > 0 ? quota / period : 0;
}

static double smaller_quota(double a, double b)
{
    if (a <= 0) return b;
    return b > 0 && b < a ? b : a;
}

/* The smallest quota of mount/controller/path and of the folders above it. A container often sees
 * its own cgroup as the root, and then the path does not exist below the mount. */
static double path_quota(const char *mount, const char *controller, const char *path)
{
    char folder[PATH];
    int used = snprintf(folder, sizeof folder, "%s%s%s", mount, controller, path);
    if (used < 0 || used >= (int)sizeof folder) return 0;
    const size_t root = strlen(mount) + strlen(controller);
    double quota = 0;
    for (;;) {
        quota = smaller_quota(quota, folder_quota(folder));
        char *slash = strrchr(folder + root, '/');
        if (!slash) return quota;
        *slash = '\0';
    }
}

static bool has_word(const char *words, const char *word)
{
    const size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)); at += length) {
        const bool begins = at == words || at[-1] == ',';
        if (begins && (at[length] == ',' || at[length] == '\0')) return true;
    }
    return false;
}

double kin_quota_read(const char *membership, const char *mount)
{
    char line[PATH];
    double quota = 0;
    FILE *file = fopen(membership, "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) {            /* number:controllers:path */
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path) continue;
        *path++ = '\0';
        controllers++;
        if (*controllers == '\0') {
            quota = smaller_quota(quota, path_quota(mount, "", path));
        } else if (has_word(controllers, "cpu")) {
            quota = smaller_quota(quota, path_quota(mount, "/cpu", path));
            quota = smaller_quota(quota, path_quota(mount, "/cpu,cpuacct", path));
        }
    }
    fclose(file);
    return quota;
}

int kin_threads_default(void)
{
    const int cpus = affinity_count();
    const double quota = kin_quota_read("/proc/self/cgroup", "/sys/fs/cgroup");
    if (quota <= 0 || quota >= cpus) return cpus;
    return quota < 1 ? 1 : (int)quota;
}
