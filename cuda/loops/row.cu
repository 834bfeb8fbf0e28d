/* The kernel over scores for a loss that sees whole rows (core/cell.h), compiled once for each such
 * loss (KIN_LOSS_ID): a thread to a row, as the loss's function is one thread's work. */
#include "cuda/loops/loss.h"

/* So many threads have room for a row at a time: enough to fill a GPU, unless rows are long. */
constexpr int64_t THREADS_MOST = 16384, WORK_MOST = (int64_t)1 << 30;
constexpr int BLOCK = 32;

static int64_t longest_of(const kin_scores *t) { return t->start ? t->longest : t->columns; }

/* The loss's own room and the kinds of a row. */
static __host__ __device__ inline size_t bytes_of(int64_t longest)
{
    return ((size_t)longest * (KIN_ROW_WORK * sizeof(real) + 1) + 63) / 64 * 64;
}

static int64_t threads_for(int64_t rows_, int64_t longest)
{
    const int64_t fit = WORK_MOST / (int64_t)bytes_of(longest) / BLOCK * BLOCK;
    const int64_t most = fit > THREADS_MOST ? THREADS_MOST : fit > BLOCK ? fit : BLOCK;
    return rows_ < most ? rows_ : most;
}

static size_t work(kin_backend *backend, int64_t rows_, int64_t columns)
{
    (void)backend;
    return bytes_of(columns) * (size_t)threads_for(rows_, columns);
}

/* What the cells of row i are, by their keys. */
static __device__ void tell_kinds(const kin_scores &t, int64_t i, signed char *kind)
{
    const kin_score_side &mine = t.side[0], &other = t.side[1];
    const int64_t at = t.row + i;
    const bool keyed = mine.label != NULL;
    for (int64_t j = 0; j < other.count; j++) {
        const int32_t match = other.match ? other.match[j] : (int32_t)j;
        const bool pos = match == mine.match[at];
        const bool same = keyed && (other.label[j] == mine.label[at] ||
                                    other.text[j] == mine.text[at]);
        kind[j] = pos ? 1 : same ? 0 : -1;
    }
    if (t.self) kind[at] = 0;
}

static __device__ span span_of(const kin_scores &t, int64_t i, int64_t longest, char *room)
{
    const int64_t first = t.start ? t.start[i] : i * t.columns;
    span c = {};
    c.n = (int32_t)(t.start ? t.start[i + 1] - first : t.columns);
    c.s = t.score + first;
    c.y = t.target ? t.target + first : NULL;
    c.work = (real *)room;
    c.kind = t.kind ? t.kind + first : (signed char *)(c.work + KIN_ROW_WORK * longest);
    if (!t.kind) tell_kinds(t, i, (signed char *)(c.work + KIN_ROW_WORK * longest));
    return c;
}

static __device__ void do_row(const kin_scores &t, hyper h, int64_t i, int64_t longest, char *room,
                              bool slopes)
{
    const kin_score_side &side = t.side[0];
    const int64_t at = t.row + i;
    const real weight = side.weight[at];
    const count n = { side.positives[at], side.negatives[at], (real)side.count, t.paired };
    real elements = 1, above = -1;
    span c = span_of(t, i, longest, room);
    c.elements = &elements, c.above = &above;
    const real value = weight > 0 ? whole(c, n, h) : 0;
    if (above < 0) above = value > 0;
    side.value[at] = weight * value;
    side.counted[at] = weight * (t.reduce == KIN_MEAN_NONZERO ? above : elements);
    if (!slopes) return;
    const real scale = t.scale[0] * weight;
    for (int32_t j = 0; j < c.n; j++) c.s[j] = weight > 0 ? scale * c.s[j] : 0;
}

static __global__ void rows_kernel(kin_scores t, hyper h, int64_t longest, bool slopes)
{
    const int64_t me = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    char *const room = (char *)t.work + (size_t)me * bytes_of(longest);
    for (EACH_INDEX(i, t.rows)) do_row(t, h, i, longest, room, slopes);
}

static void rows(kin_backend *backend, const kin_scores *t, bool slopes)
{
    const int64_t threads = threads_for(t->rows, longest_of(t));
    const int block = threads < BLOCK ? (int)threads : BLOCK;
    if (threads < 1) return;
    LAUNCH(cuda_of(backend), (unsigned)(threads / block), block, 0, rows_kernel, *t, hyper_of(t),
           longest_of(t), slopes);
}

extern const kin_score_kernels KIN_PASTE(kin_cuda_score, KIN_LOSS_ID);
const kin_score_kernels KIN_PASTE(kin_cuda_score, KIN_LOSS_ID) = {
    .variant = "cuda",
    .hypers = sizeof(hyper) / sizeof(real),
    .work = work,
    .rows = rows,
    .pull = kin_cuda_pull,
    .best = kin_cuda_best,
};
