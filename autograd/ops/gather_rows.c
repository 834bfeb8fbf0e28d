/* gather_rows -- rows of a matrix, in any order and as often as one likes.
 *
 *     y_n = x_index[n]           dx_i += sum of dy_n over all n with index[n] = i, in their order
 *
 * x: B x D, y: N x D. The index is host memory and is copied. */
#include "autograd/op.h"
#include "core/group.h"

typedef struct { int64_t *start; int32_t *from, *own; real *ones; } saved;     /* backend memory */

static saved *keep(kin_tape *tape, const int32_t *index, int64_t n, int64_t rows)
{
    kin_backend *backend = kin_tape_backend(tape);
    saved *s = kin_keep_host(tape, sizeof *s);
    int64_t *start = kin_keep_host(tape, (size_t)(rows + 2) * sizeof *start);
    int32_t *from = kin_keep_host(tape, 2 * (size_t)n * sizeof *from);
    if (!s || !start || !from) return NULL;
    s->start = kin_keep(tape, (size_t)(rows + 1) * sizeof *start);
    s->from = kin_keep(tape, 2 * (size_t)n * sizeof *from);
    s->ones = kin_keep(tape, (size_t)n * sizeof *s->ones);
    if (!s->start || !s->from || !s->ones) return NULL;
    s->own = s->from + n;
    kin_group(index, n, rows, start, from);
    for (int64_t i = 0; i < n; i++) from[n + i] = (int32_t)i;
    backend->upload(backend, s->start, start, (size_t)(rows + 1) * sizeof *start);
    backend->upload(backend, s->from, from, 2 * (size_t)n * sizeof *from);
    backend->fill(backend, n, 1, s->ones);
    return s;
}

static bool gather(kin_tape *tape, const kin_tensor *x, const int32_t *index, int64_t n, real *y)
{
    kin_backend *backend = kin_tape_backend(tape);
    int32_t *ids = kin_keep(tape, (size_t)n * sizeof *ids);
    if (!ids) return false;
    backend->upload(backend, ids, index, (size_t)n * sizeof *ids);
    return kin_rows_of(tape, n, n, ids, x->cols, x->value, y);
}

kin_tensor *kin_gather_rows(kin_tape *tape, kin_tensor *x, const int32_t *index, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (index[i] < 0 || index[i] >= x->rows)
            return kin_tape_fail(tape, KIN_USAGE, "gather_rows: row %d of x, which is " KIN_SHAPE,
                                 (int)index[i], KIN_DIMS(x));
    kin_node *node = kin_node_new(tape, &kin_op_gather_rows, n, x->cols, 1, x);
    if (node == NULL || !gather(tape, x, index, n, node->out->value)) return kin_empty(tape);
    if (node->out->needs_grad) node->saved = keep(tape, index, n, x->rows);
    node->out->unit = x->unit;
    return node->out;
}

static void backward(kin_tape *tape, kin_node *node)
{
    const kin_tensor *x = node->in[0];
    const saved *s = node->saved;
    kin_backend *backend = kin_tape_backend(tape);
    real *dx = kin_grad(tape, node->in[0]);
    if (dx == NULL) return;
    backend->cell_sums(backend, x->rows, s->start, s->from, s->ones, s->own, x->cols,
                       node->out->grad, dx);
}

static kin_tensor *example(kin_tape *tape, int case_, kin_tensor **params, int *count)
{
    static const int32_t index[] = { 2, 0, 2, 2, 3, 1 };
    if (case_ >= 2) return NULL;
    kin_tensor *x = kin_example_input(tape, params, count, 0, 5, case_ ? 1 : 3);
    return kin_gather_rows(tape, x, index, case_ ? 3 : 6);
}

const kin_op kin_op_gather_rows = {
    .entry = { .name = "gather_rows", .summary = "rows of a matrix in any order" },
    .backward = backward, .example = example,
};
