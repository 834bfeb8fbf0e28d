/* Element op as an op of the tape: the file of an element op includes this in place of
 * core/element.h. Devices define KIN_ELEMENT_OP before they include the file, and then only
 * forward and slope are left of it. */
#ifndef KIN_AUTOGRAD_ELEMENT_H
#define KIN_AUTOGRAD_ELEMENT_H

#ifndef KIN_ELEMENT_OP
#include "autograd/op.h"

enum {
#define ELEMENT(name) KIN_ELEMENT_##name,
#include "autograd/elements.def"
#undef ELEMENT
};

/* What the ops of elements.def share (element.c); place: of the op in elements.def. */
kin_tensor *kin_element_forward(kin_tape *tape, const kin_op *op, int place, kin_tensor *x);
void kin_element_backward(kin_tape *tape, kin_node *node, int place);
kin_tensor *kin_element_example(kin_tape *tape, int case_, kin_tensor **params, int *count,
                                kin_tensor *(*op)(kin_tape *, kin_tensor *));

#define KIN_ELEMENT_OP(name_, summary_)                                                        \
    static void backward(kin_tape *tape, kin_node *node)                                       \
    {                                                                                          \
        kin_element_backward(tape, node, KIN_ELEMENT_##name_);                                 \
    }                                                                                          \
    static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)     \
    {                                                                                          \
        return kin_element_example(tape, case_, params, count, kin_##name_);                   \
    }                                                                                          \
    const kin_op kin_op_##name_ = { .entry = { #name_, summary_, { { 0 } } },                  \
                                    .backward = backward, .example = example };                \
    kin_tensor *kin_##name_(kin_tape *tape, kin_tensor *x)                                     \
    {                                                                                          \
        return kin_element_forward(tape, &kin_op_##name_, KIN_ELEMENT_##name_, x);             \
    }
#endif

#include "core/element.h"

#endif
