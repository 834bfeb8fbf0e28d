/* Corner: the part of C that a product keeps in registers, and the packing of strips. */
#ifndef KIN_CPU_LOOPS_CORNER_H
#define KIN_CPU_LOOPS_CORNER_H

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
       DEPTHS = 64 };

typedef real vector __attribute__((vector_size(VECTOR), aligned(sizeof(real)), may_alias));

#define SIX_ROWS(X) X(0) X(1) X(2) X(3) X(4) X(5)
#if ROWS_IN_CORNER == 12
#define EACH_ROW(X) SIX_ROWS(X) X(6) X(7) X(8) X(9) X(10) X(11)
#else
#define EACH_ROW(X) SIX_ROWS(X)
#endif

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- packing: strips of `width` lines of op(M), depth by depth; missing lines are 0 --------- */

/* Lines lie side by side in memory: each depth is a copy. */
static inline void pack_beside(int64_t here, int64_t depth, int64_t width, const real *from,
                               int64_t step, real *restrict to)
{
    for (int64_t k = 0; k < depth; k++, from += step, to += width) {
        if (here == COLUMNS) memcpy(to, from, COLUMNS * sizeof *to);
        else if (here == ROWS) memcpy(to, from, ROWS * sizeof *to);
        else memcpy(to, from, (size_t)here * sizeof *to);
    }
}

/* Each line's depths lie side by side: a transposition. Few lines at a time, because lines are
 * often a power of two apart and then share a set of the cache; few depths at a time, so that
 * what is written stays in it. */
static inline void pack_across(int64_t here, int64_t depth, int64_t width, const real *from,
                               int64_t step, real *restrict to)
{
    const int64_t whole_lines = here / SQUARE * SQUARE, whole_depth = depth / SQUARE * SQUARE;
    for (int64_t begin = 0; begin < whole_depth; begin += DEPTHS) {
        const int64_t end = least(begin + DEPTHS, whole_depth);
        for (int64_t i = 0; i < whole_lines; i += SQUARE) {
            for (int64_t k = begin; k < end; k += SQUARE) {
                turn_square(from + i * step + k, step, to + k * width + i, width);
            }
        }
    }
    for (int64_t i = 0; i < here; i++) {
        for (int64_t k = i < whole_lines ? whole_depth : 0; k < depth; k++) {
            to[k * width + i] = from[i * step + k];
        }
    }
}

static inline void pack_strips(int64_t lines, int64_t depth, int64_t width, const real *from,
                               int64_t line_step, int64_t depth_step, real *restrict to)
{
    for (int64_t at = 0; at < lines; at += width, to += width * depth) {
        const int64_t here = least(width, lines - at);
        if (here < width) memset(to, 0, (size_t)(width * depth) * sizeof *to);
        if (line_step == 1) pack_beside(here, depth, width, from + at, depth_step, to);
        else pack_across(here, depth, width, from + at * line_step, line_step, to);
    }
}

#endif
