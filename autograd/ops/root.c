/* root -- the square root of what is above 0.
 *
 *     y = sqrt(max(0, x))        dx += dy / (2 y), nothing where y is 0
 */
#include "autograd/element.h"

ELEMENT real forward(real x) { return sqrt(relu(x)); }

ELEMENT real slope(real x, real y)
{
    (void)x;
    return pick(y == 0, 0, 1 / (2 * y + (real)(y == 0)));
}

KIN_ELEMENT_OP(root, "square root of what is above 0")
