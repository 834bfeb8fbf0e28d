/* Network: memory, first values and towers of an encoder's weights. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/op.h"
#include "core/rng.h"
#include "encoders/encoder.h"

enum { STAGE = 1 << 18, TASK = 1 << 12 };      /* numbers staged on the host, numbers of a task */

static const char *const tower_names[] = { "query.", "document." };

/* The parameters of a tower; how many they are. */
static int plan_tower(const kin_encoder *e, const double *hypers, kin_role role, int64_t vocab,
                      kin_plan *plan)
{
    return e->plan(hypers, e->rows ? e->rows(hypers, role) : vocab, plan);
}

int64_t kin_network_bytes(int encoder, const double *hypers, int64_t vocab, bool separate)
{
    kin_plan plan[KIN_PLAN_MAX];
    int64_t bytes = 0;
    for (int role = 0; role < (separate ? 2 : 1); role++) {
        const int n = plan_tower(kin_encoder_at(encoder), hypers, (kin_role)role, vocab, plan);
        for (int i = 0; i < n; i++) bytes += plan[i].rows * plan[i].cols * (int64_t)sizeof(real);
    }
    return bytes;
}

void kin_network_free(kin_network *n)
{
    if (!n) return;
    for (int i = 0; i < n->count; i++)
        if (!n->weight[i].borrowed) n->backend->release(n->backend, n->weight[i].tensor.value);
    free(n);
}

/* The parameters of all towers, one tower behind the other. */
static int plan_towers(kin_network *n, kin_plan *plan)
{
    n->tower = plan_tower(n->encoder, n->hypers, KIN_QUERY, n->vocab, plan);
    if (!n->separate) return n->tower;
    return n->tower + plan_tower(n->encoder, n->hypers, KIN_DOCUMENT, n->vocab, plan + n->tower);
}

/* Describes every weight; none has memory yet. */
static void lay_out(kin_network *n)
{
    kin_plan plan[2 * KIN_PLAN_MAX];
    n->count = plan_towers(n, plan);
    n->width = n->encoder->width(n->hypers);
    for (int i = 0; i < n->count; i++) {
        const kin_plan *p = &plan[i];
        kin_weight *w = &n->weight[i];
        snprintf(w->name, sizeof w->name, "%s%s", n->separate ? tower_names[i / n->tower] : "",
                 p->name);
        w->sparse = p->sparse;
        w->decay = p->decay;
        w->frozen = p->frozen;
        w->tensor = (kin_tensor){ .rows = p->rows, .cols = p->cols, .needs_grad = !p->frozen,
                                  .table = p->sparse, .name = w->name };
    }
}

static kin_status give_memory(kin_network *n, kin_weight *w)
{
    const int64_t rows = w->tensor.rows, cols = w->tensor.cols;
    KIN_REQUIRE(rows <= INT64_MAX / (int64_t)sizeof(real) / cols, KIN_USAGE,
                "encoder.%s: %ld x %ld numbers are too many", w->name, (long)rows, (long)cols);
    const size_t bytes = (size_t)(rows * cols) * sizeof(real);
    w->tensor.value = n->backend->alloc(n->backend, bytes);
    KIN_REQUIRE(w->tensor.value, KIN_MEMORY, "no memory for encoder.%s (%ld x %ld, %.1f MB)",
                w->name, (long)rows, (long)cols, (double)bytes / 1e6);
    return KIN_OK;
}

kin_status kin_network_new(kin_network **out, kin_backend *backend, int encoder,
                           const double *hypers, int64_t vocab, bool separate)
{
    kin_network *n = *out = calloc(1, sizeof *n);
    KIN_REQUIRE(n, KIN_MEMORY, "no memory for an encoder");
    n->encoder = kin_encoder_at(encoder);
    memcpy(n->hypers, hypers, sizeof n->hypers);
    n->vocab = vocab;
    n->separate = separate;
    n->backend = backend;
    lay_out(n);
    for (int i = 0; i < n->count; i++) {
        const kin_status status = give_memory(n, &n->weight[i]);
        if (status) {
            kin_network_free(n);
            *out = NULL;
            return status;
        }
    }
    return KIN_OK;
}

/* ---- first values ---------------------------------------------------------------------------- */

typedef struct {
    const kin_plan *plan;
    const float *rarity;
    uint64_t seed;
    uint32_t substream;
    int64_t from, count;         /* numbers of the weight in the stage */
    real *stage;
} filling;

static double first_value(const filling *f, int64_t at)
{
    const kin_plan *p = f->plan;
    double x = p->scale;
    if (p->fill == KIN_FILL_NORMAL)
        x *= kin_random_normal(f->seed, KIN_STREAM_INIT, f->substream, (uint64_t)at);
    if (f->rarity && p->rarity != 0) x *= pow((double)f->rarity[at / p->cols], p->rarity);
    return x;
}

static void fill_task(void *context, int64_t task, int thread)
{
    (void)thread;
    const filling *f = context;
    const int64_t end = (task + 1) * TASK < f->count ? (task + 1) * TASK : f->count;
    for (int64_t i = task * TASK; i < end; i++) f->stage[i] = (real)first_value(f, f->from + i);
}

static void fill(kin_network *n, kin_weight *w, filling *f)
{
    const int64_t total = w->tensor.rows * w->tensor.cols;
    for (f->from = 0; f->from < total; f->from += f->count) {
        f->count = total - f->from < STAGE ? total - f->from : STAGE;
        kin_pool_run(n->backend->pool, (f->count + TASK - 1) / TASK, fill_task, f);
        n->backend->upload(n->backend, w->tensor.value + f->from, f->stage,
                           (size_t)f->count * sizeof(real));
    }
}

kin_status kin_network_init(kin_network *n, uint64_t seed, const float *rarity)
{
    kin_plan plan[2 * KIN_PLAN_MAX];
    plan_towers(n, plan);
    const int kinds = n->encoder->rows ? n->count : n->tower;    /* user 7 is not like item 7 */
    real *stage = malloc(STAGE * sizeof *stage);
    KIN_REQUIRE(stage, KIN_MEMORY, "no memory to initialise the encoder");
    for (int i = 0; i < n->count; i++) {
        filling f = { .plan = &plan[i], .rarity = rarity, .seed = seed,
                      .substream = (uint32_t)(i % kinds), .stage = stage };
        fill(n, &n->weight[i], &f);
    }
    free(stage);
    return KIN_OK;
}

/* ---- forward --------------------------------------------------------------------------------- */

static void list_tower(kin_network *n, kin_role role, kin_tensor **p)
{
    const int first = n->separate ? (int)role * n->tower : 0;
    for (int i = 0; i < n->tower; i++) p[i] = &n->weight[first + i].tensor;
}

kin_tensor *kin_network_forward(kin_tape *tape, kin_network *n, kin_role role,
                                const kin_bags *bags)
{
    kin_tensor *p[KIN_PLAN_MAX];
    list_tower(n, role, p);
    kin_tensor *x = n->encoder->forward(tape, n->hypers, p, bags);
    return n->encoder->finish ? n->encoder->finish(tape, n->hypers, role, x) : x;
}

kin_tensor *kin_network_forward_all(kin_tape *tape, kin_network *n, kin_role role)
{
    kin_tensor *p[KIN_PLAN_MAX];
    list_tower(n, role, p);
    return n->encoder->finish(tape, n->hypers, role, n->encoder->all(tape, p));
}

kin_tensor *kin_network_forward_features(kin_tape *tape, kin_network *n, kin_tensor *x,
                                         int64_t first)
{
    kin_tensor *p[KIN_PLAN_MAX];
    for (int i = 0; i < n->tower; i++) p[i] = &n->weight[i].tensor;
    kin_tape_rows(tape, n->stream, first);
    return n->encoder->forward_features(tape, n->hypers, p, x);
}

/* A shared tower has the documents' rows behind the queries'. */
kin_tensor *kin_network_forward_rows(kin_tape *tape, kin_network *n, kin_role role,
                                     const kin_bags *bags, int64_t pairs, int64_t first)
{
    const bool behind = !n->separate && role == KIN_DOCUMENT;
    kin_tape_rows(tape, n->stream + (n->separate ? (uint32_t)role : 0),
                  behind ? pairs + first : first);
    return kin_network_forward(tape, n, role, bags);
}

void kin_network_forward_pairs(kin_tape *tape, kin_network *n, const kin_pair_bags *bags,
                               kin_tensor **queries, kin_tensor **documents)
{
    if (n->separate) {
        *queries = kin_network_forward_rows(tape, n, KIN_QUERY, &bags->queries, 0, 0);
        *documents = kin_network_forward_rows(tape, n, KIN_DOCUMENT, &bags->documents, 0, 0);
        return;
    }
    kin_tape_rows(tape, n->stream, 0);
    kin_tensor *both = kin_network_forward(tape, n, KIN_QUERY, &bags->both);
    *queries = kin_split_rows(tape, both, 0, bags->queries.rows);
    *documents = kin_split_rows(tape, both, bags->queries.rows, bags->documents.rows);
}

/* ---- folding --------------------------------------------------------------------------------- */

/* The weight of the same tower (by its place in the count) and name. */
static const kin_weight *find_weight(const kin_network *n, const char *name)
{
    for (int i = 0; i < n->count; i++)
        if (!strcmp(n->weight[i].name, name)) return &n->weight[i];
    return NULL;
}

static void fold_weights(kin_network *to, const kin_network *from, int table, int weight)
{
    for (int i = 0; i < to->count; i++) {
        kin_weight *w = &to->weight[i];
        const kin_weight *tower = &from->weight[i / to->tower * from->tower];
        w->tensor.value = find_weight(from, w->name)->tensor.value;
        w->borrowed = true;
        if (i % to->tower == table) w->scale = tower[weight].tensor.value;
    }
}

kin_status kin_network_fold(kin_network **out, kin_network *from)
{
    kin_network *n = *out = malloc(sizeof *n);
    KIN_REQUIRE(n, KIN_MEMORY, "no memory for an encoder");
    *n = *from;
    int weight = -1;
    const int table = n->encoder->fold(n->hypers, &weight);
    for (int i = 0; i < n->count; i++) {
        n->weight[i].borrowed = true;
        n->weight[i].tensor.name = n->weight[i].name;
    }
    if (table < 0) return KIN_OK;
    memset(n->weight, 0, sizeof n->weight);
    lay_out(n);
    fold_weights(n, from, table, weight);
    return KIN_OK;
}
