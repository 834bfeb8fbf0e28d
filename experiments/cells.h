/* Cells: the runs of a plan, and what is on disk of each. A run is
 * FOLDER/runs/ROW/[SETTING/]seed-N; beside it lie its run file (.ini), what it printed (.log) and,
 * when it failed, its exit code and last sentence (.failed). All that is known of a cell is read
 * from these files, so a plan can be stopped and started at any time.
 *
 * A row first tries its settings with the first seed. When all are judged on the validation
 * queries, the best is chosen and run with the other seeds; the chosen runs alone are judged on the
 * test queries. */
#ifndef KIN_EXPERIMENTS_CELLS_H
#define KIN_EXPERIMENTS_CELLS_H

#include "experiments/plan.h"
#include "train/run_folder.h"

typedef struct {
    int row, setting, seed;            /* setting -1: not chosen yet */
    char folder[KIN_PATH_MAX];         /* the run's, once the setting is known */
    bool trained, failed, running;
    bool judged[2];                    /* on the validation queries, on the test queries */
    bool baselines;                    /* BM25 and the untrained model are in the test results */
    int code;                          /* failed: exit code */
    char reason[400];                  /* failed: last sentence */
    int deaths;                        /* in this process, by signals */
    double score;                      /* judged on validation: mean of the plan's measure */
} kin_cell;

enum { KIN_ON_VALIDATION, KIN_ON_TEST };

typedef struct {
    const kin_ablation *plan;
    int count;
    kin_cell *cell;                    /* a row's together: its settings, then the other seeds */
    int *first;                        /* rows + 1: the first cell of each row */
    int *chosen;                       /* of each row: a setting, -1 not known, -2 all failed */
} kin_cells;

/* Reads what is there. KIN_USAGE when a run was made with other settings than the plan's. retry:
 * what failed is forgotten. */
kin_status kin_cells_open(kin_cells *cells, const kin_ablation *plan, bool retry);
void kin_cells_close(kin_cells *cells);

/* Reads a cell's files again, and chooses for its row when that was the last try. */
kin_status kin_cells_update(kin_cells *cells, kin_cell *cell);

/* What is to be done next, or NULL: train, or judge on a split. */
typedef enum { KIN_TRAIN_CELL, KIN_JUDGE_VALIDATION, KIN_JUDGE_TEST } kin_work;
kin_cell *kin_cells_next(const kin_cells *cells, kin_work *work, bool *baselines);

/* Marks a failure on disk. */
kin_status kin_cell_fail(kin_cell *cell, int code, const char *reason);

/* cell->folder with an ending: ".ini", "/run.json". */
kin_status kin_cell_path(const kin_cell *cell, const char *ending, char path[KIN_PATH_MAX]);

/* Its run.json. */
kin_status kin_cell_facts(const kin_cell *cell, kin_run_facts *facts);

/* The run file of a cell, resolved. */
kin_status kin_cell_config(const kin_cells *cells, const kin_cell *cell, kin_config **config);

bool kin_cell_chosen(const kin_cells *cells, const kin_cell *cell);  /* is of its row's setting */
int kin_cells_done(const kin_cells *cells, int *failed);           /* trainings that are over */

/* The row that shows the untrained model: the first that did not fail; -1: not known yet. */
int kin_cells_baseline_row(const kin_cells *cells);

#endif
