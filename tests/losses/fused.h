/* Fused: kin_loss_apply on a problem of oracle.h, and numbers to make problems from. */
#ifndef KIN_TESTS_LOSSES_FUSED_H
#define KIN_TESTS_LOSSES_FUSED_H

#include <stdio.h>
#include "autograd/op.h"
#include "core/rng.h"
#include "cpu/cpu.h"
#include "losses/batch.h"
#include "tests/losses/oracle.h"

typedef struct {
    kin_pool *pool;
    kin_backend *backend;
    kin_tape *tape;
} machine;

static kin_status machine_open(machine *m, int threads)
{
    *m = (machine){ 0 };
    KIN_TRY(kin_pool_new(&m->pool, threads));
    KIN_TRY(kin_cpu_new(&m->backend, m->pool));
    return kin_tape_new(&m->tape, m->backend);
}

static void machine_close(machine *m)
{
    if (m->tape) kin_tape_free(m->tape);
    if (m->backend) m->backend->free(m->backend);
    kin_pool_free(m->pool);
    *m = (machine){ 0 };
}

static real *to_real(const double *x, int64_t n)
{
    real *y = aligned_alloc(64, (size_t)(n * (int64_t)sizeof(real) + 127) / 64 * 64);
    for (int64_t i = 0; i < n; i++) y[i] = (real)x[i];
    return y;
}

static void from_real(const real *x, int64_t n, double *y)
{
    for (int64_t i = 0; i < n; i++) y[i] = x ? (double)x[i] : 0;
}

static const kin_loss *loss_at(int place)
{
    return kin_loss_of(kin_losses.items[place]);
}

typedef struct {
    kin_loss_setting setting;
    kin_tensor q, k, learned[KIN_HYPERS_MAX];
    real parameter[KIN_HYPERS_MAX];
    bool same;
} inputs;

static void inputs_open(inputs *in, const problem *p)
{
    *in = (inputs){ .same = !p->k };
    kin_loss_setting *s = &in->setting;
    if (kin_list_find(&kin_losses, p->loss, &s->loss) != KIN_OK) abort();
    s->direction = p->symmetric ? KIN_BOTH_WAYS : KIN_ONE_WAY;
    s->similarity = p->dot ? KIN_DOT : KIN_SIMILARITY_OWN, s->want_accuracy = p->accuracy;
    s->relation = p->relation, s->memory = p->memory, s->panel = p->panel;
    memcpy(s->hypers, p->hypers, sizeof s->hypers);
    memcpy(s->dims, p->dims, sizeof s->dims);
    memcpy(s->dim_weight, p->dim_weight, sizeof s->dim_weight);
    in->q = (kin_tensor){ .rows = p->rows, .cols = p->dimension, .needs_grad = true, .name = "q" };
    in->q.value = to_real(p->q, p->rows * p->dimension);
    if (p->k) {
        in->k = (kin_tensor){ .rows = p->columns, .cols = p->dimension, .needs_grad = true,
                              .name = "k" };
        in->k.value = to_real(p->k, p->columns * p->dimension);
    }
    for (int i = 0; i < KIN_HYPERS_MAX; i++) {
        if (!(p->learn >> i & 1)) continue;
        in->parameter[i] = (real)kin_loss_learned_start(kin_losses.items[s->loss], i, p->hypers[i]);
        in->learned[i] = (kin_tensor){ .rows = 1, .cols = 1, .value = &in->parameter[i],
                                       .needs_grad = true, .name = "parameter" };
        s->learned[i] = &in->learned[i];
    }
}

static kin_tensor *inputs_apply(inputs *in, kin_tape *tape, kin_loss_report *report)
{
    return kin_loss_apply(tape, &in->setting, &in->q, in->same ? &in->q : &in->k, report);
}

static void inputs_close(inputs *in)
{
    free(in->q.value);
    free(in->k.value);
}

static answer fused(const machine *m, const problem *p)
{
    answer a = { 0 };
    inputs in;
    inputs_open(&in, p);
    kin_tape_reset(m->tape, 1, 0, true);
    kin_tensor *loss = inputs_apply(&in, m->tape, &a.report);
    a.status = kin_tape_backward(m->tape, loss);
    a.value = a.report.value;
    a.dq = zeros(p->rows * p->dimension);
    from_real(in.q.grad, p->rows * p->dimension, a.dq);
    if (p->k) {
        a.dk = zeros(p->columns * p->dimension);
        from_real(in.k.grad, p->columns * p->dimension, a.dk);
    }
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        a.dh[i] = in.learned[i].grad ? (double)in.learned[i].grad[0] : 0;
    kin_tape_reset(m->tape, 1, 0, true);
    inputs_close(&in);
    return a;
}

/* The same of a batch. */
static answer fused_batch(const machine *m, kin_loss_batch *b)
{
    answer a = { 0 };
    const int64_t rows = b->rows.rows * b->rows.cols, columns = b->columns.rows * b->columns.cols;
    kin_tape_reset(m->tape, 1, 0, true);
    kin_tensor *loss = kin_loss_batch_apply(b, m->tape, &a.report);
    a.status = kin_tape_backward(m->tape, loss);
    a.value = a.report.value;
    a.dq = zeros(rows), a.dk = zeros(columns);
    from_real(b->rows.grad, rows, a.dq);
    from_real(b->columns.grad, columns, a.dk);
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        a.dh[i] = b->learned[i].grad ? (double)b->learned[i].grad[0] : 0;
    kin_tape_reset(m->tape, 1, 0, true);
    return a;
}

/* Kind number `kind` as this loss takes it, learnable hyperparameters learned; false where it does
 * not. */
static bool batch_open(const machine *m, kin_loss_batch *b, int loss, int kind, int64_t rows,
                       int64_t columns, int64_t dimension)
{
    if (kin_loss_batch_make(b, m->tape, loss, kind, rows, columns, dimension, 1) != KIN_OK)
        return false;
    kin_loss_batch_learn(b);
    return true;
}

/* n normal numbers, the same for the same seed, that float holds exactly. */
static double *normals(uint64_t seed, int64_t n)
{
    double *x = zeros(n);
    for (int64_t i = 0; i < n; i++)
        x[i] = (double)(float)kin_random_normal(seed, KIN_STREAM_TEST, 0, (uint64_t)i);
    return x;
}

static int32_t *numbers(uint64_t seed, int64_t n, uint64_t below)
{
    int32_t *x = calloc((size_t)n, sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = (int32_t)kin_random_below(seed, KIN_STREAM_TEST, 1, (uint64_t)i, below);
    return x;
}

static double largest(const double *x, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(x[i]));
    return most;
}

/* Largest difference, relative to the largest entry of b (but at least floor). */
static double apart(const double *a, const double *b, int64_t n, double floor)
{
    double worst = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs(a[i] - b[i]);
        if (!(d <= worst)) worst = d;                        /* NaN too */
    }
    return worst / fmax(largest(b, n), floor);
}

/* How far a is from b in value, gradients and report, relative to the largest, at least floor. */
static double answers_apart(const problem *p, const answer *a, const answer *b, double floor)
{
    double worst = fabs(a->value - b->value) / fmax(fabs(b->value), floor);
    if (!(worst >= 0)) return INFINITY;
    worst = fmax(worst, apart(a->dq, b->dq, p->rows * p->dimension, floor));
    if (p->k) worst = fmax(worst, apart(a->dk, b->dk, p->columns * p->dimension, floor));
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (p->learn >> i & 1) worst = fmax(worst, apart(&a->dh[i], &b->dh[i], 1, 10 * floor));
    if (a->report.valid != b->report.valid || a->report.rows != b->report.rows ||
        fabs(a->report.positives - b->report.positives) > 1e-9 * (1 + b->report.positives) ||
        fabs(a->report.negatives - b->report.negatives) > 1e-9 * (1 + b->report.negatives))
        return INFINITY;
    return worst;
}

#endif
