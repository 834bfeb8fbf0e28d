/* Log: metrics.jsonl, one JSON object a line with the step first, and the same numbers in tb/. */
#ifndef KIN_TRAIN_LOG_H
#define KIN_TRAIN_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include "core/status.h"

typedef struct kin_log kin_log;

/* Opens the log of a run folder for appending after step; lines of later steps are dropped. */
kin_status kin_log_open(kin_log **log, const char *run, int64_t step, bool tensorboard);
void kin_log_close(kin_log *log);                                /* NULL is fine */

/* A line: begin, any number of puts, end. Numbers that are not finite are left out. */
void kin_log_begin(kin_log *log, int64_t step);
void kin_log_put(kin_log *log, const char *name, double value);
kin_status kin_log_end(kin_log *log);

#endif
