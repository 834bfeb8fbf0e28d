/* euclip -- InfoNCE on squared Euclidean distances of vectors that are not normalised.
 *
 *     v_i      = log sum_j exp(-c |q_i - k_j|^2) + c |q_i - k_p|^2,       c = scale
 *
 * Distances leave a norm to say something that a cosine throws away. With s = 1 - |q - k|^2 / 2
 * the exponent is 2c (s - 1), so the slopes are those of a softmax over 2c s. A learned scale is
 * trained as log c. Several positives: the mean of their distances.
 *
 * Chou and Alam 2024, arXiv:2409.13079. */
#include "core/cell.h"

typedef struct { real c; } hyper;
typedef struct { real top, own, rest, match; } row;

INLINE row  open (real top)               { return (row){ .top = top }; }
INLINE row  look (row r, cell c, hyper h) { r.top = max(r.top, pick(c.any, c.s, -BIG)); return r; }
INLINE real term (cell c, row r, hyper h)
{
    return pick(c.any, exp((c.s - r.top) * (2 * h.c)), 0);
}
INLINE row  add  (row r, cell c, hyper h)
{
    r.own += pick(c.pos, c.e, 0);
    r.rest += pick(c.pos, 0, c.e);
    r.match += pick(c.pos, c.s, 0);
    return r;
}
INLINE row  merge(row a, row b, hyper h)
{
    const real top = max(a.top, b.top);
    const real of_a = exp((a.top - top) * (2 * h.c)), of_b = exp((b.top - top) * (2 * h.c));
    return (row){ top, a.own * of_a + b.own * of_b, a.rest * of_a + b.rest * of_b,
                  a.match + b.match };
}

/* Positives are pushed by match + own e, negatives by rest e. */
INLINE real close(row *r, count n, hyper h)
{
    const real sum = r->own + r->rest, push = 2 * h.c / sum;
    const bool one = n.positives < 2;
    const real value = one && r->own > TINY
                           ? log1p_any(r->rest / r->own)
                           : log(sum) + (r->top - r->match / n.positives) * (2 * h.c);
    r->match = one ? -r->rest * push : -2 * h.c / n.positives;
    r->own = one ? 0 : push;
    r->rest = push;
    return value;
}

INLINE real slope(cell c, row r, hyper h)
{
    return pick(c.pos, r.match + c.e * r.own, c.e * r.rest);
}

static void learn(const double *h, kin_slopes s, double *gradient)
{
    gradient[0] = s.score / h[0];
}

KIN_LOSS(euclip,
    .entry.summary = "InfoNCE on squared distances of vectors that are not normalised.",
    .entry.hypers = {
        { "scale", 1, 0.001, 1000, "what squared distances are multiplied by", KIN_LEARNABLE,
          NULL } },
    .learned = { { KIN_LOG, 0, 0 } },
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_VALID, .similarity = KIN_EUCLIDEAN,
    .looks = KIN_ALWAYS, .keeps = true, .learn = learn)
