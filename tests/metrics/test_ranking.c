/* Rankings by hand: order, ties, grades, queries that are left out; two rankings fused. */
#include "tests/metrics/tools.h"
#include <math.h>
#include "metrics/fusion.h"
#include "metrics/ranking.h"

static kin_texts query_id, document_id;

static int open_ids(void **state)
{
    (void)state;
    query_id = texts_split("q1 q2 q3", ' ');
    document_id = texts_split("a b B ba c d10 d9 e f g h i", ' ');
    return 0;
}

static int close_ids(void **state)
{
    (void)state;
    texts_free(&query_id);
    texts_free(&document_id);
    return 0;
}

/* One list a row, as many documents as given. */
static kin_run *run_of(int64_t rows, int64_t depth, const int32_t *document, const float *score)
{
    kin_run *run;
    assert_ok(kin_run_new(&run, rows, depth));
    memcpy(run->document, document, sizeof(int32_t) * (size_t)(rows * depth));
    memcpy(run->score, score, sizeof(float) * (size_t)(rows * depth));
    return run;
}

/* Frees the run. */
static kin_ranking_scores *judge(kin_run *run, int64_t triples, const int32_t *triple)
{
    kin_judgements *judgements;
    kin_ranking_scores *scores;
    assert_ok(kin_judgements_new(&judgements, run->rows, NULL, query_id, document_id, triples,
                                 triple));
    assert_ok(kin_run_order(run, NULL, &document_id));
    assert_ok(kin_ranking_judge(&scores, run, judgements));
    kin_judgements_free(judgements);
    kin_run_free(run);
    return scores;
}

/* Ids compare as strings of bytes: "d9" after "d10", "b" after "B", "ba" after "b". */
static void ties_go_by_id_descending(void **state)
{
    (void)state;
    const int32_t document[] = {0, 1, 2, 3, 4, 5, 6, 7};
    const float score[] = {1, 1, 1, 1, 1, 1, 1, 2};
    const int32_t expected[] = {7, 6, 5, 4, 3, 1, 0, 2};
    kin_run *run = run_of(1, 8, document, score);
    assert_ok(kin_run_order(run, NULL, &document_id));
    assert_memory_equal(run->document, expected, sizeof expected);
    assert_true(run->score[0] == 2 && run->score[7] == 1);
    kin_run_free(run);
}

static void negative_zero_ties_with_zero(void **state)
{
    (void)state;
    const int32_t document[] = {0, 1};
    const float score[] = {0.0f, -0.0f};
    kin_run *run = run_of(1, 2, document, score);
    assert_ok(kin_run_order(run, NULL, &document_id));
    assert_int_equal(run->document[0], 1);
    kin_run_free(run);
}

/* Ordered list: c (2), b (0), a (1), d10 (unjudged), e (3); f (1) is judged but not retrieved. */
static void graded_list_by_hand(void **state)
{
    (void)state;
    const int32_t document[] = {0, 1, 4, 5, 7};
    const float score[] = {3, 4, 5, 2, 1};
    const int32_t triple[] = {0, 4, 2, 0, 1, 0, 0, 0, 1, 0, 7, 3, 0, 8, 1};
    kin_ranking_scores *s = judge(run_of(1, 5, document, score), 5, triple);
    double dcg = 2 + 1 / log2(4) + 3 / log2(6);
    double ideal = 3 + 2 / log2(3) + 1 / log2(4) + 1 / log2(5);
    assert_int_equal(s->queries, 1);
    assert_near(s->mean[KIN_MRR10], 1, 0);
    assert_near(s->mean[KIN_RECALL1], 0.25, 0);
    assert_near(s->mean[KIN_RECALL10], 0.75, 0);
    assert_near(s->mean[KIN_RECALL100], 0.75, 0);
    assert_near(s->mean[KIN_NDCG10], dcg / ideal, 1e-15);
    assert_near(s->mean[KIN_MAP], (1 + 2. / 3 + 3. / 5) / 4, 1e-15);
    assert_near(s->mean[KIN_SUCCESS1], 1, 0);
    kin_ranking_scores_free(s);
}

/* The relevant document stands at the place that the last of 11 equal scores has by id. */
static void eleventh_place_is_beyond_ten(void **state)
{
    (void)state;
    int32_t document[11];
    float score[11];
    for (int i = 0; i < 11; i++) {
        document[i] = i;
        score[i] = 0.5f;
    }
    const int32_t triple[] = {0, 2, 1};                              /* "B" is the lowest id */
    kin_ranking_scores *s = judge(run_of(1, 11, document, score), 1, triple);
    assert_near(s->mean[KIN_MRR10], 0, 0);
    assert_near(s->mean[KIN_RECALL10], 0, 0);
    assert_near(s->mean[KIN_RECALL100], 1, 0);
    assert_near(s->mean[KIN_NDCG10], 0, 0);
    assert_near(s->mean[KIN_MAP], 1. / 11, 1e-16);
    assert_near(s->mean[KIN_SUCCESS10], 0, 0);
    kin_ranking_scores_free(s);
}

/* q1 is found second, q2 has an empty list, q3 has no relevant document. */
static void queries_that_count(void **state)
{
    (void)state;
    const int32_t document[] = {0, 1, 0, 1, 0, 1};
    const float score[] = {2, 1, 2, 1, 2, 1};
    const int32_t triple[] = {0, 1, 1, 1, 1, 1, 2, 0, 0};
    const int64_t found[] = {2, 0, 2};
    kin_run *run = run_of(3, 2, document, score);
    kin_run_cut(run, 2, found);
    kin_ranking_scores *s = judge(run, 3, triple);
    assert_int_equal(s->queries, 2);
    assert_int_equal(s->unretrieved, 1);
    assert_int_equal(s->unjudged, 1);
    assert_int_equal(s->row[0], 0);
    assert_int_equal(s->row[1], 1);
    assert_near(s->value[KIN_MRR10][0], 0.5, 0);
    assert_near(s->value[KIN_MRR10][1], 0, 0);
    assert_near(s->mean[KIN_MRR10], 0.25, 0);
    kin_ranking_scores_free(s);
}

/* Beyond KIN_RUN_DEPTH a list is not looked at, however long it is. */
static void depth_is_a_thousand(void **state)
{
    (void)state;
    kin_texts ids = texts_numbered('d', 1001), one = texts_split("q", ' ');
    kin_run *run;
    kin_judgements *judgements;
    kin_ranking_scores *s;
    assert_ok(kin_run_new(&run, 1, 1001));
    for (int32_t i = 0; i < 1001; i++) {
        run->document[i] = i;
        run->score[i] = (float)-i;
    }
    const int32_t triple[] = {0, 999, 1, 0, 1000, 1};
    assert_ok(kin_judgements_new(&judgements, 1, NULL, one, ids, 2, triple));
    assert_ok(kin_run_order(run, NULL, &ids));
    assert_ok(kin_ranking_judge(&s, run, judgements));
    assert_near(s->mean[KIN_MAP], 0.5 * 1 / 1000, 1e-18);
    kin_ranking_scores_free(s);
    kin_judgements_free(judgements);
    kin_run_free(run);
    texts_free(&ids);
    texts_free(&one);
}

static void faults_are_refused(void **state)
{
    (void)state;
    kin_judgements *j;
    kin_ranking_scores *s;
    const int32_t twice[] = {0, 4, 0};
    const float score[] = {3, 2, 1}, bad[] = {1, NAN, 2};
    kin_run *run = run_of(1, 3, twice, score);
    assert_fails(kin_run_order(run, NULL, &document_id), KIN_DATA, "row 0 lists document a twice");
    kin_run_free(run);
    const int32_t fine[] = {0, 4, 1}, unknown[] = {0, 12, 1};
    run = run_of(1, 3, fine, bad);
    assert_fails(kin_run_order(run, NULL, &document_id), KIN_NUMERICAL, "document c");
    kin_run_free(run);
    run = run_of(1, 3, unknown, score);
    assert_fails(kin_run_order(run, NULL, &document_id), KIN_DATA, "document 12, there are 12");
    const int32_t grades[] = {0, 1, 1, 0, 1, 2}, none[] = {0, 1, 0}, far[] = {1, 1, 1};
    assert_fails(kin_judgements_new(&j, 1, NULL, query_id, document_id, 2, grades), KIN_DATA,
                 "query q1 has document b with grades 1 and 2");
    assert_fails(kin_judgements_new(&j, 1, NULL, query_id, document_id, 1, far), KIN_DATA, "row 1");
    assert_fails(kin_judgements_new(&j, 4, NULL, query_id, document_id, 0, far), KIN_DATA,
                 "row 3 is query 3, there are 3");
    assert_ok(kin_judgements_new(&j, 1, NULL, query_id, document_id, 1, none));
    assert_fails(kin_ranking_judge(&s, run, j), KIN_DATA, "none of 1 queries");
    kin_judgements_free(j);
    assert_ok(kin_judgements_new(&j, 2, NULL, query_id, document_id, 1, none));
    assert_fails(kin_ranking_judge(&s, run, j), KIN_USAGE, "1 lists");
    kin_judgements_free(j);
    kin_run_free(run);
}

static void equal_triples_count_once(void **state)
{
    (void)state;
    const int32_t triple[] = {0, 1, 1, 1, 0, 1, 0, 1, 1};
    kin_judgements *j;
    assert_ok(kin_judgements_new(&j, 2, NULL, query_id, document_id, 3, triple));
    assert_int_equal(j->start[1], 1);
    assert_int_equal(j->start[2], 2);
    kin_judgements_free(j);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    enum { ROWS = 40, DEPTH = 300 };
    kin_texts ids = texts_numbered('d', DEPTH);
    kin_run *one, *many;
    kin_pool *pool;
    assert_ok(kin_pool_new(&pool, 3));
    assert_ok(kin_run_new(&one, ROWS, DEPTH));
    assert_ok(kin_run_new(&many, ROWS, DEPTH));
    for (int i = 0; i < ROWS * DEPTH; i++) {
        one->document[i] = many->document[i] = i % DEPTH;
        one->score[i] = many->score[i] = (float)(int)(unit_of((uint64_t)i) * 20);
    }
    assert_ok(kin_run_order(one, NULL, &ids));
    assert_ok(kin_run_order(many, pool, &ids));
    assert_memory_equal(one->document, many->document, sizeof(int32_t) * ROWS * DEPTH);
    for (int i = 1; i < DEPTH; i++) assert_true(one->score[i - 1] >= one->score[i]);
    kin_run_free(one);
    kin_run_free(many);
    kin_pool_free(pool);
    texts_free(&ids);
}

/* ---- fusion ---------------------------------------------------------------------------------- */

/* a, b, c against c, d10, and a query that the second has nothing for. */
static void fused_by_hand(void **state)
{
    (void)state;
    const int32_t first[] = {0, 1, 4, 0, 1, 4}, second[] = {4, 5, 6, 6, 6, 6};
    const float good[] = {0.75f, 0.5f, 0.25f, 3, 3, 3}, other[] = {8, 2, 0, 0, 0, 0};
    const int64_t found[] = {2, 0};
    kin_run *a = run_of(2, 3, first, good), *b = run_of(2, 3, second, other), *fused;
    kin_run_cut(b, 3, found);
    kin_fusion by = {.run = {a, b}, .documents = 12, .listed = 3, .depth = 10};
    assert_ok(kin_run_fuse(&fused, NULL, &by));
    assert_memory_equal(fused->start, ((int64_t[]){0, 4, 7}), 24);
    assert_memory_equal(fused->document, ((int32_t[]){4, 0, 1, 5, 0, 1, 4}), 28);
    assert_near((double)fused->score[0], 1 / 61.0 + 1 / 63.0, 1e-8);
    assert_near((double)fused->score[3], 1 / 62.0, 1e-8);
    kin_run_free(fused);
    by.by_score = true;                  /* b's list is short: 8 and 2 become 1 and 1 / 4 */
    by.weight = 0.25;
    assert_ok(kin_run_fuse(&fused, NULL, &by));
    assert_memory_equal(fused->document, ((int32_t[]){4, 0, 5, 1}), 16);
    assert_near((double)fused->score[0], 0.75, 1e-7);
    assert_near((double)fused->score[1], 0.25, 1e-7);
    assert_near((double)fused->score[2], 0.1875, 1e-7);
    assert_near((double)fused->score[3], 0.125, 1e-7);
    assert_true(fused->score[4] == 0 && fused->score[6] == 0);
    kin_run_free(fused);
    by.weight = 1.5;
    assert_fails(kin_run_fuse(&fused, NULL, &by), KIN_USAGE, "weight is 1.5");
    by.weight = 0, by.depth = 0;
    assert_fails(kin_run_fuse(&fused, NULL, &by), KIN_USAGE, "lists of 0");
    kin_run_free(a);
    kin_run_free(b);
}

enum { FUSED_ROWS = 30, LISTED = 40, CORPUS = 90 };

/* Lists in order, of different documents, some scores equal; of every third query few. */
static kin_run *drawn_run(uint64_t salt, double low)
{
    kin_run *run;
    int64_t found[FUSED_ROWS];
    assert_ok(kin_run_new(&run, FUSED_ROWS, LISTED));
    for (int r = 0; r < FUSED_ROWS; r++) {
        float score = 5;
        found[r] = r % 3 ? LISTED : r;
        for (int i = 0; i < LISTED; i++) {
            const uint64_t at = (salt * FUSED_ROWS + (uint64_t)r) * LISTED + (uint64_t)i;
            run->document[r * LISTED + i] = (int32_t)((r * 7 + i * (salt ? 11 : 7)) % CORPUS);
            score -= (float)((int)(unit_of(at) * 3) * (5 - low) / 3 / LISTED);
            run->score[r * LISTED + i] = score;
        }
    }
    kin_run_cut(run, LISTED, found);
    return run;
}

/* The score of a document in one list of a query, as the header says it. */
static double share_of(const kin_run *run, int64_t row, int32_t document, bool by_score)
{
    const int64_t first = run->start[row], n = run->start[row + 1] - first;
    for (int64_t i = 0; i < n; i++) {
        if (run->document[first + i] != document) continue;
        if (!by_score) return 1.0 / (60.0 + (double)i + 1);
        double low = (double)run->score[first + n - 1];
        if (n < LISTED) low = fmin(low, 0);
        const double best = (double)run->score[first];
        return best > low ? ((double)run->score[first + i] - low) / (best - low) : 0;
    }
    return -1;
}

/* Every document of the corpus is looked for in both lists; each that is listed is beaten by as
 * many as stand before it. */
static void look_fused(const kin_fusion *by, const kin_run *fused)
{
    for (int64_t r = 0; r < FUSED_ROWS; r++) {
        float score[CORPUS];
        int64_t there = 0;
        for (int32_t d = 0; d < CORPUS; d++) {
            const double a = share_of(by->run[0], r, d, by->by_score);
            const double b = share_of(by->run[1], r, d, by->by_score);
            const double w = by->by_score ? by->weight : 1, v = by->by_score ? 1 - w : 1;
            there += a >= 0 || b >= 0;
            score[d] = a < 0 && b < 0 ? -1 : (float)(w * fmax(a, 0) + v * fmax(b, 0));
        }
        const int64_t first = fused->start[r], n = fused->start[r + 1] - first;
        assert_int_equal(n, there < by->depth ? there : by->depth);
        for (int64_t i = 0; i < n; i++) {
            const int32_t d = fused->document[first + i];
            int64_t before = 0;
            for (int32_t o = 0; o < CORPUS; o++)
                before += score[o] > score[d] || (score[o] == score[d] && o < d);
            assert_int_equal(before, i);
            assert_true(fused->score[first + i] == score[d]);
        }
    }
}

static void fused_as_the_slow_way(void **state)
{
    (void)state;
    kin_run *a = drawn_run(0, -3), *b = drawn_run(1, 1), *fused, *again;
    kin_pool *pool;
    assert_ok(kin_pool_new(&pool, 3));
    for (int i = 0; i < 12; i++) {
        const kin_fusion by = {.run = {a, b}, .documents = CORPUS, .listed = LISTED,
                               .depth = i % 2 ? 25 : 200, .by_score = i > 1,
                               .weight = (double)(i / 2) / 5};
        assert_ok(kin_run_fuse(&fused, NULL, &by));
        assert_ok(kin_run_fuse(&again, pool, &by));
        look_fused(&by, fused);
        assert_memory_equal(fused->start, again->start, sizeof(int64_t) * (FUSED_ROWS + 1));
        const size_t n = (size_t)fused->start[FUSED_ROWS];
        assert_memory_equal(fused->document, again->document, sizeof(int32_t) * n);
        assert_memory_equal(fused->score, again->score, sizeof(float) * n);
        kin_run_free(fused);
        kin_run_free(again);
    }
    kin_run_free(a);
    kin_run_free(b);
    kin_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fused_by_hand), cmocka_unit_test(fused_as_the_slow_way),
        cmocka_unit_test(ties_go_by_id_descending), cmocka_unit_test(negative_zero_ties_with_zero),
        cmocka_unit_test(graded_list_by_hand), cmocka_unit_test(eleventh_place_is_beyond_ten),
        cmocka_unit_test(queries_that_count), cmocka_unit_test(depth_is_a_thousand),
        cmocka_unit_test(faults_are_refused), cmocka_unit_test(equal_triples_count_once),
        cmocka_unit_test(threads_do_not_matter),
    };
    return cmocka_run_group_tests(tests, open_ids, close_ids);
}
