/* Reduce: what kernels share that go over their numbers once. Threads are dealt to the numbers of a
 * vector or to the rows of a matrix, one or four numbers a load, and sums over a warp or a block
 * have a fixed order. */
#ifndef KIN_CUDA_REDUCE_H
#define KIN_CUDA_REDUCE_H

#include "cuda/launch.h"

constexpr int KIN_WARP = 32, KIN_GRID_MOST = 0x7fffffff, KIN_GRID_SIDE_MOST = 65535;

/* N numbers in one load or store; N is 1 or 4. */
template <int N> struct alignas(4 * N) pack { float at[N]; };

template <int N> static __device__ inline const pack<N> *packs(const float *x)
{
    return (const pack<N> *)x;
}

template <int N> static __device__ inline pack<N> *packs(float *x) { return (pack<N> *)x; }

/* f of the first numbers, of the second, ... By value: of references nvcc makes N loads. */
template <int N, class F, class... P>
static __device__ inline pack<N> of_each(F f, pack<N> first, P... rest)
{
    pack<N> y;
    for (int k = 0; k < N; k++) y.at[k] = f(first.at[k], rest.at[k]...);
    return y;
}

/* Whether packs of four may be used: everything begins at 16 bytes. */
template <class... P> static inline bool fours_fit(const P *...p)
{
    return ((uintptr_t)0 | ... | (uintptr_t)p) % sizeof(pack<4>) == 0;
}

static inline unsigned grid_of(int64_t n, int64_t each, int64_t most)
{
    const int64_t blocks = (n + each - 1) / each;
    return (unsigned)(blocks < most ? blocks : most);
}

/* ---- vectors -------------------------------------------------------------------------------- */

/* Blocks of KIN_THREADS threads for n numbers, a pack to each thread. */
static inline unsigned vector_grid(int64_t n, bool fours)
{
    return grid_of(fours ? n / 4 + n % 4 : n, KIN_THREADS, KIN_GRID_MOST);
}

/* y_i = f(x_i, ...). All loads come before the store, so y may be one of the x. */
template <class F, class... X>
static __device__ inline void each_number(int64_t n, bool fours, F f, float *y, const X *...x)
{
    const int64_t whole = fours ? n / 4 : 0;
    for (EACH_INDEX(i, whole)) packs<4>(y)[i] = of_each<4>(f, packs<4>(x)[i]...);
    for (EACH_INDEX(i, n - 4 * whole)) y[4 * whole + i] = f(x[4 * whole + i]...);
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* A block is blockDim.x threads wide, which stand side by side on a row, and blockDim.y rows high.
 * for (EACH_ROW(i, rows)): the rows of this thread; for (EACH_PACK(j, n)): its share of a row. */
#define EACH_ROW(i, rows)                                                             \
    int64_t i = (int64_t)blockIdx.x * blockDim.y + threadIdx.y; i < (rows);           \
    i += (int64_t)gridDim.x * blockDim.y

#define EACH_PACK(j, n)                                                             \
    int64_t j = (int64_t)blockIdx.y * blockDim.x + threadIdx.x; j < (n);              \
    j += (int64_t)gridDim.y * blockDim.x

/* The block for rows of n packs. Its width is a power of two, so that narrow rows share a warp. */
static inline dim3 row_block(int64_t n, int64_t widest)
{
    unsigned width = 1;
    while (width < n && width < widest) width *= 2;
    return dim3(width, KIN_THREADS / width);
}

static inline dim3 row_grid(int64_t rows, int64_t n, dim3 block)
{
    return dim3(grid_of(rows, block.y, KIN_GRID_MOST), grid_of(n, block.x, KIN_GRID_SIDE_MOST));
}

/* A warp to each row, for kernels that sum over rows. */
static inline dim3 warp_block(void) { return dim3(KIN_WARP, KIN_THREADS / KIN_WARP); }
static inline dim3 warp_grid(int64_t rows) { return row_grid(rows, 1, warp_block()); }

/* ---- sums ----------------------------------------------------------------------------------- */

/* Every lane of the warp calls it, and all get the same bits. */
template <class T> static __device__ inline T warp_sum(T x)
{
    for (int k = KIN_WARP / 2; k > 0; k /= 2) x += __shfl_xor_sync(0xffffffffu, x, k);
    return x;
}

/* Every thread of the block, whole warps in one dimension, calls it; all get the same bits. */
template <class T> static __device__ inline T block_sum(T x)
{
    __shared__ T part[KIN_WARP];
    const unsigned warps = blockDim.x / KIN_WARP;
    T total = 0;
    x = warp_sum(x);
    if (threadIdx.x % KIN_WARP == 0) part[threadIdx.x / KIN_WARP] = x;
    __syncthreads();
    for (unsigned w = 0; w < warps; w++) total += part[w];
    __syncthreads();                              /* until all have read it, part may not change */
    return total;
}

#endif
