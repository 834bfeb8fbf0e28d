/* The importer of interactions: what it makes of good files, what it says about bad ones, and the
 * numbers that encoders look up. */
#include "tests/data/stores.h"

#include "data/import.h"
#include "data/numbers.h"

static kin_import_report report;

static kin_status run(double fraction)
{
    int index;
    kin_import_setting setting = {.source = test_folder, .out = in_folder("out.h5"),
                                  .hypers = {fraction}};
    expect_ok(kin_list_find(&kin_importers, "interactions", &index));
    return kin_import_run(index, &setting, &report);
}

/* test NULL: there is no such file. */
static void write_files(const char *train, const char *test)
{
    write_text("train.txt", train);
    remove(in_folder("test.txt"));
    if (test) write_text("test.txt", test);
}

static kin_store *import(const char *train, const char *test, double fraction)
{
    kin_store *store;
    write_files(train, test);
    expect_ok(run(fraction));
    expect_ok(kin_store_open(&store, in_folder("out.h5")));
    return store;
}

static void expect_text(const kin_texts *texts, int64_t i, const char *expected)
{
    assert_int_equal(kin_text_size(texts, i), strlen(expected));
    assert_memory_equal(kin_text(texts, i), expected, strlen(expected));
}

/* Pair i is this user's and this item's, whose document is the item's place. */
static void expect_pair(const kin_store *s, int64_t i, const char *user, const char *item)
{
    const int32_t *pair = s->pair + 3 * i;
    expect_text(&s->texts, pair[KIN_PAIR_LEFT], user);
    expect_text(&s->texts, pair[KIN_PAIR_RIGHT], item);
    expect_text(&s->document_id, pair[KIN_PAIR_DOCUMENT], item);
}

static void choices_become_pairs_and_queries(void **state)
{
    (void)state;
    kin_store *s = import("1 3 0\r\n\n0 2\t 3 3\n2\n1 0 5\n", "  0 1 \n1 4 2", 0);
    assert_int_equal(s->documents, 6);
    for (int64_t i = 0; i < 6; i++) expect_text(&s->document_id, i, (char[]){(char)('0' + i), 0});
    assert_int_equal(s->pairs, 5);
    expect_pair(s, 0, "0", "2");
    expect_pair(s, 1, "0", "3");
    expect_pair(s, 2, "1", "0");
    expect_pair(s, 3, "1", "3");
    expect_pair(s, 4, "1", "5");
    assert_int_equal(s->queries, 2);
    expect_text(&s->query_id, 1, "1");
    assert_int_equal(s->query_split[0], KIN_TEST);
    assert_int_equal(s->relations, 3);
    assert_memory_equal(s->relation, ((int32_t[]){0, 1, 1, 1, 2, 1, 1, 4, 1}), 36);
    assert_int_equal(report.lines, 7);
    assert_int_equal(report.duplicates, 2);
    assert_string_equal(report.warning, "");
    assert_int_equal(s->source.count, 2);
    expect_text(&s->source, 0, "train");
    assert_int_equal(kin_store_held_out(s), 1);
    assert_int_equal(s->source_start[1], 5);
    kin_store_close(s);
}

static void what_looks_odd_is_warned_of(void **state)
{
    (void)state;
    kin_store *s = import("0 1 2\n3 4\n", "0 2 7\n", 0);
    assert_non_null(strstr(report.warning, "1 interactions of test.txt are in train.txt too"));
    assert_non_null(strstr(report.warning, "4 numbers below the largest are no item's"));
    assert_non_null(strstr(report.warning, "2 numbers below the largest are no user's"));
    assert_int_equal(s->relations, 1);
    kin_store_close(s);
    s = import("0 1\n", NULL, 0);
    assert_int_equal(s->queries, 0);
    kin_store_close(s);
}

/* ---- the validation part --------------------------------------------------------------------- */

enum { USERS = 200, EACH = 20 };

static char *many(void)
{
    char *text = malloc(USERS * EACH * 16), *at = text;
    for (int u = 0; u < USERS; u++) {
        at += sprintf(at, "%d", u);
        for (int i = 0; i < EACH; i++) at += sprintf(at, " %d", (7 * u + 3 * i) % 500);
        *at++ = '\n';
    }
    *at = 0;
    return text;
}

/* A share of the choices, the same ones whatever else there is; each makes pair and relation. */
static void a_share_of_the_choices_is_validation(void **state)
{
    (void)state;
    char *text = many();
    kin_store *s = import(text, NULL, 0.1);
    const int64_t held = s->source_start[2] - s->source_start[1];
    assert_int_equal(s->pairs, USERS * EACH);
    assert_in_range(held, USERS * EACH * 8 / 100, USERS * EACH * 12 / 100);
    assert_int_equal(s->relations, held);
    for (int64_t i = 0; i < held; i++) {
        const int32_t *pair = s->pair + 3 * (s->source_start[1] + i), *r = s->relation + 3 * i;
        assert_int_equal(s->query_text[r[0]], pair[KIN_PAIR_LEFT]);
        assert_int_equal(r[1], pair[KIN_PAIR_DOCUMENT]);
        assert_int_equal(s->query_split[r[0]], KIN_VALIDATION);
    }
    char *more = malloc(strlen(text) + 64);
    sprintf(more, "900 1 2 3\n%s", text);
    kin_store *t = import(more, NULL, 0.1);
    for (int64_t i = 0; i < held; i++) {            /* user 900 is the last */
        const int32_t *a = s->pair + 3 * (s->source_start[1] + i);
        const int32_t *b = t->pair + 3 * (t->source_start[1] + i);
        for (int side = 0; side < 2; side++)
            assert_int_equal(kin_number_read(kin_text(&s->texts, a[side]),
                                             kin_text_size(&s->texts, a[side])),
                             kin_number_read(kin_text(&t->texts, b[side]),
                                             kin_text_size(&t->texts, b[side])));
    }
    assert_in_range(t->source_start[2] - t->source_start[1], held, held + 3);
    kin_store_close(s);
    kin_store_close(t);
    free(more);
    free(text);
}

/* ---- bad files ------------------------------------------------------------------------------- */

static void expect_error(const char *train, const char *words)
{
    write_files(train, NULL);
    expect_failure(run(0), KIN_DATA, words);
    assert_non_null(strstr(kin_message(), "train.txt"));
    assert_false(kin_file_exists(in_folder("out.h5")));
}

static void bad_lines_are_named(void **state)
{
    (void)state;
    remove(in_folder("out.h5"));
    expect_error("", "the file is empty");
    expect_error("1\n2\n", "no line has an item");
    expect_error("1 2\n1 x\n", "line 2: \"x\", expected a whole number from 0 to 2147483646");
    expect_error("1 -2\n", "line 1: \"-2\"");
    expect_error("1.5 2\n", "line 1: \"1.5\"");
    expect_error("1 2147483647\n", "line 1: \"2147483647\"");
    expect_error("1 99999999999999999999999999\n", "line 1: \"99999999999999999999999999\"");
    expect_error("1 2\xff\n", "line 1: byte 4 (0xff) is not UTF-8");
    expect_error("1 2\xc3\xa9\n", "line 1: \"2??\"");
    expect_error("user item\n", "line 1: \"user\"");
    write_bytes("train.txt", "1 2\n1 \0\n", 8);
    expect_failure(run(0), KIN_DATA, "line 2: a NUL byte at byte 3");
    write_files("1 2\n", "1 3\n1 y\n");
    expect_failure(run(0), KIN_DATA, "test.txt line 2: \"y\"");
    remove(in_folder("train.txt"));
    expect_failure(run(0), KIN_DATA, "train.txt");
}

static void what_is_read_is_not_written(void **state)
{
    (void)state;
    int index;
    write_files("1 2\n", NULL);
    kin_import_setting setting = {.source = test_folder, .out = in_folder("train.txt")};
    expect_ok(kin_list_find(&kin_importers, "interactions", &index));
    expect_failure(kin_import_run(index, &setting, &report), KIN_USAGE,
                   "cannot be the one to write");
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void numbers_are_read_strictly(void **state)
{
    (void)state;
    static const struct { const char *text; int32_t number; } cases[] = {
        {"0", 0}, {"12", 12}, {" 7\n", 7}, {"007", 7}, {"2147483646", 2147483646},
        {"2147483647", -1}, {"", -1}, {" ", -1}, {"-1", -1}, {"1 2", -1}, {"x", -1}, {"1e3", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(kin_number_read(cases[i].text, (int64_t)strlen(cases[i].text)),
                         cases[i].number);
    const int64_t start[] = {0, 1, 2, 3, 3};
    const kin_texts texts = {4, "29x", start};
    kin_tokens tokens;
    expect_ok(kin_numbers_all(&texts, 9, &tokens));
    assert_memory_equal(tokens.start, ((int64_t[]){0, 1, 1, 1, 1}), 40);
    assert_int_equal(tokens.ids[0], 2);
    assert_int_equal(tokens.empty, 3);
    kin_tokens_free(&tokens);
}

int main(void)
{
    if (!kin_store_available()) {
        printf("no HDF5: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choices_become_pairs_and_queries),
        cmocka_unit_test(what_looks_odd_is_warned_of),
        cmocka_unit_test(a_share_of_the_choices_is_validation),
        cmocka_unit_test(bad_lines_are_named), cmocka_unit_test(what_is_read_is_not_written),
        cmocka_unit_test(numbers_are_read_strictly),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
