/* relu -- lets through what is positive.
 *
 *     y = max(x, 0)        dx += dy where x > 0, and nothing at 0 or below
 */
#include "autograd/element.h"

ELEMENT real forward(real x) { return relu(x); }
ELEMENT real slope(real x, real y) { return (void)y, pick(x > 0, 1, 0); }

KIN_ELEMENT_OP(relu, "max(x, 0)")
