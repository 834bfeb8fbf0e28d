/* What a person sees of a run while it works: stages, warnings and progress, all on stderr. */
#ifndef KIN_CLI_WATCH_H
#define KIN_CLI_WATCH_H

#include <stdio.h>

#include "cli/verb.h"
#include "train/run.h"

typedef struct {
    bool quiet, terminal;
    bool open_line;              /* the cursor stands behind a progress line */
    double last;                 /* seconds at which progress was last shown */
} watcher;

/* A watch that prints for this command line; w must outlive it. */
kin_watch watch_start(watcher *w, const args *);
void watch_end(watcher *w);

/* The final table: model, BM25 and the untrained model with 95 % intervals. */
void watch_print_table(FILE *out, const kin_results *);

#endif
