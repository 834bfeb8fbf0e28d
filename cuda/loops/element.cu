/* The kernels of one element op, KIN_ELEMENT, a file of autograd/ops. */
#define KIN_ELEMENT_OP(name, summary)
#include "cuda/reduce.h"

#define KIN_PASTE_(a, b) a##_##b
#define KIN_PASTE(a, b) KIN_PASTE_(a, b)
#define KIN_TEXT_(x) #x
#define KIN_TEXT(x) KIN_TEXT_(x)
#define NAME(part) KIN_PASTE(KIN_PASTE(kin_cuda_element, KIN_ELEMENT), part)

/* A namespace of its own, because core/words.h has a min and a max as CUDA has. All other headers
 * that the file asks for are here by now. */
namespace KIN_PASTE(kin, KIN_ELEMENT) {

#include KIN_TEXT(autograd/ops/KIN_ELEMENT.c)

static __global__ void all_forward(int64_t n, bool fours, const float *x, float *y)
{
    each_number(n, fours, [](float xi) { return forward(xi); }, y, x);
}

template <bool add>
static __global__ void all_back(int64_t n, bool fours, const float *x, const float *y,
                                const float *dy, float *dx)
{
    each_number(n, fours, [](float dxi, float dyi, float xi, float yi) {
        return (add ? dxi : 0.0f) + dyi * slope(xi, yi);
    }, dx, dx, dy, x, y);
}

}

using namespace KIN_PASTE(kin, KIN_ELEMENT);

void NAME(forward)(kin_cuda *c, int64_t n, const real *x, real *y)
{
    const bool fours = fours_fit(x, y);
    LAUNCH(c, vector_grid(n, fours), KIN_THREADS, 0, all_forward, n, fours, x, y);
}

void NAME(back)(kin_cuda *c, bool add, int64_t n, const real *x, const real *y, const real *dy,
                real *dx)
{
    const bool fours = fours_fit(x, y, dy, dx);
    LAUNCH(c, vector_grid(n, fours), KIN_THREADS, 0, add ? all_back<true> : all_back<false>, n,
           fours, x, y, dy, dx);
}
