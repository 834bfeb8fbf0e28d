/* Ranking: how good lists of documents are, judged exactly as trec_eval does.
 *
 * The order of a list is trec_eval's: score descending, and among equal scores the document's id
 * (a string, compared byte by byte) descending. Scores are floats: trec_eval keeps them so, and
 * two scores that differ only beyond float are a tie. A list holds at most KIN_RUN_DEPTH documents.
 *
 * Queries without a relevant document say nothing about a ranking: they are left out and counted.
 * A query with relevant documents of which nothing at all was retrieved scores 0 (trec_eval's
 * option -c; without it trec_eval leaves such queries out). */
#ifndef KIN_METRICS_RANKING_H
#define KIN_METRICS_RANKING_H

#include <stdint.h>
#include "core/pool.h"
#include "core/status.h"
#include "data/texts.h"

#define KIN_RUN_DEPTH 1000

/* What is relevant: row r of an evaluation is query id query[r], judged by the documents
 * document[start[r]] .. document[start[r+1] - 1] (places in document_id, ascending) with their
 * grades; relevant is a grade above 0. The ids are borrowed. */
typedef struct {
    int64_t rows;
    int32_t *query;
    int64_t *start;                /* rows + 1 */
    int32_t *document, *grade;     /* start[rows] */
    kin_texts query_id, document_id;
} kin_judgements;

/* Judgements from (row, document, grade) triples in any order; row r is query query[r], or query r
 * when query is NULL. Equal triples count once; two grades for one document fail (KIN_DATA). */
kin_status kin_judgements_new(kin_judgements **judgements, int64_t rows, const int32_t *query,
                              kin_texts query_id, kin_texts document_id, int64_t triples,
                              const int32_t *triple);
void kin_judgements_free(kin_judgements *judgements);

/* What was retrieved: row r lists document[start[r]] .. document[start[r+1] - 1]. */
typedef struct {
    int64_t rows;
    int64_t *start;                /* rows + 1 */
    int32_t *document;             /* start[rows] */
    float *score;
} kin_run;

/* A run of rows lists of depth documents each, to be filled in by the caller. */
kin_status kin_run_new(kin_run **run, int64_t rows, int64_t depth);
void kin_run_free(kin_run *run);

/* Each list keeps its first documents: depth at most, and found[r] at most unless found is NULL. */
void kin_run_cut(kin_run *run, int64_t depth, const int64_t *found);

/* Puts every list into trec_eval's order. A document that stands twice in one list and a score
 * that is not finite fail (KIN_DATA, KIN_NUMERICAL; row and document in the message). */
kin_status kin_run_order(kin_run *run, kin_pool *pool, const kin_texts *document_id);

/* The measures, trec_eval's name in brackets:
 *     mrr@10      (recip_rank, cut) 1 / rank of the first relevant document if among the first 10
 *     recall@k    (recall_k) relevant documents among the first k / relevant documents of the query
 *     ndcg@k      (ndcg_cut_k) gain = grade, discount = log2(rank + 1), ideal of all judged
 *     map         (map) sum of the precisions at the relevant documents / relevant documents
 *     success@k   (success_k) 1 when a relevant document is among the first k */
#define KIN_EACH_MEASURE(X)         \
    X(MRR10, "mrr@10")              \
    X(RECALL1, "recall@1")          \
    X(RECALL10, "recall@10")        \
    X(RECALL100, "recall@100")      \
    X(NDCG10, "ndcg@10")            \
    X(MAP, "map")                   \
    X(SUCCESS1, "success@1")        \
    X(SUCCESS10, "success@10")      \
    X(RECALL20, "recall@20")        \
    X(NDCG20, "ndcg@20")

typedef enum {
#define X(field, name) KIN_##field,
    KIN_EACH_MEASURE(X)
#undef X
    KIN_MEASURES
} kin_measure;

extern const char *const kin_measure_names[KIN_MEASURES];

/* Their names with | between, for a setting. */
#define KIN_MEASURE_CHOICES \
    "mrr@10|recall@1|recall@10|recall@100|ndcg@10|map|success@1|success@10|recall@20|ndcg@20"

typedef struct {
    int64_t queries;                   /* with a relevant document: the averages are over these */
    int64_t unretrieved;               /* of these, with an empty list: they score 0 */
    int64_t unjudged;                  /* rows left out for want of a relevant document */
    int32_t *row;                      /* queries: their rows, ascending */
    double mean[KIN_MEASURES];
    double *value[KIN_MEASURES];       /* queries each */
} kin_ranking_scores;

/* Judges a run that kin_run_order has ordered. KIN_USAGE when the numbers of rows differ, KIN_DATA
 * when no query has a relevant document. */
kin_status kin_ranking_judge(kin_ranking_scores **scores, const kin_run *run,
                             const kin_judgements *judgements);
void kin_ranking_scores_free(kin_ranking_scores *scores);

#endif
