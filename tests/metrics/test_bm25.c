/* BM25 against the obvious double loop, and its words. */
#include "tests/metrics/tools.h"
#include <math.h>
#include "metrics/bm25.h"

/* ---- the obvious way: words as strings, every document looked at for every query --------------*/

enum { WORDS = 64 };

typedef struct { char word[WORDS][32]; int count; } words_t;

static words_t words_of(const kin_texts *texts, int64_t i)
{
    words_t words = {.count = 0};
    int kind = 0, size = 0;
    for (int64_t c = texts->start[i]; c <= texts->start[i + 1]; c++) {
        char byte = c < texts->start[i + 1] ? texts->bytes[c] : ' ';
        if (byte >= 'A' && byte <= 'Z') byte = (char)(byte + 32);
        int now = byte >= 'a' && byte <= 'z' ? 1 : byte >= '0' && byte <= '9' ? 2 : 0;
        if (kind && now != kind) {
            words.word[words.count++][size] = 0;
            size = 0;
        }
        if (now) words.word[words.count][size++] = byte;
        kind = now;
    }
    return words;
}

static int times(const words_t *words, const char *word)
{
    int n = 0;
    for (int i = 0; i < words->count; i++) n += !strcmp(words->word[i], word);
    return n;
}

/* The scores of n documents. */
static void plain_scores(const words_t *document, int n, const words_t *query,
                         kin_bm25_setting setting, float *score)
{
    double mean = 0;
    for (int i = 0; i < n; i++) {
        mean += document[i].count;
        score[i] = 0;
    }
    mean /= n;
    for (int w = 0; w < query->count; w++) {
        double df = 0;
        for (int i = 0; i < n; i++) df += times(document + i, query->word[w]) > 0;
        double idf = log(1 + (n - df + 0.5) / (df + 0.5));
        for (int i = 0; i < n; i++) {
            double tf = times(document + i, query->word[w]);
            double norm = setting.k1 * (1 - setting.b + setting.b * document[i].count / mean);
            if (tf > 0) score[i] += (float)(idf * tf / (tf + norm));
        }
    }
}

/* ---- tests ------------------------------------------------------------------------------------*/

enum { DOCUMENTS = 300, QUERIES = 40 };

/* Texts of up to 14 words from a vocabulary whose first words are frequent. */
static kin_texts random_texts(int count, uint64_t seed)
{
    static const char *const part[] = {"the", "The", "fox", "FOX", "a1", "2024", "b", "caf\xc3\xa9",
                                       "x-ray", "kin", "lynx", "ox", "7", "stranger", "dog", "!"};
    char *line = malloc((size_t)count * 200), *at = line;
    for (int i = 0; i < count; i++) {
        int n = (int)(unit_of(seed + (uint64_t)i * 100) * 15);
        for (int w = 0; w < n; w++) {
            double u = unit_of(seed + (uint64_t)(i * 100 + w + 1));
            at += sprintf(at, "%s ", part[(int)(u * u * 16)]);
        }
        *at++ = i + 1 < count ? '|' : 0;
    }
    kin_texts texts = texts_split(line, '|');
    free(line);
    return texts;
}

static void check_query(const kin_run *run, const words_t *document, const words_t *query, int q,
                        kin_bm25_setting setting, int64_t k)
{
    int64_t first = run->start[q], n = run->start[q + 1] - first, positive = 0;
    float score[DOCUMENTS];
    plain_scores(document, DOCUMENTS, query, setting, score);
    for (int d = 0; d < DOCUMENTS; d++) positive += score[d] > 0;
    assert_int_equal(n, positive < k ? positive : k);
    for (int64_t i = 0; i < n; i++) {
        int best = 0;
        for (int d = 1; d < DOCUMENTS; d++) best = score[d] > score[best] ? d : best;
        assert_int_equal(run->document[first + i], best);
        assert_true(run->score[first + i] == score[best]);
        score[best] = -1;
    }
}

/* Single cells have the scores of the search. */
static void check_cells(const kin_bm25 *bm25, const kin_texts *queries, int q,
                        const words_t *document, const words_t *query, kin_bm25_setting setting)
{
    int32_t which[DOCUMENTS], all[DOCUMENTS];
    float score[DOCUMENTS], cell[DOCUMENTS];
    for (int d = 0; d < DOCUMENTS; d++) which[d] = q, all[d] = DOCUMENTS - 1 - d;
    plain_scores(document, DOCUMENTS, query, setting, score);
    assert_ok(kin_bm25_cells(bm25, NULL, queries, which, all, DOCUMENTS, cell));
    for (int d = 0; d < DOCUMENTS; d++) assert_true(cell[d] == score[all[d]]);
}

static void equals_the_double_loop(void **state)
{
    (void)state;
    const kin_bm25_setting settings[] = {{1.2, 0.75}, {0, 0.5}, {0.9, 0}, {3, 1}};
    kin_texts documents = random_texts(DOCUMENTS, 1), queries = random_texts(QUERIES, 900000);
    static words_t document[DOCUMENTS];
    for (int d = 0; d < DOCUMENTS; d++) document[d] = words_of(&documents, d);
    for (size_t s = 0; s < 4; s++) {
        const int64_t k = s == 0 ? 1000 : 7;
        kin_bm25 *bm25;
        kin_run *run;
        assert_ok(kin_bm25_new(&bm25, NULL, &documents, NULL, DOCUMENTS, settings + s));
        assert_ok(kin_bm25_search(bm25, NULL, &queries, NULL, QUERIES, k, &run));
        for (int q = 0; q < QUERIES; q++) {
            words_t query = words_of(&queries, q);
            check_query(run, document, &query, q, settings[s], k);
            check_cells(bm25, &queries, q, document, &query, settings[s]);
        }
        kin_run_free(run);
        kin_bm25_free(bm25);
    }
    texts_free(&documents);
    texts_free(&queries);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    kin_texts documents = random_texts(2000, 5), queries = random_texts(QUERIES, 70000000);
    kin_run *first = NULL;
    for (int threads = 1; threads <= 8; threads = threads == 3 ? 8 : threads + 1) {
        kin_pool *pool;
        kin_bm25 *bm25;
        kin_run *run;
        assert_ok(kin_pool_new(&pool, threads));
        assert_ok(kin_bm25_new(&bm25, pool, &documents, NULL, 2000, &kin_bm25_defaults));
        assert_ok(kin_bm25_search(bm25, pool, &queries, NULL, QUERIES, 50, &run));
        if (first) {
            size_t n = (size_t)run->start[QUERIES];
            assert_memory_equal(run->start, first->start, sizeof(int64_t) * (QUERIES + 1));
            assert_memory_equal(run->document, first->document, sizeof(int32_t) * n);
            assert_memory_equal(run->score, first->score, sizeof(float) * n);
            kin_run_free(run);
        } else {
            first = run;
        }
        kin_bm25_free(bm25);
        kin_pool_free(pool);
        if (threads == 8) break;
    }
    kin_run_free(first);
    texts_free(&documents);
    texts_free(&queries);
}

/* Document 1 of three: words cut at other bytes, "the" twice; which picks and repeats texts. */
static void small_case_by_hand(void **state)
{
    (void)state;
    kin_texts texts = texts_split("unused|The cat, the CAT2go|a dog|caf\xc3\xa9 2", '|');
    const int32_t which[] = {1, 2, 3}, asked[] = {1, 0};
    kin_bm25 *bm25;
    kin_run *run;
    assert_ok(kin_bm25_new(&bm25, NULL, &texts, which, 3, &kin_bm25_defaults));
    assert_int_equal(kin_bm25_words(bm25), 7);         /* the cat 2 go a dog caf */
    assert_int_equal(kin_bm25_postings(bm25), 8);      /* "2" twice */
    assert_ok(kin_bm25_search(bm25, NULL, &texts, asked, 2, 10, &run));
    assert_int_equal(run->start[1], 2);
    assert_int_equal(run->document[0], 0);
    assert_int_equal(run->document[1], 2);
    double mean = 10. / 3, norm = 1.2 * (0.25 + 0.75 * 6 / mean), one = log(1 + 2.5 / 1.5);
    double two = log(1 + 1.5 / 2.5);
    double score = one * (4 * 2 / (2 + norm) + 1 / (1 + norm)) + two / (1 + norm);
    assert_near((double)run->score[0], score, 1e-6);
    assert_near((double)run->score[1], two / (1 + 1.2 * (0.25 + 0.75 * 2 / mean)), 1e-7);
    assert_int_equal(run->start[2], 2);                /* "unused" is in no document */
    kin_run_free(run);
    kin_bm25_free(bm25);
    texts_free(&texts);
}

static void empty_things_are_fine(void **state)
{
    (void)state;
    kin_texts texts = texts_split("|!", '|');
    kin_bm25 *bm25;
    kin_run *run;
    for (int64_t documents = 0; documents <= 2; documents += 2) {
        assert_ok(kin_bm25_new(&bm25, NULL, &texts, NULL, documents, &kin_bm25_defaults));
        assert_ok(kin_bm25_search(bm25, NULL, &texts, NULL, 2, 10, &run));
        assert_int_equal(run->start[2], 0);
        kin_run_free(run);
        assert_fails(kin_bm25_search(bm25, NULL, &texts, NULL, 2, 0, &run), KIN_USAGE,
                     "at least 1");
        kin_bm25_free(bm25);
    }
    const kin_bm25_setting bad[] = {{-1, 0.5}, {1, 1.5}, {NAN, 0.5}, {1, NAN}};
    for (int i = 0; i < 4; i++)
        assert_fails(kin_bm25_new(&bm25, NULL, &texts, NULL, 2, bad + i), KIN_USAGE, "expected");
    texts_free(&texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_the_double_loop), cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(small_case_by_hand), cmocka_unit_test(empty_things_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
