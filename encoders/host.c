/* Host: see host.h. */
#include "encoders/host.h"

#include <stdlib.h>
#include <string.h>

kin_status kin_host_floats(kin_backend *backend, const real *value, int64_t count,
                           const float **floats, void **copy)
{
    *copy = NULL;
    if (sizeof(real) == sizeof(float) && !strcmp(backend->name, "cpu")) {
        *floats = (const void *)value;
        return KIN_OK;
    }
    real *numbers = *copy = malloc((size_t)count * sizeof *numbers);
    KIN_REQUIRE(numbers, KIN_MEMORY, "no memory to copy %ld numbers", (long)count);
    backend->download(backend, numbers, value, (size_t)count * sizeof *numbers);
    KIN_TRY(kin_backend_check(backend));
    float *narrow = (float *)numbers;           /* each is read before its place is written */
    for (int64_t i = 0; i < count; i++) {
        const float x = (float)numbers[i];
        memcpy(narrow + i, &x, sizeof x);
    }
    *floats = narrow;
    return KIN_OK;
}
