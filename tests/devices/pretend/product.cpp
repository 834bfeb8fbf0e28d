/* cuBLAS: products as a stream's work, by loops of our own over packed copies. Packing reads and
 * writes operands element by element, so that every access to device memory is checked. */
#include <algorithm>
#include <bit>
#include <memory>
#include "cublas_v2.h"
#include "device.h"

struct cublasContext {
    cudaStream_t stream;
    cublasMath_t math;
};

namespace pretend {

constexpr int DOWN = 8, ACROSS = 4;          /* the part of C that is summed in registers */
using Column = float __attribute__((vector_size(4 * DOWN)));

struct Operand {
    const void *data;
    cudaDataType_t type;
    int64_t ld;
    bool transposed;
    int dropped;                            /* bits of a float's mantissa that are rounded away */
};

struct Product {
    int64_t m, n, k;
    float alpha, beta;
    Operand a, b;
    float *c;
    int64_t ldc;
};

constexpr int TF32 = 13, BF16 = 16;

/* Without the last bits of its mantissa, ties to even; infinities and NaN stay. */
static float rounded(float x, int dropped)
{
    const uint32_t bits = std::bit_cast<uint32_t>(x), half = (1u << dropped) / 2;
    if (dropped == 0 || (bits & 0x7f800000) == 0x7f800000) return x;
    return std::bit_cast<float>((bits + half - 1 + (bits >> dropped & 1)) & ~(2 * half - 1));
}

/* Element (row, column) of op(X), which is stored by columns. */
static float element(const Operand &x, int64_t row, int64_t column)
{
    const int64_t at = x.transposed ? row * x.ld + column : column * x.ld + row;
    if (x.type == CUDA_R_16BF)
        return std::bit_cast<float>((uint32_t)((const uint16_t *)x.data)[at] << 16);
    return rounded(((const float *)x.data)[at], x.dropped);
}

/* Panels of `width` rows (of columns, with across): panel after panel, k after k, zeros at the
 * end. */
static std::vector<float> packed(const Operand &x, int64_t rows, int64_t k, int width, bool across)
{
    const int64_t panels = (rows + width - 1) / width;
    std::vector<float> to((size_t)(panels * width * k));
    for (int64_t row = 0; row < rows; row++) {
        float *at = to.data() + row / width * width * k + row % width;
        for (int64_t i = 0; i < k; i++)
            at[i * width] = across ? element(x, i, row) : element(x, row, i);
    }
    return to;
}

static void multiply_panels(int64_t k, const float *a, const float *b, Column *sums)
{
    Column s0 = {}, s1 = {}, s2 = {}, s3 = {}, left;
    for (int64_t i = 0; i < k; i++, a += DOWN, b += ACROSS) {
        memcpy(&left, a, sizeof left);
        s0 += left * b[0], s1 += left * b[1], s2 += left * b[2], s3 += left * b[3];
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

static void multiply(const Product &p)
{
    const std::vector<float> a = packed(p.a, p.m, p.k, DOWN, false);
    const std::vector<float> b = packed(p.b, p.n, p.k, ACROSS, true);
    for (int64_t j = 0; j < p.n; j += ACROSS) {
        for (int64_t i = 0; i < p.m; i += DOWN) {
            Column sums[ACROSS];
            multiply_panels(p.k, a.data() + i * p.k, b.data() + j * p.k, sums);
            for (int64_t column = j; column < std::min(p.n, j + ACROSS); column++) {
                for (int64_t row = i; row < std::min(p.m, i + DOWN); row++) {
                    float *to = p.c + column * p.ldc + row;
                    const float old = p.beta == 0 ? 0 : p.beta * *to;     /* 0 must not read */
                    *to = p.alpha * sums[column - j][row - i] + old;
                }
            }
        }
    }
}

static bool supported(cudaDataType_t a, cudaDataType_t b, cudaDataType_t c,
                      cublasComputeType_t compute)
{
    if (c != CUDA_R_32F || a != b) return false;
    if (a == CUDA_R_32F)
        return compute == CUBLAS_COMPUTE_32F || compute == CUBLAS_COMPUTE_32F_PEDANTIC ||
               compute == CUBLAS_COMPUTE_32F_FAST_TF32 || compute == CUBLAS_COMPUTE_32F_FAST_16BF;
    return a == CUDA_R_16BF && compute == CUBLAS_COMPUTE_32F;
}

static auto &handles = lasting<std::vector<cublasHandle_t>>();

static bool valid(cublasHandle_t handle)
{
    return std::find(handles.begin(), handles.end(), handle) != handles.end();
}

} // namespace pretend

using namespace pretend;

cublasStatus_t cublasCreate(cublasHandle_t *handle)
{
    Hold hold(device);
    *handle = nullptr;
    if (injected() || device_count() < 1) return CUBLAS_STATUS_NOT_INITIALIZED;
    handles.push_back(*handle = new cublasContext{ nullptr, CUBLAS_DEFAULT_MATH });
    counts.handles++;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy(cublasHandle_t handle)
{
    Hold hold(device);
    if (!valid(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
    std::erase(handles, handle);
    delete handle;
    counts.handles--;
    return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream)
{
    Hold hold(device);
    if (!valid(handle) || injected()) return CUBLAS_STATUS_NOT_INITIALIZED;
    return handle->stream = stream, CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGetStream(cublasHandle_t handle, cudaStream_t *stream)
{
    Hold hold(device);
    if (!valid(handle) || injected()) return CUBLAS_STATUS_NOT_INITIALIZED;
    return *stream = handle->stream, CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t handle, void *workspace, size_t bytes)
{
    Hold hold(device);
    if (!valid(handle) || injected()) return CUBLAS_STATUS_NOT_INITIALIZED;
    return !workspace || on_device(workspace, bytes) ? CUBLAS_STATUS_SUCCESS
                                                     : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t math)
{
    Hold hold(device);
    if (!valid(handle) || injected()) return CUBLAS_STATUS_NOT_INITIALIZED;
    return handle->math = math, CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmStridedBatchedEx(
    cublasHandle_t handle, cublasOperation_t of_a, cublasOperation_t of_b, int m, int n, int k,
    const void *alpha, const void *a, cudaDataType_t a_type, int lda, long long stride_a,
    const void *b, cudaDataType_t b_type, int ldb, long long stride_b, const void *beta, void *c,
    cudaDataType_t c_type, int ldc, long long stride_c, int count, cublasComputeType_t compute,
    cublasGemmAlgo_t)
{
    Hold hold(device);
    if (!valid(handle)) return CUBLAS_STATUS_NOT_INITIALIZED;
    if (injected()) return CUBLAS_STATUS_EXECUTION_FAILED;
    if (!supported(a_type, b_type, c_type, compute)) return CUBLAS_STATUS_NOT_SUPPORTED;
    if (m < 0 || n < 0 || k < 0 || count < 0 || lda < ::max(1, of_a ? k : m) ||
        ldb < ::max(1, of_b ? n : k) || ldc < ::max(1, m)) return CUBLAS_STATUS_INVALID_VALUE;
    const bool tf32 = compute == CUBLAS_COMPUTE_32F_FAST_TF32 ||
                      (compute == CUBLAS_COMPUTE_32F && handle->math == CUBLAS_TF32_TENSOR_OP_MATH);
    const int dropped = compute == CUBLAS_COMPUTE_32F_FAST_16BF ? BF16 : tf32 ? TF32 : 0;
    const size_t size = a_type == CUDA_R_16BF ? 2 : 4;
    const Product first = { m, n, k, *(const float *)alpha, *(const float *)beta,
                            { a, a_type, lda, of_a != CUBLAS_OP_N, dropped },
                            { b, b_type, ldb, of_b != CUBLAS_OP_N, dropped }, (float *)c, ldc };
    const auto run = [=] {
        for (long long i = 0; i < count; i++) {
            Product p = first;
            p.a.data = (const char *)a + size * (size_t)(i * stride_a);
            p.b.data = (const char *)b + size * (size_t)(i * stride_b);
            p.c = (float *)c + i * stride_c;
            multiply(p);
        }
        check_slack();
    };
    counts.products++;
    return enqueue(handle->stream, "a product of cuBLAS", run) ? CUBLAS_STATUS_SUCCESS
                                                               : CUBLAS_STATUS_EXECUTION_FAILED;
}

cublasStatus_t cublasGemmEx(
    cublasHandle_t handle, cublasOperation_t of_a, cublasOperation_t of_b, int m, int n, int k,
    const void *alpha, const void *a, cudaDataType_t a_type, int lda, const void *b,
    cudaDataType_t b_type, int ldb, const void *beta, void *c, cudaDataType_t c_type, int ldc,
    cublasComputeType_t compute, cublasGemmAlgo_t algorithm)
{
    return cublasGemmStridedBatchedEx(handle, of_a, of_b, m, n, k, alpha, a, a_type, lda, 0, b,
                                      b_type, ldb, 0, beta, c, c_type, ldc, 0, 1, compute,
                                      algorithm);
}

cublasStatus_t cublasSgemm(
    cublasHandle_t handle, cublasOperation_t of_a, cublasOperation_t of_b, int m, int n, int k,
    const float *alpha, const float *a, int lda, const float *b, int ldb, const float *beta,
    float *c, int ldc)
{
    return cublasGemmEx(handle, of_a, of_b, m, n, k, alpha, a, CUDA_R_32F, lda, b, CUDA_R_32F, ldb,
                        beta, c, CUDA_R_32F, ldc, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT);
}

const char *cublasGetStatusString(cublasStatus_t status)
{
    switch (status) {
    case CUBLAS_STATUS_SUCCESS: return "the operation completed successfully";
    case CUBLAS_STATUS_NOT_INITIALIZED: return "the library was not initialized";
    case CUBLAS_STATUS_ALLOC_FAILED: return "the resource allocation failed";
    case CUBLAS_STATUS_INVALID_VALUE: return "an invalid value was passed";
    case CUBLAS_STATUS_ARCH_MISMATCH: return "the device lacks a feature";
    case CUBLAS_STATUS_EXECUTION_FAILED: return "the program failed to execute";
    case CUBLAS_STATUS_INTERNAL_ERROR: return "an internal operation failed";
    case CUBLAS_STATUS_NOT_SUPPORTED: return "the feature is not supported";
    }
    return "unknown status";
}
