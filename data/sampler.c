#include <stdlib.h>
#include "data/sampler_deal.h"
#include "data/store.h"

static const char *const column_name[KIN_PAIR_COLUMNS] = {"left texts", "right texts", "documents"};

static int32_t value_of(const kin_sampler *s, int64_t item, int column)
{
    return s->pair[(int64_t)s->item[item] * KIN_PAIR_COLUMNS + column];
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
    for (int64_t i = 0; i < set->pairs * KIN_PAIR_COLUMNS; i++) {
        const int32_t value = set->pair[i];
        int64_t *values = &s->values[i % KIN_PAIR_COLUMNS];
        KIN_REQUIRE(value >= 0, KIN_DATA, "sampler: pair %lld holds the index %d",
                    (long long)(i / KIN_PAIR_COLUMNS), value);
        if (value >= *values) *values = (int64_t)value + 1;
    }
    for (int column = 0; column < KIN_PAIR_COLUMNS; column++) {
        s->count[column] = calloc((size_t)s->values[column] + 1, sizeof *s->count[column]);
        KIN_REQUIRE(s->count[column], KIN_MEMORY, "sampler: no memory for %lld values",
                    (long long)s->values[column]);
        for (int64_t i = 0; i < s->items; i++)
            s->count[column][value_of(s, i, column)]++;
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
    KIN_REQUIRE(s->items >= s->batch, KIN_DATA, "a batch of %lld needs as many pairs, there are "
                "%lld to train on", (long long)s->batch, (long long)s->items);
    s->steps = s->items / s->batch;
    for (int column = KIN_PAIR_COLUMNS - 1; column >= 0; column--) {
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

/* A value whose items are all of one group clashes only where the group does. It counts as not
 * shared: dealing then looks up less. owner[value]: its group + 1, or -1 where there are several. */
static kin_status forget_implied(kin_sampler *s, int column)
{
    int32_t *owner = calloc((size_t)s->values[column], sizeof *owner);
    KIN_REQUIRE(owner, KIN_MEMORY, "sampler: no memory for %lld values",
                (long long)s->values[column]);
    for (int64_t i = 0; i < s->items; i++) {
        int32_t *mine = &owner[value_of(s, i, column)];
        const int32_t group = value_of(s, i, s->group) + 1;
        *mine = *mine == 0 || *mine == group ? group : -1;
    }
    for (int64_t i = 0; i < s->values[column]; i++)
        if (owner[i] > 0) s->count[column][i] = 1;
    free(owner);
    return KIN_OK;
}

static void make_card(kin_sampler *s, int64_t item)
{
    kin_card *card = &s->card[item];
    card->turn = SINGLE;
    for (int column = 0; column < KIN_PAIR_COLUMNS; column++) {
        const int32_t value = value_of(s, item, column);
        const bool shared = s->count[column][value] > 1;
        card->value[column] = shared ? value : KIN_ALONE;
        if (shared && column != s->group) card->turn = ENTANGLED;
        else if (shared && card->turn == SINGLE) card->turn = SEVERAL;
    }
}

/* The items of a group share its earliest turn, which last holds for the time being. */
static void make_cards(kin_sampler *s)
{
    int64_t groups[TURNS] = {0};
    for (int64_t i = 0; i < s->values[s->group]; i++) s->last[i] = TURNS;
    for (int64_t i = 0; i < s->items; i++) {
        int32_t *turn = &s->last[value_of(s, i, s->group)];
        make_card(s, i);
        if (s->card[i].turn < *turn) *turn = s->card[i].turn;
    }
    for (int64_t i = 0; i < s->items; i++) s->card[i].turn = s->last[value_of(s, i, s->group)];
    for (int64_t i = 0; i < s->values[s->group]; i++)
        if (s->last[i] < TURNS) groups[s->last[i]]++;
    s->turn_start[ENTANGLED] = 0;
    s->turn_start[SEVERAL] = groups[ENTANGLED];
    s->turn_start[SINGLE] = groups[ENTANGLED] + groups[SEVERAL];
}

/* Entries of seen: at most one for each place of a shared value, and those of the swaps. */
static uint64_t seen_size(const kin_sampler *s)
{
    uint64_t entries = 2 * KIN_PAIR_COLUMNS * KIN_SAMPLER_SWAPS, size = 1;
    for (int column = 0; column < KIN_PAIR_COLUMNS; column++)
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
    s->card = malloc(items * sizeof *s->card);
    s->order = malloc(items * sizeof *s->order);
    s->next = malloc(items * sizeof *s->next);
    s->last = malloc(groups * sizeof *s->last);
    s->head = malloc(items * sizeof *s->head);
    s->left = malloc(items * sizeof *s->left);
    s->open = malloc(steps * sizeof *s->open);
    s->fill = malloc(steps * sizeof *s->fill);
    s->slot = malloc(steps * (size_t)s->batch * sizeof *s->slot);
    s->seen = malloc((s->seen_mask + 1) * sizeof *s->seen);
    return s->card && s->order && s->next && s->last && s->head && s->left && s->open && s->fill &&
           s->slot && s->seen;
}

/* Where clashes in several columns leave fewer batches than each column alone, fewer are made. */
static kin_status make_first_epoch(kin_sampler *s)
{
    for (int64_t fewer = 1; !kin_sampler_arrange(s, 0); fewer *= 2) {
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
    KIN_TRY(count_values(s, set));
    KIN_TRY(plan_steps(s));
    choose_group(s);
    for (int column = 0; column < KIN_PAIR_COLUMNS; column++)
        if (column != s->group) KIN_TRY(forget_implied(s, column));
    KIN_REQUIRE(take_work_space(s), KIN_MEMORY, "sampler: no memory for %lld pairs",
                (long long)s->items);
    make_cards(s);
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
    const kin_sampler_setting plain = {.pairs = setting->pairs, .pair = setting->pair,
                                       .batch = setting->batch, .seed = setting->seed,
                                       .sources = 1, .source_start = all, .repeat = &once};
    const kin_sampler_setting *set = setting->repeat ? setting : &plain;
    *out = NULL;
    KIN_TRY(check_setting(set));
    kin_sampler *s = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "sampler: no memory");
    s->pair = set->pair;
    s->items = count_items(set);
    s->batch = set->batch;
    s->seed = set->seed;
    const kin_status status = build(s, set);
    if (status != KIN_OK) kin_sampler_free(s);
    else *out = s;
    return status;
}

void kin_sampler_free(kin_sampler *s)
{
    if (!s) return;
    void *const blocks[] = {s->item, s->count[0], s->count[1], s->count[2], s->card, s->order,
                            s->next, s->last, s->head, s->left, s->open, s->fill, s->slot, s->seen};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) free(blocks[i]);
    free(s);
}

int64_t kin_sampler_steps(const kin_sampler *s)
{
    return s->steps;
}

int64_t kin_sampler_dropped(const kin_sampler *s)
{
    return s->items - s->steps * s->batch;
}

/* An epoch that cannot be filled (which takes data that barely fits) has the batches of epoch 0. */
void kin_sampler_epoch(kin_sampler *s, int64_t epoch)
{
    if (epoch == s->epoch) return;
    if (!kin_sampler_arrange(s, epoch)) kin_sampler_arrange(s, 0);
    s->epoch = epoch;
}

const int32_t *kin_sampler_batch(const kin_sampler *s, int64_t step)
{
    return s->slot + step * s->batch;
}
