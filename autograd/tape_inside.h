/* What the files of the tape share. Private to autograd/. */
#ifndef KIN_AUTOGRAD_TAPE_INSIDE_H
#define KIN_AUTOGRAD_TAPE_INSIDE_H

#include "autograd/op.h"

/* A tensor that was given a gradient in this step. */
typedef struct reached {
    kin_tensor *tensor;
    struct reached *before;
} reached;

/* Numbers live in memory of the backend, nodes and tensors in memory of the host. */
struct kin_tape {
    kin_backend *backend;
    kin_arena *numbers, *nodes;
    kin_node *last;
    reached *reached;
    kin_tensor empty;
    uint64_t seed, draws;
    uint32_t step, stream;
    int64_t first;
    kin_tape *whole;             /* of a part */
    const kin_tensor *loss;      /* that backward began with */
    bool training, walked, leaves_sums;
    kin_status status;
    char message[512];
};

/* Remembers that the tensor has a gradient in this step. */
void kin_tape_note_reached(kin_tape *tape, kin_tensor *tensor);

/* Backward of every node but the late ones, or of these. */
void kin_tape_walk(kin_tape *tape, bool late);

/* Sums the squares of parameters' gradients; what is not finite fails the tape. */
void kin_tape_check_gradients(kin_tape *tape);

/* Forms the sums of a table's gradient that were left open; false when the tape fails. */
bool kin_sparse_close(kin_tape *tape, kin_tensor *table);

/* The tape's error, with its message, or the device's. */
kin_status kin_tape_outcome(kin_tape *tape);

#endif
