/* circle -- push each pair by how far it still is from its optimum.
 *
 *     v_i      = softplus( LSE_n(l_in) + LSE_p(l_ip) )
 *     l_in     =  g a_n (s_in - m),         a_n = max(0, s_in + m)
 *     l_ip     = -g a_p (s_ip - 1 + m),     a_p = max(0, 1 + m - s_ip)
 *   dv/ds_ij   = (1 - exp(-v_i)) exp(l_ij - LSE) (+g a_n | -g a_p),    a held constant
 *
 * The weights a are constants in the derivative, as in the paper's equations 9 and 10. A pair whose
 * weight is 0 still counts as exp(0) in its sum. Exponents reach the hundreds, so no fixed bound
 * will do: look() finds the largest of each side. Margin 0.4 and gamma 80 are the paper's values
 * for fine-grained retrieval; 0.25 with 128 (persons) and 256 (faces) are its others.
 *
 * Sun et al. 2020, arXiv:2002.10857. */
#include "core/cell.h"

typedef struct { real m, g; } hyper;
typedef struct { real ptop, ntop, psum, nsum; } row;

INLINE real weight(cell c, hyper h)
{
    return h.g * pick(c.pos, -relu(1 + h.m - c.held), relu(c.held + h.m));
}
INLINE real logit(cell c, hyper h) { return weight(c, h) * (c.s - pick(c.pos, 1 - h.m, h.m)); }

INLINE row  open (real top)         { return (row){ .ptop = -BIG, .ntop = -BIG }; }
INLINE row  look (row r, cell c, hyper h)
{
    const real l = logit(c, h);
    r.ptop = max(r.ptop, pick(c.pos, l, -BIG));
    r.ntop = max(r.ntop, pick(c.neg, l, -BIG));
    return r;
}
INLINE real term (cell c, row r, hyper h)
{
    return pick(c.any, exp(logit(c, h) - pick(c.pos, r.ptop, r.ntop)), 0);
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.psum += pick(c.pos, c.e, 0);
    r.nsum += pick(c.neg, c.e, 0);
    return r;
}

INLINE row merge(row a, row b, hyper h)
{
    row r = { max(a.ptop, b.ptop), max(a.ntop, b.ntop), 0, 0 };
    r.psum = a.psum * exp(a.ptop - r.ptop) + b.psum * exp(b.ptop - r.ptop);
    r.nsum = a.nsum * exp(a.ntop - r.ntop) + b.nsum * exp(b.ntop - r.ntop);
    return r;
}

INLINE real close(row *r, count n, hyper h)
{
    const real x = log(r->psum) + r->ptop + log(r->nsum) + r->ntop;
    const real e = exp(-size(x));
    const real push = (x > 0 ? 1 : e) / (1 + e);          /* 1 - exp(-value) */
    r->psum = push / r->psum;
    r->nsum = push / r->nsum;
    return relu(x) + log1p_unit(e);
}

INLINE real slope(cell c, row r, hyper h)
{
    return c.e * weight(c, h) * pick(c.pos, r.psum, r.nsum);
}

KIN_LOSS(circle,
    .entry.summary = "Pushes each pair by how far it still is from its optimum.",
    .entry.hypers = {
        { "margin", 0.4, 0, 1, "positives aim at 1 - margin, negatives at margin", 0, NULL },
        { "gamma", 80, 0.1, 1000, "scale of the exponents", 0, NULL } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_NONZERO, .fast = true,
    .looks = KIN_ALWAYS,
    .holds = true)
