/* Lists of token ids, the gradients of their table, and optimizers that move listed rows. */
#include "tests/cuda/parity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* rows bags of 0 .. 2 length tokens each; the first ones are the small set */
static const struct { int64_t rows, length, table, cols; } shapes[] = {
    { 1, 0, 1, 1 }, { 1, 1, 1, 1 }, { 1, 2, 7, 3 }, { 7, 2, 5, 3 }, { 13, 5, 100, 31 },
    { 33, 3, 1000, 64 }, { 3, 100, 10, 100 }, { 64, 9, 37, 32 },
    { 257, 20, 1031, 100 }, { 1000, 12, 30000, 256 }, { 2, 3000, 4099, 17 }, { 700, 40, 50, 300 },
};
enum { SMALL = 8, SHAPES = sizeof shapes / sizeof *shapes };

typedef struct {
    int64_t table, cols;
    real *values, *weight, *dy;
    int64_t room;                      /* for rows of the gradient */
    kin_sparse sparse;
} example;

/* A third of all tokens are the same, as it is with words. */
static kin_bags make_bags(parity *p, int64_t rows, int64_t length, int64_t table)
{
    int64_t *start = parity_host(sizeof *start * (size_t)(rows + 1));
    int32_t *lengths = parity_host_below(p, 11, rows, 2 * length + 1);
    if (length) lengths[0] = (int32_t)length;                /* not nothing at all */
    for (int64_t i = 0; i < rows; i++) start[i + 1] = start[i] + lengths[i];
    const int64_t tokens = start[rows];
    int32_t *ids = parity_host_below(p, 12, tokens, table);
    int32_t *often = parity_host_below(p, 13, tokens, 3);
    for (int64_t t = 0; t < tokens; t++)
        if (!often[t]) ids[t] = (int32_t)(table / 2);
    const kin_bags bags = { .rows = rows, .tokens = tokens,
                            .ids = parity_put(p, ids, sizeof *ids * (size_t)tokens),
                            .start = parity_put(p, start, sizeof *start * (size_t)(rows + 1)) };
    free(start), free(lengths), free(ids), free(often);
    return bags;
}

static example make(parity *p, int shape, bool weighted)
{
    example e = { .table = shapes[shape].table, .cols = shapes[shape].cols };
    kin_backend *b = p->device;
    kin_sparse *g = &e.sparse;
    g->bags = make_bags(p, shapes[shape].rows, shapes[shape].length, e.table);
    e.values = parity_normal(p, 1, e.table * e.cols);
    e.weight = weighted ? parity_normal(p, 2, e.table) : NULL;
    e.dy = parity_normal(p, 3, g->bags.rows * e.cols);
    e.room = g->bags.tokens < e.table ? g->bags.tokens : e.table;
    g->id = (int32_t *)(void *)parity_room(p, e.room);
    g->value = parity_room(p, e.room * e.cols);
    g->dy = e.dy;
    g->weight = e.weight;
    g->work = parity_room(p, (int64_t)(b->bag_work(b, g->bags.tokens, e.table) / sizeof(real) + 1));
    b->bag_rows(b, e.table, g);
    return e;
}

/* ---- forward, and the gradient row by row ---------------------------------------------------- */

static void bag(parity *p, example *e)
{
    const int64_t n = e->sparse.bags.rows * e->cols;
    real *y = parity_room(p, n);
    p->device->bag(p->device, &e->sparse.bags, e->cols, e->values, e->weight, y);
    parity_reals(p, "y", y, n, 0);
}

static void bag_rows(parity *p, example *e)
{
    p->device->bag_sum(p->device, e->cols, e->values, &e->sparse, NULL);      /* waits for it */
    parity_exactly(p, "count", (double)e->sparse.count);
    parity_integers(p, "id", e->sparse.id, e->sparse.count);
}

static void bag_sum(parity *p, example *e)
{
    real *dweight = parity_normal(p, 4, e->table);
    p->device->bag_sum(p->device, e->cols, e->values, &e->sparse, dweight);
    parity_reals(p, "value", e->sparse.value, e->sparse.count * e->cols, 0);
    parity_reals(p, "dweight", dweight, e->table, sqrt((double)e->cols));
    p->device->bag_sum(p->device, e->cols, e->values, &e->sparse, NULL);
    parity_reals(p, "value without dweight", e->sparse.value, e->sparse.count * e->cols, 0);
}

/* ---- optimizers ------------------------------------------------------------------------------ */

static const kin_adam factors[2] = {
    { .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .rate = 0.0369, .root = 0.0547, .keep = 0.9999,
      .scale = 1 },
    { .beta1 = 0, .beta2 = 0.5, .eps = 0.125, .rate = 0.01, .root = 0.7, .keep = 1, .scale = 0.5 },
};

static void move_rows(parity *p, example *e, bool mean, bool open)
{
    const int64_t n = e->table * e->cols;
    const kin_adam *a = &factors[!mean];
    real *m = mean ? parity_normal(p, 5, n) : NULL, *v = parity_room(p, n);
    kin_backend *b = p->device;
    b->fill(b, n, (real)0.375, v);
    if (open) {
        double squares, *left = b->alloc(b, sizeof *left);
        b->bag_adam(b, &e->sparse, e->cols, a, e->values, m, v, left);
        b->download(b, &squares, left, sizeof squares);
        b->release(b, left);
        parity_doubles(p, "squares", &squares, 1, 0);
    } else {
        b->bag_sum(b, e->cols, e->values, &e->sparse, NULL);
        b->adam_rows(b, &e->sparse, e->cols, a, e->values, m, v);
    }
    parity_reals(p, "p", e->values, n, 0);
    if (mean) parity_reals(p, "m", m, n, 0);
    parity_reals(p, "v", v, n, 0);
}

static void adam_rows(parity *p, example *e) { move_rows(p, e, true, false); }
static void adam_rows_squares(parity *p, example *e) { move_rows(p, e, false, false); }
static void bag_adam(parity *p, example *e) { move_rows(p, e, true, true); }
static void bag_adam_squares(parity *p, example *e) { move_rows(p, e, false, true); }

static const struct {
    const char *name;
    void (*try_it)(parity *, example *);
    parity_bound bound;
} trials[] = {
    { "bag", bag, PARITY_KERNEL }, { "bag_rows", bag_rows, PARITY_KERNEL },
    { "bag_sum", bag_sum, PARITY_LONG }, { "adam_rows", adam_rows, PARITY_LONG },
    { "adam_rows without m", adam_rows_squares, PARITY_LONG },
    { "bag_adam", bag_adam, PARITY_LONG }, { "bag_adam without m", bag_adam_squares, PARITY_LONG },
};
enum { TRIALS = sizeof trials / sizeof *trials };

void parity_bags(parity *p)
{
    for (int t = 0; t < TRIALS; t++) {
        char family[48];
        snprintf(family, sizeof family, "kernel %s", trials[t].name);
        for (int i = 0; i < 2 * (p->small ? SMALL : SHAPES); i++) {
            const int s = i / 2;
            if (!parity_begin(p, family, trials[t].bound, "%ld bags of %ld, table %ldx%ld%s",
                              (long)shapes[s].rows, (long)shapes[s].length, (long)shapes[s].table,
                              (long)shapes[s].cols, i % 2 ? ", weights" : "")) continue;
            example e = make(p, s, i % 2);
            trials[t].try_it(p, &e);
            parity_end(p);
        }
    }
}
