/* The product of one tile, C = alpha op(A) op(B) + beta C, on one thread: what there is without
 * OpenBLAS, and what is used beside it where it is faster (cpu/product.c).
 *
 * The innermost loop keeps a corner of C, ROWS x COLUMNS, in registers. It reads COLUMNS columns of
 * op(B) from a packed strip, depth by depth, which then serves all rows of a block. Rows of A that
 * lie as they are multiplied are read where they lie; others, and the last few of a block, are
 * packed too. Each number of C is formed in the order of k, wherever in a tile it stands: as one
 * sum for each KIN_PACK_DEPTH depths at most. */
#include <string.h>
#include "cpu/loops/square.h"
#include "cpu/loops/sums.h"

#if defined(__AVX512F__)
#define ROWS_IN_CORNER 12
enum { VECTOR = 64 };
#elif defined(__AVX2__)
#define ROWS_IN_CORNER 6
enum { VECTOR = 32 };
#elif defined(__aarch64__)
#define ROWS_IN_CORNER 12
enum { VECTOR = 16 };
#else
#define ROWS_IN_CORNER 6
enum { VECTOR = 16 };
#endif
enum { ROWS = ROWS_IN_CORNER, LANES = VECTOR / (int)sizeof(real), COLUMNS = 2 * LANES,
       DEPTHS = 64, LINE_OF_CACHE = 64 / (int)sizeof(real) };

_Static_assert(COLUMNS <= (int)KIN_PACK_COLUMNS && KIN_PACK_ROWS % (int)ROWS == 0,
               "room for a block");

typedef real vector __attribute__((vector_size(VECTOR), aligned(sizeof(real)), may_alias));

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- the corner ------------------------------------------------------------------------------ */

/* Where a number of op(A) or op(B) lies: line i, depth k at value[i * line + k * deep]. */
typedef struct { const real *value; int64_t line, deep; } lines;

static inline lines from(lines m, int64_t i, int64_t k)
{
    return (lines){ m.value + i * m.line + k * m.deep, m.line, m.deep };
}

typedef struct { real *value; int64_t ld; real alpha, beta; } target;

#define SIX_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)
#if ROWS_IN_CORNER == 12
#define EACH_ROW(X) SIX_ROWS(X) X(6) X(7) X(8) X(9) X(10) X(11)
#else
#define EACH_ROW(X) SIX_ROWS(X)
#endif

/* Named variables: compilers keep an array of this size in memory. Four depths at a time: what
 * counts along takes turns with the multiplications. */
static inline __attribute__((always_inline)) void corner(int64_t depth, lines a,
                                                         const real *restrict b, target c)
{
    const vector zero = { 0 };
#define X(i) vector left##i = zero, right##i = zero; \
             __builtin_prefetch(c.value + i * c.ld, 1); \
             __builtin_prefetch(c.value + i * c.ld + COLUMNS - 1, 1);
    EACH_ROW(X)
#undef X
#define X(i, of, at) left##i += of[at * a.line] * left; right##i += of[at * a.line] * right;
#define THREE(i, j, k) X(i, a##i, 0) X(j, a##i, 1) X(k, a##i, 2)
    const real *a0 = a.value, *a3 = a0 + 3 * a.line;
#if ROWS_IN_CORNER == 12
    const real *a6 = a0 + 6 * a.line, *a9 = a0 + 9 * a.line;
#endif
#pragma GCC unroll 4
    for (int64_t k = 0; k < depth; k++, b += COLUMNS) {
        const vector left = *(const vector *)b, right = *(const vector *)(b + LANES);
        THREE(0, 1, 2) THREE(3, 4, 5)
        a0 += a.deep, a3 += a.deep;
#if ROWS_IN_CORNER == 12
        THREE(6, 7, 8) THREE(9, 10, 11)
        a6 += a.deep, a9 += a.deep;
#endif
    }
#undef THREE
#undef X
#define X(i) { vector *to = (vector *)(c.value + i * c.ld); \
               to[0] = c.alpha * left##i; to[1] = c.alpha * right##i; }
    if (c.beta == 0) { EACH_ROW(X) return; }
#undef X
#define X(i) { vector *to = (vector *)(c.value + i * c.ld); \
               to[0] = c.alpha * left##i + c.beta * to[0]; \
               to[1] = c.alpha * right##i + c.beta * to[1]; }
    EACH_ROW(X)
#undef X
}

static void corner_as_is(int64_t depth, const real *a, int64_t lda, const real *b, target c)
{
    corner(depth, (lines){ a, lda, 1 }, b, c);
}

static void corner_packed(int64_t depth, const real *a, const real *b, target c)
{
    corner(depth, (lines){ a, 1, ROWS }, b, c);
}

/* A corner that reaches beyond C, of which rows x cols are there, takes place elsewhere. */
static void copy(int64_t rows, int64_t cols, const real *from, int64_t ldf, real *to, int64_t ldt)
{
    for (int64_t i = 0; i < rows; i++)
        memcpy(to + i * ldt, from + i * ldf, (size_t)cols * sizeof *to);
}

/* ---- packing: strips of `width` lines, depth by depth; missing lines are 0 ------------------- */

/* Lines lie side by side in memory: each depth is a copy. All strips at a time, because the next
 * depth is often in another page. */
static void pack_beside(int64_t count, int64_t depth, int64_t width, lines m, real *restrict to)
{
    for (int64_t k = 0; k < depth; k++, m.value += m.deep, to += width)
        for (int64_t i = 0; i < count; i += width) {
            real *strip = to + i * depth;
            const int64_t here = least(width, count - i);
            if (here == COLUMNS) memcpy(strip, m.value + i, COLUMNS * sizeof *to);
            else if (here == ROWS) memcpy(strip, m.value + i, ROWS * sizeof *to);
            else memcpy(strip, m.value + i, (size_t)here * sizeof *to);
        }
}

/* Each line's depths lie side by side: a transposition. Few lines at a time, because lines are
 * often a power of two apart and then share a set of the cache; few depths at a time, so that
 * what is written stays in it. */
static void pack_across(int64_t here, int64_t depth, int64_t width, lines m, real *restrict to)
{
    const int64_t whole_lines = here / SQUARE * SQUARE, whole_depth = depth / SQUARE * SQUARE;
    for (int64_t begin = 0; begin < whole_depth; begin += DEPTHS) {
        const int64_t end = least(begin + DEPTHS, whole_depth);
        for (int64_t i = 0; i < whole_lines; i += SQUARE) {
            for (int64_t k = begin; k < end; k += SQUARE) {
                turn_square(m.value + i * m.line + k, m.line, to + k * width + i, width);
            }
        }
    }
    for (int64_t i = 0; i < here; i++) {
        for (int64_t k = i < whole_lines ? whole_depth : 0; k < depth; k++) {
            to[k * width + i] = m.value[i * m.line + k];
        }
    }
}

static void pack(int64_t count, int64_t depth, int64_t width, lines m, real *restrict to)
{
    const int64_t whole = count / width * width;
    if (whole < count) memset(to + whole * depth, 0, (size_t)(width * depth) * sizeof *to);
    if (m.line == 1) {
        pack_beside(count, depth, width, m, to);
        return;
    }
    for (int64_t i = 0; i < count; i += width)
        pack_across(least(width, count - i), depth, width, from(m, i, 0), to + i * depth);
}

/* Asks the cache for lines that will be packed next. */
static void fetch(int64_t count, int64_t depth, lines m)
{
    const int64_t along = m.line == 1 ? count : depth, rows = m.line == 1 ? depth : count;
    const int64_t apart = m.line == 1 ? m.deep : m.line;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < along; j += LINE_OF_CACHE)
            __builtin_prefetch(m.value + i * apart + j, 0, 2);
}

/* ---- multiplying ----------------------------------------------------------------------------- */

/* A block of rows against a packed strip. The first `lying` rows are read where they lie. */
static void strip(int64_t rows, int64_t lying, int64_t cols, int64_t depth, lines a,
                  const real *packed, const real *b, target c)
{
    for (int64_t i = 0; i < rows; i += ROWS, c.value += ROWS * c.ld) {
        real aside[ROWS * COLUMNS];
        const int64_t here = least(ROWS, rows - i);
        const bool inside = here == ROWS && cols == COLUMNS;
        const target to = inside ? c : (target){ aside, COLUMNS, c.alpha, c.beta };
        if (!inside && c.beta != 0) {
            memset(aside, 0, sizeof aside);
            copy(here, cols, c.value, c.ld, aside, COLUMNS);
        }
        if (i < lying) corner_as_is(depth, a.value + i * a.line, a.line, b, to);
        else corner_packed(depth, packed + (i - lying) * depth, b, to);
        if (!inside) copy(here, cols, aside, COLUMNS, c.value, c.ld);
    }
}

/* `depth` depths of a block of rows. */
static void block(int64_t rows, int64_t cols, int64_t depth, lines a, lines b, target c,
                  real *room)
{
    real *packed = room + KIN_PACK_DEPTH * COLUMNS;
    const int64_t lying = a.deep == 1 ? rows / ROWS * ROWS : 0;
    pack(rows - lying, depth, ROWS, from(a, lying, 0), packed);
    for (int64_t j = 0; j < cols; j += COLUMNS, c.value += COLUMNS) {
        const int64_t here = least(COLUMNS, cols - j), next = least(COLUMNS, cols - j - here);
        pack(here, depth, COLUMNS, from(b, j, 0), room);
        fetch(next, depth, from(b, j + here, 0));
        strip(rows, lying, here, depth, a, packed, room, c);
    }
}

/* Depths in equal parts; as many rows of A as half the second-level cache holds, but enough to pay
 * for the packing. */
void KIN_VARIANT(kin_own_product)(const kin_product *p, real *room)
{
    const lines a = { p->a, p->transpose_a ? 1 : p->lda, p->transpose_a ? p->lda : 1 };
    const lines b = { p->b, p->transpose_b ? p->ldb : 1, p->transpose_b ? 1 : p->ldb };
    const int64_t parts = p->k > 0 ? (p->k + KIN_PACK_DEPTH - 1) / KIN_PACK_DEPTH : 1;
    const int64_t most = p->k > 0 ? (p->k + parts - 1) / parts : 0;
    const int64_t fit = most > 0 ? KIN_PACK_NUMBERS / most / ROWS * ROWS : 0;
    const int64_t step = fit > KIN_PACK_ROWS ? fit : KIN_PACK_ROWS;
    for (int64_t part = 0; part < parts; part++) {
        const int64_t k = part * most;
        for (int64_t row = 0; row < p->m; row += step)
            block(least(step, p->m - row), p->n, least(most, p->k - k), from(a, row, k),
                  from(b, 0, k), (target){ p->c + row * p->ldc, p->ldc, p->alpha,
                                           part == 0 ? p->beta : 1 }, room);
    }
}
