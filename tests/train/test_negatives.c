/* Mined negatives: what is mined against a search of one query after the other, the columns of a
 * step against their definition, the same bits for any number of threads, what is written and what
 * is refused. */
#include "tests/train/fixture.h"

#include "train/trainer.h"

enum { LINE = 400 };

typedef struct { int pair, document, step, rank; char source[32]; double score, positive; } mined;

static int read_mined(const char *path, mined *out, int most)
{
    char line[LINE];
    int n = 0;
    FILE *f = fopen(path, "r");
    if (!f) fail_msg("%s is not there", path);
    assert_non_null(fgets(line, sizeof line, f));
    while (n < most && fgets(line, sizeof line, f)) {
        mined *m = &out[n++];
        assert_int_equal(sscanf(line, "%d\td%d\t%31s\t%d\t%d\t%lf\t%lf", &m->pair, &m->document,
                                m->source, &m->step, &m->rank, &m->score, &m->positive), 7);
    }
    fclose(f);
    return n;
}

/* Whether a training query of this text has the document. */
static bool is_relevant(const char *text, int document)
{
    char other[256];
    for (int q = document; q < TRAIN; q += DOCUMENTS) {
        make_query(q, other);
        if (!strcmp(text, other)) return true;
    }
    return false;
}

/* ---- against a search of one query after the other ------------------------------------------- */

static void look_up(kin_search *s, const mined *m)
{
    char text[256];
    kin_hit hits[DOCUMENTS];
    int found, rank = 0;
    double own = NAN;
    make_query(m->pair, text);
    assert_false(is_relevant(text, m->document));
    expect_ok(kin_search_query(s, text, DOCUMENTS, hits, &found));
    assert_int_equal(found, DOCUMENTS);
    for (int i = 0; i < found; i++) {
        const int document = atoi(hits[i].id + 1);
        if (document == m->pair % DOCUMENTS) own = hits[i].score;
        if (is_relevant(text, document)) continue;
        if (++rank != m->rank) continue;
        assert_true(fabs(hits[i].score - m->score) < 1e-5);
        if (document != m->document) assert_true(fabs(hits[i].score - hits[i - 1].score) < 1e-6
                                                 || fabs(hits[i].score - hits[i + 1].score) < 1e-6);
    }
    assert_true(fabs(own - m->positive) < 1e-5);
}

/* Weights that hardly move are those that were mined with. */
static void test_search(void **state)
{
    (void)state;
    static mined m[5 * TRAIN];
    kin_search *s;
    kin_backend *backend;
    kin_pool *pool;
    expect_ok(train("search", "negatives.source=model negatives.policy=window:2:3 "
                    "negatives.count=5 negatives.depth=9 schedule.steps=1 optim.lr=1e-9 "
                    "eval.every=0", 2, NULL, NULL, NULL));
    const int n = read_mined(in_folder("search/mined/step_0.tsv"), m, 5 * TRAIN);
    assert_int_equal(n, 3 * 32);
    expect_ok(kin_pool_new(&pool, 1));
    expect_ok(kin_cpu_new(&backend, pool));
    expect_ok(kin_search_open(&s, in_folder("search"), NULL, backend, NULL));
    for (int i = 0; i < n; i++) {
        assert_int_equal(m[i].rank, 3 + i % 3);
        assert_string_equal(m[i].source, "exact");
        look_up(s, &m[i]);
    }
    kin_search_close(s);
    backend->free(backend);
    kin_pool_free(pool);
}

/* ---- the columns of a step ------------------------------------------------------------------- */

enum { BATCH = 7, EACH = 3, CORPUS = 40, PAIRS = 60 };

/* Of all negatives of the batch: not a document of the batch, not relevant to one of its queries,
 * each once, in the order of their rows. */
static void check_columns(kin_trainer *t)
{
    const kin_negatives *n = t->negatives;
    int64_t columns = 0, clashing = 0, own = 0;
    kin_negatives_pick(t);
    for (int i = 0; i < BATCH * EACH; i++) {
        const int32_t d = n->document[t->batch.pairs[i / EACH] * EACH + i % EACH];
        bool relevant = false, there = false;
        if (d < 0) continue;
        for (int r = 0; r < BATCH; r++) {
            const int32_t q = n->query_of[t->batch.pairs[r]];
            there |= t->material.pair[3 * t->batch.pairs[r] + KIN_PAIR_DOCUMENT] == d;
            for (int k = 0; q >= 0 && k < 3; k++)
                relevant |= n->known[n->known_start[q] + k] == d;
        }
        if (relevant && !there) clashing++;
        own += !relevant || there;
        for (int64_t k = 0; k < columns; k++) there |= n->column[k] == d;
        if (!relevant && !there) {
            assert_true(columns < n->step.columns);
            assert_int_equal(n->column[columns++], d);
        }
    }
    assert_int_equal(n->step.columns, columns);
    assert_int_equal(n->step.clashing, clashing);
    assert_int_equal(n->step.own, own);
}

static void test_columns(void **state)
{
    (void)state;
    static int32_t pair[3 * PAIRS], query_of[PAIRS], document[PAIRS * EACH], known[3 * PAIRS];
    static int32_t column[BATCH * EACH], stamp[CORPUS], batch[BATCH];
    static int64_t known_start[PAIRS + 1];
    kin_store store = { .documents = CORPUS };
    kin_negatives n = { .count = EACH, .query_of = query_of, .document = document,
                        .known_start = known_start, .known = known, .column = column,
                        .stamp = stamp };
    kin_trainer t = { .store = &store, .negatives = &n, .size = BATCH, .material.pair = pair,
                      .batch.pairs = batch };
    for (int i = 0; i < PAIRS; i++) {
        pair[3 * i + KIN_PAIR_DOCUMENT] = (int32_t)draw(20, i, CORPUS);
        query_of[i] = i % 5 ? i : -1;
        known_start[i + 1] = known_start[i] + 3;
        for (int k = 0; k < 3; k++)
            known[3 * i + k] = (pair[3 * i + KIN_PAIR_DOCUMENT] + 7 * k) % CORPUS;
        for (int k = 0; k < EACH; k++)
            document[EACH * i + k] = (int32_t)draw(21, EACH * i + k, CORPUS + 4) - 4;
        for (int k = 0; k < EACH; k++)
            if (document[EACH * i + k] < 0) document[EACH * i + k] = -1;
    }
    for (int step = 0; step < 200; step++) {
        if (step == 100) n.stamps = INT32_MAX - 5;           /* marks begin anew */
        for (int i = 0; i < BATCH; i++) batch[i] = (int32_t)draw(22, step * BATCH + i, PAIRS);
        check_columns(&t);
    }
}

/* ---- the mask -------------------------------------------------------------------------------- */

enum { MASKED_ROWS = 9, MASKED_COLUMNS = 14, WIDTH = 6 };

static double cosine(const real *a, const real *b)
{
    double sum = 0;
    for (int i = 0; i < WIDTH; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

/* Unit rows; the first of them near those of another matrix. */
static void fill_units(real *x, int rows, uint32_t kind, const real *near, int near_rows)
{
    for (int i = 0; i < rows; i++) {
        double square = 0;
        for (int k = 0; k < WIDTH; k++) {
            x[i * WIDTH + k] = (real)draw(kind, i * WIDTH + k, 2000) / 1000 - (real)0.9;
            if (i < near_rows) x[i * WIDTH + k] += 2 * near[i * WIDTH + k];
            square += (double)x[i * WIDTH + k] * (double)x[i * WIDTH + k];
        }
        for (int k = 0; k < WIDTH; k++) x[i * WIDTH + k] /= (real)sqrt(square);
    }
}

/* Whether cell (i, j) is to be ignored: above 0.9 of the pair's own score, or relevant. */
static bool is_masked(const kin_trainer *t, const real *q, const real *k, int i, int j)
{
    const kin_negatives *n = t->negatives;
    const double own = cosine(q + i * WIDTH, k + i * WIDTH);
    const int32_t query = n->query_of[t->batch.pairs[i]];
    const int32_t d = j < MASKED_ROWS ? t->material.pair[3 * t->batch.pairs[j] + KIN_PAIR_DOCUMENT]
                                      : n->column[j - MASKED_ROWS];
    bool relevant = false;
    for (int64_t m = n->known_start[query]; m < n->known_start[query + 1]; m++)
        relevant |= n->known[m] == d;
    return j != i && (relevant || cosine(q + i * WIDTH, k + j * WIDTH) > own - 0.1 * fabs(own));
}

static void test_mask(void **state)
{
    (void)state;
    static int32_t pair[3 * MASKED_ROWS], of[MASKED_ROWS], batch[MASKED_ROWS], known[MASKED_ROWS];
    static int64_t known_start[MASKED_ROWS + 1];
    static int32_t column[MASKED_COLUMNS - MASKED_ROWS];
    static real q[MASKED_ROWS * WIDTH], k[MASKED_COLUMNS * WIDTH];
    kin_pool *pool;
    kin_backend *backend;
    kin_config *config = make_config("mask", "");
    expect_ok(kin_config_resolve(config));
    expect_ok(kin_pool_new(&pool, 2));
    expect_ok(kin_cpu_new(&backend, pool));
    kin_negatives n = { .query_of = of, .known = known, .known_start = known_start,
                        .column = column };
    kin_trainer t = { .config = config, .backend = backend, .negatives = &n, .steps = 1,
                      .size = MASKED_ROWS, .material.pair = pair, .batch.pairs = batch };
    expect_ok(kin_policy_read(&n.mask, "mask", "relative_margin:0.1"));
    expect_ok(kin_tape_new(&t.tape, backend));
    for (int i = 0; i < MASKED_ROWS; i++) {
        batch[i] = of[i] = i;
        pair[3 * i + KIN_PAIR_DOCUMENT] = 10 + i;
        known[i] = 10 + (i + 3) % 12;
        known_start[i + 1] = i + 1;
    }
    for (int i = 0; i < MASKED_COLUMNS - MASKED_ROWS; i++) column[i] = 19 + i;
    fill_units(q, MASKED_ROWS, 30, NULL, 0);
    fill_units(k, MASKED_COLUMNS, 31, q, MASKED_ROWS);
    kin_tape_reset(t.tape, 1, 0, true);
    kin_sides sides = { .rows = kin_tape_input(t.tape, MASKED_ROWS, WIDTH, q),
                        .columns = kin_tape_input(t.tape, MASKED_COLUMNS, WIDTH, k) };
    expect_ok(kin_negatives_mask(&t, &sides));
    int64_t masked = 0;
    for (int i = 0; i < MASKED_ROWS; i++)
        for (int j = 0; j < MASKED_COLUMNS; j++) {
            int64_t listed = 0;
            for (int64_t c = 0; c < sides.ignored; c++)
                listed += sides.ignored_row[c] == i && sides.ignored_col[c] == j;
            assert_int_equal(listed, is_masked(&t, q, k, i, j));
            masked += listed;
        }
    assert_int_equal(masked, sides.ignored);
    assert_true(masked > 9 && masked < 60);
    kin_tape_free(t.tape);
    backend->free(backend);
    kin_pool_free(pool);
    kin_config_free(config);
}

/* ---- the guide ------------------------------------------------------------------------------- */

/* Of each negative the guide thinks less than of the pair's document, by the margin. */
static void test_guide(void **state)
{
    (void)state;
    static mined m[TRAIN];
    char settings[600], text[256];
    kin_hit hits[DOCUMENTS];
    kin_search *s;
    kin_backend *backend;
    kin_pool *pool;
    snprintf(settings, sizeof settings, "negatives.source=model negatives.policy=guide:0.1 "
             "negatives.mask=guide negatives.guide=%s run.seed=3 schedule.steps=2",
             in_folder("search"));
    expect_ok(train("guided", settings, 2, NULL, NULL, NULL));
    const int n = read_mined(in_folder("guided/mined/step_0.tsv"), m, TRAIN);
    assert_true(n > 20 && n <= 64);
    expect_ok(kin_pool_new(&pool, 1));
    expect_ok(kin_cpu_new(&backend, pool));
    expect_ok(kin_search_open(&s, in_folder("search"), NULL, backend, NULL));
    for (int i = 0; i < n; i++) {
        int found;
        double own = NAN, other = NAN;
        make_query(m[i].pair, text);
        expect_ok(kin_search_query(s, text, DOCUMENTS, hits, &found));
        for (int h = 0; h < found; h++) {
            const int document = atoi(hits[h].id + 1);
            if (document == m[i].pair % DOCUMENTS) own = hits[h].score;
            if (document == m[i].document) other = hits[h].score;
        }
        assert_true(other <= own - 0.1 + 1e-5);
    }
    kin_search_close(s);
    backend->free(backend);
    kin_pool_free(pool);
}

/* ---- threads --------------------------------------------------------------------------------- */

static const char *const kinds[] = {
    "negatives.source=model negatives.policy=relative_margin:0.1,random negatives.every_steps=9",
    "negatives.source=model negatives.index=exact_int8 negatives.before=bm25 negatives.start=0.5 "
    "negatives.every=0.5 negatives.count=2",
    "negatives.source=model negatives.index=ivf negatives.before=random negatives.start=0.25 "
    "negatives.every_steps=11 negatives.policy=duplicate,near_duplicate:0.6,semihard:0.3",
    "negatives.source=bm25 negatives.policy=margin:1,random encoder.towers=separate "
    "negatives.mask=relative_margin:0.1",
    "negatives.source=random negatives.count=3 loss.name=triplet batch.token_dropout=0.2 "
    "batch.chunk=9",
    "negatives.queue=100 loss.direction=both_ways negatives.queue_start=0.3",
    "negatives.queue=70 encoder.momentum=0.9",
    "negatives.queue=50 negatives.source=random negatives.mask=relative_margin:0.1 batch.chunk=9",
    "negatives.queue=40 negatives.source=model negatives.every_steps=9 negatives.count=2 "
    "negatives.mask=relative_margin:0.1 encoder.momentum=0.9 loss.direction=both_ways",
    "negatives.source=model negatives.every=0.5 encoder.momentum=0.9 loss.direction=one_way "
    "batch.chunk=9",
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void test_threads(void **state)
{
    (void)state;
    static const int threads[] = { 1, 2, 8 };
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < 3; i++) {
            char run[32];
            snprintf(run, sizeof run, "threads%d_%d", k, threads[i]);
            expect_ok(train(run, kinds[k], threads[i], NULL, NULL, NULL));
            for (int step = 0; step < 40; step++) {
                const char *path = in_folder("threads%d_1/mined/step_%d.tsv", k, step);
                if (kin_file_exists(path))
                    expect_same_file(path, in_folder("%s/mined/step_%d.tsv", run, step));
            }
            expect_same_file(in_folder("threads%d_1/model/model.safetensors", k),
                             in_folder("%s/model/model.safetensors", run));
        }
    assert_true(kin_file_exists(in_folder("threads1_1/mined/step_0.tsv")));
    assert_true(kin_file_exists(in_folder("threads1_1/mined/step_11.tsv")));
    assert_true(kin_file_exists(in_folder("threads0_1/mined/step_36.tsv")));
}

/* ---- what is told ---------------------------------------------------------------------------- */

static double value_of(const char *line, const char *name)
{
    char quoted[80];
    snprintf(quoted, sizeof quoted, "\"%s\":", name);
    const char *at = strstr(line, quoted);
    return at ? strtod(at + strlen(quoted), NULL) : NAN;
}

/* A line for each time of mining, with as many negatives as its file; those of steps say how many
 * columns there were. */
static void test_log(void **state)
{
    (void)state;
    static mined m[4 * TRAIN];
    char line[2000];
    int times = 0, steps = 0;
    FILE *f = fopen(in_folder("threads2_1/metrics.jsonl"), "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        const int step = (int)value_of(line, "step");
        if (!isnan(value_of(line, "mine/chosen"))) {
            const int n = read_mined(in_folder("threads2_1/mined/step_%d.tsv", step - 1), m,
                                     4 * TRAIN);
            assert_int_equal(n, (int)value_of(line, "mine/chosen"));
            assert_int_equal(value_of(line, "mine/pairs") - value_of(line, "mine/without"), n);
            assert_true(value_of(line, "mine/dropped/relevant") >= 0);
            assert_true(value_of(line, "mine/dropped/semihard") >= 0);
            assert_true(value_of(line, "perf/mine_share") > 0);
            times++;
        }
        if (isnan(value_of(line, "train/mined"))) continue;
        assert_true(value_of(line, "train/mined") + 31 == value_of(line, "train/negatives"));
        steps++;
    }
    fclose(f);
    assert_int_equal(times, 5);                      /* at 0, 6, 17, 28, 39 */
    assert_int_equal(steps, 8);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void test_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        { "negatives.policy=hard", "negatives.policy" },
        { "negatives.policy=window:-1", "window.skip" },
        { "negatives.policy=guide", "negatives.guide" },
        { "negatives.source=best", "none|random" },
        { "negatives.source=model negatives.kinds=lemma", "'lemma'" },
        { "negatives.queue=9 loss.name=uniformity", "uniformity" },
        { "negatives.source=model loss.direction=views", "loss.direction" },
        { "negatives.source=model loss.name=alignment", "alignment" },
        { "negatives.source=model loss.name=barlow_twins", "barlow_twins" },
        { "negatives.source=bm25 loss.negatives=drawn loss.drawn=4 loss.direction=one_way",
          "loss.negatives" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_failure(train("refused", wrong[i][0], 1, NULL, NULL, NULL), KIN_USAGE, wrong[i][1]);
}

int main(void)
{
    if (!kin_store_available()) {
        printf("no HDF5: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search), cmocka_unit_test(test_columns),
        cmocka_unit_test(test_mask), cmocka_unit_test(test_guide),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_log),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
