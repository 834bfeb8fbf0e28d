/* Profile: a backend that hands every kernel call to another one and counts time, operations and
 * bytes on the way, so that one table says where a step's time goes on any device.
 *
 * FLOPs are what the arithmetic needs at least, a multiply-add counted as two and an exponential as
 * one; bytes are what a kernel must read and write when nothing is in a cache. */
#ifndef KIN_CORE_PROFILE_H
#define KIN_CORE_PROFILE_H

#include <stdbool.h>
#include "core/backend.h"

typedef struct kin_profile kin_profile;

/* Borrows the backend. Counts nothing until kin_profile_run. */
kin_status kin_profile_new(kin_profile **profile, kin_backend *of);
void kin_profile_free(kin_profile *profile);

/* The backend that counts; it lives as long as the profile. */
kin_backend *kin_profile_backend(kin_profile *profile);

/* Begins or stops counting; a NULL profile does nothing, here and below. */
void kin_profile_run(kin_profile *profile, bool counts);

/* From now on the time between kernels is spent on `what`; NULL: on other host work. */
void kin_profile_host(kin_profile *profile, const char *what);

/* One more step was made. */
void kin_profile_step(kin_profile *profile);
int64_t kin_profile_steps(const kin_profile *profile);

typedef struct {
    const char *name;
    int64_t calls;
    double seconds, flops, bytes;
} kin_profile_row;

/* What was counted, most time first; the seconds of all rows sum up to total. Returns how many
 * rows, at most `most`. */
int kin_profile_rows(kin_profile *profile, kin_profile_row *rows, int most, double *total);

#endif
