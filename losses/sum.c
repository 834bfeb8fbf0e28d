/* Sum: several losses of the same embeddings at once, each with its weight. */
#include <math.h>
#include "losses/arrange.h"

kin_tensor *kin_loss_term_apply(kin_tape *tape, const kin_loss_term *term, kin_tensor *rows,
                                kin_tensor *columns, kin_loss_report *report)
{
    if (term->weight != 0) {
        kin_tensor *loss = kin_loss_apply(tape, &term->setting, rows, columns, report);
        return kin_scale(tape, loss, term->weight);
    }
    kin_loss_setting setting = term->setting;
    kin_tensor *q = kin_stop_gradient(tape, rows);
    kin_tensor *k = rows == columns ? q : kin_stop_gradient(tape, columns);
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (setting.learned[i]) setting.learned[i] = kin_stop_gradient(tape, setting.learned[i]);
    kin_loss_apply(tape, &setting, q, k, report);
    return NULL;
}

kin_tensor *kin_loss_sum(kin_tape *tape, const kin_loss_term *terms, int count, kin_tensor *rows,
                         kin_tensor *columns, kin_loss_report *reports)
{
    kin_tensor *total = NULL;
    for (int i = 0; i < count; i++) {
        if (!isfinite(terms[i].weight))
            return kin_tape_fail(tape, KIN_USAGE, "sum of losses: the weight of loss %d is %g",
                                 i + 1, terms[i].weight);
        kin_tensor *loss = kin_loss_term_apply(tape, &terms[i], rows, columns,
                                               reports ? &reports[i] : NULL);
        if (loss) total = total ? kin_add(tape, total, loss) : loss;
    }
    if (!total)
        return kin_tape_fail(tape, KIN_USAGE, "sum of losses: none of the %d has a weight", count);
    return total;
}
