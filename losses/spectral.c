/* spectral -- pairs point the same way, all others are at right angles.
 *
 *     L = (-2 mean_i x_i . y_i + mean_{i != j} (x_i . y_j)^2) / mu
 *
 * x_i, y_i: rows and columns, cut to length sqrt(mu) where they are longer. Minimised, the
 * embeddings are the leading eigenvectors of the graph whose edges are pairs, which is what makes
 * the loss fit for proofs. No B x B scores are formed: sum_ij (x_i . y_j)^2 is the sum of the
 * products of the entries of X'X and Y'Y, so time is B D^2 and memory D^2. Every other column is a
 * negative; duplicates cannot be left out. A single row has no negatives: -2 x . y / mu.
 *
 * HaoChen et al. 2021, arXiv:2106.04156. */
#include <math.h>
#include "losses/composed.h"

static kin_tensor *compose(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                           kin_tensor *columns)
{
    const double mu = setting->hypers[0], b = (double)rows->rows;
    kin_tensor *x = kin_clip_rows(tape, rows, sqrt(mu));
    kin_tensor *y = kin_clip_rows(tape, columns, sqrt(mu));
    kin_tensor *own = kin_row_dots(tape, x, y);
    kin_tensor *all = kin_sum(tape, kin_mul(tape, kin_matmul_tn(tape, x, x),
                                            kin_matmul_tn(tape, y, y)));
    kin_tensor *others = kin_add(tape, all, kin_scale(tape, squares(tape, own), -1));
    return kin_add(tape, kin_scale(tape, kin_mean(tape, own), -2 / mu),
                   kin_scale(tape, others, b > 1 ? 1 / (b * (b - 1) * mu) : 0));
}

KIN_LOSS(spectral,
    .entry.summary = "Pairs point the same way, all others are at right angles.",
    .entry.hypers = {
        { "mu", 1, 0.01, 100, "square of the greatest length of a row", 0, NULL } },
    .form = KIN_COMPOSED, .takes = KIN_PAIRS, .needs = KIN_POSITIVE | KIN_NEGATIVE,
    .mirrored = true, .compose = compose)
