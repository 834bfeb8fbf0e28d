/* The plain product of one tile: where there is no OpenBLAS. Depth by depth, a strip of A and a
 * block of B are copied into the order in which the innermost loop reads them; that loop keeps a
 * ROWS x COLUMNS corner of C in registers. */
#include <string.h>
#include "cpu/loops/sums.h"

#if defined(__AVX512F__)
enum { VECTOR = 64, ROWS = 12 };
#elif defined(__AVX2__)
enum { VECTOR = 32, ROWS = 6 };
#elif defined(__aarch64__)
enum { VECTOR = 16, ROWS = 12 };
#else
enum { VECTOR = 16, ROWS = 6 };
#endif
enum { LANES = VECTOR / (int)sizeof(real), COLUMNS = 2 * LANES, DEPTHS = 64 };

typedef real vector __attribute__((vector_size(VECTOR), aligned(sizeof(real)), may_alias));

#define SIX_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)
#if defined(__AVX512F__) || defined(__aarch64__)
#define EACH_ROW(X) SIX_ROWS(X) X(6) X(7) X(8) X(9) X(10) X(11)
#else
#define EACH_ROW(X) SIX_ROWS(X)
#endif

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

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

/* ---- packing: strips of `width` lines of op(M), depth by depth; missing lines are 0 --------- */

/* Lines lie side by side in memory: each depth is a copy. */
static void pack_beside(int64_t here, int64_t depth, int64_t width, const real *from, int64_t step,
                        real *restrict to)
{
    for (int64_t k = 0; k < depth; k++, from += step, to += width) {
        if (here == COLUMNS) memcpy(to, from, COLUMNS * sizeof *to);
        else if (here == ROWS) memcpy(to, from, ROWS * sizeof *to);
        else memcpy(to, from, (size_t)here * sizeof *to);
    }
}

#ifdef KIN_DOUBLE
enum { SQUARE = 2 };
#else
enum { SQUARE = 4 };
#endif
typedef real line __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));

#define LINE(p) (*(const line *)(p))
#define MIX(...) __builtin_shufflevector(__VA_ARGS__)

/* A square of SQUARE lines by SQUARE depths, turned over on the way. */
static inline void pack_square(int64_t width, const real *from, int64_t step, real *restrict to)
{
#ifdef KIN_DOUBLE
    const line a = LINE(from), b = LINE(from + step);
    *(line *)to = MIX(a, b, 0, 2);
    *(line *)(to + width) = MIX(a, b, 1, 3);
#else
    const line a = LINE(from), b = LINE(from + step);
    const line c = LINE(from + 2 * step), d = LINE(from + 3 * step);
    const line ab = MIX(a, b, 0, 4, 1, 5), cd = MIX(c, d, 0, 4, 1, 5);
    const line ba = MIX(a, b, 2, 6, 3, 7), dc = MIX(c, d, 2, 6, 3, 7);
    *(line *)to = MIX(ab, cd, 0, 1, 4, 5);
    *(line *)(to + width) = MIX(ab, cd, 2, 3, 6, 7);
    *(line *)(to + 2 * width) = MIX(ba, dc, 0, 1, 4, 5);
    *(line *)(to + 3 * width) = MIX(ba, dc, 2, 3, 6, 7);
#endif
}

/* Each line's depths lie side by side: a transposition. Few lines at a time, because lines are
 * often a power of two apart and then share a set of the cache; few depths at a time, so that
 * what is written stays in it. */
static void pack_across(int64_t here, int64_t depth, int64_t width, const real *from, int64_t step,
                        real *restrict to)
{
    const int64_t whole_lines = here / SQUARE * SQUARE, whole_depth = depth / SQUARE * SQUARE;
    for (int64_t begin = 0; begin < whole_depth; begin += DEPTHS) {
        const int64_t end = least(begin + DEPTHS, whole_depth);
        for (int64_t i = 0; i < whole_lines; i += SQUARE) {
            for (int64_t k = begin; k < end; k += SQUARE) {
                pack_square(width, from + i * step + k, step, to + k * width + i);
            }
        }
    }
    for (int64_t i = 0; i < here; i++) {
        for (int64_t k = i < whole_lines ? whole_depth : 0; k < depth; k++) {
            to[k * width + i] = from[i * step + k];
        }
    }
}

static void pack_strips(int64_t lines, int64_t depth, int64_t width, const real *from,
                        int64_t line_step, int64_t depth_step, real *restrict to)
{
    for (int64_t at = 0; at < lines; at += width, to += width * depth) {
        const int64_t here = least(width, lines - at);
        if (here < width) memset(to, 0, (size_t)(width * depth) * sizeof *to);
        if (line_step == 1) pack_beside(here, depth, width, from + at, depth_step, to);
        else pack_across(here, depth, width, from + at * line_step, line_step, to);
    }
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
