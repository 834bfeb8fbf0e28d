/* BEIR folders: corpus, queries and the files of train, dev and test, with a byte 0xFF between; a
 * file that is not there is empty. What is accepted, written as a folder again, makes a store with
 * the same queries, judgements and texts of documents. */
#include "tests/fuzz/fuzz.h"
#include "data/import.h"
#include "data/json.h"
#include "data/store.h"

enum { FILES = 5 };
static const char *const names[FILES] = {"corpus.jsonl", "queries.jsonl", "qrels/train.tsv",
                                         "qrels/dev.tsv", "qrels/test.tsv"};

static void seeds(void)
{
    add_seed_text("{\"_id\": \"a\", \"title\": \"one\", \"text\": \"two\\n\"}\n"
                  "{\"_id\": \"b\", \"title\": null, \"text\": \"gr\\u00fc\\u00df\"}\n\xff"
                  "{\"_id\": \"q\", \"text\": \" who \"}\r\n{\"_id\": \"p\", \"text\": \"x\"}\xff"
                  "query-id\tcorpus-id\tscore\nq\ta\t2\nq\tb\t-1\n\xff\xffp\tb\t1\n");
    add_seed_text("{\"_id\":\"1\"}\n\n{\"_id\":\"2\",\"text\":\"t\",\"metadata\":{\"a\":[]}}\xff"
                  "{\"_id\":\"1\",\"text\":\"t\"}\n{\"_id\":\"2\",\"text\":\"t\"}\xff"
                  "1\t1\t1\n2\t2\t1\n1\t1\t0\n\xff" "1\t2\t1\n3\t1\t1\n");
}

static kin_store *import(const char *folder, double fraction, const char *out,
                         kin_import_report *report)
{
    int index;
    kin_store *store;
    kin_import_setting setting = {.source = folder, .out = out, .hypers = {fraction}};
    CHECK(kin_list_find(&kin_importers, "beir", &index) == KIN_OK);
    if (!accepted(kin_import_run(index, &setting, report), KIN_DATA)) return NULL;
    CHECK(kin_store_open(&store, out) == KIN_OK);
    return store;
}

static void check(const kin_store *s, const kin_import_report *report)
{
    CHECK(kin_store_goal(s) == KIN_GOAL_RANKING && s->documents > 0 && s->queries > 0);
    CHECK(s->relations > 0 && s->relations <= report->lines && s->source.count == 2);
    CHECK(s->source_start[1] <= s->documents);
    for (int64_t i = 1; i < s->relations; i++) {
        const int32_t *a = s->relation + 3 * i - 3, *b = s->relation + 3 * i;
        CHECK(a[0] < b[0] || (a[0] == b[0] && a[1] < b[1]));
    }
}

/* ---- written again --------------------------------------------------------------------------- */

static void put_text(kin_json_out *out, const char *key, const kin_texts *texts, int64_t i)
{
    kin_json_put_bytes(out, key, kin_text(texts, i), (size_t)kin_text_size(texts, i));
}

static void put_line(FILE *file, const kin_store *s, const kin_texts *ids, int64_t i, int32_t text)
{
    kin_json_out out = {0};
    kin_json_open(&out, NULL, '{');
    put_text(&out, "_id", ids, i);
    put_text(&out, "text", &s->texts, text);
    kin_json_close(&out);
    CHECK(kin_json_finish(&out) == KIN_OK);
    CHECK(fwrite(out.bytes, 1, out.size, file) == out.size);
    kin_json_discard(&out);
}

static FILE *open_in(const char *folder, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    CHECK(file);
    return file;
}

static void put_id(FILE *file, const kin_texts *ids, int64_t i)
{
    fwrite(kin_text(ids, i), 1, (size_t)kin_text_size(ids, i), file);
}

static void write_folder(const kin_store *s, const char *folder)
{
    FILE *file = open_in(folder, names[0]);
    for (int64_t d = 0; d < s->documents; d++)
        put_line(file, s, &s->document_id, d, s->document_text[d]);
    fclose(file);
    file = open_in(folder, names[1]);
    for (int64_t q = 0; q < s->queries; q++) put_line(file, s, &s->query_id, q, s->query_text[q]);
    fclose(file);
    for (int part = 0; part < KIN_SPLITS; part++) {
        file = open_in(folder, names[2 + part]);
        fputs("query-id\tcorpus-id\tscore\n", file);
        for (int64_t i = 0; i < s->relations; i++) {
            const int32_t *row = s->relation + 3 * i;
            if (s->query_split[row[0]] != part) continue;
            put_id(file, &s->query_id, row[0]);
            fputc('\t', file);
            put_id(file, &s->document_id, row[1]);
            fprintf(file, "\t%d\n", row[2]);
        }
        fclose(file);
    }
}

/* HDF5, which writes the stores, is slow: not for every input. */
static void import_again(const kin_store *s, const char *folder)
{
    kin_import_report report;
    write_folder(s, folder);
    kin_store *again = import(folder, 0, in_folder("b.h5"), &report);
    CHECK(again && again->documents == s->documents && again->queries == s->queries);
    CHECK(again->relations == s->relations && report.duplicates == 0);
    CHECK(memcmp(again->relation, s->relation, 12 * (size_t)s->relations) == 0);
    CHECK(memcmp(again->query_split, s->query_split, (size_t)s->queries) == 0);
    for (int64_t d = 0; d < s->documents; d++) {
        const int32_t a = again->document_text[d], b = s->document_text[d];
        CHECK(kin_text_size(&again->texts, a) == kin_text_size(&s->texts, b));
        CHECK(memcmp(kin_text(&again->texts, a), kin_text(&s->texts, b),
                     (size_t)kin_text_size(&s->texts, b)) == 0);
    }
    kin_store_close(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char folder[512], path[600];
    kin_import_report report;
    const uint8_t *at = bytes, *end = bytes + size;
    snprintf(folder, sizeof folder, "%s", in_folder("beir"));
    snprintf(path, sizeof path, "%s/qrels", folder);
    CHECK(kin_folder_make(path) == KIN_OK);
    for (int i = 0; i < FILES; i++) {
        const uint8_t *cut = at ? memchr(at, 0xFF, (size_t)(end - at)) : NULL;
        const size_t n = at ? (size_t)((cut ? cut : end) - at) : 0;
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        remove(path);
        if (n) write_bytes(path, at, n);
        at = cut ? cut + 1 : NULL;
    }
    kin_store *store = import(folder, 0.3, in_folder("a.h5"), &report);
    if (!store) return 0;
    check(store, &report);
    if (size % 4 == 0) import_again(store, folder);
    kin_store_close(store);
    return 0;
}
