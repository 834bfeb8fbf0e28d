/* Debias: what losses have in common that correct their sum over negatives for the positives among
 * them,
 *
 *     g        = max( (sum - u |N| e_p) / (1 - u),  |N| exp(-1/t) ),       e_j = exp(s_j / t)
 *     v        = -log( e_p / (e_p + g) )
 *
 * sum being theirs and e_p the mean over positives. The file defines hyper with t and u, and row
 * with ptop, ntop and psum, the sum of positives' terms, before it is included, and afterwards
 * close() from correct(). */
#ifndef KIN_LOSSES_DEBIAS_H
#define KIN_LOSSES_DEBIAS_H

#include "losses/two_tops.h"

/* The value, from g / e_p relative to exp(lift), which is 1 or more, so that neither overflows.
 * sum: relative to ntop. Leaves in psum what positives' terms are multiplied by in the slope, in
 * *push d value / d sum, over t: 0 where g is held at its least. */
INLINE real correct(row *r, count n, hyper h, real sum, real *push)
{
    const real own = r->psum / n.positives, taken = h.u * n.negatives / (1 - h.u);
    const real gap = (r->ntop - r->ptop) * (1 / h.t), floor = (-1 - r->ptop) * (1 / h.t);
    const real lift = relu(max(gap, floor)), one = exp(-lift);
    const real unit = exp(gap - lift) / ((1 - h.u) * own), drawn = sum * unit;
    const real free = drawn - taken * one, least = n.negatives * exp(floor - lift) / own;
    const bool active = free > least;
    const real g = active ? free : least, outer = 1 / ((one + g) * h.t);
    r->psum = -outer * (active ? drawn : least) / r->psum;
    *push = active ? outer * unit : 0;
    return lift > 0 ? lift + log(one + g) : log1p_any(g);
}

#endif
