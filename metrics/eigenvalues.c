#include "metrics/geometry.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* The matrix T that has the same eigenvalues and nothing beside its three middle diagonals. */
typedef struct {
    int64_t n;
    double *diagonal, *beside;     /* n, n - 1 */
} band_t;

/* x becomes the vector v of the reflection 1 - 2 v v' / v'v that maps x on (length, 0, 0, ...);
 * false when there is nothing to reflect. */
static bool reflection(int64_t m, double *x, double *length, double *square)
{
    double rest = 0;
    for (int64_t i = 1; i < m; i++) rest += x[i] * x[i];
    *length = x[0];
    if (rest == 0) return false;
    double norm = sqrt(x[0] * x[0] + rest);
    *length = x[0] > 0 ? -norm : norm;
    x[0] -= *length;
    *square = x[0] * x[0] + rest;
    return true;
}

/* a (m x m, rows n apart) becomes H a H with H the reflection along v: a - v w' - w v'. */
static void reflect(int64_t m, int64_t n, double *a, const double *v, double square, double *w)
{
    for (int64_t j = 0; j < m; j++) w[j] = 0;
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < m; j++) w[j] += v[i] * a[i * n + j];
    double dot = 0;
    for (int64_t j = 0; j < m; j++) {
        w[j] *= 2 / square;
        dot += v[j] * w[j];
    }
    for (int64_t j = 0; j < m; j++) w[j] -= dot / square * v[j];
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < m; j++) a[i * n + j] -= v[i] * w[j] + w[i] * v[j];
}

static void reduce(band_t *band, double *a, double *w)
{
    int64_t n = band->n;
    for (int64_t k = 0; k < n; k++) {
        int64_t m = n - k - 1;                     /* what is left below and to the right */
        double *x = a + k * n + k + 1, square;     /* row k beside its diagonal element */
        band->diagonal[k] = a[k * n + k];
        if (m == 0) break;
        if (reflection(m, x, &band->beside[k], &square))
            reflect(m, n, a + (k + 1) * n + k + 1, x, square, w);
    }
}

/* How many eigenvalues lie below x: the sign changes of Sturm's sequence. */
static int64_t count_below(const band_t *band, double x)
{
    int64_t count = 0;
    double q = 1;
    for (int64_t i = 0; i < band->n; i++) {
        double e = i > 0 ? band->beside[i - 1] : 0;
        q = band->diagonal[i] - x - e * e / q;
        if (q == 0) q = DBL_MIN;
        count += q < 0;
    }
    return count;
}

/* All eigenvalues lie within this of 0 (Gershgorin). */
static double radius(const band_t *band)
{
    double most = 0;
    for (int64_t i = 0; i < band->n; i++) {
        double left = i > 0 ? fabs(band->beside[i - 1]) : 0;
        double right = i + 1 < band->n ? fabs(band->beside[i]) : 0;
        most = fmax(most, fabs(band->diagonal[i]) + left + right);
    }
    return most;
}

/* The k-th smallest: the place where the count passes k. */
static double bisect(const band_t *band, int64_t k, double low, double high, double enough)
{
    while (high - low > enough) {
        double middle = low + (high - low) / 2;
        if (count_below(band, middle) > k) high = middle;
        else low = middle;
    }
    return low + (high - low) / 2;
}

kin_status kin_eigenvalues(int64_t n, double *matrix, double *value)
{
    double *room = malloc(3 * sizeof(double) * (size_t)(n + 1));
    KIN_REQUIRE(room, KIN_MEMORY, "no memory for %lld eigenvalues", (long long)n);
    band_t band = {n, room, room + n + 1};
    reduce(&band, matrix, room + 2 * (n + 1));
    double most = radius(&band), enough = 2 * DBL_EPSILON * most;
    for (int64_t k = 0; k < n; k++) {
        double low = k > 0 ? value[k - 1] - enough : -most;
        value[k] = bisect(&band, k, low, most + enough, enough);
    }
    free(room);
    return KIN_OK;
}
