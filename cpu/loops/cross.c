/* Cross: all dot products of the rows of A with the rows of B, C = A B', where the rows are short.
 * COLUMNS rows of B at a time are packed into the first-level cache, and all rows of A, as they
 * lie, pass by from the second. Each number of C is one sum in the order of k, wherever it stands. */
#include "cpu/loops/corner.h"

/* c[ROWS][COLUMNS] = ROWS rows of A times a packed strip. */
static void corner(int64_t depth, const real *restrict a, int64_t lda, const real *restrict b,
                   real *restrict c, int64_t ldc)
{
    const vector zero = { 0 };
#define X(i) vector left##i = zero, right##i = zero; __builtin_prefetch(c + i * ldc, 1);
    EACH_ROW(X)
#undef X
#define X(i, of, at) left##i += of[at * lda] * left; right##i += of[at * lda] * right;
#define THREE(a_, b_, c_) X(a_, a##a_, 0) X(b_, a##a_, 1) X(c_, a##a_, 2)
    const real *a0 = a, *a3 = a + 3 * lda;
#if ROWS_IN_CORNER == 12
    const real *a6 = a + 6 * lda, *a9 = a + 9 * lda;
#endif
    for (int64_t k = 0; k < depth; k++, b += COLUMNS) {
        const vector left = *(const vector *)b, right = *(const vector *)(b + LANES);
        THREE(0, 1, 2) THREE(3, 4, 5)
        a0++, a3++;
#if ROWS_IN_CORNER == 12
        THREE(6, 7, 8) THREE(9, 10, 11)
        a6++, a9++;
#endif
    }
#undef THREE
#undef X
#define X(i) *(vector *)(c + i * ldc) = left##i; *(vector *)(c + i * ldc + LANES) = right##i;
    EACH_ROW(X)
#undef X
}

/* `cols` columns of C; the last ROWS rows may have been formed before: they come out the same. */
static void strip(const kin_product *p, int64_t row, int64_t rows, int64_t col, int64_t cols,
                  const real *packed)
{
    real edge[ROWS * COLUMNS];
    for (int64_t i = row; i < row + rows; i += ROWS) {
        const int64_t at = least(i, p->m - ROWS);
        const real *a = p->a + at * p->lda;
        real *c = p->c + at * p->ldc + col;
        if (cols == COLUMNS) {
            corner(p->k, a, p->lda, packed, c, p->ldc);
            continue;
        }
        corner(p->k, a, p->lda, packed, edge, COLUMNS);
        for (int64_t r = 0; r < ROWS; r++)
            memcpy(c + r * p->ldc, edge + r * COLUMNS, (size_t)cols * sizeof *c);
    }
}

/* The next strip's rows are asked for while this one is multiplied. */
static void fetch(const kin_product *p, int64_t col)
{
    const int64_t end = least(col + COLUMNS, p->n), step = 64 / (int64_t)sizeof(real);
    for (int64_t j = col; j < end; j++)
        for (int64_t k = 0; k < p->k; k += step) __builtin_prefetch(p->b + j * p->ldb + k, 0, 2);
}

/* As many rows of A as half the second-level cache holds, but enough to pay for the packing. */
void KIN_VARIANT(kin_cross_product)(const kin_product *p, real *pack)
{
    const int64_t fit = KIN_CROSS_NUMBERS / p->k / ROWS * ROWS;
    const int64_t step = fit > KIN_CROSS_ROWS ? fit : KIN_CROSS_ROWS;
    for (int64_t row = 0; row < p->m; row += step)
        for (int64_t col = 0; col < p->n; col += COLUMNS) {
            const int64_t cols = least(COLUMNS, p->n - col);
            pack_strips(cols, p->k, COLUMNS, p->b + col * p->ldb, p->ldb, 1, pack);
            fetch(p, col + COLUMNS);
            strip(p, row, least(step, p->m - row), col, cols, pack);
        }
}
