/* Kernels that go over vectors and rows once. They are bound by memory, so each thread moves 16
 * bytes at a time where the addresses allow it, and many blocks keep many loads on their way. */
#include "cuda/adam.h"
#include "cuda/reduce.h"

extern "C" {
#include "core/rng.h"
}

/* ---- vectors -------------------------------------------------------------------------------- */

static __global__ void add(int64_t n, bool fours, float a, const float *x, float *y)
{
    each_number(n, fours, [=](float yi, float xi) { return yi + a * xi; }, y, y, x);
}

void kin_cuda_add(kin_backend *backend, int64_t n, real a, const real *x, real *y)
{
    const bool fours = fours_fit(x, y);
    LAUNCH(cuda_of(backend), vector_grid(n, fours), KIN_THREADS, 0, add, n, fours, a, x, y);
}

static __global__ void scale(int64_t n, bool fours, float a, float *y)
{
    each_number(n, fours, [=](float yi) { return a * yi; }, y, y);
}

void kin_cuda_scale(kin_backend *backend, int64_t n, real a, real *y)
{
    const bool fours = fours_fit(y);
    LAUNCH(cuda_of(backend), vector_grid(n, fours), KIN_THREADS, 0, scale, n, fours, a, y);
}

static __global__ void fill(int64_t n, bool fours, float value, float *y)
{
    each_number(n, fours, [=](float) { return value; }, y, y);      /* y is not loaded: unused */
}

void kin_cuda_fill(kin_backend *backend, int64_t n, real value, real *y)
{
    const bool fours = fours_fit(y);
    LAUNCH(cuda_of(backend), vector_grid(n, fours), KIN_THREADS, 0, fill, n, fours, value, y);
}

static __global__ void multiply(int64_t n, bool fours, const float *a, const float *b, float *y)
{
    each_number(n, fours, [](float yi, float ai, float bi) { return yi + ai * bi; }, y, y, a, b);
}

void kin_cuda_multiply(kin_backend *backend, int64_t n, const real *a, const real *b, real *y)
{
    const bool fours = fours_fit(a, b, y);
    LAUNCH(cuda_of(backend), vector_grid(n, fours), KIN_THREADS, 0, multiply, n, fours, a, b, y);
}

/* ---- dropout -------------------------------------------------------------------------------- */

/* Numbers that share a group of Philox blocks, and how far apart those of one block lie, as
 * cpu/loops.h says: number i takes word i % 256 / 64 of the block i / 256 * 64 + i % 64. */
constexpr int DRAWS = 256, DRAW_STEP = DRAWS / 4;

/* The function of core/rng.c. */
static __device__ inline void philox(uint32_t word[4], uint64_t seed)
{
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t p = (uint64_t)word[0] * 0xD2511F53u, q = (uint64_t)word[2] * 0xCD9E8D57u;
        word[0] = (uint32_t)(q >> 32) ^ word[1] ^ k0;
        word[1] = (uint32_t)q;
        word[2] = (uint32_t)(p >> 32) ^ word[3] ^ k1;
        word[3] = (uint32_t)p;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

/* Thread by thread a block of four words. Numbers before `first` or from n on belong to others. */
static __global__ void dropout(int64_t first, int64_t n, int64_t blocks, uint32_t least,
                               float factor, uint64_t seed, uint32_t step, bool more,
                               const float *x, float *y)
{
    for (EACH_INDEX(b, blocks)) {
        const int64_t block = first / DRAWS * DRAW_STEP + b;
        const int64_t at = block / DRAW_STEP * DRAWS + block % DRAW_STEP - first;
        uint32_t word[4] = { (uint32_t)block, (uint32_t)((uint64_t)block >> 32),
                             KIN_STREAM_DROPOUT, step };
        float from[4], old[4];
        for (int k = 0; k < 4; k++) {
            const int64_t i = at + k * DRAW_STEP;
            const bool ours = i >= 0 && i < n;
            from[k] = ours ? x[i] : 0;
            old[k] = ours && more ? y[i] : 0;
        }
        philox(word, seed);
        for (int k = 0; k < 4; k++) {
            const int64_t i = at + k * DRAW_STEP;
            const float kept = word[k] >= least ? from[k] * factor : 0;
            if (i >= 0 && i < n) y[i] = more ? old[k] + kept : kept;
        }
    }
}

void kin_cuda_dropout(kin_backend *backend, int64_t first, int64_t n, real rate, uint64_t seed,
                      uint32_t step, int add_to, const real *x, real *y)
{
    const int64_t groups = (first + n + DRAWS - 1) / DRAWS - first / DRAWS;
    const int64_t blocks = n > 0 ? groups * DRAW_STEP : 0;
    LAUNCH(cuda_of(backend), grid_of(blocks, KIN_THREADS, KIN_GRID_MOST), KIN_THREADS, 0, dropout,
           first, n, blocks, (uint32_t)((double)rate * 0x1p32), 1 / (1 - rate), seed, step,
           add_to != 0, x, y);
}

/* ---- rows ----------------------------------------------------------------------------------- */

template <int N>
static __global__ void add_row(int64_t rows, int64_t cols, const float *row, const float *x,
                               float *y)
{
    for (EACH_ROW(i, rows))
        for (EACH_PACK(j, cols / N))
            packs<N>(y + i * cols)[j] = of_each<N>([](float xj, float r) { return xj + r; },
                                                   packs<N>(x + i * cols)[j], packs<N>(row)[j]);
}

void kin_cuda_add_row(kin_backend *backend, int64_t rows, int64_t cols, const real *row,
                      const real *x, real *y)
{
    const bool fours = cols % 4 == 0 && fours_fit(row, x, y);
    const int64_t n = fours ? cols / 4 : cols;
    const dim3 block = row_block(n, KIN_THREADS);
    LAUNCH(cuda_of(backend), row_grid(rows, n, block), block, 0, fours ? add_row<4> : add_row<1>,
           rows, cols, row, x, y);
}

/* y_ij += a factor_i x_ij; factor NULL: all 1. */
template <int N>
static __global__ void add_rows(int64_t rows, int64_t cols, float a, const float *factor,
                                const float *x, int64_t ldx, float *y, int64_t ldy)
{
    for (EACH_ROW(i, rows)) {
        const float s = factor ? a * factor[i] : a;
        const pack<N> *from = packs<N>(x + i * ldx);
        pack<N> *to = packs<N>(y + i * ldy);
        for (EACH_PACK(j, cols / N))
            to[j] = of_each<N>([=](float yj, float xj) { return yj + s * xj; }, to[j], from[j]);
    }
}

static void add_to_rows(kin_backend *backend, int64_t rows, int64_t cols, float a,
                        const float *factor, const float *x, int64_t ldx, float *y, int64_t ldy)
{
    const bool fours = (cols | ldx | ldy) % 4 == 0 && fours_fit(x, y);
    const int64_t n = fours ? cols / 4 : cols;
    const dim3 block = row_block(n, KIN_THREADS);
    LAUNCH(cuda_of(backend), row_grid(rows, n, block), block, 0,
           fours ? add_rows<4> : add_rows<1>, rows, cols, a, factor, x, ldx, y, ldy);
}

void kin_cuda_scale_rows(kin_backend *backend, int64_t rows, int64_t cols, const real *factor,
                         const real *x, real *y)
{
    add_to_rows(backend, rows, cols, 1, factor, x, cols, y, cols);
}

void kin_cuda_add_block(kin_backend *backend, int64_t rows, int64_t cols, real a, const real *x,
                        int64_t ldx, real *y, int64_t ldy)
{
    add_to_rows(backend, rows, cols, a, NULL, x, ldx, y, ldy);
}

/* ---- sums over rows ------------------------------------------------------------------------- */

/* SLABS_MOST: blocks that share a matrix; STEPS: rows that a thread should have, or a slab is not
 * worth its second step. */
constexpr int SLABS_MOST = 1024, STEPS = 8, COLUMNS = 32;

/* The sum of column j of rows from .. to-1, for the threads of the block's first row: the others
 * help. */
template <class T>
static __device__ inline double column_sum(int64_t from, int64_t to, int64_t cols, int64_t j,
                                           const T *x)
{
    __shared__ double part[KIN_THREADS];
    const unsigned place = threadIdx.y * blockDim.x + threadIdx.x;
    const int64_t end = j < cols ? to : from;
    double total = 0;
    for (int64_t i = from + threadIdx.y; i < end; i += blockDim.y) total += (double)x[i * cols + j];
    part[place] = total;
    for (unsigned half = KIN_THREADS / 2; half >= blockDim.x; half /= 2) {
        __syncthreads();
        if (place < half) part[place] += part[place + half];
    }
    return part[place];
}

static __global__ void sum_slabs(int64_t rows, int64_t cols, int64_t height, const float *x,
                                 double *part)
{
    const int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x, slab = blockIdx.y;
    const int64_t from = slab * height, to = from + height < rows ? from + height : rows;
    const double total = column_sum(from, to, cols, j, x);
    if (threadIdx.y == 0 && j < cols) part[slab * cols + j] = total;
}

static __global__ void add_slabs(int64_t slabs, int64_t cols, const double *part, float *row)
{
    const int64_t j = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    const double total = column_sum(0, slabs, cols, j, part);
    if (threadIdx.y == 0 && j < cols) row[j] += (float)total;
}

void kin_cuda_sum_rows(kin_backend *backend, int64_t rows, int64_t cols, const real *x, real *row)
{
    kin_cuda *c = cuda_of(backend);
    if (rows < 1 || cols < 1) return;
    const dim3 block = row_block(cols, COLUMNS);
    const int64_t tiles = (cols + block.x - 1) / block.x, least = (int64_t)block.y * STEPS;
    const int64_t share = (rows * tiles + SLABS_MOST - 1) / SLABS_MOST;
    const int64_t height = share > least ? share : least, slabs = (rows + height - 1) / height;
    double *part = (double *)kin_cuda_room(c, (size_t)(slabs * cols) * sizeof *part);
    LAUNCH(c, dim3((unsigned)tiles, (unsigned)slabs), block, 0, sum_slabs, rows, cols, height, x,
           part);
    LAUNCH(c, (unsigned)tiles, block, 0, add_slabs, slabs, cols, part, row);
}

/* ---- row by row ----------------------------------------------------------------------------- */

/* a . b of a row, a warp's work. */
template <int N>
static __device__ inline double row_dot(int64_t cols, const float *a, const float *b)
{
    double total = 0;
    for (EACH_PACK(j, cols / N)) {
        const pack<N> aj = packs<N>(a)[j], bj = packs<N>(b)[j];
        for (int k = 0; k < N; k++) total += (double)aj.at[k] * (double)bj.at[k];
    }
    return warp_sum(total);
}

template <int N>
static __global__ void row_dots(int64_t rows, int64_t cols, const float *a, const float *b,
                                float *y)
{
    for (EACH_ROW(i, rows)) {
        const double dot = row_dot<N>(cols, a + i * cols, b + i * cols);
        if (threadIdx.x == 0) y[i] = (float)dot;
    }
}

void kin_cuda_row_dots(kin_backend *backend, int64_t rows, int64_t cols, const real *a,
                       const real *b, real *y)
{
    const bool fours = cols % 4 == 0 && fours_fit(a, b);
    LAUNCH(cuda_of(backend), warp_grid(rows), warp_block(), 0,
           fours ? row_dots<4> : row_dots<1>, rows, cols, a, b, y);
}

template <int N>
static __global__ void normalize(int64_t rows, int64_t cols, const float *x, float *y,
                                 float *inverse)
{
    for (EACH_ROW(i, rows)) {
        const pack<N> *from = packs<N>(x + i * cols);
        pack<N> *to = packs<N>(y + i * cols);
        const double squares = row_dot<N>(cols, x + i * cols, x + i * cols);
        /* NaN must not become a zero row, so the comparison is with what is too small. */
        const float factor = squares <= 1e-24 ? 0 : (float)(1 / sqrt(squares));
        for (EACH_PACK(j, cols / N))
            to[j] = of_each<N>([=](float xj) { return xj * factor; }, from[j]);
        if (threadIdx.x == 0) inverse[i] = factor;
    }
}

void kin_cuda_normalize(kin_backend *backend, int64_t rows, int64_t cols, const real *x, real *y,
                        real *inverse)
{
    const bool fours = cols % 4 == 0 && fours_fit(x, y);
    LAUNCH(cuda_of(backend), warp_grid(rows), warp_block(), 0,
           fours ? normalize<4> : normalize<1>, rows, cols, x, y, inverse);
}

/* In place is safe: a lane changes only what it reads itself, after the warp has its sum. */
template <int N>
static __global__ void normalize_back(int64_t rows, int64_t cols, const float *y,
                                      const float *inverse, const float *dy, float *dx)
{
    const bool replace = dx == dy;
    for (EACH_ROW(i, rows)) {
        const int64_t row = i * cols;
        const float along = (float)row_dot<N>(cols, dy + row, y + row), factor = inverse[i];
        const auto give = [=](float old, float dyj, float yj) {
            return (replace ? 0 : old) + factor * (dyj - along * yj);
        };
        for (EACH_PACK(j, cols / N))
            packs<N>(dx + row)[j] = of_each<N>(give, packs<N>(dx + row)[j], packs<N>(dy + row)[j],
                                               packs<N>(y + row)[j]);
    }
}

void kin_cuda_normalize_back(kin_backend *backend, int64_t rows, int64_t cols, const real *y,
                             const real *inverse, const real *dy, real *dx)
{
    const bool fours = cols % 4 == 0 && fours_fit(y, dy, dx);
    LAUNCH(cuda_of(backend), warp_grid(rows), warp_block(), 0,
           fours ? normalize_back<4> : normalize_back<1>, rows, cols, y, inverse, dy, dx);
}

/* ---- adam ----------------------------------------------------------------------------------- */

/* Pack i. Without m the mean is the gradient itself. */
template <int N>
static __device__ inline void move(const kin_factors &f, int64_t i, const float *g, float *p,
                                   float *m, float *v)
{
    pack<N> gi = packs<N>(g)[i], pi = packs<N>(p)[i], vi = packs<N>(v)[i], mi = {};
    if (m) mi = packs<N>(m)[i];
    for (int k = 0; k < N; k++) kin_adam_move(f, gi.at[k], &pi.at[k], &mi.at[k], &vi.at[k]);
    packs<N>(p)[i] = pi;
    packs<N>(v)[i] = vi;
    if (m) packs<N>(m)[i] = mi;
}

constexpr int MOVES = 32;

/* Vectors that move together, a row of the grid to each. */
typedef struct {
    kin_factors by;
    int64_t n;
    bool fours;
    const float *g;
    float *p, *m, *v;
} vector_move;

typedef struct { vector_move of[MOVES]; } move_list;

static __global__ void adam(move_list list)
{
    const vector_move &o = list.of[blockIdx.y];
    const int64_t whole = o.fours ? o.n / 4 : 0;
    for (EACH_INDEX(i, whole)) move<4>(o.by, i, o.g, o.p, o.m, o.v);
    for (EACH_INDEX(i, o.n - 4 * whole)) move<1>(o.by, 4 * whole + i, o.g, o.p, o.m, o.v);
}

static void move_some(kin_cuda *c, int count, const kin_move *moves)
{
    move_list list = {};
    unsigned blocks = 0;
    for (int i = 0; i < count; i++) {
        const kin_move &o = moves[i];
        const bool fours = fours_fit(o.g, o.p, o.m, o.v);
        list.of[i] = vector_move{ kin_factors_of(&o.by), o.n, fours, o.g, o.p, o.m, o.v };
        if (vector_grid(o.n, fours) > blocks) blocks = vector_grid(o.n, fours);
    }
    LAUNCH(c, dim3(blocks, (unsigned)count), KIN_THREADS, 0, adam, list);
}

void kin_cuda_adam(kin_backend *backend, int count, const kin_move *moves)
{
    for (int i = 0; i < count; i += MOVES)
        move_some(cuda_of(backend), count - i < MOVES ? count - i : MOVES, moves + i);
}

template <int N>
static __global__ void adam_rows(int64_t rows, int64_t cols, const int32_t *id, kin_factors f,
                                 const float *value, float *p, float *m, float *v)
{
    for (EACH_ROW(i, rows)) {
        const int64_t row = id[i] * cols;
        for (EACH_PACK(j, cols / N))
            move<N>(f, j, value + i * cols, p + row, m ? m + row : NULL, v + row);
    }
}

void kin_cuda_adam_rows(kin_backend *backend, const kin_sparse *g, int64_t cols, const kin_adam *a,
                        real *p, real *m, real *v)
{
    const bool fours = cols % 4 == 0 && fours_fit(g->value, p, m, v);
    const int64_t n = fours ? cols / 4 : cols;
    const dim3 block = row_block(n, KIN_THREADS);
    LAUNCH(cuda_of(backend), row_grid(g->count, n, block), block, 0,
           fours ? adam_rows<4> : adam_rows<1>, g->count, cols, g->id, kin_factors_of(a), g->value,
           p, m, v);
}
