/* G1 to G8: a loss with the gradients of its raw inputs, L2 normalisation included. */
#include <stdlib.h>

#include "autograd/op.h"
#include "bench/device.h"
#include "bench/work.h"

enum { ROWS, DIM };
enum { OF_A_CLASS = 16 };

typedef struct {
    kin_tape *tape;
    kin_loss_setting setting;
    kin_tensor q, k;
    int32_t *label;
} state;

static const bench_work *work_of(const device_bench *b) { return &bench_works[b->kind->work]; }

static void count(const device_bench *b, device_work *w)
{
    const bench_work *of = work_of(b);
    const double rows = (double)b->size[ROWS], dim = (double)b->size[DIM];
    const double sides = of->classes ? 1 : 2;
    w->flops = of->flops * rows * rows * dim;
    w->exps = of->exps * rows * rows;
    w->outputs = sides * rows * dim * sizeof(real);
    w->bytes = 2 * w->outputs;                                /* inputs in, gradients out */
}

/* Classes of sixteen, spread over the batch. */
static kin_status relate(state *s)
{
    const int64_t rows = s->q.rows, classes = (rows + OF_A_CLASS - 1) / OF_A_CLASS;
    s->label = malloc(sizeof *s->label * (size_t)rows);
    KIN_REQUIRE(s->label, KIN_MEMORY, "no memory for %lld labels", (long long)rows);
    for (int64_t i = 0; i < rows; i++) s->label[i] = (int32_t)(i % classes);
    s->setting.relation = (kin_relation){ .by_label = true, .self = true, .row_label = s->label,
                                          .col_label = s->label };
    return KIN_OK;
}

static kin_status open(device_bench *b)
{
    const int64_t rows = b->size[ROWS], dim = b->size[DIM];
    state *s = b->state = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory for the case");
    KIN_TRY(bench_choose_loss(&s->setting, work_of(b)));
    s->setting.memory = b->keep;
    KIN_TRY(kin_tape_new(&s->tape, b->backend));
    s->q = s->k = (kin_tensor){ .rows = rows, .cols = dim, .needs_grad = true, .name = "q" };
    s->k.name = "k";
    KIN_TRY(device_make(b, &s->q.value, rows * dim, device_make_queries, NULL));
    if (work_of(b)->classes) return relate(s);
    return device_make(b, &s->k.value, rows * dim, device_make_documents, NULL);
}

static kin_status repeat(device_bench *b, double *loss)
{
    state *s = b->state;
    kin_loss_report report;
    kin_tape_reset(s->tape, 0, 0, true);
    kin_tensor *columns = s->label ? &s->q : &s->k;
    kin_tensor *value = kin_loss_apply(s->tape, &s->setting, &s->q, columns, &report);
    KIN_TRY(kin_tape_backward(s->tape, value));
    *loss = report.value;
    b->written = s->q.grad;
    return KIN_OK;
}

static const real *gradient(const device_bench *b, int64_t *n)
{
    const state *s = b->state;
    *n = s->q.rows * s->q.cols;
    return s->q.grad;
}

static void close(device_bench *b)
{
    state *s = b->state;
    if (!s) return;
    kin_tape_free(s->tape);
    if (s->q.value) b->backend->release(b->backend, s->q.value);
    if (s->k.value) b->backend->release(b->backend, s->k.value);
    free(s->label);
    free(s);
}

#define CASE(id, precision_, text, rows, dim, work_)                                          \
    const device_case device_##id = {                                                         \
        .name = #id, .summary = text, .precision = precision_, .count = count, .open = open,  \
        .repeat = repeat, .close = close, .gradient = gradient, .size = { rows, dim },        \
        .scaled = 1u << ROWS, .work = work_                                                   \
    };
CASE(G1a, KIN_TO_BF16, "one-way InfoNCE, B 16384, D 256", 16384, 256, ONE_WAY)
CASE(G1b, KIN_TO_BF16, "one-way InfoNCE, B 16384, D 768", 16384, 768, ONE_WAY)
CASE(G2, KIN_TO_BF16, "symmetric InfoNCE, B 16384, D 256", 16384, 256, BOTH_WAYS)
CASE(G3, KIN_TO_BF16, "symmetric InfoNCE, B 65536, D 768", 65536, 768, BOTH_WAYS)
CASE(G4, KIN_TO_BF16, "symmetric InfoNCE, B 65536, D 256", 65536, 256, BOTH_WAYS)
CASE(G5, KIN_TO_BF16, "symmetric InfoNCE, B 1048576, D 256", 1048576, 256, BOTH_WAYS)
CASE(G6, KIN_TO_BF16X3, "one-way InfoNCE, B 16384, D 256, near fp32", 16384, 256, ONE_WAY)
CASE(G7, KIN_TO_BF16, "sigmoid loss, B 65536, D 256", 65536, 256, SIGMOID)
CASE(G8a, KIN_TO_BF16, "all triplets, classes of 16, B 4096, D 128", 4096, 128, TRIPLET)
CASE(G8b, KIN_TO_BF16, "all triplets, classes of 16, B 16384, D 128", 16384, 128, TRIPLET)
CASE(G8c, KIN_TO_BF16, "circle loss, classes of 16, B 4096, D 128", 4096, 128, CIRCLE)
CASE(G8d, KIN_TO_BF16, "circle loss, classes of 16, B 16384, D 128", 16384, 128, CIRCLE)
CASE(G8e, KIN_TO_BF16, "NT-Xent, classes of 16, B 4096, D 128", 4096, 128, NTXENT)
CASE(G8f, KIN_TO_BF16, "NT-Xent, classes of 16, B 16384, D 128", 16384, 128, NTXENT)
CASE(G8g, KIN_TO_BF16, "all triplets, classes of 16, B 65536, D 128", 65536, 128, TRIPLET)
