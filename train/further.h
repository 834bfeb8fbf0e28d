/* Further: what rankings are judged by beside the model's own scores, where a run asks for it.
 *
 *     eval.hybrid   BM25 and the model fused, by reciprocal rank and by weighted scores
 *                   (metrics/fusion.h); the weight is the best of 0, 0.05 .. 1 on the validation
 *                   queries by eval.best_by, of equal ones that nearest to a half; for fresh
 *                   documents it is chosen by those of the validation queries
 *     eval.fresh    by those relevant documents alone that are not relevant to a query of an
 *                   earlier part: training before validation before test. Documents that are left
 *                   out count as not relevant where they are listed */
#ifndef KIN_TRAIN_FURTHER_H
#define KIN_TRAIN_FURTHER_H

#include "train/finish.h"

/* folder: the split's, which gets rrf.tsv and .trec, weighted.tsv and .trec. judged: what the model
 * made of the split. KIN_USAGE for a model that BM25 has no words for. */
kin_status kin_further_judge(const kin_finished *finished, const kin_look *look,
                             const char *folder, const kin_judged *judged, kin_results *results);

/* The judgements of a split by fresh documents, in the same rows. left_out: how many relevant ones
 * are not among them. */
kin_status kin_fresh_judgements(kin_judgements **fresh, const kin_store *store, kin_split split,
                                int64_t *left_out);

#endif
