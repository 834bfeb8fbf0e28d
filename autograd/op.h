/* Op: a differentiable function of tensors. Each is one file in ops/ with forward and backward
 * side by side, a descriptor at the bottom, and one line in ops.def. */
#ifndef KIN_AUTOGRAD_OP_H
#define KIN_AUTOGRAD_OP_H

#include <inttypes.h>
#include "autograd/tape.h"
#include "core/entry.h"

/* For messages: kin_tape_fail(tape, KIN_USAGE, "add: a is " KIN_SHAPE, KIN_DIMS(a)) */
#define KIN_SHAPE "%" PRId64 "x%" PRId64
#define KIN_DIMS(tensor) (tensor)->rows, (tensor)->cols

/* One application of an op, as recorded. saved is what forward kept for backward. */
typedef struct kin_node {
    const struct kin_op *op;
    kin_tensor *in[4];
    int inputs;
    kin_tensor *out;
    void *saved;
    bool passed;                /* out's gradient is no more: its memory is now the input's */
    struct kin_node *before;    /* the node recorded before this one, or NULL */
} kin_node;

typedef struct kin_op {
    kin_entry entry;
    /* Adds to the gradients of those inputs that need one (kin_grad gives the memory). Called when
     * node->out->grad is complete. */
    void (*backward)(kin_tape *tape, kin_node *node);
    /* For the list-driven check: applies the op to inputs of awkward shapes (kin_example_input).
     * case_ counts from 0; returns the output, or NULL after the last case. params[i] is used
     * where i < *count; the missing ones are made and counted. */
    kin_tensor *(*example)(kin_tape *tape, int case_, kin_tensor **params, int *count);
    bool takes_rows;            /* backward also takes a gradient of few rows, out->sparse */
    bool late;                  /* backward runs after all others: its inputs are parameters */
    size_t carried;             /* late: bytes of saved, which points to nothing of the tape's */
} kin_op;

extern const kin_list kin_ops;

#define OP(name) extern const kin_op kin_op_##name;
#include "autograd/ops.def"
#undef OP

/* For op files. A new node with its rows x cols output, or NULL when the tape has failed. It is
 * recorded, and the output needs a gradient, when the tape is training and an input needs one:
 * only then is anything kept for backward. The output's numbers are not cleared. */
kin_node *kin_node_new(kin_tape *tape, const kin_op *op, int64_t rows, int64_t cols, int inputs,
                       ...);

/* A node whose output is rows from .. of x, where they lie; its gradient is a part of x's. */
kin_node *kin_node_view(kin_tape *tape, const kin_op *op, kin_tensor *x, int64_t from,
                        int64_t rows);

/* The tensor's gradient, zeroed on first use; NULL when it needs none (or the tape failed). */
real *kin_grad(kin_tape *tape, kin_tensor *tensor);

/* factor g joins the tensor's gradient, and becomes it where there is none yet: g lies in memory of
 * this step and nothing reads it afterwards. */
void kin_grad_give(kin_tape *tape, kin_tensor *tensor, real factor, real *g);

/* The same of few rows, g->id and g->value. They stay few where all ops from a table to the tensor
 * take it so, and nobody else gives them a gradient (kin_grad_takes_rows). */
void kin_grad_give_rows(kin_tape *tape, kin_tensor *tensor, real factor, kin_sparse *g);
bool kin_grad_takes_rows(const kin_tensor *tensor);

/* Rows id[i] of x (n of them, at most `most` in any step; backend memory) below each other. False:
 * the tape has failed. */
bool kin_rows_of(kin_tape *tape, int64_t n, int64_t most, const int32_t *id, int64_t cols,
                 const real *x, real *y);

/* The same without the zeros: where *fresh is set, the memory is to be written, not added to. */
real *kin_grad_fresh(kin_tape *tape, kin_tensor *tensor, bool *fresh);

/* The gradient of a 1 x 1 tensor in host memory. That of the loss is 1; any other is waited for. */
real kin_grad_number(kin_tape *tape, const kin_tensor *tensor);

/* Writes a 1 x 1 tensor's value, which the host need not ask for again. */
void kin_tensor_know(kin_tape *tape, kin_tensor *tensor, double value);

/* Lets backward work in place: the memory of node->out's gradient becomes that of its first
 * input's, which is returned to be overwritten; the op makes no number infinite that was not. NULL
 * where that cannot be: the input needs no gradient, or other ops give it one too. */
real *kin_grad_pass(kin_tape *tape, kin_node *node);

/* Memory until reset, of the backend or of the host; NULL when there is none: the tape fails. */
void *kin_keep(kin_tape *tape, size_t bytes);
void *kin_keep_host(kin_tape *tape, size_t bytes);

/* Records the first error; returns the empty tensor, which is 0 x 0: what ops return then. */
kin_tensor *kin_tape_fail(kin_tape *tape, kin_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
kin_tensor *kin_empty(kin_tape *tape);

/* The newest node, the first of the chain of node->before; NULL when nothing is recorded. */
kin_node *kin_tape_last(const kin_tape *tape);

/* A seed for random numbers: another one for every call of a step, for every stream and for every
 * step, the same when the step or a part of it is repeated. */
uint64_t kin_tape_draw(kin_tape *tape);
int64_t kin_tape_first(const kin_tape *tape);          /* as kin_tape_rows said */

/* A table's row-sparse gradient: struct in host memory, room for the ids of `rows` rows in backend
 * memory. It becomes tensor->sparse; NULL when the tape fails. */
kin_sparse *kin_grad_sparse(kin_tape *tape, kin_tensor *tensor, int64_t rows);

/* Room for the values of so many rows in tensor->sparse->value; false when the tape fails. */
bool kin_grad_sparse_values(kin_tape *tape, const kin_tensor *tensor, int64_t rows);

/* Whether sums may stay open (kin_tape_leave_sums). */
bool kin_tape_leaves_sums(const kin_tape *tape);

/* Parameter i of an example, rows x cols, with fixed numbers of either sign whose size is between
 * 0.1 and 1.5: away from the kinks of relu, near enough to 0 for the curves of tanh. */
kin_tensor *kin_example_input(kin_tape *tape, kin_tensor **params, int *count, int i, int64_t rows,
                              int64_t cols);

/* For ops that multiply two matrices: y = op(a) op(b), op: transpose where the flag is set, and
 * what it gives back. */
kin_tensor *kin_op_product(kin_tape *, const kin_op *, kin_tensor *a, int transpose_a,
                           kin_tensor *b, int transpose_b);
void kin_op_product_back(kin_tape *, kin_node *, int transpose_a, int transpose_b);

/* ---- the ops -------------------------------------------------------------------------------- */

/* y_i = mean over the bag's tokens t of weight[t] table[t]; table V x D, weight V x 1 or NULL, both
 * parameters. The ids (0 .. V-1, not checked) and starts that bags points to, backend memory, must
 * live until the tape is reset. The table's gradient is row-sparse, or dense when another op gave
 * the table a dense one; all bags of one step go into the same gradient. */
kin_tensor *kin_embedding_bag(kin_tape *, kin_tensor *table, kin_tensor *weight,
                              const kin_bags *bags);
kin_tensor *kin_matmul(kin_tape *, kin_tensor *a, kin_tensor *b);       /* a b */
kin_tensor *kin_matmul_nt(kin_tape *, kin_tensor *a, kin_tensor *b);    /* a b' */
kin_tensor *kin_matmul_tn(kin_tape *, kin_tensor *a, kin_tensor *b);    /* a' b */
kin_tensor *kin_bias(kin_tape *, kin_tensor *x, kin_tensor *b);         /* x_ij + b_j, b 1 x D */
kin_tensor *kin_relu(kin_tape *, kin_tensor *x);
kin_tensor *kin_gelu(kin_tape *, kin_tensor *x);                        /* erf form */
kin_tensor *kin_tanh(kin_tape *, kin_tensor *x);
kin_tensor *kin_root(kin_tape *, kin_tensor *x);                        /* sqrt(max(0, x)) */
kin_tensor *kin_l2_normalize(kin_tape *, kin_tensor *x);                /* x->unit: x as it is */
kin_tensor *kin_add(kin_tape *, kin_tensor *a, kin_tensor *b);
kin_tensor *kin_mul(kin_tape *, kin_tensor *a, kin_tensor *b);          /* element by element */
kin_tensor *kin_scale(kin_tape *, kin_tensor *x, double factor);
kin_tensor *kin_sum(kin_tape *, kin_tensor *x);                         /* 1 x 1 */
kin_tensor *kin_mean(kin_tape *, kin_tensor *x);                        /* 1 x 1 */
kin_tensor *kin_soft_mean(kin_tape *, kin_tensor *x, double t, bool hold); /* by softmax(x / t) */
kin_tensor *kin_dropout(kin_tape *, kin_tensor *x, double rate);        /* while training */
kin_tensor *kin_concat_rows(kin_tape *, kin_tensor *a, kin_tensor *b);
kin_tensor *kin_split_rows(kin_tape *, kin_tensor *x, int64_t from, int64_t rows);
kin_tensor *kin_stop_gradient(kin_tape *, kin_tensor *x);
kin_tensor *kin_gather_rows(kin_tape *, kin_tensor *x, const int32_t *index, int64_t n);
kin_tensor *kin_rotate_halves(kin_tape *, kin_tensor *x);               /* [a, b] + [b, -a] */
kin_tensor *kin_split_cols(kin_tape *, kin_tensor *x, int64_t from, int64_t cols);
kin_tensor *kin_shift(kin_tape *, kin_tensor *x, double a);             /* x_ij + a */
kin_tensor *kin_clip_rows(kin_tape *, kin_tensor *x, double radius);    /* into a ball */
kin_tensor *kin_row_dots(kin_tape *, kin_tensor *a, kin_tensor *b);     /* a_i . b_i, B x 1 */
kin_tensor *kin_diagonal(kin_tape *, kin_tensor *x);                    /* D x D to 1 x D */
kin_tensor *kin_off_diagonal(kin_tape *, kin_tensor *x);                /* zeros on the diagonal */
kin_tensor *kin_center(kin_tape *, kin_tensor *x);                      /* columns of mean 0 */
kin_tensor *kin_standardize(kin_tape *, kin_tensor *x, double eps);     /* and of variance 1 */

/* The matrix W by which rows x of covariance s (D x D) become rows x W' of covariance 1, s having
 * been shrunk to (1 - eps) s + eps I. On the host: D is a few hundred at most. */
kin_tensor *kin_whitening(kin_tape *, kin_tensor *s, double eps);

/* B x (D + 2), so that the product of a row (side 0) and a column (side 1) is 1 - |q - k|^2 / 2, or
 * 1 - var(q - k) / var(q) / 2 (snr; a constant q gives a zero row). */
kin_tensor *kin_euclidean(kin_tape *, kin_tensor *x, int side);
kin_tensor *kin_snr(kin_tape *, kin_tensor *x, int side);

#endif
