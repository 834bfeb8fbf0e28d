/* kernel_mixture -- two softmaxes over kernels of distance, mixed.
 *
 *     v_i      = l v_i(g) + (1 - l) v_i(2),
 *     v_i(g)   = log sum_j exp(-d_ij^g / t) + mean_p d_ip^g / t,        d = |q_i - k_j|
 *   dv/ds_ij   = l (P_g - [j in P] / |P|) g d^(g-2) / t  +  (1 - l) (P_2 - [j in P] / |P|) 2 / t
 *
 * P are the two softmaxes. Gamma 2 is InfoNCE (d^2 = 2 - 2s for unit vectors); with gamma 1 the
 * kernel has a heavier tail, so that distant pairs still count. The push on a pair at distance 0
 * through d^g is 0.
 *
 * Tan et al. 2023, arXiv:2303.15103 (Kernel-InfoNCE, "sum"). */
#include "core/cell.h"

typedef struct { real t, g, l; } hyper;
typedef struct { real top, sum, top2, sum2, match; } row;

/* Both exponents of a score. */
INLINE real square(cell c)                { return relu(2 - 2 * c.s); }
INLINE real heavy (cell c, hyper h)
{
    const real d = square(c);
    return pick(d > 0, -exp(h.g / 2 * log(max(d, TINY))), 0) * (1 / h.t);
}
INLINE real light (cell c, hyper h)       { return (2 * c.s - 2) * (1 / h.t); }

INLINE row  open (real top)               { return (row){ .top = -BIG, .top2 = -BIG }; }
INLINE row  look (row r, cell c, hyper h)
{
    r.top = max(r.top, pick(c.any, heavy(c, h), -BIG));
    r.top2 = max(r.top2, pick(c.any, light(c, h), -BIG));
    return r;
}
INLINE real term (cell c, row r, hyper h) { return pick(c.any, exp(heavy(c, h) - r.top), 0); }
INLINE row  add  (row r, cell c, hyper h)
{
    r.sum += c.e;
    r.sum2 += pick(c.any, exp(light(c, h) - r.top2), 0);
    r.match += pick(c.pos, h.l * heavy(c, h) + (1 - h.l) * light(c, h), 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real top = max(a.top, b.top), top2 = max(a.top2, b.top2);
    return (row){ top, a.sum * exp(a.top - top) + b.sum * exp(b.top - top),
                  top2, a.sum2 * exp(a.top2 - top2) + b.sum2 * exp(b.top2 - top2),
                  a.match + b.match };
}

INLINE real close(row *r, count n, hyper h)
{
    const real value = h.l * (log(r->sum) + r->top) + (1 - h.l) * (log(r->sum2) + r->top2)
                       - r->match / n.positives;
    r->sum = 1 / r->sum;
    r->sum2 = 1 / r->sum2;
    r->match = 1 / n.positives;
    return value;
}

INLINE real slope(cell c, row r, hyper h)
{
    const real d = square(c), share = pick(c.pos, r.match, 0);
    const real p2 = pick(c.any, exp(light(c, h) - r.top2), 0) * r.sum2;
    const real turn = pick(d > 0, -heavy(c, h) * h.g / max(d, TINY), 0);
    return h.l * (c.e * r.sum - share) * turn + (1 - h.l) * (p2 - share) * (2 / h.t);
}

KIN_LOSS(kernel_mixture,
    .entry.summary = "Two softmaxes over kernels of distance, mixed.",
    .entry.hypers = {
        { "temperature", 0.5, 0.001, 10, "what powers of distances are divided by", 0, NULL },
        { "gamma", 1, 0.1, 2, "power of the heavier kernel", 0, NULL },
        { "mix", 0.5, 0, 1, "share of the heavier kernel", 0, NULL } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID, .looks = KIN_ALWAYS)
