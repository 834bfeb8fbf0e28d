/* Negatives: documents that join a batch because a search found them near its queries
 * (approximate nearest neighbour negatives: Xiong et al. 2021, arXiv:2007.00808).
 *
 *     negatives.c         makes it from a config, and says when it is time to mine
 *     negatives_mine.c    a time of mining: documents embedded, searched, chosen, told
 *     negatives_find.c    candidates: of the model's index, of BM25, at random
 *     negatives_batch.c   the columns that a step gets
 *     negatives_mask.c    what of the batch is too similar to be a negative
 *     negatives_queue.c   documents of past steps, as they were embedded then
 *
 * A query here is a different left text of the pairs that are mined for. Each time of mining serves
 * the steps until the next one, so it looks at their pairs alone; the list of negatives stands in
 * the checkpoint. For train/. */
#ifndef KIN_TRAIN_NEGATIVES_H
#define KIN_TRAIN_NEGATIVES_H

#include "encoders/model.h"
#include "metrics/bm25.h"
#include "mining/index.h"
#include "mining/policy.h"
#include "train/config.h"
#include "train/objective.h"
#include "train/scorer.h"

struct kin_trainer;

/* In the order of negatives.source. */
typedef enum { KIN_FROM_NONE, KIN_FROM_RANDOM, KIN_FROM_BM25, KIN_FROM_MODEL } kin_negatives_source;

enum { KIN_NEAREST = 10 };          /* neighbours that are compared with those of the last time */

/* What a time of mining, and a step, did. */
typedef struct {
    int64_t queries, pairs, candidates, chosen;     /* chosen: negatives, of all pairs */
    int64_t without;                                /* pairs that got none */
    int64_t known, dropped[KIN_CHAIN_MAX];          /* candidates, by who dropped them */
    double overlap;                                 /* of the nearest with the last time; NaN */
    double embedding, indexing, searching, seconds; /* seconds: of all of it */
} kin_mining_facts;

typedef struct {
    int64_t columns;                 /* documents that were added to the batch */
    int64_t own;                     /* negatives that rows brought, those of other rows included */
    int64_t clashing;                /* not added: relevant to a query of the batch */
    int64_t queued;                  /* documents of past steps */
    int64_t masked;                  /* cells that are ignored */
} kin_negatives_step;

/* Documents of past steps, in a ring. */
enum { KIN_QUEUE_NEXT, KIN_QUEUE_FILLED, KIN_QUEUE_FACTS };
typedef struct {
    int64_t size, start;             /* 0: there is none; the first step that sees it */
    real *rows;                      /* size x width, backend memory */
    int32_t *document;               /* size: of each place, or -1; then the facts */
    int32_t *fact;                   /* the place that is filled next, how many are filled */
    int32_t *newest, *older;         /* of each document, of each place: a place, or -1 */
    int32_t *row_text, *col_text;    /* of the step */
    const kin_tensor *entering;      /* documents of the step */
} kin_queue;

typedef struct {
    kin_negatives_source source, before;
    kin_policy_chain chain, mask;    /* mask.count 0: there is none */
    int64_t start, every;            /* steps; every 0: once */
    int64_t count, depth;            /* negatives of a pair; candidates of a query */
    bool record;

    /* the pairs' queries */
    int64_t queries, most_known;
    int32_t *query_of;               /* pairs: -1 where nothing is mined */
    int32_t *query_text;
    int64_t *known_start;            /* queries + 1 */
    int32_t *known;
    uint64_t *query_key;             /* or NULL, as what the corpus holds */
    kin_policy_corpus corpus;

    /* what checkpoints hold */
    int32_t *document;               /* pairs x count: negatives, -1: none */
    int32_t *nearest;                /* queries x KIN_NEAREST: of the last time, or -1 */
    kin_index *index;                /* of the model's embeddings: what it has learned */

    kin_encoding *encoding;
    real *rows;                      /* the documents' embeddings, as the index keeps them */
    kin_scorer guide;                /* another encoder, asked for its opinion; model NULL: none */
    kin_run *lexical;                /* BM25's lists of all queries, once they were asked for */
    float *lexical_positive;         /* pairs: BM25's score of their document */

    kin_queue queue;

    /* a step */
    bool stand_in;                   /* as many columns as there may be, to take their memory */
    int32_t *column;                 /* count x batch.size: documents that are added */
    int32_t *stamp;                  /* documents: the step that has this one, and how */
    int32_t stamps;
    kin_negatives_step step;
    kin_mining_facts last;
} kin_negatives;

/* What a time of mining works on. */
typedef struct {
    kin_negatives_source source;
    int64_t pairs, queries, depth;
    int32_t *pair, *query;           /* their numbers, rising */
    int32_t *place;                  /* all queries: where in `query`, or -1 */
    int32_t *found;                  /* queries x depth, best first, -1 behind the last */
    real *score;
    real *positive;                  /* pairs: the score of the pair's document; NaN */
    real *guide, *positive_guide;    /* the guide's scores of found and of the pairs, or NULL */
} kin_mining;

/* negatives.c. open makes t->negatives, or leaves it NULL where nothing is mined or masked. */
kin_status kin_negatives_open(struct kin_trainer *t);
void kin_negatives_free(kin_negatives *negatives, kin_backend *backend);
kin_negatives_source kin_negatives_at(const kin_negatives *negatives, int64_t step);
int64_t kin_negatives_next(const kin_negatives *negatives, int64_t step);   /* mining after it */
bool kin_negatives_indexed(const kin_negatives *negatives, int64_t step);   /* before this step */
const char *kin_negatives_source_name(const struct kin_trainer *t, kin_negatives_source source);

double kin_negatives_progress(const struct kin_trainer *t);     /* share of the run that is done */

/* After a checkpoint was read: KIN_DATA when its lists name documents that are not there. */
kin_status kin_negatives_loaded(struct kin_trainer *t);

/* Before step `t->state.step`: mines if it is time to. */
kin_status kin_negatives_mine(struct kin_trainer *t);

/* Fills found, score and positive. */
kin_status kin_negatives_find(struct kin_trainer *t, kin_mining *m);

/* The columns of the batch that t->batch.pairs names, to step; the document of a column of the
 * step: its pairs', mined, of the queue (-1: a place of it that is empty). */
void kin_negatives_pick(struct kin_trainer *t);
int32_t kin_negatives_document(const struct kin_trainer *t, int64_t column);

/* negatives_queue.c. link: after document and fact were read. join: the queue's columns behind the
 * step's, and who is no negative among them; push: the step's documents enter. */
kin_status kin_queue_open(struct kin_trainer *t);
void kin_queue_free(kin_queue *queue, kin_backend *backend);
kin_status kin_queue_link(struct kin_trainer *t);
int64_t kin_queue_columns(const struct kin_trainer *t);
kin_status kin_queue_join(struct kin_trainer *t, kin_sides *sides);
void kin_queue_push(struct kin_trainer *t);

/* The cells of the sides that the mask ignores. */
kin_status kin_negatives_mask(struct kin_trainer *t, kin_sides *sides);

#endif
