/* Ablate: runs a plan's cells as child processes of the command, as many at a time as the plan
 * says. Below the command line: nothing is printed, and a signal arrives as a call of
 * kin_ablate_stop. */
#ifndef KIN_EXPERIMENTS_ABLATE_H
#define KIN_EXPERIMENTS_ABLATE_H

#include "experiments/cells.h"

typedef struct {
    int done, failed, running, total;  /* trainings */
    double passed, left;               /* seconds; left below 0: not known */
    const char *at;                    /* the run that was started last, or NULL */
} kin_ablate_progress;

typedef struct {
    void *state;
    void (*note)(void *state, const char *what);       /* a run has ended, a wait begins */
    void (*progress)(void *state, const kin_ablate_progress *);
} kin_ablate_watch;

/* How long things take. A few steps of the first run are timed once, in a child process. */
typedef struct {
    bool known;
    char reason[300];                  /* why not */
    int steps;                         /* that were timed */
    double step_seconds, around;       /* of one; of all that is around them in a run */
    double pair_seconds;
    double pairs;                      /* of the store, for runs whose length is in epochs */
    double row[KIN_ROWS_MAX];          /* seconds of the steps of a row's run */
} kin_timing;

/* Seconds of the plan's runs that are still to be made, at so many at a time. */
double kin_timing_left(const kin_timing *timing, const kin_cells *cells);

/* program: the command. Measures unless an earlier call did in this plan's folder. */
kin_status kin_timing_measure(kin_timing *timing, const kin_cells *cells, const char *program);

typedef struct {
    double wall, children;             /* seconds of this call, and of its child processes */
    int started;                       /* child processes */
} kin_ablate_times;

/* Runs until nothing is left to do; failed runs do not stop the others. KIN_STOPPED: stopped on
 * request, the children saved. */
kin_status kin_ablate(kin_cells *cells, const char *program, const kin_timing *timing,
                      const kin_ablate_watch *watch, kin_ablate_times *times);

/* Asks the plan that runs to save and stop; fine in a signal handler. */
void kin_ablate_stop(void);
bool kin_ablate_stopping(void);

/* Keeps other processes out of the plan's folder, which is made if need be. The lock stays with the
 * children too: when a runner is killed, the next one waits until they have saved. */
kin_status kin_ablate_lock(const kin_ablation *plan, const kin_ablate_watch *watch, int *lock);

#endif
