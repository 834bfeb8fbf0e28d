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
