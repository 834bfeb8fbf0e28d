/* Batch: the tokens of a step's pairs, brought together. */
#include <stdlib.h>

#include "core/rng.h"
#include "train/trainer.h"

/* Starts of both sides, and one more for each part: of parts of a single pair, most. */
static size_t part_bytes(int64_t pairs) { return 4 * (size_t)pairs * sizeof(int64_t); }

kin_status kin_batch_init(kin_batch *b, kin_backend *backend, int64_t pairs)
{
    kin_bag_room_init(&b->room[0], backend);
    kin_bag_room_init(&b->room[1], backend);
    b->host_part = malloc(part_bytes(pairs));
    b->part = backend->alloc(backend, part_bytes(pairs));
    KIN_REQUIRE(b->host_part && b->part, KIN_MEMORY, "no memory for batches of %ld pairs",
                (long)pairs);
    return KIN_OK;
}

void kin_batch_free(kin_batch *b)
{
    kin_backend *backend = b->room[0].backend;
    if (backend) backend->release(backend, b->part);
    free(b->host_part);
    b->part = b->host_part = NULL;
    kin_bag_room_free(&b->room[0]);
    kin_bag_room_free(&b->room[1]);
}

static int64_t token_count(const kin_tokens *t, int64_t text)
{
    return t->start[text + 1] - t->start[text];
}

/* The text of a pair in a role, and the tokens of that role. */
static int32_t text_of(const kin_trainer *t, int32_t pair, int role)
{
    return t->store->pair[3 * (int64_t)pair + (role == KIN_QUERY ? KIN_PAIR_LEFT
                                                                 : KIN_PAIR_RIGHT)];
}

int64_t kin_batch_tokens(const kin_trainer *t, const int32_t *pairs)
{
    int64_t sum = 0;
    for (int role = 0; role < 2; role++)
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

static kin_status fill_role(kin_trainer *t, kin_bag_room *room, int role, int64_t step)
{
    const kin_tokens *tokens = t->tokens.of[role];
    const double rate = kin_config_number(t->config, "batch.token_dropout");
    const uint64_t seed = (uint64_t)kin_config_number(t->config, "run.seed");
    int64_t total = 0;
    for (int64_t i = 0; i < t->size; i++)
        total += token_count(tokens, text_of(t, t->batch.pairs[i], role));
    KIN_TRY(kin_bag_room_reserve(room, t->size, total));
    for (int64_t i = 0; i < t->size; i++) {
        const int32_t text = text_of(t, t->batch.pairs[i], role);
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

static int64_t part_size(const kin_trainer *t)
{
    return t->towers.chunk && t->towers.chunk < t->size ? t->towers.chunk : t->size;
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
    const int64_t size = part_size(t);
    int64_t n = 0, first;
    for (int role = 0; role < 2; role++) {
        const kin_bag_room *room = room_of(t, role, &first);
        for (int64_t from = 0; from < t->size; from += size) {
            const int64_t *start = room->host_start + first + from;
            const int64_t rows = t->size - from < size ? t->size - from : size;
            for (int64_t i = 0; i <= rows; i++) b->host_part[n++] = start[i] - start[0];
        }
    }
    t->backend->upload(t->backend, b->part, b->host_part, (size_t)n * sizeof *b->part);
}

/* Pairs from .. of a role; from is a multiple of the part's size. */
kin_bags kin_batch_part(const kin_trainer *t, kin_role role, int64_t from)
{
    const int64_t size = part_size(t), parts = (t->size + size - 1) / size;
    int64_t first;
    const kin_bag_room *room = room_of(t, role, &first);
    const int64_t at = (int64_t)role * (t->size + parts) + from + from / size;
    const int64_t rows = t->size - from < size ? t->size - from : size;
    return (kin_bags){ .rows = rows, .tokens = t->batch.host_part[at + rows],
                       .ids = room->ids + room->host_start[first + from],
                       .start = t->batch.part + at };
}

kin_status kin_batch_fill(kin_trainer *t, int64_t step)
{
    kin_batch *b = &t->batch;
    const bool separate = t->model->network->separate;
    kin_sampler_epoch(t->sampler, step / t->per_epoch);
    b->pairs = kin_sampler_batch(t->sampler, step % t->per_epoch);
    kin_bag_room_clear(&b->room[0]);
    kin_bag_room_clear(&b->room[1]);
    KIN_TRY(fill_role(t, &b->room[0], KIN_QUERY, step));
    KIN_TRY(fill_role(t, &b->room[separate ? 1 : 0], KIN_DOCUMENT, step));
    if (separate) {
        b->bags.queries = kin_bag_room_send(&b->room[0]);
        b->bags.documents = kin_bag_room_send(&b->room[1]);
    } else {
        b->bags.both = kin_bag_room_send(&b->room[0]);
        b->bags.queries.rows = b->bags.documents.rows = t->size;
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
    if (!t->model->tokenizer) {                 /* a number a text: all steps are alike */
        t->widest_tokens = 2 * t->size;
        return;
    }
    for (int64_t s = 0; s < last; s++) {
        kin_sampler_epoch(t->sampler, s / t->per_epoch);
        const int64_t n = kin_batch_tokens(t, kin_sampler_batch(t->sampler, s % t->per_epoch));
        if (n <= t->widest_tokens) continue;
        t->widest_tokens = n;
        t->widest = s;
    }
}
