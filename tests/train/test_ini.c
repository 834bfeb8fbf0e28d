/* The grammar of run files: what is read, and what is refused with its line. */
#include "tests/train/fixture.h"
#include "train/ini.h"

static char seen[2000];

static kin_status note(void *state, const char *key, const char *value, int line)
{
    (void)state;
    const size_t n = strlen(seen);
    snprintf(seen + n, sizeof seen - n, "%d %s [%s]\n", line, key, value);
    return KIN_OK;
}

static kin_status parse(const char *text)
{
    seen[0] = 0;
    return kin_ini_parse(text, strlen(text), "a.ini", note, NULL);
}

static void test_reads(void **state)
{
    (void)state;
    expect_ok(parse("\xEF\xBB\xBF# head\n\n[a]\r\nx = 1\r\n  y=two words  ; why\n[b] # c\n"
                    "z = \"  kept # too \\\" \\\\ \"\nempty =\nu = a#b;c\nlast = 1"));
    assert_string_equal(seen, "4 a.x [1]\n5 a.y [two words]\n7 b.z [  kept # too \" \\ ]\n"
                              "8 b.empty []\n9 b.u [a#b;c]\n10 b.last [1]\n");
    expect_ok(parse(""));
    assert_string_equal(seen, "");
}

static void test_long_values(void **state)
{
    (void)state;
    static char text[3000];
    strcpy(text, "[a]\nx = ");
    memset(text + strlen(text), 'v', 1500);
    expect_ok(parse(text));
    assert_int_equal(strlen(seen), strlen("2 a.x []\n") + 1500);
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        { "x = 1", "a.ini:1: 'x' stands before" }, { "[a\n", "a.ini:1: expected ]" },
        { "[]\n", "a.ini:1: expected [section]" }, { "[a] b\n", "a.ini:1" },
        { "[a]\n\nnonsense\n", "a.ini:3: expected = after 'nonsense'" },
        { "[a]\n= 3\n", "a.ini:2: expected [section] or key" },
        { "[a]\nx = \"open\n", "a.ini:2: the closing" },
        { "[a]\nx = \"shut\" more\n", "a.ini:2: text after" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_failure(parse(wrong[i][0]), KIN_USAGE, wrong[i][1]);
    expect_failure(kin_ini_parse("[a]\nx=\0", 8, "a.ini", note, NULL), KIN_USAGE, "NUL");
}

static void test_quotes(void **state)
{
    (void)state;
    static const char *const values[] = { "", "plain", " blanks ", "a # b", "q\"q\\", "x;y", "\t",
                                          "cr\r" };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char quoted[64], text[100], expected[100];
        kin_ini_quote(values[i], quoted);
        snprintf(text, sizeof text, "[a]\nx = %s\n", quoted);
        expect_ok(parse(text));
        snprintf(expected, sizeof expected, "2 a.x [%s]\n", values[i]);
        assert_string_equal(seen, expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads), cmocka_unit_test(test_long_values),
        cmocka_unit_test(test_refuses), cmocka_unit_test(test_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
