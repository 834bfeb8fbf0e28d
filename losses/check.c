#include "losses/check.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 5, COLUMNS = 7, DIMENSION = 3, PARAMS_MAX = 4 };

static const kin_loss *loss_of(const kin_loss_batch *b)
{
    return kin_loss_of(kin_losses.items[b->setting.loss]);
}

/* held: as kin_loss_batch_hold leaves it, for a loss that holds something. */
typedef struct { kin_loss_batch *batch; kin_tensor *held; } subject;

/* The gradient is of the loss as it is trained, on whatever path that takes; what it holds is held
 * for the differences of its value, which follow. */
static kin_tensor *value(kin_tape *tape, void *context)
{
    subject *s = context;
    kin_tensor *out = kin_loss_batch_apply(s->batch, tape, NULL);
    s->batch->setting.target = s->held;
    return out;
}

/* Whether the gradient is that of the value at all: a loss that is told to hold something constant,
 * and has no scores that can be held instead, has a value that moves with what it holds. */
static bool holds(const kin_loss_batch *b)
{
    const int hold = kin_hyper_find(kin_losses.items[b->setting.loss], "hold");
    return hold >= 0 && b->setting.hypers[hold] > 0;
}

static kin_status params_of(kin_loss_batch *b, kin_tensor **params, int *count)
{
    const bool target = loss_of(b)->holds_columns && holds(b);
    *count = 0;
    if (holds(b) && (!target || b->setting.direction != KIN_ONE_WAY)) return KIN_OK;
    if (b->smooth[0]) params[(*count)++] = &b->rows;
    if (b->smooth[1] && b->columns.value && !target) params[(*count)++] = &b->columns;
    kin_loss_batch_learn(b);
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (b->setting.learned[i] && *count < PARAMS_MAX) params[(*count)++] = &b->learned[i];
    return KIN_OK;
}

kin_status kin_loss_batch_check(kin_loss_batch *b, kin_tape *tape, kin_gradcheck *worst,
                                const char **name)
{
    kin_tensor *params[PARAMS_MAX], *target = b->setting.target;
    int count;
    *worst = (kin_gradcheck){ .error = -1 };
    if (loss_of(b)->holds) KIN_TRY(kin_loss_batch_hold(b, tape));
    subject s = { b, b->setting.target };
    b->setting.target = target;
    KIN_TRY(params_of(b, params, &count));
    if (!count) return KIN_OK;
    KIN_TRY(kin_gradient_check(tape, value, &s, params, count, 0.05, worst));
    *name = params[worst->param]->name;
    return KIN_OK;
}

/* One setting on all kinds of batches, or on the main ones: the worst entry of all. */
static kin_status check_setting(kin_tape *tape, int loss, const double *hypers, bool all,
                                kin_loss_check_line *line, char *where, size_t room)
{
    for (int kind = 0; kin_loss_batch_kind(kind); kind++) {
        kin_loss_batch b;
        kin_gradcheck worst;
        const char *name = "";
        if (!all && !kin_loss_batch_kind_is_main(kind)) continue;
        kin_status status = kin_loss_batch_make(&b, tape, loss, kind, ROWS, COLUMNS, DIMENSION, 1);
        if (status == KIN_USAGE) continue;
        KIN_TRY(status);
        memcpy(b.setting.hypers, hypers, sizeof b.setting.hypers);
        status = kin_loss_batch_check(&b, tape, &worst, &name);
        kin_loss_batch_free(&b);
        KIN_TRY(status);
        if (worst.error <= line->error) continue;
        line->error = worst.error;
        snprintf(where, room, "%s: %s, row %ld, column %ld: %.9g, expected %.9g",
                 kin_loss_batch_kind(kind), name, (long)worst.row, (long)worst.col, worst.gradient,
                 worst.slope);
    }
    return KIN_OK;
}

kin_status kin_loss_check(kin_tape *tape, int loss, kin_loss_check_report report, void *state)
{
    const kin_entry *entry = kin_losses.items[loss];
    double hypers[KIN_HYPERS_MAX] = { 0 };
    char what[96];
    for (int n = 0; kin_loss_batch_hypers(entry, n, hypers, what, sizeof what); n++) {
        char title[128], where[160] = "";
        kin_loss_check_line line = { entry->name, title, where, -1, KIN_GRADIENT_BOUND };
        if (n && !strcmp(what, "defaults")) continue;
        snprintf(title, sizeof title, "gradient, %s", what);
        KIN_TRY(check_setting(tape, loss, hypers, !n, &line, where, sizeof where));
        if (line.error >= 0) report(state, &line);
    }
    return KIN_OK;
}
