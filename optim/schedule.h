/* Schedule: the learning rate of each step. It rises linearly over the warm-up and then stays, or
 * falls to `floor` of its peak along a line, half a cosine or a parabola, or is cut twice. */
#ifndef KIN_OPTIM_SCHEDULE_H
#define KIN_OPTIM_SCHEDULE_H

#include <stdint.h>
#include "core/entry.h"

/* constant, linear, cosine, quadratic, stairs; hyperparameters: warmup and, where the rate falls,
 * floor, or first_drop, second_drop and drop. */
extern const kin_list kin_schedules;

typedef struct {
    int schedule;                          /* place in kin_schedules */
    double peak;                           /* the optimizer's lr */
    double warmup;                         /* below 1: share of the steps, otherwise steps */
    double floor;                          /* share of the peak at the end */
    double first_drop, second_drop;        /* stairs: as warmup */
    double drop;                           /* what is left by each */
} kin_schedule_setting;

/* The schedule called name with its defaults. */
kin_status kin_schedule_defaults(kin_schedule_setting *setting, const char *name, double peak);

/* Learning rate of step k = 0 .. steps-1. With w steps of warm-up: peak (k + 1) / w for k < w, then
 * peak (floor + (1 - floor) f(d)) with d = (k - w) / (steps - w), f(d) = 1 (constant), 1 - d
 * (linear), (1 + cos(pi d)) / 2 (cosine) or 1 - d^2 (quadratic). Stairs: peak, from step first_drop
 * on peak drop, from step second_drop on peak drop^2. No step has rate 0 unless the peak is. */
double kin_schedule_rate(const kin_schedule_setting *setting, int64_t step, int64_t steps);

#endif
