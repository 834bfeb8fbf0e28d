/* Fusion: one ranking from two, of the documents that either lists.
 *
 *     by rank    score(d) = sum over the lists that hold d of 1 / (60 + rank of d), ranks from 1
 *                (Cormack, Clarke, Buettcher 2009, "Reciprocal rank fusion outperforms Condorcet
 *                and individual rank learning methods")
 *     by score   score(d) = w s0(d) + (1 - w) s1(d), where s is a list's score brought to 0 .. 1
 *                within the list of each query: (score - low) / (best - low), and 0 where the list
 *                lacks d (a convex combination: Bruch, Gai, Ingber 2023, "An analysis of fusion
 *                functions for hybrid retrieval"). low is the last score of a list that was cut at
 *                `listed`; a shorter list holds all that has a score, so low is 0, or its last
 *                score where that is less. A list whose scores are all low gives 0 to all. */
#ifndef KIN_METRICS_FUSION_H
#define KIN_METRICS_FUSION_H

#include <stdbool.h>
#include "metrics/ranking.h"

#define KIN_FUSION_K 60

typedef struct {
    const kin_run *run[2];           /* the same rows, each list in trec_eval's order */
    int64_t documents;               /* places of documents are below this */
    int64_t listed;                  /* what the lists were cut at */
    int64_t depth;                   /* what the fused lists are cut at */
    bool by_score;                   /* otherwise by rank */
    double weight;                   /* w, of run[0], 0 .. 1 */
} kin_fusion;

/* Lists by score descending, then place of the document ascending; kin_run_order puts them into
 * trec_eval's order. KIN_USAGE when rows, depths or the weight are none. Takes memory for the fused
 * lists and a number for each document and thread. */
kin_status kin_run_fuse(kin_run **fused, kin_pool *pool, const kin_fusion *fusion);

#endif
