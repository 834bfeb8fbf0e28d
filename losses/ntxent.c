/* ntxent -- each positive for itself against all negatives.
 *
 *     v_i      = sum_p [ log(e_ip + sum_n e_in) - s_ip / t ],          e_ij = exp(s_ij / t)
 *   dv/ds_ip   = -(sum_n e_in / (e_ip + sum_n e_in)) / t
 *   dv/ds_in   = sum_p e_in / (e_ip + sum_n' e_in') / t
 *
 * The mean is over positive pairs. Other positives of the anchor are in nobody's denominator: with
 * InfoNCE over labels they are, and so push each other away. With one positive both are the same.
 *
 * Chen et al. 2020, arXiv:2002.05709, for several positives as pytorch-metric-learning has it. */
#include "core/cell.h"

typedef struct { real t; } hyper;

/* Everything is taken relative to the largest negative: f_p = exp((s_p - top) / t) may be large or
 * nothing, so each positive is spelt on the side where its exponent is below 0. */
INLINE real whole(span c, count n, hyper h)
{
    const real steep = 1 / h.t;
    real top = -BIG, sum = 0, value = 0, push = 0;
    EACH(j, c.n) top = max(top, pick(c.kind[j] < 0, c.s[j], -BIG));
    EACH(j, c.n) {
        const real e = pick(c.kind[j] < 0, exp((c.s[j] - top) * steep), 0);
        c.work[j] = e;
        sum += e;
    }
    const real all = log(sum);
    EACH_POSITIVE(j, c) {
        const real x = all + (top - c.s[j]) * steep;        /* log of sum / e_p */
        const real e = exp(-size(x)), share = (x > 0 ? 1 : e) / (1 + e);
        value += relu(x) + log1p_unit(e);
        push += share / sum;
        c.work[j] = -share;
    }
    EACH(j, c.n) c.s[j] = steep * c.work[j] * pick(c.kind[j] < 0, push, 1);
    *c.elements = *c.above = n.positives;
    return value;
}

KIN_LOSS(ntxent,
    .entry.summary = "Each positive for itself against all negatives.",
    .entry.hypers = {
        { "temperature", 0.07, 0.001, 10, "what scores are divided by", 0, NULL } },
    .form = KIN_ROW, .takes = KIN_LABELS | KIN_PAIRS,
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID)
