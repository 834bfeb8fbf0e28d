/* Both: rows and columns served by one tile, in both directions and in triangles. A block has 128
 * columns of up to 256 rows. */
#ifndef KIN_CUDA_LOOPS_BOTH_H
#define KIN_CUDA_LOOPS_BOTH_H

/* A lane has LANE columns to itself; a warp goes through some rows, GROUP at a time: HEIGHT_MOST,
 * or fewer where a tile would make less than BLOCKS blocks. */
constexpr int LANE = 4, WIDTH = LANE * WARP, WARPS = KIN_THREADS / WARP;
constexpr int GROUP = 4, HEIGHT_MOST = 32, BLOCKS = 264;
constexpr size_t ROOM = sizeof(real) * FIELDS * WARPS * WIDTH;

/* Quick: see is_quick. A loss that looks first is never, nor is a sweep that only looks. */
enum tile_kind { GENERAL, QUICK_LOOKS, QUICK_PLAIN };

typedef struct {
    int how;
    bool looks, looks_first, only_look;
    int height;
    real *row_parts, *column_parts;        /* blocks x fields x rows, blocks x fields x columns */
} both_job;

/* The columns of a triangle's tile on the diagonal that serve rows alone. */
static __host__ __device__ inline int64_t own_columns(const kin_scores &t)
{
    return t.triangle && t.column == t.row ? t.rows : 0;
}

/* One column of a lane, from which on it has LANE. */
typedef struct { int64_t j; bool in, own; key other; row part; } column;

static __device__ inline column column_at(const kin_scores &t, hyper h, const both_job &job, int v)
{
    column k = { (int64_t)blockIdx.x * WIDTH + LANE * (threadIdx.x % WARP) + v };
    k.in = k.j < t.columns;
    k.own = k.j < own_columns(t);
    k.part = open(t.top);
    if (!k.in) return k;
    k.other = key_of(t.side[1], t.column + k.j, job.how);
    if (job.looks_first && !job.only_look && !k.own)
        k.part = get(t.side[1].looked, t.side[1].count, t.column + k.j);
    return k;
}

/* Row i's cells in a lane's columns. */
template <bool QUICK>
static __device__ inline void lane_cells(const kin_scores &t, const both_job &job, int64_t i,
                                         const column (&k)[LANE], cell (&c)[LANE])
{
    const key mine = key_of(t.side[0], t.row + i, job.how);
    const int64_t first = i * t.columns;
    if constexpr (QUICK) {
        if (k[0].in)
            quick_cells(*(const float4 *)(t.score + first + k[0].j),
                        mine.match - t.column - k[0].j, c);
    } else {
#pragma unroll
        for (int v = 0; v < LANE; v++)
            if (k[v].in) c[v] = cell_at(t, i, k[v].j, first + k[v].j, mine, k[v].other, job.how);
    }
}

/* What a lane's columns give its part of row i, and row i its columns. */
template <tile_kind KIND>
static __device__ inline row add_row(const kin_scores &t, hyper h, const both_job &job, int64_t i,
                                     column (&k)[LANE])
{
    constexpr bool QUICK = KIND != GENERAL;
    const bool looks_ = KIND == GENERAL ? job.looks : KIND == QUICK_LOOKS;
    cell c[LANE];
    row r = open(t.top);
    if (QUICK && !k[0].in) return r;
    lane_cells<QUICK>(t, job, i, k, c);
    if (KIND == GENERAL && job.looks_first && !job.only_look)
        r = get(t.side[0].looked, t.side[0].count, t.row + i);
    if (looks_ && (KIND != GENERAL || job.only_look || !job.looks_first)) {
#pragma unroll
        for (int v = 0; v < LANE; v++)
            if (QUICK || k[v].in) r = look(r, c[v], h);
    }
    if (KIND == GENERAL && job.only_look) return r;
    const row peak = r;
#pragma unroll
    for (int v = 0; v < LANE; v++) {
        if (!QUICK && !k[v].in) continue;
        c[v].e = term(c[v], peak, h);
        r = add(r, c[v], h);
        if (!QUICK && k[v].own) continue;
        if (looks_) c[v].e = term(c[v], k[v].part, h);
        k[v].part = add(k[v].part, c[v], h);
    }
    return r;
}

/* A look for the columns alone, at the warp's rows. */
template <bool QUICK>
static __device__ inline void look_columns(const kin_scores &t, hyper h, const both_job &job,
                                           int64_t from, int64_t to, column (&k)[LANE])
{
    for (int64_t i = from; i < to; i++) {
        cell c[LANE];
        lane_cells<QUICK>(t, job, i, k, c);
#pragma unroll
        for (int v = 0; v < LANE; v++)
            if (k[v].in && !k[v].own) k[v].part = look(k[v].part, c[v], h);
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

/* The warps' parts of the block's columns, merged by a thread to a column. */
static __device__ inline void put_columns(const kin_scores &t, hyper h, const both_job &job,
                                          const column (&k)[LANE], real *room)
{
    const int me = (int)threadIdx.x;
    const int64_t j = (int64_t)blockIdx.x * WIDTH + me;
#pragma unroll
    for (int v = 0; v < LANE; v++)
        put(room, WARPS * WIDTH, me / WARP * WIDTH + v * WARP + me % WARP, k[v].part);
    __syncthreads();
    if (me >= WIDTH || j >= t.columns || j < own_columns(t)) return;
    const int at = me % LANE * WARP + me / LANE;
    row r = get(room, WARPS * WIDTH, at);
    for (int w = 1; w < WARPS; w++) r = merge(r, get(room, WARPS * WIDTH, w * WIDTH + at), h);
    put(job.column_parts + (int64_t)blockIdx.y * FIELDS * t.columns, t.columns, j, r);
}

template <tile_kind KIND>
static __global__ void __launch_bounds__(KIN_THREADS)
both_kernel(kin_scores t, hyper h, both_job job)
{
    extern __shared__ real dynamic_shared[];                   /* ROOM */
    const int warp = threadIdx.x / WARP;
    const int64_t from = ((int64_t)blockIdx.y * WARPS + warp) * job.height;
    const int64_t to = from + job.height < t.rows ? from + job.height : t.rows;
    column k[LANE];
#pragma unroll
    for (int v = 0; v < LANE; v++) k[v] = column_at(t, h, job, v);
    if (KIND != QUICK_PLAIN && job.looks && (job.only_look || !job.looks_first))
        look_columns<KIND != GENERAL>(t, h, job, from, to, k);
    for (int64_t i = from; i < to; i += GROUP) {
        row r[GROUP];
#pragma unroll
        for (int g = 0; g < GROUP; g++)
            r[g] = i + g < to ? add_row<KIND>(t, h, job, i + g, k) : open(t.top);
        put_group(t, job, i, merge_group(r, h));
    }
    put_columns(t, h, job, k, dynamic_shared);
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

/* The same where all of it is quick: four columns to a thread. */
template <bool LOOKS>
static __global__ void quick_slope_kernel(kin_scores t, hyper h)
{
    const int64_t j = 4 * ((int64_t)blockIdx.x * blockDim.x + threadIdx.x);
    const int64_t from = (int64_t)blockIdx.y * SLOPE_ROWS;
    const int64_t to = from + SLOPE_ROWS < t.rows ? from + SLOPE_ROWS : t.rows;
    row k[4];
    real push[4];
    if (j >= t.columns) return;
#pragma unroll
    for (int v = 0; v < 4; v++) {
        k[v] = get(t.side[1].stats, t.side[1].count, t.column + j + v);
        push[v] = t.scale[1] * t.side[1].weight[t.column + j + v];
    }
#pragma unroll 4
    for (int64_t i = from; i < to; i++) {
        const int64_t place = i * t.columns + j, at = t.row + i;
        const row r = get(t.side[0].stats, t.side[0].count, at);
        const real scale = t.scale[0] * t.side[0].weight[at];
        cell c[4];
        real x[4];
        quick_cells(*(const float4 *)(t.score + place), t.side[0].match[at] - t.column - j, c);
#pragma unroll
        for (int v = 0; v < 4; v++) {
            c[v].e = term(c[v], r, h);
            x[v] = scale * slope(c[v], r, h);
            if (LOOKS) c[v].e = term(c[v], k[v], h);
            x[v] += push[v] * slope(c[v], k[v], h);
        }
        put_four(t, place, x);
    }
}

#endif
