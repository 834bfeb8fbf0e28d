/* G9, G12: one kernel of the backend: exact search, Adam. */
#include <math.h>
#include <stdlib.h>

#include "bench/device.h"

/* ---- G9 ------------------------------------------------------------------------------------ */

enum { ROWS, DIM, BEST, NUMBERS = 0, LOOKED_AT = 1000 };

typedef struct {
    real *x, *score;
    int32_t *index;
    kin_arena *work;
} finding;

static void count_search(const device_bench *b, device_work *w)
{
    const double rows = (double)b->size[ROWS], dim = (double)b->size[DIM];
    w->flops = 2 * rows * rows * dim;
    w->exps = 0;
    w->outputs = rows * (double)b->size[BEST] * (sizeof(real) + sizeof(int32_t));
    w->bytes = rows * dim * sizeof(real) + w->outputs;
}

static kin_status open_search(device_bench *b)
{
    kin_backend *backend = b->backend;
    const kin_memory memory = kin_backend_memory(backend);
    const size_t hits = (size_t)(b->size[ROWS] * b->size[BEST]);
    finding *s = b->state = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory for the case");
    KIN_TRY(kin_arena_new(&s->work, &memory));
    s->score = backend->alloc(backend, hits * sizeof *s->score);
    s->index = backend->alloc(backend, hits * sizeof *s->index);
    KIN_REQUIRE(s->score && s->index, KIN_MEMORY, "no device memory for %zu hits", hits);
    return device_make(b, &s->x, b->size[ROWS] * b->size[DIM], device_make_queries, NULL);
}

/* loss: the mean score of what was found for the first thousand rows. */
static kin_status repeat_search(device_bench *b, double *loss)
{
    kin_backend *backend = b->backend;
    finding *s = b->state;
    const int64_t rows = b->size[ROWS], best = b->size[BEST];
    const int64_t looked_at = (rows < LOOKED_AT ? rows : LOOKED_AT) * best;
    kin_arena_reset(s->work);
    KIN_TRY(backend->search(backend, s->work, rows, rows, b->size[DIM], s->x, s->x, best, s->index,
                            s->score));
    b->written = s->score;
    *loss = backend->sum(backend, looked_at, s->score) / (double)looked_at;
    return KIN_OK;
}

static void close_search(device_bench *b)
{
    finding *s = b->state;
    if (!s) return;
    void *all[] = { s->x, s->score, s->index };
    for (int i = 0; i < 3; i++)
        if (all[i]) b->backend->release(b->backend, all[i]);
    kin_arena_free(s->work);
    free(s);
}

const device_case device_G9 = {
    .name = "G9", .summary = "exact 30 nearest of 1,000,000 x 256 by dot product",
    .precision = KIN_TO_BF16, .count = count_search, .open = open_search, .repeat = repeat_search,
    .close = close_search, .size = { 1000000, 256, 30 }, .scaled = 1u << ROWS
};

/* ---- G12 ----------------------------------------------------------------------------------- */

typedef struct { real *p, *g, *m, *v; int64_t step; } moving;

static void count_adam(const device_bench *b, device_work *w)
{
    *w = (device_work){ .bytes = 7 * sizeof(real) * (double)b->size[NUMBERS] };
}

static kin_status open_adam(device_bench *b)
{
    kin_backend *backend = b->backend;
    const int64_t n = b->size[NUMBERS];
    moving *s = b->state = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory for the case");
    real **all[] = { &s->p, &s->g, &s->m, &s->v };
    for (int i = 0; i < 4; i++) {
        *all[i] = backend->alloc(backend, sizeof(real) * (size_t)n);
        KIN_REQUIRE(*all[i], KIN_MEMORY, "no device memory for %lld numbers", (long long)n);
        backend->zero(backend, *all[i], sizeof(real) * (size_t)n);
    }
    backend->fill(backend, n, (real)0.01, s->g);
    return KIN_OK;
}

/* loss: the first parameter after the first step; later steps do not wait for it. */
static kin_status repeat_adam(device_bench *b, double *loss)
{
    moving *s = b->state;
    real first;
    s->step++;
    const double k = (double)s->step;
    const kin_adam a = { .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8,
                         .rate = 1e-3 / (1 - pow(0.9, k)), .root = sqrt(1 - pow(0.999, k)),
                         .keep = 1, .scale = 1 };
    const kin_move move = { a, b->size[NUMBERS], s->g, s->p, s->m, s->v };
    b->backend->adam(b->backend, 1, &move);
    b->written = s->p;
    if (s->step > 1) return KIN_OK;
    b->backend->download(b->backend, &first, s->p, sizeof first);
    *loss = first;
    return KIN_OK;
}

static void close_adam(device_bench *b)
{
    moving *s = b->state;
    if (!s) return;
    real *all[] = { s->p, s->g, s->m, s->v };
    for (int i = 0; i < 4; i++)
        if (all[i]) b->backend->release(b->backend, all[i]);
    free(s);
}

const device_case device_G12 = {
    .name = "G12", .summary = "Adam over 1,000,000,000 numbers", .precision = KIN_TO_BF16,
    .count = count_adam, .open = open_adam, .repeat = repeat_adam, .close = close_adam,
    .size = { 1000000000 }, .scaled = 1u << NUMBERS
};
