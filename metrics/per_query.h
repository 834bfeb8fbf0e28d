/* Per-query scores: a table that statistics are computed from, as text that anything reads.
 *
 *     query<TAB>mrr@10<TAB>recall@1 ...
 *     q17<TAB>0.5<TAB>0 ...
 *
 * One line a query, numbers with 17 digits (a double survives them). Which measures stand in it is
 * the writer's business. */
#ifndef KIN_METRICS_PER_QUERY_H
#define KIN_METRICS_PER_QUERY_H

#include "core/status.h"
#include "metrics/names.h"
#include "metrics/ranking.h"

#define KIN_COLUMNS_MAX 64

typedef struct {
    int64_t queries;
    int columns;
    char *text;                        /* owns the measures' names */
    const char *name[KIN_COLUMNS_MAX];
    double *value[KIN_COLUMNS_MAX];    /* queries each */
    kin_names ids;                     /* of the queries, in the order of the file */
} kin_per_query;

/* The judged queries of a split. An id that is empty or holds a tab or another control character
 * cannot stand in the file (KIN_DATA). */
kin_status kin_per_query_write(const char *path, const kin_ranking_scores *scores,
                               const kin_judgements *judgements);

/* KIN_DATA with file, line and the offending value: no header that begins with "query", a measure
 * or a query that stands twice, a line with another number of fields, a value that is no finite
 * number, no query at all. */
kin_status kin_per_query_read(kin_per_query **scores, const char *path);
void kin_per_query_free(kin_per_query *scores);

/* The place of a measure, or -1. */
int kin_per_query_find(const kin_per_query *scores, const char *measure);

#endif
