/* The label sampler's promises: so many classes and items in every batch, classes equally often,
 * and the same items for the same step. */
#include "tests/data/stores.h"

#include "data/label_sampler.h"

static kin_label_sampler *make_labels(const int32_t *label, int64_t items, int64_t labels,
                                      int64_t batch, int64_t each)
{
    kin_label_sampler *s;
    expect_ok(kin_label_sampler_new(&s, &(kin_label_sampler_setting){
        .items = items, .label = label, .labels = labels, .batch = batch, .each = each,
        .seed = 5}));
    return s;
}

/* Eleven classes of 4 to 44 items, and one of a single item; batches of five classes by four. Every
 * batch has five classes and twenty items; in ten decks of classes each is dealt about as often,
 * and no item of a class twice before all that fit whole groups were dealt. */
static void classes_come_equally_often(void **state)
{
    (void)state;
    enum { ITEMS = 265, CLASSES = 12, EACH = 4, WANTED = 5, DECKS = 220 };
    static int32_t label[ITEMS], batches[CLASSES], used[ITEMS];
    int32_t n = 0;
    for (int32_t c = 0; c < 11; c++)
        for (int32_t i = 0; i < 4 * (c + 1); i++) label[n++] = c;
    label[n++] = 11;
    assert_int_equal(n, ITEMS);
    kin_label_sampler *s = make_labels(label, ITEMS, CLASSES, WANTED * EACH, EACH);
    assert_int_equal(kin_label_sampler_steps(s), ITEMS / (WANTED * EACH));
    for (int64_t step = 0; step < 2 * DECKS; step++) {
        const int32_t *item = kin_label_sampler_batch(s, step);
        int32_t seen[CLASSES] = {0};
        for (int i = 0; i < WANTED * EACH; i++) {
            assert_int_equal(label[item[i]], label[item[i / EACH * EACH]]);
            for (int k = 0; k < i; k++) assert_int_not_equal(item[i], item[k]);
            seen[label[item[i]]]++;
            used[item[i]]++;
        }
        for (int c = 0; c < CLASSES; c++) {
            assert_true(seen[c] == 0 || seen[c] == EACH);
            batches[c] += seen[c] > 0;
        }
    }
    for (int c = 0; c < 11; c++) assert_in_range(batches[c], DECKS * 10 / 11 - 25, DECKS);
    assert_int_equal(batches[11], 0);
    for (int i = 0; i < ITEMS - 1; i++) {
        const int32_t even = batches[label[i]] / (label[i] + 1);
        assert_in_range(used[i], even > 8 ? even - 8 : 0, even + 8);
    }
    kin_label_sampler_free(s);
}

/* A step's items do not depend on what was asked for before. */
static void steps_may_be_asked_for_in_any_order(void **state)
{
    (void)state;
    enum { ITEMS = 90 };
    int32_t label[ITEMS], first[12];
    for (int i = 0; i < ITEMS; i++) label[i] = i % 9;
    for (int64_t each = 0; each <= 4; each += 2) {
        kin_label_sampler *s = make_labels(label, ITEMS, 9, 12, each);
        kin_label_sampler *other = make_labels(label, ITEMS, 9, 12, each);
        for (int64_t step = 40; step >= 0; step -= 7) {
            memcpy(first, kin_label_sampler_batch(s, step), sizeof first);
            for (int64_t k = 0; k < 5; k++) kin_label_sampler_batch(other, (step * 13 + k) % 50);
            assert_memory_equal(kin_label_sampler_batch(other, step), first, sizeof first);
        }
        kin_label_sampler_free(s);
        kin_label_sampler_free(other);
    }
}

/* As they come: every item once an epoch, but for those of a short last batch. */
static void items_as_they_come(void **state)
{
    (void)state;
    int32_t label[50] = {0};
    kin_label_sampler *s = make_labels(label, 50, 2, 12, 0);
    assert_int_equal(kin_label_sampler_steps(s), 4);
    for (int64_t epoch = 0; epoch < 3; epoch++) {
        int32_t used[50] = {0};
        for (int64_t step = 4 * epoch; step < 4 * epoch + 4; step++)
            for (int i = 0; i < 12; i++) used[kin_label_sampler_batch(s, step)[i]]++;
        for (int i = 0; i < 50; i++) assert_in_range(used[i], 0, 1);
    }
    kin_label_sampler_free(s);
}

/* A class of three items gives four of them. */
static void small_classes_repeat_items(void **state)
{
    (void)state;
    static const int32_t label[] = {0, 0, 0, 1, 1, 1, 1, 1};
    kin_label_sampler *s = make_labels(label, 8, 2, 8, 4);
    for (int64_t step = 0; step < 10; step++) {
        int32_t used[8] = {0};
        for (int i = 0; i < 8; i++) used[kin_label_sampler_batch(s, step)[i]]++;
        assert_int_equal(used[0] + used[1] + used[2], 4);
        for (int i = 0; i < 8; i++) assert_in_range(used[i], i < 3 ? 1 : 0, i < 3 ? 2 : 1);
    }
    kin_label_sampler_free(s);
}

static void wrong_label_settings_are_refused(void **state)
{
    (void)state;
    static const int32_t label[] = {0, 0, 1, 1, 2, 2};
    static const struct { int64_t batch, each; kin_status status; const char *words; } wrong[] = {
        {6, 4, KIN_USAGE, "batch.size is 6, expected a multiple of batch.per_class, 4"},
        {6, 1, KIN_USAGE, "asks for 6 classes, and there are 3 with enough items: make batch.size "
                          "3 or less"},
        {7, 0, KIN_DATA, "batch.size is 7, but there are 6 items"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        kin_label_sampler *s;
        expect_failure(kin_label_sampler_new(&s, &(kin_label_sampler_setting){
            .items = 6, .label = label, .labels = 3, .batch = wrong[i].batch,
            .each = wrong[i].each}), wrong[i].status, wrong[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_come_equally_often),
        cmocka_unit_test(steps_may_be_asked_for_in_any_order),
        cmocka_unit_test(items_as_they_come), cmocka_unit_test(small_classes_repeat_items),
        cmocka_unit_test(wrong_label_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}
