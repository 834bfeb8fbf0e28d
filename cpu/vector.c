/* Kernels that go over vectors and rows once: cut into pieces of a fixed size, one task each. */
#include <string.h>
#include "cpu/internal.h"

/* PIECE numbers are 64 KB of float, SUM_PIECE those that one double collects, SUM_ROUND the sums
 * that are kept before they are added up, REST the zeros that stand for gradients of idle rows. */
enum { PIECE = 16384, SUM_PIECE = 4096, SUM_ROUND = 2048, REST = 1024 };

static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }
static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

/* Rows that together have about PIECE numbers. */
static int64_t rows_per_task(int64_t cols)
{
    return cols >= PIECE ? 1 : PIECE / (cols > 0 ? cols : 1);
}

typedef struct {
    const kin_loops *loops;
    const kin_element_loops *element;
    const kin_adam *adam;
    const kin_sparse *sparse;
    int64_t first, n, rows, cols, ldx, ldy;
    int64_t size;                    /* numbers or rows in one piece */
    real a;
    uint64_t seed;
    uint32_t step;
    int add;
    const real *x, *y, *z;
    real *out, *out2, *out3;
    double *sums;
    double (*sum)(int64_t n, const real *x);
} job;

static void run(kin_backend *backend, int64_t n, int64_t size, kin_task task, job *j)
{
    j->loops = cpu_of(backend)->loops;
    j->size = size;
    kin_pool_run(backend->pool, parts(n, size), task, j);
}

/* The piece of task: from `at`, `now` numbers or rows. */
#define PIECE_OF(total)                                     \
    const job *j = context;                                 \
    const int64_t at = task * j->size, now = at_most(j->size, (total) - at); \
    (void)thread

/* ---- sums ----------------------------------------------------------------------------------- */

static void sum_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->n);
    j->sums[task] = j->sum(now, j->x + at);
}

static double sum_all(kin_backend *backend, int64_t n, const real *x,
                      double (*sum)(int64_t n, const real *x))
{
    double sums[SUM_ROUND], total = 0;
    const int64_t round = (int64_t)SUM_PIECE * SUM_ROUND;
    for (int64_t at = 0; at < n; at += round) {
        job j = { .n = at_most(round, n - at), .x = x + at, .sums = sums, .sum = sum };
        run(backend, j.n, SUM_PIECE, sum_piece, &j);
        for (int64_t i = 0; i < parts(j.n, SUM_PIECE); i++) total += sums[i];
    }
    return total;
}

double kin_cpu_sum(kin_backend *backend, int64_t n, const real *x)
{
    return sum_all(backend, n, x, cpu_of(backend)->loops->sum);
}

double kin_cpu_sum_squares(kin_backend *backend, int64_t n, const real *x)
{
    return sum_all(backend, n, x, cpu_of(backend)->loops->sum_squares);
}

void kin_cpu_sums(kin_backend *backend, int count, const kin_sum_request *of, double *results)
{
    for (int i = 0; i < count; i++)
        results[i] = (of[i].squares ? kin_cpu_sum_squares : kin_cpu_sum)(backend, of[i].n, of[i].x);
}

/* ---- vectors -------------------------------------------------------------------------------- */

static void add_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->n);
    j->loops->add(now, j->a, j->x + at, j->out + at);
}

void kin_cpu_add(kin_backend *backend, int64_t n, real a, const real *x, real *y)
{
    job j = { .n = n, .a = a, .x = x, .out = y };
    run(backend, n, PIECE, add_piece, &j);
}

static void scale_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->n);
    j->loops->scale(now, j->a, j->out + at);
}

void kin_cpu_scale(kin_backend *backend, int64_t n, real a, real *y)
{
    job j = { .n = n, .a = a, .out = y };
    run(backend, n, PIECE, scale_piece, &j);
}

static void fill_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->n);
    j->loops->fill(now, j->a, j->out + at);
}

void kin_cpu_fill(kin_backend *backend, int64_t n, real value, real *y)
{
    job j = { .n = n, .a = value, .out = y };
    run(backend, n, PIECE, fill_piece, &j);
}

static void multiply_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->n);
    j->loops->multiply(now, j->x + at, j->y + at, j->out + at);
}

void kin_cpu_multiply(kin_backend *backend, int64_t n, const real *a, const real *b, real *y)
{
    job j = { .n = n, .x = a, .y = b, .out = y };
    run(backend, n, PIECE, multiply_piece, &j);
}

static void element_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->n);
    j->element->forward(now, j->x + at, j->out + at);
}

void kin_cpu_element(kin_backend *backend, int op, int64_t n, const real *x, real *y)
{
    job j = { .element = cpu_of(backend)->elements[op], .n = n, .x = x, .out = y };
    run(backend, n, PIECE, element_piece, &j);
}

static void element_back_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->n);
    j->element->back(now, j->add, j->x + at, j->y + at, j->z + at, j->out + at);
}

void kin_cpu_element_back(kin_backend *backend, int op, int add, int64_t n, const real *x,
                          const real *y, const real *dy, real *dx)
{
    job j = { .element = cpu_of(backend)->elements[op], .n = n, .add = add, .x = x, .y = y,
              .z = dy, .out = dx };
    run(backend, n, PIECE, element_back_piece, &j);
}

static void dropout_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->n);
    j->loops->dropout(j->first + at, now, j->a, j->seed, j->step, j->add, j->x + at, j->out + at);
}

void kin_cpu_dropout(kin_backend *backend, int64_t first, int64_t n, real rate, uint64_t seed,
                     uint32_t step, int add, const real *x, real *y)
{
    job j = { .first = first, .n = n, .a = rate, .seed = seed, .step = step, .add = add, .x = x,
              .out = y };
    run(backend, n, PIECE, dropout_piece, &j);
}

static void adam_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->n);
    j->loops->adam(now, j->adam, j->x + at, j->out + at, j->out2 ? j->out2 + at : NULL,
                   j->out3 + at);
}

void kin_cpu_adam(kin_backend *backend, int count, const kin_move *moves)
{
    for (const kin_move *o = moves; o < moves + count; o++) {
        job j = { .adam = &o->by, .n = o->n, .x = o->g, .out = o->p, .out2 = o->m, .out3 = o->v };
        run(backend, o->n, PIECE, adam_piece, &j);
    }
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void adam_rows_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->sparse->count);
    for (int64_t i = at; i < at + now; i++) {
        const int64_t row = j->sparse->id[i] * j->cols;
        if (i + 1 < j->sparse->count)
            kin_cpu_fetch(j->sparse->id[i + 1] * j->cols, j->cols, j->out, j->out2, j->out3);
        j->loops->adam(j->cols, j->adam, j->sparse->value + i * j->cols, j->out + row,
                       j->out2 ? j->out2 + row : NULL, j->out3 + row);
    }
}

void kin_cpu_adam_rows(kin_backend *backend, const kin_sparse *g, int64_t cols, const kin_adam *a,
                       real *p, real *m, real *v)
{
    job j = { .adam = a, .sparse = g, .cols = cols, .out = p, .out2 = m, .out3 = v };
    run(backend, g->count, rows_per_task(cols), adam_rows_piece, &j);
}

/* Place of the first listed row that is not before this one. */
static int64_t listed_from(const kin_sparse *g, int64_t row)
{
    int64_t low = 0, high = g->count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (g->id[middle] < row) low = middle + 1;
        else high = middle;
    }
    return low;
}

/* Rows without a gradient are moved together, up to the next that has one. */
static void adam_table_piece(void *context, int64_t task, int thread)
{
    static const real none[REST];
    PIECE_OF(j->rows);
    const int64_t cols = j->cols, end = (at + now) * cols;
    int64_t place = listed_from(j->sparse, at);
    for (int64_t i = at * cols, n; i < end; i += n) {
        const bool more = place < j->sparse->count;
        const int64_t next = more ? at_most(j->sparse->id[place] * cols, end) : end;
        const bool listed = more && next == i;
        const real *g = listed ? j->sparse->value + place++ * cols : none;
        n = listed ? cols : at_most(next - i, REST);
        j->loops->adam(n, j->adam, g, j->out + i, j->out2 ? j->out2 + i : NULL, j->out3 + i);
    }
}

void kin_cpu_adam_table(kin_backend *backend, const kin_sparse *g, int64_t rows, int64_t cols,
                        const kin_adam *a, real *p, real *m, real *v)
{
    job j = { .adam = a, .sparse = g, .rows = rows, .cols = cols, .out = p, .out2 = m, .out3 = v };
    run(backend, rows, rows_per_task(cols), adam_table_piece, &j);
}

static void add_row_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->rows);
    real *out = j->out + at * j->cols;
    if (j->y != j->out) memcpy(out, j->y + at * j->cols, (size_t)(now * j->cols) * sizeof *out);
    j->loops->add_row(now, j->cols, j->x, out);
}

void kin_cpu_add_row(kin_backend *backend, int64_t rows, int64_t cols, const real *row,
                     const real *x, real *y)
{
    job j = { .rows = rows, .cols = cols, .x = row, .y = x, .out = y };
    run(backend, rows, rows_per_task(cols), add_row_piece, &j);
}

static void sum_rows_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->cols);
    j->loops->sum_rows(j->rows, j->cols, at, now, j->x, j->out);
}

void kin_cpu_sum_rows(kin_backend *backend, int64_t rows, int64_t cols, const real *x, real *row)
{
    job j = { .rows = rows, .cols = cols, .x = x, .out = row };
    run(backend, cols, KIN_COLUMNS, sum_rows_piece, &j);
}

static void row_dots_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->rows);
    for (int64_t i = at; i < at + now; i++)
        j->out[i] = (real)j->loops->dot(j->cols, j->x + i * j->cols, j->y + i * j->cols);
}

void kin_cpu_row_dots(kin_backend *backend, int64_t rows, int64_t cols, const real *a,
                      const real *b, real *y)
{
    job j = { .rows = rows, .cols = cols, .x = a, .y = b, .out = y };
    run(backend, rows, rows_per_task(cols), row_dots_piece, &j);
}

static void scale_rows_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->rows);
    for (int64_t i = at; i < at + now; i++)
        j->loops->add(j->cols, j->y[i], j->x + i * j->cols, j->out + i * j->cols);
}

void kin_cpu_scale_rows(kin_backend *backend, int64_t rows, int64_t cols, const real *factor,
                        const real *x, real *y)
{
    job j = { .rows = rows, .cols = cols, .x = x, .y = factor, .out = y };
    run(backend, rows, rows_per_task(cols), scale_rows_piece, &j);
}

static void add_block_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->rows);
    for (int64_t i = at; i < at + now; i++)
        j->loops->add(j->cols, j->a, j->x + i * j->ldx, j->out + i * j->ldy);
}

void kin_cpu_add_block(kin_backend *backend, int64_t rows, int64_t cols, real a, const real *x,
                       int64_t ldx, real *y, int64_t ldy)
{
    job j = { .rows = rows, .cols = cols, .a = a, .x = x, .ldx = ldx, .out = y, .ldy = ldy };
    run(backend, rows, rows_per_task(cols), add_block_piece, &j);
}

static void normalize_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->rows);
    j->loops->normalize(now, j->cols, j->x + at * j->cols, j->out + at * j->cols, j->out2 + at);
}

void kin_cpu_normalize(kin_backend *backend, int64_t rows, int64_t cols, const real *x, real *y,
                       real *inverse)
{
    job j = { .rows = rows, .cols = cols, .x = x, .out = y, .out2 = inverse };
    run(backend, rows, rows_per_task(cols), normalize_piece, &j);
}

static void normalize_back_piece(void *context, int64_t task, int thread)
{
    PIECE_OF(j->rows);
    const int64_t from = at * j->cols;
    j->loops->normalize_back(now, j->cols, j->x + from, j->y + at, j->z + from, j->out + from);
}

void kin_cpu_normalize_back(kin_backend *backend, int64_t rows, int64_t cols, const real *y,
                            const real *inverse, const real *dy, real *dx)
{
    job j = { .rows = rows, .cols = cols, .x = y, .y = inverse, .z = dy, .out = dx };
    run(backend, rows, rows_per_task(cols), normalize_back_piece, &j);
}
