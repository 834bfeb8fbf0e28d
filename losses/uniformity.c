/* uniformity -- how evenly vectors are spread over the sphere.
 *
 *     v        = log mean_{i != j} exp(-t |z_i - z_j|^2)
 *   dv/ds_ij   = 2t exp(-t |z_i - z_j|^2) / sum,         |z - z'|^2 = 2 - 2s for unit vectors
 *
 * The other half of a contrastive loss: 0 when all vectors are one point, least (about -4 + 8/D for
 * t = 2) when they are spread evenly. Each side of a batch is measured for itself and the mean is
 * taken; who belongs to whom does not matter. All pairs are one row.
 *
 * Wang and Isola 2020, arXiv:2005.10242. */
#include "core/cell.h"

typedef struct { real t; } hyper;
typedef struct { real top, sum; } row;

INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE row  look (row r, cell c, hyper h) { r.top = max(r.top, pick(c.any, c.s, -BIG)); return r; }
INLINE real term (cell c, row r, hyper h)
{
    return pick(c.any, exp((c.s - r.top) * (2 * h.t)), 0);
}
INLINE row  add  (row r, cell c, hyper h) { r.sum += c.e; return r; }
INLINE row  merge(row a, row b, hyper h)
{
    const real top = max(a.top, b.top);
    return (row){ top, a.sum * exp((a.top - top) * (2 * h.t))
                       + b.sum * exp((b.top - top) * (2 * h.t)) };
}

INLINE real close(row *r, count n, hyper h)
{
    const real value = log(r->sum / (n.positives + n.negatives)) + (r->top - 1) * (2 * h.t);
    r->sum = 2 * h.t / r->sum;
    return value;
}

INLINE real slope(cell c, row r, hyper h) { return c.e * r.sum; }

static double steepness(const double *h) { return 2 * h[0]; }

KIN_LOSS(uniformity,
    .entry.summary = "How evenly vectors are spread over the sphere.",
    .entry.hypers = { { "t", 2, 0.01, 1000, "how near a pair must be to count", 0, NULL } },
    .takes = KIN_PAIRS | KIN_LABELS, .needs = KIN_NEGATIVE, .reduce = KIN_MEAN_VALID, .fast = true,
    .whole = true, .each_side = true, .looks = KIN_IF_UNBOUNDED, .keeps = true,
    .steepness = steepness)
