/* Cell: the words of a loss file. It defines, over a struct hyper of its hyperparameters and a
 * struct row of a row's statistics (reals only),
 *
 *     row  open (real top)                 the statistics of an empty row; no score is above top
 *     row  look (row, cell, hyper)         a first pass: what the row must know before it adds
 *     real term (cell, row, hyper)         what the cell weighs: the costly part, kept in cell.e
 *     row  add  (row, cell, hyper)         the cell joins the statistics
 *     row  merge(row, row, hyper)          two parts of a row become one
 *     real close(row *, count, hyper)      the row's value; leaves in the row what slope needs
 *     real slope(cell, row, hyper)         d value / d score of one cell
 *
 * and ends with KIN_LOSS(name, ...), its kin_loss of core/score.h. The functions are compiled into
 * loops over vectors of scores for every device, in float and in double, so they choose with pick()
 * and never branch on a score; close runs once a row and may. Divisions by hyperparameters are
 * spelt x * (1 / h.t), which compilers move out of the loop. */
#ifndef KIN_CORE_CELL_H
#define KIN_CORE_CELL_H

#include "core/score.h"
#include "core/words.h"

/* A score with its relation to the row, each 0 or 1; neither positive nor negative: ignored. */
typedef struct {
    real s;                   /* the score */
    real e;                   /* its term(), in add and slope */
    real y;                   /* its target, where a batch carries targets */
    real held;                /* the score once more, for what a loss with .holds keeps constant in
                                 its derivative: checks move s alone */
    int pos, neg, any;        /* positive, negative, one of the two */
    int extra;                /* its column was given or mined as a negative of this row */
} cell;

/* How many positives and negatives the row has; of the batch: rows, and rows with a positive. */
typedef struct { real positives, negatives, rows, paired; } count;

/* The other form, for a loss that must see a row at once to sort or to count: instead of the
 * functions above it defines
 *
 *     real whole(span, count, hyper)      the row's value; leaves its slopes in place of s
 *
 * It may branch. */
typedef struct {
    int32_t n;
    real *s;                  /* n scores; replaced by d value / d score, 0 for ignored ones */
    const signed char *kind;  /* 1 positive, -1 negative, 0 ignored */
    const real *y;            /* their targets, or NULL */
    real *work;               /* room for KIN_ROW_WORK n numbers */
    real *elements, *above;   /* what the row counts (triplets, pairs) where it is not itself: 1;
                                 how many of them are above 0 */
} span;

/* Every cell of a row, or those from .. to-1, in an order that the compiler may choose. */
#if defined(__cplusplus)
#define EACH_COLUMN(j, from, to) for (int32_t j = (from); j < (to); j++)
#elif defined(__clang__)
#define EACH_COLUMN(j, from, to) _Pragma("clang loop vectorize(assume_safety)") \
    for (int32_t j = (from); j < (to); j++)
#else
#define EACH_COLUMN(j, from, to) _Pragma("GCC ivdep") for (int32_t j = (from); j < (to); j++)
#endif
#define EACH(j, n) EACH_COLUMN(j, 0, n)

/* The place of the row's next positive, j or behind it; n: there is none. Most rows have few, so
 * whole blocks are passed over. */
enum { KIND_BLOCK = 16 };

INLINE int any_positive(const signed char *kind)
{
    int any = 0;
    EACH(j, KIND_BLOCK) any |= kind[j] > 0;
    return any;
}

INLINE int32_t next_positive(span c, int32_t j)
{
    while (j < c.n && c.kind[j] <= 0) {
        j++;
        while (j % KIND_BLOCK == 0 && j + KIND_BLOCK <= c.n && !any_positive(c.kind + j))
            j += KIND_BLOCK;
    }
    return j;
}

#define EACH_POSITIVE(j, c) \
    for (int32_t j = next_positive(c, 0); j < (c).n; j = next_positive(c, j + 1))

/* A loss that never looks. */
#define LOOKS_NEVER INLINE row look(row r, cell c, hyper h) { return r; }

#ifndef KIN_LOSS
#define KIN_LOSS KIN_LOSS_DESCRIPTOR
#endif

/* The functions have fixed shapes, and few of them read all that they are given. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#endif
