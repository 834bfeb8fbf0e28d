/* The best documents of each query, and scores of single cells. */
#include "tests/cuda/parity.h"

#include <math.h>
#include <stdlib.h>

/* queries, documents, cols; the first ones are the small set */
static const int64_t searches[][3] = {
    { 1, 1, 1 }, { 1, 7, 3 }, { 5, 33, 16 }, { 13, 257, 31 }, { 2, 1031, 8 },
    { 67, 4099, 32 }, { 1, 30011, 64 }, { 300, 1000, 100 },
};
enum { SMALL = 5, SEARCHES = sizeof searches / sizeof *searches };
static const int64_t best[] = { 1, 2, 10, 33, 100, 1000 };

/* Small whole numbers have exact scores, many of them equal: ranks must be the same. */
static void search(parity *p, const int64_t *s, int64_t k, bool whole)
{
    kin_backend *b = p->device;
    const int64_t nq = s[0] * s[2], nd = s[1] * s[2];
    real *q = whole ? parity_whole(p, 1, nq, 2) : parity_normal(p, 1, nq);
    real *d = whole ? parity_whole(p, 2, nd, 2) : parity_normal(p, 2, nd);
    int32_t *index = (int32_t *)(void *)parity_room(p, s[0] * k);
    real *score = parity_room(p, s[0] * k);
    kin_arena *work = kin_tape_arena(p->tape);
    const size_t mark = kin_arena_mark(work);
    const kin_status status = b->search(b, work, s[0], s[1], s[2], q, d, k, index, score);
    parity_exactly(p, "status", status);
    parity_exactly(p, "work space given back", kin_arena_mark(work) == mark);
    parity_reals(p, "score", score, s[0] * k, 0);
    if (whole) parity_integers(p, "index", index, s[0] * k);
}

static void try_searches(parity *p)
{
    for (int i = 0; i < 12 * (p->small ? SMALL : SEARCHES); i++) {
        const int64_t *s = searches[i / 12], k = best[i % 12 / 2];
        if (k > s[1]) continue;
        if (!parity_begin(p, "kernel search", PARITY_KERNEL, "%ld of %ldx%ld, %ld queries%s",
                          (long)k, (long)s[1], (long)s[2], (long)s[0],
                          i % 2 ? ", ties" : "")) continue;
        search(p, s, k, i % 2);
        parity_end(p);
    }
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* cells, rows, columns, cols; the first ones are the small set */
static const int64_t cells[][4] = {
    { 1, 1, 1, 1 }, { 7, 2, 3, 3 }, { 33, 13, 5, 31 }, { 257, 64, 31, 64 }, { 300, 2, 100, 100 },
    { 4099, 300, 1000, 100 }, { 70001, 1031, 257, 33 },
};
enum { SMALL_CELLS = 5, CELLS = sizeof cells / sizeof *cells };

static int32_t *put(parity *p, const int32_t *host, int64_t n)
{
    return parity_put(p, host, sizeof *host * (size_t)n);
}

static void cell_dots(parity *p, const int64_t *s)
{
    kin_backend *b = p->device;
    int32_t *row = parity_host_below(p, 4, s[0], s[1]), *col = parity_host_below(p, 5, s[0], s[2]);
    real *y = parity_room(p, s[0]);
    b->cell_dots(b, s[0], put(p, row, s[0]), put(p, col, s[0]), s[3],
                 parity_normal(p, 1, s[1] * s[3]), parity_normal(p, 2, s[2] * s[3]), y);
    parity_reals(p, "y", y, s[0], sqrt((double)s[3]));
    free(row), free(col);
}

/* Cells in another order than that of their rows; every fourth slope is 0. */
static void cell_sums(parity *p, const int64_t *s)
{
    kin_backend *b = p->device;
    int64_t *start = parity_host(sizeof *start * (size_t)(s[1] + 2));
    int32_t *row = parity_host_below(p, 4, s[0], s[1]), *col = parity_host_below(p, 5, s[0], s[2]);
    int32_t *cell = parity_host(sizeof *cell * (size_t)s[0]);
    real *slope = parity_host_normal(p, 3, s[0]), *x = parity_normal(p, 6, s[1] * s[3]);
    for (int64_t c = 0; c < s[0]; c++) start[row[c] + 2]++;
    for (int64_t r = 0; r < s[1]; r++) start[r + 2] += start[r + 1];
    for (int64_t c = 0; c < s[0]; c++) cell[start[row[c] + 1]++] = (int32_t)c;
    for (int64_t c = 0; c < s[0]; c += 4) slope[c] = 0;
    b->cell_sums(b, s[1], parity_put(p, start, sizeof *start * (size_t)(s[1] + 1)),
                 put(p, cell, s[0]), parity_put_reals(p, slope, s[0]), put(p, col, s[0]), s[3],
                 parity_normal(p, 2, s[2] * s[3]), x);
    parity_reals(p, "x", x, s[1] * s[3], 1);
    free(start), free(row), free(col), free(cell), free(slope);
}

void parity_searches(parity *p)
{
    try_searches(p);
    for (int i = 0; i < 2 * CELLS; i++) {
        const int64_t *s = cells[i % CELLS];
        if (p->small && i % CELLS >= SMALL_CELLS) continue;
        if (!parity_begin(p, i < CELLS ? "kernel cell_dots" : "kernel cell_sums", PARITY_KERNEL,
                          "%ld cells, %ldx%ld, dimension %ld", (long)s[0], (long)s[1], (long)s[2],
                          (long)s[3])) continue;
        (i < CELLS ? cell_dots : cell_sums)(p, s);
        parity_end(p);
    }
}
