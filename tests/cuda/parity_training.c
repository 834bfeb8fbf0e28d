/* Two small models trained with InfoNCE: the curve of their losses. What a device rounds otherwise
 * grows from step to step, so that this is the loosest of all comparisons; it sees what no single
 * step shows, such as a result that is late or memory that is used twice. */
#include "tests/cuda/parity.h"

#include <math.h>
#include <stdlib.h>
#include "autograd/op.h"
#include "losses/loss.h"
#include "optim/optimizer.h"

enum { BATCH = 32, TOPICS = 64, TABLE = 300, DIM = 16, LENGTH = 5, TOKENS = BATCH * LENGTH,
       IN = 12, HIDDEN = 24, PARAMS = 4 };

typedef struct {
    const char *name;
    kin_tensor param[PARAMS];
    int params;
    int32_t *ids;                      /* tokens of queries and documents, step by step */
    int64_t *start;
    real *features;                    /* the same of features */
    kin_tensor *(*embed)(kin_tape *, void *, int step, int side);
} model;

/* ---- a bag of tokens: those of a topic come from few ---------------------------------------- */

static kin_tensor *embed_tokens(kin_tape *tape, void *of, int step, int side)
{
    model *m = of;
    const kin_bags bags = { BATCH, TOKENS, m->ids + (2 * step + side) * TOKENS, m->start };
    return kin_embedding_bag(tape, &m->param[0], NULL, &bags);
}

static void make_tokens(parity *p, model *m, int steps)
{
    const int64_t tokens = (int64_t)steps * 2 * TOKENS;
    int32_t *ids = parity_host_below(p, 21, tokens, 6);
    int32_t *topic = parity_host_below(p, 22, (int64_t)steps * BATCH, TOPICS);
    int64_t start[BATCH + 1];
    for (int64_t i = 0; i <= BATCH; i++) start[i] = i * LENGTH;
    for (int64_t t = 0; t < tokens; t++) {
        const int64_t bag = t / LENGTH % BATCH, step = t / (2 * TOKENS);
        ids[t] = (topic[step * BATCH + bag] * 4 + ids[t]) % TABLE;
    }
    m->ids = parity_put(p, ids, sizeof *ids * (size_t)tokens);
    m->start = parity_put(p, start, sizeof start);
    free(ids), free(topic);
}

/* ---- two layers on features: both views of a thing are it and noise ------------------------- */

static kin_tensor *embed_features(kin_tape *tape, void *of, int step, int side)
{
    model *m = of;
    kin_tensor *x = kin_tape_input(tape, BATCH, IN, m->features + (2 * step + side) * BATCH * IN);
    x = kin_gelu(tape, kin_bias(tape, kin_matmul(tape, x, &m->param[0]), &m->param[1]));
    x = kin_dropout(tape, x, 0.125);
    return kin_bias(tape, kin_matmul(tape, x, &m->param[2]), &m->param[3]);
}

static void make_features(parity *p, model *m, int steps)
{
    const int64_t each = BATCH * IN, n = (int64_t)steps * 2 * each;
    real *x = parity_host_normal(p, 23, n), *thing = parity_host_normal(p, 24, n);
    for (int64_t i = 0; i < n; i++) x[i] = x[i] / 2 + thing[i / (2 * each) * each + i % each];
    for (int64_t i = 0; i < n; i++) x[i] = (real)(float)x[i];
    m->features = parity_put_reals(p, x, n);
    free(x), free(thing);
}

/* ---- training ------------------------------------------------------------------------------- */

static void add_param(parity *p, model *m, int64_t rows, int64_t cols, const char *name)
{
    const int64_t n = rows * cols;
    real *x = parity_host_normal(p, 30 + (uint32_t)m->params, n);
    for (int64_t i = 0; i < n; i++) x[i] *= (real)0.25;
    m->param[m->params++] = (kin_tensor){ .rows = rows, .cols = cols, .needs_grad = true,
                                          .value = parity_put_reals(p, x, n), .name = name };
    free(x);
}

static kin_status train(parity *p, model *m, kin_optimizer *o, int steps, double *curve)
{
    kin_loss_setting loss;
    KIN_TRY(kin_loss_default(&loss, "infonce"));
    loss.direction = KIN_BOTH_WAYS;
    for (int step = 0; step < steps; step++) {
        kin_loss_report report;
        kin_tape_reset(p->tape, p->seed, (uint32_t)step, true);
        kin_tensor *rows = m->embed(p->tape, m, step, 0), *columns = m->embed(p->tape, m, step, 1);
        kin_tensor *value = kin_loss_apply(p->tape, &loss, rows, columns, &report);
        KIN_TRY(kin_tape_backward(p->tape, value));
        KIN_TRY(kin_optimizer_step(o, p->tape, 0.01));
        curve[step] = report.value;
    }
    return KIN_OK;
}

static void run(parity *p, model *m, int steps)
{
    kin_optimizer_setting setting;
    kin_parameter params[PARAMS];
    kin_optimizer *o = NULL;
    double *curve = parity_host(sizeof *curve * (size_t)steps);
    for (int i = 0; i < m->params; i++) params[i] = kin_parameter_of(&m->param[i]);
    kin_status status = kin_optimizer_defaults(&setting, "adamw");
    const bool open = status == KIN_OK && kin_optimizer_sums(&setting);
    if (status == KIN_OK) status = kin_optimizer_new(&o, p->device, &setting, params, m->params);
    kin_tape_leave_sums(p->tape, open);
    if (status == KIN_OK) status = train(p, m, o, steps, curve);
    parity_exactly(p, "status", status);
    parity_doubles(p, "curve", curve, steps, 0);
    kin_tape_reset(p->tape, 0, 0, false);
    kin_tape_leave_sums(p->tape, false);
    kin_optimizer_free(o);
    free(curve);
}

void parity_trainings(parity *p)
{
    static const int lengths[] = { 60, 200, 1000 };
    for (int i = 0; i < 6; i++) {
        const int steps = lengths[i % 3];
        const bool tokens = i / 3 == 0;
        if (p->small && i % 3) continue;
        if (!parity_begin(p, "training", PARITY_TRAINING, "%s, %d steps",
                          tokens ? "bag of tokens" : "two layers", steps)) continue;
        model m = { .embed = tokens ? embed_tokens : embed_features };
        (tokens ? make_tokens : make_features)(p, &m, steps);
        add_param(p, &m, tokens ? TABLE : IN, tokens ? DIM : HIDDEN, "first");
        if (!tokens) {
            add_param(p, &m, 1, HIDDEN, "first bias");
            add_param(p, &m, HIDDEN, DIM, "second");
            add_param(p, &m, 1, DIM, "second bias");
        }
        run(p, &m, steps);
        parity_end(p);
    }
}
