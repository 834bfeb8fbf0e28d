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

INLINE real logit(cell c, hyper h)        { return c.s; }
INLINE real steep(hyper h)                { return 2 * h.c; }
#include "losses/softmax.h"
INLINE real slope(cell c, row r, hyper h) { return push(c, r); }

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
