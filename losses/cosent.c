/* cosent -- pairs that are more alike by their labels should score higher.
 *
 *     v        = log( 1 + sum over (k, l) with y_k < y_l of exp(c (s_k - s_l)) ),     c = scale
 *   dv/ds_k    = c (the share that k has of the sum as the lower one - that as the higher one)
 *
 * A cell is a pair of texts with a number y for how alike they are. Only the order of these
 * numbers counts; pairs with equal numbers say nothing to each other. The whole batch is one row.
 *
 * Pairs are sorted by y and the sum over all lower ones is carried along, so that P pairs cost
 * P log P.
 *
 * Su 2022 ("CoSENT", kexue.fm/archives/8847). */
#include "losses/ordered.h"

typedef struct { real scale; } hyper;

INLINE real whole(span c, count n, hyper h)
{
    const real value = ordered(c, h.scale);
    *c.elements = 1;
    return value;
}

KIN_LOSS(cosent,
    .entry.summary = "Pairs that are more alike by their labels should score higher.",
    .entry.hypers = { { "scale", 20, 0.01, 1000, "what scores are multiplied by", 0, NULL } },
    .form = KIN_ROW, .takes = KIN_TARGETS, .whole = true, .reduce = KIN_SUM)
