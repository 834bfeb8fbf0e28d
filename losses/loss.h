/* Loss: what a batch of scores is worth. A loss file (infonce.c is the one to read first) says what
 * one score contributes to its row and how hard the row pushes it back, in the words of
 * core/cell.h; rows/ runs any of them over tiles. This header is what a trainer needs.
 *
 * Letters: B rows (anchors), N columns (candidates), D dimension. */
#ifndef KIN_LOSSES_LOSS_H
#define KIN_LOSSES_LOSS_H

#include "autograd/tape.h"
#include "core/entry.h"
#include "core/score.h"

extern const kin_list kin_losses;          /* losses.def, as kin_loss descriptors */

/* What each column is to each row: positive, negative or ignored. Keys say what is the same thing:
 * a row and a column with an equal key are duplicates of each other, and such a column is ignored
 * unless it is the row's positive. All arrays are host memory. */
typedef struct {
    /* Pairs: the positive of row i is column own[i] (-1: none; own NULL: column i). Labels: leave
     * own NULL and set by_label: every column with the row's label is a positive. */
    const int32_t *own;
    bool by_label;
    const int32_t *row_label, *col_label;  /* B and N labels (documents' ids), or both NULL */
    const int32_t *row_text, *col_text;    /* a second key, the anchors' own, or both NULL */
    bool self;                             /* rows and columns are the same: i = j is ignored */

    /* Further positives one by one, cell (more_row[n], more_col[n]); own may be -1 for all. */
    int64_t more;
    const int32_t *more_row, *more_col;
    /* Cells that are ignored, one by one, unless they are positives: what is more similar than a
     * negative should be (false negatives). */
    int64_t ignored;
    const int32_t *ignored_row, *ignored_col;
    int64_t extra;                         /* columns from this one on were given or mined as
                                              negatives, extra + i + k rows for row i; 0: none */
} kin_relation;

/* Cells one by one, in place of every row against every column: given pairs, triplets, negatives
 * that belong to one row alone. Host memory. */
typedef struct {
    int64_t rows;                          /* what the loss calls a row: cells start[r] .. */
    const int64_t *start;                  /* rows + 1 */
    const int32_t *row, *col;              /* of each cell: which row and which column it scores */
    const int8_t *kind;                    /* of each cell: 1 positive, -1 negative, 0 ignored */
    int64_t extra;                         /* a row's cells from this one on were given or mined as
                                              its negatives; 0: none */
} kin_cells;

/* Which way round scores are read. */
enum {
    KIN_ONE_WAY,                           /* each row against the columns */
    KIN_BOTH_WAYS,                         /* also columns against rows, mean of both */
    KIN_VIEWS,                             /* rows and columns stacked, each against all others */
    KIN_JOINT                              /* the same, a row and its column being one anchor */
};

enum { KIN_DIMS_MAX = 8 };

typedef struct kin_loss_setting {
    int loss;                              /* place in kin_losses */
    double hypers[KIN_HYPERS_MAX];         /* in the order of the descriptor */
    kin_tensor *learned[KIN_HYPERS_MAX];   /* 1 x 1 parameter in place of hypers[i], or NULL */
    int direction;                         /* KIN_ONE_WAY, ... */
    int similarity;                        /* KIN_COSINE, ...; 0: the loss's own */
    int reduce;                            /* KIN_MEAN_VALID, ...; 0: the loss's own */
    bool want_accuracy;                    /* costs a pass over the scores, whole rows of them */
    kin_relation relation;
    const kin_cells *cells;                /* in place of the relation, or NULL */
    kin_tensor *target;                    /* rows x columns, or 1 x cells; no gradient; or NULL.
                                              For a loss that holds something constant: the scores
                                              that this comes from, in place of its own; of views
                                              stacked, all against all */
    int dims[KIN_DIMS_MAX];                /* Matryoshka: the sum of the losses of the first d
                                              coordinates over these d, until one is 0 */
    double dim_weight[KIN_DIMS_MAX];       /* the share of each */
    size_t memory;                         /* symmetric: bytes of scores that may be kept */
    int64_t still;                         /* so many of the last columns need no gradient: theirs
                                              is then 0 or lacks something */
    int64_t panel;                         /* rows of scores formed at a time; 0: chosen */
} kin_loss_setting;

typedef struct {
    double value;
    int64_t rows, valid;                   /* rows in all; with all that the loss needs of them */
    double positives, negatives;           /* that a valid row sees on average */
    double formed;                         /* scores formed, those formed again included */
    double accuracy;                       /* share of valid rows whose best positive beats every
                                              negative; NaN unless wanted */
} kin_loss_report;

/* The loss of rows (B x D) against columns (N x D; the same tensor for self-similarity), a 1 x 1
 * tensor; gradients go to both and to the learned hyperparameters. Rows that lack a positive or a
 * negative contribute nothing. Memory beside the gradients is linear in B and N unless
 * setting->memory allows more. report may be NULL. NaN, infinity or scores beyond all reason give
 * a NaN loss. Fails the tape with KIN_USAGE when shapes, settings or labels do not fit. */
kin_tensor *kin_loss_apply(kin_tape *tape, const kin_loss_setting *setting, kin_tensor *rows,
                           kin_tensor *columns, kin_loss_report *report);

/* The same on scores that somebody else formed (B x N, or 1 x cells with setting->cells); the
 * gradient goes to them. */
kin_tensor *kin_loss_apply_scores(kin_tape *tape, const kin_loss_setting *setting,
                                  kin_tensor *scores, kin_loss_report *report);

/* A loss and its share in a sum. */
typedef struct {
    kin_loss_setting setting;
    double weight;                         /* 0: the loss is reported, but pushes nothing */
} kin_loss_term;

/* weight times loss; NULL for a weight of 0, which is reported and nothing else. */
kin_tensor *kin_loss_term_apply(kin_tape *tape, const kin_loss_term *term, kin_tensor *rows,
                                kin_tensor *columns, kin_loss_report *report);

/* sum of weight times loss, all of the same rows and columns, as a 1 x 1 tensor. reports: what each
 * term is without its weight, or NULL. KIN_USAGE when no weight is above or below 0. */
kin_tensor *kin_loss_sum(kin_tape *tape, const kin_loss_term *terms, int count, kin_tensor *rows,
                         kin_tensor *columns, kin_loss_report *reports);

/* The descriptor that a listed entry begins. */
static inline const kin_loss *kin_loss_of(const kin_entry *loss)
{
    return (const kin_loss *)(const void *)loss;
}

/* What may be chosen for any loss, by name and in words: "similarity", "reduce" and "direction",
 * whose choices are in the order of their enums; ends with name NULL. */
extern const kin_hyper kin_loss_choices[];

/* Where a setting has the choice of that name. */
int *kin_loss_choice(kin_loss_setting *setting, const char *name);

/* KIN_USAGE when the loss cannot be read so: similarity, reduce, direction, and whether there are
 * cells or targets. kin_loss_apply asks the same. */
kin_status kin_loss_check_choices(const kin_loss_setting *setting);

/* The loss called name with its own defaults: one way, pairs. */
kin_status kin_loss_default(kin_loss_setting *setting, const char *name);

/* Number at which a learnable hyperparameter's parameter starts, and the parameter's value as the
 * hyperparameter (temperature and scale are trained as logarithms). */
double kin_loss_learned_start(const kin_entry *loss, int hyper, double value);
double kin_loss_learned_value(const kin_entry *loss, int hyper, double parameter);
/* Range that the parameter is clamped to after each step; infinite where there is none. */
void kin_loss_learned_range(const kin_entry *loss, int hyper, double *low, double *high);

#endif
