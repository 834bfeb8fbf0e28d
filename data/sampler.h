/* Sampler: which pairs make up a batch. The batches of an epoch are a function of (seed, epoch)
 * alone, so a run resumes at any step and nothing of it has to be saved. No two pairs of a batch
 * share a document, a left text or a right text: a candidate that is another row's positive too
 * would be a false negative. Where negatives come from elsewhere, batches may be mixed. */
#ifndef KIN_DATA_SAMPLER_H
#define KIN_DATA_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>
#include "core/status.h"

typedef struct {
    int64_t pairs;
    const int32_t *pair;               /* pairs x 3 as in kin_store: left, right, document; not
                                          copied, must outlive the sampler */
    int64_t batch;                     /* pairs in a batch */
    uint64_t seed;
    int64_t sources;                   /* kinds of pairs, as in kin_store; 0: one kind */
    const int64_t *source_start;       /* sources + 1 */
    const int32_t *repeat;             /* sources: how often an epoch may use a pair of the kind
                                          (0: never); NULL: once */
    bool mixed;                        /* pairs in any order: a batch may hold anything twice */
} kin_sampler_setting;

typedef struct kin_sampler kin_sampler;

/* Prepares epoch 0. KIN_DATA when not one batch can be filled: fewer pairs, or fewer different
 * documents or texts, than the batch. */
kin_status kin_sampler_new(kin_sampler **sampler, const kin_sampler_setting *setting);
void kin_sampler_free(kin_sampler *sampler);                 /* NULL is fine */

/* Batches in an epoch: the same for every epoch. The pairs that do not fill a last batch, and those
 * of a document beyond one a batch, wait for another epoch: so many are dropped in each. */
int64_t kin_sampler_steps(const kin_sampler *sampler);
int64_t kin_sampler_dropped(const kin_sampler *sampler);

/* Puts the batches of an epoch in order; epochs may be asked for in any order. Takes linear time,
 * no memory, and does nothing when the epoch is prepared already. */
void kin_sampler_epoch(kin_sampler *sampler, int64_t epoch);

/* The pairs of a step (0 .. steps - 1) of the prepared epoch: setting.batch indices into pair. They
 * stay valid until another epoch is prepared. */
const int32_t *kin_sampler_batch(const kin_sampler *sampler, int64_t step);

#endif
