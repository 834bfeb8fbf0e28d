/* L: a loss with the gradients of its raw inputs, L2 normalisation included. */
#include <stdlib.h>
#include <string.h>

#include "autograd/op.h"
#include "bench/bench.h"
#include "bench/work.h"

typedef struct {
    kin_tape *tape;
    kin_loss_setting setting;
    kin_tensor q, k;
    int32_t *label;
    bool self;
} state;

enum { ROWS, DIM, WORK };

static const bench_work *work_of(const bench *b) { return &bench_works[b->kind->size[WORK]]; }
static bool of_itself(const bench_work *w) { return w->classes || w->spread; }

/* Labels, of two rows at least, or no positive for any row. */
static void relate(state *s, const bench_work *w)
{
    const int64_t rows = s->q.rows, pairs = rows > 2 ? rows / 2 : 1;
    const int64_t classes = w->classes < pairs ? w->classes : pairs;
    for (int64_t i = 0; i < rows; i++) s->label[i] = w->spread ? -1 : (int32_t)(i % classes);
    if (w->spread)
        s->setting.relation = (kin_relation){ .self = true, .own = s->label };
    else
        s->setting.relation = (kin_relation){ .by_label = true, .self = true,
                                              .row_label = s->label, .col_label = s->label };
}

static kin_status make_inputs(state *s, const int64_t *size)
{
    const int64_t n = size[ROWS] * size[DIM];
    s->q = (kin_tensor){ .rows = size[ROWS], .cols = size[DIM], .needs_grad = true, .name = "q" };
    s->k = s->q;
    s->k.name = "k";
    s->q.value = malloc(sizeof(real) * (size_t)n);
    s->k.value = malloc(sizeof(real) * (size_t)n);
    s->label = malloc(sizeof *s->label * (size_t)size[ROWS]);
    KIN_REQUIRE(s->q.value && s->k.value && s->label, KIN_MEMORY, "no memory for the inputs");
    bench_pairs(n, s->q.value, s->k.value);
    return KIN_OK;
}

static kin_status open(bench *b)
{
    const int64_t *size = b->kind->size;
    const bench_work *w = work_of(b);
    state *s = b->state = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory for the case");
    KIN_TRY(bench_choose_loss(&s->setting, w));
    KIN_TRY(kin_tape_new(&s->tape, b->backend));
    KIN_TRY(make_inputs(s, size));
    s->self = of_itself(w);
    if (s->self) relate(s, w);
    const double rows = (double)size[ROWS], inputs = s->self ? 1 : 2;
    if (w->kept) s->setting.memory = sizeof(real) * (size_t)(size[ROWS] * size[ROWS]);
    b->flops = w->flops * rows * rows * (double)size[DIM];
    b->own_bytes = w->spread ? 0 : sizeof(real) * (size_t)(inputs * rows * (double)size[DIM]);
    return bench_warm_products(b->backend, size[ROWS], size[DIM]);
}

static kin_status repeat(bench *b, double *loss)
{
    state *s = b->state;
    kin_loss_report report;
    const bool slopes = !work_of(b)->spread;
    kin_tape_reset(s->tape, 0, 0, slopes);
    kin_tensor *columns = s->self ? &s->q : &s->k;
    kin_tensor *value = kin_loss_apply(s->tape, &s->setting, &s->q, columns, &report);
    KIN_TRY(slopes ? kin_tape_backward(s->tape, value) : kin_tape_status(s->tape));
    *loss = report.value;
    if (slopes) KIN_TRY(bench_dump(b, 0, s->q.rows, s->q.cols, s->q.grad));
    if (!s->self) KIN_TRY(bench_dump(b, 1, s->k.rows, s->k.cols, s->k.grad));
    b->dump = NULL;
    return KIN_OK;
}

static void close(bench *b)
{
    state *s = b->state;
    if (!s) return;
    kin_tape_free(s->tape);
    free(s->q.value);
    free(s->k.value);
    free(s->label);
    free(s);
}

#define CASE(id, name_, text, rows, dim, work_) \
    const bench_case bench_##id = { name_, text, open, repeat, close, { rows, dim, work_ }, \
                                    BENCH_GROWS };
CASE(L1a, "L1a", "one-way InfoNCE, B 8192, D 256", 8192, 256, ONE_WAY)
CASE(L1b, "L1b", "one-way InfoNCE, B 4096, D 64", 4096, 64, ONE_WAY)
CASE(L1c, "L1c", "one-way InfoNCE, B 4096, D 768", 4096, 768, ONE_WAY)
CASE(L1d, "L1d", "one-way InfoNCE, B 65536, D 256", 65536, 256, ONE_WAY)
CASE(L2a, "L2a", "symmetric InfoNCE, B 8192, D 256", 8192, 256, BOTH_WAYS)
CASE(L2a_kept, "L2a-kept", "symmetric InfoNCE, B 8192, D 256, scores kept", 8192, 256, KEPT)
CASE(L2b, "L2b", "symmetric InfoNCE, B 4096, D 64", 4096, 64, BOTH_WAYS)
CASE(L2c, "L2c", "symmetric InfoNCE, B 16384, D 256", 16384, 256, BOTH_WAYS)
CASE(L3, "L3", "sigmoid loss, B 8192, D 256", 8192, 256, SIGMOID)
CASE(L4, "L4", "InfoNCE over two views (NT-Xent), B 4096, D 128", 4096, 128, VIEWS)
CASE(L5, "L5", "all triplets of 64 classes, B 1024, D 128", 1024, 128, TRIPLET)
CASE(L6, "L6", "circle loss over 256 classes, B 4096, D 128", 4096, 128, CIRCLE)
CASE(L7, "L7", "NT-Xent over 256 classes, B 512, D 128", 512, 128, NTXENT)
CASE(L9, "L9", "InfoNCE over 256 classes (SupCon), B 4096, D 128", 4096, 128, SUPCON)
CASE(L10, "L10", "multi-similarity loss over 256 classes, B 4096, D 128", 4096, 128, MULTI)
CASE(M1, "M1", "uniformity, forward only, B 8192, D 128", 8192, 128, UNIFORMITY)
