/* clip_rows -- brings rows that are longer than a radius to that length.
 *
 *     y_i = f_i x_i        dx_i += f_i (dy_i - (dy_i . z_i) z_i) where f_i < 1, else dy_i
 *
 * f_i = min(1, r / |x_i|), z_i = x_i / |x_i|. Which rows are too long is decided on the host, by B
 * numbers. x, y: B x D. */
#include "autograd/op.h"

typedef struct { real *unit, *factor, *clipped; } saved;      /* clipped: factor of clipped rows */

kin_tensor *kin_clip_rows(kin_tape *tape, kin_tensor *x, double radius)
{
    if (!(radius > 0))
        return kin_tape_fail(tape, KIN_USAGE, "clip_rows: radius is %g, expected > 0", radius);
    const int64_t b = x->rows, d = x->cols;
    kin_node *node = kin_node_new(tape, &kin_op_clip_rows, b, d, 1, x);
    saved *s = kin_keep_host(tape, sizeof *s);
    real *numbers = kin_keep(tape, sizeof *numbers * (size_t)(b * (d + 2)));
    real *host = kin_keep_host(tape, sizeof *host * 2 * (size_t)b);
    if (host == NULL) return kin_empty(tape);
    kin_backend *backend = kin_tape_backend(tape);
    *s = (saved){ numbers, numbers + b * d, numbers + b * (d + 1) };
    backend->normalize(backend, b, d, x->value, s->unit, s->factor);
    backend->download(backend, host, s->factor, sizeof *host * (size_t)b);
    for (int64_t i = 0; i < b; i++) {
        const double f = radius * (double)host[i];
        const bool inside = host[i] == 0 || f >= 1;             /* an inverse of 0: a zero row */
        host[i] = inside ? 1 : (real)f;
        host[b + i] = inside ? 0 : -(real)f;
    }
    backend->upload(backend, s->factor, host, sizeof *host * 2 * (size_t)b);
    backend->zero(backend, node->out->value, sizeof(real) * (size_t)(b * d));
    backend->scale_rows(backend, b, d, s->factor, x->value, node->out->value);
    node->saved = s;
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const saved *s = node->saved;
    const int64_t b = node->out->rows, d = node->out->cols;
    const real *dy = node->out->grad;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    real *along = kin_keep(tape, sizeof *along * (size_t)b);
    real *less = kin_keep(tape, sizeof *less * (size_t)b);
    if (dx == NULL || less == NULL) return;
    backend->row_dots(backend, b, d, dy, s->unit, along);
    backend->zero(backend, less, sizeof *less * (size_t)b);
    backend->multiply(backend, b, along, s->clipped, less);
    backend->scale_rows(backend, b, d, s->factor, dy, dx);
    backend->scale_rows(backend, b, d, less, s->unit, dx);
}

/* Radii that all rows, some and none are longer than. */
static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const double radii[] = { 0.1, 1.8, 100 };
    if (case_ >= 3) return NULL;
    return kin_clip_rows(tape, kin_example_input(tape, params, count, 0, 5, 3), radii[case_]);
}

const kin_op kin_op_clip_rows = {
    .entry = { "clip_rows", "brings rows that are longer than a radius to it", { { 0 } } },
    .backward = backward,
    .example = example,
};
