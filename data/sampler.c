/* How an epoch is made. Pairs are dealt like cards, to batch after batch, round and round. Pairs
 * with the same value in the grouping column (the document, mostly) are dealt one after another, so
 * they fall into different batches by themselves. Where another column clashes, the pair goes to a
 * later batch. The few that find no batch in the end change places with others. All of it is linear
 * in the pairs. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "core/hash.h"
#include "core/rng.h"
#include "data/sampler.h"
#include "data/store.h"

/* Columns of a pair; batches tried for an item; exchanges of places; no item; no possible clash. */
enum { COLUMNS = 3, TRIES = 64, SWAPS = 1024, NONE = -1, ALONE = -1 };

static const char *const column_name[COLUMNS] = {"left texts", "right texts", "documents"};

struct kin_sampler {
    const int32_t *pair;
    int64_t items, batch, steps, epoch;
    uint64_t seed;
    bool mixed;
    int group;                 /* the grouping column */
    int32_t *item;             /* items: the pairs, each as often as an epoch may use it */
    int64_t values[COLUMNS];   /* values of a column are 0 .. values - 1 */
    int32_t *count[COLUMNS];   /* by value: how many items have it */
    int32_t *key;              /* items x 3: its values; ALONE where no other item has the value */

    /* work space of one epoch */
    int32_t *order, *next;     /* items: shuffled; the next item of the same group */
    int32_t *last;             /* by value of the grouping column: last item so far */
    int32_t *head;             /* items: first item of each group */
    int32_t *left;             /* items: those that found no batch */
    int32_t *open, *fill;      /* steps: batches with room; items in a batch */
    int32_t *slot;             /* steps x batch: the result */
    uint64_t *seen;            /* open addressing: keys of (column, value, batch), 0 is empty */
    uint64_t seen_mask;
    int64_t open_count, cursor, left_count;
};

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

static bool fits(const kin_sampler *s, int64_t item, int64_t batch)
{
    for (int column = 0; column < COLUMNS; column++) {
        const int32_t value = s->key[item * COLUMNS + column];
        if (value != ALONE && *seen_at(s, key_of(column, value, batch)) != 0) return false;
    }
    return true;
}

static void put(kin_sampler *s, int64_t item, int64_t batch, int64_t place)
{
    s->slot[batch * s->batch + place] = (int32_t)item;
    for (int column = 0; column < COLUMNS; column++) {
        const int32_t value = s->key[item * COLUMNS + column];
        const uint64_t key = key_of(column, value, batch);
        if (value != ALONE) *seen_at(s, key) = key;
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

/* Chains the items of each group in shuffled order; returns how many groups there are. */
static int64_t form_groups(kin_sampler *s)
{
    int64_t groups = 0;
    memset(s->last, 0xFF, (size_t)s->values[s->group] * sizeof *s->last);
    for (int64_t i = 0; i < s->items; i++) {
        const int32_t item = s->order[i], value = s->key[(int64_t)item * COLUMNS + s->group];
        const bool first = value == ALONE || s->last[value] == NONE;
        if (first) s->head[groups++] = item;
        else s->next[s->last[value]] = item;
        if (value != ALONE) s->last[value] = item;
        s->next[item] = NONE;
    }
    return groups;
}

/* A group can use one place in each batch; the rest of it waits. */
static void deal_all(kin_sampler *s)
{
    const int64_t groups = form_groups(s);
    for (int64_t i = 0; i < groups; i++) {
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
    while (s->open_count > 0 && s->left_count > 0 && swaps < SWAPS && tries > 0) {
        const int64_t place = s->open_count - 1, room = s->open[place];
        const int32_t item = s->left[--s->left_count];
        if (deal_to(s, item, place)) continue;
        if (!swap_in(s, item, room, &at, &tries)) continue;
        swaps++;
        if (s->fill[room] == s->batch) s->open_count--;
    }
}

/* Makes the batches of an epoch in slot; whether all steps were filled. */
static bool arrange(kin_sampler *s, int64_t epoch)
{
    kin_shuffle(s->seed, KIN_STREAM_ORDER, (uint32_t)epoch, s->order, s->items);
    for (int64_t i = 0; s->mixed && i < s->steps * s->batch; i++)
        s->slot[i] = s->item[s->order[i]];
    if (s->mixed) return true;
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

/* ---- making a sampler ------------------------------------------------------------------------ */

static int32_t value_of(const kin_sampler *s, int64_t item, int column)
{
    return s->pair[(int64_t)s->item[item] * COLUMNS + column];
}

static int64_t count_items(const kin_sampler_setting *set)
{
    int64_t items = 0;
    for (int64_t i = 0; i < set->sources; i++)
        items += set->repeat[i] * (set->source_start[i + 1] - set->source_start[i]);
    return items;
}

static void list_items(kin_sampler *s, const kin_sampler_setting *set)
{
    int64_t n = 0;
    for (int64_t source = 0; source < set->sources; source++)
        for (int64_t i = set->source_start[source]; i < set->source_start[source + 1]; i++)
            for (int32_t k = 0; k < set->repeat[source]; k++) s->item[n++] = (int32_t)i;
}

static kin_status count_values(kin_sampler *s, const kin_sampler_setting *set)
{
    for (int64_t i = 0; i < set->pairs * COLUMNS; i++) {
        const int32_t value = set->pair[i];
        int64_t *values = &s->values[i % COLUMNS];
        KIN_REQUIRE(value >= 0, KIN_DATA, "sampler: pair %lld holds the index %d",
                    (long long)(i / COLUMNS), value);
        if (value >= *values) *values = (int64_t)value + 1;
    }
    for (int column = 0; column < COLUMNS; column++) {
        s->count[column] = calloc((size_t)s->values[column] + 1, sizeof *s->count[column]);
        KIN_REQUIRE(s->count[column], KIN_MEMORY, "sampler: no memory for %lld values",
                    (long long)s->values[column]);
        for (int64_t i = 0; i < s->items; i++) s->count[column][value_of(s, i, column)]++;
    }
    return KIN_OK;
}

/* Items that so many batches can use when each has a value of the column at most once. */
static int64_t usable(const kin_sampler *s, int column, int64_t batches)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < s->values[column]; i++)
        sum += s->count[column][i] < batches ? s->count[column][i] : batches;
    return sum;
}

/* The most batches that a column allows. What they can use grows ever more slowly with their
 * number, what they need evenly, so the first number that fails is the end. */
static int64_t most_batches(const kin_sampler *s, int column)
{
    int64_t good = 0, bad = s->items / s->batch + 1;
    while (bad - good > 1) {
        const int64_t middle = good + (bad - good) / 2;
        if (usable(s, column, middle) >= middle * s->batch) good = middle;
        else bad = middle;
    }
    return good;
}

static kin_status plan_steps(kin_sampler *s)
{
    KIN_REQUIRE(s->items >= s->batch, KIN_DATA, "batch.size is %lld, but there are %lld pairs "
                "to train on: make it smaller", (long long)s->batch, (long long)s->items);
    s->steps = s->items / s->batch;
    for (int column = s->mixed ? -1 : COLUMNS - 1; column >= 0; column--) {
        const int64_t most = most_batches(s, column);
        KIN_REQUIRE(most > 0, KIN_DATA, "a batch of %lld needs as many different %s, there are "
                    "%lld", (long long)s->batch, column_name[column],
                    (long long)usable(s, column, 1));
        if (most < s->steps) s->steps = most;
    }
    return KIN_OK;
}

static int32_t commonest(const kin_sampler *s, int column)
{
    int32_t most = 0;
    for (int64_t i = 0; i < s->values[column]; i++)
        if (s->count[column][i] > most) most = s->count[column][i];
    return most;
}

/* The column whose commonest value is commonest, the document when in doubt. */
static void choose_group(kin_sampler *s)
{
    s->group = KIN_PAIR_DOCUMENT;
    for (int column = 0; column < KIN_PAIR_DOCUMENT; column++)
        if (commonest(s, column) > commonest(s, s->group)) s->group = column;
}

static void make_keys(kin_sampler *s)
{
    for (int64_t i = 0; i < s->items; i++)
        for (int column = 0; column < COLUMNS; column++) {
            const int32_t value = value_of(s, i, column);
            s->key[i * COLUMNS + column] = s->count[column][value] > 1 ? value : ALONE;
        }
}

/* Entries of seen: at most one for each place of a shared value, and those of the swaps. */
static uint64_t seen_size(const kin_sampler *s)
{
    uint64_t entries = 2 * COLUMNS * SWAPS, size = 1;
    for (int column = 0; column < COLUMNS; column++)
        for (int64_t i = 0; i < s->values[column]; i++)
            if (s->count[column][i] > 1) entries += (uint64_t)s->count[column][i];
    while (size < 2 * entries) size *= 2;
    return size;
}

static bool take_work_space(kin_sampler *s)
{
    const size_t items = (size_t)s->items, steps = (size_t)s->steps;
    const size_t groups = (size_t)s->values[s->group];
    s->seen_mask = seen_size(s) - 1;
    s->key = malloc(items * COLUMNS * sizeof *s->key);
    s->next = malloc(items * sizeof *s->next);
    s->last = malloc(groups * sizeof *s->last);
    s->head = malloc(items * sizeof *s->head);
    s->left = malloc(items * sizeof *s->left);
    s->open = malloc(steps * sizeof *s->open);
    s->fill = malloc(steps * sizeof *s->fill);
    s->seen = malloc((s->seen_mask + 1) * sizeof *s->seen);
    return s->key && s->next && s->last && s->head && s->left && s->open && s->fill && s->seen;
}

/* Where clashes in several columns leave fewer batches than each column alone, fewer are made. */
static kin_status make_first_epoch(kin_sampler *s)
{
    for (int64_t fewer = 1; !arrange(s, 0); fewer *= 2) {
        KIN_REQUIRE(s->steps > 1, KIN_DATA, "found no batch of %lld in which no document or text "
                    "is used twice", (long long)s->batch);
        s->steps = s->steps > fewer ? s->steps - fewer : 1;
    }
    return KIN_OK;
}

static kin_status build(kin_sampler *s, const kin_sampler_setting *set)
{
    s->item = malloc((size_t)(s->items + 1) * sizeof *s->item);
    KIN_REQUIRE(s->item, KIN_MEMORY, "sampler: no memory for %lld pairs", (long long)s->items);
    list_items(s, set);
    if (!s->mixed) KIN_TRY(count_values(s, set));
    KIN_TRY(plan_steps(s));
    if (!s->mixed) choose_group(s);
    s->order = malloc((size_t)s->items * sizeof *s->order);
    s->slot = malloc((size_t)(s->steps * s->batch) * sizeof *s->slot);
    KIN_REQUIRE(s->order && s->slot && (s->mixed || take_work_space(s)), KIN_MEMORY,
                "sampler: no memory for %lld pairs", (long long)s->items);
    if (!s->mixed) make_keys(s);
    return make_first_epoch(s);
}

static kin_status check_setting(const kin_sampler_setting *set)
{
    KIN_REQUIRE(set->batch >= 1, KIN_USAGE, "batch size %lld, expected 1 or more",
                (long long)set->batch);
    for (int64_t i = 0; i < set->sources; i++)
        KIN_REQUIRE(set->repeat[i] >= 0 && set->repeat[i] <= 1000, KIN_USAGE,
                    "repeat of source %lld is %d, expected 0 to 1000", (long long)i,
                    set->repeat[i]);
    KIN_REQUIRE(count_items(set) < INT32_MAX, KIN_USAGE, "%lld pairs in an epoch, at most %d",
                (long long)count_items(set), INT32_MAX - 1);
    return KIN_OK;
}

kin_status kin_sampler_new(kin_sampler **out, const kin_sampler_setting *setting)
{
    const int64_t all[2] = {0, setting->pairs};
    const int32_t once = 1;
    kin_sampler_setting plain = *setting;
    plain.sources = 1, plain.source_start = all, plain.repeat = &once;
    const kin_sampler_setting *set = setting->repeat ? setting : &plain;
    *out = NULL;
    KIN_TRY(check_setting(set));
    kin_sampler *s = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "sampler: no memory");
    s->pair = set->pair;
    s->items = count_items(set);
    s->batch = set->batch;
    s->seed = set->seed;
    s->mixed = set->mixed;
    const kin_status status = build(s, set);
    if (status != KIN_OK) kin_sampler_free(s);
    else *out = s;
    return status;
}

void kin_sampler_free(kin_sampler *s)
{
    if (!s) return;
    void *const blocks[] = {s->item, s->count[0], s->count[1], s->count[2], s->key, s->order,
                            s->next, s->last, s->head, s->left, s->open, s->fill, s->slot, s->seen};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
    free(s);
}

int64_t kin_sampler_steps(const kin_sampler *s) { return s->steps; }
int64_t kin_sampler_dropped(const kin_sampler *s) { return s->items - s->steps * s->batch; }

/* An epoch that cannot be filled (which takes data that barely fits) has the batches of epoch 0. */
void kin_sampler_epoch(kin_sampler *s, int64_t epoch)
{
    if (epoch == s->epoch) return;
    if (!arrange(s, epoch)) arrange(s, 0);
    s->epoch = epoch;
}

const int32_t *kin_sampler_batch(const kin_sampler *s, int64_t step)
{
    return s->slot + step * s->batch;
}
