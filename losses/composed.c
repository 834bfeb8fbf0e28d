/* Composed: a loss that is made of ops, as the other losses are run and reported. */
#include <math.h>
#include "losses/arrange.h"

/* The same bounds as for losses of scores: beyond them numbers are no longer to be trusted. */
static bool sane(kin_tape *tape, const kin_tensor *x)
{
    kin_backend *backend = kin_tape_backend(tape);
    return backend->sum_squares(backend, x->rows * x->cols, x->value) < 1e30;
}

static kin_tensor *both_ways(kin_tape *tape, const kin_loss *loss, const kin_loss_setting *setting,
                             kin_tensor *rows, kin_tensor *columns)
{
    kin_tensor *value = loss->compose(tape, setting, rows, columns);
    kin_tensor *back = loss->compose(tape, setting, columns, rows);
    return kin_scale(tape, kin_add(tape, value, back), 0.5);
}

kin_tensor *kin_composed_apply(kin_tape *tape, const kin_loss *loss,
                               const kin_loss_setting *setting, kin_tensor *rows,
                               kin_tensor *columns, kin_loss_report *report)
{
    kin_backend *backend = kin_tape_backend(tape);
    const bool both = setting->direction == KIN_BOTH_WAYS && !loss->mirrored;
    kin_tensor *out = both ? both_ways(tape, loss, setting, rows, columns)
                           : loss->compose(tape, setting, rows, columns);
    if (!sane(tape, rows) || !sane(tape, columns)) out = kin_scale(tape, out, NAN);
    if (kin_tape_status(tape) != KIN_OK) return out;
    real value;
    backend->download(backend, &value, out->value, sizeof value);
    report->rows = report->valid = rows->rows;
    report->positives = 1;
    report->negatives = loss->needs & KIN_NEGATIVE ? (double)(columns->rows - 1) : 0;
    report->value = (double)value;
    return out;
}
