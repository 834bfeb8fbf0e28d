/* Objective: see objective.h. */
#include "train/objective.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/op.h"
#include "core/rng.h"
#include "train/machine.h"

enum { PROXIES = 0x70727879 };              /* their stream of first values: no encoder's */

static const kin_loss *loss_at(const kin_objective *o, int i)
{
    return kin_loss_of(kin_losses.items[o->term[i].setting.loss]);
}

/* ---- making it ------------------------------------------------------------------------------- */

static void read_dims(const kin_config *config, kin_loss_setting *s)
{
    double dims[KIN_DIMS_MAX];
    const int n = kin_config_numbers(config, "loss.dims", dims, KIN_DIMS_MAX);
    for (int i = 0; i < n; i++) {
        s->dims[i] = (int)dims[i];
        s->dim_weight[i] = 1;
    }
    kin_config_numbers(config, "loss.dim_weights", s->dim_weight, KIN_DIMS_MAX);
}

static void read_setting(const kin_config *config, kin_loss_setting *s)
{
    for (const kin_hyper *h = kin_loss_choices; h->name; h++) {
        char key[64];
        snprintf(key, sizeof key, "loss.%s", h->name);
        *kin_loss_choice(s, h->name) = (int)kin_config_number(config, key);
    }
    s->memory = (size_t)(kin_config_number(config, "loss.memory") * KIN_MB);
    read_dims(config, s);
}

static void make_learned(kin_objective *o, int i, int h, const kin_config_loss *l)
{
    const kin_entry *e = kin_losses.items[l->loss];
    const real start = (real)kin_loss_learned_start(e, h, l->hypers[h]);
    char *name = o->learned_name[i][h];
    snprintf(name, sizeof o->learned_name[i][h], "%s%s%s", o->sum ? e->name : "",
             o->sum ? "." : "", e->hypers[h].name);
    kin_tensor *t = &o->learned[i][h];
    *t = (kin_tensor){ .rows = 1, .cols = 1, .needs_grad = true, .name = name,
                       .value = o->learned_values + i * KIN_HYPERS_MAX + h };
    o->backend->upload(o->backend, t->value, &start, sizeof start);
    o->term[i].setting.learned[h] = t;
}

static void make_term(kin_objective *o, int i, const kin_config *config)
{
    kin_config_loss l;
    kin_config_loss_at(config, i, &l);
    kin_loss_setting *s = &o->term[i].setting;
    s->loss = l.loss;
    memcpy(s->hypers, l.hypers, sizeof s->hypers);
    read_setting(config, s);
    o->term[i].weight = l.weight;
    o->name[i] = l.name;
    for (int h = 0; h < KIN_HYPERS_MAX; h++)
        if (l.learned[h]) make_learned(o, i, h, &l);
    const int t = kin_hyper_find(kin_losses.items[l.loss], "temperature");
    if (t >= 0) o->first[i] = l.hypers[t];
}

kin_status kin_objective_make(kin_objective *o, kin_backend *backend, const kin_config *config)
{
    const size_t bytes = KIN_TERMS_MAX * KIN_HYPERS_MAX * sizeof(real);
    *o = (kin_objective){ .backend = backend, .count = kin_config_losses(config),
                          .sum = kin_config_sums(config),
                          .final = kin_config_number(config, "loss.final_temperature"),
                          .drawn = (int64_t)kin_config_number(config, "loss.drawn"),
                          .corpus = kin_config_is(config, "loss.negatives", "corpus"),
                          .one_sample = kin_config_is(config, "loss.negatives", "corpus_shared"),
                          .seed = (uint64_t)kin_config_number(config, "run.seed") };
    o->learned_values = backend->alloc(backend, bytes);
    KIN_REQUIRE(o->learned_values, KIN_MEMORY, "no memory for the loss");
    backend->zero(backend, o->learned_values, bytes);
    o->corpus |= o->one_sample;
    for (int i = 0; i < o->count; i++) make_term(o, i, config);
    o->direction = o->term[0].setting.direction;
    if (!o->drawn) return KIN_OK;
    return kin_drawn_prepare(o, (int64_t)kin_config_number(config, "batch.size"));
}

/* As loss.candidates says; own: what the loss is made for. */
static bool compares_proxies(const kin_config *config, const kin_loss *loss)
{
    if (kin_config_is(config, "loss.candidates", "own")) return loss->takes & KIN_PROXIES;
    return kin_config_is(config, "loss.candidates", "proxies");
}

static kin_status fill_proxies(kin_objective *o)
{
    const int64_t numbers = o->proxies.rows * o->proxies.cols;
    real *first = malloc((size_t)numbers * sizeof *first);
    KIN_REQUIRE(first, KIN_MEMORY, "no memory for the proxies");
    for (int64_t i = 0; i < numbers; i++)
        first[i] = (real)(kin_random_normal(o->seed, KIN_STREAM_INIT, PROXIES, (uint64_t)i) /
                          sqrt((double)o->proxies.cols));
    o->backend->upload(o->backend, o->proxies.value, first, (size_t)numbers * sizeof *first);
    free(first);
    return KIN_OK;
}

kin_status kin_objective_make_proxies(kin_objective *o, const kin_config *config, int64_t classes,
                                      int64_t width)
{
    bool any = false;
    for (int i = 0; i < o->count; i++) {
        o->to_proxies[i] = compares_proxies(config, loss_at(o, i));
        any = any || o->to_proxies[i];
    }
    if (!any) return KIN_OK;
    o->class = malloc((size_t)classes * sizeof *o->class);
    o->proxies = (kin_tensor){ .rows = classes, .cols = width, .needs_grad = true,
                               .name = "proxies" };
    o->proxies.value = o->backend->alloc(o->backend, (size_t)(classes * width) * sizeof(real));
    KIN_REQUIRE(o->class && o->proxies.value, KIN_MEMORY, "no memory for %ld proxies",
                (long)classes);
    for (int64_t i = 0; i < classes; i++) o->class[i] = (int32_t)i;
    return fill_proxies(o);
}

void kin_objective_free(kin_objective *o)
{
    if (o->proxies.value) o->backend->release(o->backend, o->proxies.value);
    free(o->class);
    o->proxies.value = NULL;
    o->class = NULL;
    if (o->learned_values) o->backend->release(o->backend, o->learned_values);
    free(o->row);
    free(o->kind);
    free(o->start);
    o->learned_values = NULL;
    o->row = NULL, o->kind = NULL, o->start = NULL;
}

/* ---- a step ---------------------------------------------------------------------------------- */

/* A falling temperature goes from first to final by the same factor in each step. */
void kin_objective_set_step(kin_objective *o, int64_t step, int64_t steps)
{
    const double done = (double)step / (double)steps;
    for (int i = 0; i < o->count && o->final != 0; i++) {
        kin_loss_setting *s = &o->term[i].setting;
        const int t = kin_hyper_find(kin_losses.items[s->loss], "temperature");
        if (t < 0 || s->learned[t]) continue;
        s->hypers[t] = o->first[i] * pow(o->final / o->first[i], done);
    }
}

/* Row i's only cell: its column i, with the target that the data have. */
static kin_cells *pair_up(kin_tape *tape, int64_t rows)
{
    kin_cells *c = kin_keep_host(tape, sizeof *c);
    int64_t *start = kin_keep_host(tape, (size_t)(rows + 1) * sizeof *start);
    int32_t *place = kin_keep_host(tape, (size_t)rows * sizeof *place);
    int8_t *kind = kin_keep_host(tape, (size_t)rows);
    if (!kind) return NULL;
    for (int64_t i = 0; i < rows; i++) {
        start[i] = i;
        place[i] = (int32_t)i;
        kind[i] = 1;
    }
    start[rows] = rows;
    *c = (kin_cells){ .rows = rows, .start = start, .row = place, .col = place, .kind = kind };
    return c;
}

static kin_tensor *send_target(kin_tape *tape, const real *target, int64_t rows)
{
    kin_backend *backend = kin_tape_backend(tape);
    const size_t bytes = (size_t)rows * sizeof *target;
    real *sent = kin_keep(tape, bytes);
    if (!sent) return kin_empty(tape);
    backend->upload(backend, sent, target, bytes);
    return kin_tape_input(tape, 1, rows, sent);
}

/* Losses that look at one kind of cells alone have no accuracy. */
static void set_terms(kin_objective *o, const kin_cells *cells, bool accuracy,
                      const kin_sides *sides)
{
    for (int i = 0; i < o->count; i++) {
        const kin_loss *loss = loss_at(o, i);
        kin_loss_setting *s = &o->term[i].setting;
        s->want_accuracy = accuracy && !loss->positives_only && !loss->each_side && !s->target;
        s->cells = cells;
        s->relation = (kin_relation){ .row_text = sides->row_text, .col_text = sides->col_text,
                                      .ignored = sides->ignored,
                                      .ignored_row = sides->ignored_row,
                                      .ignored_col = sides->ignored_col };
        s->direction = sides->back_rows ? KIN_ONE_WAY : o->direction;
        s->still = sides->still;
    }
}

static bool reads_apart(const kin_objective *o)
{
    for (int i = 0; i < o->count; i++) {
        const kin_loss *l = loss_at(o, i);
        const int reduce = o->term[i].setting.reduce;
        if ((reduce ? reduce : l->reduce) == KIN_MEAN_ROWS) return false;
        if (l->mirrored || l->whole || l->joins_pairs || !(l->needs & KIN_POSITIVE)) return false;
    }
    return o->direction == KIN_BOTH_WAYS;
}

/* Documents that are no row's own are compared with nothing on the way back, and with cells that
 * are ignored the loss would look at all of them one by one. Then the way back is a loss by itself,
 * of the rows' documents against the rows. */
static void split_ways(kin_tape *tape, const kin_objective *o, kin_sides *s)
{
    const int64_t rows = s->rows->rows;
    if (s->back_rows || s->label || s->target || o->drawn || !reads_apart(o)) return;
    if (!s->ignored && !s->still) return;
    s->back_columns = s->rows;
    s->back_rows = s->columns->rows > rows ? kin_split_rows(tape, s->columns, 0, rows)
                                           : s->columns;
}

static kin_tensor *apply(kin_tape *tape, const kin_objective *o, kin_tensor *rows,
                         kin_tensor *columns, kin_loss_report *reports)
{
    if (!o->sum) return kin_loss_apply(tape, &o->term[0].setting, rows, columns, reports);
    return kin_loss_sum(tape, o->term, o->count, rows, columns, reports);
}

/* The relation of the rows' documents to the rows. */
static kin_status relate_back(kin_tape *tape, const kin_sides *s, kin_relation *r)
{
    int32_t *row = kin_keep_host(tape, (size_t)(s->ignored + 1) * sizeof *row);
    int32_t *col = kin_keep_host(tape, (size_t)(s->ignored + 1) * sizeof *col);
    if (!row || !col) return kin_tape_status(tape);
    *r = (kin_relation){ .row_text = s->col_text, .col_text = s->row_text, .ignored_row = row,
                         .ignored_col = col };
    for (int64_t n = 0; n < s->ignored; n++) {
        if (s->ignored_col[n] >= s->rows->rows) continue;
        row[r->ignored] = s->ignored_col[n];
        col[r->ignored++] = s->ignored_row[n];
    }
    return KIN_OK;
}

/* The loss of the way back, halved with the first. */
static kin_tensor *apply_back(kin_tape *tape, kin_objective *o, const kin_sides *s,
                              kin_tensor *first)
{
    kin_loss_report back[KIN_TERMS_MAX] = { { 0 } };
    kin_relation relation;
    if (relate_back(tape, s, &relation) != KIN_OK) return kin_empty(tape);
    for (int i = 0; i < o->count; i++) {
        o->term[i].setting.relation = relation;
        o->term[i].setting.still = 0;
        o->term[i].setting.want_accuracy = false;
    }
    kin_tensor *second = apply(tape, o, s->back_rows, s->back_columns, back);
    for (int i = 0; i < o->count; i++)
        o->report[i].value = (o->report[i].value + back[i].value) / 2;
    return kin_scale(tape, kin_add(tape, first, second), 0.5);
}

/* Items by class: each term has columns of its own. */
static kin_tensor *apply_by_class(kin_tape *tape, kin_objective *o, const kin_sides *sides)
{
    kin_tensor *total = NULL;
    for (int i = 0; i < o->count; i++) {
        const bool proxies = o->to_proxies[i];
        o->term[i].setting.relation = (kin_relation){
            .by_label = true, .row_label = sides->label, .self = !proxies,
            .col_label = proxies ? o->class : sides->label };
        kin_tensor *columns = proxies ? &o->proxies : sides->columns;
        if (!o->sum)
            return kin_loss_apply(tape, &o->term[i].setting, sides->rows, columns, o->report);
        kin_tensor *loss = kin_loss_term_apply(tape, &o->term[i], sides->rows, columns,
                                               &o->report[i]);
        if (loss) total = total ? kin_add(tape, total, loss) : loss;
    }
    return total ? total : kin_empty(tape);
}

/* The term that sees most negatives speaks for all. */
static kin_loss_report summary(const kin_objective *o)
{
    int best = 0;
    double value = 0;
    for (int i = 0; i < o->count; i++) {
        value += o->term[i].weight * o->report[i].value;
        if (o->report[i].negatives > o->report[best].negatives) best = i;
    }
    kin_loss_report r = o->report[best];
    r.value = value;
    if (loss_at(o, best)->positives_only || loss_at(o, best)->each_side) r.accuracy = NAN;
    return r;
}

kin_tensor *kin_objective_apply(kin_tape *tape, kin_objective *o, int64_t step, bool accuracy,
                                const kin_sides *sides, kin_loss_report *report)
{
    const kin_cells *cells = NULL;
    kin_sides s = *sides;
    if (o->drawn && !(cells = kin_drawn_cells(tape, o, step, &s))) return kin_empty(tape);
    if (s.target) {
        kin_tensor *target = send_target(tape, s.target, s.rows->rows);
        for (int i = 0; i < o->count; i++) o->term[i].setting.target = target;
        if (!(cells = pair_up(tape, s.rows->rows))) return kin_empty(tape);
    }
    split_ways(tape, o, &s);
    set_terms(o, cells, accuracy, &s);
    kin_tensor *loss = s.label ? apply_by_class(tape, o, &s)
                               : apply(tape, o, s.rows, s.columns, o->report);
    if (s.back_rows) loss = apply_back(tape, o, &s, loss);
    *report = summary(o);
    return loss;
}

double kin_objective_temperature(const kin_objective *o)
{
    for (int i = 0; i < o->count; i++) {
        const kin_loss_setting *s = &o->term[i].setting;
        const kin_entry *e = kin_losses.items[s->loss];
        const int t = kin_hyper_find(e, "temperature");
        if (t < 0) continue;
        if (!s->learned[t]) return s->hypers[t];
        real value;
        o->backend->download(o->backend, &value, s->learned[t]->value, sizeof value);
        return kin_loss_learned_value(e, t, (double)value);
    }
    return NAN;
}
