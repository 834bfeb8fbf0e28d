/* The importer of BEIR folders: what it makes of good files, what it says about bad ones, and the
 * real one of ../shared/data where that is present. */
#include "tests/data/stores.h"

#include "data/import.h"

static kin_import_report report;

static kin_status run_on(const char *source, double fraction, const char *out)
{
    int index;
    kin_import_setting setting = {.source = source, .out = out, .hypers = {fraction}};
    expect_ok(kin_list_find(&kin_importers, "beir", &index));
    return kin_import_run(index, &setting, &report);
}

static kin_status run(double fraction)
{
    return run_on(test_folder, fraction, in_folder("out.h5"));
}

static const char *const names[5] = {"corpus.jsonl", "queries.jsonl", "qrels/train.tsv",
                                     "qrels/dev.tsv", "qrels/test.tsv"};

/* In the order of names; NULL: there is no such file. */
static void write_files(const char *const text[5])
{
    expect_ok(kin_folder_make(in_folder("qrels")));
    for (int i = 0; i < 5; i++) {
        remove(in_folder(names[i]));
        if (text[i]) write_text(names[i], text[i]);
    }
}

static kin_store *import(const char *const text[5], double fraction)
{
    kin_store *store;
    write_files(text);
    expect_ok(run(fraction));
    expect_ok(kin_store_open(&store, in_folder("out.h5")));
    return store;
}

static void expect_text(const kin_texts *texts, int64_t i, const char *expected)
{
    assert_int_equal(kin_text_size(texts, i), strlen(expected));
    assert_memory_equal(kin_text(texts, i), expected, strlen(expected));
}

#define CORPUS                                                                              \
    "{\"_id\": \"a\", \"title\": \"Cats\", \"text\": \"They purr.\", \"metadata\": {}}\n"   \
    "{\"_id\": \"b\", \"title\": \"\", \"text\": \" Dogs\\nbark. \"}\r\n\n"                 \
    "{\"_id\": \"c\", \"title\": \"Only a title\", \"text\": null}\n"                       \
    "{\"_id\": \"d\", \"title\": \"Gr\\u00fc\\u00dfe\", \"text\": \"aus\\tKiel\"}\n"        \
    "{\"_id\": \"e\"}"
#define QUERIES                                                                             \
    "{\"_id\": \"q1\", \"text\": \"who purrs?\"}\n{\"_id\": \"q2\", \"text\": \"who barks?\"}\n" \
    "{\"_id\": \"q3\", \"text\": \"where from?\"}\n{\"_id\": \"q4\", \"text\": \"nobody asks\"}\n"
#define HEAD "query-id\tcorpus-id\tscore\n"

static void texts_are_joined(void **state)
{
    (void)state;
    kin_store *s = import((const char *const[5]){CORPUS, QUERIES, HEAD "q1\ta\t1\n"}, 0);
    static const char *const expected[] = {"Cats They purr.", "Dogs bark.", "Only a title",
                                           ("Gr\xc3\xbc\xc3\x9f" "e aus Kiel"), ""};
    assert_int_equal(s->documents, 5);
    for (int i = 0; i < 5; i++) {
        expect_text(&s->texts, s->document_text[i], expected[i]);
        expect_text(&s->document_id, i, (char[]){(char)('a' + i), 0});
    }
    assert_non_null(strstr(report.warning, "1 documents have neither title nor text"));
    assert_non_null(strstr(report.warning, "3 queries are judged nowhere"));
    kin_store_close(s);
}

/* Titles with their texts, then training queries with what is relevant to them. */
static void two_kinds_of_pairs(void **state)
{
    (void)state;
    kin_store *s = import((const char *const[5]){CORPUS, QUERIES,
                          HEAD "q2\tb\t2\nq1\ta\t1\nq1\tb\t0\nq1\td\t3\n", NULL,
                          HEAD "q3\td\t1\n"}, 0);
    static const char *const expected[5][3] = {
        {"Cats", "They purr.", "a"}, {"Gr\xc3\xbc\xc3\x9f" "e", "aus Kiel", "d"},
        {"who purrs?", "Cats They purr.", "a"},
        {"who purrs?", "Gr\xc3\xbc\xc3\x9f" "e aus Kiel", "d"}, {"who barks?", "Dogs bark.", "b"}};
    assert_int_equal(s->source.count, 2);
    expect_text(&s->source, 0, "title");
    expect_text(&s->source, 1, "judged");
    assert_int_equal(s->source_start[1], 2);
    assert_int_equal(s->pairs, 5);
    for (int i = 0; i < 5; i++) {
        expect_text(&s->texts, s->pair[3 * i + KIN_PAIR_LEFT], expected[i][0]);
        expect_text(&s->texts, s->pair[3 * i + KIN_PAIR_RIGHT], expected[i][1]);
        expect_text(&s->document_id, s->pair[3 * i + KIN_PAIR_DOCUMENT], expected[i][2]);
    }
    assert_int_equal(s->relations, 5);
    assert_memory_equal(s->relation, ((int32_t[]){0, 0, 1, 0, 1, 0, 0, 3, 3, 1, 1, 2, 2, 3, 1}),
                        60);
    assert_int_equal(report.lines, 5 + 4 + 5 + 2);           /* with the two that name columns */
    kin_store_close(s);
}

/* Grades stay, what is below 0 is 0, a first line without a number is names. */
static void grades_stay(void **state)
{
    (void)state;
    kin_store *s = import((const char *const[5]){CORPUS, QUERIES,
                          "q1\ta\t2147483646\nq1\tb\t-3\n", "q2\tb\t7\n", NULL}, 0);
    assert_int_equal(s->relations, 3);
    assert_int_equal(s->relation[KIN_RELATION_GRADE], 2147483646);
    assert_int_equal(s->relation[3 + KIN_RELATION_GRADE], 0);
    assert_int_equal(s->relation[6 + KIN_RELATION_GRADE], 7);
    assert_int_equal(report.lines, 5 + 4 + 3);
    kin_store_close(s);
}

static void each_query_is_in_one_part(void **state)
{
    (void)state;
    kin_store *s = import((const char *const[5]){CORPUS, QUERIES,
                          HEAD "q1\ta\t1\nq2\ta\t1\nq2\tb\t1\n", HEAD "q1\tb\t1\nq3\td\t1\n",
                          HEAD "q2\td\t1\nq2\td\t1\nq2\td\t2\n"}, 0.5);
    assert_int_equal(s->queries, 3);
    assert_int_equal(s->query_split[0], KIN_VALIDATION);
    assert_int_equal(s->query_split[1], KIN_TEST);
    assert_int_equal(s->query_split[2], KIN_VALIDATION);
    assert_memory_equal(s->relation, ((int32_t[]){0, 1, 1, 1, 3, 1, 2, 3, 1}), 36);
    assert_int_equal(s->pairs, s->source_start[1]);
    assert_int_equal(report.duplicates, 2);
    assert_non_null(strstr(report.warning, "3 judgements are of queries that a later file"));
    assert_non_null(strstr(report.warning, "1 lines judge a pair again"));
    kin_store_close(s);
}

static void what_is_not_there_is_counted(void **state)
{
    (void)state;
    kin_store *s = import((const char *const[5]){CORPUS, QUERIES,
                          "q1\ta\t1\nq1\tzz\t1\nq9\ta\t1\nq1\tyy\t0\n"}, 0);
    assert_int_equal(s->relations, 1);
    assert_int_equal(s->queries, 1);
    assert_non_null(strstr(report.warning, "2 judgements are of documents that the corpus lacks"));
    assert_non_null(strstr(report.warning, "1 judgements are of queries that queries.jsonl lacks"));
    kin_store_close(s);
}

/* A share of the training queries, the same whatever else there is; none where there is dev.tsv. */
static void a_share_is_validation(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    char *queries = malloc(MANY * 48), *qrels = malloc(MANY * 24), *q = queries, *r = qrels;
    for (int i = 0; i < MANY; i++) {
        q += sprintf(q, "{\"_id\": \"q%d\", \"text\": \"question %d\"}\n", i, i);
        r += sprintf(r, "q%d\ta\t1\n", i);
    }
    kin_store *s = import((const char *const[5]){CORPUS, queries, qrels}, 0.2);
    assert_in_range(report.queries[KIN_VALIDATION], 160, 240);
    assert_int_equal(s->source_start[2] - s->source_start[1], report.queries[KIN_TRAIN]);
    const int64_t kept = report.queries[KIN_VALIDATION];
    kin_store_close(s);
    s = import((const char *const[5]){CORPUS, queries, qrels, NULL, "q0\tb\t1\n"}, 0.2);
    assert_in_range(report.queries[KIN_VALIDATION], kept - 1, kept);
    kin_store_close(s);
    s = import((const char *const[5]){CORPUS, queries, qrels, "q0\tb\t1\n"}, 0.2);
    assert_int_equal(report.queries[KIN_VALIDATION], 1);
    kin_store_close(s);
    free(queries);
    free(qrels);
}

/* ---- bad files ------------------------------------------------------------------------------- */

static void expect_error(const char *corpus, const char *queries, const char *train,
                         const char *words)
{
    write_files((const char *const[5]){corpus, queries, train});
    expect_failure(run(0), KIN_DATA, words);
    assert_false(kin_file_exists(in_folder("out.h5")));
}

static void bad_lines_are_named(void **state)
{
    (void)state;
    remove(in_folder("out.h5"));
    const char *good = "q1\ta\t1\n";
    expect_error(NULL, QUERIES, good, "corpus.jsonl");
    expect_error(CORPUS, NULL, good, "queries.jsonl");
    expect_error(CORPUS, QUERIES, NULL, "has neither qrels/train.tsv nor");
    expect_error("", QUERIES, good, "the file is empty");
    expect_error("\n \n", QUERIES, good, "has no document");
    expect_error(CORPUS "\n{\"_id\": \"a\"}", QUERIES, good, "line 7: the _id \"a\" came before");
    expect_error(CORPUS "\n{\"_id\": \"a\"", QUERIES, good, "corpus.jsonl line 7: the file ends");
    expect_error(CORPUS "\n{\"_id\": 7}", QUERIES, good, "line 7: \"_id\" is a number");
    expect_error("{\"title\": \"x\"}", QUERIES, good, "no key \"_id\"");
    expect_error("{\"_id\": \"x y\"}", QUERIES, good, "line 1: the _id \"x y\" is empty or holds");
    expect_error("{\"_id\": \"x\\u0009\"}", QUERIES, good, "is empty or holds a blank");
    expect_error("{\"_id\": \"x\", \"text\": [1]}", QUERIES, good, "\"text\" is an array");
    expect_error("{\"_id\": \"x\", \"text\": \"\\u0000\"}", QUERIES, good, "NUL");
    expect_error("[]", QUERIES, good, "expected an object");
    expect_error(CORPUS, "{\"_id\": \"q1\"}", good, "no key \"text\"");
    expect_error(CORPUS, "{\"_id\": \"q1\", \"text\": \" \"}", good, "query \"q1\" is empty");
    expect_error(CORPUS, QUERIES QUERIES, good, "line 5: the _id \"q1\" came before");
    expect_error(CORPUS, QUERIES, HEAD "q1\ta\n", "line 2: 2 columns, expected query-id");
    expect_error(CORPUS, QUERIES, HEAD "q1 0 a 1\n", "line 2: 1 column, expected");
    expect_error(CORPUS, QUERIES, HEAD "q1\ta\t1.5\n", "line 2: score \"1.5\"");
    expect_error(CORPUS, QUERIES, HEAD "q1\ta\t2147483647\n", "line 2: score \"2147483647\"");
    expect_error(CORPUS, QUERIES, HEAD "\ta\t1\n", "line 2: the query-id is empty");
    expect_error(CORPUS, QUERIES, HEAD "q1\t \t1\n", "line 2: the corpus-id is empty");
    expect_error(CORPUS, QUERIES, HEAD, "no judgement is of a query and a document");
    expect_error(CORPUS, QUERIES, HEAD "q1\tzz\t1\n", "no judgement is of a query");
    expect_error(CORPUS, QUERIES, "q1\ta\t1\n\xff", "train.tsv line 2: byte 1 (0xff) is not UTF-8");
}

static void what_is_read_is_not_written(void **state)
{
    (void)state;
    write_files((const char *const[5]){CORPUS, QUERIES, "q1\ta\t1\n"});
    for (int i = 0; i < 3; i++)
        expect_failure(run_on(test_folder, 0, in_folder(names[i])), KIN_USAGE,
                       "cannot be the one to write");
    expect_ok(run(0));
}

/* ---- the real one ---------------------------------------------------------------------------- */

/* As its notes say: 5,183 documents, 809 claims with 919 training pairs, 300 with 339 for test. */
static void scifact_has_its_counts(void **state)
{
    (void)state;
    const char *folder = KIN_SOURCE "/../shared/data/scifact";
    kin_store *s;
    if (!kin_file_exists(folder)) skip();
    expect_ok(run_on(folder, 0, in_folder("scifact.h5")));
    expect_ok(kin_store_open(&s, in_folder("scifact.h5")));
    assert_int_equal(s->documents, 5183);
    assert_int_equal(report.queries[KIN_TRAIN], 809);
    assert_int_equal(report.queries[KIN_TEST], 300);
    assert_int_equal(s->relations, 919 + 339);
    assert_int_equal(s->source_start[2] - s->source_start[1], 919);
    assert_in_range(s->source_start[1], 5000, 5183);
    kin_store_close(s);
}

int main(void)
{
    if (!kin_store_available()) {
        printf("no HDF5: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_joined), cmocka_unit_test(two_kinds_of_pairs),
        cmocka_unit_test(grades_stay), cmocka_unit_test(each_query_is_in_one_part),
        cmocka_unit_test(what_is_not_there_is_counted), cmocka_unit_test(a_share_is_validation),
        cmocka_unit_test(bad_lines_are_named), cmocka_unit_test(what_is_read_is_not_written),
        cmocka_unit_test(scifact_has_its_counts),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
