/* Retrieval in blocks against sorting all scores; judgements from a store. */
#include "tests/metrics/tools.h"
#include <math.h>
#include "cpu/cpu.h"
#include "metrics/retrieval.h"
#include "tests/devices/plain.h"

enum { ROWS = 600, DOCUMENTS = 150, COLS = 3 };

static real queries[ROWS * COLS], documents[DOCUMENTS * COLS];

typedef struct { real score; int32_t index; } hit_t;

static hit_t expected[ROWS][DOCUMENTS];      /* all scores of each query, sorted */

static int compare_hits(const void *left, const void *right)
{
    const hit_t *a = left, *b = right;
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    return a->index - b->index;
}

/* All scores of a query, sorted: what search means. */
static void sort_scores(const real *q, int64_t n, int64_t cols, const real *d, hit_t *hit)
{
    for (int64_t i = 0; i < n; i++) {
        hit[i] = (hit_t){0, (int32_t)i};
        for (int64_t c = 0; c < cols; c++) hit[i].score += q[c] * d[i * cols + c];
    }
    qsort(hit, (size_t)n, sizeof *hit, compare_hits);
}

/* Small whole numbers: their products are exact in any order, and many scores are equal. */
static int fill(void **state)
{
    (void)state;
    for (int i = 0; i < ROWS * COLS; i++) queries[i] = (real)((int)(unit_of((uint64_t)i) * 5) - 2);
    for (int i = 0; i < DOCUMENTS * COLS; i++)
        documents[i] = (real)((int)(unit_of((uint64_t)(99999 + i)) * 5) - 2);
    for (int r = 0; r < ROWS; r++)
        sort_scores(queries + r * COLS, DOCUMENTS, COLS, documents, expected[r]);
    return 0;
}

static kin_status plain_search(kin_backend *backend, kin_arena *work, int64_t rows, int64_t n,
                               int64_t cols, const real *q, const real *d, int64_t k,
                               int32_t *index, real *score)
{
    (void)backend;
    size_t mark = kin_arena_mark(work);
    hit_t *hit = KIN_TAKE(work, hit_t, n);
    KIN_REQUIRE(hit, KIN_MEMORY, "search: no memory");
    for (int64_t r = 0; r < rows; r++) {
        sort_scores(q + r * cols, n, cols, d, hit);
        for (int64_t i = 0; i < k; i++) {
            index[r * k + i] = hit[i].index;
            score[r * k + i] = hit[i].score;
        }
    }
    kin_arena_rewind(work, mark);
    return KIN_OK;
}

static void check(const kin_run *run, int64_t k)
{
    k = k < DOCUMENTS ? k : DOCUMENTS;
    assert_int_equal(run->rows, ROWS);
    for (int r = 0; r < ROWS; r++) {
        const hit_t *hit = expected[r];
        assert_int_equal(run->start[r + 1] - run->start[r], k);
        for (int64_t i = 0; i < k; i++) {
            assert_int_equal(run->document[run->start[r] + i], hit[i].index);
            assert_true(run->score[run->start[r] + i] == (float)hit[i].score);
        }
    }
}

static kin_run *retrieve_in_blocks(kin_backend *backend, int64_t k, int64_t block)
{
    kin_retrieval *retrieval;
    kin_arena *work;
    kin_run *run;
    assert_ok(kin_arena_new(&work, NULL));
    assert_ok(kin_retrieval_new(&retrieval, backend, ROWS, COLS, queries, k));
    for (int64_t d = 0; d < DOCUMENTS; d += block) {
        int64_t n = DOCUMENTS - d < block ? DOCUMENTS - d : block;
        assert_ok(kin_retrieval_add(retrieval, work, n, documents + d * COLS));
        assert_int_equal(kin_arena_read(work).used, 0);
    }
    assert_ok(kin_retrieval_finish(retrieval, &run));
    kin_arena_free(work);
    return run;
}

static void blocks_do_not_matter(kin_backend *backend)
{
    const int64_t k[] = {1, 10, 1000}, block[] = {7, 64, 150};
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 3; j++) {
            kin_run *run = retrieve_in_blocks(backend, k[i], block[j]);
            check(run, k[i]);
            kin_run_free(run);
        }
    }
}

static void blocks_do_not_matter_plain(void **state)
{
    (void)state;
    kin_backend plain = plain_backend();
    plain.search = plain_search;
    blocks_do_not_matter(&plain);
}

static void blocks_do_not_matter_cpu(void **state)
{
    (void)state;
    kin_pool *pool;
    kin_backend *backend;
    assert_ok(kin_pool_new(&pool, 2));
    assert_ok(kin_cpu_new(&backend, pool));
    blocks_do_not_matter(backend);
    backend->free(backend);
    kin_pool_free(pool);
}

static void all_at_once_is_one_block(void **state)
{
    (void)state;
    kin_backend plain = plain_backend();
    kin_arena *work;
    kin_run *run;
    plain.search = plain_search;
    assert_ok(kin_arena_new(&work, NULL));
    assert_ok(kin_retrieve(&run, &plain, work, ROWS, DOCUMENTS, COLS, queries, documents, 20));
    check(run, 20);
    kin_run_free(run);
    assert_ok(kin_retrieve(&run, &plain, work, ROWS, 0, COLS, queries, documents, 20));
    assert_int_equal(run->start[ROWS], 0);
    kin_run_free(run);
    assert_fails(kin_retrieve(&run, &plain, work, 1, 1, COLS, queries, documents, 0), KIN_USAGE,
                 "at least 1");
    kin_arena_free(work);
}

/* What is skipped is in no list, and what is behind it moves up: block by block as at once. */
static void skipped_documents_are_not_listed(void **state)
{
    (void)state;
    kin_backend *cpu;
    kin_pool *pool;
    kin_arena *work;
    static int32_t skip[ROWS * DOCUMENTS];
    static int64_t start[ROWS + 1];
    for (int r = 0; r < ROWS; r++) {             /* every third, none, all, the ten best, ... */
        start[r + 1] = start[r];
        for (int d = 0; d < DOCUMENTS; d++)
            if (r % 4 == 0 ? d % 3 == 0 : r % 4 == 2 ? r % 8 == 2 : r % 4 == 3 && d < r % 70)
                skip[start[r + 1]++] = d;
    }
    assert_ok(kin_pool_new(&pool, 2));
    assert_ok(kin_cpu_new(&cpu, pool));
    assert_ok(kin_arena_new(&work, NULL));
    for (int64_t block = 7; block <= DOCUMENTS; block = 5 * block + 115) {
        kin_retrieval *retrieval;
        kin_run *run;
        const int64_t k = 20;
        assert_ok(kin_retrieval_new(&retrieval, cpu, ROWS, COLS, queries, k));
        kin_retrieval_skip(retrieval, start, skip);
        for (int64_t d = 0; d < DOCUMENTS; d += block)
            assert_ok(kin_retrieval_add(retrieval, work,
                                        DOCUMENTS - d < block ? DOCUMENTS - d : block,
                                        documents + d * COLS));
        assert_ok(kin_retrieval_finish(retrieval, &run));
        for (int r = 0; r < ROWS; r++) {
            int64_t at = run->start[r];
            for (int i = 0; i < DOCUMENTS && at < run->start[r + 1]; i++) {
                bool skipped = false;
                for (int64_t s = start[r]; s < start[r + 1]; s++)
                    skipped |= skip[s] == expected[r][i].index;
                if (!skipped) assert_int_equal(run->document[at++], expected[r][i].index);
            }
            const int64_t left = DOCUMENTS - (start[r + 1] - start[r]);
            assert_int_equal(at, run->start[r + 1]);
            assert_int_equal(run->start[r + 1] - run->start[r], left < k ? left : k);
        }
        kin_run_free(run);
    }
    kin_arena_free(work);
    cpu->free(cpu);
    kin_pool_free(pool);
}

/* A query that is its own document, found first; another that is the opposite, found last. */
static void store_to_scores(void **state)
{
    (void)state;
    kin_texts query_id = texts_split("q0 q1 q2 q3", ' '), document_id = texts_numbered('d', 4);
    const uint8_t split[] = {KIN_TEST, KIN_TRAIN, KIN_TEST, KIN_VALIDATION};
    const int32_t relation[] = {2, 3, 1, 1, 0, 1, 0, 1, 2, 0, 2, 0};
    const kin_store store = {.documents = 4, .document_id = document_id, .queries = 4,
                             .query_id = query_id, .query_split = split, .relations = 4,
                             .relation = relation};
    const real q[] = {0, 1, 1, 0}, d[] = {1, 0, 0, 1, 0.6f, 0.8f, -1, 0};
    kin_backend plain = plain_backend();
    kin_judgements *judgements;
    kin_ranking_scores *scores;
    kin_arena *work;
    kin_run *run;
    plain.search = plain_search;
    assert_ok(kin_arena_new(&work, NULL));
    assert_ok(kin_judgements_of_store(&judgements, &store, KIN_TEST));
    assert_int_equal(judgements->rows, 2);
    assert_int_equal(judgements->query[0], 0);
    assert_int_equal(judgements->query[1], 2);
    assert_int_equal(judgements->start[1], 2);
    assert_int_equal(judgements->document[2], 3);
    assert_ok(kin_retrieve(&run, &plain, work, 2, 4, 2, q, d, 1000));
    assert_ok(kin_run_evaluate(&scores, run, NULL, judgements));
    assert_near(scores->value[KIN_MRR10][0], 1, 0);
    assert_near(scores->value[KIN_MRR10][1], 0.25, 0);
    assert_near(scores->mean[KIN_RECALL1], 0.5, 0);
    kin_judgements_free(judgements);
    assert_ok(kin_judgements_of_store(&judgements, &store, KIN_TRAIN));
    assert_int_equal(judgements->rows, 1);
    assert_int_equal(judgements->query[0], 1);
    kin_judgements_free(judgements);
    kin_ranking_scores_free(scores);
    kin_run_free(run);
    kin_arena_free(work);
    texts_free(&query_id);
    texts_free(&document_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_do_not_matter_plain), cmocka_unit_test(blocks_do_not_matter_cpu),
        cmocka_unit_test(all_at_once_is_one_block), cmocka_unit_test(store_to_scores),
        cmocka_unit_test(skipped_documents_are_not_listed),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
