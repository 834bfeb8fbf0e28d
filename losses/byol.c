/* byol -- the prediction from one view lies where a slow copy of the encoder puts the other view.
 *
 *     L = mean_i |p_i / |p_i| - z_i / |z_i||^2 = mean_i 2 - 2 cos(p_i, z_i)        z held constant
 *
 * p (rows): what a predictor makes of one view's embedding; z (columns): the other view's, by an
 * encoder whose weights follow those that are trained, and which gets no gradient (`hold`). Without
 * negatives: the slow target is what keeps all from becoming one point. A zero row has cosine 0.
 * Read both ways the two directions count half each (the paper adds them).
 *
 * Grill et al. 2020, arXiv:2006.07733. Without hold it is the alignment of Wang and Isola 2020,
 * arXiv:2005.10242 (alpha = 2). */
#include "losses/composed.h"

static kin_tensor *compose(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                           kin_tensor *columns)
{
    const bool hold = setting->hypers[0] > 0;
    kin_tensor *target = hold ? kin_stop_gradient(tape, columns) : columns;
    return kin_shift(tape, kin_scale(tape, mean_cosine(tape, rows, target), -2), 2);
}

KIN_LOSS(byol,
    .entry.summary = "The prediction from one view lies where a slow encoder puts the other view.",
    .entry.hypers = {
        { "hold", 1, 0, 1, "the columns get no gradient", KIN_BOOLEAN, NULL } },
    .form = KIN_COMPOSED, .takes = KIN_PAIRS, .holds_columns = true, .compose = compose)
