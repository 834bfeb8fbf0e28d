/* multi_similarity -- soft counts of positives that are too far and of negatives that are too near.
 *
 *     v_i      = 1/a log(1 + sum_p exp(-a (s_ip - l))) + 1/b log(1 + sum_n exp(b (s_in - l)))
 *   dv/ds_ij   = -exp(-a (s - l)) / (1 + sum_p ...),   exp(b (s - l)) / (1 + sum_n ...)
 *
 * l (base) is where both begin to push; b is steep, so that the hardest negatives take most. With
 * mining, negatives farther than the farthest positive by more than epsilon, and positives nearer
 * than the nearest negative by more than that, are left out. Rows without positives (negatives)
 * keep their other half, as published code has it.
 *
 * Wang et al. 2019, arXiv:1904.06627 (mining with epsilon 0.1). */
#include "core/cell.h"

typedef struct { real a, b, l, mining, epsilon; } hyper;
typedef struct { real pmin, nmax, p, n; } row;

/* The 1 in each logarithm is exp(0): the largest exponent is at least that. */
INLINE real ptop(row r, hyper h)          { return relu(h.a * (h.l - r.pmin)); }
INLINE real ntop(row r, hyper h)          { return relu(h.b * (r.nmax - h.l)); }

INLINE row  open (real top)               { return (row){ .pmin = BIG, .nmax = -BIG }; }
INLINE row  look (row r, cell c, hyper h)
{
    r.pmin = min(r.pmin, pick(c.pos, c.s, BIG));
    r.nmax = max(r.nmax, pick(c.neg, c.s, -BIG));
    return r;
}
INLINE real term (cell c, row r, hyper h)
{
    const real x = pick(c.pos, h.a * (h.l - c.s) - ptop(r, h), h.b * (c.s - h.l) - ntop(r, h));
    const int kept = (h.mining < 1) | (c.pos & (c.s - h.epsilon < r.nmax))
                     | (c.neg & (c.s + h.epsilon > r.pmin));
    return pick(c.any & kept, exp(x), 0);
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

/* log(1 + sum exp) from the sum relative to top >= 0; leaves 1 / (1 + sum) likewise. */
INLINE real soft_count(real *sum, real top)
{
    const real rest = exp(-top), value = top > 0 ? top + log(rest + *sum) : log1p_any(*sum);
    *sum = 1 / (rest + *sum);
    return value;
}

INLINE real close(row *r, count n, hyper h)
{
    return soft_count(&r->p, ptop(*r, h)) / h.a + soft_count(&r->n, ntop(*r, h)) / h.b;
}

INLINE real slope(cell c, row r, hyper h) { return c.e * pick(c.pos, -r.p, r.n); }

KIN_LOSS(multi_similarity,
    .entry.summary = "Soft counts of positives that are too far and negatives that are too near.",
    .entry.hypers = {
        { "alpha", 2, 0.01, 1000, "steepness for positives", 0, NULL },
        { "beta", 50, 0.01, 1000, "steepness for negatives", 0, NULL },
        { "base", 0.5, -1, 1, "score at which both begin to push", 0, NULL },
        { "mining", 0, 0, 1, "leave out pairs that are easy by more than epsilon", KIN_BOOLEAN,
          NULL },
        { "epsilon", 0.1, 0, 2, "of mining", 0, NULL } },
    .takes = KIN_LABELS | KIN_PAIRS,
    .reduce = KIN_MEAN_ROWS, .fast = true,
    .looks = KIN_ALWAYS, .looks_first = true, .keeps = true)
