/* Backend: memory plus a short list of kernels. cpu/ and cuda/ fill this table in; nothing below
 * them knows which one it talks to. All matrices are row-major, shapes (rows x cols), and all
 * `real *` and index pointers are the backend's memory unless a comment says host.
 *
 * Every kernel gives the same bits for any number of threads: fixed tiles, fixed order of sums.
 * Memory is taken beforehand, so kernels do not fail on a CPU; a device that does says so later. */
#ifndef KIN_CORE_BACKEND_H
#define KIN_CORE_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/arena.h"
#include "core/pool.h"
#include "core/real.h"
#include "core/status.h"

typedef struct kin_backend kin_backend;
typedef struct kin_score_kernels kin_score_kernels;     /* core/score.h */

/* What a device's products may round their operands to; sums are float always, and what a backend
 * that has no such choice computes is its real. */
typedef enum {
    KIN_TO_FP32,                  /* nothing: errors of sums alone, about 1e-6 */
    KIN_TO_TF32,                  /* 11 significant bits: 5e-4 of an operand */
    KIN_TO_BF16,                  /* 8 significant bits: 4e-3 of an operand */
    KIN_TO_BF16X3,                /* two bf16 numbers for each, three products: 2e-5 */
    KIN_PRECISIONS
} kin_precision;

/* Their words, in the same order and with `between` between them; and one of them. */
#define KIN_PRECISION_LIST(between) "fp32" between "tf32" between "bf16" between "bf16x3"
const char *kin_precision_name(int precision);

/* Reads one; where names the option for the message. */
kin_status kin_precision_parse(const char *where, const char *text, int *precision);

/* The operands of a product as a backend with `narrow` wants them: bf16, and what is missing to the
 * number, bf16 again, or NULL. high NULL: there is no such copy. */
typedef struct { uint16_t *high, *low; } kin_narrow;

/* C[m][n] = alpha op(A)[m][k] op(B)[k][n] + beta C, op: transpose when the flag is set.
 * beta 0 means that C is written, not read. narrow_a and narrow_b may stand for a and b, which are
 * then not read; they lie as these do. */
typedef struct {
    int transpose_a, transpose_b;
    int64_t m, n, k;
    real alpha;
    const real *a; int64_t lda;
    const real *b; int64_t ldb;
    real beta;
    real *c; int64_t ldc;
    kin_narrow narrow_a, narrow_b;
} kin_product;

/* A list of lists of token ids: bag i holds ids[start[i] .. start[i+1]-1]. */
typedef struct {
    int64_t rows;              /* bags */
    int64_t tokens;            /* start[rows] */
    const int32_t *ids;
    const int64_t *start;      /* rows + 1, start[0] = 0 */
} kin_bags;

/* The gradient of a table that touches few of its rows: row id[i] gets
 *     value_i = weight[id[i]] sum over its tokens t of dy[bag of t] / count of that bag
 * The sums may be left open (value NULL) until an optimizer forms and uses them row by row. */
typedef struct {
    int64_t count;             /* distinct rows, at most tokens */
    int32_t *id;               /* count, ascending */
    real *value;               /* count x cols, or NULL */

    kin_bags bags;             /* what the values are sums of */
    const real *dy;            /* bags.rows x cols */
    const real *weight;        /* table_rows, or NULL: all 1 */
    void *work;                /* bag_work(...) bytes, filled by bag_rows */
} kin_sparse;

/* One Adam step, everything in backend memory. Bias corrections are in the factors:
 *     m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2
 *     p = keep p - rate m / (sqrt(v) / root + eps)
 * keep = 1 - lr weight_decay (AdamW), rate = lr / (1 - beta1^k), root = sqrt(1 - beta2^k).
 * Without a mean of past gradients (beta1 = 0, m = g) the array m is NULL. */
typedef struct {
    double beta1, beta2, eps, rate, root, keep;    /* double: in float 1 - beta2 loses digits */
    double scale;              /* g is multiplied by this first (clipping) */
} kin_adam;

/* n numbers p, their moments m (or NULL) and v, and their gradient g. */
typedef struct {
    kin_adam by;
    int64_t n;
    const real *g;
    real *p, *m, *v;
} kin_move;

/* Rows in bytes, for a first look at dot products. Row i is about scale[i] times its code; what
 * is added to its scores is bias[i], minus infinity where the row only fills up a strip of
 * KIN_STRIP. Column by column, four at a time, a strip holds the bytes of its rows. */
enum { KIN_STRIP = 16, KIN_CODE_DEPTH = 16384 };

typedef struct {
    int64_t rows, depth;       /* whole strips; columns filled up to a multiple of 4 with zeros */
    int8_t *code;              /* rows / KIN_STRIP x depth / 4 x KIN_STRIP x 4 */
    int16_t *begin;            /* rows x 2: what sums in 16 bits begin with */
    int32_t *sum;              /* rows: what a sum in 32 bits begins with */
    float *scale, *bias;
    int32_t *id;               /* who the row is, -1: nobody */
} kin_codes;

/* The k best rows of each query at a first look. The rows lie in parts: part p is rows
 * part[p] .. part[p + 1] - 1, whole strips. A query looks at its parts (queries x probes, all
 * different; -1: none), or at all of them where probe is NULL. */
typedef struct {
    const kin_codes *codes;
    int64_t parts, probes;
    const int64_t *part;       /* parts + 1 */
    const int32_t *probe;
    int64_t queries, k;
    const uint8_t *code;       /* queries x depth, by encode_queries */
    const float *scale;        /* queries */
    int32_t *index;            /* queries x k: ids; -1 where fewer were found */
    float *score;              /* queries x k; NULL: rows may come in any order */
} kin_scan;

/* The sum of n numbers, or of their squares. */
typedef struct { int64_t n; const real *x; bool squares; } kin_sum_request;

struct kin_backend {
    const char *name;          /* "cpu" */
    kin_pool *pool;            /* host threads, borrowed */
    void *state;               /* the backend's own */
    bool host;                 /* its memory is the host's: what lies there need not be uploaded,
                                  and it costs nothing until it is touched */

    /* KIN_OK, or what went wrong first on the device since it was opened, with its message
     * (kin_backend_check). NULL: nothing can. Results that follow a failure mean nothing;
     * downloads are zeros and sums NaN. */
    kin_status (*failure)(kin_backend *);

    /* How the engine of the losses cuts scores: about so many at a time and, where rows have more
     * and need not be whole, so many columns; 0: the engine chooses, and whole rows. Of whole rows
     * on a host the engine chooses how many. */
    int64_t tile_scores, tile_columns;

    /* Rounds n numbers for products; NULL when products take real alone. planes: 1 or 2 (low). */
    void (*narrow)(kin_backend *, int64_t n, const real *x, kin_narrow to);
    int planes;

    /* memory */
    void *(*alloc)(kin_backend *, size_t bytes);               /* 64-byte aligned or NULL */
    void (*release)(kin_backend *, void *block);
    void (*upload)(kin_backend *, void *to, const void *from_host, size_t bytes);
    void (*download)(kin_backend *, void *to_host, const void *from, size_t bytes);
    void (*copy)(kin_backend *, void *to, const void *from, size_t bytes);
    void (*zero)(kin_backend *, void *to, size_t bytes);

    /* products and sums */
    void (*product)(kin_backend *, const kin_product *);
    double (*sum)(kin_backend *, int64_t n, const real *x);             /* in double */
    double (*sum_squares)(kin_backend *, int64_t n, const real *x);     /* NaN and inf show here */
    /* several of these, with one wait for all */
    void (*sums)(kin_backend *, int count, const kin_sum_request *, double *results);
    void (*add)(kin_backend *, int64_t n, real a, const real *x, real *y);       /* y += a x */
    void (*scale)(kin_backend *, int64_t n, real a, real *y);                    /* y *= a */
    void (*fill)(kin_backend *, int64_t n, real value, real *y);
    /* y += a b */
    void (*multiply)(kin_backend *, int64_t n, const real *a, const real *b, real *y);
    /* y_ij = x_ij + row_j; x may be y */
    void (*add_row)(kin_backend *, int64_t rows, int64_t cols, const real *row, const real *x,
                    real *y);
    /* row_j += sum_i x_ij */
    void (*sum_rows)(kin_backend *, int64_t rows, int64_t cols, const real *x, real *row);

    /* Row by row: y_i = a_i . b_i, summed in double; y_i += factor_i x_i. A part of a matrix whose
     * rows lie ldx numbers apart: y_ij += a x_ij. */
    void (*row_dots)(kin_backend *, int64_t rows, int64_t cols, const real *a, const real *b,
                     real *y);
    void (*scale_rows)(kin_backend *, int64_t rows, int64_t cols, const real *factor,
                       const real *x, real *y);
    void (*add_block)(kin_backend *, int64_t rows, int64_t cols, real a, const real *x,
                      int64_t ldx, real *y, int64_t ldy);

    /* In the n x n square s, whose rows lie ld numbers apart, s_ij and s_ji both become their sum.
     * NULL where the engine of the losses shall do without. */
    void (*fold)(kin_backend *, int64_t n, real *s, int64_t ld);

    /* element ops by their place in autograd/elements.def */
    void (*element)(kin_backend *, int op, int64_t n, const real *x, real *y);
    /* dx = dy * slope(x, y); with add set: dx += . */
    void (*element_back)(kin_backend *, int op, int add, int64_t n, const real *x, const real *y,
                         const real *dy, real *dx);

    /* y_i = x_i / |x_i|, inverse_i = 1 / |x_i|; both are 0 of a row with |x_i| <= 1e-12 */
    void (*normalize)(kin_backend *, int64_t rows, int64_t cols, const real *x, real *y,
                      real *inverse);
    /* dx_i += inverse_i (dy_i - (dy_i . y_i) y_i); when dx is dy it is replaced */
    void (*normalize_back)(kin_backend *, int64_t rows, int64_t cols, const real *y,
                           const real *inverse, const real *dy, real *dx);

    /* y_i = x_i / (1 - rate) where the random number (seed, stream, first + i) keeps it, else 0;
     * the backward pass is the same call on dy with add set: y += . */
    void (*dropout)(kin_backend *, int64_t first, int64_t n, real rate, uint64_t seed,
                    uint32_t step, int add, const real *x, real *y);

    /* y_i = sum_{t in bag i} weight[t] table[t] / count_i; weight NULL: all 1; count_i: number of
     * tokens of bag i; an empty bag gives zeros. */
    void (*bag)(kin_backend *, const kin_bags *, int64_t cols, const real *table,
                const real *weight, real *y);
    /* Gradient of the table, in two steps: bag_rows lists the rows that g->bags touch, in g->id
     * (room for min(tokens, table_rows)), g->count and g->work; then either bag_sum forms g->value
     * (the same room in rows) and adds d loss / d weight to dweight (table_rows, or NULL), or
     * bag_adam moves each row by its sum, which it forms on the way, and leaves in *squares,
     * backend memory too, the sum of the squares of all values (before kin_adam.scale). Until
     * bag_sum, which waits for it, g->count may be more than there are: min(tokens, table_rows). */
    size_t (*bag_work)(kin_backend *, int64_t tokens, int64_t table_rows);
    void (*bag_rows)(kin_backend *, int64_t table_rows, kin_sparse *g);
    void (*bag_sum)(kin_backend *, int64_t cols, const real *table, kin_sparse *g, real *dweight);
    void (*bag_adam)(kin_backend *, const kin_sparse *g, int64_t cols, const kin_adam *, real *p,
                     real *m, real *v, double *squares);

    /* optimizers: adam for several vectors at once; adam_rows moves the listed rows of p, m, v
     * (table_rows x cols) alone, by g->value */
    void (*adam)(kin_backend *, int count, const kin_move *);
    void (*adam_rows)(kin_backend *, const kin_sparse *g, int64_t cols, const kin_adam *, real *p,
                      real *m, real *v);
    /* adam for every row of a table, those that g does not list having gradient 0; NULL: the caller
     * writes the gradient out and calls adam */
    void (*adam_table)(kin_backend *, const kin_sparse *g, int64_t rows, int64_t cols,
                       const kin_adam *, real *p, real *m, real *v);

    /* The k best documents of each query by dot product, score descending, then index ascending:
     * index[queries][k], score[queries][k]; k <= documents. Takes its work space from the arena
     * and gives it back. Never holds queries x documents scores. */
    kin_status (*search)(kin_backend *, kin_arena *work, int64_t queries, int64_t documents,
                         int64_t cols, const real *q, const real *d, int64_t k, int32_t *index,
                         real *score);

    /* Searching in two steps: rows and queries become bytes, a scan gives candidates, and their dot
     * products are formed as cells. NULL on a device, which has products to spare.
     *     encode          rows first .. first + rows - 1 of the codes are rows which[i] of x (NULL:
     *                     first + i), which[i] < 0: nobody; ldx > cols: x_i[cols] is the bias
     *     encode_queries  code: queries x depth, scale: queries
     *     scan            candidates
     *     scan_self       the same where query i is row i, all ask for and look at all rows (one
     *                     part, no probes): each product serves both of its rows */
    void (*encode)(kin_backend *, kin_codes *, int64_t first, int64_t rows, const int32_t *which,
                   int64_t cols, const real *x, int64_t ldx);
    void (*encode_queries)(kin_backend *, int64_t queries, int64_t cols, const real *x, int64_t ldx,
                           uint8_t *code, float *scale);
    kin_status (*scan)(kin_backend *, kin_arena *work, const kin_scan *);
    kin_status (*scan_self)(kin_backend *, kin_arena *work, const kin_scan *);

    /* Scores of single cells, y_c = a[row_c] . b[col_c], and what their slopes give one side:
     * x_r += sum of slope[c] b[other[c]] over the cells c = cell[start[r]] .. of row r; slopes of 0
     * cost nothing. */
    void (*cell_dots)(kin_backend *, int64_t cells, const int32_t *row, const int32_t *col,
                      int64_t cols, const real *a, const real *b, real *y);
    void (*cell_sums)(kin_backend *, int64_t rows, const int64_t *start, const int32_t *cell,
                      const real *slope, const int32_t *other, int64_t cols, const real *b,
                      real *x);

    /* the loops over scores, one set for each loss of losses/losses.def */
    const kin_score_kernels *(*score)(kin_backend *, int loss);

    void (*free)(kin_backend *);
};

/* A backend's memory as an arena's. */
kin_memory kin_backend_memory(kin_backend *backend);

/* Kernels cannot report a failure: whoever uses what they gave asks here first. */
static inline kin_status kin_backend_check(kin_backend *backend)
{
    return backend->failure ? backend->failure(backend) : KIN_OK;
}

#endif
