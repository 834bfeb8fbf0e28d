/* The plain product of one tile: where there is no OpenBLAS. Depth by depth, a strip of A and a
 * block of B are copied into the order in which the innermost loop reads them; that loop keeps a
 * ROWS x COLUMNS corner of C in registers. */
#include <string.h>
#include "cpu/loops/corner.h"

/* out[ROWS][COLUMNS] = a strip (depth x ROWS) times a strip (depth x COLUMNS). Named variables:
 * compilers keep an array of this size in memory. */
static void corner(int64_t depth, const real *restrict a, const real *restrict b,
                   real *restrict out)
{
    const vector zero = { 0 };
#define X(i) vector left##i = zero, right##i = zero;
    EACH_ROW(X)
#undef X
    for (int64_t k = 0; k < depth; k++, a += ROWS, b += COLUMNS) {
        const vector left = *(const vector *)b, right = *(const vector *)(b + LANES);
#define X(i) left##i += a[i] * left; right##i += a[i] * right;
        EACH_ROW(X)
#undef X
    }
#define X(i) *(vector *)(out + i * COLUMNS) = left##i; \
             *(vector *)(out + i * COLUMNS + LANES) = right##i;
    EACH_ROW(X)
#undef X
}

/* ---- multiplying ---------------------------------------------------------------------------- */

static void store(const real *corner_, int64_t rows, int64_t cols, real alpha, real beta,
                  real *restrict c, int64_t ldc)
{
    for (int64_t i = 0; i < rows; i++, c += ldc, corner_ += COLUMNS) {
        if (beta == 0) {
            for (int64_t j = 0; j < cols; j++) c[j] = alpha * corner_[j];
        } else {
            for (int64_t j = 0; j < cols; j++) c[j] = alpha * corner_[j] + beta * c[j];
        }
    }
}

typedef struct {
    const kin_product *p;
    int64_t row, rows, col, cols, k, depth;
} piece;

/* One packed strip of A against one packed block of B. */
static void multiply_piece(const piece *q, const real *a, const real *b)
{
    const kin_product *p = q->p;
    real out[ROWS * COLUMNS];
    const real beta = q->k == 0 ? p->beta : 1;
    for (int64_t j = 0; j < q->cols; j += COLUMNS) {
        for (int64_t i = 0; i < q->rows; i += ROWS) {
            corner(q->depth, a + i * q->depth, b + j * q->depth, out);
            store(out, least(ROWS, q->rows - i), least(COLUMNS, q->cols - j), p->alpha, beta,
                  p->c + (q->row + i) * p->ldc + q->col + j, p->ldc);
        }
    }
}

static void block_of_columns(piece q, real *pack)
{
    const kin_product *p = q.p;
    real *packed_b = pack, *packed_a = pack + KIN_PACK_DEPTH * KIN_PACK_COLUMNS;
    const real *b = p->transpose_b ? p->b + q.col * p->ldb + q.k : p->b + q.k * p->ldb + q.col;
    pack_strips(q.cols, q.depth, COLUMNS, b, p->transpose_b ? p->ldb : 1,
                p->transpose_b ? 1 : p->ldb, packed_b);
    for (q.row = 0; q.row < p->m; q.row += KIN_PACK_ROWS) {
        q.rows = least(KIN_PACK_ROWS, p->m - q.row);
        const real *a = p->transpose_a ? p->a + q.k * p->lda + q.row
                                       : p->a + q.row * p->lda + q.k;
        pack_strips(q.rows, q.depth, ROWS, a, p->transpose_a ? 1 : p->lda,
                    p->transpose_a ? p->lda : 1, packed_a);
        multiply_piece(&q, packed_a, packed_b);
    }
}

void KIN_VARIANT(kin_plain_product)(const kin_product *p, real *pack)
{
    for (int64_t k = 0; k < p->k || k == 0; k += KIN_PACK_DEPTH) {
        for (int64_t col = 0; col < p->n; col += KIN_PACK_COLUMNS) {
            const int64_t cols = least(KIN_PACK_COLUMNS, p->n - col);
            const int64_t depth = least(KIN_PACK_DEPTH, p->k - k);
            block_of_columns((piece){ .p = p, .col = col, .cols = cols, .k = k, .depth = depth },
                             pack);
        }
    }
}
