/* snr -- rows whose dot product says how little of the anchor's signal the difference would drown.
 *
 *     rows     [u, -1 / (2 |q|^2), 1/2]       their dot product is 1 - |q - k|^2 / (2 |q|^2)
 *     columns  [k, |k|^2, 1]                  u = q / |q|^2
 *
 * q and k: the rows of x minus their own mean over the coordinates, so that the quotient is that of
 * two variances, noise to signal. x: B x D, y: B x (D + 2). With z = q / |q| and (du, da, .) = dy
 *
 *     rows     dq = (du + (da / |q| - 2 du . z) z) / |q|^2
 *     columns  dk = du + 2 da k
 *
 * and dx += dq minus its mean. An anchor that is constant but for rounding has no variance to
 * divide by: its row is 0 and gets no gradient; that is decided on the host, by B numbers. Yuan et
 * al. 2019, "Signal-to-noise ratio: a robust distance metric for deep metric learning". */
#include <float.h>
#include <math.h>
#include "autograd/op.h"

#define ROUNDING (64 * (sizeof(real) == 8 ? DBL_EPSILON : (double)FLT_EPSILON))

typedef struct {
    int side;
    real *ones;                 /* D */
    real *means;                /* B: work space */
    real *centred;              /* B x D: q or k */
    real *unit;                 /* B x D: z, rows only */
    real *inverse, *inverse2;   /* B: 1 / |q| and its square, rows only */
} saved;

/* Every row of y minus its mean. */
static void centre(kin_backend *backend, const saved *s, int64_t rows, int64_t cols, real *y)
{
    const kin_product means = {
        .m = rows, .n = 1, .k = cols, .alpha = -1 / (real)cols, .a = y, .lda = cols,
        .b = s->ones, .ldb = 1, .c = s->means, .ldc = 1,
    };
    const kin_product less = {
        .m = rows, .n = cols, .k = 1, .alpha = 1, .a = s->means, .lda = 1,
        .b = s->ones, .ldb = cols, .beta = 1, .c = y, .ldc = cols,
    };
    backend->product(backend, &means);
    backend->product(backend, &less);
}

static saved *make_room(kin_tape *tape, const kin_tensor *x, int side)
{
    const size_t b = (size_t)x->rows, d = (size_t)x->cols, rows = side ? 0 : 1;
    saved *s = kin_keep_host(tape, sizeof *s);
    real *numbers = kin_keep(tape, sizeof(real) * (d + b + b * d + rows * (b * d + 2 * b)));
    if (numbers == NULL) return NULL;
    *s = (saved){ .side = side, .ones = numbers, .means = numbers + d,
                  .centred = numbers + d + b };
    if (rows) s->unit = s->centred + b * d, s->inverse = s->unit + b * d;
    if (rows) s->inverse2 = s->inverse + b;
    return s;
}

/* What becomes of anchor i: numbers of the host are inverse, |x|^2, and the last two columns. */
static void judge(real *inverse, real *square, real *tail, real *half)
{
    const double size = (double)*inverse * sqrt((double)*square);
    if (size * ROUNDING >= 1) *inverse = 0;
    *square = *inverse * *inverse;
    *tail = (real)-0.5 * *square;
    *half = *inverse > 0 ? (real)0.5 : 0;
}

/* Rows: unit, inverse, inverse2 and all of y. */
static void anchors(kin_tape *tape, const kin_tensor *x, const saved *s, real *y)
{
    const int64_t b = x->rows, d = x->cols, w = d + 2;
    kin_backend *backend = kin_tape_backend(tape);
    real *host = kin_keep_host(tape, sizeof *host * 4 * (size_t)b);
    real *u = kin_keep(tape, sizeof *u * (size_t)(b * d));
    real *tail = kin_keep(tape, sizeof *tail * 2 * (size_t)b);
    if (tail == NULL) return;
    const size_t bytes = sizeof *host * (size_t)b;
    backend->normalize(backend, b, d, s->centred, s->unit, s->inverse);
    backend->row_dots(backend, b, d, x->value, x->value, s->inverse2);
    backend->download(backend, host, s->inverse, 2 * bytes);
    for (int64_t i = 0; i < b; i++)
        judge(&host[i], &host[b + i], &host[2 * b + i], &host[3 * b + i]);
    backend->upload(backend, s->inverse, host, 2 * bytes);
    backend->upload(backend, tail, host + 2 * b, 2 * bytes);
    backend->zero(backend, u, bytes * (size_t)d);
    backend->scale_rows(backend, b, d, s->inverse2, s->centred, u);
    backend->add_block(backend, b, d, 1, u, d, y, w);
    backend->add_block(backend, b, 1, 1, tail, 1, y + d, w);
    backend->add_block(backend, b, 1, 1, tail + b, 1, y + d + 1, w);
}

/* Columns: all of y. */
static void candidates(kin_backend *backend, const kin_tensor *x, const saved *s, real *y)
{
    const int64_t b = x->rows, d = x->cols, w = d + 2;
    backend->add_block(backend, b, d, 1, s->centred, d, y, w);
    backend->row_dots(backend, b, d, s->centred, s->centred, s->means);
    backend->add_block(backend, b, 1, 1, s->means, 1, y + d, w);
    backend->fill(backend, b, 1, s->means);
    backend->add_block(backend, b, 1, 1, s->means, 1, y + d + 1, w);
}

kin_tensor *kin_snr(kin_tape *tape, kin_tensor *x, int side)
{
    const int64_t b = x->rows, d = x->cols;
    kin_node *node = kin_node_new(tape, &kin_op_snr, b, d + 2, 1, x);
    saved *s = make_room(tape, x, side);
    if (s == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    real *y = node->out->value;
    backend->fill(backend, d, 1, s->ones);
    backend->copy(backend, s->centred, x->value, sizeof *y * (size_t)(b * d));
    centre(backend, s, b, d, s->centred);
    backend->zero(backend, y, sizeof *y * (size_t)(b * (d + 2)));
    if (side) candidates(backend, x, s, y);
    else anchors(tape, x, s, y);
    node->saved = s;
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const saved *s = node->saved;
    const int64_t b = node->in[0]->rows, d = node->in[0]->cols, w = d + 2;
    const size_t bytes = sizeof(real) * (size_t)b;
    const real *dy = node->out->grad;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    real *g = kin_keep(tape, bytes * (size_t)d), *dq = kin_keep(tape, bytes * (size_t)d);
    real *da = kin_keep(tape, bytes), *along = kin_keep(tape, bytes);
    if (dx == NULL || along == NULL) return;
    backend->zero(backend, g, bytes * (size_t)d);
    backend->zero(backend, da, bytes);
    backend->add_block(backend, b, d, 1, dy, w, g, d);
    backend->add_block(backend, b, 1, s->side ? 2 : 1, dy + d, w, da, 1);
    if (s->side) {
        backend->scale_rows(backend, b, d, da, s->centred, g);
    } else {
        backend->row_dots(backend, b, d, g, s->unit, along);
        backend->scale(backend, b, -2, along);
        backend->multiply(backend, b, s->inverse, da, along);
        backend->scale_rows(backend, b, d, along, s->unit, g);
        backend->zero(backend, dq, bytes * (size_t)d);
        backend->scale_rows(backend, b, d, s->inverse2, g, dq);
        g = dq;
    }
    centre(backend, s, b, d, g);
    backend->add(backend, b * d, 1, g, dx);
}

/* Both sides, and all scores of rows against themselves. */
static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int shapes[][2] = { { 4, 3 }, { 3, 5 }, { 1, 4 }, { 4, 6 } };
    if (case_ >= 4) return NULL;
    const int *s = shapes[case_];
    kin_tensor *x = kin_example_input(tape, params, count, 0, s[0], s[1]);
    if (case_ < 3) return kin_snr(tape, x, case_ % 2);
    return kin_matmul_nt(tape, kin_snr(tape, x, 0), kin_snr(tape, x, 1));
}

const kin_op kin_op_snr = {
    .entry = { "snr", "rows whose dot products are 1 - half a noise-to-signal ratio", { { 0 } } },
    .backward = backward,
    .example = example,
};
