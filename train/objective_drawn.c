/* Negatives that are drawn: each row is compared with its own column and with so many others, of
 * the batch or of all documents. */
#include <stdlib.h>

#include "autograd/op.h"
#include "core/rng.h"
#include "train/objective.h"

/* What cells of drawn negatives have alike in each step: a row's own column comes first. */
kin_status kin_drawn_prepare(kin_objective *o, int64_t rows)
{
    const int64_t each = o->drawn + 1, count = rows * each;
    o->row = malloc((size_t)count * sizeof *o->row);
    o->kind = malloc((size_t)count);
    o->start = malloc((size_t)(rows + 1) * sizeof *o->start);
    KIN_REQUIRE(o->row && o->kind && o->start, KIN_MEMORY, "no memory for %ld drawn negatives",
                (long)count);
    for (int64_t n = 0; n < count; n++) {
        o->row[n] = (int32_t)(n / each);
        o->kind[n] = n % each ? -1 : 1;
    }
    for (int64_t i = 0; i <= rows; i++) o->start[i] = i * each;
    return KIN_OK;
}

/* Columns of the cells: of each row its own, then others of the batch. */
static void draw_from_batch(const kin_objective *o, int64_t step, int64_t rows, int32_t *col)
{
    const int64_t each = o->drawn + 1;
    for (int64_t n = 0; n < rows * each; n++) {
        const int64_t i = n / each;
        const uint64_t other = kin_random_below(o->seed, KIN_STREAM_NEGATIVES, (uint32_t)step,
                                                (uint64_t)n, (uint64_t)rows - 1);
        col[n] = n % each == 0 ? (int32_t)i : (int32_t)other + ((int64_t)other >= i);
    }
}

typedef struct {
    const kin_objective *o;
    const int32_t *own;
    int64_t step, columns;
    int32_t *col;
} drawing;

/* Of all columns, a row's own among them: what is published draws so. */
static void draw_row(void *context, int64_t i, int thread)
{
    (void)thread;
    const drawing *d = context;
    const int64_t drawn = d->o->drawn;
    int32_t *col = d->col + i * (drawn + 1);
    col[0] = d->own[i];
    kin_random_list(d->o->seed, KIN_STREAM_NEGATIVES, (uint32_t)d->step,
                    d->o->one_sample ? 0 : (uint64_t)(i * drawn), drawn, (uint32_t)d->columns,
                    col + 1);
}

/* Row i's cells: its own column, then those drawn, uniformly and with replacement. */
kin_cells *kin_drawn_cells(kin_tape *tape, const kin_objective *o, int64_t step,
                           const kin_sides *sides)
{
    const int64_t rows = sides->rows->rows;
    kin_cells *c = kin_keep_host(tape, sizeof *c);
    int32_t *col = kin_keep_host(tape, (size_t)(rows * (o->drawn + 1)) * sizeof *col);
    if (!col) return NULL;
    drawing d = { o, sides->own, step, sides->columns->rows, col };
    if (o->corpus) kin_pool_run(o->backend->pool, rows, draw_row, &d);
    else draw_from_batch(o, step, rows, col);
    *c = (kin_cells){ .rows = rows, .start = o->start, .row = o->row, .col = col,
                      .kind = o->kind };
    return c;
}
