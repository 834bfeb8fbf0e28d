/* Objective: what a run minimises: one loss or a weighted sum, with its learned settings. */
#ifndef KIN_TRAIN_OBJECTIVE_H
#define KIN_TRAIN_OBJECTIVE_H

#include "losses/loss.h"
#include "train/config.h"

typedef struct {
    kin_backend *backend;
    int count;
    bool sum;                                       /* terms are weighed, and reported one by one */
    kin_loss_term term[KIN_TERMS_MAX];
    const char *name[KIN_TERMS_MAX];
    kin_loss_report report[KIN_TERMS_MAX];          /* of the last step */
    kin_tensor learned[KIN_TERMS_MAX][KIN_HYPERS_MAX];
    char learned_name[KIN_TERMS_MAX][KIN_HYPERS_MAX][64];
    real *learned_values;                           /* one number for each, backend memory */
    double first[KIN_TERMS_MAX], final;             /* temperatures; final 0: they stay */
    int direction;                                  /* of all terms, as the run file says */
    int64_t drawn;                                  /* negatives of a row's own; 0: all columns */
    bool corpus, one_sample;                        /* drawn from all documents; once for all */
    uint64_t seed;
    int32_t *row;                                   /* of cells, the same in each step */
    int8_t *kind;
    int64_t *start;
    kin_tensor proxies;                             /* one row for each class, or no value */
    int32_t *class;                                 /* of each proxy: 0, 1, .. */
    bool to_proxies[KIN_TERMS_MAX];                 /* the term's columns are the proxies */
} kin_objective;

/* Rows and columns of a step: queries and documents. With a momentum tower both ways also the
 * documents and the queries: then rows are always of the trained tower and columns of the other,
 * and the loss is the mean of the two. NULL otherwise.
 *
 * Host memory, NULL where the data have none: the class of each row, which is then compared with
 * all other rows or with proxies; how alike row i and column i are, from 0 to 1; with
 * objective.corpus each row's own column, which is else that of its place. */
typedef struct {
    kin_tensor *rows, *columns, *back_rows, *back_columns;
    const int32_t *label;
    const real *target;
    const int32_t *own;
    const int32_t *row_text, *col_text;     /* equal ones are no negatives; NULL: none are */
    int64_t ignored;                /* cells one by one that are no negatives */
    const int32_t *ignored_row, *ignored_col;
    int64_t still;                  /* of the last columns, those that get no gradient */
} kin_sides;

kin_status kin_objective_make(kin_objective *objective, kin_backend *backend,
                              const kin_config *config);
/* Proxies for so many classes, first values random of about length 1, if a loss compares items with
 * proxies (loss.candidates). */
kin_status kin_objective_make_proxies(kin_objective *objective, const kin_config *config,
                                      int64_t classes, int64_t width);
void kin_objective_free(kin_objective *objective);

/* Temperatures of step k of so many. */
void kin_objective_set_step(kin_objective *objective, int64_t step, int64_t steps);

/* The loss of a step as a 1 x 1 tensor. report: what its most telling term says, with the value of
 * all. */
kin_tensor *kin_objective_apply(kin_tape *tape, kin_objective *objective, int64_t step,
                                bool accuracy, const kin_sides *sides, kin_loss_report *report);

/* The temperature in use, of the first loss that has one, or NaN. */
double kin_objective_temperature(const kin_objective *objective);

/* objective_drawn.c: what the cells of drawn negatives have alike in each step, for batches of so
 * many rows; and those of a step, NULL when memory is short. */
kin_status kin_drawn_prepare(kin_objective *objective, int64_t rows);
kin_cells *kin_drawn_cells(kin_tape *tape, const kin_objective *objective, int64_t step,
                           const kin_sides *sides);

#endif
