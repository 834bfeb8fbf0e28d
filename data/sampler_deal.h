/* A sampler's inside: sampler.c makes one, sampler_deal.c makes its epochs. */
#ifndef KIN_DATA_SAMPLER_DEAL_H
#define KIN_DATA_SAMPLER_DEAL_H

#include <stdbool.h>
#include "data/sampler.h"

/* The columns of a pair; the most exchanges of places in an epoch; a value that cannot clash. */
enum { KIN_PAIR_COLUMNS = 3, KIN_SAMPLER_SWAPS = 1024, KIN_ALONE = -1 };

/* When a group is dealt: first those that clash in another column too, then those of several
 * pairs, then single pairs. */
enum { ENTANGLED, SEVERAL, SINGLE, TURNS };

/* What dealing has to know of an item: its values, KIN_ALONE where no other item has the value. */
typedef struct {
    int32_t value[KIN_PAIR_COLUMNS];
    int32_t turn;
} kin_card;

struct kin_sampler {
    const int32_t *pair;
    int64_t items, batch, steps, epoch;
    uint64_t seed;
    int group;                 /* the grouping column */
    int32_t *item;             /* items: the pairs, each as often as an epoch may use it */
    int64_t values[KIN_PAIR_COLUMNS];   /* values of a column are 0 .. values - 1 */
    int32_t *count[KIN_PAIR_COLUMNS];   /* by value: how many items have it */
    kin_card *card;            /* items */
    int64_t turn_start[TURNS]; /* where the groups of a turn begin in head */

    /* work space of one epoch */
    int32_t *order, *next;     /* items: shuffled; the next item of the same group */
    int32_t *last;             /* by value of the grouping column: last item so far */
    int32_t *head;             /* items: first item of each group, by turn */
    int32_t *left;             /* items: those that found no batch */
    int32_t *open, *fill;      /* steps: batches with room; items in a batch */
    int32_t *slot;             /* steps x batch: the result */
    uint64_t *seen;            /* open addressing: keys of (column, value, batch), 0 is empty */
    uint64_t seen_mask;
    int64_t open_count, cursor, left_count;
};

/* Makes the batches of an epoch in slot; whether all steps were filled. */
bool kin_sampler_arrange(kin_sampler *sampler, int64_t epoch);

#endif
