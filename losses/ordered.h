/* Ordered: what CoSENT and AnglE have in common. Scores s of a row should be in the order of their
 * targets y:
 *
 *     v = log( 1 + sum over (k, l) with y_k < y_l of exp(c (s_k - s_l)) )
 */
#ifndef KIN_LOSSES_ORDERED_H
#define KIN_LOSSES_ORDERED_H

#include <stdlib.h>
#include "core/cell.h"

typedef struct { real y, s; int32_t at; } ordered_pair;
_Static_assert(sizeof(ordered_pair) <= 3 * sizeof(real), "pairs fit a row's work space");

static int ordered_rising(const void *a, const void *b)
{
    const ordered_pair *p = (const ordered_pair *)a, *q = (const ordered_pair *)b;
    if (p->y != q->y) return p->y > q->y ? 1 : -1;
    return (p->at > q->at) - (p->at < q->at);
}

/* log(exp(a) + exp(b)) */
static real log_add(real a, real b)
{
    const real top = max(a, b);
    return top <= -BIG ? -BIG : top + log1p_unit(exp(min(a, b) - top));
}

/* below[k] = log of the sum of exp(sign c s) over all pairs before (step 1) or behind (step -1) the
 * group of pairs that have k's target. */
static void sum_beside(const ordered_pair *pair, int32_t n, real c, int step, real *beside)
{
    real all = -BIG, group = -BIG;
    for (int32_t i = 0; i < n; i++) {
        const int32_t k = step > 0 ? i : n - 1 - i;
        if (i && pair[k].y != pair[k - step].y) all = log_add(all, group), group = -BIG;
        beside[k] = all;
        group = log_add(group, (real)step * c * pair[k].s);
    }
}

/* The value; slopes replace c.s. */
static real ordered(span c, real scale)
{
    ordered_pair *pair = (ordered_pair *)(void *)c.work;
    real *lower = c.work + 3 * c.n, *higher = lower + c.n, total = 0;
    int32_t n = 0;
    for (int32_t j = 0; j < c.n; j++)
        if (c.kind[j]) pair[n++] = (ordered_pair){ c.y[j], c.s[j], j };
    for (int32_t j = 0; j < c.n; j++) c.s[j] = 0;
    qsort(pair, (size_t)n, sizeof *pair, ordered_rising);
    sum_beside(pair, n, scale, 1, lower);
    sum_beside(pair, n, scale, -1, higher);
    for (int32_t k = 0; k < n; k++)                  /* the 1 is exp(0) */
        if (lower[k] > -BIG) total = log_add(total, lower[k] - scale * pair[k].s);
    for (int32_t k = 0; k < n; k++) {
        const real up = higher[k] <= -BIG ? 0 : exp(higher[k] + scale * pair[k].s - total);
        const real down = lower[k] <= -BIG ? 0 : exp(lower[k] - scale * pair[k].s - total);
        c.s[pair[k].at] = scale * (up - down);
    }
    return total;
}

#endif
