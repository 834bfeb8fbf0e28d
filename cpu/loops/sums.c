/* Loops that sum, compiled so that sums run in lanes. How many lanes belongs to the instruction
 * set, so the order of a sum is fixed for a given variant. */
#include <stdbool.h>
#include "cpu/loops/sums.h"

/* A loop whose arrays are the same or apart. */
#ifdef __clang__
#define EACH(j, n) _Pragma("clang loop vectorize(assume_safety)") for (int64_t j = 0; j < (n); j++)
#else
#define EACH(j, n) _Pragma("GCC ivdep") for (int64_t j = 0; j < (n); j++)
#endif

double KIN_VARIANT(kin_sum)(int64_t n, const real *x)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++) total += (double)x[i];
    return total;
}

double KIN_VARIANT(kin_dot)(int64_t n, const real *a, const real *b)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++) total += (double)a[i] * (double)b[i];
    return total;
}

void KIN_VARIANT(kin_dots)(int64_t rows, int64_t cols, const real *m, const real *x, real *y)
{
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4, m += 4 * cols) {          /* four streams from memory at a time */
        const real *b = m + cols, *c = b + cols, *d = c + cols;
        real s = 0, t = 0, u = 0, v = 0;
        for (int64_t j = 0; j < cols; j++) {
            s += m[j] * x[j];
            t += b[j] * x[j];
            u += c[j] * x[j];
            v += d[j] * x[j];
        }
        y[i] = s, y[i + 1] = t, y[i + 2] = u, y[i + 3] = v;
    }
    for (; i < rows; i++, m += cols) {
        real s = 0;
        for (int64_t j = 0; j < cols; j++) s += m[j] * x[j];
        y[i] = s;
    }
}

/* Rows lie anywhere in a table that is larger than the second-level cache: those after the next
 * few are asked for. */
enum { AHEAD = 16 };

void KIN_VARIANT(kin_dots_at)(int64_t n, int64_t known, const int32_t *index, int64_t cols,
                              const real *m, const real *x, real *y)
{
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        const real *a = m + index[i] * cols, *b = m + index[i + 1] * cols;
        const real *c = m + index[i + 2] * cols, *d = m + index[i + 3] * cols;
        real s = 0, t = 0, u = 0, v = 0;
        for (int64_t k = i + AHEAD; k < i + AHEAD + 4 && k < known; k++)
            fetch_row(m + index[k] * cols, cols);
        for (int64_t j = 0; j < cols; j++) {
            s += a[j] * x[j];
            t += b[j] * x[j];
            u += c[j] * x[j];
            v += d[j] * x[j];
        }
        y[i] = s, y[i + 1] = t, y[i + 2] = u, y[i + 3] = v;
    }
    for (; i < n; i++) {
        const real *a = m + index[i] * cols;
        real s = 0;
        for (int64_t j = 0; j < cols; j++) s += a[j] * x[j];
        y[i] = s;
    }
}

double KIN_VARIANT(kin_sum_squares)(int64_t n, const real *x)
{
    return KIN_VARIANT(kin_dot)(n, x, x);
}

void KIN_VARIANT(kin_sum_rows)(int64_t rows, int64_t cols, int64_t from, int64_t count,
                               const real *x, real *restrict row)
{
    double total[KIN_COLUMNS] = { 0 };
    x += from;
    if (count == KIN_COLUMNS) {
        for (int64_t i = 0; i < rows; i++, x += cols) {
            for (int64_t j = 0; j < KIN_COLUMNS; j++) total[j] += (double)x[j];
        }
    } else {
        for (int64_t i = 0; i < rows; i++, x += cols) {
            for (int64_t j = 0; j < count; j++) total[j] += (double)x[j];
        }
    }
    for (int64_t j = 0; j < count; j++) row[from + j] += (real)total[j];
}

void KIN_VARIANT(kin_normalize)(int64_t rows, int64_t cols, const real *x, real *y, real *inverse)
{
    for (int64_t i = 0; i < rows; i++, x += cols, y += cols) {
        const double squares = KIN_VARIANT(kin_dot)(cols, x, x);
        /* NaN must not become a zero row, so the comparison is with what is too small. */
        const real factor = squares <= 1e-24 ? 0 : (real)(1 / __builtin_sqrt(squares));
        for (int64_t j = 0; j < cols; j++) y[j] = x[j] * factor;
        inverse[i] = factor;
    }
}

void KIN_VARIANT(kin_normalize_back)(int64_t rows, int64_t cols, const real *y,
                                     const real *inverse, const real *dy, real *dx)
{
    const bool replace = dx == dy;
    for (int64_t i = 0; i < rows; i++, y += cols, dy += cols, dx += cols) {
        const real along = (real)KIN_VARIANT(kin_dot)(cols, dy, y), factor = inverse[i];
        if (replace) {
            EACH(j, cols) dx[j] = factor * (dx[j] - along * y[j]);
        } else {
            EACH(j, cols) dx[j] += factor * (dy[j] - along * y[j]);
        }
    }
}
