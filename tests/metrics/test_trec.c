/* TREC files: what is written is read back, faults are named, and the measures of a run full of
 * ties are those of trec_eval (the literals come from compare_trec.py through pytrec_eval).
 *
 * test_trec RUN QRELS prints the measures of two files, for compare_trec.py. */
#include "tests/metrics/tools.h"
#include <math.h>
#include <unistd.h>
#include "core/file.h"
#include "metrics/per_query.h"
#include "metrics/trec.h"

static char folder[64], run_path[128], qrels_path[128];

static int open_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/kin-trec-XXXXXX");
    if (!mkdtemp(folder)) return 1;
    snprintf(run_path, sizeof run_path, "%s/run.trec", folder);
    snprintf(qrels_path, sizeof qrels_path, "%s/qrels.trec", folder);
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    return kin_folder_remove(folder) == KIN_OK ? 0 : 1;
}

static void put(const char *path, const char *text)
{
    assert_ok(kin_file_write(path, text, strlen(text)));
}

static void expect(const char *path, const char *text)
{
    char *bytes;
    size_t size;
    assert_ok(kin_file_read(path, &bytes, &size));
    assert_string_equal(bytes, text);
    free(bytes);
}

static void files_are_as_described(void **state)
{
    (void)state;
    kin_texts queries = texts_split("q\xc3\xa9 q2 q3", ' '), documents = texts_split("a b c", ' ');
    const int32_t query[] = {2, 0}, triple[] = {0, 1, 2, 0, 0, 0, 1, 1, 0};
    const int32_t listed[] = {0, 1, 2, 1};
    const float score[] = {0.1f, 1e10f, -2.5f, 1};
    kin_judgements *j;
    kin_run *run;
    assert_ok(kin_judgements_new(&j, 2, query, queries, documents, 3, triple));
    assert_ok(kin_run_new(&run, 2, 2));
    memcpy(run->document, listed, sizeof listed);
    memcpy(run->score, score, sizeof score);
    assert_ok(kin_run_order(run, NULL, &documents));
    assert_ok(kin_trec_write_run(run_path, run, j, "kin"));
    assert_ok(kin_trec_write_qrels(qrels_path, j));
    expect(run_path, "q3 Q0 b 1 1e+10 kin\nq3 Q0 a 2 0.100000001 kin\n"
                     "q\xc3\xa9 Q0 b 1 1 kin\nq\xc3\xa9 Q0 c 2 -2.5 kin\n");
    expect(qrels_path, "q3 0 a 0\nq3 0 b 2\n");
    assert_fails(kin_trec_write_run(run_path, run, j, "two words"), KIN_USAGE, "two words");
    kin_judgements_free(j);
    kin_run_free(run);
    texts_free(&queries);
    texts_free(&documents);
}

static void odd_ids_are_refused(void **state)
{
    (void)state;
    kin_texts fine = texts_split("q", '|'), blank = texts_split("a|b c", '|');
    kin_texts empty = texts_split("a||b", '|');
    kin_judgements *j;
    assert_ok(kin_judgements_new(&j, 1, NULL, fine, blank, 0, NULL));
    assert_fails(kin_trec_write_qrels(qrels_path, j), KIN_DATA, "the id \"b c\" of a document");
    kin_judgements_free(j);
    assert_ok(kin_judgements_new(&j, 1, NULL, fine, empty, 0, NULL));
    assert_fails(kin_trec_write_qrels(qrels_path, j), KIN_DATA, "document 1 has an empty id");
    kin_judgements_free(j);
    texts_free(&fine);
    texts_free(&blank);
    texts_free(&empty);
}

static void reading_is_forgiving_where_it_may(void **state)
{
    (void)state;
    kin_trec *trec;
    put(qrels_path, "q1\t0  a\t1\r\nq2 0 b -1\nq1 0 c 0");
    put(run_path, "q9 Q0 a 1 5 x\nq1 Q0 z 7 0.25 x\r\nq2 Q0 b 1 1 x\nq1 Q0 a 9 0.25000000001 x\n");
    assert_ok(kin_trec_read(&trec, run_path, qrels_path));
    assert_int_equal(trec->ignored, 1);
    assert_int_equal(trec->judgements->rows, 2);
    assert_int_equal(trec->run->start[1], 2);
    assert_int_equal(trec->run->document[0], 3);           /* a float tie: "z" before "a" */
    assert_int_equal(trec->run->document[1], 0);
    assert_int_equal(trec->judgements->grade[2], -1);
    kin_trec_free(trec);
    put(run_path, "");
    assert_ok(kin_trec_read(&trec, run_path, qrels_path));
    assert_int_equal(trec->run->start[2], 0);
    kin_trec_free(trec);
}

/* Whatever can be read as an id can be written as one. */
static void ids_that_are_read_are_written(void **state)
{
    (void)state;
    kin_trec *trec;
    put(qrels_path, "q\x7f 0 d\xff\x7f 1\n");
    put(run_path, "q\x7f Q0 d\xff\x7f 1 1 x\n");
    assert_ok(kin_trec_read(&trec, run_path, qrels_path));
    assert_ok(kin_trec_write_run(run_path, trec->run, trec->judgements, "x"));
    assert_ok(kin_trec_write_qrels(qrels_path, trec->judgements));
    kin_trec_free(trec);
}

static void faults_are_named(void **state)
{
    (void)state;
    const struct { const char *run, *qrels, *message; } fault[] = {
        {"q Q0 a 1 1 x\nq Q0 a 1\n", "q 0 a 1\n", "run.trec line 2: 4 columns, expected 6"},
        {"q Q0 a 1 1 x y\n", "q 0 a 1\n", "run.trec line 1: 7 columns, expected 6"},
        {"q Q0 a 1 one x\n", "q 0 a 1\n", "line 1: \"one\" is not a score"},
        {"q Q0 a 1 1.5.5 x\n", "q 0 a 1\n", "\"1.5.5\" is not a score"},
        {"q Q0 a 1 nan x\n", "q 0 a 1\n", "\"nan\" is not a score"},
        {"q Q0 a 1 1e39 x\n", "q 0 a 1\n", "\"1e39\" is not a score"},
        {"q Q0 a 1 1 x\nq Q0 b 2 1 x\nq Q0 a 3 0 x\n", "q 0 a 1\n",
         "run.trec line 3: document a of query q stands on line 1 too"},
        {"", "q 0 a 1\nq 0 a 1\n", "qrels.trec line 2: document a of query q"},
        {"", "q 0 a 1.5\n", "qrels.trec line 1: \"1.5\" is not a grade"},
        {"", "q 0 a 4294967296\n", "is not a grade"},
        {"", "q 0 a\n", "qrels.trec line 1: 3 columns, expected 4: query 0 document grade"},
        {"", "q 0 a 1\n\nq 0 b 1\n", "qrels.trec line 2: 0 columns"},
    };
    for (size_t i = 0; i < sizeof fault / sizeof *fault; i++) {
        kin_trec *trec;
        put(run_path, fault[i].run);
        put(qrels_path, fault[i].qrels);
        assert_fails(kin_trec_read(&trec, run_path, qrels_path), KIN_DATA, fault[i].message);
        assert_null(trec);
    }
    kin_trec *trec;
    assert_fails(kin_trec_read(&trec, "/nowhere/run", qrels_path), KIN_DATA, "qrels.trec line 2");
    put(qrels_path, "q 0 a 1\n");
    assert_fails(kin_trec_read(&trec, "/nowhere/run", qrels_path), KIN_DATA, "/nowhere/run");
}

/* ---- a run full of ties, the same in compare_trec.py ------------------------------------------*/

enum { QUERIES = 40, DOCUMENTS = 211, LISTED = 60 };

static kin_run *tied_run(void)
{
    kin_run *run;
    assert_ok(kin_run_new(&run, QUERIES, LISTED));
    for (int q = 0; q < QUERIES; q++) {
        for (int i = 0; i < LISTED; i++) {
            run->document[q * LISTED + i] = (q * 37 + i * 11) % DOCUMENTS;
            run->score[q * LISTED + i] = (float)(kin_mix64((uint64_t)(q * 1000 + i)) % 7) / 8;
        }
    }
    return run;
}

static kin_judgements *tied_judgements(kin_texts queries, kin_texts documents)
{
    static int32_t triple[3 * QUERIES * DOCUMENTS];
    kin_judgements *judgements;
    int n = 0;
    for (int q = 0; q < QUERIES; q++) {
        for (int d = 0; d < DOCUMENTS; d++) {
            int grade = (int)(kin_mix64((uint64_t)(7777 + q * DOCUMENTS + d)) % 40);
            if (grade > 3) continue;
            triple[3 * n] = q;
            triple[3 * n + 1] = d;
            triple[3 * n++ + 2] = grade;
        }
    }
    assert_ok(kin_judgements_new(&judgements, QUERIES, NULL, queries, documents, n, triple));
    return judgements;
}

static void measures_are_those_of_trec_eval(void **state)
{
    (void)state;
    const double expected[KIN_MEASURES] = {
        [KIN_MRR10] = 0.19054563492063498, [KIN_RECALL1] = 0.0057449494949494946,
        [KIN_RECALL10] = 0.052566471518677396, [KIN_RECALL100] = 0.28635532950451681,
        [KIN_NDCG10] = 0.062099026595006199, [KIN_MAP] = 0.043749014650994421,
        [KIN_SUCCESS1] = 0.075, [KIN_SUCCESS10] = 0.575,
        [KIN_RECALL20] = 0.10564921952402603, [KIN_NDCG20] = 0.085012409515005632,
    };
    kin_texts queries = texts_numbered('q', QUERIES), documents = texts_numbered('d', DOCUMENTS);
    kin_run *run = tied_run();
    kin_judgements *judgements = tied_judgements(queries, documents);
    kin_ranking_scores *direct, *read;
    kin_trec *trec;
    assert_ok(kin_run_order(run, NULL, &documents));
    assert_ok(kin_ranking_judge(&direct, run, judgements));
    assert_ok(kin_trec_write_run(run_path, run, judgements, "tied"));
    assert_ok(kin_trec_write_qrels(qrels_path, judgements));
    assert_ok(kin_trec_read(&trec, run_path, qrels_path));
    assert_ok(kin_ranking_judge(&read, trec->run, trec->judgements));
    for (int m = 0; m < KIN_MEASURES; m++) {
        assert_near(direct->mean[m], expected[m], 1e-15);
        assert_true(direct->mean[m] == read->mean[m]);
        assert_memory_equal(direct->value[m], read->value[m], sizeof(double) * QUERIES);
    }
    kin_ranking_scores_free(direct);
    kin_ranking_scores_free(read);
    kin_trec_free(trec);
    kin_judgements_free(judgements);
    kin_run_free(run);
    texts_free(&queries);
    texts_free(&documents);
}

/* ---- scores of each query -------------------------------------------------------------------- */

static void scores_of_queries_survive(void **state)
{
    (void)state;
    kin_texts queries = texts_split("one,t w o,q\xc3\xa9", ',');
    kin_texts documents = texts_split("a b c", ' ');
    const int32_t triple[] = {0, 1, 1, 2, 0, 1, 2, 2, 1};
    const int32_t listed[] = {0, 1, 2, 0, 1, 2, 0, 1, 2};
    const float score[] = {3, 2, 1, 3, 2, 1, 3, 2, 1};
    kin_judgements *j;
    kin_run *run;
    kin_ranking_scores *scores;
    kin_per_query *read;
    assert_ok(kin_judgements_new(&j, 3, NULL, queries, documents, 3, triple));
    assert_ok(kin_run_new(&run, 3, 3));
    memcpy(run->document, listed, sizeof listed);
    memcpy(run->score, score, sizeof score);
    assert_ok(kin_run_order(run, NULL, &documents));
    assert_ok(kin_ranking_judge(&scores, run, j));
    assert_ok(kin_per_query_write(run_path, scores, j));
    assert_ok(kin_per_query_read(&read, run_path));
    assert_int_equal(read->queries, 2);                  /* the second has no relevant document */
    assert_int_equal(read->columns, KIN_MEASURES);
    assert_int_equal(kin_names_find(&read->ids, "one", 3), 0);
    assert_int_equal(kin_names_find(&read->ids, "q\xc3\xa9", 3), 1);
    for (int m = 0; m < KIN_MEASURES; m++) {
        assert_int_equal(kin_per_query_find(read, kin_measure_names[m]), m);
        assert_memory_equal(read->value[m], scores->value[m], 2 * sizeof(double));
    }
    assert_true(read->value[KIN_MAP][1] > 0.8 && kin_per_query_find(read, "map@7") == -1);
    kin_per_query_free(read);
    kin_ranking_scores_free(scores);
    kin_run_free(run);
    kin_judgements_free(j);
    texts_free(&queries);
    texts_free(&documents);
}

static void wrong_scores_of_queries_are_named(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"", "run.trec:1: expected a header"}, {"id\tmap\nq\t1\n", "run.trec:1: expected a header"},
        {"query\nq\n", "run.trec:1: expected a header"}, {"query\tmap\n", "has no queries"},
        {"query\tmap\tmap\nq\t1\t1\n", "run.trec:1: map stands twice"},
        {"query\t\nq\t1\n", "run.trec:1: the name of a measure is empty"},
        {"query\tmap\nq\t1\nq\t0\n", "run.trec:3: query 'q' stands twice"},
        {"query\tmap\nq\n", "run.trec:2: fewer numbers"},
        {"query\tmap\nq\t1\t2\n", "run.trec:2: more numbers"},
        {"query\tmap\nq\tx\n", "run.trec:2: map is 'x'"},
        {"query\tmap\nq\t\n", "run.trec:2: map is ''"},
        {"query\tmap\nq\tnan\n", "run.trec:2: map is 'nan'"},
        {"query\tmap\nq\t-inf\n", "run.trec:2: map is '-inf'"},
        {"query\tmap\nq\t1e999\n", "run.trec:2: map is '1e999'"},
        {"query\tmap\n\t1\n", "run.trec:2: the name of a query is empty"},
        {"query\tmap\na\x01\t1\n", "run.trec:2: the name of a query"},
    };
    kin_per_query *read;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        put(run_path, wrong[i][0]);
        assert_fails(kin_per_query_read(&read, run_path), KIN_DATA, wrong[i][1]);
        assert_null(read);
    }
    assert_ok(kin_file_write(run_path, "query\tmap\nq\0\t1\n", 16));
    assert_fails(kin_per_query_read(&read, run_path), KIN_DATA, "NUL");
    put(run_path, "query\tmap\r\nq\t1\r\nr\t0.5");
    assert_ok(kin_per_query_read(&read, run_path));
    assert_true(read->queries == 2 && read->value[0][1] == 0.5);
    kin_per_query_free(read);
}

static int print_measures(const char *run_file, const char *qrels_file)
{
    kin_trec *trec;
    kin_ranking_scores *scores;
    if (kin_trec_read(&trec, run_file, qrels_file) != KIN_OK ||
        kin_ranking_judge(&scores, trec->run, trec->judgements) != KIN_OK) {
        fprintf(stderr, "%s\n", kin_message());
        return 1;
    }
    const kin_texts *ids = &trec->judgements->query_id;
    for (int m = 0; m < KIN_MEASURES; m++) {
        for (int64_t i = 0; i < scores->queries; i++) {
            const int64_t *start = ids->start + trec->judgements->query[scores->row[i]];
            printf("%.*s %s %.17g\n", (int)(start[1] - start[0]), ids->bytes + start[0],
                   kin_measure_names[m], scores->value[m][i]);
        }
        printf("all %s %.17g\n", kin_measure_names[m], scores->mean[m]);
    }
    kin_ranking_scores_free(scores);
    kin_trec_free(trec);
    return 0;
}

int main(int count, char **argument)
{
    if (count == 3) return print_measures(argument[1], argument[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_are_as_described), cmocka_unit_test(odd_ids_are_refused),
        cmocka_unit_test(reading_is_forgiving_where_it_may),
        cmocka_unit_test(ids_that_are_read_are_written),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(measures_are_those_of_trec_eval),
        cmocka_unit_test(scores_of_queries_survive),
        cmocka_unit_test(wrong_scores_of_queries_are_named),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
