/* Score: the loops of every listed loss, in the variant that the backend has chosen. A composed loss
 * has none. */
#include <string.h>
#include "cpu/cpu.h"
#include "cpu/score.h"

#define COMPOSED_LOSS(name)
#define LOSS(name) extern const kin_score_kernels kin_score_##name##_plain;
#include "losses/losses.def"

static const kin_score_kernels *const plain[] = {
#define COMPOSED_LOSS(name) NULL,
#define LOSS(name) &kin_score_##name##_plain,
#include "losses/losses.def"
};

#if defined(KIN_X86) && !defined(KIN_DOUBLE)

#define COMPOSED_LOSS(name)
#define LOSS(name) \
    extern const kin_score_kernels kin_score_##name##_avx2, kin_score_##name##_avx512;
#include "losses/losses.def"

static const kin_score_kernels *const avx2[] = {
#define COMPOSED_LOSS(name) NULL,
#define LOSS(name) &kin_score_##name##_avx2,
#include "losses/losses.def"
};

static const kin_score_kernels *const avx512[] = {
#define COMPOSED_LOSS(name) NULL,
#define LOSS(name) &kin_score_##name##_avx512,
#include "losses/losses.def"
};

const kin_score_kernels *kin_cpu_score(kin_backend *backend, int loss)
{
    const char *isa = kin_cpu_describe(backend).isa;
    if (strcmp(isa, "avx512") == 0) return avx512[loss];
    if (strcmp(isa, "avx2") == 0) return avx2[loss];
    return plain[loss];
}

#else

const kin_score_kernels *kin_cpu_score(kin_backend *backend, int loss)
{
    (void)backend;
    return plain[loss];
}

#endif
