/* What this CPU can do, from CPUID: features, never model names, decide which code runs. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include "cpu/internal.h"

static kin_cpu_features found;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void trim(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\n')) length--;
    text[length] = '\0';
}

#ifdef KIN_X86
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

static void name_vendor(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(0, &a, &b, &c, &d)) return;
    memcpy(found.vendor, &b, 4);
    memcpy(found.vendor + 4, &d, 4);
    memcpy(found.vendor + 8, &c, 4);
}

static void name_model(void)
{
    unsigned word[12];
    for (unsigned i = 0; i < 3; i++) {
        unsigned *w = word + 4 * i;
        if (!__get_cpuid(0x80000002u + i, w, w + 1, w + 2, w + 3)) return;
    }
    memcpy(found.model, word, sizeof word);
    trim(found.model);
}

/* AMD's first AVX-512 cores (family 25: Zen 4) run it on 256-bit units. */
static bool has_half_units(void)
{
    unsigned a, b, c, d;
    if (strcmp(found.vendor, "AuthenticAMD") != 0 || !__get_cpuid(1, &a, &b, &c, &d)) return false;
    const unsigned family = (a >> 8 & 15) + (a >> 20 & 255);
    return found.avx512 && family == 25;
}

static bool has_amx(void)
{
    enum { TILE = 1 << 24, INT8 = 1 << 25 };
    unsigned a, b, c, d;
    return found.avx512 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & TILE) && (d & INT8);
}

bool kin_may_use_amx(void)
{
    enum { REQUEST = 0x1023, TILE_DATA = 18 };
    return kin_features()->amx && syscall(SYS_arch_prctl, REQUEST, TILE_DATA) == 0;
}

/* __builtin_cpu_supports also asks the system whether it saves the wide registers. */
static void look(void)
{
    __builtin_cpu_init();
    name_vendor();
    name_model();
    found.avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    found.avx512 = found.avx2 && __builtin_cpu_supports("avx512f")
                   && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
                   && __builtin_cpu_supports("avx512vl");
    found.vnni = found.avx512 && __builtin_cpu_supports("avx512vnni");
    found.amx = has_amx();
    found.half_units = has_half_units();
#define NOTE(name) if (__builtin_cpu_supports(name)) strcat(found.names, " " name);
    NOTE("sse4.2") NOTE("avx") NOTE("fma") NOTE("avx2") NOTE("avx512f") NOTE("avx512dq")
    NOTE("avx512bw") NOTE("avx512vl") NOTE("avx512vnni") NOTE("avx512bf16")
#undef NOTE
    if (found.amx) strcat(found.names, " amx_int8");
    memmove(found.names, found.names + 1, strlen(found.names) + 1);
}

#else

bool kin_may_use_amx(void) { return false; }

static void look(void)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file)) {
        char *colon = strchr(line, ':');
        if (!colon) continue;
        trim(line);
        if (strncmp(line, "CPU implementer", 15) == 0) {
            snprintf(found.vendor, sizeof found.vendor, "%.15s", colon + 2);
        } else if (strncmp(line, "Features", 8) == 0) {
            snprintf(found.names, sizeof found.names, "%.255s", colon + 2);
        } else if (strncmp(line, "model name", 10) == 0) {
            snprintf(found.model, sizeof found.model, "%.63s", colon + 2);
        }
    }
    if (file) fclose(file);
}

#endif

const kin_cpu_features *kin_features(void)
{
    pthread_once(&once, look);
    return &found;
}
