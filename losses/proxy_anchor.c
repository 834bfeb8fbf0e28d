/* proxy_anchor -- every class proxy pulls its rows of the batch and pushes all others.
 *
 *     v        = 1/|C+| sum_{c in C+} log(1 + sum_{i in c} exp(-a (s_ic - d)))
 *                + 1/|C| sum_c log(1 + sum_{i not in c} exp(a (s_ic + d)))
 *   dv/ds_ic   = -a exp(-a (s - d)) / (1 + sum), a exp(a (s + d)) / (1 + sum), by |C+|, |C|
 *
 * Here the proxies are the anchors and the sums run over the batch: rows compete for a proxy, so
 * that the hardest of a class take most of its pull. C+ are the classes with a row in the batch.
 * Columns are one learned proxy for each class.
 *
 * Kim et al. 2020, arXiv:2003.13911. */
#include "core/cell.h"

typedef struct { real a, d; } hyper;
typedef struct { real pmin, nmax, p, n; } row;

/* The 1 in each logarithm is exp(0): the largest exponent is at least that. */
INLINE real ptop(row r, hyper h)          { return relu(h.a * (h.d - r.pmin)); }
INLINE real ntop(row r, hyper h)          { return relu(h.a * (r.nmax + h.d)); }

INLINE row  open (real top)               { return (row){ .pmin = BIG, .nmax = -BIG }; }
INLINE row  look (row r, cell c, hyper h)
{
    r.pmin = min(r.pmin, pick(c.pos, c.s, BIG));
    r.nmax = max(r.nmax, pick(c.neg, c.s, -BIG));
    return r;
}
INLINE real term (cell c, row r, hyper h)
{
    const real x = pick(c.pos, h.a * (h.d - c.s) - ptop(r, h), h.a * (c.s + h.d) - ntop(r, h));
    return pick(c.any, exp(x), 0);
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

/* The mean over all proxies: a proxy with rows counts |C| / |C+| times for its pull. */
INLINE real close(row *r, count n, hyper h)
{
    const real share = n.rows / max(n.paired, 1);
    return share * soft_count(&r->p, ptop(*r, h), share * h.a)
           + soft_count(&r->n, ntop(*r, h), h.a);
}

INLINE real slope(cell c, row r, hyper h) { return c.e * pick(c.pos, -r.p, r.n); }

KIN_LOSS(proxy_anchor,
    .entry.summary = "Every class proxy pulls its rows of the batch and pushes all others.",
    .entry.hypers = {
        { "alpha", 32, 0.01, 1000, "steepness", 0, NULL },
        { "margin", 0.1, 0, 2, "by how much rows must pass", 0, NULL } },
    .takes = KIN_PROXIES | KIN_LABELS | KIN_PAIRS, .columns = true,
    .reduce = KIN_MEAN_ROWS, .looks = KIN_ALWAYS, .keeps = true)
