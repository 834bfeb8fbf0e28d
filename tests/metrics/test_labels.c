/* Neighbours by class, tf-idf and correlation. Literals of more than three digits are those that
 * compare_labels.py prints. */
#include "tests/metrics/tools.h"
#include <math.h>
#include "core/rng.h"
#include "cpu/cpu.h"
#include "metrics/correlation.h"
#include "metrics/labels.h"
#include "metrics/retrieval.h"
#include "metrics/tfidf.h"

enum { CLASSES = 4, DIM = 5, TRAIN = 80, ITEMS = 60, SEED = 5 };

static kin_pool *pool;
static kin_backend *backend;
static kin_arena *work;

static int open_all(void **state)
{
    (void)state;
    return kin_pool_new(&pool, 3) || kin_cpu_new(&backend, pool) || kin_arena_new(&work, NULL);
}

static int close_all(void **state)
{
    (void)state;
    kin_arena_free(work);
    backend->free(backend);
    kin_pool_free(pool);
    return 0;
}

/* A run of one list for each row; lists end with -1. */
static kin_run *lists(int rows, int depth, const int32_t *document)
{
    kin_run *run;
    int64_t *found = malloc(sizeof *found * (size_t)rows);
    assert_ok(kin_run_new(&run, rows, depth));
    for (int r = 0; r < rows; r++) {
        found[r] = 0;
        for (int k = 0; k < depth && document[r * depth + k] >= 0; k++) {
            run->document[r * depth + k] = document[r * depth + k];
            run->score[r * depth + k] = (float)-k;
            found[r]++;
        }
    }
    kin_run_cut(run, depth, found);
    free(found);
    return run;
}

/* ---- by hand --------------------------------------------------------------------------------- */

/* Item 0: its class at ranks 1 and 3 of R = 3 with itself in the list: 2/3; (1 + 2/3) / 3. Item 1:
 * at rank 2 and 3: 2/3; (1/2 + 2/3) / 3. Item 4 is alone, 5 and 6 find each other at rank 1. */
static void peers_are_judged_by_hand(void **state)
{
    (void)state;
    static const int32_t label[] = {0, 0, 0, 0, 1, 2, 2};
    static const int32_t list[] = {1, 0, 4, 2, 3,   5, 0, 2, 3, -1,   -1, 0, 0, 0, 0,
                                   4, 5, 6, 3, 0,   1, 2, 0, 5, 6,    6, 5, 0, 1, 2,
                                   5, 0, 1, 2, 3};
    kin_label_scores *s;
    kin_run *run = lists(7, 5, list);
    double values[7];
    assert_ok(kin_label_scores_new(&s, 7, label, 3));
    assert_int_equal(s->alone, 1);
    assert_int_equal(s->deepest, 3);
    kin_label_judge_peers(s, run);
    static const double right[3][6] = {{1, 0, 0, 0, 1, 1},
                                       {2. / 3, 2. / 3, 0, 0, 1, 1},
                                       {(1 + 2. / 3) / 3, (1. / 2 + 2. / 3) / 3, 0, 0, 1, 1}};
    for (int m = 0; m < 3; m++) {
        double sum = 0;
        assert_int_equal(kin_label_values(s, (kin_label_measure)(KIN_PEER_RECALL1 + m), values), 6);
        for (int i = 0; i < 6; i++) {
            assert_near(values[i], right[m][i], 1e-15);
            sum += right[m][i];
        }
        assert_near(s->mean[KIN_PEER_RECALL1 + m], sum / 6, 1e-15);
    }
    assert_true(isnan(s->mean[KIN_KNN1]) && isnan(s->value[KIN_MAP_R][4]));
    kin_run_free(run);
    kin_label_scores_free(s);
}

/* Votes: a majority; two of each, the nearer first; all different; nothing found. */
static void neighbours_vote(void **state)
{
    (void)state;
    static const int32_t train[] = {0, 1, 2, 0, 1}, label[] = {1, 0, 2, 0};
    static const int32_t list[] = {2, 1, 4, 0, -1,   3, 1, 4, 0, 2,   2, 0, 1, -1, -1,
                                   -1, 0, 0, 0, 0};
    kin_label_scores *s;
    kin_run *run = lists(4, 5, list);
    assert_ok(kin_label_scores_new(&s, 4, label, 3));
    kin_label_judge_train(s, run, train);
    static const double nearest[] = {0, 1, 1, 0}, vote[] = {1, 1, 1, 0};
    for (int i = 0; i < 4; i++) {
        assert_near(s->value[KIN_KNN1][i], nearest[i], 0);
        assert_near(s->value[KIN_KNN5][i], vote[i], 0);
    }
    static const int32_t class[] = {1, -1, 0, 0};
    kin_label_judge_centroids(s, class);
    assert_near(s->mean[KIN_CENTROID], 0.5, 0);
    assert_int_equal(s->class[1], -1);
    kin_run_free(run);
    kin_label_scores_free(s);
}

/* ---- beside scikit-learn --------------------------------------------------------------------- */

static void make(int first, int count, real *x, int32_t *label)
{
    for (int i = 0; i < count; i++) {
        double squares = 0;
        label[i] = (first + i) * 7 % 11 % CLASSES;
        for (int j = 0; j < DIM; j++) {
            const double v = unit_of((uint64_t)(DIM * (first + i) + j)) - 0.5 +
                             (label[i] == j ? 0.35 : 0);
            x[i * DIM + j] = (real)v;
            squares += v * v;
        }
        for (int j = 0; j < DIM; j++) x[i * DIM + j] /= (real)sqrt(squares);
    }
}

static void find_means(const real *x, const int32_t *label, real *mean)
{
    memset(mean, 0, sizeof *mean * CLASSES * DIM);
    for (int i = 0; i < TRAIN; i++)
        for (int j = 0; j < DIM; j++) mean[label[i] * DIM + j] += x[i * DIM + j];
    for (int c = 0; c < CLASSES; c++) {
        real squares = 0;
        for (int j = 0; j < DIM; j++) squares += mean[c * DIM + j] * mean[c * DIM + j];
        for (int j = 0; j < DIM; j++) mean[c * DIM + j] /= (real)sqrt((double)squares);
    }
}

static void measures_are_scikit_learns(void **state)
{
    (void)state;
    static real x[TRAIN * DIM], q[ITEMS * DIM], mean[CLASSES * DIM];
    static int32_t y[TRAIN], z[ITEMS], class[ITEMS];
    kin_label_scores *s;
    kin_run *run;
    make(0, TRAIN, x, y);
    make(TRAIN, ITEMS, q, z);
    find_means(x, y, mean);
    assert_ok(kin_label_scores_new(&s, ITEMS, z, CLASSES));
    assert_ok(kin_retrieve(&run, backend, work, ITEMS, TRAIN, DIM, q, x, KIN_NEIGHBOURS));
    kin_label_judge_train(s, run, y);
    kin_run_free(run);
    assert_ok(kin_retrieve(&run, backend, work, ITEMS, CLASSES, DIM, q, mean, 1));
    for (int i = 0; i < ITEMS; i++) class[i] = run->document[run->start[i]];
    kin_run_free(run);
    kin_label_judge_centroids(s, class);
    assert_ok(kin_retrieve(&run, backend, work, ITEMS, ITEMS, DIM, q, q, s->deepest + 1));
    kin_label_judge_peers(s, run);
    kin_run_free(run);
    assert_near(s->mean[KIN_CENTROID], 0.6333333333333333, 1e-15);
    assert_near(s->mean[KIN_KNN1], 0.5666666666666667, 1e-15);
    assert_near(s->mean[KIN_KNN5], 0.5833333333333334, 1e-15);
    assert_near(s->mean[KIN_PEER_RECALL1], 0.31666666666666665, 1e-15);
    assert_near(s->mean[KIN_R_PRECISION], 0.3891232882041706, 1e-14);
    assert_near(s->mean[KIN_MAP_R], 0.23697060687361246, 1e-14);
    kin_label_scores_free(s);
}

static void tf_idf_is_scikit_learns(void **state)
{
    (void)state;
    kin_texts texts = texts_split("a cat and a cat|the dog|a dog, 2 cats|the the 2|"
                                  "one fish two fish|cat|The DOG and the cat|fish 2 the|"
                                  "nothing known here", '|');
    static const int32_t label[] = {0, 1, 1, 0, 2}, asked[] = {5, 6, 7, 8}, known[] = {0, 1, 2, 3};
    static const double cosines[] = {0.72530142, 0.7466202, 0.24967495, 0};
    static const int32_t classes[] = {0, 0, 2, -1};
    int32_t nearest[4];
    double cosine[4];
    kin_tfidf *t;
    kin_run *run;
    assert_ok(kin_tfidf_new(&t, pool, &texts, NULL, 5));
    assert_ok(kin_tfidf_cosines(t, &texts, known, asked, 4, cosine));
    for (int i = 0; i < 4; i++) assert_near(cosine[i], cosines[i], 1e-7);
    assert_ok(kin_tfidf_classify(t, pool, &texts, asked, 4, label, 3, nearest));
    for (int i = 0; i < 4; i++) assert_int_equal(nearest[i], classes[i]);
    assert_ok(kin_tfidf_search(t, pool, &texts, asked, 4, 5, &run));
    assert_int_equal(run->start[1], 1);                /* "cat" is in one text alone */
    assert_int_equal(run->document[0], 0);
    assert_int_equal(run->document[run->start[1]], 1);
    assert_int_equal(run->start[4] - run->start[3], 0);
    kin_run_free(run);
    kin_tfidf_free(t);
    texts_free(&texts);
}

/* ---- correlation ----------------------------------------------------------------------------- */

static void equal_numbers_share_a_rank(void **state)
{
    (void)state;
    static const double x[] = {3, 1, 3, 7, 3}, right[] = {3, 1, 3, 5, 3};
    double rank[5];
    assert_ok(kin_ranks(5, x, rank));
    for (int i = 0; i < 5; i++) assert_near(rank[i], right[i], 0);
}

static void correlations_are_scipys(void **state)
{
    (void)state;
    double u[100], v[100], same[100], value[KIN_SCORE_MEASURES];
    for (int i = 0; i < 100; i++) {
        u[i] = (int)(unit_of((uint64_t)i) * 8);
        v[i] = (int)(unit_of((uint64_t)(200 + i)) * 8) + (int)u[i] / 2;
        same[i] = 4;
    }
    assert_ok(kin_correlation(value, 100, u, v));
    assert_near(value[KIN_SPEARMAN], 0.419546820923725, 1e-14);
    assert_near(value[KIN_PEARSON], 0.42729174822701455, 1e-14);
    double parts[KIN_SCORE_MEASURES][100], *const part[] = {parts[0], parts[1]};
    assert_ok(kin_correlation_parts(part, 100, u, v));
    for (int m = 0; m < KIN_SCORE_MEASURES; m++) {
        double mean = 0;
        for (int i = 0; i < 100; i++) mean += parts[m][i] / 100;
        assert_near(mean, value[m], 1e-14);
    }
    assert_ok(kin_correlation(value, 100, u, same));
    assert_true(value[KIN_SPEARMAN] == 0 && value[KIN_PEARSON] == 0);
    assert_fails(kin_correlation(value, 1, u, v), KIN_USAGE, "1 numbers");
    v[7] = NAN;
    assert_fails(kin_correlation(value, 100, u, v), KIN_NUMERICAL, "number 7");
}

/* Each resample written out, pair by pair. */
static void intervals_are_those_of_resamples(void **state)
{
    (void)state;
    enum { PAIRS = 40, TIMES = 250 };
    double x[PAIRS], y[PAIRS], a[PAIRS], b[PAIRS], value[KIN_SCORE_MEASURES];
    double of[KIN_SCORE_MEASURES][TIMES];
    kin_interval interval[KIN_SCORE_MEASURES], alone[KIN_SCORE_MEASURES];
    for (int i = 0; i < PAIRS; i++) {
        x[i] = (int)(unit_of((uint64_t)i) * 9);
        y[i] = unit_of((uint64_t)(300 + i)) + x[i] / 9;
    }
    for (int s = 0; s < TIMES; s++) {
        for (int i = 0; i < PAIRS; i++) {
            const uint64_t at = kin_random_below(SEED, KIN_STREAM_BOOTSTRAP, (uint32_t)s,
                                                 (uint64_t)i, PAIRS);
            a[i] = x[at];
            b[i] = y[at];
        }
        assert_ok(kin_correlation(value, PAIRS, a, b));
        for (int m = 0; m < KIN_SCORE_MEASURES; m++) of[m][s] = value[m];
    }
    assert_ok(kin_correlation_bootstrap(interval, pool, SEED, TIMES, 0.9, PAIRS, x, y));
    assert_ok(kin_correlation_bootstrap(alone, NULL, SEED, TIMES, 0.9, PAIRS, x, y));
    for (int m = 0; m < KIN_SCORE_MEASURES; m++) {
        const kin_interval right = kin_percentiles(of[m], TIMES, 0.9);
        assert_near(interval[m].low, right.low, 1e-12);
        assert_near(interval[m].high, right.high, 1e-12);
        assert_true(interval[m].low == alone[m].low && interval[m].high == alone[m].high);
    }
}

static void exchanged_ranks_have_a_known_p(void **state)
{
    (void)state;
    static const double right[] = {1, 2, 3, 4, 5}, good[] = {1, 2, 3, 4, 5},
                        bad[] = {5, 4, 3, 2, 1};
    kin_paired p, back;
    assert_ok(kin_correlation_test(&p, pool, SEED, 20000, 5, right, good, bad));
    assert_near(p.difference, 2, 1e-15);
    assert_near(p.p, 4. / 32, 0.01);         /* the third pair may be exchanged either way */
    assert_int_equal(p.wins, 4);
    assert_int_equal(p.ties, 1);
    assert_ok(kin_correlation_test(&back, NULL, SEED, 20000, 5, right, bad, good));
    assert_true(back.p == p.p && back.losses == 4);
    assert_ok(kin_correlation_test(&p, pool, SEED, 1000, 5, right, good, good));
    assert_near(p.p, 1, 0);
    assert_fails(kin_correlation_test(&p, pool, SEED, 0, 5, right, good, bad), KIN_USAGE,
                 "0 flips");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_are_judged_by_hand), cmocka_unit_test(neighbours_vote),
        cmocka_unit_test(measures_are_scikit_learns), cmocka_unit_test(tf_idf_is_scikit_learns),
        cmocka_unit_test(equal_numbers_share_a_rank), cmocka_unit_test(correlations_are_scipys),
        cmocka_unit_test(intervals_are_those_of_resamples),
        cmocka_unit_test(exchanged_ranks_have_a_known_p),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
