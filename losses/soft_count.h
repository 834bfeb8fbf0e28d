/* Soft count: what losses have in common that count, in both kinds of a row's cells for itself, how
 * many are on the wrong side,
 *
 *     log(1 + sum_p exp(x_p))    and    log(1 + sum_n exp(x_n))
 *
 * Before it is included, the file defines both exponents, x falling in the score for a positive and
 * rising for a negative:
 *
 *     real far(real s, hyper)       of a positive
 *     real near(real s, hyper)      of a negative
 *
 * and afterwards term() from weigh(), and close() from soft_count(). */
#ifndef KIN_LOSSES_SOFT_COUNT_H
#define KIN_LOSSES_SOFT_COUNT_H

typedef struct { real pmin, nmax, p, n; } row;

/* The 1 in each logarithm is exp(0): the largest exponent is at least that, and is taken for that
 * where none is looked at. */
INLINE real ptop(row r, hyper h)          { return relu(far(r.pmin, h)); }
INLINE real ntop(row r, hyper h)          { return relu(near(r.nmax, h)); }

INLINE row  open (real top)               { return (row){ .pmin = BIG, .nmax = -BIG }; }
INLINE row  look (row r, cell c, hyper h)
{
    r.pmin = min(r.pmin, pick(c.pos, c.s, BIG));
    r.nmax = max(r.nmax, pick(c.neg, c.s, -BIG));
    return r;
}
INLINE real weigh(cell c, row r, hyper h)
{
    return exp(pick(c.pos, far(c.s, h) - ptop(r, h), near(c.s, h) - ntop(r, h)));
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.p += pick(c.pos, c.e, 0);
    r.n += pick(c.neg, c.e, 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    row r = { min(a.pmin, b.pmin), max(a.nmax, b.nmax), 0, 0 };
    r.p = a.p * exp(ptop(a, h) - ptop(r, h)) + b.p * exp(ptop(b, h) - ptop(r, h));
    r.n = a.n * exp(ntop(a, h) - ntop(r, h)) + b.n * exp(ntop(b, h) - ntop(r, h));
    return r;
}

/* log(1 + sum exp) from the sum relative to top >= 0; leaves push / (1 + sum) likewise. */
INLINE real soft_count(real *sum, real top, real push)
{
    const real rest = exp(-top), value = top > 0 ? top + log(rest + *sum) : log1p_any(*sum);
    *sum = push / (rest + *sum);
    return value;
}

INLINE real slope(cell c, row r, hyper h) { return c.e * pick(c.pos, -r.p, r.n); }

/* The steepness of a loss whose exponents are at most a and b: nothing need be looked at while both
 * are below 60, of which many can be summed. What is too small to be told from 0 is nothing beside
 * the 1. */
static inline double counted_from_0(double a, double b) { return (a > b ? a : b) / 1.5; }

#endif
