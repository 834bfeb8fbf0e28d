/* Interactions: train.txt, or train.txt and test.txt apart by a byte 0xFF. What is read, written as
 * lines again, makes the same store. */
#include "tests/fuzz/fuzz.h"
#include "data/import.h"
#include "data/store.h"

static void seeds(void)
{
    add_seed_text("0 1 2 3\n1 2 4\n\n2 0\n");
    add_seed_text("5\t7 7\r\n5 9\n\xff" "5 1 7\n3 2");
    add_seed_text("2147483646 0\n0 2147483646");
}

static kin_store *import(const char *source, const char *out, kin_import_report *report)
{
    kin_store *store;
    kin_import_setting setting = { .source = source, .out = out, .hypers = { 0.2 } };
    int index;
    CHECK(kin_list_find(&kin_importers, "interactions", &index) == KIN_OK);
    if (!accepted(kin_import_run(index, &setting, report), KIN_DATA)) return NULL;
    CHECK(kin_store_open(&store, out) == KIN_OK);
    return store;
}

/* Every choice is a pair or, in test.txt, a relation; validation choices are both. */
static void check(const kin_store *s, const kin_import_report *report)
{
    const int64_t held = kin_store_held_out(s);
    CHECK(held == 1 && s->source.count == 2 && report->queries[KIN_TRAIN] == 0);
    CHECK(s->pairs == report->pairs && s->pairs + s->relations > 0 && s->documents > 0);
    CHECK(s->relations >= s->source_start[2] - s->source_start[1]);
    for (int64_t i = 0; i < s->pairs; i++) {
        const int32_t *pair = s->pair + 3 * i;
        CHECK(s->document_text[pair[KIN_PAIR_DOCUMENT]] == pair[KIN_PAIR_RIGHT]);
    }
}

static void put_number(FILE *file, const kin_store *s, int32_t text, char end)
{
    fwrite(kin_text(&s->texts, text), 1, (size_t)kin_text_size(&s->texts, text), file);
    fputc(end, file);
}

static void write_again(const kin_store *s)
{
    FILE *train = fopen(in_folder("again/train.txt"), "wb");
    FILE *test = fopen(in_folder("again/test.txt"), "wb");
    CHECK(train && test);
    for (int64_t i = s->pairs - 1; i >= 0; i--) {
        put_number(train, s, s->pair[3 * i + KIN_PAIR_LEFT], ' ');
        put_number(train, s, s->pair[3 * i + KIN_PAIR_RIGHT], '\n');
    }
    for (int64_t i = 0; i < s->relations; i++) {
        const int32_t *r = s->relation + 3 * i;
        if (s->query_split[r[KIN_RELATION_QUERY]] != KIN_TEST) continue;
        put_number(test, s, s->query_text[r[KIN_RELATION_QUERY]], '\t');
        put_number(test, s, s->document_text[r[KIN_RELATION_DOCUMENT]], '\n');
    }
    CHECK(fclose(train) == 0 && fclose(test) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_import_report report;
    const uint8_t *cut = size ? memchr(bytes, 0xFF, size) : NULL, *end = bytes + size;
    const size_t first = cut ? (size_t)(cut - bytes) : size;
    CHECK(kin_folder_make(in_folder("in")) == KIN_OK);
    CHECK(kin_folder_make(in_folder("again")) == KIN_OK);
    write_bytes(in_folder("in/train.txt"), bytes, first);
    remove(in_folder("in/test.txt"));
    if (cut) write_bytes(in_folder("in/test.txt"), cut + 1, (size_t)(end - cut - 1));
    kin_store *store = import(in_folder("in"), in_folder("a.h5"), &report);
    if (!store) return 0;
    check(store, &report);
    if (size % 4 == 0) {                    /* HDF5 is slow: not for every input */
        write_again(store);
        kin_store *again = import(in_folder("again"), in_folder("b.h5"), &report);
        CHECK(again && again->checksum == store->checksum);
        kin_store_close(again);
    }
    kin_store_close(store);
    return 0;
}
