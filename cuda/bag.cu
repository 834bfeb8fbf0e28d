/* Bags of table rows: forward gathers them; backward sorts the (token, bag) pairs by token, so that
 * each row's gradient is summed in one place, in the order of the bags, and either written once or
 * used at once to move the row. A warp takes 32 packs of a row, which is its strip. */
#include "cuda/adam.h"
#include "cuda/reduce.h"
#include "cuda/sort.h"

/* Rows with more than PART tokens are cut where the sorted pairs are at multiples of it. */
enum { WARPS = KIN_THREADS / KIN_WARP, PART = 256, ROUNDS = 8, TILE = KIN_THREADS * ROUNDS };
constexpr unsigned MOVE_BLOCKS = 4096;             /* several times as many as run at once */

static int64_t parts(int64_t n, int64_t size) { return (n + size - 1) / size; }
static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

/* ---- gathering ------------------------------------------------------------------------------- */

/* A row that is added up, and how often. */
typedef struct {
    int32_t row;
    float factor;
} term;

/* Adds the K terms that lanes i .. of the warp hold. All loads are on their way before the first
 * is waited for, which they would not be if one depended on a condition. */
template <int K, int N>
static __device__ void add_terms(const term &mine, int i, const pack<N> *from, int64_t stride,
                                 pack<N> *sum)
{
    pack<N> x[K];
    for (int k = 0; k < K; k++) {
        const int64_t row = __shfl_sync(0xffffffffu, mine.row, i + k);
        x[k] = from[row * stride];
    }
    for (int k = 0; k < K; k++) {
        const float factor = __shfl_sync(0xffffffffu, mine.factor, i + k);
        for (int e = 0; e < N; e++) sum->at[e] = fmaf(factor, x[k].at[e], sum->at[e]);
    }
}

/* The sum of terms begin .. end-1 for this lane's pack of the rows, of which the first is at
 * `from`, the next `stride` packs further. term_at(i) is called by one lane for each i. All lanes
 * of the warp call it with the same terms. */
template <int N, class F>
static __device__ pack<N> gather(int64_t begin, int64_t end, const pack<N> *from, int64_t stride,
                                 F term_at)
{
    const int lane = threadIdx.x % KIN_WARP;
    pack<N> sum = {};
    for (int64_t at = begin; at < end; at += KIN_WARP) {
        const int now = end - at < KIN_WARP ? (int)(end - at) : (int)KIN_WARP;
        const term mine = lane < now ? term_at(at + lane) : term{ 0, 0 };
        int i = 0;
        for (; i + 8 <= now; i += 8) add_terms<8>(mine, i, from, stride, &sum);
        if (now & 4) add_terms<4>(mine, i, from, stride, &sum);
        if (now & 2) add_terms<2>(mine, i + (now & 4), from, stride, &sum);
        if (now & 1) add_terms<1>(mine, now - 1, from, stride, &sum);
    }
    return sum;
}

/* Which strip of which row this warp works on, and where in it this lane is. Lanes outside the row
 * read its first pack and write nothing. */
typedef struct {
    int64_t row, column;                   /* in packs */
    bool inside;
} place;

static __device__ inline int64_t first_item(void)
{
    return (int64_t)blockIdx.x * WARPS + threadIdx.x / KIN_WARP;
}

static __device__ place place_at(int64_t item, int64_t width)
{
    const int64_t strips = (width + KIN_WARP - 1) / KIN_WARP;
    const int64_t column = item % strips * KIN_WARP + threadIdx.x % KIN_WARP;
    return place{ item / strips, column < width ? column : 0, column < width };
}

static __device__ place place_of(int64_t width) { return place_at(first_item(), width); }

static unsigned grid_for(int64_t rows, int64_t width)
{
    return (unsigned)parts(rows * parts(width, KIN_WARP), WARPS);
}

/* ---- forward --------------------------------------------------------------------------------- */

template <int N>
static __global__ void forward(kin_bags bags, int64_t width, const float *table,
                               const float *weight, float *y)
{
    const place here = place_of(width);
    if (here.row >= bags.rows) return;
    const int64_t begin = bags.start[here.row], end = bags.start[here.row + 1];
    pack<N> sum = gather(begin, end, packs<N>(table) + here.column, width,
                         [=](int64_t i) {
        const int32_t id = bags.ids[i];
        return term{ id, weight ? weight[id] : 1 };
    });
    const float share = end - begin > 1 ? 1 / (float)(end - begin) : 1;
    for (int e = 0; e < N; e++) sum.at[e] *= share;
    if (here.inside) packs<N>(y)[here.row * width + here.column] = sum;
}

void kin_cuda_bag(kin_backend *backend, const kin_bags *bags, int64_t cols, const real *table,
                  const real *weight, real *y)
{
    const bool fours = cols % 4 == 0 && fours_fit(table, y);
    const int64_t width = fours ? cols / 4 : cols;
    if (bags->rows < 1 || cols < 1) return;
    LAUNCH(cuda_of(backend), grid_for(bags->rows, width), KIN_THREADS, 0,
           fours ? forward<4> : forward<1>, *bags, width, table, weight, y);
}

/* ---- backward: which rows, and where their tokens are ---------------------------------------- */

/* What bag_rows leaves in the work space of a kin_sparse: tokens sorted by id, then by place. */
typedef struct {
    int64_t *count;                /* of distinct rows */
    int64_t *begin;                /* first token of each, and the end */
    int32_t *bag;                  /* of each token */
    float *share;                  /* 1 / count of that bag */
} places;

static places lay_out(void *work, int64_t tokens)
{
    const size_t t = (size_t)tokens;
    char *at = (char *)work;
    places p = { (int64_t *)at, (int64_t *)(at + rounded(sizeof(int64_t))), NULL, NULL };
    at += rounded(sizeof(int64_t));
    p.bag = (int32_t *)(at += rounded((t + 1) * sizeof(int64_t)));
    p.share = (float *)(at + rounded(t * sizeof(int32_t)));
    return p;
}

size_t kin_cuda_bag_work(kin_backend *backend, int64_t tokens, int64_t table_rows)
{
    const size_t t = (size_t)tokens;
    (void)backend, (void)table_rows;
    return rounded(sizeof(int64_t)) + rounded((t + 1) * sizeof(int64_t))
           + rounded(t * sizeof(int32_t)) + rounded(t * sizeof(float));
}

/* The bag of token i is the last that starts at or before it. */
static __global__ void list_pairs(kin_bags bags, kin_pair *pairs)
{
    for (EACH_INDEX(i, bags.tokens)) {
        int64_t low = 0, high = bags.rows;           /* start[low] <= i < start[high] */
        while (high - low > 1) {
            const int64_t middle = (low + high) / 2;
            if (bags.start[middle] <= i) low = middle;
            else high = middle;
        }
        pairs[i] = kin_pair{ bags.ids[i], (int32_t)low };
    }
}

static __device__ bool begins(const kin_pair *pairs, int64_t i)
{
    return i == 0 || pairs[i].id != pairs[i - 1].id;
}

static __global__ void count_rows(int64_t n, const kin_pair *pairs, int64_t *rows)
{
    int64_t count = 0;
    for (int r = 0; r < ROUNDS; r++) {
        const int64_t i = (int64_t)blockIdx.x * TILE + r * KIN_THREADS + threadIdx.x;
        count += i < n && begins(pairs, i);
    }
    count = block_sum(count);
    if (threadIdx.x == 0) rows[blockIdx.x] = count;
}

static __global__ void list_rows(int64_t n, const kin_pair *pairs, const int64_t *start,
                                 const int64_t *before, int32_t *id, places to)
{
    __shared__ int64_t part[KIN_WARP];
    int64_t row = before[blockIdx.x], found;
    for (int r = 0; r < ROUNDS; r++) {
        const int64_t i = (int64_t)blockIdx.x * TILE + r * KIN_THREADS + threadIdx.x;
        const bool first = i < n && begins(pairs, i);
        const int64_t mine = row + kin_block_before(first, part, &found);
        if (first) {
            id[mine] = pairs[i].id;
            to.begin[mine] = i;
        }
        if (i < n) {
            const int32_t bag = pairs[i].bag;
            to.bag[i] = bag;
            to.share[i] = 1 / (float)(start[bag + 1] - start[bag]);
        }
        row += found;
    }
    if (blockIdx.x + 1 < gridDim.x || threadIdx.x > 0) return;
    to.begin[row] = n;
    *to.count = row;
}

void kin_cuda_bag_rows(kin_backend *backend, int64_t table_rows, kin_sparse *g)
{
    kin_cuda *c = cuda_of(backend);
    const int64_t n = g->bags.tokens, tiles = parts(n, TILE);
    const size_t list = rounded((size_t)n * sizeof(kin_pair));
    const size_t numbers = (size_t)(kin_cuda_sort_work(n) + tiles);
    g->count = 0;
    char *room = n > 0 ? (char *)kin_cuda_room(c, 2 * list + numbers * sizeof(int64_t)) : NULL;
    if (!room) return;
    kin_pair *pairs = (kin_pair *)room, *other = (kin_pair *)(room + list);
    int64_t *work = (int64_t *)(room + 2 * list), *rows = work + kin_cuda_sort_work(n);
    LAUNCH(c, kin_cuda_blocks(n), KIN_THREADS, 0, list_pairs, g->bags, pairs);
    pairs = kin_cuda_sort(c, n, table_rows, pairs, other, work);
    LAUNCH(c, (unsigned)tiles, KIN_THREADS, 0, count_rows, n, pairs, rows);
    kin_cuda_scan(c, 1, tiles, rows, NULL);
    LAUNCH(c, (unsigned)tiles, KIN_THREADS, 0, list_rows, n, pairs, g->bags.start, rows, g->id,
           lay_out(g->work, n));
    g->count = n < table_rows ? n : table_rows;
}

/* ---- backward: sums -------------------------------------------------------------------------- */

/* What both ways to use a row's sum need. */
typedef struct {
    places at;
    int64_t tokens, width;                 /* packs of a row */
    const float *dy;
    float *part;                           /* sums of the parts of long rows */
    const int32_t *id;
    const float *weight;                   /* or NULL */
} sums;

static __device__ int64_t row_of(const sums &s, int64_t token)
{
    int64_t low = 0, high = *s.at.count;             /* begin[low] <= token < begin[high] */
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (s.at.begin[middle] <= token) low = middle;
        else high = middle;
    }
    return low;
}

template <int N>
static __device__ pack<N> sum_tokens(const sums &s, const place &here, int64_t begin, int64_t end)
{
    return gather(begin, end, packs<N>(s.dy) + here.column, s.width, [&](int64_t i) {
        return term{ s.at.bag[i], s.at.share[i] };
    });
}

/* PART tokens after a multiple of PART can belong to two long rows: one that began before them,
 * whose part is number 2 i, and one that begins among them and goes on, number 2 i + 1. */
template <int N> static __global__ void sum_parts(sums s)
{
    const place here = place_of(s.width);
    const int64_t first = here.row / 2 * PART;
    if (first >= s.tokens) return;
    const int64_t last = first + PART < s.tokens ? first + PART : s.tokens;
    const bool begins = here.row % 2;
    const int64_t row = row_of(s, begins ? last - 1 : first);
    const int64_t begin = s.at.begin[row], end = s.at.begin[row + 1];
    if (end - begin <= PART || begins != (begin >= first)) return;
    const pack<N> sum = sum_tokens<N>(s, here, begins ? begin : first, end < last ? end : last);
    if (here.inside) packs<N>(s.part)[here.row * s.width + here.column] = sum;
}

template <int N> static __device__ pack<N> sum_row(const sums &s, const place &here)
{
    const int64_t begin = s.at.begin[here.row], end = s.at.begin[here.row + 1];
    pack<N> sum;
    if (end - begin <= PART) {
        sum = sum_tokens<N>(s, here, begin, end);
    } else {
        const int64_t first = begin / PART, last = (end - 1) / PART;
        sum = gather(first, last + 1, packs<N>(s.part) + here.column, s.width,
                     [=](int64_t i) { return term{ (int32_t)(2 * i + (i == first)), 1 }; });
    }
    const float weight = s.weight ? s.weight[s.id[here.row]] : 1;
    for (int e = 0; e < N; e++) sum.at[e] *= weight;
    return sum;
}

/* Room for the sums of the parts of long rows, if there can be any. */
static int64_t parts_of(const kin_sparse *g)
{
    return g->bags.tokens > PART ? 2 * parts(g->bags.tokens, PART) : 0;
}

static size_t part_bytes(const kin_sparse *g, int64_t cols)
{
    return rounded((size_t)(parts_of(g) * cols) * sizeof(float));
}

static sums prepare(kin_cuda *c, const kin_sparse *g, int64_t cols, bool fours, void *room)
{
    const sums s = { lay_out(g->work, g->bags.tokens), g->bags.tokens, fours ? cols / 4 : cols,
                     g->dy, (float *)room, g->id, g->weight };
    LAUNCH(c, grid_for(parts_of(g), s.width), KIN_THREADS, 0, fours ? sum_parts<4> : sum_parts<1>,
           s);
    return s;
}

/* ---- backward: sums that are kept ------------------------------------------------------------ */

template <int N> static __global__ void keep_rows(sums s, float *value)
{
    const place here = place_of(s.width);
    if (here.row >= *s.at.count) return;
    const pack<N> sum = sum_row<N>(s, here);
    if (here.inside) packs<N>(value)[here.row * s.width + here.column] = sum;
}

/* A warp a row. The weights wait until here, because their own slope is that of the bare sum. */
static __global__ void weigh_rows(int64_t rows, int64_t cols, const int32_t *id,
                                  const float *table, const float *weight, float *value,
                                  float *dweight)
{
    const place here = place_of(1);
    if (here.row >= rows) return;
    const int lane = threadIdx.x % KIN_WARP;
    const float *of = table + id[here.row] * cols, scale = weight ? weight[id[here.row]] : 1;
    float *to = value + here.row * cols;
    double dot = 0;
    for (int64_t j = lane; j < cols; j += KIN_WARP) {
        dot += (double)to[j] * of[j];
        to[j] *= scale;
    }
    dot = warp_sum(dot);
    if (lane == 0) dweight[id[here.row]] += (float)dot;
}

void kin_cuda_bag_sum(kin_backend *backend, int64_t cols, const real *table, kin_sparse *g,
                      real *dweight)
{
    kin_cuda *c = cuda_of(backend);
    const bool fours = cols % 4 == 0 && fours_fit(g->dy, g->value);
    const size_t bytes = part_bytes(g, cols);
    if (g->count < 1) return;
    backend->download(backend, &g->count, lay_out(g->work, g->bags.tokens).count,
                      sizeof g->count);
    if (g->count < 1 || cols < 1) return;
    void *room = bytes > 0 ? kin_cuda_room(c, bytes) : NULL;
    if (bytes > 0 && !room) return;
    sums s = prepare(c, g, cols, fours, room);
    if (dweight) s.weight = NULL;
    LAUNCH(c, grid_for(g->count, s.width), KIN_THREADS, 0, fours ? keep_rows<4> : keep_rows<1>, s,
           g->value);
    if (dweight)
        LAUNCH(c, grid_for(g->count, 1), KIN_THREADS, 0, weigh_rows, g->count, cols, g->id, table,
               g->weight, g->value, dweight);
}

/* ---- backward: sums that move their row at once ---------------------------------------------- */

/* The host does not know how many rows there are: the warps share them. */
template <int N>
static __global__ void move_rows(sums s, kin_factors f, float *p, float *m, float *v,
                                 double *squares)
{
    double square = 0;
    for (int64_t item = first_item();; item += (int64_t)gridDim.x * WARPS) {
        const place here = place_at(item, s.width);
        if (here.row >= *s.at.count) break;
        const pack<N> sum = sum_row<N>(s, here);
        const int64_t i = s.id[here.row] * s.width + here.column;
        if (here.inside) {
            pack<N> pi = packs<N>(p)[i], vi = packs<N>(v)[i], mi = {};
            if (m) mi = packs<N>(m)[i];
            for (int e = 0; e < N; e++) {
                square += (double)sum.at[e] * sum.at[e];
                kin_adam_move(f, sum.at[e], &pi.at[e], &mi.at[e], &vi.at[e]);
            }
            packs<N>(p)[i] = pi;
            packs<N>(v)[i] = vi;
            if (m) packs<N>(m)[i] = mi;
        }
    }
    square = block_sum(square);
    if (threadIdx.x == 0) squares[blockIdx.x] = square;
}

void kin_cuda_bag_adam(kin_backend *backend, const kin_sparse *g, int64_t cols, const kin_adam *a,
                       real *p, real *m, real *v, double *squares)
{
    kin_cuda *c = cuda_of(backend);
    const bool fours = cols % 4 == 0 && fours_fit(g->dy, p, m, v);
    const unsigned most = grid_for(g->count, fours ? cols / 4 : cols);
    const unsigned blocks = most < MOVE_BLOCKS ? most : MOVE_BLOCKS;
    const size_t bytes = part_bytes(g, cols);
    backend->zero(backend, squares, sizeof *squares);
    if (g->count < 1 || cols < 1) return;
    char *room = (char *)kin_cuda_room(c, bytes + blocks * sizeof(double));
    if (!room) return;
    double *part = (double *)(room + bytes);
    const sums s = prepare(c, g, cols, fours, room);
    LAUNCH(c, blocks, KIN_THREADS, 0, fours ? move_rows<4> : move_rows<1>, s, kin_factors_of(a), p,
           m, v, part);
    kin_cuda_add_up(c, blocks, part, squares);
}
