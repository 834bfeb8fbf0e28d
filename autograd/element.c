/* y_i = f(x_i), dx_i += dy_i f'(x_i): what the ops of elements.def have in common. */
#include "autograd/element.h"

kin_tensor *kin_element_forward(kin_tape *tape, const kin_op *op, int place, kin_tensor *x)
{
    kin_node *node = kin_node_new(tape, op, x->rows, x->cols, 1, x);
    if (node == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    backend->element(backend, place, x->rows * x->cols, x->value, node->out->value);
    return node->out;
}

void kin_element_backward(kin_tape *tape, kin_node *node, int place)
{
    const kin_tensor *x = node->in[0], *y = node->out;
    kin_backend *backend = kin_tape_backend(tape);
    bool fresh;
    real *dx = kin_grad_fresh(tape, node->in[0], &fresh);
    if (dx == NULL) return;
    backend->element_back(backend, place, !fresh, x->rows * x->cols, x->value, y->value, y->grad,
                          dx);
}

kin_tensor *kin_element_example(kin_tape *tape, int case_, kin_tensor **params, int *count,
                                kin_tensor *(*op)(kin_tape *, kin_tensor *))
{
    static const int shapes[][2] = { { 3, 5 }, { 1, 1 }, { 17, 1 }, { 1, 33 } };
    if (case_ >= 4) return NULL;
    const int *s = shapes[case_];
    return op(tape, kin_example_input(tape, params, count, 0, s[0], s[1]));
}
