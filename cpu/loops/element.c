/* The loops of one element op, KIN_ELEMENT, a file of autograd/ops. */
#define KIN_ELEMENT_OP(name, summary)
#include "cpu/loops.h"
#include "cpu/loops/variant.h"
#include KIN_TEXT(autograd/ops/KIN_ELEMENT.c)

static void all_forward(int64_t n, const real *x, real *y)
{
    for (int64_t i = 0; i < n; i++) y[i] = forward(x[i]);
}

static void all_back(int64_t n, int add, const real *x, const real *y, const real *dy,
                     real *restrict dx)
{
    if (add)
        for (int64_t i = 0; i < n; i++) dx[i] += dy[i] * slope(x[i], y[i]);
    else
        for (int64_t i = 0; i < n; i++) dx[i] = dy[i] * slope(x[i], y[i]);
}

#define NAME KIN_VARIANT(KIN_PASTE(kin_element, KIN_ELEMENT))
extern const kin_element_loops NAME;
const kin_element_loops NAME = { all_forward, all_back };
