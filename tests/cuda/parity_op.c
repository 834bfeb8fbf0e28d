/* Every op of autograd/ops.def on its own examples: its value, and what it gives back. */
#include "tests/cuda/parity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "autograd/op.h"

enum { PARAMS_MAX = 4 };

typedef struct {
    kin_tensor tensors[PARAMS_MAX];    /* inputs in memory that outlives a reset */
    kin_tensor *params[PARAMS_MAX];
    int count;
} inputs;

/* The example makes its inputs on the tape; both precisions are given the same ones. */
static void adopt(parity *p, inputs *in)
{
    for (int i = 0; i < in->count; i++) {
        kin_tensor *tensor = &in->tensors[i];
        *tensor = *in->params[i];
        const int64_t n = tensor->rows * tensor->cols;
        real *host = parity_host(sizeof *host * (size_t)n);
        p->device->download(p->device, host, tensor->value, sizeof *host * (size_t)n);
        for (int64_t k = 0; k < n; k++) host[k] = (real)(float)host[k];
        tensor->value = parity_put_reals(p, host, n);
        in->params[i] = tensor;
        free(host);
    }
}

static void try_case(parity *p, const kin_op *op, int case_, inputs *in)
{
    adopt(p, in);
    kin_tape_reset(p->tape, 1, 1, true);
    kin_tensor *y = op->example(p->tape, case_, in->params, &in->count);
    if (kin_tape_status(p->tape) == KIN_OK) {
        const int64_t n = y->rows * y->cols;
        parity_reals(p, "y", y->value, n, 0);
        kin_tensor *r = kin_tape_input(p->tape, y->rows, y->cols, parity_normal(p, 1, n));
        kin_tape_backward(p->tape, kin_sum(p->tape, kin_mul(p->tape, y, r)));
    }
    parity_exactly(p, "status", kin_tape_status(p->tape));
    for (int i = 0; i < in->count && kin_tape_status(p->tape) == KIN_OK; i++) {
        const kin_tensor *x = in->params[i];
        char what[32];
        snprintf(what, sizeof what, "gradient %d", i);
        const real *gradient = kin_tensor_dense_gradient(p->tape, x);
        if (gradient) parity_reals(p, what, gradient, x->rows * x->cols, 0);
        const double norm = sqrt(x->squares);
        parity_doubles(p, "norm", &norm, 1, 0);
    }
    kin_tape_reset(p->tape, 0, 0, false);
}

void parity_ops(parity *p)
{
    for (int o = 0; o < kin_ops.count; o++) {
        /* A kin_op begins with its kin_entry. */
        const kin_op *op = (const kin_op *)(const void *)kin_ops.items[o];
        char family[48];
        snprintf(family, sizeof family, "op %s", op->entry.name);
        for (int case_ = 0; case_ < 1000; case_++) {
            inputs in = { .count = 0 };
            kin_tape_reset(p->tape, 1, 1, true);
            if (op->example(p->tape, case_, in.params, &in.count) == NULL) break;
            if (!parity_begin(p, family, PARITY_OP, "case %d", case_)) continue;
            try_case(p, op, case_, &in);
            parity_end(p);
        }
        kin_tape_reset(p->tape, 0, 0, false);
    }
}
