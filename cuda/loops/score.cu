/* The kernels over scores, compiled once for each loss (KIN_LOSS_ID). A tile's part of a row or of
 * a column is formed in one warp; parts are merged in a fixed order. */
#include "cuda/loops/loss.h"
#include "cuda/loops/cells.h"

/* ---- one direction: a block to a row -------------------------------------------------------- */

enum { AT_ONCE, READ_ONLY, PUSH_ONLY };

typedef struct { int how; bool looks; int parts; bool slopes; } row_job;

/* Row i's cells: n of them, their scores from `first` on. */
typedef struct { int64_t i, first, n; key mine; } line;

static __device__ inline line line_at(const kin_scores &t, int64_t i, int how)
{
    line l = { i, i * t.columns, t.columns, key_of(t.side[0], t.row + i, how) };
    if (t.start) l.first = t.start[i], l.n = t.start[i + 1] - l.first;
    return l;
}

static __device__ inline cell cell_of(const kin_scores &t, const line &l, int64_t j, int how)
{
    const key other = key_of(t.side[1], t.column + j, how);
    return cell_at(t, l.i, j, l.first + j, l.mine, other, how);
}

static __device__ inline row read_row(const kin_scores &t, const line &l, hyper h, row_job job,
                                      real *room)
{
    row r = open(t.top);
    if (job.looks) {
        for (int64_t j = threadIdx.x; j < l.n; j += blockDim.x)
            r = look(r, cell_of(t, l, j, job.how), h);
        r = merge_block(r, h, room);
    }
    const row peak = r;
    for (int64_t j = threadIdx.x; j < l.n; j += blockDim.x) {
        cell c = cell_of(t, l, j, job.how);
        c.e = term(c, peak, h);
        r = add(r, c, h);
    }
    return merge_block(r, h, room);
}

static __global__ void rows_kernel(kin_scores t, hyper h, row_job job)
{
    __shared__ real room[FIELDS * (KIN_THREADS / WARP)], closed[FIELDS];
    const kin_score_side &side = t.side[0];
    const int64_t at = t.row + blockIdx.x;
    const line l = line_at(t, blockIdx.x, job.how);
    row r;
    if (job.parts == PUSH_ONLY) {
        r = get(side.stats, side.count, at);
    } else {
        r = read_row(t, l, h, job, room);
        if (threadIdx.x == 0) {
            if (job.parts == READ_ONLY) put(side.stats, side.count, at, r);
            else put(closed, 1, 0, finish(t, 0, at, r, h));
        }
        if (job.parts == READ_ONLY || !job.slopes) return;
        __syncthreads();
        r = get(closed, 1, 0);
    }
    const real scale = t.scale[0] * side.weight[at];
    for (int64_t j = threadIdx.x; j < l.n; j += blockDim.x) {
        cell c = cell_of(t, l, j, job.how);
        c.e = term(c, r, h);
        put_slope(t, l.first + j, scale * slope(c, r, h));
    }
}

/* ---- both directions and triangles: a block to a square of 128 by 128 scores ---------------- */

/* A lane has LANE columns to itself; a warp goes through HEIGHT rows, GROUP at a time. */
constexpr int LANE = 4, WIDTH = LANE * WARP, WARPS = KIN_THREADS / WARP;
constexpr int HEIGHT = 16, GROUP = 4, BLOCK_ROWS = WARPS * HEIGHT;

typedef struct {
    int how;
    bool looks, looks_first, only_look;
    real *row_parts, *column_parts;        /* blocks x fields x rows, blocks x fields x columns */
} both_job;

/* The columns of a triangle's tile on the diagonal that serve rows alone. */
static __host__ __device__ inline int64_t own_columns(const kin_scores &t)
{
    return t.triangle && t.column == t.row ? t.rows : 0;
}

/* One column of a lane. */
typedef struct { int64_t j; bool in, own; key other; row part; } column;

static __device__ inline column column_at(const kin_scores &t, hyper h, const both_job &job, int v)
{
    column k = { (int64_t)blockIdx.x * WIDTH + v * WARP + threadIdx.x % WARP };
    k.in = k.j < t.columns;
    k.own = k.j < own_columns(t);
    k.part = open(t.top);
    if (!k.in) return k;
    k.other = key_of(t.side[1], t.column + k.j, job.how);
    if (job.looks_first && !job.only_look && !k.own)
        k.part = get(t.side[1].looked, t.side[1].count, t.column + k.j);
    return k;
}

static __device__ inline cell both_cell(const kin_scores &t, const both_job &job, int64_t i,
                                        const column &k, key mine)
{
    return cell_at(t, i, k.j, i * t.columns + k.j, mine, k.other, job.how);
}

/* What a lane's columns give its part of row i, and row i its columns. */
static __device__ inline row add_row(const kin_scores &t, hyper h, const both_job &job, int64_t i,
                                     column (&k)[LANE])
{
    const key mine = key_of(t.side[0], t.row + i, job.how);
    row r = open(t.top);
    if (job.looks_first && !job.only_look)
        r = get(t.side[0].looked, t.side[0].count, t.row + i);
    if (job.looks && (job.only_look || !job.looks_first)) {
#pragma unroll
        for (int v = 0; v < LANE; v++)
            if (k[v].in) r = look(r, both_cell(t, job, i, k[v], mine), h);
    }
    if (job.only_look) return r;
    const row peak = r;
#pragma unroll
    for (int v = 0; v < LANE; v++) {
        if (!k[v].in) continue;
        cell c = both_cell(t, job, i, k[v], mine);
        c.e = term(c, peak, h);
        r = add(r, c, h);
        if (k[v].own) continue;
        if (job.looks) c.e = term(c, k[v].part, h);
        k[v].part = add(k[v].part, c, h);
    }
    return r;
}

/* A look for the columns alone, at the warp's rows. */
static __device__ inline void look_columns(const kin_scores &t, hyper h, const both_job &job,
                                           int64_t from, int64_t to, column (&k)[LANE])
{
    for (int64_t i = from; i < to; i++) {
        const key mine = key_of(t.side[0], t.row + i, job.how);
#pragma unroll
        for (int v = 0; v < LANE; v++)
            if (k[v].in && !k[v].own)
                k[v].part = look(k[v].part, both_cell(t, job, i, k[v], mine), h);
    }
}

/* GROUP rows' parts merged over the lanes: each step halves what a lane holds, so that it takes six
 * merges in place of twenty. Lanes 0, 8, 16 and 24 end with rows 0 to 3. */
static __device__ inline row merge_group(row (&r)[GROUP], hyper h)
{
    const int lane = threadIdx.x % WARP;
    const bool upper = lane & 16, odd = lane & 8;
    row a = upper ? r[2] : r[0], b = upper ? r[3] : r[1];
    a = merge(a, across(upper ? r[0] : r[2], 16), h);
    b = merge(b, across(upper ? r[1] : r[3], 16), h);
    a = merge(odd ? b : a, across(odd ? a : b, 8), h);
#pragma unroll
    for (int mask = 4; mask > 0; mask /= 2) a = merge(a, across(a, mask), h);
    return a;
}

static __device__ inline void put_group(const kin_scores &t, const both_job &job, int64_t i,
                                        row merged)
{
    const int lane = threadIdx.x % WARP;
    real *const parts = job.row_parts + (int64_t)blockIdx.x * FIELDS * t.rows;
    const int64_t at = i + lane / 8;
    if (lane % 8 == 0 && at < t.rows) put(parts, t.rows, at, merged);
}

/* The warps' parts of the block's columns, merged by its first warp. */
static __device__ inline void put_columns(const kin_scores &t, hyper h, const both_job &job,
                                          const column (&k)[LANE], real *room)
{
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    real *const parts = job.column_parts + (int64_t)blockIdx.y * FIELDS * t.columns;
#pragma unroll
    for (int v = 0; v < LANE; v++) {
        __syncthreads();
        put(room, KIN_THREADS, threadIdx.x, k[v].part);
        __syncthreads();
        if (warp > 0 || !k[v].in || k[v].own) continue;
        row r = k[v].part;
        for (int w = 1; w < WARPS; w++) r = merge(r, get(room, KIN_THREADS, w * WARP + lane), h);
        put(parts, t.columns, k[v].j, r);
    }
}

static __global__ void __launch_bounds__(KIN_THREADS)
both_kernel(kin_scores t, hyper h, both_job job)
{
    __shared__ real room[FIELDS * KIN_THREADS];
    const int warp = threadIdx.x / WARP;
    const int64_t from = (int64_t)blockIdx.y * BLOCK_ROWS + warp * HEIGHT;
    const int64_t to = from + HEIGHT < t.rows ? from + HEIGHT : t.rows;
    column k[LANE];
#pragma unroll
    for (int v = 0; v < LANE; v++) k[v] = column_at(t, h, job, v);
    if (job.looks && (job.only_look || !job.looks_first)) look_columns(t, h, job, from, to, k);
    for (int64_t i = from; i < to; i += GROUP) {
        row r[GROUP];
#pragma unroll
        for (int g = 0; g < GROUP; g++)
            r[g] = i + g < to ? add_row(t, h, job, i + g, k) : open(t.top);
        put_group(t, job, i, merge_group(r, h));
    }
    put_columns(t, h, job, k, room);
}

/* Adds the tile's parts to the statistics of one side: of its rows, or of its columns but the first
 * `own`, which serve rows alone. */
static __global__ void merge_kernel(kin_score_side side, hyper h, const real *parts, int64_t blocks,
                                    int64_t first, int64_t count_, int64_t own)
{
    const int64_t i = own + (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count_) return;
    row r = get(side.stats, side.count, first + i);
    for (int64_t b = 0; b < blocks; b++)
        r = merge(r, get(parts + b * FIELDS * count_, count_, i), h);
    put(side.stats, side.count, first + i, r);
}

constexpr int SLOPE_ROWS = 32;

static __global__ void slope_kernel(kin_scores t, hyper h, int how, bool looks)
{
    const int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    const int64_t from = (int64_t)blockIdx.y * SLOPE_ROWS;
    const int64_t to = from + SLOPE_ROWS < t.rows ? from + SLOPE_ROWS : t.rows;
    if (j >= t.columns) return;
    const bool own = j < own_columns(t);
    const key other = key_of(t.side[1], t.column + j, how);
    const row k = get(t.side[1].stats, t.side[1].count, t.column + j);
    const real push = own ? 0 : t.scale[1] * t.side[1].weight[t.column + j];
    for (int64_t i = from; i < to; i++) {
        const int64_t place = i * t.columns + j;
        const row r = get(t.side[0].stats, t.side[0].count, t.row + i);
        cell c = cell_at(t, i, j, place, key_of(t.side[0], t.row + i, how), other, how);
        c.e = term(c, r, h);
        real x = t.scale[0] * t.side[0].weight[t.row + i] * slope(c, r, h);
        if (!own) {
            if (looks) c.e = term(c, k, h);
            x += push * slope(c, k, h);
        }
        put_slope(t, place, x);
    }
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

/* Row i joins leader[i] <= i. A thread to a leader, so that the order is that of the rows. */
static __global__ void unite_kernel(kin_scores t, hyper h, const int32_t *leader)
{
    const kin_score_side &s = t.side[0];
    for (EACH_INDEX(i, s.count)) {
        s.value[i] = s.counted[i] = 0;
        if (leader[i] != i) continue;
        row r = get(s.stats, s.count, i);
        for (int64_t j = i + 1; j < s.count; j++)
            if (leader[j] == i) r = merge(r, get(s.stats, s.count, j), h);
        put(s.stats, s.count, i, finish(t, 0, i, r, h));
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
    const row_job job = { how_of(t), looks(backend, t), parts, slopes };
    const int threads = t->start ? WARP : KIN_THREADS;          /* lists are short */
    LAUNCH(cuda_of(backend), (unsigned)t->rows, threads, 0, rows_kernel, *t, hyper_of(t), job);
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

static size_t work(kin_backend *backend, int64_t rows_, int64_t columns)
{
    (void)backend;
    return sizeof(real) * FIELDS * (size_t)(rows_ * parts_of(columns, WIDTH) +
                                            columns * parts_of(rows_, BLOCK_ROWS));
}

static void run_both(kin_backend *backend, const kin_scores *t, bool only_look)
{
    kin_cuda *c = cuda_of(backend);
    const hyper h = hyper_of(t);
    const int64_t across_ = parts_of(t->columns, WIDTH), down = parts_of(t->rows, BLOCK_ROWS);
    const int64_t own = own_columns(*t);
    real *const row_parts = (real *)t->work;
    real *const column_parts = row_parts + across_ * FIELDS * t->rows;
    const both_job job = { how_of(t), looks(backend, t), loss_of(backend)->looks_first, only_look,
                           row_parts, column_parts };
    LAUNCH(c, dim3((unsigned)across_, (unsigned)down), KIN_THREADS, 0, both_kernel, *t, h, job);
    LAUNCH(c, (unsigned)parts_of(t->rows, KIN_THREADS), KIN_THREADS, 0, merge_kernel, t->side[0], h,
           row_parts, across_, t->row, t->rows, 0);
    LAUNCH(c, (unsigned)parts_of(t->columns - own, KIN_THREADS), KIN_THREADS, 0, merge_kernel,
           t->side[1], h, column_parts, down, t->column, t->columns, own);
}

static void look_all(kin_backend *backend, const kin_scores *t) { run_both(backend, t, true); }
static void add_all(kin_backend *backend, const kin_scores *t) { run_both(backend, t, false); }

static void slope_all(kin_backend *backend, const kin_scores *t)
{
    const dim3 grid((unsigned)parts_of(t->columns, KIN_THREADS),
                    (unsigned)parts_of(t->rows, SLOPE_ROWS));
    LAUNCH(cuda_of(backend), grid, KIN_THREADS, 0, slope_kernel, *t, hyper_of(t), how_of(t),
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

static void unite(kin_backend *backend, const kin_scores *t, const int32_t *leader)
{
    kin_cuda *c = cuda_of(backend);
    const unsigned blocks = kin_cuda_blocks(t->side[0].count);
    LAUNCH(c, blocks, KIN_THREADS, 0, unite_kernel, *t, hyper_of(t), leader);
    LAUNCH(c, blocks, KIN_THREADS, 0, share_kernel, t->side[0], leader);
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
