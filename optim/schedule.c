#include "optim/schedule.h"

#include <math.h>
#include <stddef.h>

enum { CONSTANT, LINEAR, COSINE, QUADRATIC, STAIRS, SCHEDULES };

#define WARMUP \
    { "warmup", 0.1, 0, 1e12, "rising steps at the start; below 1: share of all steps", 0, NULL }
#define FLOOR { "floor", 0, 0, 1, "share of the peak that is left at the end", 0, NULL }

#define DROP(name, share) \
    { name, share, 0, 1e12, "where it is cut: a step; below 1: share of all steps", 0, NULL }

static const kin_entry schedules[SCHEDULES] = {
    [CONSTANT] = { "constant", "stays at its peak", { WARMUP } },
    [LINEAR] = { "linear", "falls along a line", { WARMUP, FLOOR } },
    [COSINE] = { "cosine", "falls along half a cosine", { WARMUP, FLOOR } },
    [QUADRATIC] = { "quadratic", "falls slowly at first, along a parabola", { WARMUP, FLOOR } },
    [STAIRS] = { "stairs", "stays, and is cut twice",
                 { WARMUP, DROP("first_drop", 0.5), DROP("second_drop", 0.75),
                   { "drop", 0.1, 1e-6, 1, "share of the rate that a drop leaves", 0, NULL } } },
};

static const kin_entry *const entries[SCHEDULES] = {
    &schedules[CONSTANT], &schedules[LINEAR], &schedules[COSINE], &schedules[QUADRATIC],
    &schedules[STAIRS],
};

const kin_list kin_schedules = { "schedule", entries, SCHEDULES };

static double default_of(const kin_entry *entry, const char *hyper)
{
    const int place = kin_hyper_find(entry, hyper);
    return place >= 0 ? entry->hypers[place].value : 0;
}

kin_status kin_schedule_defaults(kin_schedule_setting *setting, const char *name, double peak)
{
    *setting = (kin_schedule_setting){ .peak = peak };
    KIN_TRY(kin_list_find(&kin_schedules, name, &setting->schedule));
    setting->warmup = default_of(entries[setting->schedule], "warmup");
    setting->floor = default_of(entries[setting->schedule], "floor");
    setting->first_drop = default_of(entries[setting->schedule], "first_drop");
    setting->second_drop = default_of(entries[setting->schedule], "second_drop");
    setting->drop = default_of(entries[setting->schedule], "drop");
    return KIN_OK;
}

/* Below 1 a share of all steps. */
static double steps_of(double setting, double all)
{
    return setting < 1 ? floor(setting * all + 0.5) : setting;
}

double kin_schedule_rate(const kin_schedule_setting *setting, int64_t step, int64_t steps)
{
    const double k = (double)step, all = (double)steps, least = setting->floor;
    const double w = steps_of(setting->warmup, all);
    if (k < w) return setting->peak * fmin(1, (k + 1) / w);
    if (setting->schedule == CONSTANT) return setting->peak;
    if (setting->schedule == STAIRS)
        return setting->peak * pow(setting->drop, (k >= steps_of(setting->first_drop, all))
                                                  + (k >= steps_of(setting->second_drop, all)));
    const double d = all > w ? fmin(1, (k - w) / (all - w)) : 1;
    const double shape = setting->schedule == LINEAR ? 1 - d
                         : setting->schedule == QUADRATIC ? 1 - d * d
                         : (1 + cos(acos(-1) * d)) / 2;
    return setting->peak * (least + (1 - least) * shape);
}
