/* Every loss of losses/losses.def, on the batches that losses/batch.h makes of it, and on known
 * values. A batch is made on the CPU and moved to the device. */
#include "tests/cuda/parity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "losses/batch.h"
#include "losses/known.h"

/* What the scores are cut into: rows of a panel, scores and columns of a tile; 0: as is chosen. */
typedef struct { int64_t panel, scores, columns; } cut;

typedef struct {
    int64_t rows, columns, dimension;
    cut cut;
    bool small;                        /* of the small set too */
} shape;

static const shape shapes[] = {
    { 1, 1, 3, { 0, 0, 0 }, true }, { 2, 2, 3, { 0, 0, 0 }, true }, { 7, 13, 3, { 0, 0, 0 }, true },
    { 12, 20, 4, { 0, 0, 0 }, true },                                   /* four scores a load */
    { 64, 64, 64, { 0, 0, 0 }, false }, { 64, 64, 64, { 16, 256, 32 }, false },
    { 257, 131, 100, { 0, 0, 0 }, false }, { 257, 131, 100, { 64, 2048, 64 }, false },
    { 300, 1000, 64, { 0, 0, 0 }, false }, { 300, 1000, 64, { 32, 4096, 256 }, false },
    { 1031, 517, 16, { 0, 16384, 128 }, false },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const shape plain = { 13, 17, 5, { 0, 0, 0 }, true };
static const shape tiled = { 19, 40, 5, { 4, 64, 16 }, true };
static const shape fours = { 20, 40, 4, { 4, 64, 16 }, true };             /* four scores a load */
static const shape narrow = { 13, 7, 1, { 0, 0, 0 }, true };
static const shape little = { 5, 7, 3, { 0, 0, 0 }, true };

/* ---- one batch ------------------------------------------------------------------------------- */

/* Its tensors, up to NULL. */
static int tensors_of(kin_loss_batch *b, kin_tensor **list)
{
    int n = 0;
    list[n++] = &b->rows;
    if (b->columns.value) list[n++] = &b->columns;
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (b->setting.learned[i]) list[n++] = &b->learned[i];
    if (b->target.value) list[n++] = &b->target;
    return n;
}

/* Numbers in the device's memory, a little beside what they are in try number > 0; targets are not
 * moved, since their order counts. */
static real *put_moved(parity *p, const kin_tensor *t, const real *host, int number)
{
    const int64_t n = t->rows * t->cols;
    if (!number || !t->needs_grad) return parity_put_reals(p, host, n);
    real *x = parity_host(sizeof *x * (size_t)n);
    int32_t *side = parity_host_below(p, 40 + (uint32_t)number, n, 2);
    for (int64_t i = 0; i < n; i++) x[i] = host[i] + host[i] * (real)(side[i] ? 0x1p-23 : -0x1p-23);
    real *device = parity_put_reals(p, x, n);
    free(x), free(side);
    return device;
}

/* The gradient of a mean over rows is about 1 / rows; what is far below that has cancelled. */
static void compare_gradient(parity *p, const kin_tensor *t, double floor)
{
    const int64_t n = t->rows * t->cols;
    char what[64];
    snprintf(what, sizeof what, "gradient of %s", t->name);
    if (t->grad) {
        parity_reals(p, what, t->grad, n, floor);
    } else {
        double *zeros = parity_host(sizeof *zeros * (size_t)n);
        parity_doubles(p, what, zeros, n, floor);
        free(zeros);
    }
}

static void compare_report(parity *p, const kin_loss_report *r)
{
    const double counts[] = { (double)r->rows, (double)r->valid, r->positives, r->negatives };
    parity_doubles(p, "value", &r->value, 1, 1);
    parity_doubles(p, "counts", counts, 4, 1);
    if (!isnan(r->accuracy) && !p->rounds) parity_doubles(p, "accuracy", &r->accuracy, 1, 1);
}

static void apply(parity *p, kin_loss_batch *b, const cut *by)
{
    kin_backend *device = p->device;
    const int64_t scores = device->tile_scores, columns = device->tile_columns;
    kin_loss_report report = { 0 };
    if (columns) device->tile_scores = by->scores, device->tile_columns = by->columns;
    if (by->panel) b->setting.panel = by->panel;
    kin_tape_reset(p->tape, 1, 1, true);
    kin_tensor *loss = kin_loss_batch_apply(b, p->tape, &report);
    kin_tape_backward(p->tape, loss);
    const kin_status status = kin_tape_status(p->tape);
    parity_exactly(p, "status", status);
    if (status == KIN_OK) {
        const double floor = 0.1 / (double)report.rows;
        compare_report(p, &report);
        compare_gradient(p, &b->rows, floor);
        if (b->columns.value) compare_gradient(p, &b->columns, floor);
        for (int i = 0; i < KIN_HYPERS_MAX; i++)
            if (b->setting.learned[i]) compare_gradient(p, &b->learned[i], 1);
    }
    kin_tape_reset(p->tape, 0, 0, false);
    device->tile_scores = scores, device->tile_columns = columns;
}

static void apply_moved(parity *p, kin_loss_batch *b, const cut *by)
{
    kin_tensor *tensors[3 + KIN_HYPERS_MAX];
    real *host[3 + KIN_HYPERS_MAX];
    kin_loss_batch_learn(b);
    const int n = tensors_of(b, tensors);
    for (int i = 0; i < n; i++) host[i] = tensors[i]->value;
    for (int number = parity_doubts(p); number >= 0; number--) {
        for (int i = 0; i < n; i++) tensors[i]->value = put_moved(p, tensors[i], host[i], number);
        parity_moving(p, number > 0);
        apply(p, b, by);
    }
    for (int i = 0; i < n; i++) tensors[i]->value = host[i];
}

static int similarity_of(const kin_loss_batch *b)
{
    const kin_loss *loss = kin_loss_of(kin_losses.items[b->setting.loss]);
    const int similarity = b->setting.similarity ? b->setting.similarity : loss->similarity;
    return similarity ? similarity : KIN_COSINE;
}

/* Whether scores stay between -1 and 1. */
static bool within(const kin_loss_batch *b)
{
    const int similarity = similarity_of(b);
    return !b->scores && (similarity == KIN_COSINE || similarity == KIN_ANGLE);
}

/* Scores of 20 would make exponents of 50,000 in a loss that squares them. */
static void shrink(kin_loss_batch *b)
{
    for (int side = 0; side < 2; side++) {
        kin_tensor *t = side ? &b->columns : &b->rows;
        for (int64_t i = 0; t->value && i < t->rows * t->cols; i++) t->value[i] /= 4;
    }
}

/* A loss that always looks for its largest exponent has large ones, larger ones still where scores
 * may be anything; a whole row carries its sums as logarithms. */
static parity_bound bound_of(const kin_loss_batch *b, bool ends)
{
    const kin_loss *loss = kin_loss_of(kin_losses.items[b->setting.loss]);
    if (ends || (loss->whole && loss->form == KIN_ROW)) return PARITY_ENDS;
    if (loss->looks != KIN_ALWAYS) return PARITY_LOSS;
    return within(b) ? PARITY_STEEP : PARITY_ENDS;
}

/* A value of 1e-200 is above 0 in double, in float it is 0. */
static void count_zeros(kin_loss_batch *b)
{
    const kin_loss *loss = kin_loss_of(kin_losses.items[b->setting.loss]);
    const int reduce = b->setting.reduce ? b->setting.reduce : loss->reduce;
    if (reduce == KIN_MEAN_NONZERO) b->setting.reduce = KIN_MEAN_VALID;
}

/* Of what has one coordinate every cosine is 1 or -1, and gradients are nothing but what rounding
 * leaves; so are those of losses that make a handful of rows uncorrelated. */
static bool sensible(const kin_loss_batch *b)
{
    const kin_loss *loss = kin_loss_of(kin_losses.items[b->setting.loss]);
    const int similarity = similarity_of(b);
    if (loss->form == KIN_COMPOSED) return b->rows.rows >= 5 && b->rows.cols > 1;
    /* The same column is a positive and a negative of a row. */
    if (b->setting.cells && !b->scores && b->columns.rows < 5) return false;
    if (loss->looks == KIN_ALWAYS && similarity == KIN_SNR) return false;  /* scores of thousands */
    return b->scores || b->rows.cols > 1 || (similarity == KIN_DOT && !loss->normalizes);
}

/* One kind of batch under one setting; nothing where the loss does not take it. */
static void try_batch(parity *p, const char *family, bool ends, int loss, int kind,
                      const shape *s, const double *hypers, const char *what)
{
    const parity_bound bound = ends ? PARITY_ENDS : PARITY_LOSS;
    kin_loss_batch b;
    if (!parity_begin(p, family, bound, "%s, %ldx%ldx%ld by %ld, %ld, %s",
                      kin_loss_batch_kind(kind), (long)s->rows, (long)s->columns,
                      (long)s->dimension, (long)s->cut.panel, (long)s->cut.columns, what)) return;
    if (kin_loss_batch_make(&b, p->host_tape, loss, kind, s->rows, s->columns, s->dimension,
                            p->seed) == KIN_OK) {
        memcpy(b.setting.hypers, hypers, sizeof b.setting.hypers);
        if (sensible(&b)) {
            b.setting.want_accuracy = !s->cut.columns;       /* it asks for whole rows */
            if (!within(&b)) shrink(&b);
            if (ends) count_zeros(&b);
            if (parity_allow(p, bound_of(&b, ends))) apply_moved(p, &b, &s->cut);
        }
        kin_loss_batch_free(&b);
    }
    kin_tape_reset(p->host_tape, 0, 0, false);
    parity_end(p);
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Whether the setting differs from the defaults in choices alone. */
static bool chosen(const kin_entry *loss, const double *hypers)
{
    for (int i = 0; loss->hypers[i].name; i++) {
        const kin_hyper *h = &loss->hypers[i];
        if (hypers[i] != h->value && !h->choices && !(h->flags & KIN_BOOLEAN)) return false;
    }
    return true;
}

/* Every kind at the defaults, the main ones at larger shapes. */
static void try_defaults(parity *p, int loss, const char *family)
{
    double hypers[KIN_HYPERS_MAX] = { 0 };
    kin_hyper_defaults(kin_losses.items[loss], hypers);
    for (int kind = 0; kin_loss_batch_kind(kind); kind++) {
        try_batch(p, family, false, loss, kind, &plain, hypers, "defaults");
        try_batch(p, family, false, loss, kind, &narrow, hypers, "defaults");
        try_batch(p, family, false, loss, kind, &tiled, hypers, "defaults");
        if (!p->small || kin_loss_batch_kind_is_main(kind))
            try_batch(p, family, false, loss, kind, &fours, hypers, "defaults");
        for (int i = 0; i < SHAPES && kin_loss_batch_kind_is_main(kind); i++)
            if (shapes[i].small || !p->small)
                try_batch(p, family, false, loss, kind, &shapes[i], hypers, "defaults");
    }
}

/* The main kinds under every combination of choices, or at both ends of every number. */
static void try_settings(parity *p, int loss, const char *family, bool choices)
{
    const kin_entry *entry = kin_losses.items[loss];
    double hypers[KIN_HYPERS_MAX] = { 0 };
    char what[96];
    for (int n = 1; kin_loss_batch_hypers(entry, n, hypers, what, sizeof what); n++) {
        if (!strcmp(what, "defaults") || chosen(entry, hypers) != choices) continue;
        for (int kind = 0; kin_loss_batch_kind(kind); kind++)
            if (kin_loss_batch_kind_is_main(kind))
                try_batch(p, family, !choices, loss, kind, &little, hypers, what);
    }
}

static void see_known(void *state, const kin_loss_check_line *line)
{
    if (sizeof(real) == sizeof(float)) parity_error(state, line->what, line->error, line->bound);
}

static void try_known(parity *p, int loss)
{
    if (!parity_begin(p, "known values", PARITY_ENDS, "%s", kin_losses.items[loss]->name)) return;
    const kin_status status = kin_known_check(p->tape, loss, NULL, see_known, p);
    parity_exactly(p, "status", status);
    parity_end(p);
}

/* Whether another choice of a miner, or the other side of a hinge, may change it all at once. */
static bool jumps(int place)
{
    const kin_loss *loss = kin_loss_of(kin_losses.items[place]);
    return loss->form == KIN_ROW || loss->whole;
}

void parity_losses(parity *p)
{
    for (int loss = 0; loss < kin_losses.count; loss++) {
        char family[64], ends[64];
        snprintf(family, sizeof family, "loss %s", kin_losses.items[loss]->name);
        snprintf(ends, sizeof ends, "%s, ends", family);
        if (p->rounds && jumps(loss)) continue;
        try_defaults(p, loss, family);
        if (p->rounds) continue;
        try_settings(p, loss, family, true);
        try_settings(p, loss, ends, false);
    }
    for (int loss = 0; loss < kin_losses.count; loss++) try_known(p, loss);
}
