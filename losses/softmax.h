/* Softmax: what losses have in common whose row is -log softmax of its positives,
 *
 *     v_i      = log sum_j exp(c l_ij) - mean_p c l_ip
 *   dv/dl_ij   = c (exp(c l_ij) / sum_k exp(c l_ik) - [j in P] / |P|)
 *
 * Before it is included, the file defines what is exponentiated:
 *
 *     real logit(cell, hyper)     l, a function of the score
 *     real steep(hyper)           c
 *
 * and afterwards slope() from push(cell, row), which is dv/dl. infonce.c is the same with nothing
 * left out. */
#ifndef KIN_LOSSES_SOFTMAX_H
#define KIN_LOSSES_SOFTMAX_H

/* e relative to top; own and rest are its sums over positives and negatives. */
typedef struct { real top, own, rest, match; } row;

INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE row  look (row r, cell c, hyper h)
{
    r.top = max(r.top, pick(c.any, logit(c, h), -BIG));
    return r;
}
INLINE real term (cell c, row r, hyper h)
{
    return pick(c.any, exp((logit(c, h) - r.top) * steep(h)), 0);
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.own += pick(c.pos, c.e, 0);
    r.rest += pick(c.pos, 0, c.e);
    r.match += pick(c.pos, logit(c, h), 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real top = max(a.top, b.top);
    const real of_a = exp((a.top - top) * steep(h)), of_b = exp((b.top - top) * steep(h));
    return (row){ top, a.own * of_a + b.own * of_b, a.rest * of_a + b.rest * of_b,
                  a.match + b.match };
}

/* Positives are pushed by match + own e, negatives by rest e; for one positive both the value and
 * the push are spelt without taking nearly equal numbers from each other. */
INLINE real close(row *r, count n, hyper h)
{
    const real sum = r->own + r->rest, push = steep(h) / sum;
    const bool one = n.positives < 2;
    const real value = one && r->own > TINY
                           ? log1p_any(r->rest / r->own)
                           : log(sum) + (r->top - r->match / n.positives) * steep(h);
    r->match = one ? -r->rest * push : -steep(h) / n.positives;
    r->own = one ? 0 : push;
    r->rest = push;
    return value;
}

INLINE real push(cell c, row r) { return pick(c.pos, r.match + c.e * r.own, c.e * r.rest); }

#endif
