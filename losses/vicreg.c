/* vicreg -- two views agree, every coordinate varies, and no two coordinates vary together.
 *
 *     L = a mean_ij (x_ij - y_ij)^2 + b (v(x) + v(y)) + c (w(x) + w(y))
 *     v(x) = mean_j max(0, 1 - sqrt(S_jj + 1e-4)) / 2        w(x) = sum_{j != k} S_jk^2 / D
 *
 * S: covariance of the coordinates of x over the batch (divided by B - 1). The first term alone
 * would collapse to a point; v keeps the spread of every coordinate near 1 or above, w keeps them
 * from saying the same, each for one view by itself, so that the views may come from different
 * encoders. Time B D^2, memory D^2. The covariance of a single row is 0.
 *
 * Bardes et al. 2022, arXiv:2105.04906 (a = b = 25, c = 1; variance, invariance, covariance). */
#include "losses/composed.h"

/* b v(x) + c w(x) */
static kin_tensor *spread(kin_tape *tape, kin_tensor *x, double b, double c)
{
    const double rows = (double)x->rows, d = (double)x->cols;
    kin_tensor *centered = kin_center(tape, x);
    kin_tensor *s = kin_scale(tape, kin_matmul_tn(tape, centered, centered),
                              rows > 1 ? 1 / (rows - 1) : 0);
    kin_tensor *deviation = kin_root(tape, kin_shift(tape, kin_diagonal(tape, s), 1e-4));
    kin_tensor *lacking = kin_relu(tape, kin_shift(tape, kin_scale(tape, deviation, -1), 1));
    kin_tensor *together = squares(tape, kin_off_diagonal(tape, s));
    return kin_add(tape, kin_scale(tape, kin_mean(tape, lacking), b / 2),
                   kin_scale(tape, together, c / d));
}

static kin_tensor *compose(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                           kin_tensor *columns)
{
    const double *h = setting->hypers;
    const double n = (double)rows->rows * (double)rows->cols;
    kin_tensor *apart = kin_add(tape, rows, kin_scale(tape, columns, -1));
    kin_tensor *spreads = kin_add(tape, spread(tape, rows, h[1], h[2]),
                                  spread(tape, columns, h[1], h[2]));
    return kin_add(tape, kin_scale(tape, squares(tape, apart), h[0] / n), spreads);
}

KIN_LOSS(vicreg,
    .entry.summary = "Views agree, every coordinate varies, no two coordinates vary together.",
    .entry.hypers = {
        { "invariance", 25, 0, 1000, "weight of the distance between the views", 0, NULL },
        { "variance", 25, 0, 1000, "weight of coordinates that hardly vary", 0, NULL },
        { "covariance", 1, 0, 1000, "weight of coordinates that vary together", 0, NULL } },
    .form = KIN_COMPOSED, .takes = KIN_PAIRS, .mirrored = true, .compose = compose)
