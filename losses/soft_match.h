/* Soft match: what losses have in common that set a weighted mean of matches against the sum over
 * all that they count,
 *
 *     v_i      = log sum_j [counts] e_ij - sum_j w_ij s_ij / (t sum_j w_ij),   e_ij = exp(s_ij / t)
 *   dv/ds_ij   = ([counts] e_ij / sum - w_ij / sum_k w_ik) / t
 *
 * Before it is included, the file defines hyper with t alone and
 *
 *     int  counts(cell)         whether the cell is in the first sum
 *     real share (cell)         w
 */
#ifndef KIN_LOSSES_SOFT_MATCH_H
#define KIN_LOSSES_SOFT_MATCH_H

typedef struct { real top, sum, weight, match; } row;

INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE row  look (row r, cell c, hyper h)
{
    r.top = max(r.top, pick(counts(c), c.s, -BIG));
    return r;
}
INLINE real term (cell c, row r, hyper h)
{
    return pick(counts(c), exp((c.s - r.top) * (1 / h.t)), 0);
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.sum += c.e;
    r.weight += share(c);
    r.match += share(c) * c.s;
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real top = max(a.top, b.top);
    return (row){ top, a.sum * exp((a.top - top) * (1 / h.t))
                       + b.sum * exp((b.top - top) * (1 / h.t)),
                  a.weight + b.weight, a.match + b.match };
}

INLINE real close(row *r, count n, hyper h)
{
    const real all = r->weight > 0 ? 1 / r->weight : 0;
    const bool any = n.positives + n.negatives > 0;
    const real value = any ? log(r->sum) + (r->top - r->match * all) * (1 / h.t) : 0;
    r->sum = any ? (1 / h.t) / r->sum : 0;
    r->weight = (1 / h.t) * all;
    return value;
}

INLINE real slope(cell c, row r, hyper h) { return c.e * r.sum - share(c) * r.weight; }

static double steepness(const double *h) { return 1 / h[0]; }

static void learn(const double *h, kin_slopes s, double *gradient)
{
    gradient[0] = -s.score / h[0];
}

#endif
