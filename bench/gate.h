/* Gate: before a case is timed, its loss and its gradients are compared with those of the program
 * in double. */
#ifndef KIN_BENCH_GATE_H
#define KIN_BENCH_GATE_H

#include <stdbool.h>
#include "core/status.h"

typedef struct {
    double loss, gradient;       /* relative errors; the gradient's is in the Euclidean norm, the
                                    largest of all arrays */
    bool passed;
} bench_gate;

/* Runs `kin` and `kin64`, which lie beside the running program, on the first repetition of a case
 * and compares. KIN_RUNTIME when kin64 is not there. */
kin_status bench_gate_check(bench_gate *gate, const char *name, int threads);

#endif
