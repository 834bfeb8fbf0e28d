/* alignment -- how far positives are from each other.
 *
 *     v_i      = mean_p |q_i - k_p|^a
 *   dv/ds_ip   = -a |q_i - k_p|^(a - 2) / |P|,       |q - k|^2 = 2 - 2s for unit vectors
 *
 * One half of a contrastive loss: alone it is best when all vectors are one point. With a = 2 it is
 * BYOL's loss of a pair. The push on a pair at distance 0 is 0. Only scores of positives are
 * formed.
 *
 * Wang and Isola 2020, arXiv:2005.10242. */
#include "core/cell.h"

typedef struct { real a; } hyper;
typedef struct { real sum; } row;

INLINE real square(cell c)                { return relu(2 - 2 * c.s); }

INLINE row  open (real top)               { return (row){ 0 }; }
LOOKS_NEVER
INLINE real term (cell c, row r, hyper h)
{
    const real d = square(c);                             /* d^(a/2) */
    return pick(c.pos & (d > 0), exp(h.a / 2 * log(max(d, TINY))), 0);
}
INLINE row  add  (row r, cell c, hyper h) { r.sum += c.e; return r; }
INLINE row  merge(row a, row b, hyper h)  { return (row){ a.sum + b.sum }; }

INLINE real close(row *r, count n, hyper h)
{
    const real value = r->sum / n.positives;
    r->sum = -h.a / n.positives;
    return value;
}

INLINE real slope(cell c, row r, hyper h)
{
    const real d = square(c);
    return pick(d > 0, r.sum * c.e / max(d, TINY), 0);
}

KIN_LOSS(alignment,
    .entry.summary = "How far positives are from each other.",
    .entry.hypers = { { "alpha", 2, 0.1, 10, "power of the distance", 0, NULL } },
    .takes = KIN_PAIRS | KIN_LABELS, .needs = KIN_POSITIVE, .reduce = KIN_MEAN_VALID,
    .positives_only = true, .mirrored = true)
