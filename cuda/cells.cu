/* Cells: scores of single pairs of rows, and their gradients. */
#include "cuda/reduce.h"

constexpr int AT_ONCE = 4;             /* rows that a warp waits for together */

/* A warp to each cell. */
template <int N>
static __global__ void cell_dots(int64_t cells, const int32_t *row, const int32_t *col,
                                 int64_t cols, const float *a, const float *b, float *y)
{
    for (EACH_ROW(c, cells)) {
        const pack<N> *left = packs<N>(a + row[c] * cols), *right = packs<N>(b + col[c] * cols);
        float total = 0;
        for (EACH_PACK(j, cols / N)) {
            const pack<N> u = left[j], v = right[j];
            for (int k = 0; k < N; k++) total += u.at[k] * v.at[k];
        }
        total = warp_sum(total);
        if (threadIdx.x == 0) y[c] = total;
    }
}

void kin_cuda_cell_dots(kin_backend *backend, int64_t cells, const int32_t *row,
                        const int32_t *col, int64_t cols, const real *a, const real *b, real *y)
{
    const bool fours = cols % 4 == 0 && fours_fit(a, b);
    LAUNCH(cuda_of(backend), warp_grid(cells), warp_block(), 0,
           fours ? cell_dots<4> : cell_dots<1>, cells, row, col, cols, a, b, y);
}

/* Adds to sum, which is number j of a row, what the cells give that the warp's lanes hold: lane by
 * lane a slope and where its row of b begins. The rows of some cells are loaded together, as each
 * takes long to come; cells whose slope is 0 are not among them. */
template <int N>
static __device__ inline void add_cells(float slope, int64_t from, const float *b, bool inside,
                                        int64_t j, pack<N> *sum)
{
    const unsigned all = 0xffffffffu;
    unsigned left = __ballot_sync(all, slope != 0);
    while (left) {
        float weight[AT_ONCE];
        pack<N> value[AT_ONCE];
        for (int q = 0; q < AT_ONCE; q++, left &= left - 1) {
            const int lane = left ? __ffs((int)left) - 1 : 0;
            const int64_t at = __shfl_sync(all, from, lane);
            weight[q] = __shfl_sync(all, slope, lane);
            value[q] = pack<N>{};
            if (!left) weight[q] = 0;
            else if (inside) value[q] = packs<N>(b + at)[j];
        }
        for (int q = 0; q < AT_ONCE; q++)
            for (int k = 0; k < N; k++) sum->at[k] += weight[q] * value[q].at[k];
    }
}

/* Row r's packs `first` .. first + 31, a lane to each. The lanes share the reading of its cells. */
template <int N>
static __device__ inline void sum_row(int64_t r, int64_t first, const int64_t *start,
                                      const int32_t *cell, const float *slope,
                                      const int32_t *other, int64_t cols, const float *b, float *x)
{
    const int64_t j = first + threadIdx.x, end = start[r + 1];
    const bool inside = j < cols / N;
    pack<N> *to = packs<N>(x + r * cols) + j, sum = {};
    if (inside) sum = *to;
    for (int64_t group = start[r]; group < end; group += KIN_WARP) {
        const int64_t n = group + threadIdx.x;
        const int32_t c = n < end ? cell[n] : 0;
        const float s = n < end ? slope[c] : 0;
        add_cells<N>(s, s != 0 ? other[c] * cols : 0, b, inside, j, &sum);
    }
    if (inside) *to = sum;
}

template <int N>
static __global__ void cell_sums(int64_t rows, const int64_t *start, const int32_t *cell,
                                 const float *slope, const int32_t *other, int64_t cols,
                                 const float *b, float *x)
{
    const int64_t step = (int64_t)gridDim.y * KIN_WARP;
    for (EACH_ROW(r, rows))
        for (int64_t first = (int64_t)blockIdx.y * KIN_WARP; first < cols / N; first += step)
            sum_row<N>(r, first, start, cell, slope, other, cols, b, x);
}

void kin_cuda_cell_sums(kin_backend *backend, int64_t rows, const int64_t *start,
                        const int32_t *cell, const real *slope, const int32_t *other, int64_t cols,
                        const real *b, real *x)
{
    const bool fours = cols % 4 == 0 && fours_fit(b, x);
    LAUNCH(cuda_of(backend), row_grid(rows, fours ? cols / 4 : cols, warp_block()), warp_block(),
           0, fours ? cell_sums<4> : cell_sums<1>, rows, start, cell, slope, other, cols, b, x);
}
