/* Score: what cpu/score.c gives the backend. */
#ifndef KIN_CPU_SCORE_H
#define KIN_CPU_SCORE_H

#include "core/score.h"

/* The loops of loss number `loss` of losses/losses.def (kin_backend.score). */
const kin_score_kernels *kin_cpu_score(kin_backend *backend, int loss);

#endif
