/* Products: C is cut into tiles by its shape alone, each tile is one single-threaded call, and k is
 * not shared among tiles, so that every number of C is formed in one fixed way. */
#include <math.h>
#include "cpu/internal.h"

enum { ROW_MAJOR = 101, AS_IS = 111, TRANSPOSED = 112 };

/* How many tiles: MANY, which two, three and six threads share evenly; more when tiles would be
 * larger than LARGEST numbers, where they gain nothing more; fewer when a tile would be smaller
 * than SMALLEST, or its work would not pay for handing it to a thread. Two may be smaller: one tile
 * makes all other threads wait. */
enum { MANY = 6, STEP = 16, LARGEST = 512 * 512, SMALLEST = 128 * 128, WORK_LEAST = 4000000 };

typedef struct {
    int64_t rows, cols;              /* of a tile */
    int64_t down, across;            /* tiles */
} cut;

static int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }

static int64_t tiles_wanted(int64_t m, int64_t n, int64_t k)
{
    const double size = (double)m * (double)n, work = 2 * size * (double)k;
    double tiles = MANY;
    if (tiles > work / WORK_LEAST) tiles = work / WORK_LEAST;
    if (tiles > size / SMALLEST) tiles = size / SMALLEST;
    if (tiles < size / LARGEST) tiles = size / LARGEST;
    if (tiles < 2 && size >= SMALLEST / 2 && work >= 2.0 * WORK_LEAST) tiles = 2;
    return tiles < 2 ? 1 : ((int64_t)tiles + 1) / 2 * 2;      /* even: three would make two wait */
}

/* n cut into `count` pieces: the size of a piece, in whole steps. */
static int64_t piece(int64_t n, int64_t count)
{
    return at_most(n, parts(parts(n, count), STEP) * STEP);
}

/* Every tile copies its part of A and of B into the cache's order: across m + down n numbers for
 * each k. Of the cuts with enough tiles, near the least of that, the one that copies least. */
static cut cut_for(int64_t m, int64_t n, int64_t k)
{
    const int64_t tiles = tiles_wanted(m, n, k), most = at_most(tiles, parts(n, STEP));
    const int64_t middle = at_most((int64_t)sqrt((double)tiles * (double)n / (double)m), most);
    double least = INFINITY;
    cut best = { m, n, 1, 1 };
    for (int64_t across = at_least(1, middle - 2); across <= at_most(middle + 2, most); across++) {
        const int64_t down = at_most(parts(tiles, across), parts(m, STEP));
        const double copied = (double)across * (double)m + (double)down * (double)n;
        if ((down * across < tiles && across < most) || copied >= least) continue;
        least = copied;
        best.rows = piece(m, down);
        best.cols = piece(n, across);
    }
    best.down = parts(m, best.rows);
    best.across = parts(n, best.cols);
    return best;
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

/* Whether a product is formed by our own loops: where there is no OpenBLAS, and beside it what
 * they were measured to do faster. */
static bool is_own(const kin_cpu *cpu, const kin_product *p)
{
    if (!cpu->blas->gemm) return true;
    if (p->transpose_a || p->m < KIN_OWN_ROWS || p->n < KIN_OWN_COLUMNS) return false;
    return cpu->own == KIN_OWN_ALL || (cpu->own == KIN_OWN_DOTS && p->transpose_b &&
                                       p->k <= KIN_OWN_DEPTH);
}

static void multiply(kin_cpu *cpu, const kin_product *t, bool own, int thread)
{
    if (own) {
        cpu->loops->product(t, cpu->room + (size_t)thread * KIN_PRODUCT_ROOM);
        return;
    }
    cpu->blas->gemm(ROW_MAJOR, t->transpose_a ? TRANSPOSED : AS_IS,
                    t->transpose_b ? TRANSPOSED : AS_IS, (int)t->m, (int)t->n, (int)t->k, t->alpha,
                    t->a, (int)t->lda, t->b, (int)t->ldb, t->beta, t->c, (int)t->ldc);
}

void kin_cpu_tile(kin_cpu *cpu, const kin_product *t, int thread)
{
    multiply(cpu, t, is_own(cpu, t), thread);
}

typedef struct {
    kin_cpu *cpu;
    const kin_product *p;
    cut cut;
    bool own;
} job;

static void one_tile(void *context, int64_t task, int thread)
{
    const job *j = context;
    const kin_product t = tile_of(j->p, task / j->cut.across * j->cut.rows, j->cut.rows,
                                  task % j->cut.across * j->cut.cols, j->cut.cols);
    multiply(j->cpu, &t, j->own, thread);
}

void kin_cpu_product(kin_backend *backend, const kin_product *p)
{
    if (p->m == 0 || p->n == 0) return;
    kin_cpu *cpu = cpu_of(backend);
    job j = { cpu, p, cut_for(p->m, p->n, p->k), is_own(cpu, p) };
    if (j.own && kin_pool_threads(backend->pool) == 1)
        j.cut = (cut){ p->m, p->n, 1, 1 };       /* its numbers do not depend on how it is cut */
    cpu->owned += j.own;
    kin_pool_run(backend->pool, j.cut.down * j.cut.across, one_tile, &j);
}
