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

/* How row values become the loss; 0: as the loss's descriptor says. A row counts as one element,
 * unless its loss counts others (triplets). The mean over nothing is 0. */
enum {
    KIN_REDUCE_OWN,
    KIN_MEAN_VALID,      /* over the elements of rows that have all that the loss needs */
    KIN_MEAN_NONZERO,    /* over the elements whose value is above 0 */
    KIN_MEAN_ROWS,       /* over all rows: those that lack something count as 0 */
    KIN_SUM,
    KIN_PER_PAIR,        /* over the positive pairs: a row counts as often as it has positives */
    KIN_REDUCES
};

/* What a score is. For unit vectors cosine, dot and euclidean are the same number. */
enum {
    KIN_SIMILARITY_OWN,  /* as the loss's descriptor says; there: cosine */
    KIN_COSINE,
    KIN_DOT,
    KIN_EUCLIDEAN,       /* 1 - |q - k|^2 / 2: the distance of unit vectors, for any */
    KIN_SNR,             /* 1 - var(q - k) / var(q) / 2, variances over the coordinates */
    KIN_ANGLE,           /* Re + Im of q conj k / |q| |k|, halves being real and imaginary parts */
    KIN_SIMILARITIES
};

/* What core/cell.h's whole() may use, for each score of a row. */
#define KIN_ROW_WORK 8

/* How a loss is written: one cell at a time, a whole row at a time, or as a composition of ops. */
enum { KIN_CELLS, KIN_ROW, KIN_COMPOSED };

/* What a batch may carry for a loss. */
enum {
    KIN_PAIRS = 1,       /* each row has a column that is its positive */
    KIN_LABELS = 2,      /* rows and columns of the same label are positives */
    KIN_TRIPLETS = 4,    /* cells one by one: anchor, positive, negative */
    KIN_TARGETS = 8,     /* a number for each cell: how alike the two should be */
    KIN_PROXIES = 16,    /* learned columns, one for each label */
    KIN_MARKED = 32,     /* pairs one by one, each said to be positive or negative */
};

struct kin_tape;
struct kin_tensor;
struct kin_loss_setting;

/* What is trained in place of a learnable hyperparameter h, and the range it is clamped to after
 * each step (low = high: none). */
enum { KIN_AS_IS, KIN_LOG, KIN_LOG_INVERSE };                       /* h, log h, log 1/h */
typedef struct { int as; double low, high; } kin_learned;

enum { KIN_LEARNED_MAX = 2 };          /* hyperparameters of one loss that are trained at a time */

/* Sums of slopes: over all cells, over positives, and of slope times score over all cells. */
typedef struct { double all, positive, score; } kin_slopes;

/* The descriptor at the end of a loss file. */
typedef struct {
    kin_entry entry;                           /* hypers in the order of the file's struct hyper */
    kin_learned learned[KIN_HYPERS_MAX];       /* one for each learnable hyperparameter */
    int form;                                  /* KIN_CELLS, ... */
    int takes;                                 /* KIN_PAIRS | ...; 0: pairs and labels */
    int needs;                                 /* KIN_POSITIVE | KIN_NEGATIVE; 0: all rows count */
    int reduce;
    int similarity;                            /* where the setting names none; 0: cosine */
    bool only_similarity;                      /* no other makes sense */
    bool normalizes;                           /* vectors are made unit first */
    bool positives_only;    /* negatives do not matter: only positives' scores are formed */
    bool each_side;     /* rows against rows and columns against columns; labels do not matter */
    bool joins_pairs;   /* by label, within one set: a row for each two rows of a class, merged */
    bool whole;         /* the batch is one row: its rows are merged before they are closed */
    bool columns;       /* the columns are the anchors (proxies) */
    int looks;                                 /* KIN_NEVER, ... */
    bool fast;          /* its loops are made again for cells of which less need be asked: twice the
                           speed there, four times the code */
    bool keeps;         /* slope() reads the term and not the score: one may replace the other */
    bool mirrored;      /* columns against rows is the same loss: symmetric changes nothing */
    bool sums_slopes;   /* learn() reads the sums over all cells and over positives */
    bool holds;         /* what comes from cell.held is constant in slope(), which is then not the
                           derivative of close() */
    bool holds_columns; /* composed: the columns may be targets that get no gradient */

    /* By how much an exponent grows per unit of score; an upper bound of the scores is safe in
     * place of looking while exponents span less than 80. Needed with KIN_IF_UNBOUNDED. */
    double (*steepness)(const double *hypers);

    /* Whether every cell must be looked at before the first is added; otherwise, and where this is
     * NULL, parts of a row may be looked at, added and merged one by one. */
    bool (*looks_first)(const double *hypers);

    /* d loss / d hypers. */
    void (*learn)(const double *hypers, kin_slopes, double *gradient);

    /* KIN_COMPOSED: the loss as a 1 x 1 tensor, from ops on rows (B x D) and columns (N x D), which
     * are as they were given. */
    struct kin_tensor *(*compose)(struct kin_tape *, const struct kin_loss_setting *,
                                  struct kin_tensor *rows, struct kin_tensor *columns);
} kin_loss;

/* What a loss file ends with, where it is compiled as a descriptor. */
#define KIN_LOSS_DESCRIPTOR(name_, ...)                     \
    extern const kin_loss kin_loss_##name_;                 \
    const kin_loss kin_loss_##name_ = { .entry.name = #name_, __VA_ARGS__ };

/* One side of the scores, rows (anchors) or columns (candidates); backend memory. A cell is
 * positive when its row and column match, else ignored when they have the same label or text, else
 * negative. Without keys (label NULL) the columns' match is their number, 0 .. count-1. */
typedef struct {
    int64_t count;
    const int32_t *match, *label, *text;       /* all three, or match of the rows alone */
    const real *positives, *negatives;         /* how many cells of either kind each has */
    const real *weight;                        /* 0 where it lacks what the loss needs; else 1, or
                                                  its positives with KIN_PER_PAIR */
    real *stats;                               /* fields x count, one array for each field */
    const real *looked;                        /* what they were before the first add, of a loss
                                                  that looks first */
    real *value;                               /* weight times its value */
    real *counted;                             /* what it adds to the divisor of the mean */
} kin_score_side;

/* A tile: scores of rows row .. row+rows-1 against columns column .. column+columns-1 (all of
 * them for rows, read and push), or all cells of a list. In a triangle rows and columns are the
 * same and alike both ways round: they share statistics, column >= row, and each score serves its
 * row and its column; but the square on the diagonal (the first `rows` columns where column = row)
 * has both (i, j) and (j, i), and serves rows only. */
typedef struct {
    real *score;                               /* rows x columns */
    int64_t stride;                            /* from a row to the next; columns on devices */
    kin_narrow slopes;                         /* where slopes go in place of score, if anywhere */
    const int64_t *start;                      /* a list: row i's scores are start[i] .. */
    int64_t longest;                           /* a list: scores of the row that has most */
    const int8_t *kind;                        /* 1, -1 or 0 of each score, in place of keys */
    const real *target;                        /* of each score, or NULL */
    int64_t extra;                             /* column extra + i + k side[0].count was given or
                                                  mined as a negative of row i; of a list, every
                                                  cell of a row from extra on */
    int64_t row, rows, column, columns;
    bool triangle;
    bool distinct;                             /* keys leave none ignored but i = j */
    kin_score_side side[2];                    /* rows, columns; of all tiles together */
    bool self;                                 /* rows and columns are the same: i = j is ignored */
    int reduce;                                /* KIN_MEAN_VALID, ... */
    real paired;                               /* rows that have a positive */
    bool bounded;                              /* no score is above top */
    bool looks_first;                          /* as the loss's descriptor says */
    bool kept;                                 /* both: the scores stay until slope is called */
    real top;
    real scale[2];                             /* slopes of rows and columns are multiplied by */
    real hypers[KIN_HYPERS_MAX];
    void *work;                                /* work(...) bytes */
} kin_scores;

/* Rows that are merged before they are closed: row from[n] joins row to[n], which is before it. The
 * merges of a level touch different rows and follow those of all levels before: two rows, then two
 * of these, and so on, so that rounding grows by a group's levels and not by its rows. */
typedef struct {
    const int32_t *leader;                     /* of each row, the first of its group */
    const int32_t *to, *from;                  /* backend memory, as leader */
    int levels;
    int64_t start[32];                         /* level i: merges start[i] .. start[i + 1] - 1 */
} kin_groups;

/* The loops of one loss. Every number is the same for any number of threads. */
struct kin_score_kernels {
    const char *variant;                       /* "avx512" */
    int fields;                                /* numbers in a row's statistics */
    int hypers;                                /* hyperparameters that the file's functions read */
    size_t (*work)(kin_backend *, int64_t rows, int64_t columns);

    /* One direction: value and counted of the tile's rows; with slopes, each score becomes
     * scale[0] * d value / d score. Needs no statistics. */
    void (*rows)(kin_backend *, const kin_scores *, bool slopes);

    /* The same in parts, for rows that are merged before they are closed: read every tile into the
     * rows' statistics, unite (all rows of a group then hold what was closed), then push every
     * tile. */
    void (*read)(kin_backend *, const kin_scores *);
    void (*unite)(kin_backend *, const kin_scores *, const kin_groups *);
    void (*push)(kin_backend *, const kin_scores *);

    /* Both directions, or a triangle: open all, look at every tile (only when the loss looks
     * first), add every tile, close all (or unite), then slope every tile: each score becomes
     * scale[0] * d row value / d score + scale[1] * d column value / d score. */
    void (*open)(kin_backend *, const kin_scores *, int side);
    void (*look)(kin_backend *, const kin_scores *);
    void (*add)(kin_backend *, const kin_scores *);
    void (*close)(kin_backend *, const kin_scores *, int side);
    void (*slope)(kin_backend *, const kin_scores *);

    /* pull: the sum of the slopes of each of the tile's rows over its positives. */
    void (*pull)(kin_backend *, const kin_scores *, real *pull);

    /* hit: 1 for each of the tile's rows that counts and whose best positive beats every negative,
     * else 0; the scores are only read. */
    void (*best)(kin_backend *, const kin_scores *, real *hit);
};

#endif
