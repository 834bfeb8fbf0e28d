/* Telling a watcher, which may be NULL or lack the member. For train/. */
#ifndef KIN_TRAIN_PROGRESS_H
#define KIN_TRAIN_PROGRESS_H

#include "data/store.h"
#include "train/run.h"

void kin_tell_stage(const kin_watch *watch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void kin_tell_warning(const kin_watch *watch, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void kin_tell_scores(const kin_watch *watch, int64_t step, kin_split split, const char *what,
                     const kin_marks *marks);

#endif
