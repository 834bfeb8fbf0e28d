/* Files with a right checksum and wrong insides: a good store in which something was changed before
 * it was sealed again. */
#include "tests/data/stores.h"

#if !__has_include(<hdf5.h>)

int main(void)
{
    print_message("kin was built without HDF5: nothing to test\n");
    return 77;
}

#else

#include <hdf5.h>
#include "core/rng.h"
#include "data/store.h"
#include "tests/data/reseal.h"

/* ---- values that point anywhere -------------------------------------------------------------- */

enum { DOCUMENTS = 40, QUERIES = 30, TEXTS = 100 };

static void write_random_store(const char *name)
{
    static int64_t start[TEXTS + 1], id_start[TEXTS + 1];
    static int32_t texts[TEXTS], rows[3 * QUERIES];
    static uint8_t split[QUERIES];
    static char bytes[4 * TEXTS], ids[3 * TEXTS];
    memset(bytes, 'a', sizeof bytes);
    memset(ids, 'i', sizeof ids);
    for (int i = 0; i <= TEXTS; i++) {
        start[i] = 4 * i;
        id_start[i] = 3 * i;
    }
    for (int i = 0; i < QUERIES; i++) {
        texts[i] = i;
        for (int k = 0; k < 3; k++) rows[3 * i + k] = i;
        split[i] = (uint8_t)(i % 3);
    }
    const kin_store s = {
        .texts = {TEXTS, bytes, start},
        .documents = DOCUMENTS, .document_text = texts, .document_id = {DOCUMENTS, ids, id_start},
        .queries = QUERIES, .query_text = texts, .query_id = {QUERIES, ids, id_start},
        .query_split = split, .relations = QUERIES, .relation = rows, .pairs = QUERIES,
        .pair = rows,
    };
    expect_ok(kin_store_write(in_folder(name), &s));
}

/* Touches everything that a store points to. */
static uint64_t walk_texts(const kin_texts *texts)
{
    uint64_t sum = 0;
    for (int64_t i = 0; i < texts->count; i++)
        for (int64_t k = 0; k < kin_text_size(texts, i); k++)
            sum += (unsigned char)kin_text(texts, i)[k];
    return sum;
}

static uint64_t walk(const kin_store *s)
{
    uint64_t sum = walk_texts(&s->texts) + walk_texts(&s->document_id) +
                   walk_texts(&s->query_id) + walk_texts(&s->source);
    for (int64_t i = 0; i < s->documents; i++)
        sum += (uint64_t)kin_text_size(&s->texts, s->document_text[i]);
    for (int64_t i = 0; i < s->queries; i++)
        sum += (uint64_t)kin_text_size(&s->texts, s->query_text[i]) + s->query_split[i];
    for (int64_t i = 0; i < s->relations; i++)
        sum += (uint64_t)s->query_text[s->relation[3 * i]] +
               (uint64_t)s->document_text[s->relation[3 * i + 1]];
    for (int64_t i = 0; i < s->pairs; i++)
        sum += (uint64_t)kin_text_size(&s->texts, s->pair[3 * i]) +
               (uint64_t)s->document_text[s->pair[3 * i + 2]];
    for (int64_t i = 0; i < s->source.count; i++)
        for (int64_t k = s->source_start[i]; k < s->source_start[i + 1]; k++)
            sum += (uint64_t)s->pair[3 * k];
    return sum;
}

/* A random byte of the arrays becomes another one; the file is sealed again. */
static void changed_values_are_refused_or_harmless(void **state)
{
    (void)state;
    char *bytes;
    size_t size;
    int refused = 0;
    kin_store *store;
    write_random_store("values.h5");
    expect_ok(kin_store_open(&store, in_folder("values.h5")));
    const char *from = store->map.bytes, *arrays[] = {
        (const char *)store->texts.start, (const char *)store->document_text,
        (const char *)store->document_id.start, (const char *)store->query_text,
        (const char *)store->query_id.start, (const char *)store->query_split,
        (const char *)store->relation, (const char *)store->pair, (const char *)store->source_start,
        (const char *)store->source.start, store->document_id.bytes};
    size_t offset[11];
    for (int i = 0; i < 11; i++) offset[i] = (size_t)(arrays[i] - from);
    const uint64_t sum = walk(store);
    kin_store_close(store);
    expect_ok(kin_file_read(in_folder("values.h5"), &bytes, &size));
    for (uint64_t i = 0; i < 2000; i++) {
        const size_t array = kin_random_below(1, KIN_STREAM_TEST, 0, 3 * i, 11);
        const size_t within = array == 9 || array == 8 ? 16 : 30;
        const size_t at =
            offset[array] + kin_random_below(1, KIN_STREAM_TEST, 0, 3 * i + 1, within);
        const char was = bytes[at];
        bytes[at] = (char)kin_random(1, KIN_STREAM_TEST, 0, 3 * i + 2);
        reseal(bytes, size);
        const kin_status status =
            kin_store_open(&store, write_bytes("changed.h5", bytes, size));
        assert_true(status == KIN_OK || status == KIN_DATA);
        refused += status == KIN_DATA;
        if (status == KIN_OK) assert_true(walk(store) < 2 * sum + 100000);
        kin_store_close(store);
        bytes[at] = was;
    }
    assert_in_range(refused, 1000, 1990);
    free(bytes);
}

/* ---- the block, and what HDF5 wrote ---------------------------------------------------------- */

static kin_status open_changed(char *bytes, size_t size, kin_store **store)
{
    reseal(bytes, size);
    return kin_store_open(store, write_bytes("changed.h5", bytes, size));
}

/* What kin reads by the block is what any other program reads by name. */
static void hdf5_finds_the_same(void **state)
{
    (void)state;
    kin_store *store;
    write_random_store("same.h5");
    expect_ok(kin_store_open(&store, in_folder("same.h5")));
    const struct { const char *name; const void *data; int64_t rows; int columns; } known[] = {
        {"text_start", store->texts.start, TEXTS + 1, 1},
        {"text_bytes", store->texts.bytes, 4 * TEXTS, 1},
        {"document_text", store->document_text, DOCUMENTS, 1},
        {"query_split", store->query_split, QUERIES, 1},
        {"relation", store->relation, QUERIES, 3}, {"pair", store->pair, QUERIES, 3},
        {"source_id_bytes", store->source.bytes, 5, 1}};
    const hid_t file = H5Fopen(in_folder("same.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        hsize_t size[2] = {0, 1};
        const hid_t dataset = H5Dopen2(file, known[i].name, H5P_DEFAULT);
        const hid_t space = H5Dget_space(dataset);
        assert_true(dataset >= 0 && H5Sget_simple_extent_dims(space, size, NULL) > 0);
        assert_ptr_equal(store->map.bytes + H5Dget_offset(dataset), known[i].data);
        assert_int_equal(size[0], known[i].rows);
        assert_int_equal(size[1], known[i].columns);
        H5Sclose(space);
        H5Dclose(dataset);
    }
    H5Fclose(file);
    kin_store_close(store);
}

static void extents_must_lie_within_the_file(void **state)
{
    (void)state;
    char *bytes, words[200];
    size_t size;
    kin_store *store;
    write_random_store("extent.h5");
    expect_ok(kin_file_read(in_folder("extent.h5"), &bytes, &size));
    const uint64_t offsets[] = {0, 511, size, size + 8, size - 8, UINT64_MAX, UINT64_MAX - 7,
                                1 << 20, 4096 + 4};
    char *const at = bytes + extent_at(TEXT_START);
    char was[16];
    memcpy(was, at, sizeof was);
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        put_number(at, 0, offsets[i]);
        snprintf(words, sizeof words, "dataset text_start of 101 rows at byte %llu does not lie",
                 (unsigned long long)offsets[i]);
        expect_failure(open_changed(bytes, size, &store), KIN_DATA, words);
    }
    memcpy(at, was, sizeof was);
    const uint64_t rows[] = {UINT64_MAX, UINT64_MAX / 8 + 2, (uint64_t)1 << 61, size};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        put_number(at, 8, rows[i]);
        expect_failure(open_changed(bytes, size, &store), KIN_DATA, "does not lie within");
    }
    put_number(at, 8, 100);
    expect_failure(open_changed(bytes, size, &store), KIN_DATA, "do not fit together");
    put_number(at, 8, 0);
    expect_failure(open_changed(bytes, size, &store), KIN_DATA, "do not fit together");
    memcpy(at, was, sizeof was);
    expect_ok(open_changed(bytes, size, &store));
    kin_store_close(store);
    free(bytes);
}

static void older_versions_are_refused(void **state)
{
    (void)state;
    char *bytes;
    size_t size;
    kin_store *store;
    write_random_store("version.h5");
    expect_ok(kin_file_read(in_folder("version.h5"), &bytes, &size));
    put_number(bytes, SEAL_VERSION, 1);
    expect_failure(open_changed(bytes, size, &store), KIN_DATA,
                   "store format version 1, this kin reads version 2; import the data anew");
    free(bytes);
}

/* HDF5's own part of the file, which crashes HDF5 when it is damaged, is nothing to kin. */
static void what_hdf5_wrote_is_not_read(void **state)
{
    (void)state;
    char *bytes;
    size_t size;
    kin_store *store;
    write_random_store("structure.h5");
    expect_ok(kin_store_open(&store, in_folder("structure.h5")));
    const uint64_t sum = walk(store);
    const size_t first = (size_t)((const char *)store->texts.start - store->map.bytes);
    kin_store_close(store);
    expect_ok(kin_file_read(in_folder("structure.h5"), &bytes, &size));
    assert_memory_equal(bytes + KIN_STORE_BLOCK, "\x89HDF", 4);
    memset(bytes + KIN_STORE_BLOCK, 0xA5, first - KIN_STORE_BLOCK);
    expect_ok(open_changed(bytes, size, &store));
    assert_true(walk(store) == sum);
    kin_store_close(store);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_values_are_refused_or_harmless),
        cmocka_unit_test(hdf5_finds_the_same),
        cmocka_unit_test(extents_must_lie_within_the_file),
        cmocka_unit_test(older_versions_are_refused),
        cmocka_unit_test(what_hdf5_wrote_is_not_read),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}

#endif
