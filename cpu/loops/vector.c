/* Loops over vectors, and the table of one variant. */
#include "core/philox.h"
#include "core/rng.h"
#include "core/words.h"
#include "cpu/loops/sums.h"

static void add(int64_t n, real a, const real *restrict x, real *restrict y)
{
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

static void fill(int64_t n, real value, real *y)
{
    for (int64_t i = 0; i < n; i++) y[i] = value;
}

static void scale(int64_t n, real value, real *y)
{
    for (int64_t i = 0; i < n; i++) y[i] *= value;
}

static void multiply(int64_t n, const real *a, const real *b, real *restrict y)
{
    for (int64_t i = 0; i < n; i++) y[i] += a[i] * b[i];
}

static void add_row(int64_t rows, int64_t cols, const real *row, real *restrict y)
{
    for (int64_t i = 0; i < rows; i++, y += cols) {
        for (int64_t j = 0; j < cols; j++) y[j] += row[j];
    }
}

/* ---- dropout -------------------------------------------------------------------------------- */

enum { BLOCKS = KIN_DRAWS / 4 };     /* Philox blocks side by side, four numbers each */

typedef struct {
    uint32_t word[4][BLOCKS];
} draws;

static void dropout(int64_t first, int64_t n, real rate, uint64_t seed, uint32_t step, int add_to,
                  const real *x, real *y)
{
    const uint32_t least = (uint32_t)((double)rate * 0x1p32);
    const real factor = 1 / (1 - rate);
    for (int64_t at = 0; at < n;) {
        draws d;
        const int64_t skip = (first + at) % KIN_DRAWS;         /* of a group that began before */
        kin_philox_lanes(seed, KIN_STREAM_DROPOUT, step, (uint64_t)(first + at - skip) / 4, BLOCKS,
                         d.word[0], d.word[1], d.word[2], d.word[3]);
        const uint32_t *word = d.word[0] + skip;
        const int64_t left = n - at < KIN_DRAWS - skip ? n - at : KIN_DRAWS - skip;
        const real *from = x + at;
        real *to = y + at;
        for (int64_t i = 0; i < left; i++) {
            const real kept = word[i] >= least ? from[i] * factor : 0;
            to[i] = add_to ? to[i] + kept : kept;
        }
        at += left;
    }
}

/* ---- gather --------------------------------------------------------------------------------- */

static void gather(int64_t n, const int32_t *index, const real *weight, int64_t cols,
                   int64_t stride, const real *base, real *restrict y, const int32_t *next)
{
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {             /* four rows at a time touch y a quarter as often */
        const real *a = base + index[i] * stride, *b = base + index[i + 1] * stride;
        const real *c = base + index[i + 2] * stride, *d = base + index[i + 3] * stride;
        const real s = weight[i], t = weight[i + 1], u = weight[i + 2], w = weight[i + 3];
        for (int k = 0; next && k < 4; k++) fetch_row(base + next[i + k] * stride, cols);
        for (int64_t j = 0; j < cols; j++) y[j] += (s * a[j] + t * b[j]) + (u * c[j] + w * d[j]);
    }
    for (; i < n; i++) {
        const real *a = base + index[i] * stride;
        const real s = weight[i];
        if (next) fetch_row(base + next[i] * stride, cols);
        for (int64_t j = 0; j < cols; j++) y[j] += s * a[j];
    }
}

/* ---- adam ----------------------------------------------------------------------------------- */

/* rate m / (sqrt(v) / root + eps) is (rate root) m / (sqrt(v) + eps root): one division less. */
static void adam(int64_t n, const kin_adam *a, const real *g, real *restrict p, real *restrict m,
                 real *restrict v)
{
    const real beta1 = (real)a->beta1, beta2 = (real)a->beta2, keep = (real)a->keep;
    const real fresh1 = (real)(1 - a->beta1), fresh2 = (real)(1 - a->beta2);
    const real rate = (real)(a->rate * a->root), eps = (real)(a->eps * a->root);
    const real factor = (real)a->scale;
    for (int64_t i = 0; m && i < n; i++) {
        const real x = g[i] * factor;
        m[i] = beta1 * m[i] + fresh1 * x;
        v[i] = beta2 * v[i] + fresh2 * x * x;
        p[i] = keep * p[i] - rate * m[i] / (sqrt(v[i]) + eps);
    }
    for (int64_t i = 0; !m && i < n; i++) {
        const real x = g[i] * factor;
        v[i] = beta2 * v[i] + fresh2 * x * x;
        p[i] = keep * p[i] - rate * x / (sqrt(v[i]) + eps);
    }
}

/* ---- search --------------------------------------------------------------------------------- */

enum { GROUP = 64, PART = 16 };

static inline int any_above(int64_t n, const real *s, real least)
{
    int any = 0;
    for (int64_t i = 0; i < n; i++) any |= s[i] > least;
    return any;
}

static int64_t append(int64_t n, const real *s, real least, int32_t first, int32_t *place,
                      real *value)
{
    int64_t found = 0;
    for (int64_t i = 0; i < n; i++) {
        place[found] = first + (int32_t)i;
        value[found] = s[i];
        found += s[i] > least;
    }
    return found;
}

/* Almost all groups have nothing above, and of the others almost all parts. */
static int64_t above(int64_t n, const real *score, real least, int32_t first, int32_t *place,
                     real *value)
{
    int64_t found = 0, at = 0;
    for (; at + GROUP <= n; at += GROUP) {
        if (!any_above(GROUP, score + at, least)) continue;
        for (int64_t i = at; i < at + GROUP; i += PART) {
            if (!any_above(PART, score + i, least)) continue;
            found += append(PART, score + i, least, first + (int32_t)i, place + found,
                            value + found);
        }
    }
    return found + append(n - at, score + at, least, first + (int32_t)at, place + found,
                          value + found);
}

/* ---- the peak ------------------------------------------------------------------------------- */

#if defined(__AVX512F__)
enum { VECTOR = 64 };
#elif defined(__AVX2__)
enum { VECTOR = 32 };
#else
enum { VECTOR = 16 };
#endif
typedef real vector __attribute__((vector_size(VECTOR)));

#define CHAINS(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

static double multiply_add(int64_t rounds, real *result)
{
    const vector zero = { 0 }, x = zero + (real)0.999, y = zero + (real)0.001;
#define X(i) vector c##i = zero + (real)i;
    CHAINS(X)
#undef X
    for (int64_t round = 0; round < rounds; round++) {
#define X(i) c##i = c##i * x + y;
        CHAINS(X)
#undef X
    }
    vector all = zero;
#define X(i) all += c##i;
    CHAINS(X)
#undef X
    *result = all[0];
    return (double)rounds * 12 * VECTOR / sizeof(real);
}

/* ---- the table ------------------------------------------------------------------------------ */

extern const kin_loops KIN_VARIANT(kin_loops);
const kin_loops KIN_VARIANT(kin_loops) = {
    .name = KIN_TEXT(KIN_ISA_NAME), .add = add, .fill = fill, .scale = scale, .multiply = multiply,
    .add_row = add_row, .dropout = dropout, .gather = gather, .adam = adam, .above = above,
    .multiply_add = multiply_add, .sum = KIN_VARIANT(kin_sum), .dot = KIN_VARIANT(kin_dot),
    .dots = KIN_VARIANT(kin_dots), .dots_at = KIN_VARIANT(kin_dots_at),
    .sum_squares = KIN_VARIANT(kin_sum_squares), .sum_rows = KIN_VARIANT(kin_sum_rows),
    .normalize = KIN_VARIANT(kin_normalize), .normalize_back = KIN_VARIANT(kin_normalize_back),
    .product = KIN_VARIANT(kin_own_product), .scan = { KIN_VARIANT(kin_scan_strips), 6 },
    .round_row = KIN_VARIANT(kin_round_row),
#ifdef __AVX512BW__
    .scan_vnni = { KIN_VARIANT(kin_scan_vnni), 6 }, .scan_amx = { KIN_VARIANT(kin_scan_amx), 16 },
#endif
};
