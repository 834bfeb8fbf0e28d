/* O: one Adam step over a dense parameter. */
#include <math.h>
#include <stdlib.h>

#include "bench/bench.h"

typedef struct { real *p, *g, *m, *v; int64_t step; } state;

static kin_status open(bench *b)
{
    const int64_t n = b->kind->size[0];
    state *s = b->state = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory for the case");
    real **all[] = { &s->p, &s->g, &s->m, &s->v };
    for (int i = 0; i < 4; i++) {
        *all[i] = b->backend->alloc(b->backend, sizeof(real) * (size_t)n);
        KIN_REQUIRE(*all[i], KIN_MEMORY, "no memory for %ld numbers", (long)n);
        b->backend->zero(b->backend, *all[i], sizeof(real) * (size_t)n);
    }
    bench_fill(1, n, s->g);
    b->flops = 0;
    return KIN_OK;
}

static kin_status repeat(bench *b, double *loss)
{
    state *s = b->state;
    s->step++;
    const double k = (double)s->step;
    const kin_adam a = { .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8,
                         .rate = 1e-3 / (1 - pow(0.9, k)), .root = sqrt(1 - pow(0.999, k)),
                         .keep = 1, .scale = 1 };
    const kin_move move = { a, b->kind->size[0], s->g, s->p, s->m, s->v };
    b->backend->adam(b->backend, 1, &move);
    *loss = s->p[0];
    KIN_TRY(bench_dump(b, 0, b->kind->size[0], 0, s->p));
    b->dump = NULL;
    return KIN_OK;
}

static void close(bench *b)
{
    state *s = b->state;
    if (!s) return;
    real *all[] = { s->p, s->g, s->m, s->v };
    for (int i = 0; i < 4; i++) b->backend->release(b->backend, all[i]);
    free(s);
}

const bench_case bench_O1 = { "O1", "Adam over 31,254,528 numbers", open, repeat, close,
                              { 31254528 }, BENCH_PLAIN };
