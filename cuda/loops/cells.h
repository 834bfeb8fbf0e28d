/* Cells: what one score of a tile is to its row, and statistics of rows, over the functions of the
 * loss file that was included before. */
#ifndef KIN_CUDA_LOOPS_CELLS_H
#define KIN_CUDA_LOOPS_CELLS_H

#include "cuda/narrow.h"

constexpr int FIELDS = sizeof(row) / sizeof(real), WARP = 32;
enum { BY_MATCH, BY_KEY, BY_KIND };                    /* how a cell is known */
#define ALL_LANES 0xffffffffu

static inline int how_of(const kin_scores *t)
{
    return t->kind ? BY_KIND : t->side[0].label ? BY_KEY : BY_MATCH;
}

/* ---- statistics: a struct in the loss, in memory one array per field ------------------------ */

static __device__ inline row get(const real *stats, int64_t stride, int64_t i)
{
    real field[FIELDS];
#pragma unroll
    for (int f = 0; f < FIELDS; f++) field[f] = stats[f * stride + i];
    row r;
    memcpy(&r, field, sizeof r);
    return r;
}

static __device__ inline void put(real *stats, int64_t stride, int64_t i, row r)
{
    real field[FIELDS];
    memcpy(field, &r, sizeof r);
#pragma unroll
    for (int f = 0; f < FIELDS; f++) stats[f * stride + i] = field[f];
}

/* The row that lane `me ^ mask` holds. */
static __device__ inline row across(row r, int mask)
{
    real field[FIELDS];
    memcpy(field, &r, sizeof r);
#pragma unroll
    for (int f = 0; f < FIELDS; f++) field[f] = __shfl_xor_sync(ALL_LANES, field[f], mask);
    memcpy(&r, field, sizeof r);
    return r;
}

/* The parts of a warp's lanes merged. Lanes merge in different orders, so only lane 0's bits are
 * what the next call would give again: let lane 0 hand them on. */
static __device__ inline row merge_warp(row r, hyper h)
{
#pragma unroll
    for (int mask = WARP / 2; mask > 0; mask /= 2) r = merge(r, across(r, mask), h);
    return r;
}

/* The parts of a block's threads merged, for all of them. room: FIELDS numbers for each warp. */
static __device__ inline row merge_block(row r, hyper h, real *room)
{
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    r = merge_warp(r, h);
    __syncthreads();                                   /* room may still be read */
    if (lane == 0) put(room, warps, warp, r);
    __syncthreads();
    r = get(room, warps, 0);
    for (int w = 1; w < warps; w++) r = merge(r, get(room, warps, w), h);
    return r;
}

/* ---- cells ---------------------------------------------------------------------------------- */

typedef struct { int32_t match, label, text; } key;

static __device__ inline key key_of(const kin_score_side &side, int64_t i, int how)
{
    key k = { 0, 0, 0 };
    if (how == BY_KIND) return k;
    k.match = side.match ? side.match[i] : (int32_t)i;
    if (how == BY_KEY) k.label = side.label[i], k.text = side.text[i];
    return k;
}

/* The tile's row i with column j, whose score lies at `place`; keys: of the two. */
static __device__ inline cell cell_at(const kin_scores &t, int64_t i, int64_t j, int64_t place,
                                      key mine, key other, int how)
{
    const int64_t me = t.row + i, it = t.column + j;
    cell c = {};
    c.s = t.score[place];
    c.y = t.target ? t.target[place] : 0;
    c.held = t.target ? t.target[place] : c.s;
    c.extra = t.start ? j >= t.extra
                      : it >= t.extra && (it - t.extra - me) % t.side[0].count == 0;
    if (how == BY_KIND) {
        const int kind = t.kind[place];
        c.pos = kind > 0, c.any = kind != 0;
    } else {
        const int apart = !(t.self && me == it);
        c.pos = mine.match == other.match && apart;
        c.any = how == BY_MATCH || t.distinct
                    ? apart
                    : c.pos || (mine.label != other.label && mine.text != other.text && apart);
    }
    c.neg = c.any ^ c.pos;
    return c;
}

/* A tile is quick when a cell is known by its place alone (nothing is ignored, nothing was added)
 * and four scores of a row fit one load. */
static inline bool is_quick(const kin_scores *t)
{
    const uintptr_t places = (uintptr_t)t->score | (uintptr_t)t->slopes.high * 2 |
                             (uintptr_t)t->slopes.low * 2;
    return how_of(t) == BY_MATCH && !t->start && !t->self && !t->target && !t->triangle &&
           t->extra >= t->side[1].count && t->columns % 4 == 0 && places % sizeof(float4) == 0;
}

static __device__ inline cell quick_cell(real s, bool pos)
{
    cell c = {};
    c.s = c.held = s;
    c.pos = pos, c.neg = !pos, c.any = 1;
    return c;
}

/* Four scores of a row; its positive is `mine` behind the first. */
static __device__ inline void quick_cells(float4 x, int64_t mine, cell (&c)[4])
{
    c[0] = quick_cell(x.x, mine == 0), c[1] = quick_cell(x.y, mine == 1);
    c[2] = quick_cell(x.z, mine == 2), c[3] = quick_cell(x.w, mine == 3);
}

static __device__ inline uint64_t four_halves(const uint32_t (&x)[4])
{
    return (uint64_t)(x[0] >> 16 | x[1]) | (uint64_t)(x[2] >> 16 | x[3]) << 32;
}

static __device__ inline void put_four(const kin_scores &t, int64_t place, const real (&x)[4])
{
    if (!t.slopes.high) {
        *(float4 *)(t.score + place) = float4{ x[0], x[1], x[2], x[3] };
        return;
    }
    uint32_t high[4], low[4];
#pragma unroll
    for (int v = 0; v < 4; v++) high[v] = kin_upper_half(x[v]);
    *(uint64_t *)(t.slopes.high + place) = four_halves(high);
    if (!t.slopes.low) return;
#pragma unroll
    for (int v = 0; v < 4; v++) low[v] = kin_upper_half(x[v] - __uint_as_float(high[v]));
    *(uint64_t *)(t.slopes.low + place) = four_halves(low);
}

/* Where a score's slope goes. */
static __device__ inline void put_slope(const kin_scores &t, int64_t place, real x)
{
    if (!t.slopes.high) {
        t.score[place] = x;
        return;
    }
    const uint32_t high = kin_upper_half(x);
    t.slopes.high[place] = (uint16_t)(high >> 16);
    if (!t.slopes.low) return;
    t.slopes.low[place] = (uint16_t)(kin_upper_half(x - __uint_as_float(high)) >> 16);
}

/* The row's value, unless it lacks what the loss needs. */
static __device__ inline row finish(const kin_scores &t, int side, int64_t i, row r, hyper h)
{
    const kin_score_side &s = t.side[side];
    const count n = { s.positives[i], s.negatives[i], (real)s.count, t.paired };
    const bool valid = s.weight[i] > 0;
    const real value = valid ? close(&r, n, h) : 0;
    const bool in = valid && (t.reduce != KIN_MEAN_NONZERO || value > 0);
    s.value[i] = s.weight[i] * value;
    s.counted[i] = in ? s.weight[i] : 0;
    return r;
}

#endif
