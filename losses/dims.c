/* Dims: one loss of several lengths of the same embeddings, so that their first coordinates are
 * embeddings too (Matryoshka). With dims d_1, d_2, ... and weights w
 *
 *     sum_k w_k L(x[: d_k])
 *
 * where L sees d_k coordinates as if there were no more: cosines are those of the cut rows.
 * Kusupati et al. 2022, arXiv:2205.13147. */
#include "losses/arrange.h"

static kin_tensor *head(kin_tape *tape, kin_tensor *x, int cols)
{
    return cols == x->cols ? x : kin_split_cols(tape, x, 0, cols);
}

static int longest(const int *dims)
{
    int place = 0;
    for (int i = 1; i < KIN_DIMS_MAX && dims[i]; i++)
        if (dims[i] > dims[place]) place = i;
    return place;
}

/* The report is that of the longest, but for the value. */
kin_tensor *kin_dims_apply(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                           kin_tensor *columns, kin_loss_report *report)
{
    kin_loss_setting one = *setting;
    kin_tensor *total = NULL;
    double value = 0;
    const int most = longest(setting->dims);
    one.dims[0] = 0;
    for (int i = 0; i < KIN_DIMS_MAX && setting->dims[i]; i++) {
        kin_loss_report part;
        kin_tensor *q = head(tape, rows, setting->dims[i]);
        kin_tensor *k = rows == columns ? q : head(tape, columns, setting->dims[i]);
        one.want_accuracy = setting->want_accuracy && i == most;
        kin_tensor *loss = kin_loss_apply(tape, &one, q, k, &part);
        loss = kin_scale(tape, loss, setting->dim_weight[i]);
        total = total ? kin_add(tape, total, loss) : loss;
        value += setting->dim_weight[i] * part.value;
        if (i == most) *report = part;
    }
    report->value = value;
    return total;
}
