/* The loops of sums.c, product.c and scan.c, for the table in vector.c. */
#ifndef KIN_CPU_LOOPS_SUMS_H
#define KIN_CPU_LOOPS_SUMS_H

#include "cpu/loops.h"
#include "cpu/loops/variant.h"

static inline void fetch_row(const real *row, int64_t cols)
{
    for (int64_t j = 0; j < cols; j += 64 / (int64_t)sizeof *row) __builtin_prefetch(row + j);
}

double KIN_VARIANT(kin_sum)(int64_t n, const real *x);
double KIN_VARIANT(kin_dot)(int64_t n, const real *a, const real *b);
void KIN_VARIANT(kin_dots)(int64_t rows, int64_t cols, const real *m, const real *x, real *y);
void KIN_VARIANT(kin_dots_at)(int64_t n, int64_t known, const int32_t *index, int64_t cols,
                              const real *m, const real *x, real *y);
double KIN_VARIANT(kin_sum_squares)(int64_t n, const real *x);
void KIN_VARIANT(kin_sum_rows)(int64_t rows, int64_t cols, int64_t from, int64_t count,
                               const real *x, real *row);
void KIN_VARIANT(kin_normalize)(int64_t rows, int64_t cols, const real *x, real *y, real *inverse);
void KIN_VARIANT(kin_normalize_back)(int64_t rows, int64_t cols, const real *y,
                                     const real *inverse, const real *dy, real *dx);
void KIN_VARIANT(kin_own_product)(const kin_product *tile, real *room);
void KIN_VARIANT(kin_scan_strips)(const kin_scan_block *);
float KIN_VARIANT(kin_round_row)(int64_t cols, int64_t depth, const real *x, float most,
                                 float length, int8_t *code);
#ifdef __AVX512BW__
void KIN_VARIANT(kin_scan_vnni)(const kin_scan_block *);
void KIN_VARIANT(kin_scan_amx)(const kin_scan_block *);
#endif

#endif
