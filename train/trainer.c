/* Trainer: the loop. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "train/machine.h"
#include "train/trainer.h"

static volatile sig_atomic_t stop_asked;

void kin_train_stop(void)
{
    stop_asked = 1;
}

/* ---- one step -------------------------------------------------------------------------------- */

/* The loss and the gradients of the batch that is filled. */
kin_status kin_trainer_forward(kin_trainer *t, int64_t step, bool accuracy)
{
    kin_sides sides;
    const uint64_t seed = (uint64_t)kin_config_number(t->config, "run.seed");
    kin_tape_reset(t->tape, seed, (uint32_t)step, true);
    KIN_TRY(kin_towers_embed(t, &sides));
    KIN_TRY(kin_queue_join(t, &sides));
    KIN_TRY(kin_negatives_mask(t, &sides));
    kin_objective_set_step(&t->objective, step, t->steps);
    kin_tensor *loss = kin_objective_apply(t->tape, &t->objective, step, accuracy, &sides,
                                           &t->last.report);
    KIN_TRY(kin_tape_backward(t->tape, loss));
    return kin_towers_embed_again(t);
}

/* "left" -> "right" of the first pairs, each side cut to what a line holds. */
static void quote_pairs(const kin_trainer *t, char *text, size_t size)
{
    enum { SHOWN = 2, CHARACTERS = 60 };
    const kin_texts *texts = &t->store->texts;
    size_t used = 0;
    text[0] = 0;
    for (int i = 0; i < SHOWN && i < t->size && used < size; i++) {
        const int32_t a = kin_material_text(t, t->batch.pairs[i], KIN_QUERY);
        const int32_t b = kin_material_text(t, t->batch.pairs[i], KIN_DOCUMENT);
        const int64_t left = kin_text_size(texts, a), right = kin_text_size(texts, b);
        used += (size_t)snprintf(text + used, size - used, "%s'%.*s' -> '%.*s'", i ? ", " : "",
                                 (int)(left < CHARACTERS ? left : CHARACTERS),
                                 kin_text(texts, a),
                                 (int)(right < CHARACTERS ? right : CHARACTERS),
                                 kin_text(texts, b));
    }
}

kin_status kin_trainer_advise(kin_status status)
{
    char reason[600];
    if (status != KIN_MEMORY) return status;
    snprintf(reason, sizeof reason, "%s", kin_message());
    return kin_fail(status, "%s; make batch.size, batch.chunk, loss.memory or encoder.dim smaller",
                    reason);
}

/* Says in which step it was and what is left to go on from. A device that has failed gives nothing
 * back, so that is the last checkpoint. */
static kin_status explain(const kin_trainer *t, kin_status status, int64_t step)
{
    char pairs[400] = "", reason[400], good[80] = "";
    if (status != KIN_NUMERICAL && status != KIN_RUNTIME && status != KIN_MEMORY) return status;
    snprintf(reason, sizeof reason, "%s", kin_message());
    if (status == KIN_NUMERICAL) quote_pairs(t, pairs, sizeof pairs);
    if (t->saved_step >= 0)
        snprintf(good, sizeof good, "; the checkpoint of step %ld is good", (long)t->saved_step);
    kin_fail(status, "step %ld: %s%s%s%s", (long)step, reason,
             *pairs ? "; the batch begins with " : "", pairs, good);
    return kin_trainer_advise(status);
}

static kin_status take_step(kin_trainer *t)
{
    const int64_t step = t->state.step;
    /* Not by where this process began: a loss that also judges may add its numbers up otherwise. */
    const bool accuracy = (step + 1) % t->log_every == 0 || step + 1 == t->steps || step == 0;
    const double known = t->last.report.accuracy;
    KIN_TRY(kin_negatives_mine(t));
    kin_profile_host(t->flags->profile, "batches");
    const double before = kin_seconds();
    KIN_TRY(kin_batch_fill(t, step));
    t->waited += kin_seconds() - before;
    kin_profile_host(t->flags->profile, NULL);
    KIN_TRY(kin_trainer_forward(t, step, accuracy));
    kin_queue_push(t);
    if (!accuracy) t->last.report.accuracy = known;     /* the last that was looked at */
    t->last.rate = kin_schedule_rate(&t->schedule, step, t->steps);
    KIN_TRY(kin_optimizer_step(t->optimizer, t->tape, t->last.rate));
    kin_towers_follow(t, step);
    const double weight = step ? 0.98 : 0;
    t->state.loss_average = weight * t->state.loss_average + (1 - weight) * t->last.report.value;
    t->state.step++;
    kin_profile_step(t->flags->profile);
    t->state.pairs += t->size;
    kin_trainer_pace(t);
    return KIN_OK;
}

/* As many steps more as the time that is left has room for, at the run's mean or, before its first
 * step, as measured; none when it is over. A run has at least one step. */
void kin_trainer_pace(kin_trainer *t)
{
    if (t->seconds <= 0) return;
    const int64_t done = t->state.step;
    const double before = t->clock > 0 ? t->spent_before : t->state.train_seconds;
    const double spent = before + (t->clock > 0 ? kin_trainer_spent(t) : 0);
    const double step = done ? spent / (double)done : t->step_seconds;
    const double more = ceil(fmax(0, t->seconds - spent) / fmax(step, 1e-9));
    t->steps = done + (int64_t)fmin(more, (double)(UINT32_MAX - done));
    if (!t->steps) t->steps = 1;
    t->passed_before = t->passed;
    t->passed = spent / t->seconds;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* The clock of train_seconds stands still outside the loop's own work. */
static void stop_clock(kin_trainer *t)
{
    kin_profile_run(t->flags->profile, false);
    t->spent += kin_seconds() - t->clock;
    t->state.train_seconds = t->spent_before + t->spent;
}

static void start_clock(kin_trainer *t)
{
    t->clock = kin_seconds();
    kin_profile_run(t->flags->profile, true);
}

static bool due(const kin_trainer *t, kin_every every)
{
    if (t->state.step == t->steps) return true;
    if (t->seconds > 0 && every.share > 0)
        return floor(t->passed / every.share) > floor(t->passed_before / every.share);
    return every.steps && t->state.step % every.steps == 0;
}

/* Whether the last evaluations, as many as eval.patience says, found nothing better. */
static bool out_of_patience(const kin_trainer *t)
{
    const int64_t patience = (int64_t)kin_config_number(t->config, "eval.patience");
    return patience && t->state.best_step >= 0 && kin_trainer_judges(t, KIN_VALIDATION)
           && t->state.step - t->state.best_step >= patience * t->eval_every.steps;
}

static kin_status evaluate(kin_trainer *t, bool *best)
{
    *best = false;
    if (!kin_trainer_judges(t, KIN_VALIDATION)) return KIN_OK;
    if (!due(t, t->eval_every)) return KIN_OK;
    stop_clock(t);
    const kin_status status = kin_trainer_validate(t, best);
    start_clock(t);
    return status;
}

/* What follows a step: tell, evaluate, save. */
static kin_status after_step(kin_trainer *t)
{
    bool best;
    kin_profile_host(t->flags->profile, "progress and log");
    KIN_TRY(kin_trainer_tell(t));
    kin_profile_host(t->flags->profile, NULL);
    KIN_TRY(evaluate(t, &best));
    if (!best && !stop_asked && !out_of_patience(t) && !due(t, t->checkpoint_every)) return KIN_OK;
    stop_clock(t);
    const kin_status status = kin_trainer_save(t);
    start_clock(t);
    return status;
}

/* The state of this step is saved unless it was just now. */
static kin_status stop(kin_trainer *t)
{
    stop_clock(t);
    if (t->saved_step != t->state.step) KIN_TRY(kin_trainer_save(t));
    return kin_fail(KIN_STOPPED, "stopped after step %ld of %ld and saved; go on with: kin train "
                    "%s/run.ini --resume", (long)t->state.step, (long)t->steps, t->folder.path);
}

static kin_status run_loop(kin_trainer *t)
{
    while (t->state.step < t->steps && !out_of_patience(t)) {
        if (stop_asked) return stop(t);
        kin_status status = take_step(t);
        if (status) return explain(t, status, t->state.step + 1);
        status = after_step(t);
        if (status) return status == KIN_NUMERICAL ? status : explain(t, status, t->state.step);
    }
    stop_clock(t);
    return KIN_OK;
}

kin_status kin_trainer_run(kin_trainer *t)
{
    t->first_step = t->state.step;
    t->last.report.accuracy = NAN;             /* not looked at yet */
    t->spent_before = t->state.train_seconds;
    start_clock(t);
    kin_trainer_pace(t);
    const kin_status status = run_loop(t);
    stop_asked = 0;
    return status;
}
