/* Files with a right checksum and wrong insides: made with HDF5 directly, or a good store in which
 * values were changed before it was sealed again. */
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
#include "data/store_file.h"

/* ---- datasets that are not as they must be --------------------------------------------------- */

static hid_t create(const char *name)
{
    const hid_t plist = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_userblock(plist, KIN_STORE_BLOCK);
    const hid_t file = H5Fcreate(in_folder(name), H5F_ACC_TRUNC, plist, H5P_DEFAULT);
    assert_true(file >= 0);
    H5Pclose(plist);
    return file;
}

static void seal(const char *name)
{
    char *bytes;
    size_t size;
    expect_ok(kin_file_read(in_folder(name), &bytes, &size));
    kin_block_seal(bytes, size);
    write_bytes(name, bytes, size);
    free(bytes);
}

static void expect_refused(hid_t file, const char *name, const char *words)
{
    kin_store *store;
    H5Fclose(file);
    seal(name);
    expect_failure(kin_store_open(&store, in_folder(name)), KIN_DATA, words);
}

/* The first dataset that a store needs, in an odd way. */
static void add_text_start(hid_t file, hid_t plist, hid_t type, int rank)
{
    const hsize_t size[2] = {8, 1};
    const int64_t zeros[8] = {0};
    const hid_t space = H5Screate_simple(rank, size, NULL);
    const hid_t set = H5Dcreate2(file, "text_start", type, space, H5P_DEFAULT, plist, H5P_DEFAULT);
    assert_true(set >= 0);
    assert_true(H5Dwrite(set, H5T_STD_I64LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros) >= 0);
    H5Dclose(set);
    H5Sclose(space);
}

static void chunked_and_compact_are_refused(void **state)
{
    (void)state;
    const hsize_t chunk[1] = {4};
    const hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(plist, 1, chunk);
    hid_t file = create("chunked.h5");
    add_text_start(file, plist, H5T_STD_I64LE, 1);
    expect_refused(file, "chunked.h5", "dataset text_start is chunked or compact, not contiguous");
    H5Pset_layout(plist, H5D_COMPACT);
    file = create("compact.h5");
    add_text_start(file, plist, H5T_STD_I64LE, 1);
    expect_refused(file, "compact.h5", "not contiguous");
    H5Pclose(plist);
}

static void other_types_and_shapes_are_refused(void **state)
{
    (void)state;
    hid_t file = create("type.h5");
    add_text_start(file, H5P_DEFAULT, H5T_STD_I32LE, 1);
    expect_refused(file, "type.h5", "dataset text_start has another type");
    file = create("order.h5");
    add_text_start(file, H5P_DEFAULT, H5T_STD_I64BE, 1);
    expect_refused(file, "order.h5", "dataset text_start has another type");
    file = create("rank.h5");
    add_text_start(file, H5P_DEFAULT, H5T_STD_I64LE, 2);
    expect_refused(file, "rank.h5", "wrong number of dimensions");
    expect_refused(create("none.h5"), "none.h5", "dataset text_start is missing");
}

static void other_files_are_not_read(void **state)
{
    (void)state;
    const hid_t plist = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(plist, in_folder("values.bin"), 0, 64);
    hid_t file = create("external.h5");
    add_text_start(file, plist, H5T_STD_I64LE, 1);
    expect_refused(file, "external.h5", "dataset text_start has its values in another file");
    H5Pclose(plist);
    file = create("linked.h5");
    H5Lcreate_external("external.h5", "text_start", file, "text_start", H5P_DEFAULT, H5P_DEFAULT);
    expect_refused(file, "linked.h5", "dataset text_start is missing");
}

static void what_is_not_hdf5_is_refused(void **state)
{
    (void)state;
    kin_store *store;
    char bytes[2000] = {0};
    kin_block_seal(bytes, sizeof bytes);
    expect_failure(kin_store_open(&store, write_bytes("zeros.h5", bytes, sizeof bytes)), KIN_DATA,
                   "zeros.h5: HDF5 cannot read it");
    bytes[16] = 2;
    expect_failure(kin_store_open(&store, write_bytes("two.h5", bytes, sizeof bytes)), KIN_DATA,
                   "checksum");
}

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
        kin_block_seal(bytes, size);
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

int main(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunked_and_compact_are_refused),
        cmocka_unit_test(other_types_and_shapes_are_refused),
        cmocka_unit_test(other_files_are_not_read),
        cmocka_unit_test(what_is_not_hdf5_is_refused),
        cmocka_unit_test(changed_values_are_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, make_test_folder, remove_test_folder);
}

#endif
