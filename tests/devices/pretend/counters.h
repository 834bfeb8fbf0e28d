/* What tests ask of the pretend device: what was done on it, in which order threads run, and which
 * call fails. The plug-in exports these functions; a test finds them with dlsym:
 *
 *     __typeof__(kin_pretend_fail) *fail = dlsym(plugin, "kin_pretend_fail");
 *
 * Environment: KIN_PRETEND_SEED, the order in which threads run (default 1);
 * KIN_PRETEND_DEVICES, how many devices there are (default 1; 0: none; -1: no driver either). */
#ifndef KIN_PRETEND_COUNTERS_H
#define KIN_PRETEND_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Since the device was opened or the last kin_pretend_reset, but what is there now. */
typedef struct {
    int64_t launches;                            /* of kernels */
    int64_t products;                            /* by cuBLAS */
    int64_t copies, fills;                       /* cudaMemcpy*, cudaMemset* */
    int64_t bytes_up, bytes_down, bytes_across;  /* to, from and on the device */
    int64_t waits;                               /* for a stream, an event or the device */
    int64_t allocations, releases;               /* of device memory */
    int64_t calls;                               /* that could fail */
    int64_t bytes_most;                          /* of device memory at a time */

    /* what is there now */
    int64_t bytes, blocks, host_blocks;          /* device memory; pinned host memory */
    int64_t streams, events, handles;            /* handles: of cuBLAS */
} kin_pretend_counts;

#define KIN_PRETEND_API __attribute__((visibility("default")))

KIN_PRETEND_API void kin_pretend_counters(kin_pretend_counts *counts);
KIN_PRETEND_API void kin_pretend_reset(void);

/* How often the index-th kernel, by the order of first launches, was launched; -1 beyond the last.
 * name: "narrow", "sum_rows<4>"; it stays valid. */
KIN_PRETEND_API int64_t kin_pretend_launches(int index, const char **name);

/* From now on threads, warps and blocks run in another order. */
KIN_PRETEND_API void kin_pretend_seed(uint64_t seed);

/* The n-th of the following calls that can fail fails, once; 0: none. */
KIN_PRETEND_API void kin_pretend_fail(int64_t n);

/* The device has so much memory; 0: as much as at first. */
KIN_PRETEND_API void kin_pretend_fail_memory(size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
