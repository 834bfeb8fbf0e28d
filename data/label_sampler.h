/* Label sampler: which items of a labelled set make up a batch. A batch is a function of (seed,
 * step) alone, so a run resumes at any step and nothing of it has to be saved.
 *
 * Balanced batches hold P = batch / each classes and `each` items of each. Classes are dealt from a
 * shuffled deck of them, P a batch; the rest of a deck that does not fill a batch waits for the
 * next. So classes come equally often, however many items they have, and no class twice in a batch.
 * A class's items are dealt from a deck of their own in the same way, `each` at a time; a class of
 * fewer items gives some of them twice, one of a single item is left out. */
#ifndef KIN_DATA_LABEL_SAMPLER_H
#define KIN_DATA_LABEL_SAMPLER_H

#include <stdint.h>
#include "core/status.h"

typedef struct {
    int64_t items;
    const int32_t *label;              /* items: 0 .. labels - 1; not copied */
    int64_t labels;
    int64_t batch;                     /* items in a batch */
    int64_t each;                      /* items of a class in a batch; 0: as they come, every item
                                          once an epoch */
    uint64_t seed;
} kin_label_sampler_setting;

typedef struct kin_label_sampler kin_label_sampler;

/* KIN_USAGE when each does not divide batch or there are fewer classes than batch / each, KIN_DATA
 * when there are fewer items than a batch. */
kin_status kin_label_sampler_new(kin_label_sampler **sampler,
                                 const kin_label_sampler_setting *setting);
void kin_label_sampler_free(kin_label_sampler *sampler);     /* NULL is fine */

/* Batches in an epoch: items / batch, rounded down. */
int64_t kin_label_sampler_steps(const kin_label_sampler *sampler);

/* The items of a step, 0 and following; steps may be asked for in any order. They stay valid until
 * the next call. Takes no memory. */
const int32_t *kin_label_sampler_batch(kin_label_sampler *sampler, int64_t step);

#endif
