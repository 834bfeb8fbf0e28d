/* Index files: an index that loads answers with rows that it has, and is the same after being
 * written back. The mutator makes the checksums right again, because damage behind a wrong one would
 * never be looked at. */
#include <math.h>
#include "tests/fuzz/fuzz.h"
#include "core/hash.h"
#include "cpu/cpu.h"
#include "mining/graph.h"
#include "mining/index.h"

enum { ROWS = 21, COLS = 3, K = 4, HEADER = 64, ENTRY = 48 };

static kin_backend *backend(void)
{
    static kin_backend *made;
    if (made) return made;
    setenv("KIN_BLAS", "none", 1);             /* our own product is what the sanitizers see */
    CHECK(kin_cpu_new(&made, NULL) == KIN_OK);
    return made;
}

static void add_index(const char *kind, int similarity, double look)
{
    kin_index_setting s;
    kin_index *index;
    real x[ROWS * COLS];
    const kin_index_note note = { "note", "kept", 4 };
    for (int i = 0; i < ROWS * COLS; i++) x[i] = (real)(i * 37 % 101 - 50) / 16;
    CHECK(kin_index_defaults(&s, kind, COLS) == KIN_OK);
    s.similarity = similarity;
    if (look > 0) CHECK(kin_index_set(&s, "look", look) == KIN_OK);
    CHECK(kin_index_new(&index, backend(), &s) == KIN_OK);
    CHECK(kin_index_build(index, ROWS, x) == KIN_OK);
    CHECK(kin_index_save(index, in_folder("s"), &note, 1) == KIN_OK);
    kin_index_free(index);
    add_seed_file(in_folder("s"));
}

static void seeds(void)
{
    add_index("exact", KIN_COSINE, 0);
    add_index("exact", KIN_EUCLIDEAN, 1);
    add_index("ivf", KIN_DOT, 0);
    add_index("ivf", KIN_EUCLIDEAN, 0);
    if (kin_graph_available()) add_index("hnsw", KIN_COSINE, 0);
}

/* ---- damage behind checksums ----------------------------------------------------------------- */

static uint64_t whole_at(const uint8_t *at)
{
    uint64_t n;
    memcpy(&n, at, sizeof n);
    return n;
}

static void seal(uint8_t *bytes, size_t size)
{
    uint32_t sections;
    if (size < HEADER) return;
    memcpy(&sections, bytes + 12, sizeof sections);
    if (sections > (size - HEADER) / ENTRY) return;
    const uint64_t length = size;
    memcpy(bytes + 16, &length, sizeof length);
    for (uint32_t i = 0; i < sections; i++) {
        uint8_t *e = bytes + HEADER + ENTRY * i;
        const uint64_t at = whole_at(e + 16), n = whole_at(e + 24);
        if (at > size || n > size - at) continue;
        const uint64_t sum = kin_xxh64(bytes + at, n, 0);
        memcpy(e + 32, &sum, sizeof sum);
    }
    memset(bytes + 24, 0, 8);
    const uint64_t sum = kin_xxh64(bytes, HEADER + ENTRY * (size_t)sections, 0);
    memcpy(bytes + 24, &sum, sizeof sum);
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t room, unsigned seed)
{
    size = LLVMFuzzerMutate(bytes, size, room);
    if (seed % 8) seal(bytes, size);
    return size;
}

/* ---- what is accepted ------------------------------------------------------------------------ */

/* Few of its rows ask for their neighbours. */
static void check(kin_index *index)
{
    const int64_t rows = kin_index_rows(index);
    const kin_index_query q = { .queries = rows < 50 ? rows : 50, .k = K };
    int32_t row[50 * K];
    real score[50 * K];
    CHECK(kin_index_search(index, &q, row, score) == KIN_OK);
    for (int64_t i = 0; i < q.queries * K; i++) {
        CHECK(row[i] >= -1 && row[i] < rows && row[i] != i / K);
        CHECK(row[i] < 0 ? isinf(score[i]) : isfinite(score[i]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    kin_index_file *file;
    kin_index *index, *again;
    const char *path = write_bytes(in_folder("a"), bytes, size), *copy = in_folder("b");
    if (!accepted(kin_index_file_open(&file, path), KIN_DATA)) return 0;
    const bool loaded = accepted(kin_index_load(&index, backend(), file), KIN_DATA);
    kin_index_file_close(file);
    if (!loaded) return 0;
    check(index);
    CHECK(kin_index_save(index, copy, NULL, 0) == KIN_OK);
    CHECK(kin_index_file_open(&file, copy) == KIN_OK);
    CHECK(kin_index_load(&again, backend(), file) == KIN_OK);
    kin_index_file_close(file);
    CHECK(kin_index_save(again, in_folder("c"), NULL, 0) == KIN_OK);
    check_same_file(copy, in_folder("c"));
    kin_index_free(index);
    kin_index_free(again);
    return 0;
}
