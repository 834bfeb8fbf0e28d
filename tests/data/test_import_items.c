/* Importers of labelled texts, scored pairs and IDX files: what they make of good files, and what
 * they say about bad ones. */
#include "tests/data/stores.h"

#include "data/idx.h"
#include "data/import.h"

static kin_import_report report;

/* Runs an importer on files of the folder; names may be NULL. */
static kin_status run(const char *name, kin_import_setting setting, double number)
{
    int index;
    setting.out = in_folder("out.h5");
    setting.hypers[0] = number;
    expect_ok(kin_list_find(&kin_importers, name, &index));
    return kin_import_run(index, &setting, &report);
}

static kin_store *imported(kin_status status)
{
    kin_store *store;
    expect_ok(status);
    expect_ok(kin_store_open(&store, in_folder("out.h5")));
    return store;
}

static void expect_text(const kin_store *s, int32_t text, const char *expected)
{
    assert_int_equal(kin_text_size(&s->texts, text), strlen(expected));
    assert_memory_equal(kin_text(&s->texts, text), expected, strlen(expected));
}

/* ---- labelled texts -------------------------------------------------------------------------- */

static void lines_become_items(void **state)
{
    (void)state;
    const kin_import_setting files = {
        .source = write_text("a.tsv", "red\tone\r\nblue\ttwo\nred\tone\nblue\tone\nred\tthree"),
        .validation = write_text("b.tsv", "blue\tfour\n"),
        .test = write_text("c.tsv", "red\ttwo\ngreen\tfive\n")};
    kin_store *s = imported(run("labelled", files, 0));
    static const int32_t label[] = {0, 1, 0, 1, 0, 1, 0, 2};
    assert_int_equal(kin_store_goal(s), KIN_GOAL_LABELS);
    assert_int_equal(s->queries, 8);
    assert_int_equal(s->labels, 3);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(s->query_label[i], label[i]);
        assert_int_equal(s->query_split[i], i < 5 ? KIN_TRAIN : i == 5 ? KIN_VALIDATION : KIN_TEST);
    }
    expect_text(s, s->label_text[0], "red");
    expect_text(s, s->label_text[2], "green");
    expect_text(s, s->query_text[4], "three");
    assert_int_equal(s->query_text[0], s->query_text[2]);
    assert_int_equal(s->features, 0);
    assert_int_equal(s->pairs + s->documents + s->relations, 0);
    assert_int_equal(report.lines, 8);
    assert_int_equal(report.labels, 3);
    assert_string_equal(report.warning, "1 held-out items have a text that is trained on too. "
                        "1 training items repeat a text under another label. "
                        "1 classes have no item in the training file.");
    kin_store_close(s);
}

/* Equal texts are on the same side, and about the share that was asked for is kept. */
static void a_share_of_the_items_is_kept(void **state)
{
    (void)state;
    static char text[40000];
    size_t used = 0;
    for (int i = 0; i < 2000; i++)
        used += (size_t)sprintf(text + used, "c%d\ttext %d\n", i % 3, i / 2);
    kin_store *s = imported(run("labelled", (kin_import_setting){
        .source = write_text("a.tsv", text)}, 0.2));
    int64_t kept = 0;
    for (int64_t i = 0; i < s->queries; i += 2) {
        assert_int_equal(s->query_split[i], s->query_split[i + 1]);
        kept += s->query_split[i] == KIN_VALIDATION;
    }
    assert_in_range(kept, 160, 240);
    assert_int_equal(report.queries[KIN_VALIDATION], 2 * kept);
    kin_store_close(s);
}

static void bad_labelled_lines_are_named(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"a\tb\nc\n", "bad.tsv line 2: 1 column, expected label<TAB>text"},
        {"a\tb\tc\n", "line 1: 3 columns"},
        {"a\tb\n \tc\n", "line 2: the label is empty"},
        {"a\t \n", "line 1: the text is empty"},
        {"a\tb\nb\t\xff\n", "line 2: byte 3 (0xff) is not UTF-8"},
        {"a\tb\na\tc\n", "every line has the same label"},
        {"", "the file is empty"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const kin_import_setting files = {.source = write_text("bad.tsv", wrong[i][0])};
        expect_failure(run("labelled", files, 0), KIN_DATA, wrong[i][1]);
    }
    const kin_import_setting files = {.source = write_text("a.tsv", "a\tb\nb\tc\n"),
                                      .labels = "x"};
    expect_failure(run("labelled", files, 0), KIN_USAGE, "takes no file of labels");
}

/* ---- pairs with scores ----------------------------------------------------------------------- */

static void scores_become_shares_of_the_top(void **state)
{
    (void)state;
    const kin_import_setting files = {.source = write_text("a.tsv", "5\tx\ty\n2.5\tx\tz\n"),
                                      .test = write_text("c.tsv", "0.0\ty\ty\n")};
    kin_store *s = imported(run("sts", files, 5));
    static const float score[] = {1, 0.5f, 0};
    assert_int_equal(kin_store_goal(s), KIN_GOAL_SCORES);
    assert_int_equal(s->relations, 3);
    for (int i = 0; i < 3; i++) {
        assert_true(s->relation_score[i] == score[i]);
        assert_int_equal(s->relation[3 * i], i);
        assert_int_equal(s->query_split[i], i < 2 ? KIN_TRAIN : KIN_TEST);
    }
    expect_text(s, s->document_text[1], "z");
    kin_store_close(s);
}

static void bad_scored_lines_are_named(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"1\ta\n", "bad.tsv line 1: 2 columns, expected score<TAB>text<TAB>text"},
        {"1\ta\tb\n5.1\ta\tb\n", "line 2: score \"5.1\", expected a number from 0 to 5"},
        {"-1\ta\tb\n", "score \"-1\""},
        {"nan\ta\tb\n", "score \"nan\""},
        {"\ta\tb\n", "score \"\""},
        {" 1\ta\tb\n", "score \" 1\""},
        {"1x\ta\tb\n", "score \"1x\""},
        {"1\t\tb\n", "the first text is empty"},
        {"1\ta\t \n", "the second text is empty"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const kin_import_setting files = {.source = write_text("bad.tsv", wrong[i][0])};
        expect_failure(run("sts", files, 5), KIN_DATA, wrong[i][1]);
    }
}

/* ---- IDX ------------------------------------------------------------------------------------- */

#define HEAD_3 "\0\0\x08\x03\0\0\0\x02\0\0\0\x01\0\0\0\x03"
#define HEAD_1 "\0\0\x08\x01\0\0\0\x02"

/* As write_bytes, whose path does not last for so many files. */
static const char *idx(const char *name, const char *bytes, size_t size)
{
    static char path[8][512];
    static int next;
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s", write_bytes(name, bytes, size));
    return path[next];
}

static void bytes_become_features(void **state)
{
    (void)state;
    const kin_import_setting files = {
        .source = idx("a", HEAD_3 "\x00\xff\x33\x01\x02\x03", 22),
        .labels = idx("b", HEAD_1 "\x07\x03", 10),
        .test = idx("c", HEAD_3 "\x05\x05\x05\x05\x05\x05", 22),
        .test_labels = idx("d", HEAD_1 "\x03\x07", 10)};
    kin_store *s = imported(run("idx", files, 0));
    assert_int_equal(s->features, 3);
    assert_int_equal(s->queries, 4);
    assert_int_equal(s->labels, 2);
    expect_text(s, s->label_text[0], "7");
    static const int32_t label[] = {0, 1, 1, 0};
    for (int i = 0; i < 4; i++) assert_int_equal(s->query_label[i], label[i]);
    assert_true(s->feature[0] == 0 && s->feature[1] == 1 && s->feature[2] == 0.2f);
    assert_true(s->feature[11] == 5.0f / 255);
    assert_int_equal(report.features, 3);
    assert_int_equal(report.queries[KIN_TEST], 2);
    kin_store_close(s);
}

static void bad_idx_files_are_named(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t size; const char *words; } wrong[] = {
        {"", 0, "not an IDX file"},
        {"\0\0\x08", 3, "not an IDX file"},
        {"abcd", 4, "not an IDX file"},
        {"\0\0\x0d\x01\0\0\0\x01\0", 9, "holds numbers of type 0x0d"},
        {"\0\0\x08\0", 4, "0 dimensions"},
        {"\0\0\x08\x05", 4, "5 dimensions"},
        {"\0\0\x08\x02\0\0\0\x01", 8, "truncated before its sizes end"},
        {"\0\0\x08\x02\0\0\0\x01\0\0\0\0", 12, "dimension 2 is 0"},
        {"\0\0\x08\x01\xff\xff\xff\xff", 8, "dimension 1 is 4294967295"},
        {"\0\0\x08\x01\x7f\xff\xff\xfe", 8, "ask for 2147483646 bytes, which the file cannot hold"},
        {"\0\0\x08\x03\0\0\0\x01\0\x01\0\0\0\x01\0\0", 16, "numbers an item, at most"},
        {"\0\0\x08\x01\0\0\0\x03xy", 10, "truncated: 2 bytes, its sizes ask for 3"},
        {"\0\0\x08\x01\0\0\0\x01xy", 10, "too long"},
        {"\x1f\x8b\x08\0\0\0\0\0\0\0\0\0", 12, ""},
        {"\x1f\x8b", 2, ""},
    };
    kin_idx file;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *path = write_bytes("bad.idx", wrong[i].bytes, wrong[i].size);
        const kin_status status = kin_idx_read(&file, path);
        assert_true(status == KIN_DATA || (status == KIN_RUNTIME && !*wrong[i].words));
        assert_non_null(strstr(kin_message(), wrong[i].words));
        assert_null(file.bytes);
    }
}

static void idx_files_must_fit_together(void **state)
{
    (void)state;
    const char *items = idx("a", HEAD_3 "\x00\xff\x33\x01\x02\x03", 22);
    const char *labels = idx("b", HEAD_1 "\x07\x03", 10);
    const char *one = idx("c", "\0\0\x08\x01\0\0\0\x01\x07", 9);
    const char *same = idx("d", HEAD_1 "\x07\x07", 10);
    expect_failure(run("idx", (kin_import_setting){.source = items}, 0), KIN_USAGE,
                   "the file of labels is missing");
    expect_failure(run("idx", (kin_import_setting){.source = items, .labels = labels,
                                                   .test = items}, 0),
                   KIN_USAGE, "--test and --test-labels belong together");
    expect_failure(run("idx", (kin_import_setting){.source = items, .labels = one}, 0), KIN_DATA,
                   "1 labels for the 2 items of");
    expect_failure(run("idx", (kin_import_setting){.source = items, .labels = items}, 0), KIN_DATA,
                   "3 dimensions, expected 1");
    expect_failure(run("idx", (kin_import_setting){.source = items, .labels = same}, 0), KIN_DATA,
                   "every item has the same label");
    expect_failure(run("idx", (kin_import_setting){.source = items, .labels = labels,
                                                   .test = labels, .test_labels = labels}, 0),
                   KIN_DATA, "1 numbers an item");
}

/* Six labels; cut anywhere or with a byte behind it is refused. */
static void gzip_is_unpacked(void **state)
{
    (void)state;
    static const char packed[] =
        "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x63\x60\xe0\x60\x64\x60\x60\x60"
        "\x63\x67\x66\x67\x67\x67\x06\x00\xea\x46\x9c\x61\x0e\x00\x00\x00";
    kin_idx file;
    const size_t size = sizeof packed - 1;
    const kin_status status = kin_idx_read(&file, write_bytes("a.gz", packed, size));
    if (status == KIN_RUNTIME) skip();                 /* built without zlib */
    expect_ok(status);
    assert_int_equal(file.size[0], 6);
    assert_memory_equal(file.bytes, "\7\3\7\7\7\3", 6);
    kin_idx_free(&file);
    for (size_t cut = 2; cut < size; cut++)
        assert_int_equal(kin_idx_read(&file, write_bytes("a.gz", packed, cut)), KIN_DATA);
    expect_failure(kin_idx_read(&file, write_bytes("a.gz", packed, size + 1)), KIN_DATA,
                   "too long");
}

/* MNIST's own files, where they are. */
static void mnist_is_read(void **state)
{
    (void)state;
    kin_idx file;
    const char *path = "../../shared/data/mnist/t10k-labels-idx1-ubyte.gz";
    if (!kin_file_exists(path)) skip();
    const kin_status status = kin_idx_read(&file, path);
    if (status == KIN_RUNTIME) skip();
    expect_ok(status);
    assert_int_equal(file.size[0], 10000);
    assert_int_equal(file.bytes[0], 7);
    kin_idx_free(&file);
}

int main(void)
{
    if (!kin_store_available()) {
        print_message("kin was built without HDF5: nothing to test\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_become_items), cmocka_unit_test(a_share_of_the_items_is_kept),
        cmocka_unit_test(bad_labelled_lines_are_named),
        cmocka_unit_test(scores_become_shares_of_the_top),
        cmocka_unit_test(bad_scored_lines_are_named), cmocka_unit_test(bytes_become_features),
        cmocka_unit_test(bad_idx_files_are_named), cmocka_unit_test(idx_files_must_fit_together),
        cmocka_unit_test(gzip_is_unpacked), cmocka_unit_test(mnist_is_read),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
