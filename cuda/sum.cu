/* Sums of all numbers of a vector, in double: blocks sum parts of it, one more adds them up.
 * Several sums share the launches and the wait for their results. */
#include "cuda/reduce.h"

constexpr int SUM_BLOCKS = 1024;

/* What several sums are of, and how many blocks share each. */
typedef struct {
    kin_sum_request of[KIN_RESULTS];
    unsigned blocks[KIN_RESULTS];
} sum_list;

template <bool squares> static __device__ inline double term(float x)
{
    return squares ? (double)x * (double)x : (double)x;
}

/* This block's share of the numbers. */
template <bool squares>
static __device__ inline double share(const kin_sum_request &s, unsigned blocks)
{
    const int64_t whole = (uintptr_t)s.x % sizeof(pack<4>) == 0 ? s.n / 4 : 0;
    const int64_t first = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    const int64_t step = (int64_t)blocks * blockDim.x;
    double total = 0;
    for (int64_t i = first; i < whole; i += step) {
        const pack<4> v = packs<4>(s.x)[i];
        total += (term<squares>(v.at[0]) + term<squares>(v.at[1])) +
                 (term<squares>(v.at[2]) + term<squares>(v.at[3]));
    }
    for (int64_t i = first; i < s.n - 4 * whole; i += step)
        total += term<squares>(s.x[4 * whole + i]);
    return total;
}

/* Row y of the grid works on sum y. */
static __global__ void sum_parts(sum_list list, int64_t room, double *part)
{
    const kin_sum_request &s = list.of[blockIdx.y];
    const unsigned blocks = list.blocks[blockIdx.y];
    if (blockIdx.x >= blocks) return;
    const double total = block_sum(s.squares ? share<true>(s, blocks) : share<false>(s, blocks));
    if (threadIdx.x == 0) part[blockIdx.y * room + blockIdx.x] = total;
}

/* A block to each sum adds up what its blocks have found. */
static __global__ void sum_finish(sum_list list, int64_t room, const double *part, double *result)
{
    double total = 0;
    for (unsigned i = threadIdx.x; i < list.blocks[blockIdx.x]; i += blockDim.x)
        total += part[blockIdx.x * room + i];
    total = block_sum(total);
    if (threadIdx.x == 0) result[blockIdx.x] = total;
}

static __global__ void add_up(int64_t n, const double *part, double *result)
{
    double total = 0;
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) total += part[i];
    total = block_sum(total);
    if (threadIdx.x == 0) *result = total;
}

void kin_cuda_add_up(kin_cuda *c, int64_t n, const double *part, double *result)
{
    LAUNCH(c, 1, KIN_THREADS, 0, add_up, n, part, result);
}

/* At most KIN_RESULTS sums. Those that a block does alone are results at once. */
static void sum_some(kin_cuda *c, int count, const kin_sum_request *of, double *results)
{
    sum_list list = {};
    unsigned most = 1;
    for (int i = 0; i < count; i++) {
        const int64_t n = of[i].n, loads = fours_fit(of[i].x) ? n / 4 + n % 4 : n;
        list.of[i] = of[i];
        list.blocks[i] = n > 0 ? grid_of(loads, KIN_THREADS, SUM_BLOCKS) : 1;
        if (list.blocks[i] > most) most = list.blocks[i];
    }
    double *part = c->result;
    if (most > 1) part = (double *)kin_cuda_room(c, (size_t)count * most * sizeof *part);
    LAUNCH(c, dim3(most, (unsigned)count), KIN_THREADS, 0, sum_parts, list, most, part);
    if (most > 1)
        LAUNCH(c, (unsigned)count, KIN_THREADS, 0, sum_finish, list, most, part, c->result);
    memcpy(results, kin_cuda_fetch(c, count), (size_t)count * sizeof *results);
}

void kin_cuda_sums(kin_backend *backend, int count, const kin_sum_request *of, double *results)
{
    for (int i = 0; i < count; i += KIN_RESULTS)
        sum_some(cuda_of(backend), count - i < KIN_RESULTS ? count - i : KIN_RESULTS, of + i,
                 results + i);
}

static double sum_one(kin_backend *backend, int64_t n, const real *x, bool squares)
{
    const kin_sum_request one = { n, x, squares };
    double result = 0;
    if (n > 0) sum_some(cuda_of(backend), 1, &one, &result);
    return result;
}

double kin_cuda_sum(kin_backend *backend, int64_t n, const real *x)
{
    return sum_one(backend, n, x, false);
}

double kin_cuda_sum_squares(kin_backend *backend, int64_t n, const real *x)
{
    return sum_one(backend, n, x, true);
}
