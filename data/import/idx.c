/* idx: IDX files (MNIST's format) of bytes, plain or gzip'ed: items, and a file with a label for
 * each. An item's numbers become features, divided by 255; a class is called by its number. A share
 * of the training items, drawn by a hash of the item's bytes, is kept for validation; --test and
 * --test-labels give what is kept for testing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/hash.h"
#include "data/builder.h"
#include "data/idx.h"

enum { FRACTION };                     /* places of the options */
enum { CLASSES = 256 };

typedef struct {
    kin_builder *builder;
    int32_t label_of[CLASSES];         /* class of a label, + 1 */
    int32_t labels, nothing;           /* classes so far; the text of every item */
    float *features;                   /* of one item */
    int64_t each, item[KIN_SPLITS];
    double fraction;
} reading;

static kin_status check_labels(const kin_idx *items, const char *items_path, const kin_idx *labels,
                               const char *labels_path)
{
    KIN_REQUIRE(labels->dims == 1, KIN_DATA, "%s: %d dimensions, expected 1: a label for each item",
                labels_path, labels->dims);
    KIN_REQUIRE(labels->size[0] == items->size[0], KIN_DATA,
                "%s: %lld labels for the %lld items of %s", labels_path,
                (long long)labels->size[0], (long long)items->size[0], items_path);
    return KIN_OK;
}

static int32_t find_label(reading *r, uint8_t label)
{
    char name[8];
    if (r->label_of[label] == 0) {
        const int n = snprintf(name, sizeof name, "%d", label);
        kin_builder_label(r->builder, kin_builder_text(r->builder, name, (size_t)n));
        r->label_of[label] = ++r->labels;
    }
    return r->label_of[label] - 1;
}

static void add_item(reading *r, bool test, const uint8_t *bytes, uint8_t label)
{
    static const char *const sides[KIN_SPLITS] = {"train", "validation", "test"};
    char id[40];
    const uint64_t draw = kin_hash_bytes(bytes, (size_t)r->each, 0) >> 11;
    const kin_split side = test ? KIN_TEST
                           : (double)draw * 0x1p-53 < r->fraction ? KIN_VALIDATION : KIN_TRAIN;
    for (int64_t i = 0; i < r->each; i++) r->features[i] = (float)bytes[i] / 255;
    const int32_t class = find_label(r, label);
    snprintf(id, sizeof id, "%s.%lld", sides[side], (long long)++r->item[side]);
    kin_builder_query(r->builder, r->nothing, id, side);
    kin_builder_query_label(r->builder, class);
    kin_builder_features(r->builder, r->features, r->each);
}

static kin_status add_items(reading *r, bool test, const kin_idx *items, const kin_idx *labels)
{
    for (int64_t i = 0; i < items->size[0]; i++) {
        add_item(r, test, items->bytes + i * r->each, labels->bytes[i]);
        KIN_TRY(kin_builder_status(r->builder));
    }
    return KIN_OK;
}

/* file: items and labels for training, then for testing. */
static kin_status import_files(reading *r, const kin_import_setting *setting, kin_idx file[4])
{
    const char *const path[4] = {setting->source, setting->labels, setting->test,
                                 setting->test_labels};
    for (int i = 0; i < 4; i++)
        if (path[i]) KIN_TRY(kin_idx_read(&file[i], path[i]));
    for (int i = 0; i < 4 && path[i]; i += 2)
        KIN_TRY(check_labels(&file[i], path[i], &file[i + 1], path[i + 1]));
    r->each = file[0].each;
    KIN_REQUIRE(!path[2] || file[2].each == r->each, KIN_DATA,
                "%s: %lld numbers an item, %s has %lld", path[2], (long long)file[2].each, path[0],
                (long long)r->each);
    r->features = malloc((size_t)r->each * sizeof *r->features);
    KIN_REQUIRE(r->features, KIN_MEMORY, "no memory for %lld numbers", (long long)r->each);
    KIN_TRY(kin_builder_new(&r->builder));
    kin_builder_source(r->builder, "idx");
    r->nothing = kin_builder_text(r->builder, "", 0);
    KIN_TRY(add_items(r, false, &file[0], &file[1]));
    if (path[2]) KIN_TRY(add_items(r, true, &file[2], &file[3]));
    KIN_REQUIRE(r->labels > 1, KIN_DATA, "%s: every item has the same label", path[1]);
    return KIN_OK;
}

static kin_status run(const kin_import_setting *setting, kin_import_report *report)
{
    reading r = {.fraction = setting->hypers[FRACTION]};
    kin_idx file[4] = {{0}};
    kin_status status = import_files(&r, setting, file);
    report->lines = file[0].size[0] + file[2].size[0];
    for (int i = 0; i < 4; i++) kin_idx_free(&file[i]);
    if (status == KIN_OK) status = kin_builder_write(r.builder, setting->out, report);
    kin_builder_free(r.builder);
    free(r.features);
    return status;
}

const kin_importer kin_importer_idx = {
    .entry = {.name = "idx",
              .summary = "IDX files of pictures or other bytes, with a file of labels: MNIST.",
              .hypers = {[FRACTION] = {.name = "fraction",
                                       .value = 0.1,
                                       .min = 0,
                                       .max = 0.5,
                                       .help = "share of the training items kept for "
                                               "validation"}}},
    .argument = "ITEMS",
    .test = true,
    .labels = true,
    .run = run,
};
