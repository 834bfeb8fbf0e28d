/* binomial_deviance -- a soft hinge for every pair, positives and negatives each averaged.
 *
 *     v_i      = mean_p log(1 + exp(-a (s_ip - b))) + mean_n log(1 + exp(a c (s_in - b)))
 *   dv/ds_ij   = -a sigma(-a (s - b)) / |P|,    a c sigma(a c (s - b)) / |N|
 *
 * No pair knows of another, as in sigmoid, but a row's positives weigh as much as all its
 * negatives together. c makes the hinge of negatives steeper: there are easy ones in plenty, and
 * only the hard ones should push.
 *
 * Yi et al. 2014, arXiv:1407.4979 (a = 2, b = 0.5). */
#include "core/cell.h"

typedef struct { real a, b, c; } hyper;
typedef struct { real p, n; } row;

INLINE real doubt(cell c, hyper h)
{
    return h.a * (c.s - h.b) * pick(c.pos, -1, h.c);
}

INLINE row  open (real top)               { return (row){ 0 }; }
LOOKS_NEVER
INLINE real term (cell c, row r, hyper h) { return exp(-size(doubt(c, h))); }
INLINE row  add  (row r, cell c, hyper h)
{
    const real v = relu(doubt(c, h)) + log1p_unit(c.e);
    r.p += pick(c.pos, v, 0);
    r.n += pick(c.neg, v, 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)  { return (row){ a.p + b.p, a.n + b.n }; }

/* Leaves what the two kinds are pushed by. */
INLINE real close(row *r, count n, hyper h)
{
    const real p = 1 / max(n.positives, 1), q = 1 / max(n.negatives, 1);
    const real value = r->p * p + r->n * q;
    *r = (row){ -h.a * p, h.a * h.c * q };
    return value;
}

INLINE real slope(cell c, row r, hyper h)
{
    const real sigma = pick(doubt(c, h) > 0, 1, c.e) / (1 + c.e);
    return sigma * (pick(c.pos, r.p, 0) + pick(c.neg, r.n, 0));
}

KIN_LOSS(binomial_deviance,
    .entry.summary = "A soft hinge for every pair, positives and negatives each averaged.",
    .entry.hypers = {
        { "alpha", 2, 0.01, 100, "steepness", 0, NULL },
        { "beta", 0.5, -1, 1, "score at which both hinges turn", 0, NULL },
        { "cost", 25, 0.01, 100, "how much steeper the hinge of negatives is", 0, NULL } },
    .takes = KIN_LABELS | KIN_PAIRS, .needs = KIN_POSITIVE | KIN_NEGATIVE,
    .reduce = KIN_MEAN_VALID)
