/* Profile: the option --profile of the verbs that compute step after step. */
#ifndef KIN_CLI_PROFILE_H
#define KIN_CLI_PROFILE_H

#include "cli/verb.h"
#include "core/profile.h"
#include "cpu/cpu.h"

#define PROFILE_OPTION { "profile", NULL, "print where the time of the steps goes" }

typedef struct {
    kin_profile *profile;           /* NULL without --profile */
    kin_backend *backend;           /* to compute with: one that counts, or the device's */
    kin_cpu_rates rates;            /* what the machine can do, measured */
} profiling;

/* Measures the machine when the option is given. */
kin_status profile_open(profiling *, const args *, kin_backend *device);
void profile_close(profiling *);

/* The table: on standard output, or on standard error beside results in JSON. */
void profile_print(const profiling *, const args *);

#endif
