/* Two tops: what losses have in common whose exponents s / t are taken relative to the largest
 * score of their own kind, so that neither the sum over positives nor that over negatives is ever
 * 0. The file defines hyper with t and row with ptop and ntop before it is included. */
#ifndef KIN_LOSSES_TWO_TOPS_H
#define KIN_LOSSES_TWO_TOPS_H

INLINE row  open (real top)               { return (row){ .ptop = top, .ntop = top }; }
INLINE row  look (row r, cell c, hyper h)
{
    r.ptop = max(r.ptop, pick(c.pos, c.s, -BIG));
    r.ntop = max(r.ntop, pick(c.neg, c.s, -BIG));
    return r;
}
INLINE real term (cell c, row r, hyper h)
{
    return pick(c.any, exp((c.s - pick(c.pos, r.ptop, r.ntop)) * (1 / h.t)), 0);
}

#endif
