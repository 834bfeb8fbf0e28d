/* triplet -- every positive must be nearer than every negative by a margin.
 *
 *     v_i      = sum over triplets (p, n) of max(0, m + D_ip - D_in)
 *   dv/ds_ij   = D'(s_ip) times the triplets of p that are above 0, -D'(s_in) times those of n
 *
 * Distances of unit vectors: euclidean D = sqrt(2 - 2s), squared 2 - 2s, cosine 1 - s. The push on
 * a pair at distance 0 is 0. soft replaces max(0, x) by log(1 + exp(x)), which never lets go.
 *
 * mining says which triplets of anchor i there are:
 *     all        every positive with every negative ("batch all"); window keeps those whose
 *                negative is nearer than the positive (hard), or farther, but by less than the
 *                margin (semihard)
 *     hard       the farthest positive with the nearest negative ("batch hard"); ties share
 *     semihard   every positive with the nearest negative that is farther than itself, or else
 *                with the farthest of all
 *     given      those that the batch carries; an anchor with two negatives takes the nearer
 *                (swap: the second is the distance between positive and negative)
 *
 * No list of triplets is made. The positives of a row are sorted; for a negative, those that are
 * too far are the ones behind a place that a search finds, and sums over them are differences of
 * running sums: N log P for N candidates and P positives, about N where the positives lie apart.
 *
 * Schroff et al. 2015, arXiv:1503.03832 (semihard); Hermans et al. 2017, arXiv:1703.07737. */
#include <stdlib.h>
#include "core/cell.h"

typedef struct { real m, mining, distance, soft, window; } hyper;

enum { ALL, HARD, SEMIHARD, GIVEN };
enum { ANY, WITHIN_HARD, WITHIN_SEMIHARD };
enum { EUCLIDEAN, SQUARED, COSINE };
enum { FEW = 32 };                       /* positives that are quicker one by one */
enum { BOXES = 8, LANES = 32 };          /* for each positive; columns that are looked up at once */
enum { APART = 4 };                      /* counters of a place, as one would wait for itself */

/* The distance of a score, and its derivative from the distance. */
static real far(real s, int distance)
{
    if (distance == COSINE) return 1 - s;
    return distance == SQUARED ? relu(2 - 2 * s) : sqrt(relu(2 - 2 * s));
}

static real turn(real d, int distance)
{
    if (distance == COSINE) return -1;
    return distance == SQUARED ? -2 : d > 0 ? -1 / d : 0;
}

/* The hinge or its soft form, and its derivative. */
static real bend(real x, hyper h, real *push)
{
    const real e = exp(-size(x));
    *push = h.soft > 0 ? (x > 0 ? 1 : e) / (1 + e) : x > 0;
    return relu(x) + (h.soft > 0 ? log1p_unit(e) : 0);
}

static int rising(const void *a, const void *b)
{
    const real x = *(const real *)a, y = *(const real *)b;
    return (x > y) - (x < y);
}

/* Their distances, rising; returns how many. */
static int32_t sort_positives(const span c, const real *d, real *sorted)
{
    int32_t p = 0;
    EACH_POSITIVE(j, c) sorted[p++] = d[j];
    qsort(sorted, (size_t)p, sizeof *sorted, rising);
    return p;
}

/* How many of the n sorted numbers are below x. */
INLINE int32_t count_below(const real *sorted, int32_t n, real x)
{
    const real *from = sorted;
    while (n > 1) {
        const int32_t half = n / 2;
        from += from[half - 1] < x ? half : 0;
        n -= half;
    }
    return (int32_t)(from - sorted) + (*from < x);
}

/* The sorted distances of the positives in boxes of equal width. Those of lower boxes than x's are
 * below x; of the `most` that follow any may be. */
typedef struct {
    const real *sorted;
    const int32_t *before;               /* how many are in lower boxes, or fewer: `most` follow */
    real low, per_width, last;           /* where the first box begins, the last one's number */
    int32_t most;
} shelf;

INLINE int32_t box_of(shelf s, real x)
{
    REASSOCIATE_OFF
    return (int32_t)min(max((x - s.low) * s.per_width, 0), s.last);
}

static shelf fill_shelf(const real *sorted, int32_t p, int32_t *before, int32_t room)
{
    const int32_t boxes = p < room / BOXES ? BOXES * p : room;
    const real width = sorted[p - 1] - sorted[0];
    shelf s = { sorted, before, sorted[0], width > (real)1e-9 ? (real)boxes / width : 0,
                (real)(boxes - 1), 0 };
    int32_t sum = 0;
    for (int32_t b = 0; b < boxes; b++) before[b] = 0;
    for (int32_t k = 0; k < p; k++) {
        const int32_t in = ++before[box_of(s, sorted[k])];
        s.most = in > s.most ? in : s.most;
    }
    for (int32_t b = 0; b < boxes; b++) {
        const int32_t in = before[b];
        before[b] = sum < p - s.most ? sum : p - s.most;
        sum += in;
    }
    return s;
}

/* How many are below each x - shift; with_equal: at most that. */
INLINE void count_each(shelf s, const real *x, int32_t n, real shift, bool with_equal,
                       int32_t *place)
{
    REASSOCIATE_OFF
    real near[LANES];
    EACH(l, n) near[l] = EXACT(x[l] - shift);
    EACH(l, n) place[l] = s.before[box_of(s, near[l])];
    for (int32_t left = s.most, half; left > 0; left -= half) {
        half = left > 1 ? left / 2 : 1;
        EACH(l, n) {
            const real y = s.sorted[place[l] + half - 1];
            place[l] += (with_equal ? y <= near[l] : y < near[l]) ? half : 0;
        }
    }
}

/* All triplets whose gap D_in - D_ip is in the window, a hinge each: positives from .. to of the
 * sorted ones are too far for negative j. */
static real all_hinges(const span c, const real *d, count n, hyper h)
{
    real *sorted = c.work + c.n, *run = sorted + c.n, value = 0, above = 0;
    int32_t *hits = (int32_t *)(run + 2 * c.n), seen = 0;
    const int32_t p = sort_positives(c, d, sorted);
    const shelf s = fill_shelf(sorted, p, (int32_t *)(run + c.n), c.n);
    const bool hard = h.window == WITHIN_HARD, semihard = h.window == WITHIN_SEMIHARD;
    run[0] = 0;
    for (int32_t k = 0; k < p; k++) run[k + 1] = run[k] + sorted[k];
    for (int32_t k = 0; k < APART * (p + 1); k++) hits[k] = 0;
    const real all = run[p];
    for (int32_t at = 0; at < c.n; at += LANES) {
        const int32_t lanes = c.n - at < LANES ? c.n - at : LANES;
        const signed char *kind = c.kind + at;
        const real *x = d + at;
        real *slope = c.s + at;
        int32_t from[LANES], to[LANES];
        count_each(s, x, lanes, hard ? 0 : h.m, !hard, from);
        EACH(l, lanes) to[l] = p;
        if (semihard) count_each(s, x, lanes, 0, false, to);
        EACH(l, lanes) from[l] = kind[l] < 0 ? from[l] : to[l];      /* no negative has none */
        for (int32_t l = 0; l < lanes; l++) hits[APART * from[l] + l % APART]++;
        for (int32_t l = 0; l < lanes && semihard; l++) hits[APART * to[l] + l % APART]--;
        EACH(l, lanes) {
            const real times = (real)(to[l] - from[l]);
            value += (h.m - x[l]) * times;
            above += times;
            slope[l] = -times;
        }
        if (semihard) EACH(l, lanes) value += run[to[l]] - run[from[l]];
        else EACH(l, lanes) value += all - run[from[l]];
    }
    for (int32_t k = 0; k < p; k++) {                           /* of positive k and those below */
        for (int i = 0; i < APART; i++) seen += hits[APART * k + i];
        hits[k] = seen;
    }
    EACH_POSITIVE(j, c) c.s[j] = (real)hits[count_below(sorted, p, d[j])];
    *c.elements = h.window == ANY ? n.positives * n.negatives : above;
    *c.above = above;
    return value;
}

/* The same in one pass over the negatives for each of a few positives. */
static real few_hinges(const span c, const real *d, count n, hyper h)
{
    real *negative = c.work + c.n, *slope = c.s, value = 0, above = 0;
    EACH(j, c.n) negative[j] = pick(c.kind[j] < 0, d[j], BIG);
    EACH_POSITIVE(p, c) {
        const real reach = d[p] + h.m;
        real sum = 0, hits = 0;
        EACH(j, c.n) {
            const int on = reach > negative[j];
            sum += pick(on, reach - negative[j], 0);
            hits += pick(on, 1, 0);
            slope[j] -= pick(on, 1, 0);
        }
        slope[p] = hits;
        value += sum;
        above += hits;
    }
    *c.elements = n.positives * n.negatives;
    *c.above = above;
    return value;
}

/* All triplets in their soft form. */
static real all_soft(const span c, const real *d, hyper h)
{
    real value = 0, triplets = 0, push;
    EACH_POSITIVE(p, c) {
        for (int32_t j = 0; j < c.n; j++) {
            const real gap = d[j] - d[p];
            if (c.kind[j] >= 0) continue;
            if (h.window == WITHIN_HARD && gap > 0) continue;
            if (h.window == WITHIN_SEMIHARD && !(gap > 0 && gap <= h.m)) continue;
            value += bend(h.m - gap, h, &push);
            c.s[p] += push, c.s[j] -= push;
            triplets++;
        }
    }
    *c.elements = *c.above = triplets;
    return value;
}

static real hardest(const span c, const real *d, hyper h)
{
    real p = -BIG, n = BIG, p_ties = 0, n_ties = 0, push;
    for (int32_t j = 0; j < c.n; j++) {
        if (c.kind[j] > 0) p = max(p, d[j]);
        if (c.kind[j] < 0) n = min(n, d[j]);
    }
    for (int32_t j = 0; j < c.n; j++) {
        p_ties += c.kind[j] > 0 && d[j] == p;
        n_ties += c.kind[j] < 0 && d[j] == n;
    }
    const real value = bend(h.m + p - n, h, &push);
    for (int32_t j = 0; j < c.n; j++) {
        if (c.kind[j] > 0 && d[j] == p) c.s[j] = push / p_ties;
        if (c.kind[j] < 0 && d[j] == n) c.s[j] = -push / n_ties;
    }
    return value;
}

/* A negative belongs to place k when it is farther than exactly k of the sorted positives. The
 * nearest that is farther than positive k is the nearest of the first place behind k that has one;
 * negatives at the same distance share its push. */
static real semihard(const span c, const real *d, hyper h)
{
    const int32_t room = c.n;
    real *sorted = c.work + room, *near = sorted + room, *ties = near + room;
    real *pull = ties + room, *push = pull + room;
    const int32_t p = sort_positives(c, d, sorted);
    real value = 0, above = 0, farthest = -BIG, most = 0, last = 0;
    for (int32_t k = 0; k <= p; k++) near[k] = BIG, ties[k] = pull[k] = 0;
    for (int32_t j = 0; j < c.n; j++) {
        if (c.kind[j] >= 0) continue;
        const int32_t k = count_below(sorted, p, d[j]);
        ties[k] = d[j] < near[k] ? 1 : ties[k] + (d[j] == near[k]);
        near[k] = min(near[k], d[j]);
        most = d[j] > farthest ? 1 : most + (d[j] == farthest);
        farthest = max(farthest, d[j]);
    }
    for (int32_t k = p - 1, place = -1; k >= 0; k--) {
        if (near[k + 1] < BIG) place = k + 1;
        const real v = bend(h.m + sorted[k] - (place < 0 ? farthest : near[place]), h, &push[k]);
        *(place < 0 ? &last : &pull[place]) += push[k];
        value += v;
        above += v > 0;
    }
    for (int32_t j = 0; j < c.n; j++) {
        const int32_t k = count_below(sorted, p, d[j]);
        if (c.kind[j] > 0) c.s[j] = push[k];
        if (c.kind[j] < 0 && d[j] == near[k]) c.s[j] -= pull[k] / ties[k];
        if (c.kind[j] < 0 && d[j] == farthest) c.s[j] -= last / most;
    }
    *c.elements = (real)p, *c.above = above;
    return value;
}

INLINE real whole(span c, count n, hyper h)
{
    real *d = c.work;
    const int distance = (int)h.distance;
    EACH(j, c.n) d[j] = far(c.s[j], distance);
    EACH(j, c.n) c.s[j] = 0;
    const real value = h.mining == HARD || h.mining == GIVEN ? hardest(c, d, h)
                       : h.mining == SEMIHARD ? semihard(c, d, h)
                       : h.soft > 0 ? all_soft(c, d, h)
                       : n.positives < FEW && h.window == ANY ? few_hinges(c, d, n, h)
                       : all_hinges(c, d, n, h);
    EACH(j, c.n) c.s[j] *= turn(d[j], distance);
    return value;
}

KIN_LOSS(triplet,
    .entry.summary = "Every positive must be nearer than every negative by a margin.",
    .entry.hypers = {
        { "margin", 0.2, 0, 10, "by how much nearer", 0, NULL },
        { "mining", ALL, 0, 3, "which triplets of an anchor count", KIN_INTEGER,
          "all|hard|semihard|given" },
        { "distance", EUCLIDEAN, 0, 2, "of unit vectors", KIN_INTEGER,
          "euclidean|squared|cosine" },
        { "soft", 0, 0, 1, "log(1 + exp) in place of the hinge", KIN_BOOLEAN, NULL },
        { "window", ANY, 0, 2, "of all triplets, those with such negatives", KIN_INTEGER,
          "any|hard|semihard" } },
    .form = KIN_ROW, .takes = KIN_LABELS | KIN_PAIRS | KIN_TRIPLETS,
    .needs = KIN_POSITIVE | KIN_NEGATIVE, .reduce = KIN_MEAN_NONZERO)
