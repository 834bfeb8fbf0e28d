/* lifted -- each positive pair against all negatives of both its members.
 *
 *     v_ij     = 1/2 max(0, J_ij)^2,     for every pair (i, j) of a class
 *     J_ij     = D_ij - m+ + log( sum_{n not of i's class} exp(m - D_in) + exp(m - D_jn) )
 *   dv/ds_ij   = J D'(s_ij),   dv/ds_in = -J exp(m - D_in) / sum D'(s_in)
 *
 * D = sqrt(2 - 2s) for unit vectors, 0 pushes nothing. Rows i and j are one row of twice as many
 * cells, one for each pair: a class of M rows makes M (M - 1) / 2 of them.
 *
 * Oh Song et al. 2015, arXiv:1511.06452. */
#include "core/cell.h"

typedef struct { real m, plus; } hyper;
typedef struct { real nmax, sum, near; } row;

INLINE real far (cell c)                  { return sqrt(relu(2 - 2 * c.s)); }
INLINE real turn(cell c)                  { return pick(far(c) > 0, -1 / max(far(c), TINY), 0); }

INLINE row  open (real top)               { return (row){ .nmax = -BIG }; }
INLINE row  look (row r, cell c, hyper h)
{
    r.nmax = max(r.nmax, pick(c.neg, -far(c), -BIG));
    return r;
}
INLINE real term (cell c, row r, hyper h) { return pick(c.neg, exp(-far(c) - r.nmax), 0); }
INLINE row  add  (row r, cell c, hyper h)
{
    r.sum += c.e;
    r.near += pick(c.pos, far(c), 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real top = max(a.nmax, b.nmax);
    return (row){ top, a.sum * exp(a.nmax - top) + b.sum * exp(b.nmax - top), a.near + b.near };
}

/* Leaves J in near and J / sum in sum. */
INLINE real close(row *r, count n, hyper h)
{
    const real j = relu(r->near - h.plus + h.m + r->nmax + log(r->sum));
    r->sum = j / r->sum;
    r->near = j;
    return j * j / 2;
}

INLINE real slope(cell c, row r, hyper h)
{
    return turn(c) * (pick(c.pos, r.near, 0) - c.e * r.sum);
}

KIN_LOSS(lifted,
    .entry.summary = "Each positive pair against all negatives of both its members.",
    .entry.hypers = {
        { "margin", 1, 0, 10, "negatives farther apart push less and less", 0, NULL },
        { "positive_margin", 0, 0, 10, "positives nearer together are left alone", 0, NULL } },
    .takes = KIN_LABELS, .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID,
    .joins_pairs = true, .looks = KIN_ALWAYS)
