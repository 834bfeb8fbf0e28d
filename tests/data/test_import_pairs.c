/* The importer of users' own text: what it makes of good lines, and what it says about bad ones. */
#include "tests/data/stores.h"

#include <time.h>
#include "data/import.h"

static kin_import_report report;

static kin_status run(const char *file, const char *validation, double fraction)
{
    int index;
    kin_import_setting setting = {.source = file, .validation = validation,
                                  .out = in_folder("out.h5"), .hypers = {fraction}};
    expect_ok(kin_list_find(&kin_importers, "pairs", &index));
    return kin_import_run(index, &setting, &report);
}

static kin_store *import(const char *text, const char *validation, double fraction)
{
    kin_store *store;
    const char *file = write_text("in.tsv", text);
    if (validation) validation = write_text("validation.tsv", validation);
    expect_ok(run(file, validation, fraction));
    expect_ok(kin_store_open(&store, in_folder("out.h5")));
    return store;
}

static void expect_text(const kin_texts *texts, int64_t i, const char *expected)
{
    assert_int_equal(kin_text_size(texts, i), strlen(expected));
    assert_memory_equal(kin_text(texts, i), expected, strlen(expected));
}

static void expect_row(const int32_t *row, int32_t a, int32_t b, int32_t c)
{
    assert_int_equal(row[0], a);
    assert_int_equal(row[1], b);
    assert_int_equal(row[2], c);
}

/* ---- good files ------------------------------------------------------------------------------ */

static void lines_become_documents_queries_and_pairs(void **state)
{
    (void)state;
    kin_store *s = import("q one\tdoc A\nq two\tdoc B\t3\nq one\tdoc B\t0\nq one\tdoc A\n"
                          "doc A\tdoc C", NULL, 0);
    assert_int_equal(s->documents, 3);
    expect_text(&s->texts, s->document_text[0], "doc A");
    expect_text(&s->texts, s->document_text[1], "doc B");
    expect_text(&s->texts, s->document_text[2], "doc C");
    expect_text(&s->document_id, 2, "d3");
    assert_int_equal(s->queries, 3);
    expect_text(&s->texts, s->query_text[0], "q one");
    assert_int_equal(s->query_text[2], s->document_text[0]);
    expect_text(&s->query_id, 1, "q2");
    assert_int_equal(s->texts.count, 5);
    assert_int_equal(s->relations, 4);
    expect_row(s->relation, 0, 0, 1);
    expect_row(s->relation + 3, 1, 1, 3);
    expect_row(s->relation + 6, 0, 1, 0);
    expect_row(s->relation + 9, 2, 2, 1);
    assert_int_equal(s->pairs, 3);
    expect_row(s->pair, s->query_text[0], s->document_text[0], 0);
    expect_row(s->pair + 3, s->query_text[1], s->document_text[1], 1);
    expect_row(s->pair + 6, s->query_text[2], s->document_text[2], 2);
    assert_int_equal(report.lines, 5);
    assert_int_equal(report.duplicates, 1);
    assert_int_equal(report.documents, 3);
    assert_int_equal(report.queries[KIN_TRAIN], 3);
    assert_int_equal(report.pairs, 3);
    assert_non_null(strstr(report.warning, "No query is kept for validation"));
    kin_store_close(s);
}

static void line_ends_and_byte_order_mark(void **state)
{
    (void)state;
    kin_store *s = import("\xEF\xBB\xBFone\ttwo\r\nthree\tvier\xC3\xA4\t2\r\n", NULL, 0);
    assert_int_equal(s->queries, 2);
    expect_text(&s->texts, s->query_text[0], "one");
    expect_text(&s->texts, s->document_text[0], "two");
    expect_text(&s->texts, s->document_text[1], "vier\xC3\xA4");
    expect_row(s->relation + 3, 1, 1, 2);
    kin_store_close(s);
}

static void first_of_two_grades_counts(void **state)
{
    (void)state;
    kin_store *s = import("a\tb\t2\na\tb\t0\n", NULL, 0);
    assert_int_equal(s->relations, 1);
    expect_row(s->relation, 0, 0, 2);
    assert_int_equal(report.duplicates, 1);
    assert_non_null(strstr(report.warning, "1 lines judge a pair again"));
    kin_store_close(s);
}

static void only_irrelevant_pairs_are_warned_of(void **state)
{
    (void)state;
    kin_store *s = import("a\tb\t0\n", NULL, 0);
    assert_int_equal(s->pairs, 0);
    assert_non_null(strstr(report.warning, "There is no pair to train on."));
    kin_store_close(s);
}

/* ---- the validation part --------------------------------------------------------------------- */

enum { QUERIES = 4000 };

static char *many_lines(int times)
{
    char *text = malloc(QUERIES * 64 * (size_t)times), *at = text;
    for (int i = 0; i < times * QUERIES; i++)
        at += sprintf(at, "query %d\tdocument %d\n", i % QUERIES, i);
    return text;
}

static void a_share_of_the_queries_is_kept(void **state)
{
    (void)state;
    char *text = many_lines(2);
    kin_store *s = import(text, NULL, 0.05);
    const double share = (double)report.queries[KIN_VALIDATION] / QUERIES;
    assert_true(share > 0.035 && share < 0.065);
    assert_int_equal(report.queries[KIN_TRAIN] + report.queries[KIN_VALIDATION], QUERIES);
    assert_int_equal(s->pairs, 2 * report.queries[KIN_TRAIN]);
    assert_int_equal(s->relations, 2 * QUERIES);
    for (int64_t i = 0; i < s->pairs; i++)         /* text of query i / its place: no validation */
        assert_int_equal(s->query_split[s->relation[3 * s->pair[3 * i + 2]]], KIN_TRAIN);
    assert_string_equal(report.warning, "");
    kin_store_close(s);
    free(text);
}

/* More lines, or the same in another order, do not move a query to the other side. */
static void sides_depend_on_the_query_alone(void **state)
{
    (void)state;
    char *text = many_lines(1), side[QUERIES];
    kin_store *s = import(text, NULL, 0.05);
    memcpy(side, s->query_split, QUERIES);
    kin_store_close(s);
    char *more = malloc(strlen(text) + 64);
    sprintf(more, "something else\tdocument 7\n%s", text);
    s = import(more, NULL, 0.05);
    assert_memory_equal(side, s->query_split + 1, QUERIES);
    kin_store_close(s);
    s = import(text, NULL, 0.3);
    assert_true(report.queries[KIN_VALIDATION] > QUERIES / 4);
    for (int i = 0; i < QUERIES; i++) assert_true(s->query_split[i] >= side[i]);
    kin_store_close(s);
    free(more);
    free(text);
}

static void a_second_file_is_the_validation_part(void **state)
{
    (void)state;
    kin_store *s = import("a\tone\nb\ttwo\nc\tone\n", "b\tthree\nd\tone\t2\n", 0.5);
    assert_int_equal(s->queries, 4);
    assert_int_equal(s->documents, 3);
    assert_int_equal(report.queries[KIN_VALIDATION], 2);
    assert_int_equal(s->query_split[1], KIN_VALIDATION);
    assert_int_equal(s->query_split[3], KIN_VALIDATION);
    assert_int_equal(s->relations, 5);
    assert_int_equal(s->pairs, 2);
    assert_non_null(strstr(report.warning, "1 queries are in both files"));
    kin_store_close(s);
}

/* ---- bad files ------------------------------------------------------------------------------- */

static void expect_error(const char *text, size_t size, const char *words)
{
    expect_failure(run(write_bytes("bad.tsv", text, size), NULL, 0.05), KIN_DATA, words);
    assert_non_null(strstr(kin_message(), "bad.tsv"));
    assert_false(kin_file_exists(in_folder("out.h5")));
}

static void bad_lines_are_named(void **state)
{
    (void)state;
    remove(in_folder("out.h5"));
#define EXPECT_ERROR(text, words) expect_error(text, sizeof(text) - 1, words)
    EXPECT_ERROR("", "the file is empty");
    EXPECT_ERROR("\xEF\xBB\xBF", "the file is empty");
    EXPECT_ERROR("a\tb\nno tab\n", "line 2: 1 column, expected query<TAB>document");
    EXPECT_ERROR("a\tb\n\n", "line 2: 1 column, expected");
    EXPECT_ERROR("a\tb\t1\tx\n", "line 1: 4 columns, expected");
    EXPECT_ERROR("a\tb\n \tb\n", "line 2: the query is empty");
    EXPECT_ERROR("a\t\n", "line 1: the document is empty");
    EXPECT_ERROR("a\t\r\n", "line 1: the document is empty");
    EXPECT_ERROR("a\tb\t\n", "line 1: grade \"\", expected a whole number");
    EXPECT_ERROR("a\tb\t1.5\n", "line 1: grade \"1.5\"");
    EXPECT_ERROR("a\tb\t-1\n", "line 1: grade \"-1\"");
    EXPECT_ERROR("a\tb\t2147483647\n", "line 1: grade \"2147483647\"");
    EXPECT_ERROR("a\tb\t99999999999999999999999\n", "line 1: grade");
    EXPECT_ERROR("a\tb\nab\xFFz\tc\n", "line 2: byte 3 (0xff) is not UTF-8");
    EXPECT_ERROR("a\tb\xC3", "line 1: byte 4 (0xc3) is not UTF-8");
    EXPECT_ERROR("a\t\xC0\xAF\n", "line 1: byte 3 (0xc0) is not UTF-8");
    EXPECT_ERROR("a\t\xED\xA0\x80\n", "line 1: byte 3 (0xed) is not UTF-8");
    EXPECT_ERROR("a\t\xF5\x80\x80\x80\n", "line 1: byte 3 (0xf5) is not UTF-8");
    EXPECT_ERROR("a\tb\na\0\tb\n", "line 2: a NUL byte at byte 2");
    expect_failure(run(in_folder("nowhere.tsv"), NULL, 0.05), KIN_DATA, "nowhere.tsv");
    expect_failure(run(NULL, NULL, 0.05), KIN_USAGE, "FILE.tsv is missing");
}

static void a_bad_validation_file_is_named(void **state)
{
    (void)state;
    const char *good = write_text("good.tsv", "a\tb\n"), *bad = write_text("bad.tsv", "a\tb\nc\n");
    expect_failure(run(good, bad, 0), KIN_DATA, "bad.tsv line 2: 1 column");
    assert_false(kin_file_exists(in_folder("out.h5")));
}

static void the_source_is_not_written_over(void **state)
{
    (void)state;
    const char *file = write_text("out.h5", "a\tb\n"), *other = write_text("other.tsv", "a\tb\n");
    expect_failure(run(file, NULL, 0), KIN_USAGE, "is the file to read");
    expect_failure(run(other, file, 0), KIN_USAGE, "is the file to read");
    char *bytes;
    size_t size;
    expect_ok(kin_file_read(file, &bytes, &size));
    assert_string_equal(bytes, "a\tb\n");
    free(bytes);
    remove(file);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void an_endless_line_is_refused_at_once(void **state)
{
    (void)state;
    const size_t size = 100 << 20;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'x', size);
    memcpy(text, "a\tb\n", 4);
    const double start = seconds();
    expect_error(text, size, "line 2: 104857596 bytes, at most 1048576 are allowed");
    assert_true(seconds() - start < 5);
    memset(text, '\n', size / 100);
    expect_error(text, size / 100, "line 1: 1 column");
    free(text);
    remove(in_folder("bad.tsv"));
}

static void importers_are_listed(void **state)
{
    (void)state;
    int index;
    expect_ok(kin_list_find(&kin_importers, "wordnet", &index));
    assert_string_equal(kin_importer_at(index)->entry.name, "wordnet");
    const kin_import_setting setting = {.validation = "x", .out = "y"};
    expect_failure(kin_import_run(index, &setting, &report), KIN_USAGE, "takes no validation file");
}

int main(void)
{
    if (!kin_store_available()) {
        print_message("kin was built without HDF5: nothing to test\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_documents_queries_and_pairs),
        cmocka_unit_test(line_ends_and_byte_order_mark),
        cmocka_unit_test(first_of_two_grades_counts),
        cmocka_unit_test(only_irrelevant_pairs_are_warned_of),
        cmocka_unit_test(a_share_of_the_queries_is_kept),
        cmocka_unit_test(sides_depend_on_the_query_alone),
        cmocka_unit_test(a_second_file_is_the_validation_part),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(a_bad_validation_file_is_named),
        cmocka_unit_test(the_source_is_not_written_over),
        cmocka_unit_test(an_endless_line_is_refused_at_once),
        cmocka_unit_test(importers_are_listed),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
