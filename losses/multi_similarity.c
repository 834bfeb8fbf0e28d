/* multi_similarity -- soft counts of positives that are too far and of negatives that are too near.
 *
 *     v_i      = 1/a log(1 + sum_p exp(-a (s_ip - l))) + 1/b log(1 + sum_n exp(b (s_in - l)))
 *   dv/ds_ij   = -exp(-a (s - l)) / (1 + sum_p ...),   exp(b (s - l)) / (1 + sum_n ...)
 *
 * l (base) is where both begin to push; b is steep, so that the hardest negatives take most. With
 * mining, negatives farther than the farthest positive by more than epsilon, and positives nearer
 * than the nearest negative by more than that, are left out. Rows without positives (negatives)
 * keep their other half, as published code has it.
 *
 * Wang et al. 2019, arXiv:1904.06627 (mining with epsilon 0.1). */
#include "core/cell.h"

typedef struct { real a, b, l, mining, epsilon; } hyper;

INLINE real far (real s, hyper h)         { return h.a * (h.l - s); }
INLINE real near(real s, hyper h)         { return h.b * (s - h.l); }
#include "losses/soft_count.h"

INLINE real term (cell c, row r, hyper h)
{
    const int kept = (h.mining < 1) | (c.pos & (c.s - h.epsilon < r.nmax))
                     | (c.neg & (c.s + h.epsilon > r.pmin));
    return pick(c.any & kept, weigh(c, r, h), 0);
}
INLINE real close(row *r, count n, hyper h)
{
    return soft_count(&r->p, ptop(*r, h), 1) / h.a + soft_count(&r->n, ntop(*r, h), 1) / h.b;
}

static bool mines(const double *h) { return h[3] > 0; }
static double steepness(const double *h)
{
    return mines(h) ? 1e9 : counted_from_0(h[0] * (h[2] + 1), h[1] * (1 - h[2]));
}

KIN_LOSS(multi_similarity,
    .entry.summary = "Soft counts of positives that are too far and negatives that are too near.",
    .entry.hypers = {
        { "alpha", 2, 0.01, 1000, "steepness for positives", 0, NULL },
        { "beta", 50, 0.01, 1000, "steepness for negatives", 0, NULL },
        { "base", 0.5, -1, 1, "score at which both begin to push", 0, NULL },
        { "mining", 0, 0, 1, "leave out pairs that are easy by more than epsilon", KIN_BOOLEAN,
          NULL },
        { "epsilon", 0.1, 0, 2, "of mining", 0, NULL } },
    .takes = KIN_LABELS | KIN_PAIRS,
    .reduce = KIN_MEAN_ROWS, .fast = true,
    .looks = KIN_IF_UNBOUNDED, .keeps = true, .steepness = steepness, .looks_first = mines)
