/* debiased -- InfoNCE whose sum over negatives is corrected for the positives among them.
 *
 *     g_i      = max( (sum_n e_in - u |N| e_ip) / (1 - u),  |N| exp(-1/t) ),  e_ij = exp(s_ij / t)
 *     v_i      = -log( e_ip / (e_ip + g_i) )
 *
 * Negatives are drawn from everything, so a share u (class_prior) of them is of the anchor's own
 * class. What these are expected to add to the sum is taken out again; the result is kept above
 * the least that |N| cosines can add, where negatives get no push. Several positives: e_ip is
 * their mean.
 *
 * Chuang et al. 2020, arXiv:2007.00224. */
#include "core/cell.h"

typedef struct { real t, u; } hyper;
typedef struct { real top, own, rest, match; } row;

INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE row  look (row r, cell c, hyper h) { r.top = max(r.top, pick(c.any, c.s, -BIG)); return r; }
INLINE real term (cell c, row r, hyper h)
{
    return pick(c.any, exp((c.s - r.top) * (1 / h.t)), 0);
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.own += pick(c.pos, c.e, 0);
    r.rest += pick(c.pos, 0, c.e);
    r.match += pick(c.pos, c.s, 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real top = max(a.top, b.top);
    const real of_a = exp((a.top - top) * (1 / h.t)), of_b = exp((b.top - top) * (1 / h.t));
    return (row){ top, a.own * of_a + b.own * of_b, a.rest * of_a + b.rest * of_b,
                  a.match + b.match };
}

/* Positives are pushed by match + own e, negatives by rest e. One positive that is so far that its
 * e is 0 is known by its score. */
INLINE real close(row *r, count n, hyper h)
{
    const bool one = n.positives < 2;
    const real own = max(r->own / n.positives, TINY);
    const real free = (r->rest - h.u * n.negatives * own) / (1 - h.u);
    const real least = n.negatives * exp((-1 - r->top) * (1 / h.t));
    const bool active = free > least;
    const real g = active ? free : least, by_own = active ? -h.u * n.negatives / (1 - h.u) : 0;
    const real far = (r->top - r->match) * (1 / h.t), pull = (by_own * own - g) / (own + g) / h.t;
    r->match = one ? pull : 0;
    r->own = one ? 0 : pull / (own * n.positives);
    r->rest = active ? 1 / ((1 - h.u) * (own + g) * h.t) : 0;
    return one && own <= TINY ? log(own + g) + far : log1p_any(g / own);
}

INLINE real slope(cell c, row r, hyper h) { return pick(c.pos, r.match + c.e * r.own, c.e * r.rest); }

static double steepness(const double *h) { return 1 / h[0]; }

KIN_LOSS(debiased,
    .entry.summary = "InfoNCE whose negatives are corrected for the positives among them.",
    .entry.hypers = {
        { "temperature", 0.5, 0.001, 10, "what scores are divided by", 0, NULL },
        { "class_prior", 0.1, 0, 0.9, "share of negatives that are of the anchor's class", 0,
          NULL } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID,
    .looks = KIN_IF_UNBOUNDED, .keeps = true, .steepness = steepness)
