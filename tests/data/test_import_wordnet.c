/* The WordNet importer against the task's own definition in Python, on the real files and on
 * made-up ones full of odd quotes, blanks and Latin-1. */
#include "tests/data/stores.h"

#include <unistd.h>
#include "core/rng.h"
#include "data/import.h"

#define PEER KIN_SOURCE "/../shared/peers/wordnet.py"
#define INSTALLED "/usr/share/wordnet"

static void print_text(FILE *file, const kin_texts *texts, int64_t i, const char *end)
{
    fprintf(file, "%.*s%s", (int)kin_text_size(texts, i), kin_text(texts, i), end);
}

static void dump(const char *store_path, const char *path)
{
    kin_store *s;
    expect_ok(kin_store_open(&s, store_path));
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int64_t i = 0; i < s->documents; i++) {
        fprintf(file, "D\1");
        print_text(file, &s->document_id, i, "\1");
        print_text(file, &s->texts, s->document_text[i], "\n");
    }
    assert_int_equal(s->relations, s->queries);
    for (int64_t i = 0; i < s->queries; i++) {
        assert_int_equal(s->relation[3 * i], i);
        assert_int_equal(s->relation[3 * i + 2], 1);
        fprintf(file, "Q\1");
        print_text(file, &s->query_id, i, "\1");
        fprintf(file, "%d\1%d\1", s->query_split[i], s->relation[3 * i + 1]);
        print_text(file, &s->texts, s->query_text[i], "\n");
    }
    for (int64_t i = 0; i < s->pairs; i++) {
        fprintf(file, "P\1");
        print_text(file, &s->texts, s->pair[3 * i], "\1");
        print_text(file, &s->texts, s->pair[3 * i + 1], "\1");
        fprintf(file, "%d\n", s->pair[3 * i + 2]);
    }
    assert_int_equal(fclose(file), 0);
    kin_store_close(s);
}

/* Nothing to do where there is no Python or no definition to compare with. */
static void compare(const char *folder, const char *store_path)
{
    char command[2048];
    if (access(PEER, R_OK) != 0 || system("python3 -c pass >/dev/null 2>&1") != 0) {
        print_message("no python3 or no ../shared/peers/wordnet.py: not compared\n");
        return;
    }
    dump(store_path, in_folder("dump.tsv"));
    snprintf(command, sizeof command, "python3 '%s/tests/data/compare_wordnet.py' '%s' '%s' '%s'",
             KIN_SOURCE, PEER, folder, in_folder("dump.tsv"));
    assert_int_equal(system(command), 0);
}

static void installed_wordnet_is_as_defined(void **state)
{
    (void)state;
    kin_import_report report;
    if (access(INSTALLED "/data.noun", R_OK) != 0) {
        print_message("WordNet is not installed\n");
        skip();
    }
    expect_ok(kin_import_wordnet(NULL, in_folder("wordnet.h5"), &report));
    assert_int_equal(report.documents, 117659);
    assert_int_equal(report.queries[KIN_TRAIN], 38502);
    assert_int_equal(report.queries[KIN_VALIDATION], 2076);
    assert_int_equal(report.queries[KIN_TEST], 2008);
    assert_int_equal(report.relations, 42586);
    assert_int_equal(report.pairs, 156161);
    assert_string_equal(report.warning, "");
    assert_non_null(strstr(report.notice, "Princeton"));
    compare(INSTALLED, in_folder("wordnet.h5"));
}

/* ---- made-up files --------------------------------------------------------------------------- */

static char big[1 << 20];
static uint64_t drawn;

static uint64_t draw(uint64_t n)
{
    return kin_random_below(7, KIN_STREAM_TEST, 0, drawn++, n);
}

static void add(const char *text)
{
    strcat(big + strlen(big), text);
}

static void add_synset(int offset)
{
    static const char *const markers[] = {"", "", "(a)", "(p)", "(ip)", "(x)", "_(a)", "(a)(p)"};
    static const char *const bits[] = {"\"", "\"", "\"", " ", " ", "a", "bc", ";", "; ", "\xE9",
                                       "\xA0", "\x85", "\x1c", "|", "(a)", "\t", "_", "\v"};
    char number[16];
    snprintf(number, sizeof number, "%08d", offset);
    const int lemmas = 1 + (int)draw(draw(8) == 0 ? 20 : 3);
    add(number);
    snprintf(number, sizeof number, " 03 n %02x", lemmas);
    add(number);
    for (int i = 0; i < lemmas; i++) {
        add(draw(2) ? " sea_gull" : " \xC9tude");
        add(markers[draw(8)]);
        add(" 0");
    }
    add(" 000 |");
    for (uint64_t i = draw(30); i > 0; i--) add(bits[draw(18)]);
    add("\n");
}

static void write_part(const char *name, int synsets)
{
    char path[32];
    snprintf(path, sizeof path, "data.%s", name);
    strcpy(big, "  1 This line is a licence | and is passed over  \n");
    for (int i = 0; i < synsets; i++) add_synset(100 + 7 * i);
    write_text(path, big);
}

static void write_wordnet(int synsets)
{
    write_part("noun", synsets);
    write_part("verb", synsets);
    write_part("adj", synsets);
    write_part("adv", synsets);
}

static void odd_glosses_are_read_as_defined(void **state)
{
    (void)state;
    kin_import_report report;
    write_wordnet(1000);
    expect_ok(kin_import_wordnet(test_folder, in_folder("odd.h5"), &report));
    assert_int_equal(report.documents, 4000);
    assert_true(report.queries[KIN_TRAIN] > 300);
    assert_non_null(strstr(report.warning, "117659"));
    compare(test_folder, in_folder("odd.h5"));
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void expect_damage(const char *nouns, const char *words)
{
    kin_import_report report;
    write_text("data.noun", nouns);
    expect_failure(kin_import_wordnet(test_folder, in_folder("damaged.h5"), &report), KIN_DATA,
                   words);
    assert_false(kin_file_exists(in_folder("damaged.h5")));
}

static void damage_is_named_with_its_line(void **state)
{
    (void)state;
    kin_import_report report;
    write_wordnet(3);
    expect_damage("00000001 03 n 01 a 0 | x\n00000002 03 n 01 a 0 x\n",
                  "data.noun line 2: no \"|\"");
    expect_damage("00000002 03 n 01 a 0 | x\n00000001 03 n 01 a 0 | x\n", "line 2: its offset");
    expect_damage("0000002 03 n 01 a 0 | x\n", "line 1: it does not begin with an offset");
    expect_damage("00000002 03 n 0g a 0 | x\n", "line 1: no number of lemmas");
    expect_damage("00000002 03 n 00 a 0 | x\n", "line 1: no number of lemmas");
    expect_damage("00000002 03 n 03 a 0 b 0 | x\n", "line 1: fewer lemmas");
    expect_damage("00000002 03 n 01 a 0 | x", "line 1: the file ends within the line");
    expect_damage("", "data.noun: no synset");
    expect_damage("  licence only\n", "data.noun: no synset");
    const char nul[] = "00000002 03 n 01 a 0 | \0 x\n";
    write_bytes("data.noun", nul, sizeof nul - 1);
    expect_failure(kin_import_wordnet(test_folder, in_folder("damaged.h5"), &report), KIN_DATA,
                   "line 1: it holds a NUL byte");
}

static void missing_files_say_what_to_install(void **state)
{
    (void)state;
    kin_import_report report;
    const kin_status status = kin_import_wordnet(in_folder("nowhere"), in_folder("x.h5"), &report);
    expect_failure(status, KIN_DATA, "apt-get install wordnet-base");
    expect_failure(status, KIN_DATA, "nowhere/data.noun");
}

int main(void)
{
    if (!kin_store_available()) {
        print_message("kin was built without HDF5: nothing to test\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(installed_wordnet_is_as_defined),
        cmocka_unit_test(odd_glosses_are_read_as_defined),
        cmocka_unit_test(damage_is_named_with_its_line),
        cmocka_unit_test(missing_files_say_what_to_install),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
