/* cosine_contrastive -- pull the match to 1, push away only what is above a margin.
 *
 *     v_i      = mean_p max(0, 1 - s_ip) + w/|N| sum_n max(0, s_in - m)
 *   dv/ds_ij   = -1/|P| for a positive below 1,  w/|N| for a negative above m,  else 0
 *
 * Of the hundreds of negatives that are drawn for a positive only the few above the margin get a
 * push at all, each the same: the loss mines its hard negatives itself. The mean runs over all
 * negatives, active or not. With negative_weight 0 the negatives are summed, unweighted.
 *
 * Negatives are those of the batch, shared by all rows, or a row's own, drawn for it (cells).
 * Published settings (Gowalla, Yelp 2018): 800 drawn for each positive, m = 0.9, w = 150.
 *
 * Mao et al. 2021, arXiv:2109.12613 (SimpleX). Other names: CCL. */
#include "core/cell.h"

typedef struct { real m, w; } hyper;
typedef struct { real p, n; } row;

INLINE row  open (real top)               { return (row){ 0 }; }
LOOKS_NEVER
INLINE real term (cell c, row r, hyper h) { return 0; }
INLINE row  add  (row r, cell c, hyper h)
{
    r.p += pick(c.pos, relu(1 - c.s), 0);
    r.n += pick(c.neg, relu(c.s - h.m), 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)  { return (row){ a.p + b.p, a.n + b.n }; }

/* Leaves the push of a positive and of a negative. */
INLINE real close(row *r, count n, hyper h)
{
    const real p = 1 / max(n.positives, 1), w = h.w > 0 ? h.w / max(n.negatives, 1) : 1;
    const real value = r->p * p + r->n * w;
    *r = (row){ -p, w };
    return value;
}

INLINE real slope(cell c, row r, hyper h)
{
    return pick(c.pos & (c.s < 1), r.p, 0) + pick(c.neg & (c.s > h.m), r.n, 0);
}

KIN_LOSS(cosine_contrastive,
    .entry.summary = "Pulls the match to 1 and pushes away only what is above a margin.",
    .entry.hypers = {
        { "margin", 0.4, -1, 1, "negatives below it are left alone", 0, NULL },
        { "negative_weight", 150, 0, 10000, "of the mean over negatives; 0: their sum", 0, NULL } },
    .needs = KIN_POSITIVE, .reduce = KIN_MEAN_VALID)
