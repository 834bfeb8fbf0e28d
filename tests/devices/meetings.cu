/* Shuffles, votes and barriers with a result: every one of them, by its definition. */
#include <cuda_runtime.h>
#include <cstdio>
#include <vector>
#include "faults.h"

enum { RESULTS = 16 };

template <int WIDTH> static __device__ void shuffles(int x, int *to)
{
    to[0] = __shfl_sync(0xffffffff, x, 5, WIDTH);
    to[1] = __shfl_up_sync(0xffffffff, x, 3u, WIDTH);
    to[2] = __shfl_down_sync(0xffffffff, x, 3u, WIDTH);
    to[3] = __shfl_xor_sync(0xffffffff, x, 5, WIDTH);
}

/* The last warp may have fewer lanes; what comes from a lane that is not there is not told. */
static __global__ void meet_all(int threads, int *out)
{
    const int i = (int)threadIdx.x, x = 100 + i, lane = i % warpSize;
    int *to = out + i * RESULTS;
    shuffles<32>(x, to);
    shuffles<8>(x, to + 4);
    to[8] = (int)__ballot_sync(0xffffffff, lane % 3 == 0);
    to[9] = __any_sync(0xffffffff, lane == 1) * 2 + __all_sync(0xffffffff, lane < 20);
    to[10] = __reduce_add_sync(0xffffffff, x);
    to[11] = __reduce_max_sync(0xffffffff, -x);
    to[12] = __syncthreads_count(i % 2) * 4 + __syncthreads_or(i == 40) * 2 +
             __syncthreads_and(i < 40);
    to[13] = (int)(__shfl_xor_sync(0xffffffff, 0x100000000ll + x, 1) >> 32);
    if (lane < 4) to[14] = (int)__shfl_sync(0x0000000f, (double)x, 3);
    else to[14] = 0;
    if (i == threads - 1) return;                    /* the others go on without it */
    __syncthreads();
    to[15] = __popc(__ballot_sync(0xffffffff, 1));
}

static int expected(int i, int threads, int which)
{
    const int first = i / 32 * 32, lanes = threads - first < 32 ? threads - first : 32;
    const int lane = i - first, x = 100 + i, width = which < 4 ? 32 : 8, segment = lane & -width;
    int sum = 0, set = 0;
    switch (which) {
    case 0: case 4: return x - lane + segment + 5;
    case 1: case 5: return lane - 3 >= segment ? x - 3 : x;
    case 2: case 6: return lane + 3 < segment + width ? x + 3 : x;
    case 3: case 7: return x - lane + (lane ^ 5);
    case 8:
        for (int l = 0; l < lanes; l += 3) set |= 1 << l;
        return set;
    case 9: return (lanes > 1) * 2 + (lanes <= 20);
    case 10:
        for (int l = 0; l < lanes; l++) sum += 100 + first + l;
        return sum;
    case 11: return -(100 + first);
    case 12: return threads / 2 * 4 + (threads > 40) * 2 + (threads <= 40);
    case 13: return 1;
    case 14: return lane < 4 ? 100 + first + 3 : 0;
    default: return first + 32 >= threads ? lanes - 1 : lanes;
    }
}

/* The lane that a shuffle asks for, where it decides whether the result is told. */
static bool told(int i, int threads, int which)
{
    const int lane = i % 32, left = threads - i / 32 * 32, width = which < 4 ? 32 : 8;
    if (which % 4 == 0 && which < 8) return (lane & -width) + 5 < left;
    if (which == 2 || which == 6) return i + 3 < threads || lane % width + 3 >= width;
    if (which == 3 || which == 7) return (lane ^ 5) < left;
    if (which == 13) return (i ^ 1) < threads;
    if (which == 14) return lane >= 4 || left > 3;
    return which != 15 || i != threads - 1;
}

int meetings(int n, Fault)
{
    const int threads = n;
    int *out, wrong = 0;
    std::vector<int> got((size_t)threads * RESULTS);
    if (cudaMalloc(&out, got.size() * sizeof(int)) != cudaSuccess) return 1;
    void *arguments[] = { (void *)&threads, &out };
    if (cudaLaunchKernel(meet_all, 1, threads, arguments, 0, nullptr) != cudaSuccess) return 1;
    if (cudaMemcpy(got.data(), out, got.size() * sizeof(int), cudaMemcpyDeviceToHost) !=
        cudaSuccess) return 1;
    for (int i = 0; i < threads; i++)
        for (int which = 0; which < RESULTS; which++) {
            const int is = got[(size_t)i * RESULTS + which];
            if (!told(i, threads, which) || is == expected(i, threads, which)) continue;
            if (!wrong++) fprintf(stderr, "thread %d of %d, meeting %d: %d and not %d\n", i,
                                  threads, which, is, expected(i, threads, which));
        }
    return cudaFree(out) != cudaSuccess || wrong;
}
