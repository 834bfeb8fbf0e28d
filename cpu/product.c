/* Products: C is cut into tiles by its shape alone, each tile is one single-threaded call, and k is
 * never cut, so that every number of C is formed in one fixed way. */
#include "cpu/internal.h"

enum { ROW_MAJOR = 101, AS_IS = 111, TRANSPOSED = 112 };

/* Tile shape. Tiles of about 256 x 256 lose nothing against the whole product in one call. They are
 * smaller where that would make fewer than MANY of them or where k is long, but never so small
 * that a tile's work does not pay for handing it to a thread. */
enum { MANY = 8, STEP = 32, LARGEST = 256 * 256, WORK_LEAST = 4000000, WORK_MOST = 128000000 };

typedef struct {
    int64_t rows, cols;              /* of a tile */
    int64_t down, across;            /* tiles */
} cut;

static int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

/* n in pieces of about size: equal ones, rounded up to whole steps. */
static int64_t even(int64_t n, int64_t size)
{
    const int64_t each = parts(n, parts(n, at_least(size, 1)));
    return at_most(n, parts(each, STEP) * STEP);
}

static cut cut_for(int64_t m, int64_t n, int64_t k)
{
    const double work = 2.0 * (double)at_least(k, 1);
    double area = (double)m * (double)n / MANY;
    if (area > LARGEST) area = LARGEST;
    if (area * work > WORK_MOST) area = WORK_MOST / work;
    if (area * work < WORK_LEAST) area = WORK_LEAST / work;
    int64_t side = STEP;
    while (side * side < area && side < 4096) side += STEP;
    cut c = { .rows = even(m, side) };
    c.cols = even(n, (int64_t)(area / (double)c.rows));
    c.rows = even(m, (int64_t)(area / (double)c.cols));
    c.down = parts(m, c.rows);
    c.across = parts(n, c.cols);
    return c;
}

static kin_product tile_of(const kin_product *p, int64_t row, int64_t rows, int64_t col,
                           int64_t cols)
{
    kin_product t = *p;
    t.a += p->transpose_a ? row : row * p->lda;
    t.b += p->transpose_b ? col * p->ldb : col;
    t.c += row * p->ldc + col;
    t.m = at_most(rows, p->m - row);
    t.n = at_most(cols, p->n - col);
    return t;
}

void kin_cpu_tile(kin_cpu *cpu, const kin_product *t, int thread)
{
    if (!cpu->blas->gemm) {
        cpu->loops->product(t, cpu->pack + (size_t)thread * KIN_PACK);
        return;
    }
    cpu->blas->gemm(ROW_MAJOR, t->transpose_a ? TRANSPOSED : AS_IS,
                    t->transpose_b ? TRANSPOSED : AS_IS, (int)t->m, (int)t->n, (int)t->k, t->alpha,
                    t->a, (int)t->lda, t->b, (int)t->ldb, t->beta, t->c, (int)t->ldc);
}

typedef struct {
    kin_cpu *cpu;
    const kin_product *p;
    cut cut;
} job;

static void one_tile(void *context, int64_t task, int thread)
{
    const job *j = context;
    const kin_product t = tile_of(j->p, task / j->cut.across * j->cut.rows, j->cut.rows,
                                  task % j->cut.across * j->cut.cols, j->cut.cols);
    kin_cpu_tile(j->cpu, &t, thread);
}

void kin_cpu_product(kin_backend *backend, const kin_product *p)
{
    if (p->m == 0 || p->n == 0) return;
    job j = { cpu_of(backend), p, cut_for(p->m, p->n, p->k) };
    kin_pool_run(backend->pool, j.cut.down * j.cut.across, one_tile, &j);
}
