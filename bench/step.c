/* T: a whole training step: encode both sides, one-way InfoNCE at temperature 0.05, backward,
 * Adam. T1 is an MLP of two towers, T2 a shared static encoder with row-lazy Adam. */
#include <stdlib.h>

#include "autograd/op.h"
#include "bench/bench.h"
#include "bench/work.h"
#include "losses/loss.h"
#include "optim/optimizer.h"

enum { STATIC_VOCABULARY = 0, STATIC_DIM, STATIC_ROWS, STATIC_LENGTH };
enum { MLP_IN = 0, MLP_HIDDEN, MLP_OUT, MLP_ROWS };
enum { BATCHES = 6, WEIGHTS = 2 * TOWER_WEIGHTS };

typedef struct {
    kin_tape *tape;
    kin_optimizer *optimizer;
    kin_loss_setting loss;
    kin_tensor weight[WEIGHTS];
    kin_parameter parameters[WEIGHTS];
    int weights, turn;
    bench_sides batch[BATCHES];       /* T2 */
    real *q, *k;                      /* T1 */
} state;

static kin_status add_weight(bench *b, state *s, bench_weight like)
{
    kin_tensor *w = &s->weight[s->weights];
    const int64_t n = like.rows * like.cols;
    *w = (kin_tensor){ .rows = like.rows, .cols = like.cols, .needs_grad = true,
                       .name = "weight" };
    w->value = b->backend->alloc(b->backend, sizeof(real) * (size_t)n);
    KIN_REQUIRE(w->value, KIN_MEMORY, "no memory for a " KIN_SHAPE " weight", KIN_DIMS(w));
    bench_normals((uint32_t)s->weights, like.deviation, 0, n, w->value);
    s->parameters[s->weights++] = (kin_parameter){ .tensor = w, .rate_factor = 1 };
    return KIN_OK;
}

static kin_status open_common(bench *b, state **out)
{
    state *s = *out = b->state = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory for the case");
    KIN_TRY(kin_tape_new(&s->tape, b->backend));
    KIN_TRY(kin_list_find(&kin_losses, "infonce", &s->loss.loss));
    kin_hyper_defaults(kin_losses.items[s->loss.loss], s->loss.hypers);
    return KIN_OK;
}

static kin_status open_optimizer(bench *b, state *s)
{
    kin_optimizer_setting setting;
    KIN_TRY(kin_optimizer_defaults(&setting, "adam"));
    return kin_optimizer_new(&s->optimizer, b->backend, &setting, s->parameters, s->weights);
}

static kin_status open_static(bench *b)
{
    const int64_t *size = b->kind->size, rows = size[STATIC_ROWS];
    state *s;
    KIN_TRY(open_common(b, &s));
    KIN_TRY(add_weight(b, s, (bench_weight){ size[STATIC_VOCABULARY], size[STATIC_DIM], 1 }));
    double tokens = 0;
    for (int t = 0; t < BATCHES; t++) {
        KIN_TRY(bench_both_bags(t, size[STATIC_VOCABULARY], rows, size[STATIC_LENGTH],
                                &s->batch[t]));
        tokens += (double)s->batch[t].tokens / BATCHES;
    }
    b->flops = (6.0 * (double)(rows * rows) + 4 * tokens) * (double)size[STATIC_DIM];
    return open_optimizer(b, s);
}

/* The gradients of the first weight of each tower. */
static kin_status dump(bench *b, state *s)
{
    for (int i = 0; i < s->weights; i += WEIGHTS / 2) {
        const kin_tensor *w = &s->weight[i];
        const real *g = kin_tensor_dense_gradient(s->tape, w);
        KIN_TRY(kin_tape_status(s->tape));
        KIN_TRY(bench_dump(b, i > 0, w->rows, w->cols, g));
    }
    b->dump = NULL;
    return KIN_OK;
}

static kin_status finish_step(bench *b, state *s, kin_tensor *q, kin_tensor *k, double *loss)
{
    kin_loss_report report;
    kin_tape_leave_sums(s->tape, !b->dump);
    KIN_TRY(kin_tape_backward(s->tape, kin_loss_apply(s->tape, &s->loss, q, k, &report)));
    *loss = report.value;
    if (b->dump) KIN_TRY(dump(b, s));
    return kin_optimizer_step(s->optimizer, s->tape, 1e-3);
}

static kin_status repeat_static(bench *b, double *loss)
{
    const int64_t rows = b->kind->size[STATIC_ROWS];
    state *s = b->state;
    const bench_sides *batch = &s->batch[s->turn++ % BATCHES];
    const kin_bags bags = { 2 * rows, batch->tokens, batch->ids, batch->start };
    kin_tape_reset(s->tape, 0, (uint32_t)s->turn, true);
    kin_tensor *both = kin_embedding_bag(s->tape, &s->weight[0], NULL, &bags);
    both = kin_l2_normalize(s->tape, both);
    return finish_step(b, s, kin_split_rows(s->tape, both, 0, rows),
                       kin_split_rows(s->tape, both, rows, rows), loss);
}

static kin_status open_mlp(bench *b)
{
    const int64_t *size = b->kind->size, in = size[MLP_IN], hidden = size[MLP_HIDDEN];
    const int64_t n = size[MLP_ROWS] * in;
    state *s;
    KIN_TRY(open_common(b, &s));
    bench_weight like[TOWER_WEIGHTS];
    bench_tower_weights(in, hidden, size[MLP_OUT], like);
    for (int i = 0; i < WEIGHTS; i++) KIN_TRY(add_weight(b, s, like[i % TOWER_WEIGHTS]));
    s->q = malloc(sizeof(real) * (size_t)n);
    s->k = malloc(sizeof(real) * (size_t)n);
    KIN_REQUIRE(s->q && s->k, KIN_MEMORY, "no memory for the inputs");
    bench_pairs(n, s->q, s->k);
    const double rows = (double)size[MLP_ROWS], out = (double)size[MLP_OUT];
    b->flops = rows * (6 * rows * out                                   /* the loss */
                       + 2 * (4 * (double)(in * hidden) + 6 * (double)hidden * out));
    return open_optimizer(b, s);
}

static kin_status repeat_mlp(bench *b, double *loss)
{
    const int64_t rows = b->kind->size[MLP_ROWS], in = b->kind->size[MLP_IN];
    state *s = b->state;
    kin_tape_reset(s->tape, 0, (uint32_t)++s->turn, true);
    return finish_step(b, s,
                       bench_tower(s->tape, s->weight, kin_tape_input(s->tape, rows, in, s->q)),
                       bench_tower(s->tape, s->weight + TOWER_WEIGHTS,
                                   kin_tape_input(s->tape, rows, in, s->k)), loss);
}

static void close(bench *b)
{
    state *s = b->state;
    if (!s) return;
    kin_optimizer_free(s->optimizer);
    kin_tape_free(s->tape);
    for (int i = 0; i < s->weights; i++) b->backend->release(b->backend, s->weight[i].value);
    for (int t = 0; t < BATCHES; t++) {
        free(s->batch[t].start);
        free(s->batch[t].ids);
    }
    free(s->q);
    free(s->k);
    free(s);
}

const bench_case bench_T1a = { "T1a", "MLP step (784, 512, 128), B 1024", open_mlp, repeat_mlp,
                               close, { 784, 512, 128, 1024 }, BENCH_PLAIN };
const bench_case bench_T1b = { "T1b", "MLP step (128, 256, 64), B 8192", open_mlp, repeat_mlp,
                               close, { 128, 256, 64, 8192 }, BENCH_PLAIN };
const bench_case bench_T2a = { "T2a", "static-encoder step, V 30522, D 256, B 2048", open_static,
                               repeat_static, close, { 30522, 256, 2048, 24 }, BENCH_PLAIN };
const bench_case bench_T2b = { "T2b", "static-encoder step, V 105879, D 1024, B 2048", open_static,
                               repeat_static, close, { 105879, 1024, 2048, 24 }, BENCH_PLAIN };
