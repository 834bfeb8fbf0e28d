/* What the files of this room share. */
#ifndef KIN_CUDA_INTERNAL_H
#define KIN_CUDA_INTERNAL_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cuda_runtime.h>
#include "cuda/cuda.h"

typedef struct cublasContext *cublasHandle_t;        /* cublas_v2.h: slow to compile, used twice */

/* Numbers wait in pinned memory for their way to the device: two buffers, so that one can be filled
 * while the other travels. */
constexpr int KIN_STAGES = 2, KIN_STAGE_BYTES = 8 << 20;

/* Numbers that kernels leave for the host, most at a time. */
constexpr int KIN_RESULTS = 32;

typedef struct {
    void *memory;
    cudaEvent_t sent;
    bool travels;                        /* as far as the host knows */
} kin_cuda_stage;

typedef struct {
    kin_backend backend;
    const kin_loss *const *losses;       /* by their place in losses/losses.def */
    int precision;
    cudaStream_t stream;
    cublasHandle_t cublas;
    kin_cuda_stage stage[KIN_STAGES];
    int next_stage;
    void *room;                          /* work space of one call */
    size_t room_bytes;
    double *result, *host_result;        /* KIN_RESULTS on their way to the host (pinned) */
    kin_status status;                   /* of the first thing that went wrong, and what it was */
    char failure[512];
} kin_cuda;

static inline kin_cuda *cuda_of(kin_backend *backend) { return (kin_cuda *)backend->state; }
static inline bool kin_cuda_failed(const kin_cuda *c) { return c->status != KIN_OK; }

/* Records the first failure; later work is not begun. */
void kin_cuda_fail(kin_cuda *c, kin_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void kin_cuda_fail_launch(kin_cuda *c, const char *kernel, dim3 grid, dim3 block, size_t shared,
                          cudaError_t error);
bool kin_cuda_check(kin_cuda *c, cudaError_t error, const char *what);     /* true: all is well */

/* bytes of work space that the calls enqueued next may use, until the function is called again; 64
 * bytes aligned. NULL when memory is short, which is a failure. Calls that follow each other share
 * it. */
void *kin_cuda_room(kin_cuda *c, size_t bytes);

/* Waits for the device and returns the first `count` of c->result, in host memory; they are NaN
 * when the device has failed. */
const double *kin_cuda_fetch(kin_cuda *c, int count);

/* *result = the sum of n numbers, enqueued like a kernel. */
void kin_cuda_add_up(kin_cuda *c, int64_t n, const double *part, double *result);

/* The kernels, by file, as core/backend.h says. */
void kin_cuda_product(kin_backend *, const kin_product *);
void kin_cuda_narrow(kin_backend *, int64_t n, const real *x, kin_narrow to);

double kin_cuda_sum(kin_backend *, int64_t n, const real *x);
double kin_cuda_sum_squares(kin_backend *, int64_t n, const real *x);
void kin_cuda_sums(kin_backend *, int count, const kin_sum_request *, double *results);
void kin_cuda_add(kin_backend *, int64_t n, real a, const real *x, real *y);
void kin_cuda_scale(kin_backend *, int64_t n, real a, real *y);
void kin_cuda_fill(kin_backend *, int64_t n, real value, real *y);
void kin_cuda_multiply(kin_backend *, int64_t n, const real *a, const real *b, real *y);
void kin_cuda_add_row(kin_backend *, int64_t rows, int64_t cols, const real *row, const real *x,
                      real *y);
void kin_cuda_sum_rows(kin_backend *, int64_t rows, int64_t cols, const real *x, real *row);
void kin_cuda_row_dots(kin_backend *, int64_t rows, int64_t cols, const real *a, const real *b,
                       real *y);
void kin_cuda_scale_rows(kin_backend *, int64_t rows, int64_t cols, const real *factor,
                         const real *x, real *y);
void kin_cuda_add_block(kin_backend *, int64_t rows, int64_t cols, real a, const real *x,
                        int64_t ldx, real *y, int64_t ldy);
void kin_cuda_normalize(kin_backend *, int64_t rows, int64_t cols, const real *x, real *y,
                        real *inverse);
void kin_cuda_normalize_back(kin_backend *, int64_t rows, int64_t cols, const real *y,
                             const real *inverse, const real *dy, real *dx);
void kin_cuda_dropout(kin_backend *, int64_t first, int64_t n, real rate, uint64_t seed,
                      uint32_t step, int add, const real *x, real *y);
void kin_cuda_adam(kin_backend *, int count, const kin_move *);
void kin_cuda_adam_rows(kin_backend *, const kin_sparse *g, int64_t cols, const kin_adam *, real *p,
                        real *m, real *v);

void kin_cuda_element(kin_backend *, int op, int64_t n, const real *x, real *y);
void kin_cuda_element_back(kin_backend *, int op, int add, int64_t n, const real *x,
                           const real *y, const real *dy, real *dx);

void kin_cuda_bag(kin_backend *, const kin_bags *, int64_t cols, const real *table,
                  const real *weight, real *y);
size_t kin_cuda_bag_work(kin_backend *, int64_t tokens, int64_t table_rows);
void kin_cuda_bag_rows(kin_backend *, int64_t table_rows, kin_sparse *g);
void kin_cuda_bag_sum(kin_backend *, int64_t cols, const real *table, kin_sparse *g, real *dweight);
void kin_cuda_bag_adam(kin_backend *, const kin_sparse *g, int64_t cols, const kin_adam *, real *p,
                       real *m, real *v, double *squares);

kin_status kin_cuda_search(kin_backend *, kin_arena *work, int64_t queries, int64_t documents,
                           int64_t cols, const real *q, const real *d, int64_t k, int32_t *index,
                           real *score);

void kin_cuda_cell_dots(kin_backend *, int64_t cells, const int32_t *row, const int32_t *col,
                        int64_t cols, const real *a, const real *b, real *y);
void kin_cuda_cell_sums(kin_backend *, int64_t rows, const int64_t *start, const int32_t *cell,
                        const real *slope, const int32_t *other, int64_t cols, const real *b,
                        real *x);

const kin_score_kernels *kin_cuda_score(kin_backend *, int loss);

/* The same for all losses. */
void kin_cuda_pull(kin_backend *, const kin_scores *, real *pull);
void kin_cuda_best(kin_backend *, const kin_scores *, real *hit);

#endif
