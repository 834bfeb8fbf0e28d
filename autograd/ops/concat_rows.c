/* concat_rows -- one tensor below another.
 *
 *     y = [a; b]        da += the upper rows of dy        db += the lower rows of dy
 *
 * a: M x D, b: N x D, y: (M + N) x D. */
#include "autograd/op.h"

kin_tensor *kin_concat_rows(kin_tape *tape, kin_tensor *a, kin_tensor *b)
{
    if (a->cols != b->cols)
        return kin_tape_fail(tape, KIN_USAGE, "concat_rows: a is " KIN_SHAPE ", b is " KIN_SHAPE,
                             KIN_DIMS(a), KIN_DIMS(b));
    kin_node *node = kin_node_new(tape, &kin_op_concat_rows, a->rows + b->rows, a->cols, 2, a, b);
    if (node == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    real *y = node->out->value;
    for (int i = 0; i < 2; i++) {
        const int64_t n = node->in[i]->rows * node->in[i]->cols;
        backend->copy(backend, y, node->in[i]->value, sizeof *y * (size_t)n);
        y += n;
    }
    node->out->unit = a->unit && b->unit;
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    kin_backend *backend = kin_tape_backend(tape);
    const real *dy = node->out->grad;
    for (int i = 0; i < 2; i++) {
        const int64_t n = node->in[i]->rows * node->in[i]->cols;
        real *dx = kin_grad(tape, node->in[i]);
        if (dx != NULL) backend->add(backend, n, 1, dy, dx);
        dy += n;
    }
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][3] = { { 3, 2, 4 }, { 1, 1, 1 }, { 1, 5, 3 } };
    if (case_ >= 3) return NULL;
    const int *s = shapes[case_];
    kin_tensor *a = kin_example_input(tape, params, count, 0, s[0], s[2]);
    kin_tensor *b = kin_example_input(tape, params, count, 1, s[1], s[2]);
    return kin_concat_rows(tape, a, b);
}

const kin_op kin_op_concat_rows = {
    .entry = { "concat_rows", "one tensor below another", { { 0 } } },
    .backward = backward,
    .example = example,
};
