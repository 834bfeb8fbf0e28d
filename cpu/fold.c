/* Fold: a square plus its mirror image, in place. Blocks of a cache line's width, because the lines
 * of a block and of its mirror image often share a set of the cache. */
#include "cpu/internal.h"
#include "cpu/loops/square.h"

enum { BLOCK = 64 / sizeof(real) };

typedef struct { int64_t n, ld; real *s; } job;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* The numbers at (row, col) ..; their mirror image may be they themselves. */
static void fold_square(const job *j, int64_t row, int64_t col)
{
    real *a = j->s + row * j->ld + col, *b = j->s + col * j->ld + row;
    real turned[SQUARE * SQUARE];
    turn_square(b, j->ld, turned, SQUARE);
    for (int i = 0; i < SQUARE; i++) {
        const line sum = LINE(a + i * j->ld) + LINE(turned + i * SQUARE);
        *(line *)(a + i * j->ld) = *(line *)(turned + i * SQUARE) = sum;
    }
    turn_square(turned, SQUARE, b, j->ld);
}

/* The same at an edge. */
static void fold_numbers(const job *j, int64_t row, int64_t col)
{
    for (int64_t i = row; i < least(row + SQUARE, j->n); i++)
        for (int64_t k = row == col ? i : col; k < least(col + SQUARE, j->n); k++) {
            real *a = j->s + i * j->ld + k, *b = j->s + k * j->ld + i;
            *a = *b = *a + *b;
        }
}

static void fold_block(const job *j, int64_t row, int64_t col)
{
    const int64_t down = least(row + BLOCK, j->n), across = least(col + BLOCK, j->n);
    for (int64_t i = row; i < down; i += SQUARE)
        for (int64_t k = row == col ? i : col; k < across; k += SQUARE) {
            if (i + SQUARE <= j->n && k + SQUARE <= j->n) fold_square(j, i, k);
            else fold_numbers(j, i, k);
        }
}

static void fold_piece(void *context, int64_t task, int thread)
{
    const job *j = context;
    (void)thread;
    for (int64_t col = task * BLOCK; col < j->n; col += BLOCK) fold_block(j, task * BLOCK, col);
}

void kin_cpu_fold(kin_backend *backend, int64_t n, real *s, int64_t ld)
{
    job j = { n, ld, s };
    kin_pool_run(backend->pool, (n + BLOCK - 1) / BLOCK, fold_piece, &j);
}
