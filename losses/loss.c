/* Loss: the list of losses and their learned hyperparameters. */
#include <math.h>
#include <stddef.h>
#include <string.h>
#include "losses/loss.h"

#define LOSS(name) extern const kin_loss kin_loss_##name;
#include "losses/losses.def"

static const kin_entry *const entries[] = {
#define LOSS(name) &kin_loss_##name.entry,
#include "losses/losses.def"
};

const kin_list kin_losses = { "loss", entries, sizeof entries / sizeof *entries };

const kin_hyper kin_loss_choices[] = {
    { "similarity", KIN_SIMILARITY_OWN, 0, KIN_SIMILARITIES - 1, "what a score is", 0,
      "own|cosine|dot|euclidean|snr|angle" },
    { "reduce", KIN_REDUCE_OWN, 0, KIN_REDUCES - 1, "how row values become one number", 0,
      "own|mean_valid|mean_nonzero|mean_rows|sum|per_pair" },
    { "direction", KIN_ONE_WAY, 0, KIN_JOINT, "which way round scores are read", 0,
      "one_way|both_ways|views|joint" },
    { NULL, 0, 0, 0, NULL, 0, NULL }
};

int *kin_loss_choice(kin_loss_setting *setting, const char *name)
{
    int *const fields[] = { &setting->similarity, &setting->reduce, &setting->direction };
    for (int i = 0; kin_loss_choices[i].name; i++)
        if (!strcmp(kin_loss_choices[i].name, name)) return fields[i];
    return NULL;
}

/* ---- learned hyperparameters --------------------------------------------------------------- */

double kin_loss_learned_start(const kin_entry *loss, int hyper, double value)
{
    switch (kin_loss_of(loss)->learned[hyper].as) {
    case KIN_LOG: return log(value);
    case KIN_LOG_INVERSE: return -log(value);
    default: return value;
    }
}

double kin_loss_learned_value(const kin_entry *loss, int hyper, double parameter)
{
    switch (kin_loss_of(loss)->learned[hyper].as) {
    case KIN_LOG: return exp(parameter);
    case KIN_LOG_INVERSE: return exp(-parameter);
    default: return parameter;
    }
}

void kin_loss_learned_range(const kin_entry *loss, int hyper, double *low, double *high)
{
    const kin_learned *learned = &kin_loss_of(loss)->learned[hyper];
    const bool none = !(learned->low < learned->high);
    *low = none ? -INFINITY : learned->low;
    *high = none ? INFINITY : learned->high;
}

kin_status kin_loss_default(kin_loss_setting *setting, const char *name)
{
    *setting = (kin_loss_setting){ 0 };
    KIN_TRY(kin_list_find(&kin_losses, name, &setting->loss));
    kin_hyper_defaults(kin_losses.items[setting->loss], setting->hypers);
    return KIN_OK;
}
