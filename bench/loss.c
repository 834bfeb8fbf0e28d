/* L: a loss with the gradients of its raw inputs, L2 normalisation included. */
#include <stdlib.h>
#include <string.h>

#include "autograd/op.h"
#include "bench/bench.h"
#include "losses/loss.h"

typedef struct {
    kin_tape *tape;
    kin_loss_setting setting;
    kin_tensor q, k;
    int32_t *label;
    bool self;
} state;

enum { ROWS, DIM, LOSS, SYMMETRIC };
enum { INFONCE, SIGMOID, CIRCLE };

static kin_status set_hyper(kin_loss_setting *s, const char *name, double value)
{
    const kin_entry *entry = kin_losses.items[s->loss];
    const int place = kin_hyper_find(entry, name);
    KIN_REQUIRE(place >= 0, KIN_USAGE, "loss %s has no setting %s", entry->name, name);
    s->hypers[place] = value;
    return KIN_OK;
}

static kin_status choose_loss(kin_loss_setting *s, const int64_t *size)
{
    static const char *const names[] = { "infonce", "sigmoid", "circle" };
    KIN_TRY(kin_list_find(&kin_losses, names[size[LOSS]], &s->loss));
    kin_hyper_defaults(kin_losses.items[s->loss], s->hypers);
    s->direction = size[SYMMETRIC] ? KIN_BOTH_WAYS : KIN_ONE_WAY;
    if (size[LOSS] == INFONCE) KIN_TRY(set_hyper(s, "temperature", 0.05));
    if (size[LOSS] == SIGMOID) {
        KIN_TRY(set_hyper(s, "scale", 20));
        KIN_TRY(set_hyper(s, "bias", -10));
    }
    return KIN_OK;
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
    for (int64_t i = 0; i < size[ROWS]; i++) s->label[i] = (int32_t)(i % 256);
    return KIN_OK;
}

static kin_status open(bench *b)
{
    const int64_t *size = b->kind->size;
    state *s = b->state = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory for the case");
    s->self = size[LOSS] == CIRCLE;
    KIN_TRY(kin_tape_new(&s->tape, b->backend));
    KIN_TRY(choose_loss(&s->setting, size));
    KIN_TRY(make_inputs(s, size));
    if (s->self)
        s->setting.relation = (kin_relation){ .by_label = true, .self = true,
                                              .row_label = s->label, .col_label = s->label };
    const double pairs = (double)size[ROWS] * (double)size[ROWS] * (double)size[DIM];
    b->flops = (s->self ? 4 : 6) * pairs;      /* a self-similarity needs a triangle of scores */
    if (size[SYMMETRIC]) b->flops = 8 * pairs; /* formed twice rather than kept */
    b->own_bytes = (s->self ? 1 : 2) * sizeof(real) * (size_t)(size[ROWS] * size[DIM]);
    return bench_warm_products(b->backend, size[ROWS], size[DIM]);
}

static kin_status repeat(bench *b, double *loss)
{
    state *s = b->state;
    kin_loss_report report;
    kin_tape_reset(s->tape, 0, 0, true);
    kin_tensor *columns = s->self ? &s->q : &s->k;
    kin_tensor *value = kin_loss_apply(s->tape, &s->setting, &s->q, columns, &report);
    KIN_TRY(kin_tape_backward(s->tape, value));
    *loss = report.value;
    KIN_TRY(bench_dump(b, 0, s->q.rows, s->q.cols, s->q.grad));
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

#define CASE(id, text, rows, dim, loss, symmetric) \
    const bench_case bench_##id = { #id, text, open, repeat, close,  \
                                    { rows, dim, loss, symmetric } };
CASE(L1a, "one-way InfoNCE, B 8192, D 256", 8192, 256, INFONCE, 0)
CASE(L1b, "one-way InfoNCE, B 4096, D 64", 4096, 64, INFONCE, 0)
CASE(L1c, "one-way InfoNCE, B 4096, D 768", 4096, 768, INFONCE, 0)
CASE(L2a, "symmetric InfoNCE, B 8192, D 256", 8192, 256, INFONCE, 1)
CASE(L2b, "symmetric InfoNCE, B 4096, D 64", 4096, 64, INFONCE, 1)
CASE(L2c, "symmetric InfoNCE, B 16384, D 256", 16384, 256, INFONCE, 1)
CASE(L3, "sigmoid loss, B 8192, D 256", 8192, 256, SIGMOID, 0)
CASE(L6, "circle loss over 256 classes, B 4096, D 128", 4096, 128, CIRCLE, 0)
