/* Check of the gradient cache: the steps of a run, plain and in chunks, side by side. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/trainer.h"

enum { PARAMETERS_MAX = 2 * KIN_PLAN_MAX + KIN_TERMS_MAX * KIN_HYPERS_MAX, BATCHES = 3 };

/* A parameter's gradient of the plain step, and the worst that chunks did to it. */
typedef struct {
    kin_tensor *tensor;
    const char *name;
    real *plain, *cached;            /* host memory */
    double worst;
} line;

typedef struct {
    kin_trainer trainer;
    line line[PARAMETERS_MAX];
    int lines;
    double value;                    /* worst of the loss */
} checking;

static int64_t size_of(const kin_tensor *x) { return x->rows * x->cols; }

static kin_status add_line(checking *c, kin_tensor *tensor, const char *name)
{
    const size_t bytes = (size_t)size_of(tensor) * sizeof(real);
    line *l = &c->line[c->lines++];
    *l = (line){ .tensor = tensor, .name = name, .plain = malloc(bytes), .cached = malloc(bytes) };
    KIN_REQUIRE(l->plain && l->cached, KIN_MEMORY, "no memory for the gradients of %s", name);
    return KIN_OK;
}

static kin_status list_parameters(checking *c)
{
    kin_network *n = c->trainer.model->network;
    const kin_objective *o = &c->trainer.objective;
    for (int i = 0; i < n->count; i++)
        if (!n->weight[i].frozen) KIN_TRY(add_line(c, &n->weight[i].tensor, n->weight[i].name));
    for (int i = 0; i < o->count; i++)
        for (int h = 0; h < KIN_HYPERS_MAX; h++) {
            kin_tensor *t = o->term[i].setting.learned[h];
            if (t) KIN_TRY(add_line(c, t, t->name));
        }
    return KIN_OK;
}

/* One step with so many pairs in a chunk, its gradients in `cached` or in `plain`. */
static kin_status take(checking *c, int64_t step, int64_t chunk, double *value)
{
    kin_trainer *t = &c->trainer;
    t->towers.chunk = chunk;
    KIN_TRY(kin_batch_fill(t, step));
    KIN_TRY(kin_trainer_forward(t, step, false));
    *value = t->last.report.value;
    for (int i = 0; i < c->lines; i++) {
        const line *l = &c->line[i];
        const real *g = kin_tensor_dense_gradient(t->tape, l->tensor);
        KIN_TRY(kin_tape_status(t->tape));
        t->backend->download(t->backend, chunk ? l->cached : l->plain, g,
                             (size_t)size_of(l->tensor) * sizeof(real));
    }
    return KIN_OK;
}

/* The largest difference relative to the largest entry; without any entry, itself. */
static double difference(const line *l)
{
    double most = 0, worst = 0;
    for (int64_t i = 0; i < size_of(l->tensor); i++) {
        most = fmax(most, fabs((double)l->plain[i]));
        worst = fmax(worst, fabs((double)l->plain[i] - (double)l->cached[i]));
    }
    return most > 0 ? worst / most : worst;
}

static kin_status compare(checking *c, int64_t step, int64_t chunk)
{
    double plain, cached;
    KIN_TRY(take(c, step, 0, &plain));
    KIN_TRY(take(c, step, chunk, &cached));
    c->value = fmax(c->value, fabs(plain - cached) / fmax(fabs(plain), 1e-30));
    for (int i = 0; i < c->lines; i++) c->line[i].worst = fmax(c->line[i].worst,
                                                               difference(&c->line[i]));
    return KIN_OK;
}

/* The first batch, the one with most tokens, the last. */
static kin_status run(checking *c, kin_cache_check *result)
{
    kin_trainer *t = &c->trainer;
    KIN_TRY(kin_trainer_setup(t, ""));
    int64_t chunk = t->towers.chunk;
    if (!chunk) chunk = t->towers.chunk = (t->size + 3) / 4;
    KIN_TRY(kin_trainer_setup_step(t));
    kin_tape_leave_sums(t->tape, false);             /* every gradient is asked for */
    KIN_TRY(list_parameters(c));
    const int64_t steps[BATCHES] = { 0, t->widest, t->steps - 1 };
    for (int i = 0; i < BATCHES; i++) KIN_TRY(compare(c, steps[i], chunk));
    *result = (kin_cache_check){ .pairs = t->size, .chunk = chunk, .batches = BATCHES,
                                 .bound = sizeof(real) == sizeof(float) ? 1e-5 : 1e-12 };
    return KIN_OK;
}

static void tell(const checking *c, kin_cache_line *each, void *state)
{
    each(state, "loss", c->value);
    for (int i = 0; i < c->lines; i++) each(state, c->line[i].name, c->line[i].worst);
}

kin_status kin_check_cache(const kin_config *config, kin_backend *backend, const kin_watch *watch,
                           kin_cache_line *each, void *state, kin_cache_check *result)
{
    checking *c = calloc(1, sizeof *c);
    KIN_REQUIRE(c, KIN_MEMORY, "no memory for a trainer");
    kin_trainer_begin_with(&c->trainer, config, backend, watch, NULL);
    const kin_status status = run(c, result);
    if (!status) tell(c, each, state);
    kin_trainer_close(&c->trainer);
    for (int i = 0; i < c->lines; i++) {
        free(c->line[i].plain);
        free(c->line[i].cached);
    }
    free(c);
    return status;
}
