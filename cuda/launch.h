/* Launch: the one way in which kernels are started. It is the same code for every device: the
 * include path decides whether cudaLaunchKernel is NVIDIA's or the pretend device's. */
#ifndef KIN_CUDA_LAUNCH_H
#define KIN_CUDA_LAUNCH_H

#include <type_traits>
#include "cuda/internal.h"

/* type_identity keeps the arguments out of template deduction, so that an int may be passed where a
 * kernel wants an int64_t. Nothing to do (an empty grid) is not an error. */
template <class... P>
void kin_cuda_start(kin_cuda *c, const char *name, dim3 grid, dim3 block, size_t shared_bytes,
                    void (*kernel)(P...), std::type_identity_t<P>... arguments)
{
    if (kin_cuda_failed(c) || grid.x == 0 || grid.y == 0 || grid.z == 0) return;
    void *addresses[] = { const_cast<void *>(static_cast<const void *>(&arguments))... };
    const cudaError_t error =
        cudaLaunchKernel(kernel, grid, block, addresses, shared_bytes, c->stream);
    if (error != cudaSuccess) kin_cuda_fail_launch(c, name, grid, block, shared_bytes, error);
}

/* LAUNCH(c, grid, block, shared bytes, kernel, arguments...) */
#define LAUNCH(c, grid, block, shared_bytes, kernel, ...) \
    kin_cuda_start((c), #kernel, (grid), (block), (shared_bytes), (kernel), __VA_ARGS__)

/* Blocks of `threads` for n elements, each thread taking one or, beyond `most` blocks, several. */
constexpr int KIN_THREADS = 256, KIN_BLOCKS_MOST = 2048;

static inline unsigned kin_cuda_blocks(int64_t n, int64_t each = KIN_THREADS)
{
    const int64_t blocks = (n + each - 1) / each;
    return (unsigned)(blocks < KIN_BLOCKS_MOST ? blocks : KIN_BLOCKS_MOST);
}

/* for (EACH_INDEX(i, n)): this thread's share of 0 .. n-1 in a grid of one dimension. */
#define EACH_INDEX(i, n)                                                              \
    int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x; i < (n);              \
    i += (int64_t)gridDim.x * blockDim.x

#endif
