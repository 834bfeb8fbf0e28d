/* gelu -- lets x through with the probability that a normal number is below it.
 *
 *     y = x F(x)        dx += dy (F(x) + x f(x))
 *
 * F and f: distribution and density of N(0, 1), F(x) = (1 + erf(x / sqrt 2)) / 2. Hendrycks and
 * Gimpel 2016, "Gaussian error linear units"; the exact form, not the tanh approximation. */
#include "autograd/element.h"

#define ROOT_HALF ((real)0.70710678118654752)           /* 1 / sqrt 2 */
#define DENSITY_0 ((real)0.39894228040143268)           /* 1 / sqrt(2 pi) */

ELEMENT real below(real x) { return (real)0.5 * (1 + erf(x * ROOT_HALF)); }

ELEMENT real forward(real x) { return x * below(x); }

ELEMENT real slope(real x, real y)
{
    (void)y;
    return below(x) + x * (DENSITY_0 * exp((real)-0.5 * x * x));
}

KIN_ELEMENT_OP(gelu, "x F(x), F the normal distribution function (erf form)")
