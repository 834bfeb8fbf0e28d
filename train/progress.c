/* Progress: what a watcher is told and what metrics.jsonl keeps. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "train/machine.h"
#include "train/trainer.h"

enum { MESSAGE = 512 };

void kin_tell_stage(const kin_watch *watch, const char *format, ...)
{
    if (!watch || !watch->stage) return;
    char text[MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    watch->stage(watch->state, text);
}

void kin_tell_warning(const kin_watch *watch, const char *format, ...)
{
    if (!watch || !watch->warning) return;
    char text[MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    watch->warning(watch->state, text);
}

void kin_tell_scores(const kin_watch *watch, int64_t step, kin_split split, const char *what,
                     const kin_marks *marks)
{
    if (watch && watch->scores)
        watch->scores(watch->state, step, kin_split_name(split), what, marks);
}

double kin_trainer_spent(const kin_trainer *t)
{
    return t->spent + kin_seconds() - t->clock;
}

static kin_progress gather(kin_trainer *t)
{
    const kin_step_facts *f = &t->last;
    static const kin_negatives_step nothing;
    const kin_negatives_step mined = t->negatives ? t->negatives->step : nothing;
    const double spent = kin_trainer_spent(t), done = (double)(t->state.step - t->first_step);
    return (kin_progress){
        .step = t->state.step, .steps = t->steps,
        .epoch = (t->state.step - 1) / t->per_epoch + 1,
        .epochs = (t->steps - 1) / t->per_epoch + 1,
        .loss = f->report.value, .loss_average = t->state.loss_average,
        .rate = f->rate, .temperature = f->temperature, .norm = f->norm,
        .accuracy = f->report.accuracy, .positives = f->report.positives,
        .negatives = f->report.negatives, .drawn = t->objective.drawn > 0,
        .mined = (double)mined.columns, .own = (double)mined.own / (double)t->size,
        .queued = (double)mined.queued, .clashing = mined.clashing,
        .masked = (double)mined.masked / (double)t->size,
        .per_second = done * (double)t->size / spent,
        .waiting = t->waited / spent, .memory_mb = t->memory_mb, .peak_mb = t->peak_mb,
        .left = spent / done * (double)(t->steps - t->state.step),
    };
}

static void put_terms(kin_log *l, const kin_objective *o)
{
    for (int i = 0; o->sum && i < o->count; i++) {
        char name[64];
        snprintf(name, sizeof name, "loss/%s", o->name[i]);
        kin_log_put(l, name, o->report[i].value);
    }
}

static kin_status write_line(kin_trainer *t, const kin_progress *p)
{
    kin_log *l = t->log;
    kin_log_begin(l, p->step);
    kin_log_put(l, "train/loss", p->loss);
    put_terms(l, &t->objective);
    kin_log_put(l, "train/loss_average", p->loss_average);
    kin_log_put(l, "train/lr", p->rate);
    kin_log_put(l, "train/tau", p->temperature);
    kin_log_put(l, "train/grad_norm", p->norm);
    kin_log_put(l, "train/acc@1", p->accuracy);
    kin_log_put(l, "train/positives", p->positives);
    kin_log_put(l, "train/negatives", p->negatives);
    if (t->negatives) {
        kin_log_put(l, "train/mined", p->mined);
        kin_log_put(l, "train/mined_own", p->own);
        kin_log_put(l, "train/mined_clashing", (double)p->clashing);
        kin_log_put(l, "train/queued", p->queued);
        kin_log_put(l, "train/masked", p->masked);
    }
    kin_log_put(l, "perf/examples_per_s", p->per_second);
    kin_log_put(l, "perf/data_wait", p->waiting);
    kin_log_put(l, "perf/memory_mb", p->memory_mb);
    return kin_log_end(l);
}

kin_status kin_trainer_tell(kin_trainer *t)
{
    const bool line = t->state.step % t->log_every == 0 || t->state.step == t->steps;
    const double now = kin_seconds();
    if (line || now - t->told > 0.5) {
        t->last.norm = kin_optimizer_norm(t->optimizer);         /* may wait for the device */
        t->last.temperature = kin_objective_temperature(&t->objective);
        t->memory_mb = kin_memory_now();
        t->peak_mb = kin_memory_peak();
        t->told = now;
    }
    if (!line && !(t->watch && t->watch->progress)) return KIN_OK;
    const kin_progress p = gather(t);
    KIN_TRY(kin_backend_check(t->backend));
    if (t->watch && t->watch->progress) t->watch->progress(t->watch->state, &p);
    return line ? write_line(t, &p) : KIN_OK;
}
