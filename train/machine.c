/* Machine: see machine.h. */
#include "train/machine.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double kin_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The number behind "key" in a file of lines like "VmHWM:  1234 kB", or -1. Takes no memory. */
static double find_number(const char *path, const char *key)
{
    char text[4096];
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    const ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    text[size > 0 ? size : 0] = 0;
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, strlen(key))) continue;
        char *end;
        const double number = strtod(line + strlen(key), &end);
        return end == line + strlen(key) ? -1 : number;
    }
    return -1;
}

static double process_mb(const char *key)
{
    const double kb = find_number("/proc/self/status", key);
    return kb < 0 ? 0 : kb * 1024 / KIN_MB;
}

void kin_memory_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

double kin_memory_now(void)
{
    return process_mb("VmRSS:");
}

double kin_memory_peak(void)
{
    return process_mb("VmHWM:");
}

/* What the limit of a cgroup leaves, page cache counted as free; HUGE when there is no limit. */
static double cgroup_left(double huge)
{
    const double most = find_number("/sys/fs/cgroup/memory.max", "");
    const double used = find_number("/sys/fs/cgroup/memory.current", "");
    if (most < 0 || used < 0) return huge;
    const double cache = find_number("/sys/fs/cgroup/memory.stat", "inactive_file ");
    return (most - used + (cache > 0 ? cache : 0)) / KIN_MB;
}

double kin_memory_left(void)
{
    const double huge = 1e12, kb = find_number("/proc/meminfo", "MemAvailable:");
    const double system = kb < 0 ? huge : kb * 1024 / KIN_MB;
    const double limit = cgroup_left(huge);
    return system < limit ? system : limit;
}
