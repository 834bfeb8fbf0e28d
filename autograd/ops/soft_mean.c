/* soft_mean -- the mean of some numbers, weighted by a softmax over themselves.
 *
 *     y = sum_i w_i x_i,   w = softmax(x / t)        dx_i += dy w_i (1 + (x_i - y) / t)
 *
 * x: B x 1, y: 1 x 1. With hold the weights are constants: dx_i += dy w_i. A few numbers for a batch:
 * they are fetched and summed on the host, in double. */
#include <math.h>
#include "autograd/op.h"

typedef struct { real *slope; } saved;                   /* host, B */

kin_tensor *kin_soft_mean(kin_tape *tape, kin_tensor *x, double t, bool hold)
{
    const int64_t n = x->rows;
    if (x->cols != 1 || n < 1)
        return kin_tape_fail(tape, KIN_USAGE, "soft_mean: x is " KIN_SHAPE ", expected a column",
                             KIN_DIMS(x));
    kin_node *node = kin_node_new(tape, &kin_op_soft_mean, 1, 1, 1, x);
    saved *s = kin_keep_host(tape, sizeof *s);
    real *slope = kin_keep_host(tape, (size_t)n * sizeof *slope);
    if (!node || !s || !slope) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    backend->download(backend, slope, x->value, (size_t)n * sizeof *slope);
    double top = -INFINITY, sum = 0, mean = 0;
    for (int64_t i = 0; i < n; i++) top = fmax(top, (double)slope[i]);
    for (int64_t i = 0; i < n; i++) {
        const double w = exp(((double)slope[i] - top) / t);
        sum += w;
        mean += w * (double)slope[i];
    }
    mean /= sum;
    for (int64_t i = 0; i < n; i++) {
        const double w = exp(((double)slope[i] - top) / t) / sum;
        slope[i] = (real)(hold ? w : w * (1 + ((double)slope[i] - mean) / t));
    }
    const real y = (real)mean;
    backend->upload(backend, node->out->value, &y, sizeof y);
    s->slope = slope;
    node->saved = s;
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    kin_backend *backend = kin_tape_backend(tape);
    const saved *s = node->saved;
    const int64_t n = node->in[0]->rows;
    real *dx = kin_grad(tape, node->in[0]), *slope = kin_keep(tape, (size_t)n * sizeof *slope);
    if (dx == NULL || slope == NULL) return;
    const real upstream = kin_grad_number(tape, node->out);
    backend->upload(backend, slope, s->slope, (size_t)n * sizeof *slope);
    backend->add(backend, n, upstream, slope, dx);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    if (case_ >= 3) return NULL;
    return kin_soft_mean(tape, kin_example_input(tape, params, count, 0, case_ ? 1 : 6, 1),
                         case_ == 2 ? 0.2 : 0.7, false);
}

const kin_op kin_op_soft_mean = {
    .entry = { .name = "soft_mean", .summary = "mean of numbers, weighted by their softmax" },
    .backward = backward, .example = example,
};
