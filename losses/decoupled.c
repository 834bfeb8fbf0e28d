/* decoupled -- InfoNCE without the match in its own denominator.
 *
 *     v_i      = log sum_n e_in - s_ip / t,      e_in = exp(s_in / t), n over negatives only
 *   dv/ds_ij   = -1 / (t |P|) for a positive,  e_ij / (t sum_n e_in) for a negative
 *
 * In InfoNCE both pushes shrink by 1 - p once the match has won the share p of the softmax, the
 * more so the smaller the batch; without the match in the sum they do not, so that small batches
 * learn as well as large ones. The value may be negative.
 *
 * Yeh et al. 2021, arXiv:2110.06848. Other names: DCL. */
#include "core/cell.h"

typedef struct { real t; } hyper;
typedef struct { real top, sum, match; } row;

INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE row  look (row r, cell c, hyper h) { r.top = max(r.top, pick(c.neg, c.s, -BIG)); return r; }
INLINE real term (cell c, row r, hyper h)
{
    return pick(c.neg, exp((c.s - r.top) * (1 / h.t)), 0);
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.sum += c.e;
    r.match += pick(c.pos, c.s, 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real top = max(a.top, b.top);
    return (row){ top, a.sum * exp((a.top - top) * (1 / h.t))
                       + b.sum * exp((b.top - top) * (1 / h.t)), a.match + b.match };
}

INLINE real close(row *r, count n, hyper h)
{
    const real value = log(r->sum) + (r->top - r->match / n.positives) * (1 / h.t);
    r->sum = (1 / h.t) / r->sum;
    r->match = -(1 / h.t) / n.positives;
    return value;
}

INLINE real slope(cell c, row r, hyper h) { return pick(c.pos, r.match, c.e * r.sum); }

static double steepness(const double *h) { return 1 / h[0]; }

static void learn(const double *h, kin_slopes s, double *gradient)
{
    gradient[0] = -s.score / h[0];
}

KIN_LOSS(decoupled,
    .entry.summary = "InfoNCE without the match in its own denominator.",
    .entry.hypers = {
        { "temperature", 0.1, 0.001, 10, "what scores are divided by", KIN_LEARNABLE, NULL } },
    .learned = { { KIN_LOG_INVERSE, 0, 4.605170185988092 } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID,
    .looks = KIN_IF_UNBOUNDED, .keeps = true, .steepness = steepness, .learn = learn)
