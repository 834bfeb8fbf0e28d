/* labelled: text files of lines "label<TAB>text", one for training, one for testing. The items are
 * the lines; the classes are the distinct labels in order of first appearance. A share of the
 * training items, drawn by a hash of the text's bytes so that equal texts stay together, is kept
 * for validation; or the items of a second file are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/hash.h"
#include "data/builder.h"
#include "data/lines.h"

enum { FRACTION };                     /* places of the options */
enum { FILES = 3 };                    /* training, validation, test */

/* By text, with room for every line's text and label; zeros at first. */
typedef struct {
    kin_builder *builder;
    kin_import_report *report;
    int32_t *label_of;                 /* class that a label's text names, + 1 */
    int32_t *first;                    /* class of the first training item with this text, + 1 */
    int64_t item[KIN_SPLITS];          /* of each side so far */
    int64_t seen_before, clashing;     /* held-out texts that are training texts too; training texts
                                          of several classes */
    int32_t labels, trained;           /* classes; of these, in the training file */
    double fraction;
} reading;

static kin_split side_of(const reading *r, int file, kin_field text)
{
    if (file > 0) return file == 1 ? KIN_VALIDATION : KIN_TEST;
    const uint64_t draw = kin_hash_bytes(text.at, text.size, 0) >> 11;
    return (double)draw * 0x1p-53 < r->fraction ? KIN_VALIDATION : KIN_TRAIN;
}

static int32_t find_label(reading *r, kin_field name)
{
    const int32_t text = kin_builder_text(r->builder, name.at, name.size);
    if (text < 0) return -1;
    if (r->label_of[text] == 0) {
        kin_builder_label(r->builder, text);
        r->label_of[text] = ++r->labels;
    }
    return r->label_of[text] - 1;
}

static void note_repeats(reading *r, kin_split side, int32_t text, int32_t label)
{
    int32_t *first = &r->first[text];
    if (side != KIN_TRAIN) r->seen_before += *first > 0;
    else if (*first == 0) *first = label + 1;
    else r->clashing += *first != label + 1;
}

static kin_status add_item(reading *r, int file, kin_field name, kin_field text)
{
    static const char *const sides[KIN_SPLITS] = {"train", "validation", "test"};
    char id[40];
    const kin_split side = side_of(r, file, text);
    const int32_t label = find_label(r, name);
    const int32_t index = kin_builder_text(r->builder, text.at, text.size);
    snprintf(id, sizeof id, "%s.%lld", sides[side], (long long)++r->item[side]);
    kin_builder_query(r->builder, index, id, side);
    kin_builder_query_label(r->builder, label);
    KIN_TRY(kin_builder_status(r->builder));
    note_repeats(r, side, index, label);
    return KIN_OK;
}

static kin_status read_file(reading *r, kin_lines *file, int which)
{
    kin_field line, column[2];
    for (bool more;;) {
        KIN_TRY(kin_lines_next(file, &line, &more));
        if (!more) return KIN_OK;
        const int columns = kin_lines_columns(line, column, 2);
        if (columns != 2)
            return kin_lines_fail(file, "%d column%s, expected label<TAB>text", columns,
                                  columns == 1 ? "" : "s");
        if (kin_field_is_blank(column[0])) return kin_lines_fail(file, "the label is empty");
        if (kin_field_is_blank(column[1])) return kin_lines_fail(file, "the text is empty");
        KIN_TRY(add_item(r, which, column[0], column[1]));
        r->report->lines++;
    }
}

static void write_warnings(const reading *r)
{
    kin_import_report *to = r->report;
    kin_import_warn(to, r->seen_before, "held-out items have a text that is trained on too.");
    kin_import_warn(to, r->clashing, "training items repeat a text under another label.");
    kin_import_warn(to, r->labels - r->trained, "classes have no item in the training file.");
}

static kin_status import_files(reading *r, const kin_import_setting *setting,
                               kin_lines file[FILES])
{
    const char *const path[FILES] = {setting->source, setting->validation, setting->test};
    size_t lines = 0;
    for (int i = 0; i < FILES; i++) {
        if (!path[i]) continue;
        KIN_TRY(kin_lines_open(&file[i], path[i]));
        lines += kin_lines_bound(&file[i]);
    }
    r->label_of = calloc(2 * lines, sizeof *r->label_of);
    r->first = calloc(2 * lines, sizeof *r->first);
    KIN_REQUIRE(r->label_of && r->first, KIN_MEMORY, "no memory to import %zu lines", lines);
    KIN_TRY(kin_builder_new(&r->builder));
    kin_builder_source(r->builder, "labelled");
    for (int i = 0; i < FILES; i++) {
        if (path[i]) KIN_TRY(read_file(r, &file[i], i));
        if (i == 0) r->trained = r->labels;
    }
    KIN_REQUIRE(r->labels > 1, KIN_DATA, "%s: every line has the same label", path[0]);
    KIN_TRY(kin_builder_write(r->builder, setting->out, r->report));
    write_warnings(r);
    return KIN_OK;
}

static kin_status run(const kin_import_setting *setting, kin_import_report *report)
{
    reading r = {.report = report};
    kin_lines file[FILES] = {{0}};
    r.fraction = setting->validation ? 0 : setting->hypers[FRACTION];
    const kin_status status = import_files(&r, setting, file);
    kin_builder_free(r.builder);
    free(r.label_of);
    free(r.first);
    for (int i = 0; i < FILES; i++) kin_lines_close(&file[i]);
    return status;
}

const kin_importer kin_importer_labelled = {
    .entry = {.name = "labelled",
              .summary = "Lines of label<TAB>text: texts of classes.",
              .hypers = {[FRACTION] = {.name = "fraction",
                                       .value = 0.1,
                                       .min = 0,
                                       .max = 0.5,
                                       .help = "share of the training items kept for validation "
                                               "when there is no validation file"}}},
    .argument = "TRAIN.tsv",
    .validation = true,
    .test = true,
    .run = run,
};
