/* distillation -- each row's softmax should be the teacher's.
 *
 *     v_i      = sum_j q_ij (log q_ij - log p_ij),
 *     p_i      = softmax(s_i / t),   q_i = softmax(y_i / u)
 *   dv/ds_ij   = (p_ij - q_ij) / t
 *
 * y is the teacher's score of a cell, u the teacher's temperature. The value is the divergence of
 * p from q, 0 when they agree.
 *
 * Hinton et al. 2015, arXiv:1503.02531; by row over candidates: Cao et al. 2007 (ListNet). */
#include "core/cell.h"

typedef struct { real t, u; } hyper;

/* x_j becomes softmax(x)_j over the cells that count; returns the log of its sum. */
static real soften(span c, real *x)
{
    real top = -BIG, sum = 0;
    for (int32_t j = 0; j < c.n; j++) top = max(top, c.kind[j] ? x[j] : -BIG);
    for (int32_t j = 0; j < c.n; j++) sum += c.kind[j] ? exp(x[j] - top) : 0;
    const real all = top + log(sum);
    for (int32_t j = 0; j < c.n; j++) x[j] = c.kind[j] ? exp(x[j] - all) : 0;
    return all;
}

INLINE real whole(span c, count n, hyper h)
{
    real *q = c.work, *p = q + c.n, value = 0;
    if (n.positives + n.negatives < 1) {
        for (int32_t j = 0; j < c.n; j++) c.s[j] = 0;
        return 0;
    }
    for (int32_t j = 0; j < c.n; j++) q[j] = c.y[j] * (1 / h.u), p[j] = c.s[j] * (1 / h.t);
    const real q_all = soften(c, q), p_all = soften(c, p);
    for (int32_t j = 0; j < c.n; j++) {
        value += q[j] * ((c.y[j] * (1 / h.u) - q_all) - (c.s[j] * (1 / h.t) - p_all));
        c.s[j] = (p[j] - q[j]) * (1 / h.t);
    }
    return relu(value);
}

KIN_LOSS(distillation,
    .entry.summary = "Each row's softmax should be the teacher's.",
    .entry.hypers = {
        { "temperature", 0.05, 0.001, 10, "what scores are divided by", 0, NULL },
        { "teacher_temperature", 0.05, 0.001, 1000, "what targets are divided by", 0, NULL } },
    .form = KIN_ROW, .takes = KIN_TARGETS, .reduce = KIN_MEAN_VALID)
