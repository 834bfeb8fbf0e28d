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

/* What cells of drawn negatives have alike in each step: a row's own column comes first. */
static kin_status make_pattern(kin_objective *o, int64_t rows)
{
    const int64_t each = o->drawn + 1, count = rows * each;
    o->row = malloc((size_t)count * sizeof *o->row);
    o->kind = malloc((size_t)count);
    o->start = malloc((size_t)(rows + 1) * sizeof *o->start);
    KIN_REQUIRE(o->row && o->kind && o->start, KIN_MEMORY, "no memory for %ld drawn negatives",
                (long)count);
    for (int64_t n = 0; n < count; n++) {
        o->row[n] = (int32_t)(n / each);
        o->kind[n] = n % each ? -1 : 1;
    }
    for (int64_t i = 0; i <= rows; i++) o->start[i] = i * each;
    return KIN_OK;
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
    if (!o->drawn) return KIN_OK;
    return make_pattern(o, (int64_t)kin_config_number(config, "batch.size"));
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

/* Columns of the cells: of each row its own, then others of the batch. */
static void draw_from_batch(const kin_objective *o, int64_t step, int64_t rows, int32_t *col)
{
    const int64_t each = o->drawn + 1;
    for (int64_t n = 0; n < rows * each; n++) {
        const int64_t i = n / each;
        const uint64_t other = kin_random_below(o->seed, KIN_STREAM_NEGATIVES, (uint32_t)step,
                                                (uint64_t)n, (uint64_t)rows - 1);
        col[n] = n % each == 0 ? (int32_t)i : (int32_t)other + ((int64_t)other >= i);
    }
}

typedef struct {
    const kin_objective *o;
    const int32_t *own;
    int64_t step, columns;
    int32_t *col;
} drawing;

/* Of all columns, a row's own among them: what is published draws so. */
static void draw_row(void *context, int64_t i, int thread)
{
    (void)thread;
    const drawing *d = context;
    const int64_t drawn = d->o->drawn;
    int32_t *col = d->col + i * (drawn + 1);
    col[0] = d->own[i];
    kin_random_list(d->o->seed, KIN_STREAM_NEGATIVES, (uint32_t)d->step,
                    d->o->one_sample ? 0 : (uint64_t)(i * drawn), drawn, (uint32_t)d->columns,
                    col + 1);
}

/* Row i's cells: its own column, then those drawn, uniformly and with replacement. */
static kin_cells *draw(kin_tape *tape, const kin_objective *o, int64_t step, const kin_sides *sides)
{
    const int64_t rows = sides->rows->rows;
    kin_cells *c = kin_keep_host(tape, sizeof *c);
    int32_t *col = kin_keep_host(tape, (size_t)(rows * (o->drawn + 1)) * sizeof *col);
    if (!col) return NULL;
    drawing d = { o, sides->own, step, sides->columns->rows, col };
    if (o->corpus) kin_pool_run(o->backend->pool, rows, draw_row, &d);
    else draw_from_batch(o, step, rows, col);
    *c = (kin_cells){ .rows = rows, .start = o->start, .row = o->row, .col = col,
                      .kind = o->kind };
    return c;
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
        if (sides->back_rows) s->direction = KIN_ONE_WAY;
    }
}

static kin_tensor *apply(kin_tape *tape, const kin_objective *o, kin_tensor *rows,
                         kin_tensor *columns, kin_loss_report *reports)
{
    if (!o->sum) return kin_loss_apply(tape, &o->term[0].setting, rows, columns, reports);
    return kin_loss_sum(tape, o->term, o->count, rows, columns, reports);
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
    kin_loss_report back[KIN_TERMS_MAX] = { { 0 } };
    const kin_cells *cells = NULL;
    const bool twice = sides->back_rows != NULL;
    if (o->drawn && !(cells = draw(tape, o, step, sides))) return kin_empty(tape);
    if (sides->target) {
        kin_tensor *target = send_target(tape, sides->target, sides->rows->rows);
        for (int i = 0; i < o->count; i++) o->term[i].setting.target = target;
        if (!(cells = pair_up(tape, sides->rows->rows))) return kin_empty(tape);
    }
    set_terms(o, cells, accuracy, sides);
    kin_tensor *loss = sides->label ? apply_by_class(tape, o, sides)
                                    : apply(tape, o, sides->rows, sides->columns, o->report);
    if (twice) {
        for (int i = 0; i < o->count; i++)                      /* they are of the first columns */
            o->term[i].setting.relation = (kin_relation){ 0 };
        kin_tensor *second = apply(tape, o, sides->back_rows, sides->back_columns, back);
        loss = kin_scale(tape, kin_add(tape, loss, second), 0.5);
        for (int i = 0; i < o->count; i++)
            o->report[i].value = (o->report[i].value + back[i].value) / 2;
    }
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
