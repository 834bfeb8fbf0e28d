/* Cells: scores of single pairs of rows, and their gradients. */
#include "cpu/internal.h"

enum { CHUNK = 64, CELLS = 1024 };  /* rows or cells in a task */

typedef struct {
    const kin_loops *loops;
    int64_t count, cols;
    const int32_t *row, *col;      /* dots */
    const int64_t *start;          /* sums */
    const int32_t *cell, *other;
    const real *slope, *a, *b;
    real *out;
} job;

static int64_t end_of(const job *k, int64_t task, int64_t size)
{
    return (task + 1) * size < k->count ? (task + 1) * size : k->count;
}

/* Cells of one row follow each other, mostly. */
static void dots_task(void *context, int64_t task, int thread)
{
    (void)thread;
    const job *k = context;
    const int64_t end = end_of(k, task, CELLS);
    for (int64_t c = task * CELLS, n; c < end; c += n) {
        for (n = 1; c + n < end && k->row[c + n] == k->row[c];) n++;
        k->loops->dots_at(n, k->count - c, k->col + c, k->cols, k->b, k->a + k->row[c] * k->cols,
                          k->out + c);
    }
}

void kin_cpu_cell_dots(kin_backend *backend, int64_t cells, const int32_t *row, const int32_t *col,
                       int64_t cols, const real *a, const real *b, real *y)
{
    job k = { .loops = cpu_of(backend)->loops, .count = cells, .cols = cols, .row = row,
              .col = col, .a = a, .b = b, .out = y };
    kin_pool_run(backend->pool, (cells + CELLS - 1) / CELLS, dots_task, &k);
}

static void sums_task(void *context, int64_t task, int thread)
{
    (void)thread;
    const job *k = context;
    for (int64_t r = task * CHUNK; r < end_of(k, task, CHUNK); r++)
        for (int64_t n = k->start[r]; n < k->start[r + 1]; n++) {
            const int32_t c = k->cell[n];
            if (k->slope[c] != 0)
                k->loops->add(k->cols, k->slope[c], k->b + k->other[c] * k->cols,
                              k->out + r * k->cols);
        }
}

void kin_cpu_cell_sums(kin_backend *backend, int64_t rows, const int64_t *start,
                       const int32_t *cell, const real *slope, const int32_t *other, int64_t cols,
                       const real *b, real *x)
{
    job k = { .loops = cpu_of(backend)->loops, .count = rows, .cols = cols, .start = start,
              .cell = cell, .slope = slope, .other = other, .b = b, .out = x };
    kin_pool_run(backend->pool, (rows + CHUNK - 1) / CHUNK, sums_task, &k);
}
