#include "core/plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 4096 };

/* The folder of the running program, or "". */
static void program_folder(char *path)
{
    const ssize_t n = readlink("/proc/self/exe", path, PATH - 1);
    path[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(path, '/');
    if (slash) *slash = '\0';
}

/* Writes the path of the first plug-in that exists; false when none does. */
static bool find_plugin(const char *device, char *path)
{
    char folder[PATH];
    const char *given = getenv("KIN_PLUGINS");
    program_folder(folder);
    const char *const places[][2] = { { given, "" }, { folder, "" }, { folder, "/../lib/kin" } };
    for (size_t i = given ? 0 : 1; i < sizeof places / sizeof *places; i++) {
        const int n = snprintf(path, PATH, "%s%s/libkin_%s.so", places[i][0], places[i][1], device);
        if (n < PATH && access(path, R_OK) == 0) return true;
        if (given) return false;
    }
    return false;
}

kin_status kin_plugin_open(kin_backend **backend, const char *device, kin_pool *pool,
                           const kin_entry *const *losses, int precision)
{
    char path[PATH];
    kin_device_opener *open;
    *backend = NULL;
    KIN_REQUIRE(sizeof(real) == sizeof(float), KIN_USAGE, "device %s computes in float, and kin64 "
                "in double", device);
    KIN_REQUIRE(find_plugin(device, path), KIN_USAGE, "device %s: this build has no libkin_%s.so "
                "(it is made where %s is found); use cpu", device, device,
                strcmp(device, "cuda") ? "a C++ compiler" : "nvcc");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    KIN_REQUIRE(library, KIN_USAGE, "device %s: %s", device, dlerror());
    *(void **)&open = dlsym(library, "kin_device_open");
    KIN_REQUIRE(open, KIN_USAGE, "device %s: %s is no plug-in of kin", device, path);
    /* A kin_loss begins with its kin_entry. */
    return open(backend, pool, (const kin_loss *const *)(const void *)losses, precision, kin_fail);
}
