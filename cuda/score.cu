/* Score: the kernels of every listed loss, and what is the same for all of them. */
#include "cuda/reduce.h"

#define COMPOSED_LOSS(name)
#define LOSS(name) extern const kin_score_kernels kin_cuda_score_##name;
#include "losses/losses.def"

static const kin_score_kernels *const kernels[] = {
#define COMPOSED_LOSS(name) NULL,
#define LOSS(name) &kin_cuda_score_##name,
#include "losses/losses.def"
};

const kin_score_kernels *kin_cuda_score(kin_backend *backend, int loss)
{
    (void)backend;
    return kernels[loss];
}

/* What cell (i, j), whose score lies at `place`, is to row i: 1, -1 or 0. */
static __device__ int kind_at(const kin_scores &t, int64_t i, int64_t j, int64_t place)
{
    if (t.kind) return t.kind[place];
    const kin_score_side &mine = t.side[0], &other = t.side[1];
    const int64_t me = t.row + i, it = t.column + j;
    if (t.self && me == it) return 0;
    if ((other.match ? other.match[it] : (int32_t)it) == mine.match[me]) return 1;
    const bool same = mine.label && !t.distinct && (mine.label[me] == other.label[it] ||
                                                    mine.text[me] == other.text[it]);
    return same ? 0 : -1;
}

/* A warp's largest, for lane 0. */
static __device__ float warp_most(float x)
{
    for (int step = 16; step > 0; step /= 2)
        x = fmaxf(x, __shfl_down_sync(0xffffffffu, x, step));
    return x;
}

/* A warp to a row: whether its best positive beats every negative, or the sum over positives. */
static __global__ void judge_kernel(kin_scores t, bool pulls, real *hit)
{
    const int lane = threadIdx.x % 32;
    const int64_t i = (int64_t)blockIdx.x * (blockDim.x / 32) + threadIdx.x / 32;
    float positive = pulls ? 0 : -1e30f, negative = -1e30f;
    if (i >= t.rows) return;
    const int64_t first = t.start ? t.start[i] : i * t.columns;
    const int64_t n = t.start ? t.start[i + 1] - first : t.columns;
    for (int64_t j = lane; j < n; j += 32) {
        const int kind = kind_at(t, i, j, first + j);
        const float s = t.score[first + j];
        if (pulls) positive += kind > 0 ? s : 0;
        else if (kind > 0) positive = fmaxf(positive, s);
        else if (kind < 0) negative = fmaxf(negative, s);
    }
    positive = pulls ? warp_sum(positive) : warp_most(positive);
    negative = warp_most(negative);
    if (lane > 0) return;
    hit[t.row + i] = pulls ? positive
                           : t.side[0].weight[t.row + i] > 0 && positive > negative;
}

static void judge(kin_backend *backend, const kin_scores *t, bool pulls, real *hit)
{
    const int64_t rows = KIN_THREADS / 32;
    LAUNCH(cuda_of(backend), (unsigned)((t->rows + rows - 1) / rows), KIN_THREADS, 0, judge_kernel,
           *t, pulls, hit);
}

void kin_cuda_pull(kin_backend *backend, const kin_scores *t, real *pull)
{
    judge(backend, t, true, pull);
}

void kin_cuda_best(kin_backend *backend, const kin_scores *t, real *hit)
{
    judge(backend, t, false, hit);
}
