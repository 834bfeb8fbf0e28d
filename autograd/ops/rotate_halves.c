/* rotate_halves -- adds to a row what a quarter turn makes of it, its halves read as the real and the
 * imaginary parts of a complex vector.
 *
 *     x = [a, b],    y = x + [b, -a]           dx += dy + [-dy_b, dy_a]
 *
 * x, y: B x D. With an odd D the first half is longer by one, whose partner is 0. The dot product
 * of y with another row z is Re(x conj z) + Im(x conj z). */
#include "autograd/op.h"

/* y += x + sign [b, -a] */
static void turn(kin_backend *backend, int64_t rows, int64_t cols, real sign, const real *x,
                 real *y)
{
    const int64_t short_half = cols / 2, half = cols - short_half;
    backend->add_block(backend, rows, cols, 1, x, cols, y, cols);
    if (short_half < 1) return;
    backend->add_block(backend, rows, short_half, sign, x + half, cols, y, cols);
    backend->add_block(backend, rows, short_half, -sign, x, cols, y + half, cols);
}

kin_tensor *kin_rotate_halves(kin_tape *tape, kin_tensor *x)
{
    kin_node *node = kin_node_new(tape, &kin_op_rotate_halves, x->rows, x->cols, 1, x);
    if (node == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    backend->zero(backend, node->out->value, sizeof(real) * (size_t)(x->rows * x->cols));
    turn(backend, x->rows, x->cols, 1, x->value, node->out->value);
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *x = node->in[0];
    real *dx = kin_grad(tape, node->in[0]);
    if (dx == NULL) return;
    turn(kin_tape_backend(tape), x->rows, x->cols, -1, node->out->grad, dx);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][2] = { { 4, 6 }, { 3, 5 }, { 2, 1 } };
    if (case_ >= 3) return NULL;
    return kin_rotate_halves(tape, kin_example_input(tape, params, count, 0, shapes[case_][0],
                                                     shapes[case_][1]));
}

const kin_op kin_op_rotate_halves = {
    .entry = { .name = "rotate_halves", .summary = "x + [b, -a] of rows [a, b]" },
    .backward = backward, .example = example,
};
