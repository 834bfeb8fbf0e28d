/* Every optimizer for some steps on gradients of all sorts: of a matrix, of one row that is held
 * within a range, of tables of which each step touches few rows, with sums formed or left open. */
#include "tests/cuda/parity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "autograd/op.h"
#include "optim/optimizer.h"

enum { STEPS = 20, ROWS = 9, TABLE = 41, WIDE = 7, OUT = 5, LENGTH = 3, TOKENS = ROWS * LENGTH };
enum { MATRIX, ROW, PLAIN, TABLE_OF_WEIGHTS, WEIGHTS, PARAMS };

static const struct { const char *name; int64_t rows, cols; } kinds[PARAMS] = {
    [MATRIX] = { "matrix", WIDE, OUT }, [ROW] = { "row", 1, OUT },
    [PLAIN] = { "table", TABLE, WIDE },
    [TABLE_OF_WEIGHTS] = { "weighted table", TABLE, WIDE }, [WEIGHTS] = { "weights", TABLE, 1 },
};

typedef struct {
    kin_tensor tensor[PARAMS];
    kin_parameter param[PARAMS];
    int32_t *ids;                      /* of all steps */
    int64_t *start;
    real *factor;                      /* ROWS x OUT for each step */
} model;

static void make(parity *p, model *m)
{
    int64_t start[ROWS + 1];
    for (int64_t i = 0; i <= ROWS; i++) start[i] = i * LENGTH;
    for (int i = 0; i < PARAMS; i++) {
        m->tensor[i] = (kin_tensor){ .rows = kinds[i].rows, .cols = kinds[i].cols,
                                     .needs_grad = true, .name = kinds[i].name };
        m->tensor[i].value = parity_normal(p, 1 + (uint32_t)i, kinds[i].rows * kinds[i].cols);
        m->param[i] = kin_parameter_of(&m->tensor[i]);
    }
    m->param[ROW].low = -0.5, m->param[ROW].high = 0.75;
    m->param[MATRIX].rate_factor = 0.5;
    int32_t *ids = parity_host_below(p, 11, STEPS * TOKENS, TABLE);
    m->ids = parity_put(p, ids, sizeof *ids * STEPS * TOKENS);
    m->start = parity_put(p, start, sizeof start);
    m->factor = parity_normal(p, 12, STEPS * ROWS * OUT);
    free(ids);
}

static kin_tensor *bag_of(kin_tape *tape, model *m, int table, kin_tensor *weight, int step)
{
    const kin_bags bags = { ROWS, TOKENS, m->ids + step * TOKENS, m->start };
    return kin_embedding_bag(tape, &m->tensor[table], weight, &bags);
}

/* A function that is linear in each parameter, and another one in each step. */
static kin_tensor *function(kin_tape *tape, model *m, int step)
{
    kin_tensor *r = kin_tape_input(tape, ROWS, OUT, m->factor + step * ROWS * OUT);
    kin_tensor *x = bag_of(tape, m, TABLE_OF_WEIGHTS, &m->tensor[WEIGHTS], step);
    x = kin_add(tape, x, bag_of(tape, m, PLAIN, NULL, step));
    x = kin_bias(tape, kin_matmul(tape, x, &m->tensor[MATRIX]), &m->tensor[ROW]);
    return kin_sum(tape, kin_mul(tape, x, r));
}

static kin_status take_steps(parity *p, model *m, kin_optimizer *o, int steps, double lr,
                             double *norm)
{
    for (int step = 0; step < steps; step++) {
        kin_tape_reset(p->tape, p->seed, (uint32_t)step, true);
        KIN_TRY(kin_tape_backward(p->tape, function(p->tape, m, step)));
        KIN_TRY(kin_optimizer_step(o, p->tape, lr / (1 + step)));
        norm[step] = kin_optimizer_norm(o);
    }
    return KIN_OK;
}

static void try_setting(parity *p, const kin_optimizer_setting *setting, bool open, int steps)
{
    model m;
    kin_optimizer *o = NULL;
    double norm[STEPS] = { 0 };
    make(p, &m);
    kin_tape_leave_sums(p->tape, open);
    kin_status status = kin_optimizer_new(&o, p->device, setting, m.param, PARAMS);
    if (status == KIN_OK)
        status = take_steps(p, &m, o, steps, kin_optimizer_get(setting, "lr"), norm);
    parity_exactly(p, "status", status);
    parity_doubles(p, "norm", norm, steps, 0);
    for (int i = 0; i < PARAMS; i++)
        parity_reals(p, kinds[i].name, m.tensor[i].value, kinds[i].rows * kinds[i].cols, 0);
    kin_tape_reset(p->tape, 0, 0, false);
    kin_tape_leave_sums(p->tape, false);
    kin_optimizer_free(o);
}

/* Setting n: the defaults, then one hyperparameter after the other at its least or, where that is
 * its default, at 1/2 or 1. The number is a whole one for what is true or false. */
static bool change(const kin_entry *entry, int n, kin_optimizer_setting *setting, char *what,
                   size_t room)
{
    snprintf(what, room, "defaults");
    if (n == 0) return true;
    const kin_hyper *h = &entry->hypers[n - 1];
    if (!h->name) return false;
    double value = h->value > h->min ? h->min : fmin(h->max, 0.5);
    if (h->flags & KIN_BOOLEAN) value = 1 - h->value;
    if (!strcmp(h->name, "lr")) value = 0.05;
    if (!strcmp(h->name, "eps")) value = 1e-3;
    if (!strcmp(h->name, "beta2")) value = 0.5;              /* at 0 all depends on a sign */
    setting->hypers[n - 1] = value;
    snprintf(what, room, "%s %g", h->name, value);
    return true;
}

void parity_optimizers(parity *p)
{
    for (int i = 0; i < 2 * kin_optimizers.count; i++) {
        const kin_entry *entry = kin_optimizers.items[i / 2];
        kin_optimizer_setting setting;
        char family[48], what[48];
        snprintf(family, sizeof family, "optimizer %s%s", entry->name, i % 2 ? ", open sums" : "");
        for (int n = 0;; n++) {
            if (kin_optimizer_defaults(&setting, entry->name) != KIN_OK) break;
            if (!change(entry, n, &setting, what, sizeof what)) break;
            if (i % 2 && !kin_optimizer_sums(&setting)) continue;
            for (int steps = 5; steps <= (p->small ? 5 : STEPS); steps += STEPS - 5) {
                if (!parity_begin(p, family, PARITY_OPTIMIZER, "%s, %d steps", what, steps))
                    continue;
                try_setting(p, &setting, i % 2, steps);
                parity_end(p);
            }
        }
    }
}
