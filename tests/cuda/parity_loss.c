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
    { 33, 70, 5, { 5, 64, 32 }, true },
    { 64, 64, 64, { 0, 0, 0 }, false }, { 64, 64, 64, { 16, 256, 32 }, false },
    { 257, 131, 100, { 0, 0, 0 }, false }, { 257, 131, 100, { 64, 2048, 64 }, false },
    { 300, 1000, 64, { 0, 0, 0 }, false }, { 300, 1000, 64, { 32, 4096, 256 }, false },
    { 1031, 517, 3, { 0, 16384, 128 }, false },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static const shape plain = { 13, 17, 5, { 0, 0, 0 }, true };
static const shape narrow = { 13, 7, 1, { 0, 0, 0 }, true };
static const shape little = { 5, 7, 3, { 0, 0, 0 }, true };

/* ---- one batch ------------------------------------------------------------------------------- */

static void move(parity *p, kin_tensor *t)
{
    if (t->value) t->value = parity_put_reals(p, t->value, t->rows * t->cols);
}

static void move_batch(parity *p, kin_loss_batch *b)
{
    kin_loss_batch_learn(b);
    move(p, &b->rows);
    move(p, &b->columns);
    move(p, &b->target);
    for (int i = 0; i < KIN_HYPERS_MAX; i++)
        if (b->setting.learned[i]) move(p, &b->learned[i]);
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
    if (!isnan(r->accuracy)) parity_doubles(p, "accuracy", &r->accuracy, 1, 1);
}

static void apply(parity *p, kin_loss_batch *b, const cut *by)
{
    kin_backend *device = p->device;
    const int64_t scores = device->tile_scores, columns = device->tile_columns;
    kin_loss_report report = { 0 };
    if (columns) device->tile_scores = by->scores, device->tile_columns = by->columns;
    if (by->panel) b->setting.panel = by->panel;
    b->setting.want_accuracy = !by->columns;               /* it wants whole rows */
    kin_tape_reset(p->tape, 1, 1, true);
    kin_tensor *loss = kin_loss_batch_apply(b, p->tape, &report);
    kin_tape_backward(p->tape, loss);
    const kin_status status = kin_tape_status(p->tape);
    parity_exactly(p, "status", status);
    if (status == KIN_OK) {
        compare_report(p, &report);
        const double floor = 0.1 / (double)report.rows;
        compare_gradient(p, &b->rows, floor);
        if (b->columns.value) compare_gradient(p, &b->columns, floor);
        for (int i = 0; i < KIN_HYPERS_MAX; i++)
            if (b->setting.learned[i]) compare_gradient(p, &b->learned[i], 1);
    }
    kin_tape_reset(p->tape, 0, 0, false);
    device->tile_scores = scores, device->tile_columns = columns;
}

/* Of what has one coordinate every cosine is 1 or -1, and gradients are nothing but what rounding
 * leaves; so are those of losses that make a handful of rows uncorrelated. */
static bool sensible(const kin_loss_batch *b)
{
    const kin_loss *loss = kin_loss_of(kin_losses.items[b->setting.loss]);
    const int similarity = b->setting.similarity ? b->setting.similarity : loss->similarity;
    if (loss->form == KIN_COMPOSED) return b->rows.rows >= 5 && b->rows.cols > 1;
    return b->scores || b->rows.cols > 1 || (similarity == KIN_DOT && !loss->normalizes);
}

/* One kind of batch under one setting; nothing where the loss does not take it. */
static void try_batch(parity *p, const char *family, parity_bound bound, int loss, int kind,
                      const shape *s, const double *hypers, const char *what)
{
    kin_loss_batch b;
    if (!parity_begin(p, family, bound, "%s, %ldx%ldx%ld by %ld, %ld, %s",
                      kin_loss_batch_kind(kind), (long)s->rows, (long)s->columns,
                      (long)s->dimension, (long)s->cut.panel, (long)s->cut.columns, what)) return;
    if (kin_loss_batch_make(&b, p->host_tape, loss, kind, s->rows, s->columns, s->dimension,
                            p->seed) == KIN_OK) {
        memcpy(b.setting.hypers, hypers, sizeof b.setting.hypers);
        if (sensible(&b)) {
            move_batch(p, &b);
            apply(p, &b, &s->cut);
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
        try_batch(p, family, PARITY_LOSS, loss, kind, &plain, hypers, "defaults");
        try_batch(p, family, PARITY_LOSS, loss, kind, &narrow, hypers, "defaults");
        for (int i = 0; i < SHAPES && kin_loss_batch_kind_is_main(kind); i++)
            if (shapes[i].small || !p->small)
                try_batch(p, family, PARITY_LOSS, loss, kind, &shapes[i], hypers, "defaults");
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
                try_batch(p, family, choices ? PARITY_LOSS : PARITY_STEEP, loss, kind, &little,
                          hypers, what);
    }
}

static void see_known(void *state, const kin_loss_check_line *line)
{
    if (sizeof(real) == sizeof(float)) parity_error(state, line->what, line->error, line->bound);
}

static void try_known(parity *p, int loss)
{
    if (!parity_begin(p, "known values", PARITY_STEEP, "%s", kin_losses.items[loss]->name)) return;
    const kin_status status = kin_known_check(p->tape, loss, NULL, see_known, p);
    parity_exactly(p, "status", status);
    parity_end(p);
}

void parity_losses(parity *p)
{
    for (int loss = 0; loss < kin_losses.count; loss++) {
        char family[64], ends[64];
        snprintf(family, sizeof family, "loss %s", kin_losses.items[loss]->name);
        snprintf(ends, sizeof ends, "%s, ends", family);
        try_defaults(p, loss, family);
        try_settings(p, loss, family, true);
        try_settings(p, loss, ends, false);
    }
    for (int loss = 0; loss < kin_losses.count; loss++) try_known(p, loss);
}
