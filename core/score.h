/* Score: what a loss is, and the loops over scores that a backend offers for it.
 *
 * A loss file (losses/infonce.c is the one to read first) says in a few small functions, in the
 * words of core/cell.h, what one score contributes to its row and how hard the row pushes it back.
 * Each backend compiles every listed file into the loops declared here; losses/rows/ runs them over
 * tiles of scores. The engine never looks at a score itself, so scores may live on a device. */
#ifndef KIN_CORE_SCORE_H
#define KIN_CORE_SCORE_H

#include "core/backend.h"
#include "core/entry.h"

/* When a loss wants its first pass over the scores, look(). */
enum { KIN_NEVER, KIN_IF_UNBOUNDED, KIN_ALWAYS };

/* What a row must have to count: rows that lack it have value 0 and push nothing. */
enum { KIN_POSITIVE = 1, KIN_NEGATIVE = 2 };

/* How row values become the loss. The mean over no row at all is 0. */
enum { KIN_MEAN_VALID, KIN_MEAN_NONZERO, KIN_SUM_PER_ROW };

/* What is trained in place of a learnable hyperparameter h, and the range it is clamped to after
 * each step (low = high: none). */
enum { KIN_AS_IS, KIN_LOG, KIN_LOG_INVERSE };                       /* h, log h, log 1/h */
typedef struct { int as; double low, high; } kin_learned;

/* The descriptor at the end of a loss file. */
typedef struct {
    kin_entry entry;                           /* hypers in the order of the file's struct hyper */
    kin_learned learned[KIN_HYPERS_MAX];       /* one for each learnable hyperparameter */
    int needs;                                 /* KIN_POSITIVE | KIN_NEGATIVE; 0: all rows count */
    int reduce;
    int looks;                                 /* KIN_NEVER, ... */
    bool looks_first;   /* every cell must be looked at before the first is added; otherwise parts
                           of a row may be looked at, added and merged one by one */
    bool keeps;         /* slope() reads the term and not the score: one may replace the other */
    bool mirrored;      /* columns against rows is the same loss: symmetric changes nothing */
    bool sums_slopes;   /* learn() reads `slope` */
    bool holds;         /* slope() holds something constant: it is not the derivative of close() */

    /* By how much an exponent grows per unit of score; an upper bound of the scores is safe in
     * place of looking while exponents span less than 80. Needed with KIN_IF_UNBOUNDED. */
    double (*steepness)(const double *hypers);

    /* d loss / d hypers, from the sums over all cells of the slope and of slope * score. */
    void (*learn)(const double *hypers, double slope, double slope_score, double *gradient);
} kin_loss;

/* One side of the scores, rows (anchors) or columns (candidates); backend memory. A cell is
 * positive when its row and column match, else ignored when they have the same label or text, else
 * negative. Without keys (label NULL) the columns' match is their number, 0 .. count-1. */
typedef struct {
    int64_t count;
    const int32_t *match, *label, *text;       /* all three, or match of the rows alone */
    const real *positives, *negatives;         /* how many cells of either kind each has */
    const real *weight;                        /* 1, or 0 where it lacks what the loss needs */
    real *stats;                               /* fields x count, one array for each field */
    real *value;                               /* its value; 0 where weight is 0 */
    real *counted;                             /* 1 where the value belongs into the mean, else 0 */
} kin_score_side;

/* A tile: scores of rows row .. row+rows-1 against all columns. */
typedef struct {
    real *score;                               /* rows x columns.count, without gaps */
    int64_t row, rows;
    kin_score_side side[2];                    /* rows, columns; of all tiles together */
    bool self;                                 /* rows and columns are the same: i = j is ignored */
    bool bounded;                              /* no score is above top */
    bool kept;                                 /* both: the scores stay until slope is called */
    real top;
    real scale[2];                             /* slopes of rows and columns are multiplied by */
    real hypers[KIN_HYPERS_MAX];
    void *work;                                /* work(...) bytes */
} kin_scores;

/* The loops of one loss. Every number is the same for any number of threads. */
struct kin_score_kernels {
    const char *variant;                       /* "avx512" */
    int fields;                                /* numbers in a row's statistics */
    int hypers;                                /* hyperparameters that the file's functions read */
    size_t (*work)(kin_backend *, int64_t rows, int64_t columns);

    /* One direction: value and counted of the tile's rows; with slopes, each score becomes
     * scale[0] * d value / d score. Needs no statistics. */
    void (*rows)(kin_backend *, const kin_scores *, bool slopes);

    /* Both directions: open all, look at every tile (only when the loss looks first), add every
     * tile, close both sides, then slope every tile: each score becomes
     * scale[0] * d row value / d score + scale[1] * d column value / d score. */
    void (*open)(kin_backend *, const kin_scores *, int side);
    void (*look)(kin_backend *, const kin_scores *);
    void (*add)(kin_backend *, const kin_scores *);
    void (*close)(kin_backend *, const kin_scores *, int side);
    void (*slope)(kin_backend *, const kin_scores *);

    /* hit: 1 for each of the tile's rows that counts and whose best positive beats every negative,
     * else 0; the scores are only read. */
    void (*best)(kin_backend *, const kin_scores *, real *hit);
};

#endif
