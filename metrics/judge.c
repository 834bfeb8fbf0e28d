/* Judges ordered lists; the measures are described in ranking.h. Sums are formed in trec_eval's
 * order, so that a query's values have the same bits. */
#include "metrics/ranking.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { IDEAL = 20 };

/* One query: the grades of its list from the top (0 for what is not judged), and what there is. */
typedef struct {
    int64_t retrieved, relevant;
    int32_t grade[KIN_RUN_DEPTH];
    int32_t ideal[IDEAL];          /* the best grades, descending; 0 where there are fewer */
} query_t;

static int32_t grade_of(const kin_judgements *judgements, int64_t row, int32_t document)
{
    int64_t low = judgements->start[row], high = judgements->start[row + 1];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (judgements->document[middle] < document) low = middle + 1;
        else high = middle;
    }
    bool found = low < judgements->start[row + 1] && judgements->document[low] == document;
    return found ? judgements->grade[low] : 0;
}

static void insert_ideal(int32_t ideal[IDEAL], int32_t grade)
{
    for (int i = 0; i < IDEAL; i++) {
        if (grade <= ideal[i]) continue;
        int32_t pushed = ideal[i];
        ideal[i] = grade;
        grade = pushed;
    }
}

static void open_query(query_t *query, const kin_run *run, const kin_judgements *judgements,
                       int64_t row)
{
    *query = (query_t){0};
    for (int64_t i = judgements->start[row]; i < judgements->start[row + 1]; i++) {
        query->relevant += judgements->grade[i] > 0;
        insert_ideal(query->ideal, judgements->grade[i]);
    }
    int64_t first = run->start[row], n = run->start[row + 1] - first;
    query->retrieved = n < KIN_RUN_DEPTH ? n : KIN_RUN_DEPTH;
    for (int64_t i = 0; i < query->retrieved; i++)
        query->grade[i] = grade_of(judgements, row, run->document[first + i]);
}

static int64_t relevant_among(const query_t *query, int64_t k)
{
    int64_t count = 0;
    for (int64_t i = 0; i < k && i < query->retrieved; i++) count += query->grade[i] > 0;
    return count;
}

static double recall(const query_t *query, int64_t k)
{
    return (double)relevant_among(query, k) / (double)query->relevant;
}

static double reciprocal_rank(const query_t *query, int64_t k)
{
    for (int64_t i = 0; i < k && i < query->retrieved; i++)
        if (query->grade[i] > 0) return 1.0 / (double)(i + 1);
    return 0;
}

static double gain(const int32_t *grade, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        if (grade[i] > 0) sum += grade[i] / log2((double)(i + 2));
    return sum;
}

static double average_precision(const query_t *query)
{
    double sum = 0;
    int64_t found = 0;
    for (int64_t i = 0; i < query->retrieved; i++)
        if (query->grade[i] > 0) sum += (double)++found / (double)(i + 1);
    return sum / (double)query->relevant;
}

static void measure(const query_t *query, double value[KIN_MEASURES])
{
    value[KIN_MRR10] = reciprocal_rank(query, 10);
    value[KIN_RECALL1] = recall(query, 1);
    value[KIN_RECALL10] = recall(query, 10);
    value[KIN_RECALL100] = recall(query, 100);
    value[KIN_NDCG10] = gain(query->grade, 10) / gain(query->ideal, 10);
    value[KIN_MAP] = average_precision(query);
    value[KIN_SUCCESS1] = relevant_among(query, 1) > 0;
    value[KIN_SUCCESS10] = relevant_among(query, 10) > 0;
    value[KIN_RECALL20] = recall(query, 20);
    value[KIN_NDCG20] = gain(query->grade, 20) / gain(query->ideal, 20);
}

static kin_ranking_scores *scores_take(int64_t rows)
{
    kin_ranking_scores *made = calloc(1, sizeof *made);
    if (!made) return NULL;
    bool fine = (made->row = malloc(sizeof(int32_t) * (size_t)(rows + 1))) != NULL;
    for (int m = 0; m < KIN_MEASURES; m++)
        fine &= (made->value[m] = malloc(sizeof(double) * (size_t)(rows + 1))) != NULL;
    if (fine) return made;
    kin_ranking_scores_free(made);
    return NULL;
}

static void judge_rows(kin_ranking_scores *made, const kin_run *run,
                       const kin_judgements *judgements)
{
    query_t query;
    double value[KIN_MEASURES];
    for (int64_t r = 0; r < run->rows; r++) {
        open_query(&query, run, judgements, r);
        made->unjudged += query.relevant == 0;
        if (query.relevant == 0) continue;
        measure(&query, value);
        made->unretrieved += query.retrieved == 0;
        made->row[made->queries] = (int32_t)r;
        for (int m = 0; m < KIN_MEASURES; m++) {
            made->value[m][made->queries] = value[m];
            made->mean[m] += value[m];
        }
        made->queries++;
    }
    for (int m = 0; m < KIN_MEASURES && made->queries > 0; m++)
        made->mean[m] /= (double)made->queries;
}

kin_status kin_ranking_judge(kin_ranking_scores **scores, const kin_run *run,
                             const kin_judgements *judgements)
{
    *scores = NULL;
    KIN_REQUIRE(run->rows == judgements->rows, KIN_USAGE,
                "the run has %lld lists, the judgements have %lld queries", (long long)run->rows,
                (long long)judgements->rows);
    kin_ranking_scores *made = scores_take(run->rows);
    KIN_REQUIRE(made, KIN_MEMORY, "no memory to judge %lld lists", (long long)run->rows);
    judge_rows(made, run, judgements);
    if (made->queries == 0) {
        kin_ranking_scores_free(made);
        return kin_fail(KIN_DATA, "none of %lld queries has a relevant document",
                        (long long)run->rows);
    }
    *scores = made;
    return KIN_OK;
}

void kin_ranking_scores_free(kin_ranking_scores *scores)
{
    if (!scores) return;
    for (int m = 0; m < KIN_MEASURES; m++) free(scores->value[m]);
    free(scores->row);
    free(scores);
}
