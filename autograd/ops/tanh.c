/* tanh -- squeezes x into (-1, 1).
 *
 *     y = tanh(x)        dx += dy (1 - y^2)
 */
#include "autograd/element.h"

ELEMENT real forward(real x) { return tanh(x); }
ELEMENT real slope(real x, real y) { return (void)x, 1 - y * y; }

KIN_ELEMENT_OP(tanh, "hyperbolic tangent")
