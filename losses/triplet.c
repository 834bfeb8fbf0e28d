/* triplet -- the farthest positive must be nearer than the nearest negative by a margin.
 *
 *     v_i      = max(0, m + D(min_p s_ip) - D(max_n s_in)),     D the distance of a score
 *   dv/ds_ij   = D'(s_ip) at the hardest positive, -D'(s_in) at the hardest negative, while v_i > 0
 *
 * Distances of unit vectors: euclidean sqrt(2 - 2s), squared 2 - 2s, cosine 1 - s. The push on a
 * pair at distance 0 is 0. soft replaces max(0, x) by log(1 + exp(x)), which never quite lets go.
 * Ties share the push, so that the order of candidates does not matter. Only the hardest positive
 * and the hardest negative of each anchor are used ("batch hard").
 *
 * Hermans et al. 2017, arXiv:1703.07737; squared: Schroff et al. 2015, arXiv:1503.03832. */
#include "core/cell.h"

typedef struct { real m, distance, soft; } hyper;
typedef struct { real pmin, nmax, pties, nties; } row;

INLINE row  open (real top)         { return (row){ .pmin = BIG, .nmax = -BIG }; }
INLINE row  look (row r, cell c, hyper h)
{
    r.pmin = min(r.pmin, pick(c.pos, c.s, BIG));
    r.nmax = max(r.nmax, pick(c.neg, c.s, -BIG));
    return r;
}
INLINE real term (cell c, row r, hyper h)             /* am I the hardest? */
{
    return (real)((c.pos & (c.s == r.pmin)) | (c.neg & (c.s == r.nmax)));
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.pties += pick(c.pos, c.e, 0);
    r.nties += pick(c.neg, c.e, 0);
    return r;
}

INLINE row merge(row a, row b, hyper h)
{
    return (row){ min(a.pmin, b.pmin), max(a.nmax, b.nmax), a.pties + b.pties, a.nties + b.nties };
}

/* The distance of a score and its derivative. */
INLINE real far(real s, hyper h, real *d)
{
    const real square = relu(2 - 2 * s), root = sqrt(square);
    if (h.distance == 2) return *d = -1, 1 - s;
    if (h.distance == 1) return *d = -2, square;
    *d = root > 0 ? -1 / root : 0;
    return root;
}

INLINE real close(row *r, count n, hyper h)
{
    real dp, dn;
    const real x = h.m + far(r->pmin, h, &dp) - far(r->nmax, h, &dn);
    const real e = exp(-size(x));
    const real push = h.soft > 0 ? (x > 0 ? 1 : e) / (1 + e) : x > 0;
    r->pties = push * dp / r->pties;
    r->nties = -push * dn / r->nties;
    return relu(x) + (h.soft > 0 ? log1p_unit(e) : 0);
}

INLINE real slope(cell c, row r, hyper h) { return c.e * pick(c.pos, r.pties, r.nties); }

KIN_LOSS(triplet,
    .entry.summary = "The farthest positive must be nearer than the nearest negative by a margin.",
    .entry.hypers = {
        { "margin", 0.2, 0, 10, "by how much nearer", 0, NULL },
        { "distance", 0, 0, 2, "of unit vectors", KIN_INTEGER, "euclidean|squared|cosine" },
        { "soft", 0, 0, 1, "log(1 + exp) in place of the hinge", KIN_BOOLEAN, NULL } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_NONZERO,
    .looks = KIN_ALWAYS, .looks_first = true, .keeps = true)
