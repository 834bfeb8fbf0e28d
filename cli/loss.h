/* Loss: a loss on arrays of the user, from files to gradients. `kin loss` in parts. */
#ifndef KIN_CLI_LOSS_H
#define KIN_CLI_LOSS_H

#include "cli/verb.h"
#include "data/npy.h"
#include "losses/loss.h"

/* The arrays; those before LOSS_NUMBERS are of floating point, the rest of whole numbers. Those
 * before LOSS_TARGET get a gradient. */
enum {
    LOSS_QUERY, LOSS_DOCUMENT, LOSS_NEGATIVE, LOSS_PROXY, LOSS_SCORE, LOSS_TARGET,
    LOSS_NUMBERS,
    LOSS_LABEL = LOSS_NUMBERS, LOSS_DOCUMENT_LABEL, LOSS_POSITIVE, LOSS_TRIPLET,
    LOSS_ARRAYS
};

typedef struct {
    const char *option;                        /* "query" */
    const char *path;                          /* as it was given; NULL: it was not */
    kin_npy file;
} loss_array;

typedef struct {
    const args *args;
    loss_array array[LOSS_ARRAYS];
    const kin_loss *loss;
    kin_loss_setting setting;
    bool swap, self;                           /* --swap true, --self */

    int64_t rows, columns;                     /* of the scores; extra columns included */
    kin_cells cells;
    const real *target;                        /* host, in the order of the scores or cells */
    int64_t target_rows, target_cols;
    void *block[24];                           /* what the relation is made of */
    int blocks;

    kin_tensor tensor[LOSS_NUMBERS];           /* backend memory */
    kin_tensor learned[KIN_HYPERS_MAX];
    real parameter[KIN_HYPERS_MAX], slope[KIN_HYPERS_MAX];
    double norm[LOSS_TARGET];                  /* of the gradients */
    kin_loss_report report;
} loss_call;

bool loss_given(const loss_call *, int which);

/* Host memory that lives as long as the call, or NULL (KIN_MEMORY is then recorded). */
void *loss_room(loss_call *, int64_t count, size_t bytes);

/* ---- loss_settings.c: what is wanted, from the command line alone (KIN_USAGE) ---------------- */

kin_status loss_read_settings(loss_call *);
const char *loss_setting_name(int i);          /* for verb.setting */

/* ---- loss_arrays.c: the files ---------------------------------------------------------------- */

/* Maps all arrays that were given, checks their kinds and shapes one by one (KIN_DATA) and that
 * numbers are finite (KIN_NUMERICAL). in_double: they are float64. */
kin_status loss_open_arrays(loss_call *, bool *in_double);
void loss_close_arrays(loss_call *);

/* KIN_DATA: "q.npy: float32 of shape (6, 4), expected ...". */
kin_status loss_refuse(const loss_array *, const char *expected, ...)
    __attribute__((format(printf, 2, 3)));

/* All entries of an array of whole numbers; KIN_DATA unless they are from low to high. */
kin_status loss_integers(loss_call *, int which, int64_t low, int64_t high, int32_t **numbers);

/* Labels of a and b (either may be -1) as numbers from 0 that are equal where labels are; *count:
 * how many different ones there are. */
kin_status loss_labels(loss_call *, int a, int b, int32_t **of_a, int32_t **of_b, int32_t *count);

/* ---- loss_relation.c: what the columns are to the rows --------------------------------------- */

kin_status loss_relate(loss_call *);

/* ---- loss_result.c --------------------------------------------------------------------------- */

/* Whether gradients may be written into the folder: looked at before anything is computed. */
kin_status loss_check_folder(const loss_call *, const char *folder);
kin_status loss_compute(loss_call *, kin_backend *, const char *folder);   /* or NULL */
kin_status loss_print(const loss_call *, bool as_json);

#endif
