/* dropout -- sets numbers to 0 at random and makes up for it in the others, while training.
 *
 *     y_ij = k_ij x_ij / (1 - rate)        dx_ij += k_ij dy_ij / (1 - rate)
 *
 * k_ij is 1 with probability 1 - rate, else 0. The random numbers are drawn again in the backward
 * pass from the same seed, so nothing but the seed is kept; they are those of the row's place in
 * the batch, whatever part of it x is (kin_tape_rows). Hinton et al. 2012, "Improving neural
 * networks by preventing co-adaptation of feature detectors". */
#include "autograd/op.h"

typedef struct {
    uint64_t seed;
    int64_t first;               /* number of the whole that x begins with */
    real rate;
} mask;

kin_tensor *kin_dropout(kin_tape *tape, kin_tensor *x, double rate)
{
    if (!(rate >= 0 && rate < 1))
        return kin_tape_fail(tape, KIN_USAGE, "dropout: rate is %g, expected 0 <= rate < 1", rate);
    if (rate == 0 || !kin_tape_training(tape)) return x;
    kin_node *node = kin_node_new(tape, &kin_op_dropout, x->rows, x->cols, 1, x);
    mask *k = kin_keep_host(tape, sizeof *k);
    if (k == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    *k = (mask){ kin_tape_draw(tape), kin_tape_first(tape) * x->cols, (real)rate };
    backend->dropout(backend, k->first, x->rows * x->cols, k->rate, k->seed, 0, 0, x->value,
                     node->out->value);
    node->saved = k;
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    const mask *k = node->saved;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    if (dx == NULL) return;
    backend->dropout(backend, k->first, y->rows * y->cols, k->rate, k->seed, 0, 1, y->grad, dx);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const double rates[] = { 0.5, 0.1, 0 };
    if (case_ >= 3) return NULL;
    return kin_dropout(tape, kin_example_input(tape, params, count, 0, 7, 3), rates[case_]);
}

const kin_op kin_op_dropout = {
    .entry = { "dropout", "sets numbers to 0 at random while training", { { 0 } } },
    .backward = backward,
    .example = example,
};
