/* Tape: what was computed in this step, in order. Ops append to it; walking it back fills the
 * gradients. The tape is sticky: after the first error ops do nothing and return an empty tensor,
 * and kin_tape_backward reports that error, so that an encoder needs no checks of its own.
 *
 * Letters for shapes: B batch, N candidates, D dimension, V vocabulary, T tokens. */
#ifndef KIN_AUTOGRAD_TAPE_H
#define KIN_AUTOGRAD_TAPE_H

#include <stdbool.h>
#include <stdint.h>
#include "core/backend.h"

/* rows x cols numbers in backend memory. A parameter's value belongs to whoever made it; all else
 * (values of intermediates, every gradient) is the tape's and lives until kin_tape_reset. */
typedef struct kin_tensor {
    int64_t rows, cols;
    real *value;
    real *grad;             /* after backward: same shape, or NULL when none was asked or reached */
    kin_sparse *sparse;     /* a table's gradient instead of grad: only rows that were touched */
    struct kin_tensor *whole;   /* a view: its rows are rows from .. of this one */
    int64_t from;
    bool needs_grad;
    bool table;             /* a parameter whose gradient may come as `sparse` from any op */
    int uses;               /* ops of this step that may give it a gradient */
    bool unit;              /* every row has norm 1 (or is zero): l2_normalize made it */
    const char *name;       /* for messages: "encoder.table" */
    const real *known;      /* of 1 x 1: the value in host memory, or NULL: the device alone knows */
    double squares;         /* after backward, parameters: sum of the squares of the gradient */
    struct kin_node *node;  /* the op that made it; NULL: a parameter or an input */
} kin_tensor;

typedef struct kin_tape kin_tape;

/* A new tape is as after kin_tape_reset(tape, 0, 0, false). */
kin_status kin_tape_new(kin_tape **tape, kin_backend *backend);

/* Parameters must live until the tape that gave them gradients is reset or freed. */
void kin_tape_free(kin_tape *tape);

/* Forgets everything recorded, the gradients (parameters' grad and sparse become NULL) and the
 * error, and begins step `step`. training false: dropout is the identity and nothing is kept for a
 * backward pass. */
void kin_tape_reset(kin_tape *tape, uint64_t seed, uint32_t step, bool training);

/* From now on (resets included) tables' row-sparse gradients keep their sums open where that is
 * safe: sparse->value is NULL, `squares` 0, and the optimizer forms and applies each row in one go
 * (kin_optimizer_sums). Off at first. */
void kin_tape_leave_sums(kin_tape *tape, bool leave);

kin_backend *kin_tape_backend(const kin_tape *tape);
kin_arena *kin_tape_arena(const kin_tape *tape);       /* backend memory */
bool kin_tape_training(const kin_tape *tape);
kin_status kin_tape_status(const kin_tape *tape);

/* A tensor over memory that lives at least as long as the step (an input; no gradient). */
kin_tensor *kin_tape_input(kin_tape *tape, int64_t rows, int64_t cols, const real *value);

/* The gradient of a 1 x 1 tensor with respect to everything that needs one, once a step. NaN or
 * infinity in the loss or in a parameter's gradient is KIN_NUMERICAL and names op, tensor and row.
 * KIN_USAGE: not training, a second call, or a loss that is not 1 x 1 or needs no gradient. */
kin_status kin_tape_backward(kin_tape *tape, kin_tensor *loss);

/* ---- in parts -------------------------------------------------------------------------------
 * A step whose intermediates do not fit memory at once: rows are computed part by part on a tape of
 * their own and only their results kept; `whole`, the tape of the step, takes these as inputs that
 * need a gradient and goes back from the loss; then each part is computed once more and goes back
 * from the gradient of its results. */

/* What is recorded from now on are rows first .. of a larger tensor, numbered by stream: dropout
 * gives each row the random numbers that it would get if all rows of the stream were recorded at
 * once, in whatever parts they come. After a reset: stream 0, row 0. */
void kin_tape_rows(kin_tape *tape, uint32_t stream, int64_t first);

/* Resets `part` to the step of `whole`, where the gradients of parameters go; on a part, a tensor
 * that no op made must outlive whole's step. */
void kin_tape_begin_part(kin_tape *part, kin_tape *whole);

/* Goes back from out, whose gradient is upstream. Ids of bags must live until whole is reset: the
 * gradients of tables are formed at the end, from all parts at once. */
kin_status kin_tape_backward_part(kin_tape *part, kin_tensor *out, const real *upstream);

/* After the last part: completes and checks the gradients of parameters, as kin_tape_backward does
 * for a step in one part. */
kin_status kin_tape_end_parts(kin_tape *whole);

/* y += the sparse gradient, y: rows x cols in backend memory. */
void kin_sparse_scatter(kin_backend *backend, const kin_sparse *sparse, int64_t cols, real *y);

/* The gradient with every row, rows x cols of arena memory: grad itself, or sparse written out;
 * zeros when the tensor has neither. NULL when memory is short. */
const real *kin_tensor_dense_gradient(kin_tape *tape, const kin_tensor *tensor);

#endif
