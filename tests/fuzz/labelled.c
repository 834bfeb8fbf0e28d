/* Labelled texts and scored pairs: the first byte says which, the rest is a file for training, or
 * two apart by a byte 0xFF, the second for testing. What is accepted has as many items or pairs as
 * lines, and its lines, written again, make the same items. */
#include "tests/fuzz/fuzz.h"
#include "data/import.h"
#include "data/store.h"

static void seeds(void)
{
    add_seed_text("Lred\tone\nblue\ttwo\r\nred\tthree");
    add_seed_text("L\xEF\xBB\xBF"
                  "a\tgr\xc3\xbc\xc3\x9f\nb\tx\n\xff" "a\tgr\xc3\xbc\xc3\x9f\nc\ty\n");
    add_seed_text("S5\ta\tb\n2.5\ta\ta\r\n0.0\tb\tc");
    add_seed_text("S1e0\ta\tb\n\xff" "4\tb\tb\n");
}

static kin_store *import(bool scores, const char *file, const char *test, const char *out,
                         kin_import_report *report)
{
    int index;
    kin_store *store;
    kin_import_setting setting = {.source = file, .test = test, .out = out};
    CHECK(kin_list_find(&kin_importers, scores ? "sts" : "labelled", &index) == KIN_OK);
    kin_hyper_defaults(kin_importers.items[index], setting.hypers);
    if (!accepted(kin_import_run(index, &setting, report), KIN_DATA)) return NULL;
    CHECK(kin_store_open(&store, out) == KIN_OK);
    return store;
}

static void check(const kin_store *s, bool scores, const kin_import_report *report)
{
    CHECK(kin_store_goal(s) == (scores ? KIN_GOAL_SCORES : KIN_GOAL_LABELS));
    CHECK(s->queries == report->lines && s->relations == (scores ? report->lines : 0));
    CHECK(scores || (s->labels > 1 && s->labels == report->labels));
    for (int64_t i = 0; i < s->relations; i++)
        CHECK(s->relation_score[i] >= 0 && s->relation_score[i] <= 1);
}

static void put(FILE *file, const kin_store *s, int32_t text)
{
    fwrite(kin_text(&s->texts, text), 1, (size_t)kin_text_size(&s->texts, text), file);
}

static void write_labels(const kin_store *s, const char *path)
{
    FILE *file = fopen(path, "wb");
    CHECK(file && fputs("\xEF\xBB\xBF", file) >= 0);
    for (int64_t i = 0; i < s->queries; i++) {
        put(file, s, s->label_text[s->query_label[i]]);
        fputc('\t', file);
        put(file, s, s->query_text[i]);
        fputs("\r\n", file);
    }
    CHECK(fclose(file) == 0);
}

/* HDF5, which writes the stores, is slow: not for every input. */
static void import_again(const kin_store *s)
{
    kin_import_report report;
    write_labels(s, in_folder("c.tsv"));
    kin_store *again = import(false, in_folder("c.tsv"), NULL, in_folder("c.h5"), &report);
    CHECK(again && again->queries == s->queries && again->labels == s->labels);
    CHECK(memcmp(again->query_label, s->query_label, sizeof(int32_t) * (size_t)s->queries) == 0);
    kin_store_close(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_import_report report;
    if (size < 1) return 0;
    const bool scores = bytes[0] == 'S';
    const uint8_t *from = bytes + 1, *end = bytes + size;
    const uint8_t *cut = memchr(from, 0xFF, (size_t)(end - from));
    const char *test = NULL;
    const char *file = write_bytes(in_folder("a.tsv"), from, (size_t)((cut ? cut : end) - from));
    if (cut) test = write_bytes(in_folder("b.tsv"), cut + 1, (size_t)(end - cut - 1));
    kin_store *store = import(scores, file, test, in_folder("a.h5"), &report);
    if (!store) return 0;
    check(store, scores, &report);
    if (!scores && size % 4 == 0) import_again(store);
    kin_store_close(store);
    return 0;
}
