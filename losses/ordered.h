/* Ordered: what CoSENT and AnglE have in common. Scores s of a row should be in the order of their
 * targets y:
 *
 *     v = log( 1 + sum over (k, l) with y_k < y_l of exp(c (s_k - s_l)) )
 *
 * Pairs are sorted by y, and the sums over all lower and over all higher ones are carried along.
 * They run over the whole batch, one after the other, so that in float their errors would add up:
 * they are kept in double. */
#ifndef KIN_LOSSES_ORDERED_H
#define KIN_LOSSES_ORDERED_H

#include <stdlib.h>
#include "core/cell.h"

typedef struct { real y, s; int32_t at; } ordered_pair;

/* part exp(top): top is the largest exponent, so that part is 1 or more; 0 of nothing. */
typedef struct { double top, part; } power_sum;

/* Numbers of a row's work space, for each score, that ordered() uses. */
enum { ORDERED_WORK = 7 };
_Static_assert(sizeof(power_sum) + sizeof(ordered_pair) <= ORDERED_WORK * sizeof(real),
               "sums and pairs fit a row's work space");

static int ordered_rising(const void *a, const void *b)
{
    const ordered_pair *p = (const ordered_pair *)a, *q = (const ordered_pair *)b;
    if (p->y != q->y) return p->y > q->y ? 1 : -1;
    return (p->at > q->at) - (p->at < q->at);
}

/* The C library's functions, where words.h has float ones of the same name. */
static double exp_wide(double x) { return (exp)(x); }
static double log_wide(double x) { return (log)(x); }

/* sum + part exp(top) */
static power_sum add_power(power_sum sum, double top, double part)
{
    if (part == 0) return sum;
    if (sum.part == 0) return (power_sum){ top, part };
    if (top <= sum.top) return (power_sum){ sum.top, sum.part + part * exp_wide(top - sum.top) };
    return (power_sum){ top, part + sum.part * exp_wide(sum.top - top) };
}

/* The share of sum exp(by) in all. */
static double share_of(power_sum sum, double by, power_sum all)
{
    return sum.part == 0 ? 0 : sum.part * exp_wide(sum.top + by - all.top) / all.part;
}

/* lower[k]: the sum of exp(c s) over all pairs whose target is below that of k. Returns the sum of
 * the loss, without its 1. */
static power_sum sum_lower(const ordered_pair *pair, int32_t n, double c, power_sum *lower)
{
    power_sum below = { 0, 0 }, total = { 0, 0 };
    for (int32_t from = 0, to = 0; from < n; from = to) {
        while (to < n && pair[to].y == pair[from].y) to++;
        for (int32_t k = from; k < to; k++) {
            lower[k] = below;
            total = add_power(total, below.top - c * (double)pair[k].s, below.part);
        }
        for (int32_t k = from; k < to; k++) below = add_power(below, c * (double)pair[k].s, 1);
    }
    return total;
}

/* Slopes, from both sums of each pair; all: the sum of the loss, with its 1. */
static void give_slopes(const ordered_pair *pair, int32_t n, double c, const power_sum *lower,
                        power_sum all, real *slope)
{
    power_sum above = { 0, 0 };
    for (int32_t to = n, from = n; to > 0; to = from) {
        while (from > 0 && pair[from - 1].y == pair[to - 1].y) from--;
        for (int32_t k = from; k < to; k++) {
            const double by = c * (double)pair[k].s;
            const double up = share_of(above, by, all), down = share_of(lower[k], -by, all);
            slope[pair[k].at] = (real)(c * (up - down));
        }
        for (int32_t k = from; k < to; k++) above = add_power(above, -c * (double)pair[k].s, 1);
    }
}

/* The value; slopes replace c.s. */
static real ordered(span c, real scale)
{
    power_sum *lower = (power_sum *)(void *)c.work;
    ordered_pair *pair = (ordered_pair *)(void *)(lower + c.n);
    int32_t n = 0;
    for (int32_t j = 0; j < c.n; j++)
        if (c.kind[j]) pair[n++] = (ordered_pair){ c.y[j], c.s[j], j };
    for (int32_t j = 0; j < c.n; j++) c.s[j] = 0;
    qsort(pair, (size_t)n, sizeof *pair, ordered_rising);
    const power_sum total = sum_lower(pair, n, (double)scale, lower);
    const double top = total.top > 0 ? total.top : 0, one = exp_wide(-top);    /* of the 1 */
    const double sum = total.part * exp_wide(total.top - top);
    give_slopes(pair, n, (double)scale, lower, (power_sum){ top, one + sum }, c.s);
    return (real)(top > 0 ? top + log_wide(one + sum) : (log1p)(sum));
}

#endif
