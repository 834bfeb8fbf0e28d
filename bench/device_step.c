/* G10, G11: a whole training step: encode both sides, InfoNCE at temperature 0.05, backward, Adam.
 * G10 is an MLP of two towers, G11 a shared static encoder whose rows rest unless touched. */
#include <stdlib.h>

#include "autograd/op.h"
#include "bench/bench.h"
#include "bench/device.h"
#include "bench/work.h"
#include "optim/optimizer.h"

enum { STATIC_ROWS = 0, STATIC_VOCABULARY, STATIC_DIM, STATIC_LENGTH };
enum { MLP_IN = 0, MLP_HIDDEN, MLP_OUT, MLP_ROWS };
enum { BATCHES = 6, WEIGHTS = 2 * TOWER_WEIGHTS };

typedef struct {
    kin_tape *tape;
    kin_optimizer *optimizer;
    kin_loss_setting loss;
    kin_tensor weight[WEIGHTS];
    kin_parameter parameters[WEIGHTS];
    int weights, turn;
    bench_sides batch[BATCHES];       /* G11, on the device */
    real *q, *k;                      /* G10, on the device */
} state;

/* ---- weights ------------------------------------------------------------------------------- */

typedef struct { double deviation; uint32_t weight; } spread;

static void make_normal(const void *context, int64_t first, int64_t n, real *x)
{
    const spread *s = context;
    bench_normals(s->weight, s->deviation, first, n, x);
}

static kin_status add_weight(device_bench *b, state *s, bench_weight like)
{
    kin_tensor *w = &s->weight[s->weights];
    const spread how = { like.deviation, (uint32_t)s->weights };
    *w = (kin_tensor){ .rows = like.rows, .cols = like.cols, .needs_grad = true,
                       .name = "weight" };
    s->parameters[s->weights++] = (kin_parameter){ .tensor = w, .rate_factor = 1 };
    return device_make(b, &w->value, like.rows * like.cols, make_normal, &how);
}

static kin_status open_common(device_bench *b, state **out)
{
    state *s = *out = b->state = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory for the case");
    KIN_TRY(kin_tape_new(&s->tape, b->backend));
    return bench_choose_loss(&s->loss, &bench_works[b->kind->work]);
}

static kin_status open_optimizer(device_bench *b, state *s)
{
    kin_optimizer_setting setting;
    KIN_TRY(kin_optimizer_defaults(&setting, "adam"));
    return kin_optimizer_new(&s->optimizer, b->backend, &setting, s->parameters, s->weights);
}

static kin_status finish_step(device_bench *b, state *s, kin_tensor *q, kin_tensor *k,
                              double *loss)
{
    kin_loss_report report;
    kin_tape_leave_sums(s->tape, true);
    KIN_TRY(kin_tape_backward(s->tape, kin_loss_apply(s->tape, &s->loss, q, k, &report)));
    *loss = report.value;
    b->written = s->weight[0].value;
    return kin_optimizer_step(s->optimizer, s->tape, 1e-3);
}

static void close(device_bench *b)
{
    kin_backend *backend = b->backend;
    state *s = b->state;
    if (!s) return;
    kin_optimizer_free(s->optimizer);
    kin_tape_free(s->tape);
    for (int i = 0; i < s->weights; i++)
        if (s->weight[i].value) backend->release(backend, s->weight[i].value);
    for (int t = 0; t < BATCHES; t++) {
        if (s->batch[t].start) backend->release(backend, s->batch[t].start);
        if (s->batch[t].ids) backend->release(backend, s->batch[t].ids);
    }
    if (s->q) backend->release(backend, s->q);
    if (s->k) backend->release(backend, s->k);
    free(s);
}

/* ---- G10 ----------------------------------------------------------------------------------- */

static void count_mlp(const device_bench *b, device_work *w)
{
    const double in = (double)b->size[MLP_IN], hidden = (double)b->size[MLP_HIDDEN];
    const double out = (double)b->size[MLP_OUT], rows = (double)b->size[MLP_ROWS];
    const double weights = 2 * (in * hidden + hidden + hidden * out + out);
    w->flops = rows * (8 * rows * out + 2 * (4 * in * hidden + 6 * hidden * out));
    w->exps = 2 * rows * rows;
    w->outputs = sizeof(real) * weights;
    w->bytes = 7 * sizeof(real) * weights + 2 * sizeof(real) * rows * in;
}

static kin_status open_mlp(device_bench *b)
{
    const int64_t *size = b->size, in = size[MLP_IN];
    bench_weight like[TOWER_WEIGHTS];
    state *s;
    KIN_TRY(open_common(b, &s));
    bench_tower_weights(in, size[MLP_HIDDEN], size[MLP_OUT], like);
    for (int i = 0; i < WEIGHTS; i++) KIN_TRY(add_weight(b, s, like[i % TOWER_WEIGHTS]));
    KIN_TRY(device_make(b, &s->q, size[MLP_ROWS] * in, device_make_queries, NULL));
    KIN_TRY(device_make(b, &s->k, size[MLP_ROWS] * in, device_make_documents, NULL));
    return open_optimizer(b, s);
}

static kin_status repeat_mlp(device_bench *b, double *loss)
{
    const int64_t rows = b->size[MLP_ROWS], in = b->size[MLP_IN];
    state *s = b->state;
    kin_tape_reset(s->tape, 0, (uint32_t)++s->turn, true);
    return finish_step(b, s,
                       bench_tower(s->tape, s->weight, kin_tape_input(s->tape, rows, in, s->q)),
                       bench_tower(s->tape, s->weight + TOWER_WEIGHTS,
                                   kin_tape_input(s->tape, rows, in, s->k)), loss);
}

/* ---- G11 ----------------------------------------------------------------------------------- */

/* Batch t in host memory. */
static kin_status make_bags(const device_bench *b, int t, bench_sides *out)
{
    return bench_both_bags(t, b->size[STATIC_VOCABULARY], b->size[STATIC_ROWS],
                           b->size[STATIC_LENGTH], out);
}

static double distinct(const bench_sides *b, int64_t vocabulary)
{
    int64_t n = 0;
    char *seen = calloc((size_t)vocabulary, 1);
    for (int64_t i = 0; seen && i < b->tokens; i++) n += !seen[b->ids[i]], seen[b->ids[i]] = 1;
    free(seen);
    return (double)n;
}

/* The touched rows are read for the bags, and with their moments read and written by Adam; the
 * embeddings and their gradients are written and read. */
static void count_static(const device_bench *b, device_work *w)
{
    const double rows = (double)b->size[STATIC_ROWS], dim = (double)b->size[STATIC_DIM];
    const double number = sizeof(real);
    bench_sides batch;
    *w = (device_work){ .flops = 0 };
    if (make_bags(b, 0, &batch) != KIN_OK) return;
    const double touched = distinct(&batch, b->size[STATIC_VOCABULARY]) * dim;
    w->flops = (6 * rows * rows + 4 * (double)batch.tokens) * dim;
    w->exps = rows * rows;
    w->outputs = number * touched;
    w->bytes = number * (7 * touched + 4 * 2 * rows * dim);
    free(batch.start);
    free(batch.ids);
}

static kin_status send(kin_backend *backend, const void *host, size_t bytes, void *to)
{
    void *block = backend->alloc(backend, bytes);
    KIN_REQUIRE(block, KIN_MEMORY, "no device memory for %zu bytes", bytes);
    backend->upload(backend, block, host, bytes);
    *(void **)to = block;
    return KIN_OK;
}

static kin_status open_static(device_bench *b)
{
    const int64_t *size = b->size;
    state *s;
    KIN_TRY(open_common(b, &s));
    KIN_TRY(add_weight(b, s, (bench_weight){ size[STATIC_VOCABULARY], size[STATIC_DIM], 1 }));
    for (int t = 0; t < BATCHES; t++) {
        bench_sides host;
        KIN_TRY(make_bags(b, t, &host));
        s->batch[t].tokens = host.tokens;
        kin_status status = send(b->backend, host.start, sizeof *host.start *
                                 (size_t)(2 * size[STATIC_ROWS] + 1), &s->batch[t].start);
        if (!status) status = send(b->backend, host.ids, sizeof *host.ids * (size_t)host.tokens,
                                   &s->batch[t].ids);
        free(host.start);
        free(host.ids);
        KIN_TRY(status);
    }
    return open_optimizer(b, s);
}

static kin_status repeat_static(device_bench *b, double *loss)
{
    const int64_t rows = b->size[STATIC_ROWS];
    state *s = b->state;
    const bench_sides *batch = &s->batch[s->turn++ % BATCHES];
    const kin_bags both = { 2 * rows, batch->tokens, batch->ids, batch->start };
    kin_tape_reset(s->tape, 0, (uint32_t)s->turn, true);
    kin_tensor *x = kin_l2_normalize(s->tape, kin_embedding_bag(s->tape, &s->weight[0], NULL,
                                                                &both));
    return finish_step(b, s, kin_split_rows(s->tape, x, 0, rows),
                       kin_split_rows(s->tape, x, rows, rows), loss);
}

const device_case device_G10 = {
    .name = "G10", .summary = "MLP step (784, 512, 128), B 1024, symmetric InfoNCE, Adam",
    .precision = KIN_TO_BF16, .count = count_mlp, .open = open_mlp, .repeat = repeat_mlp,
    .close = close, .size = { 784, 512, 128, 1024 }, .scaled = 1u << MLP_ROWS, .work = BOTH_WAYS
};
const device_case device_G11 = {
    .name = "G11", .summary = "static-encoder step, V 105879, D 1024, B 8192, row-lazy Adam",
    .precision = KIN_TO_BF16, .count = count_static, .open = open_static, .repeat = repeat_static,
    .close = close, .size = { 8192, 105879, 1024, 24 },
    .scaled = 1u << STATIC_ROWS | 1u << STATIC_VOCABULARY, .work = ONE_WAY
};
