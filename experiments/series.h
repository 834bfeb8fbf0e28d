/* Series: what a run wrote into metrics.jsonl, by step. For experiments/. */
#ifndef KIN_EXPERIMENTS_SERIES_H
#define KIN_EXPERIMENTS_SERIES_H

#include "experiments/cells.h"

enum { KIN_SERIES_NAMES = 4 };

typedef struct {
    int count, columns;
    double *step;                      /* count */
    double *value[KIN_SERIES_NAMES];   /* count each */
} kin_series;

/* The lines of a run that have all of these names, columns of them. */
kin_status kin_series_read(kin_series *series, const kin_cell *run, const char *const *names,
                           int columns);

/* The means over the runs of a row's chosen setting, and of the first name the lowest and the
 * highest; low, high: malloc'ed, NULL where they are not asked for. Runs that wrote at other steps
 * than the first are left out. */
kin_status kin_series_of_row(kin_series *series, const kin_cells *cells, int row,
                             const char *const *names, int columns, double **low, double **high);

void kin_series_free(kin_series *series);                      /* a zeroed one is fine */

#endif
