/* Indexes against sorting all similarities: every kind, similarity, instruction set and number of
 * threads; what is left out; rows that are added; what was learned and is used again. */
#include "tests/cpu/common.h"
#include "mining/graph.h"
#include "mining/index.h"

enum { ROWS = 400, COLS = 12, QUERIES = 37, K = 8, CENTRES = 20 };
static const int similarities[] = { KIN_COSINE, KIN_DOT, KIN_EUCLIDEAN };

/* Points around centres, some of them twice, one of zeros. */
static void make_points(real *x, int64_t rows, uint32_t which)
{
    real *centre = numbers(CENTRES * COLS, 90), *noise = numbers(rows * COLS, which);
    for (int64_t i = 0; i < rows * COLS; i++)
        x[i] = centre[i / COLS % CENTRES * COLS + i % COLS] + noise[i] / 2;
    if (rows > 60) memcpy(x + 50 * COLS, x + 10 * COLS, COLS * sizeof *x);
    if (rows > 60) memset(x + 60 * COLS, 0, COLS * sizeof *x);
    free(centre), free(noise);
}

/* ---- the truth ----------------------------------------------------------------------------- */

static double similarity_of(int similarity, const real *a, const real *b)
{
    double dot = 0, square[2] = { 0, 0 }, distance = 0;
    for (int c = 0; c < COLS; c++) {
        const double x = (double)a[c], y = (double)b[c];
        dot += x * y, square[0] += x * x, square[1] += y * y, distance += (x - y) * (x - y);
    }
    if (similarity == KIN_DOT) return dot;
    if (similarity == KIN_EUCLIDEAN) return 1 - distance / 2;
    return square[0] > 0 && square[1] > 0 ? dot / sqrt(square[0] * square[1]) : 0;
}

typedef struct { double score; int32_t row; } hit;

static int by_rank(const void *a, const void *b)
{
    const hit *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static bool is_skipped(const kin_index_query *q, int64_t i, int64_t row)
{
    if (!q->x && row == q->first + i) return true;
    for (int64_t s = q->skip_start ? q->skip_start[i] : 0;
         q->skip_start && s < q->skip_start[i + 1]; s++)
        if (q->skip[s] == row) return true;
    return false;
}

/* Scores rank by rank, the rows' own scores, nobody twice and nobody who is left out. Of many
 * queries some are looked at. */
static void look_found(int similarity, int64_t rows, const real *x, const kin_index_query *q,
                       const int32_t *row, const real *score, bool all)
{
    hit *truth = malloc((size_t)rows * sizeof *truth);
    for (int64_t i = 0; i < q->queries; i += q->queries > 500 ? 17 : 1) {
        const real *query = q->x ? q->x + i * COLS : x + (q->first + i) * COLS;
        int64_t n = 0;
        for (int64_t r = 0; r < rows; r++)
            if (!is_skipped(q, i, r))
                truth[n++] = (hit){ similarity_of(similarity, query, x + r * COLS), (int32_t)r };
        qsort(truth, (size_t)n, sizeof *truth, by_rank);
        for (int64_t h = 0; h < q->k; h++) {
            const int32_t found = row[i * q->k + h];
            const double got = (double)score[i * q->k + h];
            if (all) assert_int_equal(found < 0, h >= n);
            if (found < 0) {
                assert_true(isinf(got) && got < 0);
                continue;
            }
            assert_in_range(found, 0, rows - 1);
            assert_false(is_skipped(q, i, found));
            const double own = similarity_of(similarity, query, x + found * COLS);
            assert_near(got, own, 3e-5 * (1 + fabs(own)));
            if (all) assert_near(got, truth[h].score, 3e-5 * (1 + fabs(own)));
            if (h > 0) assert_true(score[i * q->k + h - 1] >= score[i * q->k + h]);
            for (int64_t o = 0; o < h; o++) assert_int_not_equal(row[i * q->k + o], found);
        }
    }
    free(truth);
}

/* ---- kinds --------------------------------------------------------------------------------- */

static const struct { const char *name, *hyper[2]; double value[2]; bool all; } kinds[] = {
    { "exact", { NULL }, { 0 }, true },
    { "exact", { "look", "factor" }, { 1, 4 }, true },
    { "ivf", { "probes", "factor" }, { 1e6, 4 }, true },
    { "ivf", { "recall", "lists" }, { 0.9, 15 }, false },
    { "hnsw", { "links", "ef" }, { 8, 60 }, false },
};
enum { KINDS = 5, OUT = KINDS * 3 * 4 * QUERIES * K * 2 };

static int kinds_there(void) { return kin_graph_available() ? KINDS : KINDS - 1; }

static kin_index *open_index(kin_backend *b, int kind, int similarity)
{
    kin_index_setting s;
    kin_index *index;
    assert_int_equal(kin_index_defaults(&s, kinds[kind].name, COLS), KIN_OK);
    for (int h = 0; h < 2 && kinds[kind].hyper[h]; h++) {
        const double value = kinds[kind].value[h] > 1e5 ? 1 << 20 : kinds[kind].value[h];
        assert_int_equal(kin_index_set(&s, kinds[kind].hyper[h], value), KIN_OK);
    }
    s.similarity = similarity;
    assert_int_equal(kin_index_new(&index, b, &s), KIN_OK);
    return index;
}

static void search(kin_index *index, const kin_index_query *q, int similarity, const real *x,
                   bool look, bool all, real *out)
{
    int32_t *row = malloc((size_t)(q->queries * q->k) * sizeof *row);
    real *score = malloc((size_t)(q->queries * q->k) * sizeof *score);
    assert_int_equal(kin_index_search(index, q, row, score), KIN_OK);
    if (look) look_found(similarity, kin_index_rows(index), x, q, row, score, all);
    for (int64_t i = 0; i < q->queries * q->k; i++) {
        out[2 * i] = (real)row[i];
        out[2 * i + 1] = score[i];
    }
    free(row), free(score);
}

/* Rows to be left out: of query i i's multiples, so that some have many and some none. */
static void make_skips(int64_t *start, int32_t *skip)
{
    start[0] = 0;
    for (int64_t i = 0; i < QUERIES; i++) {
        start[i + 1] = start[i];
        for (int32_t r = 0; i % 3 && r < ROWS; r += 7 + (int32_t)i) skip[start[i + 1]++] = r;
    }
}

static void finds(kin_backend *b, bool look, real *out)
{
    real *x = malloc(ROWS * COLS * sizeof *x), *q = malloc(QUERIES * COLS * sizeof *q);
    int64_t start[QUERIES + 1];
    int32_t skip[QUERIES * ROWS / 7];
    make_points(x, ROWS, 91);
    make_points(q, QUERIES, 92);
    make_skips(start, skip);
    for (int kind = 0; kind < kinds_there(); kind++)
        for (int s = 0; s < 3; s++) {
            const kin_index_query asked[] = {
                { .queries = QUERIES, .k = K, .x = q },
                { .queries = QUERIES, .k = K, .x = q, .skip_start = start, .skip = skip },
                { .queries = QUERIES, .first = 40, .k = K },
                { .queries = QUERIES, .first = ROWS - QUERIES, .k = K, .skip_start = start,
                  .skip = skip },
            };
            kin_index *index = open_index(b, kind, similarities[s]);
            assert_int_equal(kin_index_build(index, ROWS - 90, x), KIN_OK);
            assert_int_equal(kin_index_append(index, 90, x + (ROWS - 90) * COLS), KIN_OK);
            for (int a = 0; a < 4; a++, out += QUERIES * K * 2)
                search(index, &asked[a], similarities[s], x, look, kinds[kind].all, out);
            kin_index_free(index);
        }
    free(x), free(q);
}

static void test_finds(void **state)
{
    (void)state;
    for_each_cpu(finds, OUT);
}

/* ---- rows against rows ---------------------------------------------------------------------- */

enum { MANY = 2100 };

static void neighbours(kin_backend *b, bool look, real *out)
{
    real *x = malloc(MANY * COLS * sizeof *x);
    make_points(x, MANY, 93);
    for (int kind = 1; kind < 3; kind++) {
        kin_index *index = open_index(b, kind, KIN_EUCLIDEAN);
        const kin_index_query q = { .queries = MANY, .k = 3 };
        assert_int_equal(kin_index_build(index, MANY, x), KIN_OK);
        search(index, &q, KIN_EUCLIDEAN, x, look, true, out);
        out += MANY * 3 * 2;
        kin_index_free(index);
    }
    free(x);
}

static void test_neighbours(void **state)
{
    (void)state;
    for_each_cpu(neighbours, 2 * MANY * 3 * 2);
}

/* ---- few rows, none, wrong ones -------------------------------------------------------------- */

static void test_corners(void **state)
{
    kin_backend *b = open_cpu(2);
    real x[3 * COLS], score[6];
    int32_t row[6];
    double recall;
    (void)state;
    make_points(x, 3, 94);
    for (int kind = 0; kind < kinds_there(); kind++) {
        kin_index *index = open_index(b, kind, KIN_COSINE);
        kin_index_query q = { .queries = 1, .k = 6, .x = x };
        assert_int_equal(kin_index_search(index, &q, row, score), KIN_OK);
        assert_int_equal(row[0], -1);
        assert_int_equal(kin_index_build(index, 0, x), KIN_OK);
        assert_int_equal(kin_index_search(index, &q, row, score), KIN_OK);
        assert_int_equal(kin_index_append(index, 3, x), KIN_OK);
        assert_int_equal(kin_index_search(index, &q, row, score), KIN_OK);
        if (kinds[kind].all) {
            look_found(KIN_COSINE, 3, x, &q, row, score, true);
            assert_int_equal(row[0], 0);
        }
        assert_int_equal(kin_index_recall(index, 10, 5, &recall), KIN_OK);
        assert_true(recall > 0 && recall <= 1);
        q.k = 0;
        assert_int_equal(kin_index_search(index, &q, row, score), KIN_USAGE);
        q = (kin_index_query){ .queries = 2, .first = 2, .k = 1 };
        assert_int_equal(kin_index_search(index, &q, row, score), KIN_USAGE);
        x[COLS + 3] = (real)NAN;
        assert_int_equal(kin_index_append(index, 3, x), KIN_NUMERICAL);
        assert_non_null(strstr(kin_message(), "row 1"));
        assert_int_equal(kin_index_rows(index), 3);
        q = (kin_index_query){ .queries = 3, .k = 1, .x = x };
        assert_int_equal(kin_index_search(index, &q, row, score), KIN_NUMERICAL);
        x[COLS + 3] = 1;
        kin_index_free(index);
    }
    close_cpu(b);
}

/* Built again with other rows, an index finds those; ivf goes on from what it learned before. */
static void test_again(void **state)
{
    kin_backend *b = open_cpu(2);
    real *x = malloc(MANY * COLS * sizeof *x);
    int32_t row[MANY];
    real score[MANY];
    double recall;
    (void)state;
    for (int kind = 0; kind < kinds_there(); kind++) {
        kin_index *index = open_index(b, kind, KIN_COSINE);
        for (uint32_t turn = 0; turn < 3; turn++) {
            const int64_t rows = turn < 2 ? MANY : 100;
            const kin_index_query q = { .queries = rows, .k = 1, .x = x };
            make_points(x, rows, 95 + turn);
            assert_int_equal(kin_index_build(index, rows, x), KIN_OK);
            assert_int_equal(kin_index_search(index, &q, row, score), KIN_OK);
            if (kinds[kind].all) look_found(KIN_COSINE, rows, x, &q, row, score, true);
            assert_int_equal(kin_index_recall(index, 200, 5, &recall), KIN_OK);
            assert_true(recall > (kinds[kind].all ? 0.99 : 0.7));
        }
        kin_index_free(index);
    }
    free(x);
    close_cpu(b);
}

/* ---- graphs ---------------------------------------------------------------------------------- */

/* The same neighbours whether rows come at once or in parts; with many links nearly all of them. */
static void test_graph_in_parts(void **state)
{
    kin_backend *b = open_cpu(3);
    real *x = malloc(MANY * COLS * sizeof *x);
    int32_t *row[2];
    real *score = malloc(MANY * K * sizeof *score);
    double recall;
    (void)state;
    make_points(x, MANY, 98);
    for (int parts = 0; parts < 2; parts++) {
        kin_index *index = open_index(b, KINDS - 1, KIN_COSINE);
        const kin_index_query q = { .queries = MANY, .k = K };
        row[parts] = malloc(MANY * K * sizeof *row[parts]);
        if (!kin_graph_available()) {
            assert_int_equal(kin_index_build(index, MANY, x), KIN_RUNTIME);
            assert_non_null(strstr(kin_message(), "without hnswlib"));
        } else {
            assert_int_equal(kin_index_build(index, parts ? 700 : MANY, x), KIN_OK);
            for (int64_t at = 700; parts && at < MANY; at += 700)
                assert_int_equal(kin_index_append(index, 700, x + at * COLS), KIN_OK);
            assert_int_equal(kin_index_search(index, &q, row[parts], score), KIN_OK);
            assert_int_equal(kin_index_recall(index, 300, 10, &recall), KIN_OK);
            assert_true(recall > 0.95);
        }
        kin_index_free(index);
    }
    if (kin_graph_available()) assert_memory_equal(row[0], row[1], MANY * K * sizeof *row[0]);
    free(x), free(row[0]), free(row[1]), free(score);
    close_cpu(b);
}

RUN(TEST(test_finds), TEST(test_neighbours), TEST(test_corners), TEST(test_again),
    TEST(test_graph_in_parts))
