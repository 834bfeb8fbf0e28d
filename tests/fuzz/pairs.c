/* Pairs: a TSV file, or a training and a validation file apart by a byte 0xFF. A single file's
 * judgements, written as lines again, make the same store. */
#include "tests/fuzz/fuzz.h"
#include "data/import.h"
#include "data/store.h"

static void seeds(void)
{
    add_seed_text("query one\tdocument one\nquery two\tdocument two\t3\r\n"
                  "query one\tdocument two\t0");
    add_seed_text("\xEF\xBB\xBF" "a\tb\na\tc\nd\tb\na\tb\t2\n");
    add_seed_text("gr\xc3\xbc\xc3\x9f\tx\n\xff" "q\tx\ny\tx\ngr\xc3\xbc\xc3\x9f\tz\n");
}

static kin_store *import(const char *file, const char *validation, const char *out,
                         kin_import_report *report)
{
    kin_store *store;
    if (!accepted(kin_import_pairs(file, validation, out, report), KIN_DATA)) return NULL;
    CHECK(kin_store_open(&store, out) == KIN_OK);
    return store;
}

static void check(const kin_store *s, const kin_import_report *report)
{
    const int64_t *queries = report->queries;
    CHECK(s->queries == queries[KIN_TRAIN] + queries[KIN_VALIDATION] + queries[KIN_TEST]);
    CHECK(s->relations + report->duplicates == report->lines && s->relations > 0);
    CHECK(s->pairs == report->pairs && s->pairs <= s->relations);
    CHECK(s->documents > 0 && s->texts.count <= s->documents + s->queries);
}

/* A mark in front and a grade behind keep every byte of the texts apart from the format's own. */
static void write_lines(const kin_store *s, const char *path)
{
    FILE *file = fopen(path, "wb");
    CHECK(file && fputs("\xEF\xBB\xBF", file) >= 0);
    for (int64_t i = 0; i < s->relations; i++) {
        const int32_t *row = s->relation + 3 * i;
        const int32_t left = s->query_text[row[0]], right = s->document_text[row[1]];
        fwrite(kin_text(&s->texts, left), 1, (size_t)kin_text_size(&s->texts, left), file);
        fputc('\t', file);
        fwrite(kin_text(&s->texts, right), 1, (size_t)kin_text_size(&s->texts, right), file);
        fprintf(file, "\t%d\n", row[2]);
    }
    CHECK(fclose(file) == 0);
}

/* HDF5, which writes the stores, is slow: not for every input. */
static void import_again(const kin_store *store)
{
    kin_import_report report;
    write_lines(store, in_folder("c.tsv"));
    kin_store *again = import(in_folder("c.tsv"), NULL, in_folder("c.h5"), &report);
    CHECK(again && again->checksum == store->checksum);
    kin_store_close(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_import_report report;
    const uint8_t *cut = size ? memchr(bytes, 0xFF, size) : NULL, *end = bytes + size;
    const size_t first = cut ? (size_t)(cut - bytes) : size;
    const char *file = write_bytes(in_folder("a.tsv"), bytes, first), *second = NULL;
    if (cut) second = write_bytes(in_folder("b.tsv"), cut + 1, (size_t)(end - cut - 1));
    kin_store *store = import(file, second, in_folder("a.h5"), &report);
    if (!store) return 0;
    check(store, &report);
    if (!cut && size % 4 == 0) import_again(store);
    kin_store_close(store);
    return 0;
}
