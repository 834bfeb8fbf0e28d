/* Search against sorting all scores: ties, duplicates, NaN, every way the work is divided. */
#include "tests/cpu/common.h"
#include "core/arena.h"

typedef struct {
    int64_t queries, documents, cols, k;
} shape;

static const shape shapes[] = {
    { 1, 1, 1, 1 }, { 3, 7, 5, 7 }, { 5, 5000, 8, 10 }, { 1, 20000, 16, 100 },
    { 130, 3000, 12, 33 }, { 300, 1500, 4, 1 }, { 2, 9000, 3, 9000 }, { 140, 1025, 7, 1000 },
};
enum { SHAPES = 8, ROOM = 150000 };

typedef struct {
    double score;
    int32_t index;
} hit;

static int by_rank(const void *a, const void *b)
{
    const hit *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

/* Small whole numbers: scores are exact, and many are equal. */
static real *whole(int64_t n, uint32_t which)
{
    real *x = malloc((size_t)(n + 1) * sizeof *x);
    for (int64_t i = 0; i < n; i++) {
        x[i] = (real)kin_random_below(6, KIN_STREAM_TEST, which, (uint64_t)i, 7) - 3;
    }
    return x;
}

static void look_search(const shape *s, const real *q, const real *d, const int32_t *index,
                        const real *score)
{
    hit *all = malloc((size_t)s->documents * sizeof *all);
    for (int64_t i = 0; i < s->queries; i++) {
        for (int64_t j = 0; j < s->documents; j++) {
            all[j] = (hit){ 0, (int32_t)j };
            for (int64_t c = 0; c < s->cols; c++) {
                all[j].score += (double)q[i * s->cols + c] * (double)d[j * s->cols + c];
            }
        }
        qsort(all, (size_t)s->documents, sizeof *all, by_rank);
        for (int64_t r = 0; r < s->k; r++) {
            assert_int_equal(index[i * s->k + r], all[r].index);
            assert_true((double)score[i * s->k + r] == all[r].score);
        }
    }
    free(all);
}

static void searches(kin_backend *b, bool look, real *out)
{
    kin_arena *work;
    int64_t used = 0;
    int32_t *index = malloc(ROOM * sizeof *index);
    assert_int_equal(kin_arena_new(&work, NULL), KIN_OK);
    for (int n = 0; n < SHAPES; n++) {
        const shape *s = &shapes[n];
        real *q = whole(s->queries * s->cols, 60), *d = whole(s->documents * s->cols, 61);
        const int64_t hits = s->queries * s->k;
        assert_true(used + 2 * hits < 3 * ROOM && hits < ROOM);
        assert_int_equal(b->search(b, work, s->queries, s->documents, s->cols, q, d, s->k, index,
                                   out + used), KIN_OK);
        if (look) look_search(s, q, d, index, out + used);
        for (int64_t i = 0; i < hits; i++) out[used + hits + i] = (real)index[i];
        used += 2 * hits;
        free(q), free(d);
    }
    assert_int_equal(kin_arena_mark(work), 0);
    kin_arena_free(work);
    free(index);
}

static void test_search(void **state)
{
    (void)state;
    for_each_cpu(searches, 4 * ROOM);
}

/* NaN and infinite scores: no crash, every document once, NaN last. */
static void test_strange_scores(void **state)
{
    enum { N = 50 };
    real d[N], score[N];
    int32_t index[N];
    const real q = 1;
    bool seen[N] = { false };
    kin_arena *work;
    kin_backend *b = open_cpu(1);
    (void)state;
    kin_arena_new(&work, NULL);
    for (int i = 0; i < N; i++) d[i] = i % 5 == 0 ? (real)NAN : (real)(i % 7);
    d[3] = (real)INFINITY;
    d[4] = (real)-INFINITY;
    assert_int_equal(b->search(b, work, 1, N, 1, &q, d, N, index, score), KIN_OK);
    assert_int_equal(index[0], 3);
    for (int i = 0; i < N; i++) {
        assert_in_range(index[i], 0, N - 1);
        assert_false(seen[index[i]]);
        seen[index[i]] = true;
        const bool strange = i >= 39;                    /* 10 NaN and one -inf */
        assert_int_equal(strange, index[i] % 5 == 0 || index[i] == 4);
    }
    assert_int_equal(b->search(b, work, 1, 3, 1, &q, d, 4, index, score), KIN_USAGE);
    assert_int_equal(b->search(b, work, 0, 3, 1, &q, d, 2, index, score), KIN_OK);
    kin_arena_free(work);
    close_cpu(b);
}

RUN(TEST(test_search), TEST(test_strange_scores))
