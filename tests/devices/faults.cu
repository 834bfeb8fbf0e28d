/* The kernels of test_pretend. They are plain CUDA C++; the faults are chosen by an argument. */
#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cstdio>
#include <vector>
#include "faults.h"

using std::vector;

/* ---- host: memory and launches -------------------------------------------------------------- */

static void must(int status)
{
    if (status) fprintf(stderr, "a call returned %d\n", status), exit(9);
}

static cudaStream_t stream_of_test()
{
    static cudaStream_t stream;
    if (!stream) must(cudaStreamCreate(&stream));
    return stream;
}

template <class T> struct Array {
    T *p;
    size_t n;
    explicit Array(size_t n) : n(n) { must(cudaMalloc(&p, n * sizeof(T))); }
    explicit Array(const vector<T> &v) : Array(v.size())
    {
        must(cudaMemcpyAsync(p, v.data(), n * sizeof(T), cudaMemcpyHostToDevice,
                             stream_of_test()));
        must(cudaStreamSynchronize(stream_of_test()));
    }
    Array(const Array &) = delete;
    ~Array() { cudaFree(p); }
    vector<T> get(bool waits = true) const
    {
        vector<T> v(n);
        must(cudaMemcpyAsync(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost,
                             stream_of_test()));
        if (waits) must(cudaStreamSynchronize(stream_of_test()));
        return v;
    }
};

template <class... P>
static void start(dim3 grid, dim3 block, size_t shared, void (*kernel)(P...),
                  std::type_identity_t<P>... arguments)
{
    void *addresses[] = { const_cast<void *>(static_cast<const void *>(&arguments))... };
    must(cudaLaunchKernel(kernel, grid, block, addresses, shared, stream_of_test()));
}

static vector<float> noise(size_t n, unsigned seed)
{
    vector<float> v(n);
    for (float &x : v) {
        seed = seed * 1664525 + 1013904223;
        x = (float)(seed >> 8) / (1 << 23) - 1;
    }
    return v;
}

template <class T>
static int differ(const vector<T> &got, const vector<double> &want, double tolerance = 1e-5)
{
    for (size_t i = 0; i < want.size(); i++)
        if (!(fabs((double)got[i] - want[i]) <= tolerance)) return 1;
    return 0;
}

/* ---- softmax of rows: barriers, shuffles, both kinds of shared memory ----------------------- */

static __device__ float join(float a, float b, bool greatest)
{
    return greatest ? fmaxf(a, b) : a + b;
}

static __device__ float warp_reduce(float x, bool greatest, Fault fault)
{
    unsigned lane = threadIdx.x % 32, mask = 0xffffffff;
    int width = 32;
    if (fault == shuffle_own_lane) mask = 0x0000ffff;
    if (fault == shuffle_masks) mask = lane < 16 ? 0xffffffff : 0xfffffffe;
    if (fault == shuffle_masks && lane == 0) mask = 0xffffffff;
    if (fault == shuffle_width) width = 16;
    if (fault == shuffle_odd_width) width = 24;
    for (int offset = 16; offset > 0; offset /= 2)
        x = join(x, __shfl_xor_sync(mask, x, offset, width), greatest);
    return x;
}

static __device__ float block_reduce(float x, bool greatest, float *part, Fault fault)
{
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    const float empty = greatest ? -INFINITY : 0;
    x = warp_reduce(x, greatest, fault);
    if (lane == 0) part[warp] = x;
    if (fault != no_barrier_before) __syncthreads();
    x = lane < warps || fault == shared_unset ? part[lane] : empty;
    if (fault != shuffle_in_branch || lane < warps) x = warp_reduce(x, greatest, fault);
    if (fault == uneven_barrier ? warp == 0 : fault != no_barrier_after) __syncthreads();
    return x;
}

static __global__ void softmax_row(int n, const float *x, float *y, Fault fault)
{
    extern __shared__ float dynamic_shared[];
    __shared__ float part[32], total[1];
    float *row = dynamic_shared;
    float top = -INFINITY, sum = 0;
    x += (size_t)blockIdx.x * n, y += (size_t)blockIdx.x * n;
    for (int i = threadIdx.x; i < n; i += blockDim.x) top = fmaxf(top, row[i] = x[i]);
    if (fault == dynamic_overflow && threadIdx.x == 0) row[n] = 0;
    top = block_reduce(top, true, part, fault);
    for (int i = threadIdx.x; i < n; i += blockDim.x) sum += row[i] = expf(row[i] - top);
    sum = block_reduce(sum, false, part, fault);
    const int at = fault == shared_overflow ? n : 0;
    if (threadIdx.x == 0) total[at] = 1 / sum;
    __syncthreads();
    for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = row[i] * total[0];
}

int softmax(int n, Fault fault)
{
    const int rows = 5;
    const vector<float> x = noise((size_t)rows * n, 1);
    vector<double> want(x.begin(), x.end());
    for (int r = 0; r < rows; r++) {
        double sum = 0;
        for (int i = 0; i < n; i++) sum += want[r * n + i] = exp(want[r * n + i]);
        for (int i = 0; i < n; i++) want[r * n + i] /= sum;
    }
    Array<float> dx(x), dy(x.size());
    start(rows, max(64, min(256, (n + 31) / 32 * 32)), n * sizeof(float), softmax_row, n, dx.p,
          dy.p, fault);
    return differ(dy.get(), want);
}

/* ---- turn: each warp turns its 32 numbers by way of shared memory ---------------------------- */

template <class T, int WARPS> static __global__ void turn_warps(const T *x, T *y, Fault fault)
{
    __shared__ T room[WARPS][32];
    const int warp = threadIdx.y, lane = threadIdx.x;
    const size_t at = ((size_t)blockIdx.y * gridDim.x + blockIdx.x) * WARPS * 32 + warp * 32 + lane;
    room[warp][lane] = x[at];
    if (fault != no_warp_barrier) __syncwarp();
    y[at] = room[warp][31 - lane];
}

int turn(int n, Fault fault)
{
    const vector<float> x = noise((size_t)n * 6 * 96, 2);
    vector<double> want(x.size());
    for (size_t i = 0; i < x.size(); i++) want[i] = x[i / 32 * 32 + 31 - i % 32];
    Array<float> dx(x), dy(x.size());
    start(dim3(n, 6), dim3(32, 3), 0, turn_warps<float, 3>, dx.p, dy.p, fault);
    return differ(dy.get(), want, 0);
}

/* ---- histogram: threads of a block meet in one address --------------------------------------- */

static __global__ void count_remainders(int n, int *count, float *sum, Fault fault)
{
    for (int i = (int)(blockIdx.x * blockDim.x + threadIdx.x); i < n;
         i += (int)(gridDim.x * blockDim.x)) {
        if (fault == lost_update) count[i % 7] += 1;
        else atomicAdd(&count[i % 7], 1);
        atomicAdd(sum, 0.5f);
        atomicMax(&count[7], i);
        atomicMin(&count[8], -i);
    }
}

int histogram(int n, Fault fault)
{
    Array<int> count(9);
    Array<float> sum(1);
    vector<double> want(9);
    for (int i = 0; i < n; i++) want[i % 7]++;
    want[7] = n - 1, want[8] = 1 - n;
    must(cudaMemsetAsync(count.p, 0, 9 * sizeof(int), stream_of_test()));
    must(cudaMemsetAsync(sum.p, 0, sizeof(float), stream_of_test()));
    start(2, 64, 0, count_remainders, n, count.p, sum.p, fault);
    return differ(count.get(), want, 0) || differ(sum.get(), { 0.5 * n }, 0);
}

/* ---- shift: y[i] = x[i] + 1, without any meeting --------------------------------------------- */

static __device__ __attribute__((noinline)) float sink(float x, int depth)
{
    volatile float room[1000];
    room[depth % 1000] = x;
    return depth < 0 ? x : sink(x, depth + 1) + room[depth % 1000];
}

static __global__ void __launch_bounds__(128) shift_all(int n, const float *__restrict__ x,
                                                        float *__restrict__ y, Fault fault)
{
    const int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
    if (i < n) y[i] = x[i] + 1;
    if (i >= n) return;
    if (fault == write_behind && i == n - 1) y[n] -= 1;
    if (fault == write_before && i == 0) y[-1] -= 1;
    if (fault == write_far && i == 0) y[n + 4000] = 1;
    if (fault == misaligned && i == 0) *(float2 *)(y + 1) = make_float2(1, 1);
    if (fault == stray_pointer && i == 0) *(volatile int *)((size_t)n * 8) = 1;
    if (fault == endless_stack && i == 0) y[i] = sink(x[i], 1);
}

int shift(int n, Fault fault)
{
    const vector<float> x = noise((size_t)n, 3);
    vector<double> want(x.begin(), x.end());
    for (double &w : want) w += 1;
    Array<float> dx(x), dy((size_t)n);
    vector<float> host(x.size());
    if (fault == read_unset) {
        Array<float> unset((size_t)n);
        start(n / 128 + 1, 128, 0, shift_all, n, unset.p, dy.p, fault);
        return differ(dy.get(), want);
    }
    start(n / 128 + 1, 128, 0, shift_all, n, fault == host_argument ? host.data() : dx.p, dy.p,
          fault);
    if (fault == freed) must(cudaFree(dx.p));
    return differ(dy.get(), want);
}

/* ---- upload: numbers arrive on one stream and are used on another ---------------------------- */

int upload(int n, Fault fault)
{
    static cudaStream_t side;
    cudaEvent_t arrived;
    const vector<float> x = noise((size_t)n, 4);
    vector<double> want(x.begin(), x.end());
    for (double &w : want) w += 1;
    Array<float> dx((size_t)n), dy((size_t)n);
    if (!side) must(cudaStreamCreateWithFlags(&side, cudaStreamNonBlocking));
    must(cudaEventCreateWithFlags(&arrived, cudaEventDisableTiming));
    must(cudaMemcpyAsync(dx.p, x.data(), n * sizeof(float), cudaMemcpyHostToDevice, side));
    must(cudaEventRecord(arrived, side));
    if (fault != no_event) must(cudaStreamWaitEvent(stream_of_test(), arrived, 0));
    start(n / 128 + 1, 128, 0, shift_all, n, dx.p, dy.p, healthy);
    vector<float> got = dy.get(fault != unwaited_copy);
    if (fault == host_touch && got[0] == *(volatile float *)(dx.p + 1)) return 0;
    if (fault == copy_behind)                       /* refused */
        return cudaMemcpyAsync(got.data(), dx.p, (n + 1) * sizeof(float), cudaMemcpyDeviceToHost,
                               side) != cudaSuccess;
    const int result = differ(got, want);
    must(cudaStreamSynchronize(side));
    must(cudaStreamSynchronize(stream_of_test()));
    must(cudaEventDestroy(arrived));
    return result;
}

/* ---- product: what cuBLAS computes ----------------------------------------------------------- */

static float element(const vector<float> &x, int rows, int row, int column, bool transposed)
{
    return transposed ? x[(size_t)row * rows + column] : x[(size_t)column * rows + row];
}

static float narrowed(float x, int bits)            /* the last bits are dropped */
{
    return __uint_as_float(__float_as_uint(x) >> bits << bits);
}

static int multiply(cublasHandle_t blas, int n, int way, cudaDataType_t type,
                    cublasComputeType_t compute, Fault fault)
{
    const bool ta = way & 1, tb = way & 2;
    const int m = n, k = n + 3, lda = ta ? k : m, ldb = tb ? n : k;
    const float alpha = 0.5f, beta = way == 3 ? 0 : 2;
    vector<float> a = noise((size_t)m * k, 5), b = noise((size_t)n * k, 6);
    const vector<float> c = noise((size_t)m * n, 7);
    vector<double> want(c.begin(), c.end());
    vector<uint16_t> a16, b16;
    const int dropped = type == CUDA_R_16BF ? 16 : compute == CUBLAS_COMPUTE_32F ? 0 : 13;
    for (float &x : a) a16.push_back((uint16_t)(__float_as_uint(x = narrowed(x, dropped)) >> 16));
    for (float &x : b) b16.push_back((uint16_t)(__float_as_uint(x = narrowed(x, dropped)) >> 16));
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int l = 0; l < k; l++)
                sum += (double)element(a, lda, i, l, ta) * element(b, ldb, l, j, tb);
            want[(size_t)j * m + i] = alpha * sum + beta * want[(size_t)j * m + i];
        }
    if (dropped == 13)                               /* within half a step: rounded back */
        for (float &x : a) x = __uint_as_float(__float_as_uint(x) + 0xfff);
    Array<float> da(a), db(b), dc(c);
    Array<uint16_t> da16(a16), db16(b16);
    const void *pa = type == CUDA_R_32F ? (void *)da.p : da16.p;
    const void *pb = type == CUDA_R_32F ? (void *)db.p : db16.p;
    must(cublasGemmEx(blas, ta ? CUBLAS_OP_T : CUBLAS_OP_N, tb ? CUBLAS_OP_T : CUBLAS_OP_N, m, n,
                      k, &alpha, pa, type, lda, pb, type, ldb, &beta,
                      fault == product_behind ? dc.p + m : dc.p, CUDA_R_32F, m, compute,
                      CUBLAS_GEMM_DEFAULT));
    if (fault == product_freed) must(cudaFree(da.p));
    return differ(dc.get(), want, 1e-5 * k);
}

int product(int n, Fault fault)
{
    cublasHandle_t blas;
    int result = 0;
    must(cublasCreate(&blas));
    must(cublasSetStream(blas, stream_of_test()));
    for (int way = 0; way < 4; way++) {
        result |= multiply(blas, n, way, CUDA_R_32F, CUBLAS_COMPUTE_32F, fault);
        result |= multiply(blas, n, way, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32, fault);
        result |= multiply(blas, n, way, CUDA_R_16BF, CUBLAS_COMPUTE_32F, fault);
    }
    const float one = 1, zero = 0;
    vector<float> x = noise((size_t)n * 4, 8), y = noise((size_t)n * 4, 9);
    vector<double> want(4);                          /* four dot products */
    for (int i = 0; i < 4 * n; i++) want[i / n] += (double)x[i] * y[i];
    Array<float> dx(x), dy(y), dz(4);
    must(cublasGemmStridedBatchedEx(blas, CUBLAS_OP_T, CUBLAS_OP_N, 1, 1, n, &one, dx.p, CUDA_R_32F,
                                    n, n, dy.p, CUDA_R_32F, n, n, &zero, dz.p, CUDA_R_32F, 1, 1, 4,
                                    CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT));
    result |= differ(dz.get(), want, 1e-5 * n);
    must(cublasDestroy(blas));
    return result;
}
