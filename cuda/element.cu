/* Element ops: cuda/loops/element.cu, compiled once for each line of autograd/elements.def. */
#include "cuda/internal.h"

typedef struct {
    void (*forward)(kin_cuda *c, int64_t n, const real *x, real *y);
    void (*back)(kin_cuda *c, bool add, int64_t n, const real *x, const real *y, const real *dy,
                 real *dx);
} element_loops;

#define ELEMENT(name)                                                                       \
    void kin_cuda_element_##name##_forward(kin_cuda *, int64_t n, const real *x, real *y);  \
    void kin_cuda_element_##name##_back(kin_cuda *, bool add, int64_t n, const real *x,     \
                                        const real *y, const real *dy, real *dx);
#include "autograd/elements.def"
#undef ELEMENT

static const element_loops elements[] = {
#define ELEMENT(name) { kin_cuda_element_##name##_forward, kin_cuda_element_##name##_back },
#include "autograd/elements.def"
#undef ELEMENT
};

void kin_cuda_element(kin_backend *backend, int op, int64_t n, const real *x, real *y)
{
    elements[op].forward(cuda_of(backend), n, x, y);
}

void kin_cuda_element_back(kin_backend *backend, int op, int add, int64_t n, const real *x,
                           const real *y, const real *dy, real *dx)
{
    elements[op].back(cuda_of(backend), add != 0, n, x, y, dy, dx);
}
