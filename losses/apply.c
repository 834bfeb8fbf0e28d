/* Apply: a loss as a node of the tape. */
#include <math.h>
#include "losses/arrange.h"
#include "losses/rows/rows.h"

/* d hyperparameter / d parameter. */
static double learned_slope(const kin_loss *loss, int hyper, double value)
{
    switch (loss->learned[hyper].as) {
    case KIN_LOG: return value;
    case KIN_LOG_INVERSE: return -value;
    default: return 1;
    }
}

/* ---- the node ------------------------------------------------------------------------------ */

enum { INPUTS_MAX = 2 + KIN_LEARNED_MAX };     /* rows, columns, learned hyperparameters */

typedef struct {
    int inputs;
    real *gradient[INPUTS_MAX];                /* of each input, or NULL */
    double factor[INPUTS_MAX];                 /* that the gradient still lacks */
    kin_sparse *columns;                       /* in place of gradient[1]: of few columns */
} saved;

static void backward(kin_tape *tape, kin_node *node)
{
    const saved *s = node->saved;
    const real upstream = kin_grad_number(tape, node->out);
    for (int i = 0; i < s->inputs; i++) {
        const real factor = (real)(upstream * s->factor[i]);
        if (s->gradient[i]) kin_grad_give(tape, node->in[i], factor, s->gradient[i]);
        if (i == 1 && s->columns) kin_grad_give_rows(tape, node->in[i], factor, s->columns);
    }
}

static const kin_op ops[] = {
#define LOSS(name_) { .entry = { .name = #name_, .summary = "a loss" }, .backward = backward },
#include "losses/losses.def"
};

static const kin_op given_op = { .entry = { .name = "loss of scores" }, .backward = backward };

/* ---- forward ------------------------------------------------------------------------------- */

static void read_hypers(kin_tape *tape, const kin_loss_setting *setting, const kin_loss *loss,
                        double *hypers)
{
    kin_backend *backend = kin_tape_backend(tape);
    for (int i = 0; i < kin_hyper_count(&loss->entry); i++) {
        hypers[i] = setting->hypers[i];
        if (!setting->learned[i]) continue;
        real parameter;
        backend->download(backend, &parameter, setting->learned[i]->value, sizeof parameter);
        hypers[i] = kin_loss_learned_value(&loss->entry, i, parameter);
    }
}

/* Rows and columns (or scores) and learned hyperparameters as inputs; places: which hyperparameter
 * each of these is. */
static int gather(const kin_arranged *a, kin_tensor *given, kin_tensor **in, int *places)
{
    int inputs = 0;
    in[inputs++] = given ? given : a->rows;
    if (!given) in[inputs++] = a->columns;
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (a->setting.learned[i]) places[inputs] = i, in[inputs++] = a->setting.learned[i];
    return inputs;
}

/* Gradients are formed where an input needs one, the rows' also where a hyperparameter's does. one:
 * rows and columns are the same and share a gradient; few: of the columns few may get one. */
static saved *make_room(kin_tape *tape, const kin_node *node, int embeddings, bool one, bool few)
{
    saved *s = kin_keep_host(tape, sizeof *s);
    if (!s) return NULL;
    *s = (saved){ .inputs = node->inputs };
    bool learns = false;
    for (int i = embeddings; i < node->inputs; i++) learns = learns || node->in[i]->needs_grad;
    for (int i = 0; i < node->inputs; i++) {
        const kin_tensor *in = node->in[i];
        const bool carries = i == 0 && learns && !(embeddings > 1 && node->in[1]->needs_grad);
        if ((!in->needs_grad && !carries) || (one && i == 1)) continue;
        if (i == 1 && few) {
            s->columns = kin_keep_host(tape, sizeof *s->columns);
            if (!s->columns) return NULL;
            *s->columns = (kin_sparse){ 0 };
            continue;
        }
        s->gradient[i] = kin_keep(tape, (size_t)(in->rows * in->cols) * sizeof(real));
        if (!s->gradient[i]) return NULL;
    }
    return s;
}

static void save(kin_backend *backend, const kin_rows_run *run, const int *places, int embeddings,
                 saved *s)
{
    for (int i = 0; i < embeddings; i++) s->factor[i] = run->factor;
    for (int i = embeddings; i < s->inputs; i++) {
        const double chain = learned_slope(run->loss, places[i], run->hypers[places[i]]);
        const real gradient = (real)(run->gradient[places[i]] * chain);
        s->factor[i] = 1;
        if (s->gradient[i]) backend->fill(backend, 1, gradient, s->gradient[i]);
    }
}

/* Points the run at its inputs. */
static void aim(kin_rows_run *run, const kin_node *node, bool given)
{
    const kin_tensor *q = node->in[0], *k = node->in[given ? 0 : 1];
    run->scores.side[0].count = q->rows;
    run->scores.side[1].count = given ? q->cols : k->rows;
    if (given) {
        run->given = q->value;
        return;
    }
    run->dimension = q->cols;
    run->q = q->value, run->k = k->value;
    run->unit = q->unit && k->unit;
}

static kin_status aim_gradients(kin_tape *tape, kin_rows_run *run, kin_node *node, int embeddings)
{
    run->slopes = node->out->needs_grad;
    if (!run->slopes) return KIN_OK;
    const bool few = run->setting->cells && embeddings == 2 && node->in[0]->needs_grad
                     && node->in[0] != node->in[1] && kin_grad_takes_rows(node->in[1]);
    saved *s = node->saved = make_room(tape, node, embeddings, run->one, few);
    if (!s) return kin_tape_status(tape);
    for (int i = embeddings; i < s->inputs; i++) run->learns |= s->gradient[i] != NULL;
    if (run->given) run->dgiven = s->gradient[0];
    else run->dq = s->gradient[0], run->dk = s->gradient[1], run->dk_rows = s->columns;
    return KIN_OK;
}

static kin_status compute(kin_tape *tape, kin_rows_run *run, const kin_arranged *a, kin_node *node,
                          const int *places, kin_loss_report *report)
{
    const int embeddings = node->op == &given_op ? 1 : 2;
    aim(run, node, embeddings == 1);
    if (a->setting.cells) {
        KIN_TRY(kin_cells_relate(tape, run, report));
        KIN_TRY(aim_gradients(tape, run, node, embeddings));
        KIN_TRY(kin_cells_compute(tape, run));
    } else {
        KIN_TRY(kin_rows_relate(tape, run, a->joined, report));
        kin_rows_plan(run, kin_tape_backend(tape));
        KIN_TRY(aim_gradients(tape, run, node, embeddings));
        KIN_TRY(kin_rows_compute(tape, run));
    }
    if (node->saved) save(kin_tape_backend(tape), run, places, embeddings, node->saved);
    kin_tensor_know(tape, node->out, run->value);
    report->value = run->value;
    report->formed = run->formed;
    report->accuracy = report->valid > 0 ? run->accuracy / (double)report->valid : NAN;
    return KIN_OK;
}

/* One node: rows against columns, both arranged, or scores as they were given. */
static kin_tensor *apply(kin_tape *tape, const kin_arranged *a, kin_tensor *given,
                         const kin_tensor *raw_rows, const kin_tensor *raw_columns,
                         kin_loss_report *report)
{
    kin_tensor *in[INPUTS_MAX] = { NULL };
    int places[INPUTS_MAX] = { 0 };
    const int inputs = gather(a, given, in, places);
    kin_node *node = kin_node_new(tape, given ? &given_op : &ops[a->setting.loss], 1, 1, inputs,
                                  in[0], in[1], in[2], in[3]);
    if (!node) return kin_empty(tape);
    kin_rows_run run = { .setting = &a->setting, .loss = a->loss, .reduce = a->setting.reduce };
    run.raw[0] = raw_rows, run.raw[1] = raw_columns;
    run.both = a->setting.direction == KIN_BOTH_WAYS;
    read_hypers(tape, &a->setting, a->loss, run.hypers);
    if (compute(tape, &run, a, node, places, report) != KIN_OK) return kin_empty(tape);
    return node->out;
}

/* Whether columns against rows is another loss than rows against columns. */
static bool mirrored(const kin_arranged *a)
{
    const bool same = a->same && a->setting.relation.by_label;
    return a->loss->mirrored || a->loss->whole || a->loss->joins_pairs || same;
}

/* The mean of two runs, in the report too. */
static kin_tensor *mean_of(kin_tape *tape, kin_tensor *a, kin_tensor *b, kin_loss_report *report,
                           const kin_loss_report *second)
{
    report->value = (report->value + second->value) / 2;
    report->formed += second->formed;
    return kin_scale(tape, kin_add(tape, a, b), 0.5);
}

/* Losses that need whole rows cannot serve columns from the same tiles: two runs. */
static kin_tensor *apply_twice(kin_tape *tape, const kin_arranged *a, const kin_tensor *raw_rows,
                               const kin_tensor *raw_columns, kin_loss_report *report)
{
    kin_loss_report second;
    kin_arranged one = *a, other = *a;
    one.setting.direction = other.setting.direction = KIN_ONE_WAY;
    other.setting.want_accuracy = false;
    kin_tensor *value = apply(tape, &one, NULL, raw_rows, raw_columns, report);
    if (kin_arrange_flip(tape, &other) != KIN_OK) return kin_empty(tape);
    kin_tensor *back = apply(tape, &other, NULL, raw_columns, raw_rows, &second);
    return mean_of(tape, value, back, report, &second);
}

static kin_tensor *apply_one(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                             kin_tensor *columns, kin_loss_report *report)
{
    kin_arranged a = kin_arrange_begin(setting, rows, columns);
    if (a.loss->form == KIN_COMPOSED)
        return kin_composed_apply(tape, a.loss, &a.setting, rows, columns, report);
    if (kin_arrange(tape, &a) != KIN_OK) return kin_empty(tape);
    if (mirrored(&a) && a.setting.direction == KIN_BOTH_WAYS) a.setting.direction = KIN_ONE_WAY;
    const bool twice = a.setting.direction == KIN_BOTH_WAYS &&
                       (a.loss->form == KIN_ROW || a.setting.relation.more ||
                        a.setting.relation.ignored);
    return twice ? apply_twice(tape, &a, rows, columns, report)
                 : apply(tape, &a, NULL, rows, columns, report);
}

/* Each side against itself: everything but oneself is a negative. */
static kin_tensor *apply_sides(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                               kin_tensor *columns, kin_loss_report *report)
{
    kin_loss_report second = { 0 };
    kin_tensor *const x[2] = { rows, columns };
    kin_loss_report *const reports[2] = { report, &second };
    kin_tensor *value[2] = { NULL };
    const int sides = rows == columns ? 1 : 2;
    for (int side = 0; side < sides; side++) {
        const int64_t n = x[side]->rows;
        kin_loss_setting s = *setting;
        int32_t *none = kin_keep_host(tape, (size_t)n * sizeof *none);
        if (!none) return kin_empty(tape);
        for (int64_t i = 0; i < n; i++) none[i] = -1;
        s.relation = (kin_relation){ .own = none, .self = true };
        s.direction = KIN_ONE_WAY;
        s.still = 0;
        value[side] = apply_one(tape, &s, x[side], x[side], reports[side]);
    }
    return sides == 1 ? value[0] : mean_of(tape, value[0], value[1], report, &second);
}

kin_tensor *kin_loss_apply(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                           kin_tensor *columns, kin_loss_report *report)
{
    kin_loss_report unread;
    if (!report) report = &unread;
    *report = (kin_loss_report){ .value = NAN, .accuracy = NAN };
    if (kin_arrange_check(tape, setting, rows, columns, NULL) != KIN_OK) return kin_empty(tape);
    if (setting->dims[0]) return kin_dims_apply(tape, setting, rows, columns, report);
    if (kin_loss_of(kin_losses.items[setting->loss])->each_side && !setting->cells)
        return apply_sides(tape, setting, rows, columns, report);
    return apply_one(tape, setting, rows, columns, report);
}

kin_tensor *kin_loss_apply_scores(kin_tape *tape, const kin_loss_setting *setting,
                                  kin_tensor *scores, kin_loss_report *report)
{
    kin_loss_report unread;
    if (!report) report = &unread;
    *report = (kin_loss_report){ .value = NAN, .accuracy = NAN };
    if (kin_arrange_check(tape, setting, NULL, NULL, scores) != KIN_OK) return kin_empty(tape);
    const kin_arranged a = kin_arrange_begin(setting, NULL, NULL);
    return apply(tape, &a, scores, NULL, NULL, report);
}
