/* Sparse gradients of tables, written out. */
#include "autograd/tape_inside.h"

void kin_sparse_scatter(kin_backend *backend, const kin_sparse *sparse, int64_t cols, real *y)
{
    int32_t id[256];
    for (int64_t from = 0; from < sparse->count; from += 256) {
        const int64_t n = sparse->count - from < 256 ? sparse->count - from : 256;
        backend->download(backend, id, sparse->id + from, sizeof *id * (size_t)n);
        for (int64_t i = 0; i < n; i++)
            backend->add(backend, cols, 1, sparse->value + (from + i) * cols, y + id[i] * cols);
    }
}

/* ---- gradients of few rows of what an op made ------------------------------------------------ */

bool kin_grad_takes_rows(const kin_tensor *tensor)
{
    const bool alone = tensor->uses == 1 && tensor->grad == NULL && tensor->whole == NULL;
    if (!tensor->needs_grad || !alone) return false;
    if (tensor->node == NULL) return tensor->table && tensor->sparse == NULL;
    return tensor->node->op->takes_rows && kin_grad_takes_rows(tensor->node->in[0]);
}

void kin_grad_give_rows(kin_tape *tape, kin_tensor *tensor, real factor, kin_sparse *g)
{
    kin_backend *backend = kin_tape_backend(tape);
    if (!tensor->needs_grad || tape->status != KIN_OK) return;
    if (factor != 1 && g->count > 0)
        backend->scale(backend, g->count * tensor->cols, factor, g->value);
    if (kin_grad_takes_rows(tensor)) {
        kin_tape_note_reached(tape, tensor);
        tensor->sparse = g;
        return;
    }
    real *grad = kin_grad(tape, tensor);
    if (grad != NULL) kin_sparse_scatter(backend, g, tensor->cols, grad);
}

/* Each row is a bag with one token. */
bool kin_rows_of(kin_tape *tape, int64_t n, int64_t most, const int32_t *id, int64_t cols,
                 const real *x, real *y)
{
    kin_backend *backend = kin_tape_backend(tape);
    int64_t *each = kin_keep_host(tape, (size_t)(most + 1) * sizeof *each);
    int64_t *start = kin_keep(tape, (size_t)(most + 1) * sizeof *start);
    if (!each || !start) return false;
    for (int64_t i = 0; i <= n; i++) each[i] = i;
    backend->upload(backend, start, each, (size_t)(n + 1) * sizeof *start);
    const kin_bags bags = { .rows = n, .tokens = n, .ids = id, .start = start };
    backend->bag(backend, &bags, cols, x, NULL, y);
    return true;
}

bool kin_sparse_close(kin_tape *tape, kin_tensor *table)
{
    kin_backend *backend = kin_tape_backend(tape);
    const int64_t tokens = table->sparse->bags.tokens, rows = table->rows;
    if (!kin_grad_sparse_values(tape, table, tokens < rows ? tokens : rows)) return false;
    backend->bag_sum(backend, table->cols, table->value, table->sparse, NULL);
    return true;
}

const real *kin_tensor_dense_gradient(kin_tape *tape, const kin_tensor *tensor)
{
    if (tensor->grad != NULL) return tensor->grad;
    kin_backend *backend = kin_tape_backend(tape);
    const size_t bytes = sizeof(real) * (size_t)(tensor->rows * tensor->cols);
    real *dense = kin_keep(tape, bytes);
    if (dense == NULL) return NULL;
    backend->zero(backend, dense, bytes);
    if (tensor->sparse != NULL)
        kin_sparse_scatter(backend, tensor->sparse, tensor->cols, dense);
    return dense;
}
