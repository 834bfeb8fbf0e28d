/* TREC files: rankings and judgements as text that any evaluator reads.
 *
 *     run    "query Q0 document rank score tag", rank from 1, score as %.9g (a float survives it)
 *     qrels  "query 0 document grade"
 *
 * Ids are the store's strings; an id that is empty or holds a blank or control character cannot
 * stand in these files and is refused (KIN_DATA names it). qrels hold only queries with a relevant
 * document, so that evaluators average over the queries that kin averages over. */
#ifndef KIN_METRICS_TREC_H
#define KIN_METRICS_TREC_H

#include "metrics/ranking.h"

/* Writes an ordered run, at most KIN_RUN_DEPTH lines a query. tag: one word naming the system. */
kin_status kin_trec_write_run(const char *path, const kin_run *run,
                              const kin_judgements *judgements, const char *tag);
kin_status kin_trec_write_qrels(const char *path, const kin_judgements *judgements);

/* A pair of files read back. Rows are the queries of the qrels, in the order of their first line;
 * lists are ordered (the rank column is not read) and cut at KIN_RUN_DEPTH. */
typedef struct {
    kin_judgements *judgements;
    kin_run *run;
    int64_t ignored;               /* queries of the run that the qrels do not know */
} kin_trec;

/* A line that is not as above, a score that is no finite float, a document retrieved or judged
 * twice for one query: KIN_DATA with file, line and the offending value. */
kin_status kin_trec_read(kin_trec **trec, const char *run_path, const char *qrels_path);
void kin_trec_free(kin_trec *trec);

#endif
