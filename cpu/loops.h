/* Loops: what is compiled once per instruction set, as a table. The functions here work on one
 * piece of a vector or matrix in the caller's thread; this room's other files deal the pieces to
 * threads. */
#ifndef KIN_CPU_LOOPS_H
#define KIN_CPU_LOOPS_H

#include <stdbool.h>
#include "core/backend.h"

/* ISA(name): the variants in rising order; a CPU that runs one runs those before it. */
#if defined(KIN_X86) && !defined(KIN_DOUBLE)
#define KIN_EACH_ISA(ISA) ISA(plain) ISA(avx2) ISA(avx512)
#else
#define KIN_EACH_ISA(ISA) ISA(plain)
#endif

/* Short lists: for each query the best rows so far and, until it is full again, those that may be
 * among them. A score must be above `least` to get in. */
typedef struct {
    int64_t k, room;                 /* kept, k < room */
    uint64_t *hits;                  /* of list i: room, see hits.h */
    int32_t *count;
    float *least;
} kin_short_lists;

enum { KIN_SCAN_QUERIES = 16 };

/* Queries against rows first .. end - 1 of codes, whole strips. both: query i is itself row who[i],
 * and the lists of the rows take it too. */
typedef struct {
    const kin_codes *codes;
    int64_t first, end;
    kin_short_lists *lists;
    int queries;                     /* 1 .. the way's; codes of as many as those are readable */
    bool both;
    const uint8_t *code[KIN_SCAN_QUERIES];
    float scale[KIN_SCAN_QUERIES];
    int32_t who[KIN_SCAN_QUERIES];   /* their lists */
} kin_scan_block;

/* A way to scan; queries: at a time, KIN_SCAN_QUERIES at most. */
typedef struct {
    void (*run)(const kin_scan_block *);
    int queries;
} kin_scan_way;

typedef struct {
    const char *name;

    kin_scan_way scan, scan_vnni, scan_amx;       /* by AVX512-VNNI and AMX; {0}: not compiled */

    /* One row as whole numbers within -most .. most, its two halves (columns 0, 1 and 2, 3 of each
     * four) no longer than `length`; returns the factor that turns them back. code: depth bytes. */
    float (*round_row)(int64_t cols, int64_t depth, const real *x, float most, float length,
                       int8_t *code);

    double (*sum)(int64_t n, const real *x);
    double (*sum_squares)(int64_t n, const real *x);
    void (*add)(int64_t n, real a, const real *x, real *y);
    void (*fill)(int64_t n, real value, real *y);
    void (*scale)(int64_t n, real value, real *y);                     /* y *= value */
    void (*multiply)(int64_t n, const real *a, const real *b, real *y);
    void (*add_row)(int64_t rows, int64_t cols, const real *row, real *y);
    /* of the columns from .. from+count-1 only, count <= KIN_COLUMNS */
    void (*sum_rows)(int64_t rows, int64_t cols, int64_t from, int64_t count, const real *x,
                     real *row);
    double (*dot)(int64_t n, const real *a, const real *b);
    void (*dots)(int64_t rows, int64_t cols, const real *m, const real *x, real *y);   /* y = m x */
    /* y[i] = row index[i] of m times x; index has `known` >= n entries, so that rows can be fetched
     * ahead. */
    void (*dots_at)(int64_t n, int64_t known, const int32_t *index, int64_t cols, const real *m,
                    const real *x, real *y);
    void (*normalize)(int64_t rows, int64_t cols, const real *x, real *y, real *inverse);
    void (*normalize_back)(int64_t rows, int64_t cols, const real *y, const real *inverse,
                           const real *dy, real *dx);

    /* Numbers first .. first+n-1 of the vector. Number i takes
     * word (i % KIN_DRAWS) / 64 of the Philox block (i / KIN_DRAWS) * 64 + i % 64. */
    void (*dropout)(int64_t first, int64_t n, real rate, uint64_t seed, uint32_t step, int add,
                    const real *x, real *y);

    /* y += sum_i weight[i] base[index[i]] for rows of base that lie `stride` apart, cols wide.
     * next: an index list of n rows worth fetching meanwhile, or NULL. */
    void (*gather)(int64_t n, const int32_t *index, const real *weight, int64_t cols,
                   int64_t stride, const real *base, real *y, const int32_t *next);

    /* m NULL: beta1 is 0 */
    void (*adam)(int64_t n, const kin_adam *a, const real *g, real *p, real *m, real *v);

    /* Places i where score[i] > least, written as i + first; returns how many. */
    int64_t (*above)(int64_t n, const real *score, real least, int32_t first, int32_t *place,
                     real *value);

    /* The product of one tile; room: KIN_PRODUCT_ROOM numbers. */
    void (*product)(const kin_product *tile, real *room);

    /* Fused multiply-adds on registers; returns how many numbers were multiplied and added. */
    double (*multiply_add)(int64_t rounds, real *result);
} kin_loops;

enum {
    KIN_COLUMNS = 64,                    /* of sum_rows */
    KIN_DRAWS = 256,                     /* random numbers drawn together */
    KIN_PACK_DEPTH = 768, KIN_PACK_ROWS = 192, KIN_PACK_COLUMNS = 32,        /* of product */
    KIN_PACK_NUMBERS = 65536,
    KIN_PRODUCT_ROOM = KIN_PACK_DEPTH * (KIN_PACK_ROWS + KIN_PACK_COLUMNS) + 64,
};

typedef struct {
    void (*forward)(int64_t n, const real *x, real *y);
    void (*back)(int64_t n, int add, const real *x, const real *y, const real *dy, real *dx);
} kin_element_loops;

#endif
