/* barlow_twins -- what one coordinate says in one view, it says in the other, and no other does.
 *
 *     L = sum_k (1 - C_kk)^2 + l sum_{k != m} C_km^2
 *     C = Y' Z / B        correlation of coordinate k of the rows with coordinate m of the columns
 *
 * Y and Z: rows and columns, each coordinate brought to mean 0 and variance 1 over the batch
 * (biased variance, 1e-5 added, as batch normalisation has it). The diagonal makes the two views of
 * an item agree; the rest takes from each coordinate what another one says already, so that without
 * any negative the embeddings do not collapse. Nothing changes when a coordinate is scaled or
 * shifted. Time B D^2, memory D^2; B should be well above 1: the coordinates of a single row are
 * constant, and give D.
 *
 * Zbontar et al. 2021, arXiv:2103.03230 (lambda 0.0051). */
#include "losses/composed.h"

static kin_tensor *compose(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                           kin_tensor *columns)
{
    const double lambda = setting->hypers[0];
    kin_tensor *y = kin_standardize(tape, rows, 1e-5), *z = kin_standardize(tape, columns, 1e-5);
    kin_tensor *c = kin_scale(tape, kin_matmul_tn(tape, y, z), 1 / (double)rows->rows);
    kin_tensor *missing = kin_shift(tape, kin_diagonal(tape, c), -1);
    kin_tensor *double_said = kin_scale(tape, squares(tape, kin_off_diagonal(tape, c)), lambda);
    return kin_add(tape, squares(tape, missing), double_said);
}

KIN_LOSS(barlow_twins,
    .entry.summary = "The correlations between the coordinates of two views become the identity.",
    .entry.hypers = {
        { "lambda", 0.0051, 0, 10, "weight of correlations off the diagonal", 0, NULL } },
    .form = KIN_COMPOSED, .takes = KIN_PAIRS, .mirrored = true, .compose = compose)
