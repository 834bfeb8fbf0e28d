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
typedef struct { real ptop, ntop, psum, nsum; } row;
#include "losses/debias.h"

INLINE row  add  (row r, cell c, hyper h)
{
    r.psum += pick(c.pos, c.e, 0);
    r.nsum += pick(c.neg, c.e, 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real p = max(a.ptop, b.ptop), q = max(a.ntop, b.ntop), s = 1 / h.t;
    row r = { .ptop = p, .ntop = q };
    r.psum = a.psum * exp((a.ptop - p) * s) + b.psum * exp((b.ptop - p) * s);
    r.nsum = a.nsum * exp((a.ntop - q) * s) + b.nsum * exp((b.ntop - q) * s);
    return r;
}

/* Leaves in psum and nsum what terms of positives and of negatives are multiplied by. */
INLINE real close(row *r, count n, hyper h)
{
    real push;
    const real value = correct(r, n, h, r->nsum, &push);
    r->nsum = push;
    return value;
}

INLINE real slope(cell c, row r, hyper h) { return c.e * pick(c.pos, r.psum, r.nsum); }

static double steepness(const double *h) { return 1 / h[0]; }

KIN_LOSS(debiased,
    .entry.summary = "InfoNCE whose negatives are corrected for the positives among them.",
    .entry.hypers = {
        { "temperature", 0.5, 0.001, 10, "what scores are divided by", 0, NULL },
        { "class_prior", 0.1, 0, 0.9, "share of negatives that are of the anchor's class", 0,
          NULL } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID,
    .looks = KIN_IF_UNBOUNDED, .keeps = true, .steepness = steepness)
