/* Hinges: what losses have in common that sum a hinge over positives and one over negatives, of all
 * pairs of the batch as one row. The file defines before it is included
 *
 *     real far(real s, hyper)       the distance of a score; hyper has m and plus
 *
 * and afterwards add() from tally(), close() from divide(), and slope(). */
#ifndef KIN_LOSSES_HINGES_H
#define KIN_LOSSES_HINGES_H

/* Sums over each kind, and how many of it are above 0. */
typedef struct { real p, p_above, n, n_above; } row;

INLINE row  open (real top)               { return (row){ 0 }; }
LOOKS_NEVER
INLINE real term (cell c, row r, hyper h)
{
    const real d = far(c.s, h);
    return pick(c.any, relu(pick(c.pos, d - h.plus, h.m - d)), 0);
}
INLINE row  tally(row r, cell c, real v)
{
    r.p += pick(c.pos, v, 0), r.p_above += (real)(c.pos & (c.e > 0));
    r.n += pick(c.neg, v, 0), r.n_above += (real)(c.neg & (c.e > 0));
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    return (row){ a.p + b.p, a.p_above + b.p_above, a.n + b.n, a.n_above + b.n_above };
}

/* The sums by what they are divided by; leaves in p and n what slopes of both kinds are multiplied
 * by. */
INLINE real divide(row *r, real positives, real negatives)
{
    const real p = 1 / max(positives, 1), q = 1 / max(negatives, 1);
    const real value = r->p * p + r->n * q;
    r->p = p, r->n = q;
    return value;
}

#endif
