/* w_mse -- each view is whitened, then the two views of an item must agree.
 *
 *     L = mean_i 2 - 2 cos(W_x (x_i - m_x), W_y (y_i - m_y))
 *     W_x' W_x = inverse of (1 - eps) S_x + eps I,    W lower triangular (inverse Cholesky factor)
 *
 * m and S: mean and covariance (divided by B - 1) of a view over the rows that are whitened
 * together. After whitening the coordinates vary alike and not together, so that the embeddings
 * cannot collapse, without negatives and without a second term. `part` whitens so many neighbouring
 * rows at a time (at least; the parts are alike), 0 the whole batch. Parts should have more rows
 * than there are coordinates: then, and with eps > 0, W is well defined, else directions without
 * variance are left out. Time B D^2 + D^3, the latter on the host.
 *
 * Ermolov et al. 2021, arXiv:2007.06346 (eps 0, parts of 128 rows for D = 64). */
#include "losses/composed.h"

/* x: rows that are whitened together */
static kin_tensor *whiten(kin_tape *tape, kin_tensor *x, double eps)
{
    const double rows = (double)x->rows;
    kin_tensor *centered = kin_center(tape, x);
    kin_tensor *covariance = kin_scale(tape, kin_matmul_tn(tape, centered, centered),
                                       rows > 1 ? 1 / (rows - 1) : 0);
    return kin_matmul_nt(tape, centered, kin_whitening(tape, covariance, eps));
}

static kin_tensor *compose(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                           kin_tensor *columns)
{
    const double eps = setting->hypers[0];
    const int64_t b = rows->rows, part = (int64_t)setting->hypers[1];
    const int64_t parts = part > 0 && b > part ? b / part : 1;
    kin_tensor *total = NULL;
    for (int64_t i = 0; i < parts; i++) {
        const int64_t from = i * b / parts, n = (i + 1) * b / parts - from;
        kin_tensor *x = whiten(tape, kin_split_rows(tape, rows, from, n), eps);
        kin_tensor *y = whiten(tape, kin_split_rows(tape, columns, from, n), eps);
        kin_tensor *cosine = kin_scale(tape, mean_cosine(tape, x, y), (double)n / (double)b);
        total = total ? kin_add(tape, total, cosine) : cosine;
    }
    return kin_shift(tape, kin_scale(tape, total, -2), 2);
}

KIN_LOSS(w_mse,
    .entry.summary = "Views are whitened over the batch, then those of one item must agree.",
    .entry.hypers = {
        { "eps", 1e-3, 0, 1, "how far covariances are shrunk towards 1", 0, NULL },
        { "part", 0, 0, 65536, "rows that are whitened together, 0: all", KIN_INTEGER, NULL } },
    .form = KIN_COMPOSED, .takes = KIN_PAIRS, .mirrored = true, .compose = compose)
