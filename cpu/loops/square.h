/* Square: SQUARE lines of SQUARE numbers, turned over on their way through registers. */
#ifndef KIN_CPU_LOOPS_SQUARE_H
#define KIN_CPU_LOOPS_SQUARE_H

#include <stdint.h>
#include "core/real.h"

#ifdef KIN_DOUBLE
enum { SQUARE = 2 };
#else
enum { SQUARE = 4 };
#endif
typedef real line __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));

#define LINE(p) (*(const line *)(p))
#define MIX(...) __builtin_shufflevector(__VA_ARGS__)

/* to_ji = from_ij; the lines of `from` lie step numbers apart, those of `to` width numbers. */
static inline void turn_square(const real *from, int64_t step, real *restrict to, int64_t width)
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

#endif
