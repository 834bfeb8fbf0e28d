/* The optimizers: one table, one kernel. Each entry says which factors turn kin_adam,
 *     m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
 *     p = keep p - rate m / (sqrt(v) / root + eps)
 * into step k of its own rule, k = 1, 2, ...
 *
 * Adam, Kingma and Ba 2014, with eps added after the bias correction:
 *     p -= lr mhat / (sqrt(vhat) + eps),  mhat = m / (1 - beta1^k),  vhat = v / (1 - beta2^k)
 * AdamW, Loshchilov and Hutter 2017: p *= 1 - lr weight_decay, then Adam's step.
 * SGD: u = momentum u + g, p *= 1 - lr weight_decay, p -= lr u. With beta1 = momentum m is
 *     (1 - momentum) u; the denominator is eps = 1 because v stays 0.
 * Adagrad, Duchi et al. 2011: s += g^2, p -= lr g / (sqrt(s) + eps). With beta2 = (k - 1) / k v is
 *     the mean s / k, so root = 1 / sqrt(k). The mean is over all steps, hence always dense.
 * Where beta1 is 0 there is no m. */
#include "optim/optimizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    kin_entry entry;
    kin_adam (*factors)(const kin_optimizer_setting *setting, double lr, int64_t k);
    bool dense;                 /* rows cannot rest */
} rule;

struct kin_optimizer {
    kin_backend *backend;
    kin_optimizer_setting setting;
    const rule *rule;
    kin_parameter *params;
    real **m, **v;              /* per parameter, inside state */
    int count;
    real *state;
    size_t bytes;
    kin_move *moves;            /* of this step */
    double *squares;            /* backend memory: of gradients whose sums were left open, */
    bool *open;                 /* which those are, where they are not in the norm yet */
    int64_t steps;
    double norm;
    bool dense;
};

/* ---- the table ------------------------------------------------------------------------------ */

static kin_adam adam_factors(const kin_optimizer_setting *setting, double lr, int64_t k)
{
    const double beta1 = kin_optimizer_get(setting, "beta1");
    const double beta2 = kin_optimizer_get(setting, "beta2");
    return (kin_adam){
        .beta1 = beta1, .beta2 = beta2,
        .eps = kin_optimizer_get(setting, "eps"),
        .rate = lr / (1 - pow(beta1, (double)k)),
        .root = sqrt(1 - pow(beta2, (double)k)),
    };
}

static kin_adam sgd_factors(const kin_optimizer_setting *setting, double lr, int64_t k)
{
    const double momentum = kin_optimizer_get(setting, "momentum");
    (void)k;
    return (kin_adam){
        .beta1 = momentum, .beta2 = 1, .eps = 1,
        .rate = lr / (1 - momentum), .root = 1,
    };
}

static kin_adam adagrad_factors(const kin_optimizer_setting *setting, double lr, int64_t k)
{
    return (kin_adam){
        .beta1 = 0, .beta2 = (double)(k - 1) / (double)k,
        .eps = kin_optimizer_get(setting, "eps"),
        .rate = lr, .root = 1 / sqrt((double)k),
    };
}

#define LR(value) { "lr", value, 0, 1e3, "peak learning rate", 0, NULL }
#define BETA1 { "beta1", 0.9, 0, 0.999999, "memory of the mean gradient", 0, NULL }
#define BETA2 { "beta2", 0.999, 0, 0.999999, "memory of the mean square", 0, NULL }
#define EPS(value) { "eps", value, 1e-30, 1, "added to the root of the mean square", 0, NULL }
#define DECAY(value) \
    { "weight_decay", value, 0, 1, "share of the weights taken away, times lr", 0, NULL }
#define CLIP { "clip", 0, 0, 1e9, "largest norm of all gradients together, 0: any", 0, NULL }
#define DENSE \
    { "dense", 0, 0, 1, "move rows of a table that had no gradient, too", KIN_BOOLEAN, NULL }
#define MOMENTUM { "momentum", 0.9, 0, 0.999999, "share of the last move that goes on", 0, NULL }

static const rule rules[] = {
    { { "adamw", "Adam with decoupled weight decay",
        { LR(1e-3), BETA1, BETA2, EPS(1e-8), DECAY(0.01), CLIP, DENSE } },
      adam_factors, false },
    { { "adam", "moments of first and second order, corrected for their start",
        { LR(1e-3), BETA1, BETA2, EPS(1e-8), CLIP, DENSE } },
      adam_factors, false },
    { { "sgd", "gradient descent with momentum and decoupled weight decay",
        { LR(0.1), MOMENTUM, DECAY(0), CLIP, DENSE } },
      sgd_factors, false },
    { { "adagrad", "rates that fall with the squares seen so far; always dense",
        { LR(0.01), EPS(1e-10), CLIP } },
      adagrad_factors, true },
};

enum { RULES = sizeof rules / sizeof *rules };

static const kin_entry *const entries[RULES] = {
    &rules[0].entry, &rules[1].entry, &rules[2].entry, &rules[3].entry,
};

const kin_list kin_optimizers = { "optimizer", entries, RULES };

/* ---- settings ------------------------------------------------------------------------------- */

kin_status kin_optimizer_defaults(kin_optimizer_setting *setting, const char *name)
{
    *setting = (kin_optimizer_setting){ 0 };
    KIN_TRY(kin_list_find(&kin_optimizers, name, &setting->optimizer));
    kin_hyper_defaults(entries[setting->optimizer], setting->hypers);
    return KIN_OK;
}

kin_status kin_optimizer_set(kin_optimizer_setting *setting, const char *hyper, double value)
{
    const kin_entry *entry = entries[setting->optimizer];
    const int place = kin_hyper_find(entry, hyper);
    KIN_REQUIRE(place >= 0, KIN_USAGE, "optim: %s has no %s", entry->name, hyper);
    setting->hypers[place] = value;
    return KIN_OK;
}

double kin_optimizer_get(const kin_optimizer_setting *setting, const char *hyper)
{
    const int place = kin_hyper_find(entries[setting->optimizer], hyper);
    return place >= 0 ? setting->hypers[place] : 0;
}

static kin_status check_setting(const kin_optimizer_setting *setting)
{
    KIN_REQUIRE(setting->optimizer >= 0 && setting->optimizer < RULES, KIN_USAGE,
                "optim: optimizer %d, expected 0 to %d", setting->optimizer, RULES - 1);
    const kin_entry *entry = entries[setting->optimizer];
    for (int i = 0; i < kin_hyper_count(entry); i++) {
        const kin_hyper *hyper = &entry->hypers[i];
        const double value = setting->hypers[i];
        KIN_REQUIRE(value >= hyper->min && value <= hyper->max, KIN_USAGE,
                    "optim.%s is %g, expected %g to %g", hyper->name, value, hyper->min,
                    hyper->max);
    }
    return KIN_OK;
}

/* ---- the optimizer -------------------------------------------------------------------------- */

kin_parameter kin_parameter_of(kin_tensor *tensor)
{
    return (kin_parameter){ .tensor = tensor, .decay = tensor->rows > 1 && tensor->cols > 1,
                            .rate_factor = 1 };
}

static int64_t size_of(const kin_parameter *param)
{
    return param->tensor->rows * param->tensor->cols;
}

/* Every parameter's m and v begin on a multiple of 16 numbers: whole cache lines. */
static int64_t padded(const kin_parameter *param)
{
    return (size_of(param) + 15) / 16 * 16;
}

static kin_status check_parameters(const kin_parameter *params, int count)
{
    KIN_REQUIRE(count > 0, KIN_USAGE, "optim: there is no parameter to train");
    for (int i = 0; i < count; i++)
        KIN_REQUIRE(params[i].rate_factor > 0, KIN_USAGE,
                    "optim: rate_factor of %s is %g, expected more than 0",
                    params[i].tensor->name, params[i].rate_factor);
    return KIN_OK;
}

static bool moves_all(const kin_optimizer_setting *setting)
{
    return rules[setting->optimizer].dense || kin_optimizer_get(setting, "dense") != 0;
}

bool kin_optimizer_sums(const kin_optimizer_setting *setting)
{
    return !moves_all(setting) && kin_optimizer_get(setting, "clip") <= 0;
}

bool kin_optimizer_keeps_mean(const kin_optimizer_setting *setting)
{
    return rules[setting->optimizer].factors(setting, 0, 1).beta1 > 0;
}

static kin_status take_memory(kin_optimizer *o, const kin_parameter *params)
{
    const bool mean = kin_optimizer_keeps_mean(&o->setting);
    int64_t numbers = 0;
    for (int i = 0; i < o->count; i++) numbers += (mean ? 2 : 1) * padded(&params[i]);
    o->bytes = sizeof(real) * (size_t)numbers;
    o->params = calloc((size_t)o->count, sizeof *o->params);
    o->m = calloc((size_t)o->count, sizeof *o->m);
    o->v = calloc((size_t)o->count, sizeof *o->v);
    o->moves = calloc((size_t)o->count, sizeof *o->moves);
    o->open = calloc((size_t)o->count, sizeof *o->open);
    KIN_REQUIRE(o->params && o->m && o->v && o->moves && o->open, KIN_MEMORY,
                "optim: no memory for %d parameters", o->count);
    o->state = o->backend->alloc(o->backend, o->bytes);
    o->squares = o->backend->alloc(o->backend, sizeof *o->squares * (size_t)o->count);
    KIN_REQUIRE(o->state && o->squares, KIN_MEMORY, "optim: no memory for %zu bytes of moments",
                o->bytes);
    memcpy(o->params, params, sizeof *params * (size_t)o->count);
    o->backend->zero(o->backend, o->state, o->bytes);
    real *at = o->state;
    for (int i = 0; i < o->count; i++) {
        o->m[i] = mean ? at : NULL;
        o->v[i] = mean ? at + padded(&params[i]) : at;
        at = o->v[i] + padded(&params[i]);
    }
    return KIN_OK;
}

kin_status kin_optimizer_new(kin_optimizer **out, kin_backend *backend,
                             const kin_optimizer_setting *setting, const kin_parameter *params,
                             int count)
{
    *out = NULL;
    KIN_TRY(check_setting(setting));
    KIN_TRY(check_parameters(params, count));
    kin_optimizer *o = calloc(1, sizeof *o);
    KIN_REQUIRE(o != NULL, KIN_MEMORY, "optim: no memory");
    o->backend = backend;
    o->setting = *setting;
    o->rule = &rules[setting->optimizer];
    o->dense = moves_all(setting);
    o->count = count;
    kin_status status = take_memory(o, params);
    if (status != KIN_OK) kin_optimizer_free(o);
    else *out = o;
    return status;
}

void kin_optimizer_free(kin_optimizer *o)
{
    if (o == NULL) return;
    if (o->state != NULL) o->backend->release(o->backend, o->state);
    if (o->squares != NULL) o->backend->release(o->backend, o->squares);
    free(o->moves);
    free(o->open);
    free(o->params);
    free(o->m);
    free(o->v);
    free(o);
}

double kin_optimizer_norm(kin_optimizer *o)
{
    double squares;
    for (int i = 0; i < o->count; i++) {
        if (!o->open[i]) continue;
        o->backend->download(o->backend, &squares, o->squares + i, sizeof squares);
        o->norm = sqrt(o->norm * o->norm + squares);
        o->open[i] = false;
    }
    return o->norm;
}

int64_t kin_optimizer_steps(const kin_optimizer *o) { return o->steps; }
void kin_optimizer_set_steps(kin_optimizer *o, int64_t steps) { o->steps = steps; }

void *kin_optimizer_state(const kin_optimizer *o, size_t *bytes)
{
    *bytes = o->bytes;
    return o->state;
}

/* ---- a step --------------------------------------------------------------------------------- */

static bool has_gradient(const kin_tensor *tensor)
{
    return tensor->grad != NULL || tensor->sparse != NULL;
}

static kin_status measure(kin_optimizer *o)
{
    double squares = 0;
    int reached = 0;
    memset(o->open, 0, sizeof *o->open * (size_t)o->count);
    for (int i = 0; i < o->count; i++) {
        const kin_tensor *tensor = o->params[i].tensor;
        if (!has_gradient(tensor)) continue;
        KIN_REQUIRE(tensor->sparse == NULL || tensor->sparse->value != NULL
                    || kin_optimizer_sums(&o->setting), KIN_USAGE,
                    "optim: the gradient of %s was left unsummed, for an optimizer without "
                    "clipping whose rows may rest", tensor->name);
        squares += tensor->squares;
        reached++;
    }
    KIN_REQUIRE(reached > 0, KIN_USAGE, "optim: no parameter has a gradient, backward first");
    o->norm = sqrt(squares);
    KIN_REQUIRE(isfinite(o->norm), KIN_NUMERICAL, "optim: the gradient's norm is %g", o->norm);
    return KIN_OK;
}

static double clip_factor(const kin_optimizer *o)
{
    const double clip = kin_optimizer_get(&o->setting, "clip");
    return clip > 0 ? fmin(1, clip / (o->norm + 1e-6)) : 1;
}

/* Learned scalars stay in their range; only small parameters have one. */
static void clamp(kin_optimizer *o, const kin_parameter *param)
{
    if (!(param->low < param->high)) return;
    kin_backend *backend = o->backend;
    real number;
    for (int64_t i = 0; i < size_of(param); i++) {
        real *place = param->tensor->value + i;
        backend->download(backend, &number, place, sizeof number);
        const real within = (real)fmin(fmax((double)number, param->low), param->high);
        if (within != number) backend->upload(backend, place, &within, sizeof within);
    }
}

static kin_status move_table(kin_optimizer *o, kin_tape *tape, int i, const kin_adam *factors)
{
    kin_tensor *tensor = o->params[i].tensor;
    kin_backend *backend = o->backend;
    if (tensor->sparse != NULL && tensor->sparse->value == NULL) {
        backend->bag_adam(backend, tensor->sparse, tensor->cols, factors, tensor->value, o->m[i],
                          o->v[i], o->squares + i);
        o->open[i] = true;
        return KIN_OK;
    }
    if (tensor->sparse != NULL && !o->dense) {
        backend->adam_rows(backend, tensor->sparse, tensor->cols, factors, tensor->value, o->m[i],
                           o->v[i]);
        return KIN_OK;
    }
    if (tensor->sparse != NULL && backend->adam_table != NULL) {
        backend->adam_table(backend, tensor->sparse, tensor->rows, tensor->cols, factors,
                            tensor->value, o->m[i], o->v[i]);
        return KIN_OK;
    }
    const size_t mark = kin_arena_mark(kin_tape_arena(tape));
    const real *g = kin_tensor_dense_gradient(tape, tensor);
    if (g == NULL) return kin_tape_status(tape);
    const kin_move all = { *factors, size_of(&o->params[i]), g, tensor->value, o->m[i], o->v[i] };
    backend->adam(backend, 1, &all);
    kin_arena_rewind(kin_tape_arena(tape), mark);
    return KIN_OK;
}

kin_status kin_optimizer_step(kin_optimizer *o, kin_tape *tape, double lr)
{
    KIN_TRY(kin_tape_status(tape));
    KIN_REQUIRE(lr >= 0 && isfinite(lr), KIN_USAGE, "optim: learning rate %g", lr);
    KIN_TRY(measure(o));
    o->steps++;
    int moves = 0;
    const double scale = clip_factor(o);
    const double decay = kin_optimizer_get(&o->setting, "weight_decay");
    for (int i = 0; i < o->count; i++) {
        const kin_parameter *param = &o->params[i];
        if (!has_gradient(param->tensor)) continue;
        const double rate = lr * param->rate_factor;
        kin_adam factors = o->rule->factors(&o->setting, rate, o->steps);
        factors.keep = param->decay ? 1 - rate * decay : 1;
        factors.scale = scale;
        const kin_tensor *w = param->tensor;
        if (w->sparse != NULL) KIN_TRY(move_table(o, tape, i, &factors));
        else o->moves[moves++] = (kin_move){ factors, size_of(param), w->grad, w->value, o->m[i],
                                             o->v[i] };
    }
    o->backend->adam(o->backend, moves, o->moves);
    for (int i = 0; i < o->count; i++)
        if (has_gradient(o->params[i].tensor)) clamp(o, &o->params[i]);
    return kin_backend_check(o->backend);
}
