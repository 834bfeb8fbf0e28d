/* Hyperparameters read and printed, names found and suggested. */
#include "tests/core/common.h"
#include <math.h>
#include "core/entry.h"

static const kin_entry infonce = {
    "infonce", "Picks the match.",
    { { "temperature", 0.05, 0.001, 10, "t", KIN_LEARNABLE, NULL },
      { "views", 2, 1, 64, "n", KIN_INTEGER, NULL },
      { "symmetric", 1, 0, 1, "both", KIN_BOOLEAN, NULL },
      { "score", 0, 0, 2, "kind", 0, "cosine|dot|distance" } },
};
static const kin_entry triplet = { "triplet", "Margins.", { { 0 } } };
static const kin_entry circle = { "circle", "Circles.", { { 0 } } };
static const kin_entry *const items[] = { &infonce, &triplet, &circle };
static const kin_list losses = { "loss", items, 3 };

static void lookup(void **state)
{
    double values[KIN_HYPERS_MAX];
    (void)state;
    assert_int_equal(kin_hyper_count(&infonce), 4);
    assert_int_equal(kin_hyper_count(&triplet), 0);
    assert_int_equal(kin_hyper_find(&infonce, "symmetric"), 2);
    assert_int_equal(kin_hyper_find(&infonce, "sym"), -1);
    kin_hyper_defaults(&infonce, values);
    assert_true(values[0] == 0.05 && values[1] == 2);
}

static kin_status parse(int hyper, const char *text, double *value)
{
    return kin_hyper_parse(&infonce.hypers[hyper], "loss.x", text, value);
}

static void reading(void **state)
{
    double value = -1;
    (void)state;
    assert_int_equal(parse(0, "0.07", &value), KIN_OK);
    assert_true(value == 0.07);
    assert_int_equal(parse(0, "1e-3", &value), KIN_OK);
    assert_int_equal(parse(0, "10", &value), KIN_OK);
    assert_int_equal(parse(1, "64", &value), KIN_OK);
    assert_int_equal(parse(2, "false", &value), KIN_OK);
    assert_true(value == 0);
    assert_int_equal(parse(3, "distance", &value), KIN_OK);
    assert_true(value == 2);
}

static void refusing(void **state)
{
    static const struct {
        int hyper;
        const char *text;
    } bad[] = {
        { 0, "" }, { 0, "0" }, { 0, "10.001" }, { 0, "nan" }, { 0, "inf" }, { 0, "0.07x" },
        { 0, "1e999" }, { 0, "-1" }, { 1, "1.5" }, { 1, "65" }, { 2, "yes" }, { 2, "1" },
        { 3, "cos" }, { 3, "" }, { 3, "cosine|dot" }, { 3, "0" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double value = 42;
        assert_int_equal(parse(bad[i].hyper, bad[i].text, &value), KIN_USAGE);
        assert_true(value == 42);
        assert_non_null(strstr(kin_message(), "loss.x is \""));
        assert_non_null(strstr(kin_message(), "expected"));
    }
    double value;
    parse(0, "11", &value);
    assert_string_equal(kin_message(), "loss.x is \"11\", expected a number from 0.001 to 10");
}

static void printing(void **state)
{
    static const double numbers[] = { 0.05, 1, 1.0 / 3, 1e-7, 0.1 + 0.2, 123456789, 3e300 };
    const kin_hyper any = { "any", 0, -INFINITY, INFINITY, "", 0, NULL };
    char text[40];
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double value;
        kin_hyper_print(&any, numbers[i], text, sizeof text);
        assert_int_equal(kin_hyper_parse(&any, "any", text, &value), KIN_OK);
        assert_true(value == numbers[i]);
    }
    kin_hyper_print(&any, 0.05, text, sizeof text);
    assert_string_equal(text, "0.05");
    kin_hyper_print(&infonce.hypers[2], 1, text, sizeof text);
    assert_string_equal(text, "true");
    kin_hyper_print(&infonce.hypers[3], 1, text, sizeof text);
    assert_string_equal(text, "dot");
}

static void suggestions(void **state)
{
    static const char *const keys[] = { "batch.size", "batch.seed", "loss.name" };
    static const char *const options[] = { "help", "temperature", "t" };
    int index = -1;
    (void)state;
    assert_int_equal(kin_list_find(&losses, "circle", &index), KIN_OK);
    assert_int_equal(index, 2);
    assert_int_equal(kin_list_find(&losses, "infocne", &index), KIN_USAGE);
    assert_string_equal(kin_message(), "there is no loss called \"infocne\"; perhaps infonce");
    kin_list_find(&losses, "trip", &index);
    assert_string_equal(kin_message(), "there is no loss called \"trip\"; perhaps triplet");
    kin_list_find(&losses, "zzzzzzzz", &index);
    assert_string_equal(kin_message(),
                        "there is no loss called \"zzzzzzzz\"; perhaps infonce, triplet or circle");
    assert_string_equal(kin_nearest("batch.sise", keys, 3), "batch.size");
    assert_string_equal(kin_nearest("batchsize", keys, 3), "batch.size");
    assert_string_equal(kin_nearest("BATCH.size", keys, 3), "batch.size");
    assert_string_equal(kin_nearest("temp", options, 2), "temperature");
    assert_null(kin_nearest("m", options + 2, 1));
    assert_null(kin_nearest("q", keys, 3));
    assert_null(kin_nearest("anything", keys, 0));
    char long_name[500];
    memset(long_name, 'a', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = '\0';
    assert_int_equal(kin_list_find(&losses, long_name, &index), KIN_USAGE);
}

RUN(TEST(lookup), TEST(reading), TEST(refusing), TEST(printing), TEST(suggestions))
