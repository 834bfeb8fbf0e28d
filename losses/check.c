#include "losses/check.h"

#include <stdio.h>
#include <string.h>

#include "core/rng.h"

enum { ROWS = 8, COLUMNS = 11, DIMENSION = 5 };

static const int32_t labels[COLUMNS] = { 0, 0, 1, 1, 1, 2, 3, 3, 4, 0, 5 };
static const int32_t texts[COLUMNS] = { 0, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9 };

typedef struct {
    kin_loss_setting setting;
    kin_tensor q, k;
    kin_tensor learned[KIN_HYPERS_MAX];
    real values[KIN_HYPERS_MAX];
} problem;

static const kin_loss *loss_of(const problem *p)
{
    return (const kin_loss *)(const void *)kin_losses.items[p->setting.loss];
}

static kin_tensor *value(kin_tape *tape, void *context)
{
    problem *p = context;
    kin_tensor *columns = p->setting.relation.self ? &p->q : &p->k;
    return kin_loss_apply(tape, &p->setting, &p->q, columns, NULL);
}

/* Pairs with two rows of one document and two of one text, or labels with a row that lacks a
 * positive. */
static void relate(problem *p, bool by_label)
{
    kin_relation *r = &p->setting.relation;
    *r = (kin_relation){ .by_label = by_label, .self = by_label,
                         .row_label = labels, .col_label = labels };
    if (!by_label) r->row_text = r->col_text = texts;
}

static void learn(problem *p, const kin_entry *entry)
{
    for (int i = 0; entry->hypers[i].name; i++) {
        p->setting.learned[i] = NULL;
        if (!(entry->hypers[i].flags & KIN_LEARNABLE)) continue;
        p->values[i] = (real)kin_loss_learned_start(entry, i, p->setting.hypers[i]);
        p->learned[i] = (kin_tensor){ .rows = 1, .cols = 1, .value = &p->values[i],
                                      .needs_grad = true, .name = entry->hypers[i].name };
        p->setting.learned[i] = &p->learned[i];
    }
}

/* The differences are the doubtful side: flat functions want a large first step, kinks nearby a
 * small one. A wrong gradient is off with both. */
static kin_status compare(kin_tape *tape, problem *p, kin_tensor *const *params, int count,
                          kin_gradcheck *worst)
{
    kin_gradcheck near;
    KIN_TRY(kin_gradient_check(tape, value, p, params, count, 0.05, worst));
    if (worst->error <= KIN_GRADIENT_BOUND / 100) return KIN_OK;
    KIN_TRY(kin_gradient_check(tape, value, p, params, count, 1e-3, &near));
    if (near.error < worst->error) *worst = near;
    return KIN_OK;
}

static kin_status check_one(kin_tape *tape, problem *p, const char *what,
                            kin_loss_check_report report, void *state)
{
    const kin_entry *entry = kin_losses.items[p->setting.loss];
    kin_tensor *params[2 + KIN_HYPERS_MAX] = { &p->q };
    int count = 1;
    if (!p->setting.relation.self && !loss_of(p)->holds_columns) params[count++] = &p->k;
    learn(p, entry);
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (p->setting.learned[i]) params[count++] = p->setting.learned[i];
    kin_gradcheck worst;
    KIN_TRY(compare(tape, p, params, count, &worst));
    char where[128], title[96];
    snprintf(where, sizeof where, "%s, row %ld, column %ld: %.9g, expected %.9g",
             params[worst.param]->name, (long)worst.row, (long)worst.col, worst.gradient,
             worst.slope);
    snprintf(title, sizeof title, "%s, %s%s", what, p->setting.relation.self ? "labels" : "pairs",
             p->setting.direction ? ", symmetric" : "");
    report(state, &(kin_loss_check_line){ entry->name, title, where, worst.error,
                                          KIN_GRADIENT_BOUND });
    return KIN_OK;
}

static kin_status check_forms(kin_tape *tape, problem *p, const char *what,
                              kin_loss_check_report report, void *state)
{
    const bool composed = loss_of(p)->form == KIN_COMPOSED;       /* row i and column i, no labels */
    const int forms = !composed ? 4 : loss_of(p)->holds_columns ? 1 : 2;
    p->k.rows = composed ? ROWS : COLUMNS;
    for (int form = 0; form < forms; form++) {
        if (!composed) relate(p, form & 2);
        p->setting.direction = form & 1 ? KIN_BOTH_WAYS : KIN_ONE_WAY;
        KIN_TRY(check_one(tape, p, what, report, state));
    }
    return KIN_OK;
}

kin_status kin_loss_check(kin_tape *tape, int loss, kin_loss_check_report report, void *state)
{
    const kin_entry *entry = kin_losses.items[loss];
    real q[ROWS * DIMENSION], k[COLUMNS * DIMENSION];
    problem p = { .setting.loss = loss };
    if (loss_of(&p)->holds) return KIN_OK;
    p.q = (kin_tensor){ .rows = ROWS, .cols = DIMENSION, .value = q, .needs_grad = true,
                        .name = "q" };
    p.k = (kin_tensor){ .rows = COLUMNS, .cols = DIMENSION, .value = k, .needs_grad = true,
                        .name = "k" };
    for (int i = 0; i < ROWS * DIMENSION; i++)
        q[i] = (real)kin_random_normal(1, KIN_STREAM_TEST, 1, (uint64_t)i);
    for (int i = 0; i < COLUMNS * DIMENSION; i++)
        k[i] = (real)kin_random_normal(1, KIN_STREAM_TEST, 0, (uint64_t)i);
    kin_hyper_defaults(entry, p.setting.hypers);
    KIN_TRY(check_forms(tape, &p, "defaults", report, state));
    for (int i = 0; entry->hypers[i].name; i++) {
        for (int end = 0; end < 2; end++) {
            const kin_hyper *h = &entry->hypers[i];
            char what[64], text[32];
            kin_hyper_defaults(entry, p.setting.hypers);
            p.setting.hypers[i] = end ? h->max : h->min;
            kin_hyper_print(h, p.setting.hypers[i], text, sizeof text);
            snprintf(what, sizeof what, "%s %s", h->name, text);
            KIN_TRY(check_forms(tape, &p, what, report, state));
        }
    }
    return KIN_OK;
}
