/* hard_negative -- the debiased loss with negatives weighted by how hard they are.
 *
 *     r_i      = |N| sum_n e_in^(1+b) / sum_n e_in^b,               e_ij = exp(s_ij / t)
 *     g_i      = max( (r_i - u |N| e_ip) / (1 - u),  |N| exp(-1/t) )
 *     v_i      = -log( e_ip / (e_ip + g_i) )
 *
 * Each negative counts with the weight e^b of its own mean: with b = 0 it is the debiased loss,
 * with large b only the hardest matter. The derivative goes through the weights, too.
 *
 * Robinson et al. 2020, arXiv:2010.04592. Other names: HCL. */
#include "core/cell.h"

typedef struct { real t, u, b; } hyper;
typedef struct { real ptop, ntop, psum, tilted, weight; } row;
#include "losses/debias.h"

INLINE real weigh(cell c, row r, hyper h)
{
    return pick(c.neg, exp((c.s - r.ntop) * (h.b * (1 / h.t))), 0);
}

INLINE row  add  (row r, cell c, hyper h)
{
    const real w = weigh(c, r, h);
    r.psum += pick(c.pos, c.e, 0);
    r.tilted += c.e * w;
    r.weight += w;
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real p = max(a.ptop, b.ptop), q = max(a.ntop, b.ntop), s = 1 / h.t;
    const real of_a = (a.ntop - q) * s, of_b = (b.ntop - q) * s;
    row r = { .ptop = p, .ntop = q };
    r.psum = a.psum * exp((a.ptop - p) * s) + b.psum * exp((b.ptop - p) * s);
    r.tilted = a.tilted * exp(of_a * (1 + h.b)) + b.tilted * exp(of_b * (1 + h.b));
    r.weight = a.weight * exp(of_a * h.b) + b.weight * exp(of_b * h.b);
    return r;
}

/* Positives are pushed by psum e, negatives by tilted e w + weight w. */
INLINE real close(row *r, count n, hyper h)
{
    real push;
    const real mean = r->tilted / r->weight;
    const real value = correct(r, n, h, n.negatives * mean, &push);
    const real each = n.negatives * push / r->weight;
    r->tilted = (1 + h.b) * each;
    r->weight = -h.b * mean * each;
    return value;
}

INLINE real slope(cell c, row r, hyper h)
{
    return pick(c.pos, c.e * r.psum, weigh(c, r, h) * (c.e * r.tilted + r.weight));
}

static double steepness(const double *h) { return (1 + h[2]) / h[0]; }

KIN_LOSS(hard_negative,
    .entry.summary = "The debiased loss with negatives weighted by how hard they are.",
    .entry.hypers = {
        { "temperature", 0.5, 0.001, 10, "what scores are divided by", 0, NULL },
        { "class_prior", 0.1, 0, 0.9, "share of negatives that are of the anchor's class", 0,
          NULL },
        { "beta", 1, 0, 10, "how much more a hard negative counts", 0, NULL } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID,
    .looks = KIN_IF_UNBOUNDED, .steepness = steepness)
