/* How an epoch is made. Pairs are dealt like cards, to batch after batch, round and round. Pairs
 * with the same value in the grouping column (the document, mostly) are dealt one after another, so
 * they fall into different batches by themselves. Where another column clashes, the pair goes to a
 * later batch. Groups that cannot clash are dealt last: they fit wherever there is room. The few
 * pairs that found no batch then change places with others. All of it is linear in the pairs. */
#include <string.h>
#include "core/hash.h"
#include "core/rng.h"
#include "data/sampler_deal.h"

enum { TRIES = 64, NONE = -1 };

/* ---- which batches hold which values --------------------------------------------------------- */

/* Values and batches are below 2^31. */
static uint64_t key_of(int column, int32_t value, int64_t batch)
{
    return ((uint64_t)column << 62 | (uint64_t)value << 31 | (uint64_t)batch) + 1;
}

static uint64_t *seen_at(const kin_sampler *s, uint64_t key)
{
    uint64_t at = kin_mix64(key) & s->seen_mask;
    while (s->seen[at] != 0 && s->seen[at] != key) at = (at + 1) & s->seen_mask;
    return &s->seen[at];
}

static bool fits(const kin_sampler *s, int32_t item, int64_t batch)
{
    for (int column = 0; column < KIN_PAIR_COLUMNS; column++) {
        const int32_t value = s->card[item].value[column];
        if (value != KIN_ALONE && *seen_at(s, key_of(column, value, batch)) != 0) return false;
    }
    return true;
}

static void put(kin_sampler *s, int32_t item, int64_t batch, int64_t place)
{
    s->slot[batch * s->batch + place] = item;
    for (int column = 0; column < KIN_PAIR_COLUMNS; column++) {
        const int32_t value = s->card[item].value[column];
        const uint64_t key = key_of(column, value, batch);
        if (value != KIN_ALONE) *seen_at(s, key) = key;
    }
}

/* ---- dealing --------------------------------------------------------------------------------- */

/* Puts an item in the batch at this place of the open ones, if it fits. */
static bool deal_to(kin_sampler *s, int32_t item, int64_t place)
{
    const int32_t batch = s->open[place];
    if (!fits(s, item, batch)) return false;
    put(s, item, batch, s->fill[batch]++);
    if (s->fill[batch] == s->batch) s->open[place] = s->open[--s->open_count];
    else if (place == s->cursor) s->cursor++;
    if (s->cursor >= s->open_count) s->cursor = 0;
    return true;
}

static void deal(kin_sampler *s, int32_t item)
{
    const int64_t tries = s->open_count < TRIES ? s->open_count : TRIES;
    for (int64_t i = 0; i < tries; i++)
        if (deal_to(s, item, (s->cursor + i) % s->open_count)) return;
    s->left[s->left_count++] = item;
}

/* Chains the items of each group in shuffled order; end[turn]: where its groups end in head. */
static void form_groups(kin_sampler *s, int64_t end[TURNS])
{
    memcpy(end, s->turn_start, sizeof s->turn_start);
    memset(s->last, 0xFF, (size_t)s->values[s->group] * sizeof *s->last);
    for (int64_t i = 0; i < s->items; i++) {
        const int32_t item = s->order[i], value = s->card[item].value[s->group];
        const bool first = value == KIN_ALONE || s->last[value] == NONE;
        if (first) s->head[end[s->card[item].turn]++] = item;
        else s->next[s->last[value]] = item;
        if (value != KIN_ALONE) s->last[value] = item;
        s->next[item] = NONE;
    }
}

/* A group can use one place in each batch; the rest of it waits. */
static void deal_all(kin_sampler *s)
{
    int64_t end[TURNS];
    form_groups(s, end);
    for (int turn = 0; turn < TURNS; turn++)
        for (int64_t i = s->turn_start[turn]; i < end[turn]; i++) {
            int32_t item = s->head[i];
            for (int64_t n = 0; item != NONE; n++, item = s->next[item])
                if (n < s->steps) deal(s, item);
                else s->left[s->left_count++] = item;
        }
}

/* ---- changing places ------------------------------------------------------------------------- */

/* Gives item a place in a full batch whose own item goes to the batch with room. *at walks over the
 * slots, a batch further each time. What left a batch still counts as seen there: too strict is
 * harmless. */
static bool swap_in(kin_sampler *s, int32_t item, int64_t room, int64_t *at, int64_t *tries)
{
    for (int64_t i = 0; i < s->steps && *tries > 0; i++, --*tries) {
        *at = (*at + s->batch + 1) % (s->steps * s->batch);
        const int64_t batch = *at / s->batch, place = *at % s->batch;
        if (batch == room || place >= s->fill[batch] || !fits(s, item, batch)) continue;
        const int32_t other = s->slot[*at];
        if (!fits(s, other, room)) continue;
        put(s, item, batch, place);
        put(s, other, room, s->fill[room]++);
        return true;
    }
    return false;
}

static void fill_open(kin_sampler *s)
{
    int64_t at = 0, tries = s->items + (1 << 16), swaps = 0;
    while (s->open_count > 0 && s->left_count > 0 && swaps < KIN_SAMPLER_SWAPS && tries > 0) {
        const int64_t place = s->open_count - 1, room = s->open[place];
        const int32_t item = s->left[--s->left_count];
        if (deal_to(s, item, place)) continue;
        if (!swap_in(s, item, room, &at, &tries)) continue;
        swaps++;
        if (s->fill[room] == s->batch) s->open_count--;
    }
}

bool kin_sampler_arrange(kin_sampler *s, int64_t epoch)
{
    kin_shuffle(s->seed, KIN_STREAM_ORDER, (uint32_t)epoch, s->order, s->items);
    memset(s->seen, 0, (s->seen_mask + 1) * sizeof *s->seen);
    for (int64_t i = 0; i < s->steps; i++) {
        s->open[i] = (int32_t)i;
        s->fill[i] = 0;
    }
    s->open_count = s->steps;
    s->cursor = s->left_count = 0;
    deal_all(s);
    fill_open(s);
    if (s->open_count > 0) return false;
    for (int64_t i = 0; i < s->steps * s->batch; i++) s->slot[i] = s->item[s->slot[i]];
    return true;
}
