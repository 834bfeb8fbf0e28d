/* sts: text files of lines "score<TAB>text<TAB>text": how alike two texts are, as people said
 * (semantic textual similarity). One file for training, one for validation, one for testing. Scores
 * go from 0 to top and are kept as a share of it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "data/builder.h"
#include "data/lines.h"

enum { TOP };                          /* places of the options */
enum { FILES = 3 };                    /* training, validation, test */

typedef struct {
    kin_builder *builder;
    kin_import_report *report;
    double top;
} reading;

static kin_status read_score(const reading *r, const kin_lines *file, kin_field field,
                             float *score)
{
    char text[64], *end = text;
    double value = NAN;
    if (field.size > 0 && field.size < sizeof text && (unsigned char)field.at[0] > ' ') {
        memcpy(text, field.at, field.size);
        text[field.size] = 0;
        value = strtod(text, &end);
    }
    if (*end || end == text || !(value >= 0 && value <= r->top))
        return kin_lines_fail(file, "score \"%.*s\", expected a number from 0 to %g",
                              field.size > 40 ? 40 : (int)field.size, field.at, r->top);
    *score = (float)(value / r->top);
    return KIN_OK;
}

static kin_status add_pair(reading *r, kin_split side, kin_field a, kin_field b, float score)
{
    char id[24];
    kin_builder *to = r->builder;
    snprintf(id, sizeof id, "p%lld", (long long)++r->report->lines);
    const int32_t left = kin_builder_text(to, a.at, a.size);
    const int32_t right = kin_builder_text(to, b.at, b.size);
    const int32_t query = kin_builder_query(to, left, id, side);
    const int32_t document = kin_builder_document(to, right, id);
    kin_builder_relation(to, query, document, 0);
    kin_builder_score(to, score);
    return kin_builder_status(to);
}

static kin_status read_file(reading *r, kin_lines *file, kin_split side)
{
    kin_field line, column[3];
    for (bool more;;) {
        float score = 0;
        KIN_TRY(kin_lines_next(file, &line, &more));
        if (!more) return KIN_OK;
        const int columns = kin_lines_columns(line, column, 3);
        if (columns != 3)
            return kin_lines_fail(file, "%d column%s, expected score<TAB>text<TAB>text", columns,
                                  columns == 1 ? "" : "s");
        KIN_TRY(read_score(r, file, column[0], &score));
        for (int i = 1; i < 3; i++)
            if (kin_field_is_blank(column[i]))
                return kin_lines_fail(file, "the %s text is empty", i == 1 ? "first" : "second");
        KIN_TRY(add_pair(r, side, column[1], column[2], score));
    }
}

static kin_status import_files(reading *r, const kin_import_setting *setting)
{
    const char *const path[FILES] = {setting->source, setting->validation, setting->test};
    KIN_TRY(kin_builder_new(&r->builder));
    kin_builder_source(r->builder, "sts");
    for (int i = 0; i < FILES; i++) {
        kin_lines file;
        if (!path[i]) continue;
        kin_status status = kin_lines_open(&file, path[i]);
        if (status == KIN_OK) status = read_file(r, &file, (kin_split)i);
        kin_lines_close(&file);
        KIN_TRY(status);
    }
    return kin_builder_write(r->builder, setting->out, r->report);
}

static kin_status run(const kin_import_setting *setting, kin_import_report *report)
{
    reading r = {.report = report, .top = setting->hypers[TOP]};
    const kin_status status = import_files(&r, setting);
    kin_builder_free(r.builder);
    return status;
}

const kin_importer kin_importer_sts = {
    .entry = {.name = "sts",
              .summary = "Lines of score<TAB>text<TAB>text: how alike two texts are.",
              .hypers = {[TOP] = {.name = "top",
                                  .value = 5,
                                  .min = 1e-6,
                                  .max = 1e6,
                                  .help = "the score of texts that say the same"}}},
    .argument = "TRAIN.tsv",
    .validation = true,
    .test = true,
    .run = run,
};
