/* Products by cuBLAS, which stores matrices by columns: C = A B by rows is C' = B' A' by columns.
 * A precision below fp32 rounds the operands beforehand, unless they come rounded. */
#include <cublas_v2.h>
#include "cuda/launch.h"
#include "cuda/narrow.h"

static __global__ void narrow(int64_t n, const float *x, uint16_t *high, uint16_t *low)
{
    for (EACH_INDEX(i, n)) {
        const uint32_t h = kin_upper_half(x[i]);
        high[i] = (uint16_t)(h >> 16);
        if (low) low[i] = (uint16_t)(kin_upper_half(x[i] - __uint_as_float(h)) >> 16);
    }
}

void kin_cuda_narrow(kin_backend *backend, int64_t n, const real *x, kin_narrow to)
{
    LAUNCH(cuda_of(backend), kin_cuda_blocks(n), KIN_THREADS, 0, narrow, n, x, to.high, to.low);
}

static const char *text_of(cublasStatus_t status)
{
    return status == CUBLAS_STATUS_NOT_SUPPORTED ? "not supported"
           : status == CUBLAS_STATUS_INVALID_VALUE ? "invalid value"
           : status == CUBLAS_STATUS_ALLOC_FAILED ? "no memory"
           : "execution failed";
}

static void multiply(kin_cuda *c, const kin_product *p, const void *a, const void *b,
                     cudaDataType_t type, cublasComputeType_t compute, float beta)
{
    if (kin_cuda_failed(c)) return;
    const cublasStatus_t status = cublasGemmEx(
        c->cublas, p->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N,
        p->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, (int)p->n, (int)p->m, (int)p->k, &p->alpha, b,
        type, (int)p->ldb, a, type, (int)p->lda, &beta, p->c, CUDA_R_32F, (int)p->ldc, compute,
        CUBLAS_GEMM_DEFAULT);
    if (status != CUBLAS_STATUS_SUCCESS)
        kin_cuda_fail(c, KIN_RUNTIME, "product of %lld x %lld x %lld: cuBLAS says %s",
                      (long long)p->m, (long long)p->k, (long long)p->n, text_of(status));
}

static int64_t numbers_of(int64_t rows, int64_t columns, int64_t ld)
{
    return (rows - 1) * ld + columns;
}

/* Rounded copies of the operands that came as real; of one that did not, that one. */
static bool round_operands(kin_cuda *c, const kin_product *p, kin_narrow *a, kin_narrow *b)
{
    const int64_t n_a = p->transpose_a ? numbers_of(p->k, p->m, p->lda)
                                       : numbers_of(p->m, p->k, p->lda);
    const int64_t n_b = p->transpose_b ? numbers_of(p->n, p->k, p->ldb)
                                       : numbers_of(p->k, p->n, p->ldb);
    const int64_t room_a = (n_a + 31) / 32 * 32, room_b = (n_b + 31) / 32 * 32;
    const int planes = c->backend.planes;
    *a = p->narrow_a, *b = p->narrow_b;
    if (a->high && b->high) return true;
    const size_t bytes = sizeof(uint16_t) * (size_t)(planes * (room_a + room_b));
    uint16_t *room = (uint16_t *)kin_cuda_room(c, bytes);
    if (!room) return false;
    if (!a->high) {
        *a = kin_narrow{ room, planes > 1 ? room + room_a : NULL };
        kin_cuda_narrow(&c->backend, n_a, p->a, *a);
    }
    room += planes * room_a;
    if (!b->high) {
        *b = kin_narrow{ room, planes > 1 ? room + room_b : NULL };
        kin_cuda_narrow(&c->backend, n_b, p->b, *b);
    }
    return true;
}

/* What is left out, low low, is 2^-16 of the result. Small parts first. */
static void multiply_narrow(kin_cuda *c, const kin_product *p)
{
    kin_narrow a, b;
    float beta = p->beta;
    if (!round_operands(c, p, &a, &b)) return;
    if (a.low && b.low) {
        multiply(c, p, a.low, b.high, CUDA_R_16BF, CUBLAS_COMPUTE_32F, beta);
        multiply(c, p, a.high, b.low, CUDA_R_16BF, CUBLAS_COMPUTE_32F, 1);
        beta = 1;
    }
    multiply(c, p, a.high, b.high, CUDA_R_16BF, CUBLAS_COMPUTE_32F, beta);
}

static __global__ void scale_part(int64_t rows, int64_t columns, float beta, float *c, int64_t ldc)
{
    for (EACH_INDEX(i, rows * columns)) {
        float *at = c + i / columns * ldc + i % columns;
        *at = beta == 0 ? 0 : beta * *at;
    }
}

/* What is rounded by a kernel of ours is read once more; for small products its start costs more
 * than that cuBLAS rounds numbers as it loads them. */
static bool rounds_itself(const kin_cuda *c, const kin_product *p)
{
    return c->precision == KIN_TO_BF16 && !p->narrow_a.high && !p->narrow_b.high &&
           (double)p->m * (double)p->n * (double)p->k < 1e9;
}

static const cublasComputeType_t compute[KIN_PRECISIONS] = {
    CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32, CUBLAS_COMPUTE_32F_FAST_16BF,
    CUBLAS_COMPUTE_32F,
};

void kin_cuda_product(kin_backend *backend, const kin_product *p)
{
    kin_cuda *c = cuda_of(backend);
    if (p->m < 1 || p->n < 1) return;
    if (p->k < 1)
        LAUNCH(c, kin_cuda_blocks(p->m * p->n), KIN_THREADS, 0, scale_part, p->m, p->n, p->beta,
               p->c, p->ldc);
    else if (backend->narrow && !rounds_itself(c, p))
        multiply_narrow(c, p);
    else
        multiply(c, p, p->a, p->b, CUDA_R_32F, compute[c->precision], p->beta);
}
