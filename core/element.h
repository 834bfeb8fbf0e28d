/* Element op: y = forward(x), one number at a time. An element op is one file, made of
 *
 *     ELEMENT real forward(real x) { return relu(x); }
 *     ELEMENT real slope(real x, real y) { return pick(x > 0, 1, 0); }        // dy/dx
 *     KIN_ELEMENT_OP(relu, "max(0, x)")
 *
 * and one line in autograd/elements.def. It may use the words of core/words.h and nothing else.
 * The file is compiled several times: as itself, where autograd/element.h makes KIN_ELEMENT_OP
 * the op's descriptor, and once inside the loops of each device and instruction set, which define
 * KIN_ELEMENT_OP as nothing before they include the file. */
#ifndef KIN_CORE_ELEMENT_H
#define KIN_CORE_ELEMENT_H

#include "core/words.h"

#define ELEMENT INLINE

#endif
