/* Backward in parts: what parts of a step give to the whole of it. */
#include <string.h>

#include "autograd/tape_inside.h"

void kin_tape_begin_part(kin_tape *part, kin_tape *whole)
{
    kin_tape_reset(part, whole->seed, whole->step, whole->training);
    part->whole = whole;
}

/* What a late op goes back from, on a tape that lives until all parts have come. */
static void carry(kin_tape *whole, const kin_node *node)
{
    const kin_tensor *from = node->out;
    kin_node *copy = kin_keep_host(whole, sizeof *copy);
    kin_tensor *out = kin_keep_host(whole, sizeof *out);
    void *saved = kin_keep_host(whole, node->op->carried);
    const size_t bytes = sizeof(real) * (size_t)(from->rows * from->cols);
    real *grad = kin_keep(whole, bytes);
    if (grad == NULL) return;
    whole->backend->copy(whole->backend, grad, from->grad, bytes);
    memcpy(saved, node->saved, node->op->carried);
    *out = (kin_tensor){ .rows = from->rows, .cols = from->cols, .grad = grad,
                         .needs_grad = true, .name = from->name, .node = copy };
    *copy = *node;
    copy->out = out;
    copy->saved = saved;
    copy->before = whole->last;
    whole->last = copy;
}

kin_status kin_tape_backward_part(kin_tape *part, kin_tensor *out, const real *upstream)
{
    real *seed = kin_grad(part, out);
    if (seed != NULL)
        part->backend->add(part->backend, out->rows * out->cols, 1, upstream, seed);
    kin_tape_walk(part, false);
    for (kin_node *node = part->last; node != NULL && part->status == KIN_OK; node = node->before)
        if (node->op->late && node->out->grad != NULL) carry(part->whole, node);
    KIN_TRY(kin_tape_outcome(part));
    return kin_tape_status(part->whole);
}

kin_status kin_tape_end_parts(kin_tape *whole)
{
    kin_tape_walk(whole, true);
    kin_tape_check_gradients(whole);
    return kin_tape_outcome(whole);
}
