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
typedef struct { real top, own, tilted, weight, match; } row;

INLINE real weigh(cell c, row r, hyper h) { return exp((c.s - r.top) * (h.b * (1 / h.t))); }

INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE row  look (row r, cell c, hyper h) { r.top = max(r.top, pick(c.any, c.s, -BIG)); return r; }
INLINE real term (cell c, row r, hyper h)
{
    return pick(c.any, exp((c.s - r.top) * (1 / h.t)), 0);
}
INLINE row  add  (row r, cell c, hyper h)
{
    const real w = weigh(c, r, h);
    r.own += pick(c.pos, c.e, 0);
    r.match += pick(c.pos, c.s, 0);
    r.tilted += pick(c.neg, c.e * w, 0);
    r.weight += pick(c.neg, w, 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real top = max(a.top, b.top);
    const real of_a = (a.top - top) * (1 / h.t), of_b = (b.top - top) * (1 / h.t);
    return (row){ top, a.own * exp(of_a) + b.own * exp(of_b),
                  a.tilted * exp(of_a * (1 + h.b)) + b.tilted * exp(of_b * (1 + h.b)),
                  a.weight * exp(of_a * h.b) + b.weight * exp(of_b * h.b),
                  a.match + b.match };
}

/* Positives are pushed by match + own e, negatives by tilted e w + weight w. One positive that is
 * so far that its e is 0 is known by its score. */
INLINE real close(row *r, count n, hyper h)
{
    const bool one = n.positives < 2;
    const real own = max(r->own / n.positives, TINY), weight = max(r->weight, TINY);
    const real mean = r->tilted / weight, free = n.negatives * (mean - h.u * own) / (1 - h.u);
    const real least = n.negatives * exp((-1 - r->top) * (1 / h.t));
    const bool active = free > least;
    const real g = active ? free : least, by_own = active ? -h.u * n.negatives / (1 - h.u) : 0;
    const real push = active ? n.negatives / ((1 - h.u) * (own + g) * weight * h.t) : 0;
    const real far = (r->top - r->match) * (1 / h.t), pull = (by_own * own - g) / (own + g) / h.t;
    r->match = one ? pull : 0;
    r->own = one ? 0 : pull / (own * n.positives);
    r->tilted = (1 + h.b) * push;
    r->weight = -h.b * mean * push;
    return one && own <= TINY ? log(own + g) + far : log1p_any(g / own);
}

INLINE real slope(cell c, row r, hyper h)
{
    const real w = weigh(c, r, h);
    return pick(c.pos, r.match + c.e * r.own, pick(c.neg, w * (c.e * r.tilted + r.weight), 0));
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
