/* Mine: negatives of the queries of a split, from the nearest documents of a run's model: for other
 * programs, and to see what a policy would do before it is trained with. */
#ifndef KIN_TRAIN_MINE_H
#define KIN_TRAIN_MINE_H

#include <stdint.h>
#include "core/backend.h"
#include "mining/policy.h"
#include "train/run.h"

typedef struct {
    const char *out;                  /* JSONL: a line for each query */
    const char *tables;               /* the same as an HDF5 file, or NULL */
    const char *split;                /* whose queries: "train", "validation" or "test" */
    const char *policy;               /* a chain, as negatives.policy */
    const char *guide;                /* a run or model folder that the policy `guide` asks */
    int64_t count, depth;             /* negatives of a query; documents it is chosen from */
    uint64_t seed;
} kin_mine_order;

/* How many scores lie in each of KIN_MINE_BINS equal parts of low .. high. */
enum { KIN_MINE_BINS = 24, KIN_MINE_KINDS = 3 };
typedef enum { KIN_MINE_POSITIVE, KIN_MINE_MINED, KIN_MINE_RANDOM } kin_mine_kind;

typedef struct {
    int64_t queries, negatives, without;          /* without: queries that got none */
    int64_t candidates, known, dropped[KIN_CHAIN_MAX];
    kin_policy_chain chain;
    double low, high, mean[KIN_MINE_KINDS];
    int64_t scores[KIN_MINE_KINDS], bin[KIN_MINE_KINDS][KIN_MINE_BINS];
    /* What would be mined if each query were known to have its positive alone: negatives of queries
     * with further relevant documents, and how many of them are such a document. */
    int64_t judged, withheld, caught;             /* withheld: further relevant documents */
} kin_mine_report;

/* A query's positive is its relevant document of the highest grade, of equal ones that which the
 * model scores highest; the others are known. */
kin_status kin_mine_run(const char *run, const kin_mine_order *order, kin_backend *backend,
                        const kin_watch *watch, kin_mine_report *report);

#endif
