/* margin_mse -- the margin between positive and negative should be the teacher's.
 *
 *     v_i      = sum over (p, n) of ((s_ip - s_in) - (y_ip - y_in))^2
 *   dv/ds_ip   = 2 sum_n (...),    dv/ds_in = -2 sum_p (...)
 *
 * divided by the number of (p, n). y is the teacher's score of a cell; only its differences matter,
 * so that teacher and student may score on different scales of offset. Scores are inner products.
 *
 * Hofstaetter et al. 2020, arXiv:2010.02666. */
#include "core/cell.h"

typedef struct { real scale; } hyper;

/* With x = s - y the sum over pairs of (x_p - x_n)^2 needs only sums over each kind. */
INLINE real whole(span c, count n, hyper h)
{
    real p = 0, q = 0, value = 0;
    for (int32_t j = 0; j < c.n; j++) {
        c.s[j] = h.scale * c.s[j] - c.y[j];
        p += c.kind[j] > 0 ? c.s[j] : 0;
        q += c.kind[j] < 0 ? c.s[j] : 0;
    }
    const real p_mean = p / n.positives, q_mean = q / n.negatives, apart = p_mean - q_mean;
    for (int32_t j = 0; j < c.n; j++) {
        const real x = c.s[j] - (c.kind[j] > 0 ? p_mean : q_mean);
        if (!c.kind[j]) { c.s[j] = 0; continue; }
        const real others = c.kind[j] > 0 ? n.negatives : n.positives;
        value += others * x * x;
        c.s[j] = 2 * h.scale * others * (c.kind[j] > 0 ? c.s[j] - q_mean : c.s[j] - p_mean);
    }
    *c.elements = *c.above = n.positives * n.negatives;
    return value + n.positives * n.negatives * apart * apart;
}

KIN_LOSS(margin_mse,
    .entry.summary = "The margin between positive and negative should be the teacher's.",
    .entry.hypers = { { "scale", 1, 0.001, 1000, "what scores are multiplied by", 0, NULL } },
    .form = KIN_ROW, .takes = KIN_TARGETS | KIN_TRIPLETS, .similarity = KIN_DOT,
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID)
