/* whitening -- the matrix that turns rows of a given covariance into rows of covariance 1.
 *
 *     y = inverse of L,  L L' = (1 - eps) s + eps I        L lower triangular (Cholesky)
 *     ds += (1 - eps) y' P y,  P = -(low(dy y') + low(dy y')') / 2
 *
 * low() keeps what is below the diagonal and half of what is on it. s: D x D, symmetric; y: D x D,
 * lower triangular; rows x become x y'. A direction without variance (a pivot that is nothing but
 * rounding; only with eps 0) gives a zero row of y and gets no gradient. Computed on the host in
 * double, D^3 steps each way: D is a few hundred at most, and what is wanted is digits.
 *
 * Derivative: Murray 2016, arXiv:1602.07527. */
#include <float.h>
#include <math.h>
#include <string.h>
#include "autograd/op.h"

#define ROUNDING (64 * (sizeof(real) == 8 ? DBL_EPSILON : (double)FLT_EPSILON))

typedef struct { double eps, *y; } saved;

/* s becomes L in its lower triangle; pivots that are 0 but for rounding become 0, NaN stays. */
static void factorize(int64_t n, double *s)
{
    for (int64_t k = 0; k < n; k++) {
        const double least = ROUNDING * s[k * n + k];
        double pivot = s[k * n + k];
        for (int64_t j = 0; j < k; j++) pivot -= s[k * n + j] * s[k * n + j];
        s[k * n + k] = pivot <= least ? 0 : sqrt(pivot);
        for (int64_t i = k + 1; i < n; i++) {
            double sum = s[i * n + k];
            for (int64_t j = 0; j < k; j++) sum -= s[i * n + j] * s[k * n + j];
            s[i * n + k] = s[k * n + k] == 0 ? 0 : sum / s[k * n + k];
        }
    }
}

/* y = inverse of l; zero rows stay zero. */
static void invert(int64_t n, const double *l, double *y)
{
    for (int64_t i = 0; i < n; i++) {
        const double inverse = l[i * n + i] == 0 ? 0 : 1 / l[i * n + i];
        for (int64_t j = 0; j < n; j++) y[i * n + j] = i == j ? inverse : 0;
        for (int64_t k = 0; k < i; k++)
            for (int64_t j = 0; j <= k; j++)
                y[i * n + j] -= inverse * l[i * n + k] * y[k * n + j];
    }
}

kin_tensor *kin_whitening(kin_tape *tape, kin_tensor *s, double eps)
{
    const int64_t n = s->cols;
    const size_t squares = (size_t)(n * n);
    if (s->rows != n || !(eps >= 0 && eps <= 1))
        return kin_tape_fail(tape, KIN_USAGE, "whitening: s is " KIN_SHAPE ", eps is %g, expected "
                             "a square matrix and 0 <= eps <= 1", KIN_DIMS(s), eps);
    kin_node *node = kin_node_new(tape, &kin_op_whitening, n, n, 1, s);
    saved *kept = kin_keep_host(tape, sizeof *kept);
    real *host = kin_keep_host(tape, sizeof *host * squares);
    double *l = kin_keep_host(tape, sizeof *l * squares);
    double *y = kin_keep_host(tape, sizeof *y * squares);
    if (y == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    backend->download(backend, host, s->value, sizeof *host * squares);
    for (size_t i = 0; i < squares; i++)
        l[i] = (1 - eps) * (double)host[i] + (i % (size_t)(n + 1) == 0 ? eps : 0);
    factorize(n, l);
    invert(n, l, y);
    for (size_t i = 0; i < squares; i++) host[i] = (real)y[i];
    backend->upload(backend, node->out->value, host, sizeof *host * squares);
    *kept = (saved){ eps, y };
    node->saved = kept;
    return node->out;
}

/* p = -(low(dy y') + low(dy y')') / 2; rows of y that are 0 are constants. */
static void inner(int64_t n, const real *dy, const double *y, double *p)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j <= i; j++) {
            double sum = 0;
            for (int64_t k = 0; k <= j; k++) sum += (double)dy[i * n + k] * y[j * n + k];
            p[i * n + j] = p[j * n + i] = y[i * n + i] == 0 ? 0 : sum / -2;
        }
}

/* to = y' p y; t: work space. Row by row, so that memory is read in order. */
static void outer(int64_t n, const double *p, const double *y, double *t, double *to)
{
    memset(t, 0, sizeof *t * (size_t)(n * n));
    memset(to, 0, sizeof *to * (size_t)(n * n));
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++)
            for (int64_t j = 0; j <= k; j++) t[i * n + j] += p[i * n + k] * y[k * n + j];
    for (int64_t k = 0; k < n; k++)
        for (int64_t i = 0; i <= k; i++)
            for (int64_t j = 0; j < n; j++) to[i * n + j] += y[k * n + i] * t[k * n + j];
}

static void backward(kin_tape *tape, kin_node *node)
{
    const saved *kept = node->saved;
    const int64_t n = node->out->cols;
    const size_t squares = (size_t)(n * n);
    kin_backend *backend = kin_tape_backend(tape);
    real *ds = kin_grad(tape, node->in[0]), *given = kin_keep(tape, sizeof *given * squares);
    real *host = kin_keep_host(tape, sizeof *host * squares);
    double *p = kin_keep_host(tape, sizeof *p * 3 * squares);
    if (ds == NULL || p == NULL) return;
    double *t = p + squares, *result = t + squares;
    backend->download(backend, host, node->out->grad, sizeof *host * squares);
    inner(n, host, kept->y, p);
    outer(n, p, kept->y, t, result);
    for (size_t i = 0; i < squares; i++) host[i] = (real)((1 - kept->eps) * result[i]);
    backend->upload(backend, given, host, sizeof *host * squares);
    backend->add(backend, n * n, 1, given, ds);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const struct { int rows, cols; double eps; } cases[] = {
        { 7, 3, 0 }, { 5, 1, 0.5 }, { 3, 5, 0.1 } };
    if (case_ >= 3) return NULL;
    kin_tensor *x = kin_example_input(tape, params, count, 0, cases[case_].rows,
                                      cases[case_].cols);
    return kin_whitening(tape, kin_matmul_tn(tape, x, x), cases[case_].eps);
}

const kin_op kin_op_whitening = {
    .entry = { "whitening", "inverse Cholesky factor of a covariance", { { 0 } } },
    .backward = backward,
    .example = example,
};
