/* A stable radix sort: digit by digit, each block counts the digits of its tile, the counts of all
 * tiles are summed in the order of digit, tile, and each block carries its pairs to their places.
 * A warp ranks 32 pairs at a time by votes, so that order never depends on which thread was first.
 */
#include "cuda/launch.h"
#include "cuda/sort.h"

/* A warp takes ROUNDS times 32 pairs that lie together, a block's WARPS warps one TILE. */
enum { DIGIT = 9, MOST = 1 << DIGIT, WARPS = KIN_THREADS / 32, ROUNDS = 8,
       TILE = KIN_THREADS * ROUNDS };
static const unsigned ALL = 0xffffffffu;

static int64_t tiles_of(int64_t n) { return (n + TILE - 1) / TILE; }

/* ---- sums of what lies before ---------------------------------------------------------------- */

static __device__ int64_t scan_list(int64_t n, const int64_t *from, int64_t *to, int64_t *part)
{
    int64_t carried = 0, total;
    for (int64_t at = 0; at < n; at += blockDim.x) {
        const int64_t i = at + threadIdx.x;
        const int64_t before = kin_block_before(i < n ? from[i] : 0, part, &total);
        if (i < n) to[i] = carried + before;
        carried += total;
    }
    return carried;
}

static __global__ void scan(int64_t n, int64_t *values, int64_t *total)
{
    __shared__ int64_t part[32];
    int64_t *list = values + blockIdx.x * n;
    const int64_t sum = scan_list(n, list, list, part);
    if (total && threadIdx.x == 0) total[blockIdx.x] = sum;
}

void kin_cuda_scan(kin_cuda *c, int64_t lists, int64_t n, int64_t *values, int64_t *total)
{
    LAUNCH(c, (unsigned)lists, KIN_THREADS, 0, scan, n, values, total);
}

/* ---- one digit ------------------------------------------------------------------------------- */

static __device__ unsigned digit_of(kin_pair pair, int shift, int bits)
{
    return (unsigned)pair.id >> shift & ((1u << bits) - 1);
}

/* count[digit][tile] */
static __global__ void count_digits(int64_t n, const kin_pair *pairs, int shift, int bits,
                                    int64_t *count)
{
    __shared__ unsigned here[MOST];
    for (int d = threadIdx.x; d < 1 << bits; d += blockDim.x) here[d] = 0;
    __syncthreads();
    for (int r = 0; r < ROUNDS; r++) {
        const int64_t i = (int64_t)blockIdx.x * TILE + r * KIN_THREADS + threadIdx.x;
        if (i < n) atomicAdd(&here[digit_of(pairs[i], shift, bits)], 1u);
    }
    __syncthreads();
    for (int d = threadIdx.x; d < 1 << bits; d += blockDim.x)
        count[(int64_t)d * gridDim.x + blockIdx.x] = here[d];
}

/* The lanes that have something and whose digit is this lane's. */
static __device__ unsigned alike(bool some, unsigned digit, int bits)
{
    unsigned same = __ballot_sync(ALL, some);
    for (int b = 0; b < bits; b++) {
        const bool one = digit >> b & 1;
        const unsigned ones = __ballot_sync(ALL, one);
        same &= one ? ones : ~ones;
    }
    return same;
}

/* What a warp does with its part of the tile: the first time, with no place to carry pairs to, it
 * only counts. next[digit]: where in the tile's pairs of the digit the warp's next one goes. */
static __device__ void pass_over(int64_t n, int64_t first, const kin_pair *pairs, int shift,
                                 int bits, unsigned *next, const int64_t *base, kin_pair *to)
{
    const int lane = threadIdx.x % 32;
    for (int r = 0; r < ROUNDS; r++) {
        const int64_t i = first + r * 32 + lane;
        const kin_pair pair = i < n ? pairs[i] : kin_pair{ 0, 0 };
        const unsigned digit = digit_of(pair, shift, bits), same = alike(i < n, digit, bits);
        const int rank = __popc(same & ((1u << lane) - 1));
        if (to && i < n) to[base[digit] + next[digit] + rank] = pair;
        __syncwarp();
        if (i < n && rank == 0) next[digit] += __popc(same);
        __syncwarp();
    }
}

static __global__ void carry(int64_t n, const kin_pair *pairs, int shift, int bits,
                             const int64_t *before, const int64_t *total, kin_pair *to)
{
    __shared__ unsigned next[WARPS][MOST];
    __shared__ int64_t base[MOST], part[32];
    const int warp = threadIdx.x / 32, digits = 1 << bits;
    const int64_t first = (int64_t)blockIdx.x * TILE + warp * 32 * ROUNDS;
    for (int d = threadIdx.x; d < digits; d += blockDim.x)
        for (int w = 0; w < WARPS; w++) next[w][d] = 0;
    __syncthreads();
    pass_over(n, first, pairs, shift, bits, next[warp], NULL, NULL);
    scan_list(digits, total, base, part);
    __syncthreads();
    for (int d = threadIdx.x; d < digits; d += blockDim.x) {
        unsigned sum = 0;
        for (int w = 0; w < WARPS; w++) {
            const unsigned here = next[w][d];
            next[w][d] = sum;
            sum += here;
        }
        base[d] += before[(int64_t)d * gridDim.x + blockIdx.x];
    }
    __syncthreads();
    pass_over(n, first, pairs, shift, bits, next[warp], base, to);
}

/* ---- all digits ------------------------------------------------------------------------------ */

int64_t kin_cuda_sort_work(int64_t n) { return MOST * (tiles_of(n) + 1); }

kin_pair *kin_cuda_sort(kin_cuda *c, int64_t n, int64_t ids, kin_pair *pairs, kin_pair *other,
                        int64_t *work)
{
    int width = 1;
    while (width < 31 && (int64_t)1 << width < ids) width++;
    const int passes = (width + DIGIT - 1) / DIGIT, bits = (width + passes - 1) / passes;
    const unsigned tiles = (unsigned)tiles_of(n);
    int64_t *total = work, *count = work + MOST;
    for (int pass = 0; pass < passes; pass++) {
        const int shift = pass * bits;
        LAUNCH(c, tiles, KIN_THREADS, 0, count_digits, n, pairs, shift, bits, count);
        kin_cuda_scan(c, 1 << bits, tiles, count, total);
        LAUNCH(c, tiles, KIN_THREADS, 0, carry, n, pairs, shift, bits, count, total, other);
        kin_pair *sorted = other;
        other = pairs;
        pairs = sorted;
    }
    return pairs;
}
