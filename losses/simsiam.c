/* simsiam -- the prediction from one view points where the other view is.
 *
 *     L = -mean_i cos(p_i, z_i)        z held constant
 *
 * p (rows): what a small predictor makes of one view's embedding; z (columns): the embedding of the
 * other view by the same encoder. There are no negatives: what keeps the encoder from answering
 * everything with one point is that z gets no gradient, so that the predictor runs after it.
 * `hold` off shows what happens then. Read both ways the two directions count half each.
 *
 * Chen and He 2021, arXiv:2011.10566. */
#include "losses/composed.h"

static kin_tensor *compose(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                           kin_tensor *columns)
{
    const bool hold = setting->hypers[0] > 0;
    kin_tensor *target = hold ? kin_stop_gradient(tape, columns) : columns;
    return kin_scale(tape, mean_cosine(tape, rows, target), -1);
}

KIN_LOSS(simsiam,
    .entry.summary = "The prediction from one view points where the other view is.",
    .entry.hypers = {
        { "hold", 1, 0, 1, "the columns get no gradient", KIN_BOOLEAN, NULL } },
    .form = KIN_COMPOSED, .takes = KIN_PAIRS, .holds_columns = true, .compose = compose)
