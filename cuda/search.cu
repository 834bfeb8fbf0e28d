/* Exact search: panels of queries by tiles of documents become scores, of which a warp a query
 * keeps only those above the query's k-th best so far, in a list; when the list is full, the best k
 * stay. Documents come in rising order, so a later one that only equals the k-th best has lost the
 * tie already. Almost all scores are looked at once, in packs of four, and passed over. */
#include "cuda/launch.h"

/* A list has room for several times k, so that it fills up but a few times: each time the rest of
 * the documents has fewer that are good enough. Up to MOST_SHARED it is cut in shared memory. */
enum { PANEL = 4096, WARP = 32, PACKS = 8, ROUND = WARP * PACKS * 4, MOST_SHARED = 1024,
       LEAST_ROOM = 128, FINISH = 128, SORT = 1024 };
static const int64_t SCORES = 64 << 20, LISTS = 32 << 20;       /* of a tile, of all lists */
static const unsigned ALL = 0xffffffffu;

/* ---- hits ----------------------------------------------------------------------------------- */

/* A score and its document as one whole number: larger is better, and of equal scores the one of
 * the earlier document is larger. 0 is less than all. */
typedef uint64_t hit;

static __device__ hit make_hit(float score, int32_t index)
{
    const uint32_t bits = __float_as_uint(score + 0.0f);            /* -0 becomes 0 */
    const uint32_t rank = bits >> 31 ? ~bits : bits | 1u << 31;
    return (hit)rank << 32 | (UINT32_MAX - (uint32_t)index);
}

static __device__ int32_t index_of(hit h) { return (int32_t)(UINT32_MAX - (uint32_t)h); }

static __device__ float score_of(hit h)
{
    const uint32_t rank = (uint32_t)(h >> 32);
    return __uint_as_float(rank >> 31 ? rank ^ 1u << 31 : ~rank);
}

/* The block sorts n hits, a power of two, best first. */
static __device__ void sort_hits(hit *hits, int64_t n)
{
    for (int64_t size = 2; size <= n; size *= 2) {
        for (int64_t step = size / 2; step > 0; step /= 2) {
            for (int64_t i = threadIdx.x; i < n / 2; i += blockDim.x) {
                const int64_t a = 2 * i - (i & (step - 1)), b = a + step;
                const hit x = hits[a], y = hits[b];
                if ((x < y) == ((a & size) == 0)) hits[a] = y, hits[b] = x;
            }
            __syncthreads();
        }
    }
}

/* count of n hits are there: the best come first, and nothing behind them. */
static __device__ void sort_list(const hit *from, int64_t count, hit *to, int64_t n)
{
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) to[i] = i < count ? from[i] : 0;
    __syncthreads();
    sort_hits(to, n);
}

/* ---- collecting ----------------------------------------------------------------------------- */

/* For each query of a panel its list and what a hit must be above. */
typedef struct {
    hit *hits;                      /* room */
    int64_t room;                   /* a power of two */
    int64_t *count;
    hit *bar;
} lists;

/* A query's list in the hands of its warp. */
typedef struct {
    hit *hits;
    int64_t room, count;
    hit bar;
    float least;                    /* score of the bar */
} list;

static __device__ void cut(list *l, int64_t k, hit *shared)
{
    __syncthreads();                                     /* hits come from all lanes */
    sort_list(l->hits, l->count, shared, l->room);
    for (int64_t i = threadIdx.x; i < k; i += WARP) l->hits[i] = shared[i];
    l->count = k;
    l->bar = shared[k - 1];
    l->least = score_of(l->bar);
    __syncthreads();                                     /* shared may be written again */
}

/* Scores column .. column+3; those behind the tile's last are minus infinity. */
template <bool WHOLE> static __device__ float4 four(const float *row, int column, int columns)
{
    if (WHOLE) return *(const float4 *)(row + column);
    return float4{ column < columns ? row[column] : -INFINITY,
                   column + 1 < columns ? row[column + 1] : -INFINITY,
                   column + 2 < columns ? row[column + 2] : -INFINITY,
                   column + 3 < columns ? row[column + 3] : -INFINITY };
}

static __device__ float largest(float4 x) { return fmaxf(fmaxf(x.x, x.y), fmaxf(x.z, x.w)); }

static __device__ unsigned above(float4 x, float least)
{
    return (x.x > least) | (x.y > least) << 1 | (x.z > least) << 2 | (x.w > least) << 3;
}

/* ROUND scores from column `at`. NaN is above nothing. Whether the list may be cut on the way, in
 * `shared`, or has room for all. */
template <bool WHOLE, bool CUTS>
static __device__ void take_round(list *l, int64_t k, const float *row, int at, int columns,
                                  int32_t first, hit *shared)
{
    const int lane = threadIdx.x;
    float4 x[PACKS];
    for (int p = 0; p < PACKS; p++)
        x[p] = four<WHOLE>(row, at + (p * WARP + lane) * 4, columns);
    float most = largest(x[0]);
    for (int p = 1; p < PACKS; p++) most = fmaxf(most, largest(x[p]));
    if (__ballot_sync(ALL, most > l->least) == 0) return;
    unsigned left = 0;                                   /* a bit for each score that is above */
    for (int p = 0; p < PACKS; p++) left |= above(x[p], l->least) << 4 * p;
    while (__ballot_sync(ALL, left != 0)) {
        if (CUTS && l->count + WARP > l->room) cut(l, k, shared);
        hit h = 0;
        if (left != 0) {
            const int bit = __ffs((int)left) - 1;
            const int column = at + (bit / 4 * WARP + lane) * 4 + bit % 4;
            h = make_hit(row[column], first + column);
            left &= left - 1;
        }
        const unsigned takers = __ballot_sync(ALL, h > l->bar);
        if (h > l->bar) l->hits[l->count + __popc(takers & ((1u << lane) - 1))] = h;
        l->count += __popc(takers);
    }
}

/* A block, which is one warp, to each query. */
template <bool CUTS>
static __global__ void collect(lists all, int64_t k, const float *scores, int64_t ld, int columns,
                               int32_t first)
{
    extern __shared__ hit dynamic_shared[];              /* room, where lists are cut */
    const int64_t query = blockIdx.x;
    const float *row = scores + query * ld;
    list l = { all.hits + query * all.room, all.room, 0, make_hit(-INFINITY, 0), -INFINITY };
    if (first > 0) {
        l.count = all.count[query];
        l.bar = all.bar[query];
        l.least = score_of(l.bar);
    }
    int at = 0;
    for (; at + ROUND <= columns; at += ROUND)
        take_round<true, CUTS>(&l, k, row, at, columns, first, dynamic_shared);
    if (at < columns)
        take_round<false, CUTS>(&l, k, row, at, columns, first, dynamic_shared);
    __syncwarp();                                        /* all lanes have read them */
    if (threadIdx.x == 0) {
        all.count[query] = l.count;
        all.bar[query] = l.bar;
    }
}

/* Lists that are too long for shared memory are cut where they lie, by a block each, when the next
 * tile might not fit. */
static __global__ void cut_lists(lists all, int64_t k, int64_t most)
{
    const int64_t query = blockIdx.x, count = all.count[query];
    hit *hits = all.hits + query * all.room;
    if (count <= most) return;
    sort_list(hits, count, hits, all.room);
    if (threadIdx.x == 0) {
        all.count[query] = k;
        all.bar[query] = hits[k - 1];
    }
}

/* ---- results -------------------------------------------------------------------------------- */

/* Scores that are NaN or minus infinity never get in; such documents fill up the end, in order. The
 * first warp does it: count hits are there, and all documents that are not among them are such. */
static __device__ void complete(hit *hits, int64_t count, int64_t k)
{
    const int lane = threadIdx.x;
    int64_t have = count;
    for (int64_t d = lane; have < k; d += WARP) {
        bool listed = false;
        for (int64_t i = 0; i < count && !listed; i++) listed = index_of(hits[i]) == d;
        const unsigned takers = __ballot_sync(ALL, !listed);
        const int64_t place = have + __popc(takers & ((1u << lane) - 1));
        if (!listed && place < k) hits[place] = make_hit(-INFINITY, (int32_t)d);
        have += __popc(takers);
    }
}

template <bool SHARED>
static __global__ void finish(lists all, int64_t k, int32_t *index, float *score)
{
    extern __shared__ hit dynamic_shared[];
    const int64_t query = blockIdx.x, count = all.count[query];
    hit *list = all.hits + query * all.room, *hits = SHARED ? dynamic_shared : list;
    sort_list(list, count, hits, all.room);
    if (count < k && threadIdx.x < WARP) complete(hits, count, k);
    __syncthreads();
    for (int64_t i = threadIdx.x; i < k; i += blockDim.x) {
        index[query * k + i] = index_of(hits[i]);
        score[query * k + i] = score_of(hits[i]);
    }
}

/* ---- searching ------------------------------------------------------------------------------ */

typedef struct {
    kin_cuda *c;
    int64_t queries, documents, cols, k;
    const float *q, *d;
    int64_t panel, tile, ld;                /* queries, documents, scores between rows */
    float *scores;
    lists all;
    kin_narrow narrow_q, narrow_d;          /* of a panel; of all documents or of none */
} job;

static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }
static bool in_shared(const job *j) { return j->k <= MOST_SHARED; }
static size_t shared_bytes(const job *j)
{
    return in_shared(j) ? (size_t)j->all.room * sizeof(hit) : 0;
}

static void divide(job *j)
{
    j->all.room = LEAST_ROOM;
    while (j->all.room < (in_shared(j) ? 3 : 2) * j->k) j->all.room *= 2;
    j->panel = at_most(at_most(PANEL, j->queries), 1 + LISTS / j->all.room);
    j->tile = at_most(j->documents, SCORES / j->panel / ROUND * ROUND);
    if (!in_shared(j)) j->tile = at_most(j->tile, (j->all.room - j->k) / 4 * 4);
    j->ld = (j->tile + 3) / 4 * 4;
}

static kin_narrow take_narrow(kin_arena *work, int64_t n, int planes)
{
    kin_narrow x = { KIN_TAKE(work, uint16_t, n), NULL };
    if (planes > 1 && x.high) x.low = KIN_TAKE(work, uint16_t, n);
    return planes > 1 && !x.low ? kin_narrow{ NULL, NULL } : x;
}

static kin_narrow part_of(kin_narrow x, int64_t from)
{
    return kin_narrow{ x.high ? x.high + from : NULL, x.low ? x.low + from : NULL };
}

/* Documents that several panels need are rounded once, if memory allows; if not, the product rounds
 * each tile again. */
static kin_status take_memory(job *j, kin_arena *work)
{
    kin_backend *b = &j->c->backend;
    j->scores = KIN_TAKE(work, float, j->panel * j->ld);
    j->all.hits = KIN_TAKE(work, hit, j->panel * j->all.room);
    j->all.count = KIN_TAKE(work, int64_t, j->panel);
    j->all.bar = KIN_TAKE(work, hit, j->panel);
    KIN_REQUIRE(j->scores && j->all.hits && j->all.count && j->all.bar, KIN_MEMORY,
                "search: no memory for the %lld best of %lld queries", (long long)j->k,
                (long long)j->queries);
    if (!b->narrow || j->cols < 1) return KIN_OK;
    j->narrow_q = take_narrow(work, j->panel * j->cols, b->planes);
    if (j->queries > j->panel)
        j->narrow_d = take_narrow(work, j->documents * j->cols, b->planes);
    if (j->narrow_d.high) b->narrow(b, j->documents * j->cols, j->d, j->narrow_d);
    return KIN_OK;
}

static void search_tile(const job *j, int64_t from, int64_t rows, int64_t first)
{
    kin_backend *b = &j->c->backend;
    const int64_t columns = at_most(j->tile, j->documents - first);
    const kin_product p = {
        .transpose_a = 0, .transpose_b = 1, .m = rows, .n = columns, .k = j->cols, .alpha = 1,
        .a = j->q + from * j->cols, .lda = j->cols, .b = j->d + first * j->cols, .ldb = j->cols,
        .beta = 0, .c = j->scores, .ldc = j->ld, .narrow_a = j->narrow_q,
        .narrow_b = part_of(j->narrow_d, first * j->cols),
    };
    b->product(b, &p);
    LAUNCH(j->c, (unsigned)rows, WARP, shared_bytes(j),
           in_shared(j) ? collect<true> : collect<false>, j->all, j->k, j->scores, j->ld,
           (int)columns, (int32_t)first);
    if (!in_shared(j) && first + columns < j->documents)
        LAUNCH(j->c, (unsigned)rows, SORT, 0, cut_lists, j->all, j->k, j->all.room - j->tile);
}

static void search_panel(const job *j, int64_t from, int32_t *index, float *score)
{
    kin_backend *b = &j->c->backend;
    const int64_t rows = at_most(j->panel, j->queries - from);
    if (j->narrow_q.high) b->narrow(b, rows * j->cols, j->q + from * j->cols, j->narrow_q);
    for (int64_t first = 0; first < j->documents; first += j->tile)
        search_tile(j, from, rows, first);
    LAUNCH(j->c, (unsigned)rows, in_shared(j) ? FINISH : SORT, shared_bytes(j),
           in_shared(j) ? finish<true> : finish<false>, j->all, j->k, index + from * j->k,
           score + from * j->k);
}

kin_status kin_cuda_search(kin_backend *backend, kin_arena *work, int64_t queries,
                           int64_t documents, int64_t cols, const real *q, const real *d, int64_t k,
                           int32_t *index, real *score)
{
    KIN_REQUIRE(k >= 0 && k <= documents && documents <= INT32_MAX, KIN_USAGE,
                "search: the %lld best of %lld documents were asked for", (long long)k,
                (long long)documents);
    if (queries == 0 || k == 0) return KIN_OK;
    job j = {};
    j.c = cuda_of(backend), j.queries = queries, j.documents = documents, j.cols = cols, j.k = k;
    j.q = q, j.d = d;
    divide(&j);
    const size_t mark = kin_arena_mark(work);
    const kin_status status = take_memory(&j, work);
    for (int64_t from = 0; status == KIN_OK && from < queries; from += j.panel)
        search_panel(&j, from, index, score);
    kin_arena_rewind(work, mark);
    return status;
}
