/* online_contrastive -- contrastive loss on the pairs of a batch that are still hard.
 *
 *     v        = sum of D_p^2 over positives farther than the nearest negative
 *                + sum of max(0, m - D_n)^2 over negatives nearer than the farthest positive
 *   dv/ds      = -2 D_p,  2 max(0, m - D_n);      D = 1 - s
 *
 * Pairs are given one by one, each positive or negative; the whole batch is one row, and the value
 * is a sum. With a single positive (negative) in the batch the mean distance of the negatives
 * (positives) takes the place of the farthest (nearest).
 *
 * Hadsell et al. 2006 with the selection of sentence-transformers (OnlineContrastiveLoss). */
#include "core/cell.h"

typedef struct { real m; } hyper;

INLINE real whole(span c, count n, hyper h)
{
    real far = -BIG, near = BIG, p_sum = 0, n_sum = 0, value = 0;
    for (int32_t j = 0; j < c.n; j++) {
        const real d = 1 - c.s[j];
        if (c.kind[j] > 0) far = max(far, d), p_sum += d;
        if (c.kind[j] < 0) near = min(near, d), n_sum += d;
    }
    if (n.positives < 2 && n.negatives > 0) far = n_sum / n.negatives;
    if (n.negatives < 2 && n.positives > 0) near = p_sum / n.positives;
    for (int32_t j = 0; j < c.n; j++) {
        const real d = 1 - c.s[j], over = relu(h.m - d);
        const bool p = c.kind[j] > 0 && d > near, q = c.kind[j] < 0 && d < far;
        value += p ? d * d : q ? over * over : 0;
        c.s[j] = p ? -2 * d : q ? 2 * over : 0;
    }
    return value;
}

KIN_LOSS(online_contrastive,
    .entry.summary = "Contrastive loss on the pairs of a batch that are still hard.",
    .entry.hypers = { { "margin", 0.5, 0, 2, "negatives farther apart are left alone", 0, NULL } },
    .form = KIN_ROW, .takes = KIN_MARKED, .whole = true, .reduce = KIN_SUM)
