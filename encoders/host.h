/* Host: a backend's numbers as float in the host's memory, which is what files hold. */
#ifndef KIN_ENCODERS_HOST_H
#define KIN_ENCODERS_HOST_H

#include "core/backend.h"

/* The numbers where they lie when that is possible, else a copy; *copy is to be freed. */
kin_status kin_host_floats(kin_backend *backend, const real *value, int64_t count,
                           const float **floats, void **copy);

#endif
