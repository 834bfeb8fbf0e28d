/* standardize -- brings every column to mean 0 and variance 1 over the batch.
 *
 *     y_ij = (x_ij - m_j) s_j        dx_ij += s_j (dy_ij - mean_i dy_ij - y_ij mean_i dy_ij y_ij)
 *
 * m_j = mean_i x_ij, s_j = 1 / sqrt(mean_i (x_ij - m_j)^2 + eps): batch normalisation without
 * learned scale and shift. A constant column gives 0; eps > 0 keeps its gradient finite. The D
 * numbers s_j are formed on the host. x, y: B x D. Ioffe and Szegedy 2015, arXiv:1502.03167. */
#include <math.h>
#include "autograd/op.h"

typedef struct { int64_t rows, cols; kin_backend *backend; } shape;

/* row_j = -mean_i x_ij */
static void negative_mean(const shape *s, const real *x, real *row)
{
    s->backend->zero(s->backend, row, sizeof *row * (size_t)s->cols);
    s->backend->sum_rows(s->backend, s->rows, s->cols, x, row);
    s->backend->scale(s->backend, s->cols, -1 / (real)s->rows, row);
}

/* Every row of y is row. */
static void repeat(const shape *s, const real *row, real *y)
{
    s->backend->zero(s->backend, y, sizeof *y * (size_t)(s->rows * s->cols));
    s->backend->add_row(s->backend, s->rows, s->cols, row, y, y);
}

/* y = a b, element by element. */
static void multiply(const shape *s, const real *a, const real *b, real *y)
{
    s->backend->zero(s->backend, y, sizeof *y * (size_t)(s->rows * s->cols));
    s->backend->multiply(s->backend, s->rows * s->cols, a, b, y);
}

kin_tensor *kin_standardize(kin_tape *tape, kin_tensor *x, double eps)
{
    if (x->rows < 1 || !(eps > 0))
        return kin_tape_fail(tape, KIN_USAGE, "standardize: x is " KIN_SHAPE ", eps is %g, "
                             "expected rows and eps > 0", KIN_DIMS(x), eps);
    const size_t d = (size_t)x->cols, bytes = sizeof(real) * (size_t)x->rows * d;
    kin_node *node = kin_node_new(tape, &kin_op_standardize, x->rows, x->cols, 1, x);
    real *row = kin_keep(tape, sizeof *row * d), *work = kin_keep(tape, bytes);
    real *centred = kin_keep(tape, bytes), *host = kin_keep_host(tape, sizeof *host * d);
    if (host == NULL) return kin_empty(tape);
    const shape s = { x->rows, x->cols, kin_tape_backend(tape) };
    negative_mean(&s, x->value, row);
    s.backend->add_row(s.backend, s.rows, s.cols, row, x->value, centred);
    multiply(&s, centred, centred, work);
    negative_mean(&s, work, row);
    s.backend->download(s.backend, host, row, sizeof *row * d);
    for (size_t j = 0; j < d; j++)                         /* an infinite variance gives NaN */
        host[j] = (real)(isfinite(host[j]) ? 1 / sqrt(eps - (double)host[j]) : NAN);
    s.backend->upload(s.backend, row, host, sizeof *row * d);
    repeat(&s, row, work);
    multiply(&s, centred, work, node->out->value);
    node->saved = row;
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *y = node->out;
    const shape s = { y->rows, y->cols, kin_tape_backend(tape) };
    const size_t d = (size_t)y->cols, bytes = sizeof(real) * (size_t)y->rows * d;
    real *dx = kin_grad(tape, node->in[0]);
    real *g = kin_keep(tape, bytes), *work = kin_keep(tape, bytes);
    real *row = kin_keep(tape, sizeof *row * d);
    if (dx == NULL || row == NULL) return;
    negative_mean(&s, y->grad, row);
    s.backend->add_row(s.backend, s.rows, s.cols, row, y->grad, g);
    multiply(&s, y->grad, y->value, work);
    negative_mean(&s, work, row);
    repeat(&s, row, work);
    s.backend->multiply(s.backend, s.rows * s.cols, y->value, work, g);
    repeat(&s, node->saved, work);
    s.backend->multiply(s.backend, s.rows * s.cols, g, work, dx);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const struct { int rows, cols; double eps; } cases[] = {
        { 5, 3, 1e-5 }, { 3, 17, 0.1 }, { 9, 1, 1 } };
    if (case_ >= 3) return NULL;
    kin_tensor *x = kin_example_input(tape, params, count, 0, cases[case_].rows,
                                      cases[case_].cols);
    return kin_standardize(tape, x, cases[case_].eps);
}

const kin_op kin_op_standardize = {
    .entry = { "standardize", "brings every column to mean 0 and variance 1", { { 0 } } },
    .backward = backward,
    .example = example,
};
