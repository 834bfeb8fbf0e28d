/* The kernels over scores, compiled once for each loss (KIN_LOSS_ID). A tile's part of a row or of
 * a column is formed in one warp; parts are merged in a fixed order. */
#include "cuda/loops/loss.h"
#include "cuda/loops/cells.h"
#include "cuda/loops/both.h"

/* ---- one direction: a block to a row -------------------------------------------------------- */

enum { AT_ONCE, READ_ONLY, PUSH_ONLY };

/* A row's scores stay in shared memory between two passes while a block's fit two to a
 * multiprocessor; what goes beyond the plain limit must be asked for. */
constexpr int SHARED_MOST = 100 << 10, SHARED_PLAIN = 40 << 10;

typedef struct { int how; bool looks; int parts; bool slopes, stays; } row_job;

/* Row i's cells: n of them, their scores from `first` on; stay: where the block keeps these from
 * the time when it first reads them, or NULL. A thread reads what it wrote itself. */
typedef struct { int64_t i, first, n; key mine; real *stay; bool kept; } line;

static __device__ inline line line_at(const kin_scores &t, int64_t i, int how)
{
    line l = { i, i * t.columns, t.columns, key_of(t.side[0], t.row + i, how), NULL, false };
    if (t.start) l.first = t.start[i], l.n = t.start[i + 1] - l.first;
    return l;
}

static __device__ inline cell cell_of(const kin_scores &t, const line &l, int64_t j, int how)
{
    const key other = key_of(t.side[1], t.column + j, how);
    return cell_at(t, l.i, j, l.first + j, l.mine, other, how);
}

/* use(cell) for this thread's share of the line. */
template <bool QUICK, class F>
static __device__ inline void each_cell(const kin_scores &t, line &l, int how, F use)
{
    if constexpr (QUICK) {
        const real *const from = l.kept ? l.stay : t.score + l.first;
        real *const to = l.kept ? NULL : l.stay;
#pragma unroll 4
        for (int64_t j = 4 * threadIdx.x; j < l.n; j += 4 * blockDim.x) {
            cell c[4];
            const float4 x = *(const float4 *)(from + j);
            if (to) *(float4 *)(to + j) = x;
            quick_cells(x, l.mine.match - j, c);
#pragma unroll
            for (int v = 0; v < 4; v++) use(c[v]);
        }
        l.kept = l.stay != NULL;
    } else {
        for (int64_t j = threadIdx.x; j < l.n; j += blockDim.x) use(cell_of(t, l, j, how));
    }
}

/* Each score becomes push(cell). */
template <bool QUICK, class F>
static __device__ inline void each_slope(const kin_scores &t, const line &l, int how, F push)
{
    if constexpr (QUICK) {
        const real *const from = l.kept ? l.stay : t.score + l.first;
#pragma unroll 4
        for (int64_t j = 4 * threadIdx.x; j < l.n; j += 4 * blockDim.x) {
            cell c[4];
            real x[4];
            quick_cells(*(const float4 *)(from + j), l.mine.match - j, c);
#pragma unroll
            for (int v = 0; v < 4; v++) x[v] = push(c[v]);
            put_four(t, l.first + j, x);
        }
    } else {
        for (int64_t j = threadIdx.x; j < l.n; j += blockDim.x)
            put_slope(t, l.first + j, push(cell_of(t, l, j, how)));
    }
}

template <bool QUICK>
static __device__ inline row read_row(const kin_scores &t, line &l, hyper h, row_job job,
                                      real *room)
{
    row r = open(t.top);
    if (job.looks) {
        each_cell<QUICK>(t, l, job.how, [&](cell c) { r = look(r, c, h); });
        r = merge_block(r, h, room);
    }
    const row peak = r;
    each_cell<QUICK>(t, l, job.how, [&](cell c) {
        c.e = term(c, peak, h);
        r = add(r, c, h);
    });
    return merge_block(r, h, room);
}

template <bool QUICK>
static __global__ void __launch_bounds__(KIN_THREADS)
rows_kernel(kin_scores t, hyper h, row_job job)
{
    __shared__ real room[FIELDS * (KIN_THREADS / WARP)], closed[FIELDS];
    const kin_score_side &side = t.side[0];
    const int64_t at = t.row + blockIdx.x;
    extern __shared__ real dynamic_shared[];
    line l = line_at(t, blockIdx.x, job.how);
    row r;
    if (job.stays) l.stay = dynamic_shared;
    if (job.parts == PUSH_ONLY) {
        r = get(side.stats, side.count, at);
    } else {
        r = read_row<QUICK>(t, l, h, job, room);
        if (threadIdx.x == 0) {
            if (job.parts == READ_ONLY) put(side.stats, side.count, at, r);
            else put(closed, 1, 0, finish(t, 0, at, r, h));
        }
        if (job.parts == READ_ONLY || !job.slopes) return;
        __syncthreads();
        r = get(closed, 1, 0);
    }
    const real scale = t.scale[0] * side.weight[at];
    each_slope<QUICK>(t, l, job.how, [&](cell c) {
        c.e = term(c, r, h);
        return scale * slope(c, r, h);
    });
}

/* ---- a side's statistics: a thread to a row ------------------------------------------------- */

static __global__ void open_kernel(kin_score_side side, real top)
{
    for (EACH_INDEX(i, side.count)) put(side.stats, side.count, i, open(top));
}

static __global__ void close_kernel(kin_scores t, hyper h, int side)
{
    const kin_score_side &s = t.side[side];
    for (EACH_INDEX(i, s.count))
        put(s.stats, s.count, i, finish(t, side, i, get(s.stats, s.count, i), h));
}

/* The merges of one level. */
static __global__ void level_kernel(kin_score_side s, hyper h, const int32_t *to,
                                    const int32_t *from, int64_t merges)
{
    for (EACH_INDEX(n, merges))
        put(s.stats, s.count, to[n],
            merge(get(s.stats, s.count, to[n]), get(s.stats, s.count, from[n]), h));
}

static __global__ void unite_kernel(kin_scores t, hyper h, const int32_t *leader)
{
    const kin_score_side &s = t.side[0];
    for (EACH_INDEX(i, s.count)) {
        s.value[i] = s.counted[i] = 0;
        if (leader[i] == i)
            put(s.stats, s.count, i, finish(t, 0, i, get(s.stats, s.count, i), h));
    }
}

static __global__ void share_kernel(kin_score_side s, const int32_t *leader)
{
    for (EACH_INDEX(i, s.count))
        if (leader[i] != i) put(s.stats, s.count, i, get(s.stats, s.count, leader[i]));
}

/* ---- the table ------------------------------------------------------------------------------ */

static bool looks(kin_backend *backend, const kin_scores *t)
{
    const int when = loss_of(backend)->looks;
    return when == KIN_ALWAYS || (when == KIN_IF_UNBOUNDED && !t->bounded);
}

static int64_t parts_of(int64_t n, int64_t size) { return (n + size - 1) / size; }

static void run_rows(kin_backend *backend, const kin_scores *t, int parts, bool slopes)
{
    const bool quick = is_quick(t), again = looks(backend, t) || (parts == AT_ONCE && slopes);
    const size_t bytes = sizeof(real) * (size_t)t->columns;
    const bool stays = quick && again && parts != PUSH_ONLY && bytes <= SHARED_MOST;
    const row_job job = { how_of(t), looks(backend, t), parts, slopes, stays };
    const int64_t packs = parts_of(t->start ? t->longest : t->columns, 4 * WARP) * WARP;
    const int threads = packs < WARP ? WARP : packs < KIN_THREADS ? (int)packs : KIN_THREADS;
    if (stays && bytes > SHARED_PLAIN)
        kin_cuda_check(cuda_of(backend), cudaFuncSetAttribute(
            rows_kernel<true>, cudaFuncAttributeMaxDynamicSharedMemorySize, SHARED_MOST),
            "shared memory");
    LAUNCH(cuda_of(backend), (unsigned)t->rows, threads, stays ? bytes : 0,
           quick ? rows_kernel<true> : rows_kernel<false>, *t, hyper_of(t), job);
}

static void rows(kin_backend *backend, const kin_scores *t, bool slopes)
{
    run_rows(backend, t, AT_ONCE, slopes);
}

static void read_all(kin_backend *backend, const kin_scores *t)
{
    run_rows(backend, t, READ_ONLY, false);
}

static void push_all(kin_backend *backend, const kin_scores *t)
{
    run_rows(backend, t, PUSH_ONLY, true);
}

static int height_of(int64_t rows_, int64_t columns)
{
    int height = HEIGHT_MOST;
    while (height > GROUP &&
           parts_of(columns, WIDTH) * parts_of(rows_, WARPS * height) < BLOCKS) height /= 2;
    return height;
}

/* Parts of rows, and of columns; a tile that is cut lower has fewer than 2 BLOCKS blocks. */
static size_t work(kin_backend *backend, int64_t rows_, int64_t columns)
{
    (void)backend;
    const int64_t of_columns = columns * parts_of(rows_, WARPS * HEIGHT_MOST) + 2 * BLOCKS * WIDTH;
    return sizeof(real) * FIELDS * (size_t)(rows_ * parts_of(columns, WIDTH) + of_columns);
}

static void run_both(kin_backend *backend, const kin_scores *t, bool only_look)
{
    kin_cuda *c = cuda_of(backend);
    const hyper h = hyper_of(t);
    const int height = height_of(t->rows, t->columns);
    const bool quick = is_quick(t) && !t->looks_first;
    const int64_t across_ = parts_of(t->columns, WIDTH), down = parts_of(t->rows, WARPS * height);
    const int64_t own = own_columns(*t);
    real *const row_parts = (real *)t->work;
    real *const column_parts = row_parts + across_ * FIELDS * t->rows;
    const both_job job = { how_of(t), looks(backend, t), t->looks_first, only_look,
                           height, row_parts, column_parts };
    LAUNCH(c, dim3((unsigned)across_, (unsigned)down), KIN_THREADS, ROOM,
           !quick       ? both_kernel<GENERAL>
           : job.looks ? both_kernel<QUICK_LOOKS>
                       : both_kernel<QUICK_PLAIN>, *t, h, job);
    LAUNCH(c, (unsigned)parts_of(t->rows, KIN_THREADS), KIN_THREADS, 0, merge_kernel, t->side[0], h,
           row_parts, across_, t->row, t->rows, 0);
    LAUNCH(c, (unsigned)parts_of(t->columns - own, KIN_THREADS), KIN_THREADS, 0, merge_kernel,
           t->side[1], h, column_parts, down, t->column, t->columns, own);
}

static void look_all(kin_backend *backend, const kin_scores *t) { run_both(backend, t, true); }
static void add_all(kin_backend *backend, const kin_scores *t) { run_both(backend, t, false); }

static void slope_all(kin_backend *backend, const kin_scores *t)
{
    kin_cuda *c = cuda_of(backend);
    const unsigned down = (unsigned)parts_of(t->rows, SLOPE_ROWS);
    const dim3 grid((unsigned)parts_of(t->columns, KIN_THREADS), down);
    if (is_quick(t))
        LAUNCH(c, dim3((unsigned)parts_of(t->columns, 4 * KIN_THREADS), down), KIN_THREADS, 0,
               looks(backend, t) ? quick_slope_kernel<true> : quick_slope_kernel<false>, *t,
               hyper_of(t));
    else
        LAUNCH(c, grid, KIN_THREADS, 0, slope_kernel, *t, hyper_of(t), how_of(t),
               looks(backend, t));
}

static void open_all(kin_backend *backend, const kin_scores *t, int side)
{
    const kin_score_side &s = t->side[side];
    LAUNCH(cuda_of(backend), kin_cuda_blocks(s.count), KIN_THREADS, 0, open_kernel, s, t->top);
}

static void close_all(kin_backend *backend, const kin_scores *t, int side)
{
    LAUNCH(cuda_of(backend), kin_cuda_blocks(t->side[side].count), KIN_THREADS, 0, close_kernel,
           *t, hyper_of(t), side);
}

static void unite(kin_backend *backend, const kin_scores *t, const kin_groups *groups)
{
    kin_cuda *c = cuda_of(backend);
    const unsigned blocks = kin_cuda_blocks(t->side[0].count);
    for (int level = 0; level < groups->levels; level++) {
        const int64_t first = groups->start[level], merges = groups->start[level + 1] - first;
        LAUNCH(c, kin_cuda_blocks(merges), KIN_THREADS, 0, level_kernel, t->side[0], hyper_of(t),
               groups->to + first, groups->from + first, merges);
    }
    LAUNCH(c, blocks, KIN_THREADS, 0, unite_kernel, *t, hyper_of(t), groups->leader);
    LAUNCH(c, blocks, KIN_THREADS, 0, share_kernel, t->side[0], groups->leader);
}

extern const kin_score_kernels KIN_PASTE(kin_cuda_score, KIN_LOSS_ID);
const kin_score_kernels KIN_PASTE(kin_cuda_score, KIN_LOSS_ID) = {
    .variant = "cuda",
    .fields = FIELDS,
    .hypers = sizeof(hyper) / sizeof(real),
    .work = work,
    .rows = rows,
    .read = read_all,
    .unite = unite,
    .push = push_all,
    .open = open_all,
    .look = look_all,
    .add = add_all,
    .close = close_all,
    .slope = slope_all,
    .pull = kin_cuda_pull,
    .best = kin_cuda_best,
};
