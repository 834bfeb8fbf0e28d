#include "data/label_sampler.h"

#include <stdbool.h>
#include <stdlib.h>
#include "core/hash.h"
#include "core/rng.h"

struct kin_label_sampler {
    int64_t items, batch, each, steps;
    uint64_t seed;
    int64_t classes;           /* that take part */
    int64_t *start;            /* classes + 1: where a class's items begin in member */
    int32_t *member;           /* items, class by class */
    int32_t *deck;             /* items: the order within each class, or of all items */
    int64_t *dealt;            /* classes: which deck of the class that order is; -1: none yet */
    int32_t *order;            /* classes: in the order of this round */
    int64_t round;             /* that order or deck shows, or -1 */
    int32_t *result;           /* batch */
};

/* ---- a batch --------------------------------------------------------------------------------- */

/* `each` items of a class, the k-th group of them. Decks have whole groups only; a class that is
 * too small for one gives its items again. */
static void put_group(kin_label_sampler *s, int32_t class, int64_t k, int32_t *to)
{
    const int64_t first = s->start[class], count = s->start[class + 1] - first;
    const int64_t groups = count < s->each ? 1 : count / s->each;
    const int64_t deck = k / groups, from = k % groups * s->each;
    if (s->dealt[class] != deck) {
        kin_shuffle(kin_mix64(s->seed ^ kin_mix64((uint64_t)class + 1)), KIN_STREAM_ORDER,
                    (uint32_t)deck, s->deck + first, count);
        s->dealt[class] = deck;
    }
    for (int64_t i = 0; i < s->each; i++)
        to[i] = s->member[first + s->deck[first + (from + i) % count]];
}

static void put_classes(kin_label_sampler *s, int64_t step)
{
    const int64_t wanted = s->batch / s->each, rounds = s->classes / wanted;
    const int64_t round = step / rounds, from = step % rounds * wanted;
    if (s->round != round) {
        kin_shuffle(s->seed, KIN_STREAM_ORDER, (uint32_t)round, s->order, s->classes);
        s->round = round;
    }
    for (int64_t i = 0; i < wanted; i++)
        put_group(s, s->order[from + i], round, s->result + i * s->each);
}

static void put_items(kin_label_sampler *s, int64_t step)
{
    const int64_t epoch = step / s->steps, from = step % s->steps * s->batch;
    if (s->round != epoch) {
        kin_shuffle(s->seed, KIN_STREAM_ORDER, (uint32_t)epoch, s->deck, s->items);
        s->round = epoch;
    }
    for (int64_t i = 0; i < s->batch; i++) s->result[i] = s->deck[from + i];
}

const int32_t *kin_label_sampler_batch(kin_label_sampler *s, int64_t step)
{
    if (s->each) put_classes(s, step);
    else put_items(s, step);
    return s->result;
}

/* ---- making a sampler ------------------------------------------------------------------------ */

/* Sorts the items by class. Classes of a single item take no part when several are asked for. */
static kin_status list_classes(kin_label_sampler *s, const kin_label_sampler_setting *set)
{
    int64_t *count = calloc((size_t)set->labels + 1, sizeof *count);
    KIN_REQUIRE(count, KIN_MEMORY, "sampler: no memory for %lld classes", (long long)set->labels);
    for (int64_t i = 0; i < set->items; i++) count[set->label[i]]++;
    int64_t next = 0;
    for (int64_t c = 0; c < set->labels; c++) {
        const bool used = count[c] > 1 || (count[c] == 1 && set->each <= 1);
        const int64_t size = count[c];
        count[c] = used ? next : -1;
        if (!used) continue;
        s->dealt[s->classes] = -1;
        s->start[s->classes++] = next;
        next += size;
    }
    s->start[s->classes] = next;
    for (int64_t i = 0; i < set->items; i++) {
        int64_t *at = &count[set->label[i]];
        if (*at >= 0) s->member[(*at)++] = (int32_t)i;
    }
    free(count);
    return KIN_OK;
}

static kin_status check(const kin_label_sampler_setting *set)
{
    KIN_REQUIRE(set->batch >= 1 && set->each >= 0 && set->items < INT32_MAX, KIN_USAGE,
                "sampler: %lld items, batches of %lld, %lld of a class", (long long)set->items,
                (long long)set->batch, (long long)set->each);
    KIN_REQUIRE(set->items >= set->batch, KIN_DATA, "batch.size is %lld, but there are %lld items "
                "to train on: make it smaller", (long long)set->batch, (long long)set->items);
    KIN_REQUIRE(!set->each || set->batch % set->each == 0, KIN_USAGE,
                "batch.size is %lld, expected a multiple of batch.per_class, %lld",
                (long long)set->batch, (long long)set->each);
    return KIN_OK;
}

static kin_status check_classes(const kin_label_sampler *s)
{
    const int64_t wanted = s->each ? s->batch / s->each : 0;
    KIN_REQUIRE(wanted <= s->classes, KIN_USAGE, "batch.size is %lld and batch.per_class %lld, "
                "which asks for %lld classes, and there are %lld with enough items: make "
                "batch.size %lld or less, batch.per_class larger, or 0 to take items as they come",
                (long long)s->batch, (long long)s->each, (long long)wanted,
                (long long)s->classes, (long long)(s->classes * s->each));
    return KIN_OK;
}

static kin_status build(kin_label_sampler *s, const kin_label_sampler_setting *set)
{
    const size_t items = (size_t)set->items, labels = (size_t)set->labels;
    s->start = malloc((labels + 1) * sizeof *s->start);
    s->dealt = malloc((labels + 1) * sizeof *s->dealt);
    s->order = malloc((labels + 1) * sizeof *s->order);
    s->member = malloc((items + 1) * sizeof *s->member);
    s->deck = malloc((items + 1) * sizeof *s->deck);
    s->result = malloc((size_t)set->batch * sizeof *s->result);
    KIN_REQUIRE(s->start && s->dealt && s->order && s->member && s->deck && s->result, KIN_MEMORY,
                "sampler: no memory for %zu items", items);
    KIN_TRY(list_classes(s, set));
    return check_classes(s);
}

kin_status kin_label_sampler_new(kin_label_sampler **out, const kin_label_sampler_setting *set)
{
    *out = NULL;
    KIN_TRY(check(set));
    kin_label_sampler *s = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "sampler: no memory");
    s->items = set->items;
    s->batch = set->batch;
    s->each = set->each;
    s->seed = set->seed;
    s->steps = set->items / set->batch;
    s->round = -1;
    const kin_status status = build(s, set);
    if (status != KIN_OK) kin_label_sampler_free(s);
    else *out = s;
    return status;
}

void kin_label_sampler_free(kin_label_sampler *s)
{
    if (!s) return;
    free(s->start);
    free(s->dealt);
    free(s->order);
    free(s->member);
    free(s->deck);
    free(s->result);
    free(s);
}

int64_t kin_label_sampler_steps(const kin_label_sampler *s)
{
    return s->steps;
}
