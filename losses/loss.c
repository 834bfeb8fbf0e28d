/* Loss: the list of losses, and a loss as a node of the tape. */
#include <math.h>
#include <stddef.h>
#include "losses/loss.h"
#include "losses/rows/rows.h"

#define LOSS(name) extern const kin_loss kin_loss_##name;
#include "losses/losses.def"
#undef LOSS

static const kin_entry *const entries[] = {
#define LOSS(name) &kin_loss_##name.entry,
#include "losses/losses.def"
#undef LOSS
};

const kin_list kin_losses = { "loss", entries, sizeof entries / sizeof *entries };

/* entry is the first field of every kin_loss. */
static const kin_loss *loss_of(const kin_entry *entry)
{
    return (const kin_loss *)(const void *)entry;
}

/* ---- learned hyperparameters --------------------------------------------------------------- */

double kin_loss_learned_start(const kin_entry *loss, int hyper, double value)
{
    switch (loss_of(loss)->learned[hyper].as) {
    case KIN_LOG: return log(value);
    case KIN_LOG_INVERSE: return -log(value);
    default: return value;
    }
}

double kin_loss_learned_value(const kin_entry *loss, int hyper, double parameter)
{
    switch (loss_of(loss)->learned[hyper].as) {
    case KIN_LOG: return exp(parameter);
    case KIN_LOG_INVERSE: return exp(-parameter);
    default: return parameter;
    }
}

/* d hyperparameter / d parameter. */
static double learned_slope(const kin_loss *loss, int hyper, double value)
{
    switch (loss->learned[hyper].as) {
    case KIN_LOG: return value;
    case KIN_LOG_INVERSE: return -value;
    default: return 1;
    }
}

void kin_loss_learned_range(const kin_entry *loss, int hyper, double *low, double *high)
{
    const kin_learned *learned = &loss_of(loss)->learned[hyper];
    const bool none = !(learned->low < learned->high);
    *low = none ? -INFINITY : learned->low;
    *high = none ? INFINITY : learned->high;
}

/* ---- the node ------------------------------------------------------------------------------ */

enum { INPUTS_MAX = 4 };                       /* rows, columns, learned hyperparameters */

typedef struct {
    int inputs;
    real *gradient[INPUTS_MAX];                /* of each input, or NULL */
    double factor[INPUTS_MAX];                 /* that the gradient still lacks */
} saved;

static void backward(kin_tape *tape, kin_node *node)
{
    kin_backend *backend = kin_tape_backend(tape);
    const saved *s = node->saved;
    real upstream;
    backend->download(backend, &upstream, node->out->grad, sizeof upstream);
    for (int i = 0; i < s->inputs; i++) {
        const real factor = (real)(upstream * s->factor[i]);
        if (s->gradient[i]) kin_grad_give(tape, node->in[i], factor, s->gradient[i]);
    }
}

static const kin_op ops[] = {
#define LOSS(name_) { .entry = { .name = #name_, .summary = "a loss" }, .backward = backward },
#include "losses/losses.def"
#undef LOSS
};

/* ---- what may be asked --------------------------------------------------------------------- */

#define REFUSE(...) return kin_tape_fail(tape, KIN_USAGE, __VA_ARGS__), kin_tape_status(tape)

static kin_status check_hypers(kin_tape *tape, const kin_loss_setting *setting,
                               const kin_loss *loss)
{
    int learned = 0;
    for (int i = 0; i < kin_hyper_count(&loss->entry); i++) {
        const kin_hyper *hyper = &loss->entry.hypers[i];
        const kin_tensor *parameter = setting->learned[i];
        const double value = setting->hypers[i];
        if (parameter && (!(hyper->flags & KIN_LEARNABLE) || ++learned > INPUTS_MAX - 2))
            REFUSE("loss %s: %s cannot be learned", loss->entry.name, hyper->name);
        if (parameter && (parameter->rows != 1 || parameter->cols != 1))
            REFUSE("loss %s: the parameter of %s is %lldx%lld, expected 1x1", loss->entry.name,
                   hyper->name, (long long)parameter->rows, (long long)parameter->cols);
        if (!parameter && !(value >= hyper->min && value <= hyper->max))
            REFUSE("loss %s: %s is %g, expected %g to %g", loss->entry.name, hyper->name, value,
                   hyper->min, hyper->max);
    }
    return KIN_OK;
}

static kin_status check_relation(kin_tape *tape, const kin_relation *r, const char *name,
                                 int64_t rows, int64_t columns)
{
    if (!r->row_label != !r->col_label || !r->row_text != !r->col_text)
        REFUSE("loss %s: labels (or texts) of rows and of columns go together", name);
    if (r->by_label && !r->row_label)
        REFUSE("loss %s: positives by label need labels", name);
    if (r->by_label && r->own)
        REFUSE("loss %s: positives come by label or by own, not both", name);
    if (r->self && rows != columns)
        REFUSE("loss %s: rows and columns are the same points, but there are %lld and %lld", name,
               (long long)rows, (long long)columns);
    if (!r->own && !r->by_label && columns < rows)
        REFUSE("loss %s: row i's positive is column i, but there are %lld rows and %lld columns",
               name, (long long)rows, (long long)columns);
    for (int64_t i = 0; r->own && i < rows; i++)
        if (r->own[i] < -1 || r->own[i] >= columns)
            REFUSE("loss %s: the positive of row %lld is column %d of %lld", name, (long long)i,
                   (int)r->own[i], (long long)columns);
    return KIN_OK;
}

static kin_status check(kin_tape *tape, const kin_loss_setting *setting, const kin_tensor *rows,
                        const kin_tensor *columns)
{
    KIN_TRY(kin_tape_status(tape));
    if (setting->loss < 0 || setting->loss >= kin_losses.count)
        REFUSE("loss: there is no loss %d", setting->loss);
    const kin_loss *loss = loss_of(kin_losses.items[setting->loss]);
    if (rows->cols != columns->cols || rows->cols < 1 || rows->rows < 1 || columns->rows < 1 ||
        rows->rows > INT32_MAX || columns->rows > INT32_MAX)
        REFUSE("loss %s: rows are %lldx%lld, columns are %lldx%lld", loss->entry.name,
               (long long)rows->rows, (long long)rows->cols, (long long)columns->rows,
               (long long)columns->cols);
    KIN_TRY(check_hypers(tape, setting, loss));
    return check_relation(tape, &setting->relation, loss->entry.name, rows->rows, columns->rows);
}

/* ---- forward ------------------------------------------------------------------------------- */

/* Both directions, unless one is the mirror of the other. */
static bool both_ways(const kin_loss_setting *setting, const kin_loss *loss, bool same)
{
    const bool mirrored = same && setting->relation.by_label;
    return setting->symmetric && !loss->mirrored && !mirrored;
}

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

/* Rows, columns and learned hyperparameters as inputs; places: which hyperparameter each is. */
static int gather(const kin_loss_setting *setting, kin_tensor *q, kin_tensor *k, kin_tensor **in,
                  int *places)
{
    int inputs = 2;
    in[0] = q, in[1] = k;
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (setting->learned[i]) places[inputs] = i, in[inputs++] = setting->learned[i];
    return inputs;
}

/* Gradients are formed where an input needs one, the rows' also where a hyperparameter's does. */
static saved *make_room(kin_tape *tape, const kin_node *node)
{
    saved *s = kin_keep_host(tape, sizeof *s);
    if (!s) return NULL;
    *s = (saved){ .inputs = node->inputs };
    bool learns = false;
    for (int i = 2; i < node->inputs; i++) learns = learns || node->in[i]->needs_grad;
    for (int i = 0; i < node->inputs; i++) {
        const kin_tensor *in = node->in[i];
        const bool carries = i == 0 && learns && !node->in[1]->needs_grad;
        if (!in->needs_grad && !carries) continue;
        s->gradient[i] = kin_keep(tape, (size_t)(in->rows * in->cols) * sizeof(real));
        if (!s->gradient[i]) return NULL;
    }
    return s;
}

static void save(kin_backend *backend, const kin_rows_run *run, const int *places, saved *s)
{
    s->factor[0] = s->factor[1] = run->factor;
    for (int i = 2; i < s->inputs; i++) {
        const double chain = learned_slope(run->loss, places[i], run->hypers[places[i]]);
        const real gradient = (real)(run->gradient[places[i]] * chain);
        s->factor[i] = 1;
        if (s->gradient[i]) backend->upload(backend, s->gradient[i], &gradient, sizeof gradient);
    }
}

static kin_status compute(kin_tape *tape, kin_rows_run *run, kin_node *node, const int *places,
                          kin_loss_report *report)
{
    kin_backend *backend = kin_tape_backend(tape);
    const kin_tensor *q = node->in[0], *k = node->in[1];
    saved *s = NULL;
    run->slopes = node->out->needs_grad;
    if (run->slopes && !(s = node->saved = make_room(tape, node))) return kin_tape_status(tape);
    if (s) run->dq = s->gradient[0], run->dk = s->gradient[1];
    for (int i = 2; s && i < s->inputs; i++) run->learns = run->learns || s->gradient[i];
    run->dimension = q->cols;
    run->q = q->value, run->k = k->value;
    run->unit = q->unit && k->unit;
    run->scores.side[0].count = q->rows, run->scores.side[1].count = k->rows;
    KIN_TRY(kin_rows_relate(tape, &run->setting->relation, run->loss->needs, &run->scores, report));
    KIN_TRY(kin_rows_compute(tape, run));
    if (s) save(backend, run, places, s);
    const real value = (real)run->value;
    backend->upload(backend, node->out->value, &value, sizeof value);
    report->value = run->value;
    report->accuracy = report->valid > 0 ? run->accuracy / (double)report->valid : NAN;
    return KIN_OK;
}

kin_tensor *kin_loss_apply(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                           kin_tensor *columns, kin_loss_report *report)
{
    kin_loss_report unread;
    kin_tensor *in[INPUTS_MAX];
    int places[INPUTS_MAX] = { 0 };
    if (!report) report = &unread;
    *report = (kin_loss_report){ .value = NAN, .accuracy = NAN };
    if (check(tape, setting, rows, columns) != KIN_OK) return kin_empty(tape);
    kin_rows_run run = { .setting = setting, .loss = loss_of(kin_losses.items[setting->loss]) };
    kin_tensor *q = setting->dot ? rows : kin_l2_normalize(tape, rows);
    kin_tensor *k = rows == columns ? q : setting->dot ? columns : kin_l2_normalize(tape, columns);
    const int inputs = gather(setting, q, k, in, places);
    kin_node *node = kin_node_new(tape, &ops[setting->loss], 1, 1, inputs, in[0], in[1], in[2],
                                  in[3]);
    if (!node) return kin_empty(tape);
    run.raw_q = rows->value, run.raw_k = columns->value;
    run.both = both_ways(setting, run.loss, rows == columns);
    read_hypers(tape, setting, run.loss, run.hypers);
    if (compute(tape, &run, node, places, report) != KIN_OK) return kin_empty(tape);
    return node->out;
}
