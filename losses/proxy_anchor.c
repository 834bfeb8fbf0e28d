/* proxy_anchor -- every class proxy pulls its rows of the batch and pushes all others.
 *
 *     v        = 1/|C+| sum_{c in C+} log(1 + sum_{i in c} exp(-a (s_ic - d)))
 *                + 1/|C| sum_c log(1 + sum_{i not in c} exp(a (s_ic + d)))
 *   dv/ds_ic   = -a exp(-a (s - d)) / (1 + sum), a exp(a (s + d)) / (1 + sum), by |C+|, |C|
 *
 * Here the proxies are the anchors and the sums run over the batch: rows compete for a proxy, so
 * that the hardest of a class take most of its pull. C+ are the classes with a row in the batch.
 * Columns are one learned proxy for each class.
 *
 * Kim et al. 2020, arXiv:2003.13911. */
#include "core/cell.h"

typedef struct { real a, d; } hyper;

INLINE real far (real s, hyper h)         { return h.a * (h.d - s); }
INLINE real near(real s, hyper h)         { return h.a * (s + h.d); }
#include "losses/soft_count.h"

INLINE real term (cell c, row r, hyper h) { return pick(c.any, weigh(c, r, h), 0); }

/* The mean over all proxies: a proxy with rows counts |C| / |C+| times for its pull. */
INLINE real close(row *r, count n, hyper h)
{
    const real share = n.rows / max(n.paired, 1);
    return share * soft_count(&r->p, ptop(*r, h), share * h.a)
           + soft_count(&r->n, ntop(*r, h), h.a);
}

static double steepness(const double *h)
{
    return counted_from_0(h[0] * (h[1] + 1), h[0] * (1 + h[1]));
}

KIN_LOSS(proxy_anchor,
    .entry.summary = "Every class proxy pulls its rows of the batch and pushes all others.",
    .entry.hypers = {
        { "alpha", 32, 0.01, 1000, "steepness", 0, NULL },
        { "margin", 0.1, 0, 2, "by how much rows must pass", 0, NULL } },
    .takes = KIN_PROXIES | KIN_LABELS | KIN_PAIRS, .columns = true,
    .reduce = KIN_MEAN_ROWS, .looks = KIN_IF_UNBOUNDED, .keeps = true, .steepness = steepness)
