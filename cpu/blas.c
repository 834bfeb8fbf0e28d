/* OpenBLAS, opened at run time. It chooses its kernels when it is loaded, by the CPU's number,
 * and a library older than the CPU then runs SSE3 code at a fifth of the speed; so the core is
 * named beforehand, from the CPU's features. Our threads call it, so it gets one thread. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "cpu/internal.h"

#ifdef KIN_DOUBLE
#define GEMM "cblas_dgemm"
#else
#define GEMM "cblas_sgemm"
#endif

static kin_blas blas;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const char *const libraries[] = {
    "libopenblas.so.0",
    "libopenblas.so",
#ifdef __x86_64__
    "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0",
#elif defined(__aarch64__)
    "/usr/lib/aarch64-linux-gnu/openblas-pthread/libopenblas.so.0",
#endif
};
enum { LIBRARIES = sizeof libraries / sizeof *libraries };

/* Names that every OpenBLAS with run-time choice knows; an unknown name would choose at random.
 * NULL: leave it to the library. On Zen 4 the AVX2 kernels (Haswell, and Zen, which are the same
 * code) reach 0.84 of the multiply-add peak in a large product, SkylakeX and Cooperlake 0.80. */
static const char *best_core(void)
{
    const kin_cpu_features *cpu = kin_features();
    if (cpu->avx512 && !cpu->half_units) return "SkylakeX";
    if (cpu->avx2) return "Haswell";
    return NULL;
}

static bool is_loaded(void)
{
    for (int i = 0; i < LIBRARIES; i++) {
        void *handle = dlopen(libraries[i], RTLD_LAZY | RTLD_NOLOAD);
        if (!handle) continue;
        dlclose(handle);
        return true;
    }
    return false;
}

static void *load(void)
{
    const char *core = best_core(), *chosen = getenv("OPENBLAS_CORETYPE");
    if (core && (!chosen || !*chosen)) setenv("OPENBLAS_CORETYPE", core, 1);
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    for (int i = 0; i < LIBRARIES; i++) {
        void *handle = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
        if (handle) return handle;
    }
    return NULL;
}

static void copy_text(char *to, size_t size, void *library, const char *function)
{
    char *(*text)(void);
    *(void **)&text = dlsym(library, function);
    if (text) snprintf(to, size, "%s", text());
}

/* Kernels that fit this CPU are at least AVX2 kernels where it has AVX2. */
static void judge_core(void)
{
    static const char *const slow[] = { "Prescott", "Core2", "Penryn", "Nehalem", "Generic",
                                        "Sandybridge", "Barcelona", "Opteron", "Unknown" };
    const char *core = best_core();
    for (size_t i = 0; core && i < sizeof slow / sizeof *slow; i++) {
        if (strncasecmp(blas.core, slow[i], strlen(slow[i])) != 0) continue;
        snprintf(blas.note, sizeof blas.note,
                 "OpenBLAS runs its %s kernels, far below this CPU; set OPENBLAS_CORETYPE=%s%s",
                 blas.core, core, blas.was_loaded ? " before the program starts" : "");
    }
}

/* The library takes 32 MB of address space for each thread that multiplies, and tries again without
 * end when it gets none. */
static bool has_room(void)
{
    const rlim_t least = (rlim_t)1 << 30;
    struct rlimit space;
    if (getrlimit(RLIMIT_AS, &space) != 0 || space.rlim_cur == RLIM_INFINITY) return true;
    if (space.rlim_cur >= least) return true;
    snprintf(blas.note, sizeof blas.note, "this process may take %llu MB of address space and "
             "OpenBLAS may hang below %llu, so kin's own product is used (see ulimit -v)",
             (unsigned long long)(space.rlim_cur >> 20), (unsigned long long)(least >> 20));
    return false;
}

static void open_once(void)
{
    const char *wish = getenv("KIN_BLAS");
    if (wish && strcmp(wish, "none") == 0) {
        snprintf(blas.note, sizeof blas.note, "KIN_BLAS=none: kin's own product is used");
        return;
    }
    if (!has_room()) return;
    blas.was_loaded = is_loaded();
    void *library = load();
    if (!library) {
        snprintf(blas.note, sizeof blas.note,
                 "OpenBLAS was not found, so kin's own product is used (Debian: "
                 "libopenblas0-pthread)");
        return;
    }
    void (*set_threads)(int);
    Dl_info about;
    *(void **)&blas.gemm = dlsym(library, GEMM);
    *(void **)&set_threads = dlsym(library, "openblas_set_num_threads");
    if (!blas.gemm) {
        snprintf(blas.note, sizeof blas.note, "the OpenBLAS library lacks " GEMM);
        dlclose(library);
        return;
    }
    if (set_threads) set_threads(1);
    if (dladdr(*(void **)&blas.gemm, &about) && about.dli_fname) {
        snprintf(blas.path, sizeof blas.path, "%s", about.dli_fname);
    }
    copy_text(blas.core, sizeof blas.core, library, "openblas_get_corename");
    copy_text(blas.config, sizeof blas.config, library, "openblas_get_config");
    judge_core();
}

const kin_blas *kin_blas_open(void)
{
    pthread_once(&once, open_once);
    return &blas;
}
