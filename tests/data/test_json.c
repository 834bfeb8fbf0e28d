/* The JSON reader takes what is JSON and nothing else; the writer's text reads back. */
#include "tests/data/stores.h"
#include <cjson/cJSON.h>
#include <math.h>
#include "core/rng.h"
#include "data/json.h"

static kin_json_tree *parsed(const char *text)
{
    kin_json_tree *tree = NULL;
    expect_ok(kin_json_parse(&tree, "text", text, strlen(text)));
    return tree;
}

static void a_tree_holds_what_the_text_says(void **state)
{
    (void)state;
    kin_json_tree *tree = parsed(" {\"a\": [1, -2.5e3, true, null],\n\"b\\n\": \"x\\u00e9"
                                 "\\ud83d\\ude00\\\"\\/\", \"\": {}} \n");
    const kin_json *root = kin_json_root(tree), *a = kin_json_get(root, "a");
    assert_int_equal(root->kind, KIN_JSON_OBJECT);
    assert_int_equal(root->count, 3);
    assert_int_equal(a->count, 4);
    assert_true(a->first->whole && a->first->number == 1);
    assert_true(!a->first->next->whole && a->first->next->number == -2500);
    assert_true(a->first->next->next->kind == KIN_JSON_BOOLEAN && a->first->next->next->truth);
    assert_int_equal(a->first->next->next->next->kind, KIN_JSON_NULL);
    const kin_json *b = kin_json_get(root, "b\n");
    assert_string_equal(b->string, "x\303\251\360\237\230\200\"/");
    assert_int_equal(b->line, 2);
    assert_int_equal(kin_json_get(root, "")->kind, KIN_JSON_OBJECT);
    assert_null(kin_json_get(root, "")->first);
    assert_null(kin_json_get(root, "c"));
    assert_null(kin_json_get(a, "a"));
    kin_json_free(tree);
}

static void members_are_asked_for_by_kind(void **state)
{
    (void)state;
    kin_json_tree *tree = parsed("{\"n\": 2.5, \"i\": 7, \"s\": \"x\", \"t\": true, \"z\": null,"
                                 "\"m\": -0}");
    const kin_json *root = kin_json_root(tree), *member;
    const char *string;
    double number;
    int64_t whole;
    bool truth;
    expect_ok(kin_json_need_number(tree, root, "n", &number));
    expect_ok(kin_json_need_whole(tree, root, "i", 0, 7, &whole));
    expect_ok(kin_json_need_string(tree, root, "s", &string));
    expect_ok(kin_json_need_boolean(tree, root, "t", &truth));
    assert_true(number == 2.5 && whole == 7 && truth && strcmp(string, "x") == 0);
    expect_failure(kin_json_need_whole(tree, root, "n", 0, 9, &whole), KIN_DATA,
                   "text line 1: \"n\" is 2.5, expected a whole number from 0 to 9");
    expect_failure(kin_json_need_whole(tree, root, "i", 8, 9, &whole), KIN_DATA, "is 7");
    expect_failure(kin_json_need_whole(tree, root, "m", -1, 9, &whole), KIN_DATA, "is -0");
    expect_failure(kin_json_need_string(tree, root, "z", &string), KIN_DATA,
                   "\"z\" is null, expected a string");
    expect_failure(kin_json_need_string(tree, root, "y", &string), KIN_DATA, "no key \"y\"");
    expect_failure(kin_json_need(tree, kin_json_get(root, "i"), "y", KIN_JSON_NULL, &member),
                   KIN_DATA, "found a number, expected an object");
    kin_json_free(tree);
}

static void what_is_not_json_is_refused(void **state)
{
    (void)state;
    static const struct { const char *text, *message; } bad[] = {
        {"", "the file ends, expected a value"}, {"  \n ", "text line 2: the file ends"},
        {"{", "a key in quotes"}, {"[1,]", "found ']', expected a value"}, {"[1 2]", "',' or ']'"},
        {"{\"a\":1,}", "a key in quotes"}, {"{\"a\" 1}", "expected ':'"}, {"{a:1}", "a key"},
        {"{\"a\":1 \"b\":2}", "',' or '}'"}, {"[1]]", "the end of the file"}, {"1 2", "the end"},
        {"[1}", "',' or ']'"}, {"nul", "a value"}, {"nulll", "the end"}, {"True", "a value"},
        {"NaN", "a value"}, {"-", "not a number"}, {"01", "not a number"}, {"1.", "not a number"},
        {".5", "a value"}, {"1e", "not a number"}, {"+1", "a value"}, {"0x10", "the end"},
        {"-Infinity", "not a number"}, {"1e999", "too large"}, {"-1e999", "too large"},
        {"\"", "closing quote"}, {"\"a", "closing quote"}, {"\"\n\"", "byte 0x0a"},
        {"\"\\x\"", "after \\"}, {"\"\\", "after \\"}, {"\"\\u12g4\"", "hexadecimal"},
        {"\"\\u0000\"", "NUL"}, {"\"\\ud800\"", "surrogate"}, {"\"\\udc00\"", "surrogate"},
        {"\"\\ud800\\u0041\"", "surrogate"}, {"\"\200\"", "byte 0x80, which is not UTF-8"},
        {"\"\303\"", "UTF-8"}, {"\"\355\240\200\"", "UTF-8"}, {"\357\273\277{}", "byte 0xef"},
        {"{\"a\":1,\"b\":2,\"a\":3}", "\"a\" occurs twice"}, {"{\"a\":1,\"\\u0061\":1}", "twice"},
        {"[{\"x\":{\"k\":0,\"k\":0}}]", "\"k\" occurs twice"}, {"/* */ 1", "a value"},
        {"'a'", "a value"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        kin_json_tree *tree = NULL;
        expect_failure(kin_json_parse(&tree, "text", bad[i].text, strlen(bad[i].text)), KIN_DATA,
                       bad[i].message);
        assert_null(tree);
    }
    kin_json_tree *tree = NULL;
    expect_failure(kin_json_parse(&tree, "text", "1\0", 2), KIN_DATA, "byte 0x00");
    expect_failure(kin_json_parse(&tree, "text", "\"a\0\"", 4), KIN_DATA, "byte 0x00");
}

static void nesting_is_limited(void **state)
{
    (void)state;
    char text[1000];
    for (int depth = KIN_JSON_DEPTH; depth <= KIN_JSON_DEPTH + 1; depth++) {
        kin_json_tree *tree = NULL;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        kin_status status = kin_json_parse(&tree, "text", text, 2 * (size_t)depth);
        assert_int_equal(status, depth <= KIN_JSON_DEPTH ? KIN_OK : KIN_DATA);
        kin_json_free(tree);
    }
    memset(text, '[', sizeof text);
    kin_json_tree *tree = NULL;
    expect_failure(kin_json_parse(&tree, "text", text, sizeof text), KIN_DATA, "levels");
}

static void values_are_limited(void **state)
{
    (void)state;
    size_t size = 2 * (size_t)KIN_JSON_VALUES + 10;
    char *text = malloc(size);
    kin_json_tree *tree = NULL;
    assert_non_null(text);
    text[0] = '[';
    for (size_t i = 1; i < size; i++) text[i] = i % 2 ? '1' : ',';
    expect_failure(kin_json_parse(&tree, "text", text, size), KIN_DATA, "values");
    free(text);
}

/* ---- another reader as the judge ------------------------------------------------------------- */

static void assert_equal_trees(const kin_json *a, const cJSON *b)
{
    if (a->kind == KIN_JSON_NULL) assert_true(cJSON_IsNull(b));
    if (a->kind == KIN_JSON_BOOLEAN) assert_true(cJSON_IsBool(b) && a->truth == cJSON_IsTrue(b));
    if (a->kind == KIN_JSON_NUMBER) assert_true(cJSON_IsNumber(b) && a->number == b->valuedouble);
    if (a->kind == KIN_JSON_STRING) {
        assert_true(cJSON_IsString(b));
        assert_string_equal(a->string, b->valuestring);
    }
    if (a->kind < KIN_JSON_ARRAY) return;
    assert_true(a->kind == KIN_JSON_OBJECT ? cJSON_IsObject(b) : cJSON_IsArray(b));
    const cJSON *other = b->child;
    for (const kin_json *m = a->first; m; m = m->next, other = other->next) {
        assert_non_null(other);
        if (m->key) assert_string_equal(m->key, other->string);
        assert_equal_trees(m, other);
    }
    assert_null(other);
}

/* Whatever kin takes after random damage, cJSON (which takes more) takes too, and sees the same. */
static void accepted_texts_mean_the_same_to_another_reader(void **state)
{
    (void)state;
    static const char good[] = "{\"a\":[1,2.5,-3e2,\"x\\n\\u00e9\"],\"b\":{\"c\":null,\"d\":[true,"
                               "false],\"e\":\"\"},\"f\":[[],{}],\"g\":0.125}";
    static const char alphabet[] = "{}[]\",:0123456789eE+-.\\utrfalsn \n";
    int taken = 0;
    for (uint64_t i = 0; i < 40000; i++) {
        char text[sizeof good];
        kin_json_tree *tree = NULL;
        memcpy(text, good, sizeof good);
        int edits = 1 + (int)kin_random_below(3, KIN_STREAM_TEST, 0, i, 3);
        for (int e = 0; e < edits; e++) {
            uint64_t r = kin_random(3, KIN_STREAM_TEST, 1, i * 4 + (uint64_t)e);
            text[r % (sizeof good - 1)] = alphabet[(r >> 32) % (sizeof alphabet - 1)];
        }
        if (kin_json_parse(&tree, "text", text, strlen(text)) != KIN_OK) continue;
        cJSON *other = cJSON_ParseWithOpts(text, NULL, true);
        assert_non_null(other);
        assert_equal_trees(kin_json_root(tree), other);
        cJSON_Delete(other);
        kin_json_free(tree);
        taken++;
    }
    assert_in_range(taken, 1000, 39000);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_everything(kin_json_out *out)
{
    kin_json_open(out, NULL, '{');
    kin_json_put_string(out, "text", "a\"b\\c\n\t\001\303\251\177");
    kin_json_put_bytes(out, "bytes", "x\377\303y", 4);
    kin_json_put_number(out, "third", 1.0 / 3);
    kin_json_put_exact(out, "exact", 1.0 / 3);
    kin_json_put_number(out, "none", (double)NAN);
    kin_json_put_whole(out, "whole", INT64_MIN);
    kin_json_open(out, "list", '[');
    kin_json_put_boolean(out, NULL, true);
    kin_json_put_null(out, NULL);
    kin_json_open(out, NULL, '{');
    kin_json_close(out);
    kin_json_close(out);
    kin_json_close(out);
}

static void the_writer_writes_json(void **state)
{
    (void)state;
    kin_json_out out = {0};
    put_everything(&out);
    expect_ok(kin_json_finish(&out));
    assert_string_equal(out.bytes, "{\"text\": \"a\\\"b\\\\c\\n\\t\\u0001\303\251\177\", \"bytes\":"
                        " \"x\357\277\275\357\277\275y\", \"third\": 0.333333333, "
                        "\"exact\": 0.33333333333333331, \"none\": null, "
                        "\"whole\": -9223372036854775808, \"list\": [true, null, {}]}\n");
    assert_int_equal(out.size, strlen(out.bytes));
    kin_json_discard(&out);
    out.indent = 2;
    put_everything(&out);
    expect_ok(kin_json_save(&out, in_folder("out.json")));
    kin_json_tree *tree = NULL;
    expect_ok(kin_json_read(&tree, in_folder("out.json")));
    assert_int_equal(kin_json_get(kin_json_root(tree), "third")->line, 4);
    assert_true(kin_json_get(kin_json_root(tree), "exact")->number == 1.0 / 3);
    kin_json_free(tree);
}

static void exact_numbers_read_back(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 20000; i++) {
        uint64_t bits = kin_random(5, KIN_STREAM_TEST, 0, i);
        double number;
        memcpy(&number, &bits, sizeof number);
        if (!isfinite(number)) continue;
        kin_json_out out = {0};
        kin_json_put_exact(&out, NULL, number);
        expect_ok(kin_json_finish(&out));
        kin_json_tree *tree = parsed(out.bytes);
        assert_true(kin_json_root(tree)->number == number);
        kin_json_free(tree);
        kin_json_discard(&out);
    }
}

static void misuse_is_reported(void **state)
{
    (void)state;
    kin_json_out out = {0};
    kin_json_open(&out, NULL, '[');
    expect_failure(kin_json_finish(&out), KIN_RUNTIME, "left open");
    kin_json_discard(&out);
    kin_json_open(&out, NULL, '{');
    kin_json_put_null(&out, NULL);
    kin_json_close(&out);
    expect_failure(kin_json_finish(&out), KIN_RUNTIME, "a missing key");
    kin_json_discard(&out);
    kin_json_put_null(&out, "key");
    expect_failure(kin_json_finish(&out), KIN_RUNTIME, "a key outside an object");
    kin_json_discard(&out);
    kin_json_close(&out);
    expect_failure(kin_json_save(&out, in_folder("no.json")), KIN_RUNTIME, "not open");
    assert_false(kin_file_exists(in_folder("no.json")));
    for (int i = 0; i <= KIN_JSON_DEPTH; i++) kin_json_open(&out, NULL, '[');
    expect_failure(kin_json_finish(&out), KIN_RUNTIME, "too many levels");
    kin_json_discard(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_holds_what_the_text_says),
        cmocka_unit_test(members_are_asked_for_by_kind),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(nesting_is_limited),
        cmocka_unit_test(values_are_limited),
        cmocka_unit_test(accepted_texts_mean_the_same_to_another_reader),
        cmocka_unit_test(the_writer_writes_json),
        cmocka_unit_test(exact_numbers_read_back),
        cmocka_unit_test(misuse_is_reported),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
