/* Towers: how the texts of a step become embeddings, and how gradients come back.
 *
 * Plainly, everything is recorded on the step's tape. With batch.chunk the batch is embedded a
 * chunk at a time and only embeddings are kept; the loss goes back as far as these; then each chunk
 * is embedded again and goes back from the gradients of its embeddings (Gao et al. 2021,
 * arXiv:2101.06983). It is exact: dropout is the same in both passes, and what parameters get from
 * all chunks is one gradient. With encoder.momentum a copy of the network, which follows it slowly
 * (He et al. 2020, arXiv:1911.05722; Grill et al. 2020, arXiv:2006.07733), embeds the columns. */
#include <math.h>

#include "train/trainer.h"

static kin_role role_of(int side)
{
    return side == TRAINED_QUERIES || side == SLOW_QUERIES ? KIN_QUERY : KIN_DOCUMENT;
}

static bool trained(int side) { return side < SLOW_QUERIES; }

/* What the loss's columns are; the others are rows. */
static int column_side(const kin_towers *w)
{
    return w->items ? TRAINED_QUERIES : w->slow ? SLOW_DOCUMENTS : TRAINED_DOCUMENTS;
}

/* Mined documents are columns. */
static int64_t rows_of(const kin_trainer *t, int side)
{
    return side == column_side(&t->towers) ? kin_batch_rows(t, role_of(side)) : t->size;
}

static bool needed(const kin_towers *w, int side)
{
    if (w->items) return side == TRAINED_QUERIES;
    switch (side) {
    case TRAINED_QUERIES: return true;
    case TRAINED_DOCUMENTS: return !w->slow || w->both;
    case SLOW_QUERIES: return w->slow && w->both;
    default: return w->slow != NULL;
    }
}

/* ---- making them ----------------------------------------------------------------------------- */

static void copy_weights(kin_trainer *t, kin_network *slow)
{
    const kin_network *n = t->model->network;
    for (int i = 0; i < n->count; i++) {
        const kin_tensor *from = &n->weight[i].tensor;
        kin_tensor *to = &slow->weight[i].tensor;
        to->needs_grad = false;
        t->backend->copy(t->backend, to->value, from->value,
                         (size_t)(from->rows * from->cols) * sizeof(real));
    }
}

kin_status kin_towers_make(kin_trainer *t)
{
    kin_towers *w = &t->towers;
    const kin_network *n = t->model->network;
    w->chunk = (int64_t)kin_config_number(t->config, "batch.chunk");
    if (w->chunk > t->size) w->chunk = t->size;
    w->momentum = kin_config_number(t->config, "encoder.momentum");
    w->cosine = kin_config_is(t->config, "encoder.momentum_schedule", "cosine");
    w->both = kin_config_is(t->config, "loss.direction", "both_ways");
    w->items = kin_material_sides(t) == 1;
    if (w->momentum <= 0) return KIN_OK;
    KIN_TRY(kin_network_new(&w->slow, t->backend, kin_config_entry(t->config, "encoder"),
                            n->hypers, n->vocab, n->separate));
    w->slow->stream = n->stream + 2;
    copy_weights(t, w->slow);
    return KIN_OK;
}

kin_status kin_towers_make_step(kin_trainer *t)
{
    kin_towers *w = &t->towers;
    const size_t bytes = (size_t)(t->size * t->model->network->width) * sizeof(real);
    const size_t mined = t->negatives ? (size_t)t->negatives->count : 0;
    if (!w->chunk) return KIN_OK;
    for (int i = 0; i < KIN_TOWER_SIDES; i++) {
        if (!needed(w, i)) continue;
        w->value[i] = t->backend->alloc(t->backend,
                                        i == column_side(w) ? bytes * (1 + mined) : bytes);
        KIN_REQUIRE(w->value[i], KIN_MEMORY, "no memory for %ld embeddings", (long)t->size);
    }
    return kin_tape_new(&w->part, t->backend);
}

void kin_towers_free_step(kin_trainer *t)
{
    kin_towers *w = &t->towers;
    kin_tape_free(w->part);
    w->part = NULL;
    for (int i = 0; i < KIN_TOWER_SIDES; i++) {
        if (w->value[i]) t->backend->release(t->backend, w->value[i]);
        w->value[i] = NULL;
    }
}

/* ---- embedding ------------------------------------------------------------------------------- */

static kin_tensor *forward_features(kin_trainer *t, kin_tape *tape, int64_t from)
{
    const int64_t chunk = t->towers.chunk ? t->towers.chunk : t->size, cols = t->store->features;
    const int64_t rows = t->size - from < chunk ? t->size - from : chunk;
    kin_tensor *x = kin_tape_input(tape, rows, cols, t->batch.features + from * cols);
    return kin_network_forward_features(tape, t->model->network, x, from);
}

static kin_tensor *forward(kin_trainer *t, kin_tape *tape, int side, int64_t from)
{
    kin_network *n = trained(side) ? t->model->network : t->towers.slow;
    const bool parts = t->towers.chunk || t->towers.slow;
    if (t->store->features) return forward_features(t, tape, from);
    const kin_bags bags = parts ? kin_batch_part(t, role_of(side), from, rows_of(t, side))
                                : t->batch.bags.queries;
    return kin_network_forward_rows(tape, n, role_of(side), &bags, t->size, from);
}

/* Embeds a side chunk by chunk and keeps nothing else. */
static kin_status embed_chunks(kin_trainer *t, int side)
{
    static const char *const names[] = { "embeddings of queries", "embeddings of documents" };
    kin_towers *w = &t->towers;
    const int64_t width = t->model->network->width, rows = rows_of(t, side);
    bool unit = true;
    for (int64_t from = 0; from < rows; from += w->chunk) {
        kin_tape_begin_part(w->part, t->tape);
        const kin_tensor *y = forward(t, w->part, side, from);
        KIN_TRY(kin_tape_status(w->part));
        unit = unit && y->unit;
        t->backend->copy(t->backend, w->value[side] + from * width, y->value,
                         (size_t)(y->rows * width) * sizeof(real));
    }
    kin_tensor *x = w->side[side] = kin_tape_input(t->tape, rows, width, w->value[side]);
    KIN_TRY(kin_tape_status(t->tape));
    x->needs_grad = trained(side);
    x->unit = unit;
    x->name = names[role_of(side)];
    return KIN_OK;
}

static kin_status embed_side(kin_trainer *t, int side)
{
    if (t->towers.chunk) return embed_chunks(t, side);
    t->towers.side[side] = forward(t, t->tape, side, 0);
    return kin_tape_status(t->tape);
}

/* Every document is a column; the loss names those that it compares with. A document of the batch
 * is its own number. */
static kin_status embed_corpus(kin_trainer *t, kin_sides *sides)
{
    kin_network *n = t->model->network;
    sides->rows = kin_network_forward_rows(t->tape, n, KIN_QUERY, &t->batch.bags.queries, 0, 0);
    sides->columns = kin_network_forward_all(t->tape, n, KIN_DOCUMENT);
    sides->own = t->batch.room[1].host_ids;
    return kin_tape_status(t->tape);
}

kin_status kin_towers_embed(kin_trainer *t, kin_sides *sides)
{
    kin_towers *w = &t->towers;
    *sides = (kin_sides){ .label = t->batch.label, .target = t->batch.target };
    if (t->objective.corpus) return embed_corpus(t, sides);
    if (!w->chunk && !w->slow && !w->items) {
        kin_network_forward_pairs(t->tape, t->model->network, &t->batch.bags, &sides->rows,
                                  &sides->columns);
        return kin_tape_status(t->tape);
    }
    for (int i = 0; i < KIN_TOWER_SIDES; i++) {
        w->side[i] = NULL;
        if (needed(w, i)) KIN_TRY(embed_side(t, i));
    }
    sides->rows = w->side[TRAINED_QUERIES];
    sides->columns = w->side[column_side(w)];
    if (!w->slow || !w->both) return KIN_OK;
    sides->back_rows = w->side[TRAINED_DOCUMENTS];
    sides->back_columns = w->side[SLOW_QUERIES];
    return KIN_OK;
}

kin_status kin_towers_embed_again(kin_trainer *t)
{
    kin_towers *w = &t->towers;
    if (!w->chunk) return KIN_OK;
    for (int64_t from = 0; from < kin_batch_rows(t, KIN_DOCUMENT); from += w->chunk) {
        for (int i = 0; i < SLOW_QUERIES; i++) {
            const kin_tensor *x = w->side[i];
            if (!x || !x->grad || from >= x->rows) continue;
            kin_tape_begin_part(w->part, t->tape);
            kin_tensor *y = forward(t, w->part, i, from);
            KIN_TRY(kin_tape_backward_part(w->part, y, x->grad + from * x->cols));
        }
    }
    return kin_tape_end_parts(t->tape);
}

/* ---- the momentum tower ---------------------------------------------------------------------- */

/* Step k of K: constant, or 1 - (1 - base) (cos(pi k / K) + 1) / 2. */
static double momentum_at(const kin_trainer *t, int64_t step)
{
    const double rest = 1 - t->towers.momentum, pi = 3.14159265358979323846;
    if (!t->towers.cosine) return t->towers.momentum;
    return 1 - rest * (cos(pi * (double)step / (double)t->steps) + 1) / 2;
}

void kin_towers_follow(kin_trainer *t, int64_t step)
{
    kin_network *slow = t->towers.slow;
    if (!slow) return;
    const double m = momentum_at(t, step);
    for (int i = 0; i < slow->count; i++) {
        const kin_tensor *from = &t->model->network->weight[i].tensor;
        kin_tensor *to = &slow->weight[i].tensor;
        const int64_t n = to->rows * to->cols;
        if (slow->weight[i].frozen) continue;
        t->backend->scale(t->backend, n, (real)m, to->value);
        t->backend->add(t->backend, n, (real)(1 - m), from->value, to->value);
    }
}
