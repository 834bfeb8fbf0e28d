/* Work: what the cases ask of a loss, on the CPU and on a GPU. */
#ifndef KIN_BENCH_WORK_H
#define KIN_BENCH_WORK_H

#include <stdbool.h>
#include "losses/loss.h"

/* flops: the least, in units of B^2 D; exps: exponentials, in units of B^2, where they count. */
typedef struct {
    const char *loss;
    struct { const char *name; double value; } hypers[3];
    int direction;
    int classes;                 /* labels, rows against themselves; 0: pairs */
    bool spread;                 /* rows against themselves without positives, forward only */
    bool kept;                   /* memory for all scores */
    double flops, exps;
} bench_work;

enum { ONE_WAY, BOTH_WAYS, KEPT, VIEWS, SIGMOID, CIRCLE, TRIPLET, NTXENT, SUPCON, MULTI,
       UNIFORMITY };

extern const bench_work bench_works[];

/* The loss with its hyperparameters and direction. */
kin_status bench_choose_loss(kin_loss_setting *setting, const bench_work *work);

/* An MLP of two layers, x w0 + w1 through relu, then w2 + w3, as a tower of training steps: the
 * shapes of its weights, and how far they are spread at first. */
enum { TOWER_WEIGHTS = 4 };
typedef struct { int64_t rows, cols; double deviation; } bench_weight;
void bench_tower_weights(int64_t in, int64_t hidden, int64_t out, bench_weight[TOWER_WEIGHTS]);
kin_tensor *bench_tower(kin_tape *tape, kin_tensor weights[TOWER_WEIGHTS], kin_tensor *x);

#endif
