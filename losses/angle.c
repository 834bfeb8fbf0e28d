/* angle -- pairs that are more alike by their labels should differ less as complex vectors.
 *
 *     v        = log( 1 + sum over (k, l) with y_k < y_l of exp(c (a_k - a_l)) ),     c = scale
 *     a        = | Re(q conj k) + Im(q conj k) | / (|q| |k|),   halves of a vector being its real
 *                and its imaginary part
 *
 * The cosine is flat near 1 and -1, so that its gradient vanishes where pairs are almost alike; the
 * imaginary part is not. Otherwise as cosent: only the order of the targets y counts, and the whole
 * batch is one row.
 *
 * Li and Li 2023, arXiv:2309.12871 (AnglE). */
#include "losses/ordered.h"

typedef struct { real scale; } hyper;

INLINE real whole(span c, count n, hyper h)
{
    real *sign = c.work + ORDERED_WORK * c.n;
    for (int32_t j = 0; j < c.n; j++) {
        sign[j] = c.s[j] < 0 ? -1 : c.s[j] > 0;
        c.s[j] = size(c.s[j]);
    }
    const real value = ordered(c, h.scale);
    for (int32_t j = 0; j < c.n; j++) c.s[j] *= sign[j];
    return value;
}

KIN_LOSS(angle,
    .entry.summary = "Pairs that are more alike should differ less as complex vectors.",
    .entry.hypers = { { "scale", 20, 0.01, 1000, "what scores are multiplied by", 0, NULL } },
    .form = KIN_ROW, .takes = KIN_TARGETS, .whole = true, .similarity = KIN_ANGLE,
    .only_similarity = true, .reduce = KIN_SUM)
