/* Optimizer: how a step's gradients move the parameters. Adam, AdamW, SGD with momentum and
 * Adagrad are the same kernel (kin_adam in core/backend.h) with other factors; optimizer.c has the
 * table.
 *
 * Rows of an embedding table that no token of the batch touched have no gradient. By default they
 * rest: only touched rows move, and their moments with them (row-lazy: SparseAdam). That is not
 * dense Adam, whose momentum goes on moving, and whose weight decay goes on shrinking, rows that
 * were not touched; `dense` gives that one, at the cost of the whole table in every step. Bias
 * correction counts all steps, not a row's own. */
#ifndef KIN_OPTIM_OPTIMIZER_H
#define KIN_OPTIM_OPTIMIZER_H

#include "autograd/tape.h"
#include "core/entry.h"

/* adamw, adam, sgd, adagrad; hyperparameters, as far as they apply: lr, beta1, beta2, eps,
 * weight_decay, momentum, clip, dense. */
extern const kin_list kin_optimizers;

typedef struct {
    int optimizer;                         /* place in kin_optimizers */
    double hypers[KIN_HYPERS_MAX];         /* in the order of its entry */
} kin_optimizer_setting;

/* The optimizer called name with its defaults. */
kin_status kin_optimizer_defaults(kin_optimizer_setting *setting, const char *name);

/* Changes or reads one hyperparameter; an unknown name is KIN_USAGE, or reads as 0. */
kin_status kin_optimizer_set(kin_optimizer_setting *setting, const char *hyper, double value);
double kin_optimizer_get(const kin_optimizer_setting *setting, const char *hyper);

/* Whether it keeps two numbers for each parameter, mean and mean square of its gradients, or, with
 * a beta1 or momentum of 0, the square alone. */
bool kin_optimizer_keeps_mean(const kin_optimizer_setting *setting);

/* Whether a step takes gradients whose sums were left open (kin_tape_leave_sums): without clipping,
 * which needs their norm beforehand, and without `dense`. */
bool kin_optimizer_sums(const kin_optimizer_setting *setting);

/* A parameter and how its group is treated. */
typedef struct {
    kin_tensor *tensor;                    /* borrowed */
    bool decay;                            /* weight decay: off for biases and learned scalars */
    double rate_factor;                    /* its learning rate is lr times this; > 0 */
    double low, high;                      /* low < high: values are clamped to it after a step */
} kin_parameter;

/* The usual groups: decay for matrices, none for one row or one number; rate_factor 1. */
kin_parameter kin_parameter_of(kin_tensor *tensor);

typedef struct kin_optimizer kin_optimizer;

/* Both arrays are copied, the tensors borrowed. */
kin_status kin_optimizer_new(kin_optimizer **optimizer, kin_backend *backend,
                             const kin_optimizer_setting *setting, const kin_parameter *params,
                             int count);
void kin_optimizer_free(kin_optimizer *optimizer);

/* One step with learning rate lr (of the schedule), after kin_tape_backward. A tape that failed
 * moves nothing and returns its error; so does a gradient whose norm is not finite
 * (KIN_NUMERICAL). Parameters without a gradient rest. */
kin_status kin_optimizer_step(kin_optimizer *optimizer, kin_tape *tape, double lr);

/* Euclidean norm of all gradients of the last step, before clipping. Clipping multiplies the
 * gradients by min(1, clip / (norm + 1e-6)). */
double kin_optimizer_norm(kin_optimizer *optimizer);

/* What a checkpoint keeps beside the parameters: the moments, one block of backend memory whose
 * layout follows from the parameters' shapes, and the number of steps taken. */
void *kin_optimizer_state(const kin_optimizer *optimizer, size_t *bytes);
int64_t kin_optimizer_steps(const kin_optimizer *optimizer);
void kin_optimizer_set_steps(kin_optimizer *optimizer, int64_t steps);

#endif
