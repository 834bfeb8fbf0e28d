/* Batch: the tokens of a step's pairs, brought together. */
#include <stdlib.h>

#include "core/rng.h"
#include "train/trainer.h"

/* Starts of all texts, and one more for each part: of parts of a single text, most. */
static size_t part_bytes(const kin_trainer *t)
{
    const int64_t texts = 2 + (t->negatives ? t->negatives->count : 0);
    return (size_t)(2 * texts * t->size) * sizeof(int64_t);
}

static kin_status take_facts(kin_trainer *t)
{
    kin_batch *b = &t->batch;
    const size_t size = (size_t)t->size, numbers = size * (size_t)t->store->features;
    const bool items = t->material.label, scores = t->material.score;
    if (items) b->label = malloc(size * sizeof *b->label);
    if (scores) b->target = malloc(size * sizeof *b->target);
    if (numbers) b->host_features = malloc(numbers * sizeof(real));
    if (numbers) b->features = t->backend->alloc(t->backend, numbers * sizeof(real));
    KIN_REQUIRE((!items || b->label) && (!scores || b->target) &&
                    (!numbers || (b->host_features && b->features)),
                KIN_MEMORY, "no memory for batches of %ld items", (long)t->size);
    return KIN_OK;
}

kin_status kin_batch_init(kin_trainer *t)
{
    kin_batch *b = &t->batch;
    kin_backend *backend = t->backend;
    const int64_t pairs = t->size;
    kin_bag_room_init(&b->room[0], backend);
    kin_bag_room_init(&b->room[1], backend);
    b->host_part = malloc(part_bytes(t));
    b->part = backend->alloc(backend, part_bytes(t));
    KIN_REQUIRE(b->host_part && b->part, KIN_MEMORY, "no memory for batches of %ld pairs",
                (long)pairs);
    return take_facts(t);
}

void kin_batch_free(kin_batch *b)
{
    kin_backend *backend = b->room[0].backend;
    if (backend) backend->release(backend, b->part);
    if (backend) backend->release(backend, b->features);
    free(b->host_part);
    free(b->label);
    free(b->target);
    free(b->host_features);
    b->part = b->host_part = NULL;
    b->label = NULL;
    b->target = b->features = b->host_features = NULL;
    kin_bag_room_free(&b->room[0]);
    kin_bag_room_free(&b->room[1]);
}

int64_t kin_batch_rows(const kin_trainer *t, kin_role role)
{
    return t->size + (role == KIN_DOCUMENT && t->negatives ? t->negatives->step.columns : 0);
}

static int64_t token_count(const kin_tokens *t, int64_t text)
{
    return t->start[text + 1] - t->start[text];
}

static int32_t text_of(const kin_trainer *t, int32_t pair, int role)
{
    return kin_material_text(t, pair, (kin_role)role);
}

int64_t kin_batch_tokens(const kin_trainer *t, const int32_t *pairs)
{
    int64_t sum = 0;
    for (int role = 0; role < kin_material_sides(t) && !t->store->features; role++)
        for (int64_t i = 0; i < t->size; i++)
            sum += token_count(t->tokens.of[role], text_of(t, pairs[i], role));
    return sum;
}

/* Drops tokens by random numbers that depend on step, role, row and place alone; a text keeps its
 * first token when all would go. */
static void put_some(kin_bag_room *room, const int32_t *ids, int64_t count, double rate,
                     uint64_t seed, uint32_t step, uint64_t row)
{
    const int64_t from = room->tokens;
    kin_bag_room_put(room, NULL, 0);
    for (int64_t i = 0; i < count; i++) {
        if (kin_random_uniform(seed, KIN_STREAM_DROPOUT, step, row << 32 | (uint64_t)i) >= rate)
            room->host_ids[room->tokens++] = ids[i];
    }
    if (room->tokens == from && count) room->host_ids[room->tokens++] = ids[0];
    room->host_start[room->rows] = room->tokens;
}

static int32_t mined_text(const kin_trainer *t, int64_t i)
{
    return t->store->document_text[t->negatives->column[i]];
}

/* Texts of a side, and behind the documents those that were mined. */
static kin_status fill_role(kin_trainer *t, kin_bag_room *room, int role, int64_t step)
{
    const kin_tokens *tokens = t->tokens.of[role];
    const double rate = kin_config_number(t->config, "batch.token_dropout");
    const uint64_t seed = (uint64_t)kin_config_number(t->config, "run.seed");
    int64_t total = 0;
    for (int64_t i = 0; i < t->size; i++)
        total += token_count(tokens, text_of(t, t->batch.pairs[i], role));
    const int64_t rows = kin_batch_rows(t, (kin_role)role);
    for (int64_t i = t->size; i < rows; i++)
        total += token_count(tokens, mined_text(t, i - t->size));
    KIN_TRY(kin_bag_room_reserve(room, rows, total));
    for (int64_t i = 0; i < rows; i++) {
        const int32_t text = i < t->size ? text_of(t, t->batch.pairs[i], role)
                                         : mined_text(t, i - t->size);
        const int32_t *ids = tokens->ids + tokens->start[text];
        if (rate > 0)
            put_some(room, ids, token_count(tokens, text), rate, seed, (uint32_t)step,
                     (uint64_t)(2 * i + role));
        else
            kin_bag_room_put(room, ids, token_count(tokens, text));
    }
    return KIN_OK;
}

/* ---- parts ----------------------------------------------------------------------------------- */

static int64_t part_size(const kin_trainer *t, int role)
{
    return t->towers.chunk ? t->towers.chunk : kin_batch_rows(t, (kin_role)role);
}

/* A role's room, and its first bag there. */
static const kin_bag_room *room_of(const kin_trainer *t, int role, int64_t *first)
{
    const bool separate = t->model->network->separate;
    *first = separate || role == KIN_QUERY ? 0 : t->size;
    return &t->batch.room[separate ? role : 0];
}

static void send_parts(kin_trainer *t)
{
    kin_batch *b = &t->batch;
    int64_t n = 0, first;
    for (int role = 0; role < kin_material_sides(t); role++) {
        const kin_bag_room *room = room_of(t, role, &first);
        const int64_t all = kin_batch_rows(t, (kin_role)role), size = part_size(t, role);
        for (int64_t from = 0; from < all; from += size) {
            const int64_t *start = room->host_start + first + from;
            const int64_t rows = all - from < size ? all - from : size;
            for (int64_t i = 0; i <= rows; i++) b->host_part[n++] = start[i] - start[0];
        }
    }
    t->backend->upload(t->backend, b->part, b->host_part, (size_t)n * sizeof *b->part);
}

kin_bags kin_batch_part(const kin_trainer *t, kin_role role, int64_t from, int64_t end)
{
    const int64_t size = part_size(t, role), before = part_size(t, KIN_QUERY);
    int64_t first;
    const kin_bag_room *room = room_of(t, role, &first);
    const int64_t other = role == KIN_QUERY ? 0 : t->size + (t->size + before - 1) / before;
    const int64_t at = other + from + from / size;
    const int64_t rows = end - from < size ? end - from : size;
    return (kin_bags){ .rows = rows, .tokens = t->batch.host_part[at + rows],
                       .ids = room->ids + room->host_start[first + from],
                       .start = t->batch.part + at };
}

/* What the store says of the batch beside its texts. */
static void fill_facts(kin_trainer *t)
{
    kin_batch *b = &t->batch;
    const kin_material *m = &t->material;
    const int64_t cols = t->store->features;
    for (int64_t i = 0; i < t->size; i++) {
        if (b->label) b->label[i] = m->label[b->pairs[i]];
        if (b->target) b->target[i] = (real)m->score[b->pairs[i]];
        if (!cols) continue;
        const float *from = t->store->feature + m->query[b->pairs[i]] * cols;
        for (int64_t j = 0; j < cols; j++) b->host_features[i * cols + j] = (real)from[j];
    }
    if (cols)
        t->backend->upload(t->backend, b->features, b->host_features,
                           (size_t)(t->size * cols) * sizeof(real));
}

kin_status kin_batch_fill(kin_trainer *t, int64_t step)
{
    kin_batch *b = &t->batch;
    const bool separate = t->model->network->separate, items = kin_material_sides(t) == 1;
    b->pairs = kin_material_batch(t, step);
    fill_facts(t);
    kin_negatives_pick(t);
    if (t->store->features) return KIN_OK;
    kin_bag_room_clear(&b->room[0]);
    kin_bag_room_clear(&b->room[1]);
    KIN_TRY(fill_role(t, &b->room[0], KIN_QUERY, step));
    if (!items) KIN_TRY(fill_role(t, &b->room[separate ? 1 : 0], KIN_DOCUMENT, step));
    if (items) {
        b->bags.queries = kin_bag_room_send(&b->room[0]);
    } else if (separate) {
        b->bags.queries = kin_bag_room_send(&b->room[0]);
        b->bags.documents = kin_bag_room_send(&b->room[1]);
    } else {
        b->bags.both = kin_bag_room_send(&b->room[0]);
        b->bags.queries.rows = t->size;
        b->bags.documents.rows = b->bags.both.rows - t->size;
    }
    if (t->towers.chunk || t->towers.slow) send_parts(t);
    return KIN_OK;
}

/* The step with most tokens: memory that holds it holds every step. */
void kin_batch_find_widest(kin_trainer *t)
{
    enum { EPOCHS_MAX = 64 };
    const int64_t last = t->steps < EPOCHS_MAX * t->per_epoch ? t->steps
                                                               : EPOCHS_MAX * t->per_epoch;
    t->widest = t->widest_tokens = 0;
    if (!t->model->tokenizer) {             /* features, or a number a text: all steps are alike */
        t->widest_tokens = t->store->features ? 0 : 2 * t->size;
        return;
    }
    for (int64_t s = 0; s < last; s++) {
        const int64_t n = kin_batch_tokens(t, kin_material_batch(t, s));
        if (n <= t->widest_tokens) continue;
        t->widest_tokens = n;
        t->widest = s;
    }
}
