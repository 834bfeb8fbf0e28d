/* Double: the same command line once more, in double precision. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/verb.h"

kin_status args_go_double(const args *a)
{
    char path[PATH_MAX];
#ifdef KIN_DOUBLE
    return kin_fail(KIN_RUNTIME, "%s is kin64 already", a->program);
#endif
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 3);
    KIN_REQUIRE(length > 0, KIN_RUNTIME, "cannot tell where kin is, so not where kin64 is");
    strcpy(path + length, "64");
    fflush(stdout);
    a->argv[0] = path;
    execv(path, a->argv);
    return kin_fail(KIN_RUNTIME, "%s cannot be run; it is built and installed with kin", path);
}
