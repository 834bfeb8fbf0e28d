/* Store: whatever lies behind a right checksum, all that an accepted store points to is there, and
 * it reads the same after being written back. Checksums and length are made right before each
 * reading; the mutator puts some of its changes where they matter, into the block's extents. */
#include "tests/fuzz/fuzz.h"
#include <float.h>
#include "data/store.h"
#include "tests/data/reseal.h"

static void seeds(void)
{
    static const int64_t start[] = {0, 2, 4, 5, 7, 9}, source_start[] = {0, 1, 4};
    static const int32_t texts[] = {0, 3, 1, 2}, rows[] = {0, 1, 2, 0, 0, 0, 1, 2, 1, 1, 1, 0};
    static const uint8_t split[] = {KIN_TRAIN, KIN_VALIDATION, KIN_TEST, KIN_TRAIN};
    kin_store s = {
        .texts = {4, "abc\xC3\xA9xyz", start},
        .documents = 3, .document_text = texts, .document_id = {3, "d1d2d3", start},
        .queries = 4, .query_text = texts, .query_id = {4, "q1q2q3q4", start},
        .query_split = split, .relations = 3, .relation = rows, .pairs = 4, .pair = rows,
        .source = {2, "abcd", start}, .source_start = source_start,
    };
    CHECK(kin_store_write(in_folder("s.h5"), &s) == KIN_OK);
    add_seed_file(in_folder("s.h5"));
    static const float numbers[] = {0, 1, 0.5f, -3, 1e30f, 0.25f, 0, 1};
    s.relation_score = numbers;
    CHECK(kin_store_write(in_folder("s.h5"), &s) == KIN_OK);
    add_seed_file(in_folder("s.h5"));
    s.relation_score = NULL;
    s.labels = 2, s.label_text = texts, s.query_label = rows + 3;
    s.features = 2, s.feature = numbers;
    CHECK(kin_store_write(in_folder("s.h5"), &s) == KIN_OK);
    add_seed_file(in_folder("s.h5"));
    s.labels = s.features = 0;
    s.documents = s.queries = s.relations = s.pairs = 0;
    s.texts.count = s.document_id.count = s.query_id.count = 0;
    s.source.start = NULL;
    CHECK(kin_store_write(in_folder("s.h5"), &s) == KIN_OK);
    add_seed_file(in_folder("s.h5"));
}

/* Another offset or number of rows for one dataset: near what it was, or the file's size. */
static void change_extent(uint8_t *bytes, size_t size, unsigned seed)
{
    uint64_t value;
    uint8_t *at = bytes + extent_at(seed / 2 % DATASETS) + 8 * (seed % 2);
    memcpy(&value, at, sizeof value);
    const uint64_t step = (uint64_t)1 << seed / 64 % 8;
    value = seed / 512 % 16 == 0 ? size - step : seed / 32 % 2 ? value + step : value - step;
    memcpy(at, &value, sizeof value);
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    if (size >= KIN_STORE_BLOCK && seed % 3 == 0) change_extent(bytes, size, seed / 3);
    else size = LLVMFuzzerMutate(bytes, size, room);
    if (size >= KIN_STORE_BLOCK && seed % 16) put_number(bytes, SEAL_VERSION, KIN_STORE_VERSION);
    return size;
}

static void check_texts(const kin_texts *texts)
{
    for (int64_t i = 0; i < texts->count; i++)
        sum_bytes(kin_text(texts, i), (size_t)kin_text_size(texts, i));
}

static void check_row(const kin_store *s, int32_t text)
{
    CHECK(text >= 0 && text < s->texts.count && kin_text_size(&s->texts, text) >= 0);
}

static void check(const kin_store *s)
{
    check_texts(&s->texts), check_texts(&s->document_id);
    check_texts(&s->query_id), check_texts(&s->source);
    CHECK(s->document_id.count == s->documents && s->query_id.count == s->queries);
    for (int64_t i = 0; i < s->documents; i++) check_row(s, s->document_text[i]);
    for (int64_t i = 0; i < s->queries; i++) {
        check_row(s, s->query_text[i]);
        CHECK(s->query_split[i] < KIN_SPLITS);
    }
    for (int64_t i = 0; i < s->labels; i++) check_row(s, s->label_text[i]);
    for (int64_t i = 0; i < s->queries && s->labels; i++)
        CHECK(s->query_label[i] >= 0 && s->query_label[i] < s->labels);
    for (int64_t i = 0; i < s->queries * s->features; i++)
        CHECK(s->feature[i] >= -FLT_MAX && s->feature[i] <= FLT_MAX);
    for (int64_t i = 0; i < s->relations; i++) {
        if (s->relation_score)
            CHECK(s->relation_score[i] >= 0 && s->relation_score[i] <= 1);
        check_row(s, s->query_text[s->relation[3 * i]]);
        check_row(s, s->document_text[s->relation[3 * i + 1]]);
        CHECK(s->relation[3 * i + 2] >= 0);
    }
    for (int64_t k = 0; k < s->source.count; k++)
        for (int64_t i = s->source_start[k]; i < s->source_start[k + 1]; i++) {
            check_row(s, s->pair[3 * i]);
            check_row(s, s->pair[3 * i + 1]);
            check_row(s, s->document_text[s->pair[3 * i + 2]]);
        }
}

/* HDF5 is slow, so only some. The copy of the copy is the same file. */
static void write_back(const kin_store *s)
{
    kin_store *again;
    const char *copy = in_folder("b.h5"), *copy_too = in_folder("c.h5");
    if (s->checksum % 64) return;
    CHECK(kin_store_write(copy, s) == KIN_OK);
    CHECK(kin_store_open(&again, copy) == KIN_OK);
    CHECK(again->texts.count == s->texts.count && again->pairs == s->pairs);
    CHECK(memcmp(again->pair, s->pair, 12 * (size_t)s->pairs) == 0);
    CHECK(kin_store_write(copy_too, again) == KIN_OK);
    check_same_file(copy, copy_too);
    kin_store_close(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_store *store;
    char *copy = malloc(size + 1);
    memcpy(copy, bytes, size);
    if (size >= KIN_STORE_BLOCK) reseal(copy, size);
    const char *path = write_bytes(in_folder("a.h5"), copy, size);
    free(copy);
    if (!accepted(kin_store_open(&store, path), KIN_DATA)) return 0;
    check(store);
    write_back(store);
    kin_store_close(store);
    return 0;
}
