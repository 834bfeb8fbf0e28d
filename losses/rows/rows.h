/* Rows: the engine that runs any loss over tiles of scores. Private to losses/. */
#ifndef KIN_LOSSES_ROWS_ROWS_H
#define KIN_LOSSES_ROWS_ROWS_H

#include "autograd/op.h"
#include "losses/loss.h"

/* Host copies of one side's keys, and how many cells of either kind each row (column) has; both
 * sides lie in one block, all counts before all keys, for a single upload. */
typedef struct {
    int64_t count;
    int32_t *match, *label, *text;
    real *positives, *negatives, *weight;
} kin_keys;

/* What a run asks for and gives. q: B x D, k: N x D, gradients of the same shapes or NULL. The
 * gradients are to be multiplied by `factor`. */
typedef struct {
    const kin_loss *loss;
    const kin_loss_setting *setting;
    double hypers[KIN_HYPERS_MAX];           /* those in use, learned ones included */
    int reduce;
    bool unit;                               /* scores are cosines */
    bool both;                               /* also columns against rows */
    bool slopes, learns;                     /* gradients are wanted; of hyperparameters too */
    int64_t dimension;
    const real *q, *k;
    const kin_tensor *raw[2];                /* what q and k were made of, or NULL */
    real *dq, *dk;
    kin_sparse *dk_rows;                     /* in place of dk, of cells: the columns that are
                                                pushed at all, to be listed and summed */
    const real *given;                       /* the scores themselves, in place of q and k */
    real *dgiven;

    /* filled in by kin_rows_relate */
    kin_scores scores;
    kin_keys keys[2];
    const int64_t *more_start;               /* host, rows + 1: further positives of each row */
    const int32_t *more_col;                 /* ascending in a row */
    const int64_t *ignored_start;            /* the same of cells that are ignored one by one */
    const int32_t *ignored_col;
    const kin_groups *groups;                /* rows that are merged, or NULL */

    /* by kin_rows_plan */
    bool triangle;
    bool folds;                              /* slopes of (i, j) and (j, i) are added up in place */
    bool one;                                /* dq is the gradient of both sides, dk is NULL */
    int64_t panel, tile;                     /* rows of scores formed at a time, and columns */

    int64_t q_rows;
    bool unchecked;                          /* the inputs, for numbers that are not finite */
    double formed;                           /* scores formed, those formed again included */

    double value, factor, accuracy;
    double gradient[KIN_HYPERS_MAX];         /* d value / d hyperparameter */
} kin_rows_run;

/* Keys, counts and weights of both sides of scores, from the setting; side[].count is set. counts:
 * rows, valid, positives and negatives of the report. joined: of each row, the row that it is
 * merged with (host), or NULL. Fails the tape when memory is short. */
kin_status kin_rows_relate(kin_tape *tape, kin_rows_run *run, const int32_t *joined,
                           kin_loss_report *counts);

/* run->groups, whose counts become those of the whole group: joined as above, NULL: all are one. */
kin_status kin_rows_group(kin_tape *tape, kin_rows_run *run, const int32_t *joined);

/* Whether rows and columns are the same, and each score has the same meaning for both. */
bool kin_rows_alike(const kin_rows_run *run);

/* Chooses how scores are formed. After kin_rows_relate. */
void kin_rows_plan(kin_rows_run *run, const kin_backend *backend);

/* The relation's further positives by row, those of a row ascending and each once: the columns of
 * row i are col[start[i]] .. Both NULL when there are none. */
kin_status kin_rows_list_more(kin_tape *tape, const kin_relation *relation, int64_t rows,
                              const int64_t **start, const int32_t **col);

/* What the columns are to rows row .. of the relation: 1, -1 or 0 (host). */
void kin_rows_kinds(const kin_rows_run *run, int64_t row, int64_t rows, int8_t *kind);

/* The same two steps for cells one by one. */
kin_status kin_cells_relate(kin_tape *tape, kin_rows_run *run, kin_loss_report *counts);
kin_status kin_cells_compute(kin_tape *tape, kin_rows_run *run);

/* The loss of one relation; work space is taken from the tape's arena and given back. */
kin_status kin_rows_compute(kin_tape *tape, kin_rows_run *run);

/* What both have in common. */
kin_status kin_rows_take(kin_tape *tape, int64_t count, real **numbers);
void kin_rows_weigh(const kin_rows_run *run, kin_keys *side);
void kin_rows_report(const kin_keys *rows, kin_loss_report *counts);
kin_status kin_rows_upload(kin_tape *, const kin_keys *, int sides, bool keyed, kin_score_side *);
bool kin_rows_begin(kin_backend *backend, kin_rows_run *run);    /* false: not with these inputs */
void kin_rows_bound(kin_rows_run *run);
bool kin_rows_sums(kin_backend *, kin_rows_run *, int sides, double *sum, double *divisor);
double kin_rows_share(double sum, double divisor);         /* 0 of nothing */
bool kin_rows_total(kin_backend *backend, kin_rows_run *run);
kin_status kin_rows_learn(kin_tape *tape, kin_rows_run *run, kin_slopes sums);

#endif
