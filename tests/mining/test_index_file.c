/* Index files: read back as they were written; cut short, flipped, or with a right checksum and
 * wrong insides they are refused. KIN_FLIPS: how many flips (10,000 by hand). */
#include <unistd.h>
#include "tests/cpu/common.h"
#include "core/file.h"
#include "mining/graph.h"
#include "mining/index.h"

enum { ROWS = 70, COLS = 6, K = 5, STEP = 64 };

static char folder[64], path[96], damaged[96];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/kin-index-%ld", (long)getpid());
    snprintf(path, sizeof path, "%s/good.kin", folder);
    snprintf(damaged, sizeof damaged, "%s/bad.kin", folder);
    return kin_folder_make(folder) != KIN_OK;
}

static int drop_folder(void **state)
{
    (void)state;
    return kin_folder_remove(folder) != KIN_OK;
}

static kin_index *make_index(kin_backend *b, const char *kind, int similarity, double look)
{
    kin_index_setting s;
    kin_index *index;
    real *x = numbers(ROWS * COLS, 97);
    assert_int_equal(kin_index_defaults(&s, kind, COLS), KIN_OK);
    s.similarity = similarity;
    s.seed = 7;
    if (look > 0) assert_int_equal(kin_index_set(&s, "look", look), KIN_OK);
    assert_int_equal(kin_index_new(&index, b, &s), KIN_OK);
    assert_int_equal(kin_index_build(index, ROWS, x), KIN_OK);
    free(x);
    return index;
}

static void ask(kin_index *index, int32_t *row, real *score)
{
    const kin_index_query q = { .queries = ROWS, .k = K };
    assert_int_equal(kin_index_search(index, &q, row, score), KIN_OK);
}

static kin_status load(kin_backend *b, const char *from, kin_index **index)
{
    kin_index_file *file;
    *index = NULL;
    KIN_TRY(kin_index_file_open(&file, from));
    const kin_status status = kin_index_load(index, b, file);
    kin_index_file_close(file);
    return status;
}

static void test_round(void **state)
{
    static const char *const kinds[] = { "exact", "exact", "ivf", "hnsw" };
    const int there = kin_graph_available() ? 4 : 3;
    static const int similarities[] = { KIN_COSINE, KIN_DOT, KIN_EUCLIDEAN };
    kin_backend *b = open_cpu(2);
    (void)state;
    for (int i = 0; i < 3 * there; i++) {
        int32_t row[2][ROWS * K];
        real score[2][ROWS * K];
        kin_index_file *file;
        const kin_index_note notes[] = { { "note", "some bytes", 10 }, { "empty", "", 0 } };
        kin_index_note note;
        kin_index *again, *index = make_index(b, kinds[i % there],
                                             similarities[i / there], i % there == 1);
        ask(index, row[0], score[0]);
        assert_int_equal(kin_index_save(index, path, notes, 2), KIN_OK);
        kin_index_free(index);
        assert_int_equal(kin_index_file_open(&file, path), KIN_OK);
        assert_int_equal(kin_index_load(&again, b, file), KIN_OK);
        assert_int_equal(kin_index_file_note(file, "note", &note), KIN_OK);
        assert_int_equal(note.size, 10);
        assert_memory_equal(note.bytes, "some bytes", 10);
        assert_int_equal(kin_index_file_note(file, "empty", &note), KIN_OK);
        assert_int_equal(kin_index_file_note(file, "other", &note), KIN_DATA);
        kin_index_file_close(file);
        ask(again, row[1], score[1]);
        assert_memory_equal(row[0], row[1], sizeof row[0]);
        assert_memory_equal(score[0], score[1], sizeof score[0]);
        assert_int_equal(kin_index_settings(again)->seed, 7);
        assert_int_equal(kin_index_save(again, damaged, notes, 2), KIN_OK);
        kin_map one, two;
        assert_int_equal(kin_file_map(path, &one), KIN_OK);
        assert_int_equal(kin_file_map(damaged, &two), KIN_OK);
        assert_int_equal(one.size, two.size);
        assert_memory_equal(one.bytes, two.bytes, one.size);
        kin_file_unmap(&one), kin_file_unmap(&two);
        kin_index_free(again);
    }
    close_cpu(b);
}

static void put_file(const char *bytes, size_t size)
{
    FILE *f = fopen(damaged, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static void expect_refused(kin_backend *b)
{
    kin_index *index;
    assert_int_equal(load(b, damaged, &index), KIN_DATA);
    assert_non_null(strstr(kin_message(), damaged));
}

static void test_damage(void **state)
{
    static const char *const kinds[] = { "exact", "ivf", "hnsw" };
    kin_backend *b = open_cpu(1);
    const char *wish = getenv("KIN_FLIPS");
    const int flips = wish ? atoi(wish) : 300;
    (void)state;
    for (int k = 0; k < (kin_graph_available() ? 3 : 2); k++) {
        char *bytes;
        size_t size;
        kin_index *index = make_index(b, kinds[k], KIN_COSINE, 0);
        assert_int_equal(kin_index_save(index, path, NULL, 0), KIN_OK);
        kin_index_free(index);
        assert_int_equal(kin_file_read(path, &bytes, &size), KIN_OK);
        for (size_t n = 0; n < size; n += STEP) {
            put_file(bytes, n);
            expect_refused(b);
        }
        for (int i = 0; i < flips; i++) {
            const uint64_t at = kin_random_below(3, KIN_STREAM_TEST, (uint32_t)k, (uint64_t)i,
                                                 8 * size);
            bytes[at / 8] = (char)(bytes[at / 8] ^ 1 << at % 8);
            put_file(bytes, size);
            expect_refused(b);
            bytes[at / 8] = (char)(bytes[at / 8] ^ 1 << at % 8);
        }
        free(bytes);
    }
    close_cpu(b);
}

/* ---- right checksums, wrong insides ---------------------------------------------------------- */

enum { HEADER = 64, ENTRY = 48 };

static uint64_t read_whole(const char *at)
{
    uint64_t n;
    memcpy(&n, at, sizeof n);
    return n;
}

static void seal(char *bytes)
{
    uint32_t sections;
    memcpy(&sections, bytes + 12, sizeof sections);
    for (uint32_t i = 0; i < sections; i++) {
        char *e = bytes + HEADER + ENTRY * i;
        const uint64_t sum = kin_xxh64(bytes + read_whole(e + 16), read_whole(e + 24), 0);
        memcpy(e + 32, &sum, sizeof sum);
    }
    memset(bytes + 24, 0, 8);
    const uint64_t sum = kin_xxh64(bytes, HEADER + ENTRY * (size_t)sections, 0);
    memcpy(bytes + 24, &sum, sizeof sum);
}

/* Every number of settings, counts and lists becomes a bad one; rows become NaN. */
static void damage_inside(kin_backend *b, const char *kind)
{
    static const int64_t strange[] = { -1, INT64_MIN, INT64_MAX, 1ll << 31, 1ll << 62, 71, 0 };
    char *bytes;
    size_t size;
    uint32_t sections;
    int refused = 0, loaded = 0;
    kin_index *index = make_index(b, kind, KIN_EUCLIDEAN, 0);
    assert_int_equal(kin_index_save(index, path, NULL, 0), KIN_OK);
    kin_index_free(index);
    assert_int_equal(kin_file_read(path, &bytes, &size), KIN_OK);
    memcpy(&sections, bytes + 12, sizeof sections);
    for (uint32_t s = 0; s < sections; s++) {
        const char *e = bytes + HEADER + ENTRY * s;
        const size_t first = read_whole(e + 16), n = read_whole(e + 24);
        for (size_t at = first; at + 8 <= first + n && at < first + 400; at += 8)
            for (size_t v = 0; v < sizeof strange / sizeof *strange; v++) {
                char kept[8];
                memcpy(kept, bytes + at, 8);
                memcpy(bytes + at, &strange[v], 8);
                seal(bytes);
                put_file(bytes, size);
                const kin_status status = load(b, damaged, &index);
                assert_true(status == KIN_OK || status == KIN_DATA);
                refused += status != KIN_OK, loaded += status == KIN_OK;
                if (!status) {
                    int32_t row[ROWS * K];
                    real score[ROWS * K];
                    const kin_index_query q = { .queries = kin_index_rows(index), .k = K };
                    assert_true(q.queries <= ROWS);
                    assert_int_equal(kin_index_search(index, &q, row, score), KIN_OK);
                }
                kin_index_free(index);
                memcpy(bytes + at, kept, 8);
            }
    }
    assert_true(refused > 300 && loaded > 0);
    seal(bytes);
    put_file(bytes, size);
    assert_int_equal(load(b, damaged, &index), KIN_OK);
    kin_index_free(index);
    free(bytes);
}

static void test_sealed(void **state)
{
    kin_backend *b = open_cpu(1);
    (void)state;
    damage_inside(b, "ivf");
    if (kin_graph_available()) damage_inside(b, "hnsw");
    close_cpu(b);
}

/* What libxxhash gives. */
static void test_sum(void **state)
{
    (void)state;
    assert_true(kin_xxh64("", 0, 0) == 0xEF46DB3751D8E999u);
    assert_true(kin_xxh64("a", 1, 0) == 0xD24EC4F1A98C6E5Bu);
    assert_true(kin_xxh64("abc", 3, 0) == 0x44BC2CF5AD770999u);
    assert_true(kin_xxh64("Nobody inspects the spammish repetition", 39, 0)
                == 0xFBCEA83C8A378BF1u);
}

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(test_round), TEST(test_damage), TEST(test_sealed),
                                        TEST(test_sum) };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
