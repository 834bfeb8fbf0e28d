/* CPU backend: the kernels of core/backend.h on the machine's own cores.
 *
 * One binary serves every x86-64: the loops are compiled for AVX-512, AVX2 and plain x86-64 and
 * chosen by what the CPU says it has (other processors: plain only). Products are our own where
 * they were measured to be faster (cpu.c) or there is no OpenBLAS. That is opened at run time,
 * after its core was chosen from the same facts, because a library older than the CPU otherwise
 * falls back to SSE3 code.
 *
 * Environment: KIN_ISA=plain|avx2|avx512 forces the loops (never above what the CPU has),
 * KIN_BLAS=none our own products; OPENBLAS_CORETYPE is kept when the user has set it. */
#ifndef KIN_CPU_CPU_H
#define KIN_CPU_CPU_H

#include <stdbool.h>
#include "core/backend.h"

/* The pool is borrowed and may be NULL (one thread). Fails only for want of memory, and when
 * KIN_ISA names something else than a variant or one that this CPU lacks (KIN_USAGE).
 * Free with backend->free(backend). */
kin_status kin_cpu_new(kin_backend **backend, kin_pool *pool);

/* What `kin doctor` tells. Strings live as long as the program. */
typedef struct {
    const char *vendor, *model;     /* "AuthenticAMD", "AMD EPYC ..." */
    const char *features;           /* "sse4.2 avx2 fma avx512f avx512dq ..." */
    const char *isa;                /* loops in use: "avx512", "avx2" or "plain" (kin64) */
    bool blas;                      /* false: all products are our own */
    const char *blas_path;          /* file of the library, "" without one */
    const char *blas_core;          /* "SkylakeX": the kernels OpenBLAS runs */
    const char *blas_config;        /* its version and build options */
    const char *blas_note;          /* why there is none or what makes it slow; "" if all is well */
    bool blas_was_loaded;           /* the process had it before: its core was not ours to choose */
} kin_cpu_facts;

kin_cpu_facts kin_cpu_describe(const kin_backend *backend);

/* Rates in GFLOP/s, float (kin) or double (kin64), and of memory in GB/s. peak: one core doing
 * nothing but multiply-adds in registers with the loops in use (what the product could reach at
 * best); product: m = n = k = 1024 on one core and on all threads of the pool; memory: what all
 * threads read and write when they scale 64 MB in place. One core is timed by the time that the
 * thread ran, all threads by the clock. Takes about half a second. */
typedef struct {
    double peak, product_one, product_all, memory;
    int threads;
} kin_cpu_rates;

kin_status kin_cpu_measure(kin_backend *backend, kin_cpu_rates *rates);

#endif
