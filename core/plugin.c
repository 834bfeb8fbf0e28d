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

/* Loads the plug-in and looks a function of it up. A message is the reason alone. */
static kin_status find_function(const char *device, const char *name, void **function)
{
    char path[PATH];
    KIN_REQUIRE(find_plugin(device, path), KIN_USAGE, "this build has no libkin_%s.so, which is "
                "made where %s is found", device,
                strcmp(device, "cuda") ? "a C++ compiler" : "nvcc");
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    KIN_REQUIRE(library, KIN_USAGE, "%s", dlerror());
    *function = dlsym(library, name);
    KIN_REQUIRE(*function, KIN_USAGE, "%s is no plug-in of this kin", path);
    return KIN_OK;
}

kin_status kin_plugin_describe(const char *device, kin_device_facts *facts)
{
    kin_device_describer *describe;
    *facts = (kin_device_facts){ .name = "" };
    KIN_TRY(find_function(device, "kin_device_describe", (void **)&describe));
    return describe(facts, kin_fail);
}

kin_status kin_plugin_open(kin_backend **backend, const char *device, kin_pool *pool,
                           const kin_entry *const *losses, int precision)
{
    kin_device_opener *open;
    *backend = NULL;
    KIN_REQUIRE(sizeof(real) == sizeof(float), KIN_USAGE, "device %s computes in float; kin64, and "
                "kin loss on float64 files, compute in double: on the cpu", device);
    kin_status status = find_function(device, "kin_device_open", (void **)&open);
    /* A kin_loss begins with its kin_entry. */
    if (!status)
        status = open(backend, pool, (const kin_loss *const *)(const void *)losses, precision,
                      kin_fail);
    return status ? kin_fail(status, "device %s: %s; use cpu", device, kin_message()) : KIN_OK;
}
