/* Recommending: runs on interactions, their negatives from all items, and their rankings beside an
 * obvious twin. Users of a group choose items of their group. */
#include "tests/train/fixture.h"

#include "data/import.h"
#include "data/numbers.h"
#include "encoders/model.h"
#include "metrics/retrieval.h"
#include "train/seen.h"

enum { USERS = 96, ITEMS = 120, GROUPS = 6, EACH = 14, HELD = 3 };

static bool likes(int user, int item)
{
    if (item % GROUPS == user % GROUPS) return draw(21, user * ITEMS + item, 100) < 80;
    return draw(22, user * ITEMS + item, 100) < 4;
}

/* The last of what a user likes is for the test. */
static int make_data(void **state)
{
    if (open_folder(state)) return -1;
    expect_ok(kin_folder_make(in_folder("data")));
    FILE *train_file = fopen(in_folder("data/train.txt"), "w");
    FILE *test_file = fopen(in_folder("data/test.txt"), "w");
    for (int u = 0; u < USERS; u++) {
        int liked[ITEMS], n = 0;
        for (int i = 0; i < ITEMS; i++)
            if (likes(u, (i * 7 + u) % ITEMS)) liked[n++] = (i * 7 + u) % ITEMS;
        fprintf(train_file, "%d", u);
        fprintf(test_file, "%d", u);
        for (int i = 0; i < n; i++) fprintf(i < n - HELD ? train_file : test_file, " %d", liked[i]);
        fprintf(train_file, "\n");
        fprintf(test_file, "\n");
    }
    if (fclose(train_file) || fclose(test_file)) return -1;
    int index;
    kin_import_report report;
    kin_import_setting setting = { .source = in_folder("data"), .out = in_folder("likes.h5"),
                                   .hypers = { 0.15 } };
    expect_ok(kin_list_find(&kin_importers, "interactions", &index));
    expect_ok(kin_import_run(index, &setting, &report));
    return 0;
}

/* The recipe in small; more: further settings. */
static kin_status recommend(const char *run, const char *more, int threads,
                            const kin_train_flags *flags, const kin_watch *watch,
                            kin_train_outcome *o)
{
    char settings[700];
    snprintf(settings, sizeof settings,
             "data.store=%s encoder.name=id encoder.towers=separate encoder.dropout=0.1 "
             "encoder.init_scale=0.01 loss.name=cosine_contrastive loss.similarity=dot "
             "loss.margin=0.3 loss.negative_weight=20 loss.direction=one_way loss.negatives=corpus "
             "loss.drawn=30 batch.distinct=false optim.lr=0.01 optim.dense=true optim.clip=1 "
             "schedule.name=constant schedule.warmup=0 eval.seen=remove eval.depth=100 %s",
             in_folder("likes.h5"), more);
    return train(run, settings, threads, flags, watch, o);
}

static void test_learns(void **state)
{
    (void)state;
    kin_train_outcome o;
    expect_ok(recommend("learns", "schedule.steps=300 eval.every=300", 2, NULL, NULL, &o));
    assert_true(o.evaluated && !o.results.bm25.present);
    assert_int_equal(o.results.queries, USERS);
    assert_int_equal(o.results.documents, ITEMS);
    const double now = o.results.model.mean[KIN_RECALL20];
    const double before = o.results.untrained.mean[KIN_RECALL20];
    if (!(now > before + 0.2)) fail_msg("recall@20 %.3f, untrained %.3f", now, before);
}

/* ---- the same bits --------------------------------------------------------------------------- */

static void expect_same_run(const char *a, const char *b)
{
    static const char *const files[] = { "model/model.safetensors", "eval/test/run.trec",
                                         "checkpoints/step_40/state.safetensors" };
    for (int i = 0; i < 3; i++)
        expect_same_file(in_folder("%s/%s", a, files[i]), in_folder("%s/%s", b, files[i]));
}

static void stop_at_13(void *state, const kin_progress *p)
{
    (void)state;
    if (p->step == 13) kin_train_stop();
}

static void test_threads_and_resume(void **state)
{
    (void)state;
    static const char *const kinds[] = { "", "loss.negatives=corpus_shared optim.dense=false",
                                         "loss.negatives=drawn batch.distinct=true optim.clip=0" };
    for (int k = 0; k < 3; k++) {
        char one[32], eight[32], parts[32], more[200];
        const kin_train_flags resume = { .resume = "latest" };
        const kin_watch watch = { .progress = stop_at_13 };
        snprintf(one, sizeof one, "one%d", k);
        snprintf(eight, sizeof eight, "eight%d", k);
        snprintf(parts, sizeof parts, "parts%d", k);
        snprintf(more, sizeof more, "%s", kinds[k]);
        expect_ok(recommend(one, more, 1, NULL, NULL, NULL));
        expect_ok(recommend(eight, more, 8, NULL, NULL, NULL));
        expect_failure(recommend(parts, more, 2, NULL, &watch, NULL), KIN_STOPPED, "step 13");
        expect_ok(recommend(parts, more, 3, &resume, NULL, NULL));
        expect_same_run(one, eight);
        expect_same_run(one, parts);
    }
}

/* ---- negatives ------------------------------------------------------------------------------- */

typedef struct { double loss, positives, negatives; } first_step;

static void note_first(void *state, const kin_progress *p)
{
    first_step *f = state;
    if (p->step == 1) *f = (first_step){ p->loss, p->positives, p->negatives };
}

static void test_samples(void **state)
{
    (void)state;
    first_step own, shared, batch;
    kin_watch watch = { .state = &own, .progress = note_first };
    expect_ok(recommend("own", "schedule.steps=2", 1, NULL, &watch, NULL));
    watch.state = &shared;
    expect_ok(recommend("shared", "schedule.steps=2 loss.negatives=corpus_shared", 1, NULL, &watch,
                        NULL));
    watch.state = &batch;
    expect_ok(recommend("batch", "schedule.steps=2 loss.negatives=drawn", 1, NULL, &watch, NULL));
    assert_true(own.positives == 1 && own.negatives == 30);
    assert_true(shared.positives == 1 && shared.negatives == 30);
    assert_true(own.loss != shared.loss && own.loss != batch.loss);
}

/* ---- rankings -------------------------------------------------------------------------------- */

typedef struct { double score; int item; } scored;

static int better(const void *left, const void *right)
{
    const scored *a = left, *b = right;
    char x[16], y[16];
    if (a->score != b->score) return a->score > b->score ? -1 : 1;
    snprintf(x, sizeof x, "%d", a->item);
    snprintf(y, sizeof y, "%d", b->item);
    return strcmp(y, x);
}

static int number_of(const kin_store *s, int32_t text)
{
    return kin_number_read(kin_text(&s->texts, text), kin_text_size(&s->texts, text));
}

/* Whether a pair has the user and item, of any kind but this. */
static bool paired(const kin_store *s, int user, int item, int64_t but)
{
    for (int64_t i = 0; i < s->pairs; i++) {
        const int32_t *pair = s->pair + 3 * i;
        if (but >= 0 && i >= s->source_start[but] && i < s->source_start[but + 1]) continue;
        if (number_of(s, pair[0]) == user && pair[2] == item) return true;
    }
    return false;
}

static double cosine(const kin_model *m, int user, int item)
{
    const kin_tensor *u = &m->network->weight[0].tensor, *v = &m->network->weight[1].tensor;
    double dot = 0, a = 0, b = 0;
    for (int64_t j = 0; j < u->cols; j++) {
        const double x = (double)u->value[user * u->cols + j];
        const double y = (double)v->value[item * u->cols + j];
        dot += x * y, a += x * x, b += y * y;
    }
    return dot / sqrt(a * b);
}

/* All items scored, what the user is paired with taken out, the rest sorted. */
static void judge_user(const kin_store *s, const kin_model *m, int user, int32_t query,
                       int64_t but, double *recall, double *ndcg)
{
    scored list[ITEMS];
    int n = 0, hits = 0, relevant = 0;
    double gain = 0, ideal = 0;
    for (int i = 0; i < ITEMS; i++)
        if (!paired(s, user, i, but)) list[n++] = (scored){ cosine(m, user, i), i };
    qsort(list, (size_t)n, sizeof *list, better);
    for (int64_t r = 0; r < s->relations; r++) {
        if (s->relation[3 * r] != query) continue;
        for (int rank = 0; rank < 20 && rank < n; rank++) {
            if (list[rank].item != s->relation[3 * r + 1]) continue;
            hits++;
            gain += 1 / log2(rank + 2);
        }
        if (relevant++ < 20) ideal += 1 / log2(relevant + 1);
    }
    *recall += (double)hits / relevant;
    *ndcg += gain / ideal;
}

static void expect_twin(const char *run, kin_split split, int64_t but, kin_backend *backend)
{
    kin_store *s;
    kin_model *m;
    kin_results results;
    double recall = 0, ndcg = 0;
    int queries = 0;
    expect_ok(kin_store_open(&s, in_folder("likes.h5")));
    expect_ok(kin_model_load(&m, backend, in_folder("%s/model", run)));
    expect_ok(kin_evaluate_run(in_folder("%s", run), split == KIN_TEST ? "test" : "validation",
                               false, backend, NULL, &results));
    for (int32_t q = 0; q < s->queries; q++) {
        if (s->query_split[q] != split) continue;
        judge_user(s, m, number_of(s, s->query_text[q]), q, but, &recall, &ndcg);
        queries++;
    }
    assert_int_equal(results.queries, queries);
    assert_true(fabs(results.model.mean[KIN_RECALL20] - recall / queries) < 1e-12);
    assert_true(fabs(results.model.mean[KIN_NDCG20] - ndcg / queries) < 1e-12);
    kin_model_free(m);
    kin_store_close(s);
}

static void test_rankings(void **state)
{
    (void)state;
    kin_backend *backend;
    kin_pool *pool;
    expect_ok(kin_pool_new(&pool, 2));
    expect_ok(kin_cpu_new(&backend, pool));
    expect_ok(recommend("ranked", "", 2, NULL, NULL, NULL));
    expect_twin("ranked", KIN_TEST, -1, backend);
    expect_twin("ranked", KIN_VALIDATION, 1, backend);
    backend->free(backend);
    kin_pool_free(pool);
}

/* ---- public data, where they are ------------------------------------------------------------- */

/* How often a document is in the pairs, as a column of embeddings of one number. */
static real *count_choices(const kin_store *s)
{
    real *times = calloc((size_t)s->documents, sizeof *times);
    for (int64_t i = 0; i < s->pairs; i++) times[s->pair[3 * i + KIN_PAIR_DOCUMENT]]++;
    return times;
}

/* The store as if users from this one on had no part to be judged by. */
static kin_store first_users(const kin_store *s, int users)
{
    kin_store first = *s;
    uint8_t *split = malloc((size_t)s->queries);
    memcpy(split, s->query_split, (size_t)s->queries);
    for (int64_t q = 0; q < s->queries; q++)
        if (number_of(s, s->query_text[q]) >= users) split[q] = KIN_TRAIN;
    first.query_split = split;
    return first;
}

/* The first users of Gowalla ranked by popularity: NumPy's figures but for ties. Of all users it is
 * 0.0416 and 0.0317. */
static void test_popularity(void **state)
{
    enum { FIRST = 2000 };
    (void)state;
    static const char source[] = KIN_SOURCE "/../shared/data/gowalla";
    if (!kin_file_exists(source)) skip();
    int index;
    kin_import_report report;
    kin_import_setting setting = { .source = source, .out = in_folder("gowalla.h5"),
                                   .hypers = { 0.1 } };
    kin_store *s;
    kin_judgements *j;
    kin_seen seen;
    kin_retrieval *retrieval;
    kin_ranking_scores *scores;
    kin_run *run;
    kin_arena *work;
    kin_backend *backend;
    kin_pool *pool;
    expect_ok(kin_list_find(&kin_importers, "interactions", &index));
    expect_ok(kin_import_run(index, &setting, &report));
    expect_ok(kin_store_open(&s, in_folder("gowalla.h5")));
    assert_int_equal(s->pairs, 810128);
    expect_ok(kin_judgements_of_store(&j, s, KIN_TEST));
    expect_ok(kin_seen_make(&seen, s, j, KIN_TEST));
    assert_int_equal(seen.start[j->rows], 810128);         /* every user is in the test part */
    assert_int_equal(j->start[j->rows], 217242);
    kin_seen_free(&seen);
    kin_judgements_free(j);
    const kin_store first = first_users(s, FIRST);
    expect_ok(kin_judgements_of_store(&j, &first, KIN_TEST));
    expect_ok(kin_seen_make(&seen, &first, j, KIN_TEST));
    expect_ok(kin_pool_new(&pool, 2));
    expect_ok(kin_cpu_new(&backend, pool));
    expect_ok(kin_arena_new(&work, NULL));
    real *ones = malloc((size_t)j->rows * sizeof *ones), *times = count_choices(s);
    for (int64_t r = 0; r < j->rows; r++) ones[r] = 1;
    expect_ok(kin_retrieval_new(&retrieval, backend, j->rows, 1, ones, 100));
    kin_retrieval_skip(retrieval, seen.start, seen.document);
    expect_ok(kin_retrieval_add(retrieval, work, s->documents, times));
    expect_ok(kin_retrieval_finish(retrieval, &run));
    expect_ok(kin_run_evaluate(&scores, run, pool, j));
    assert_int_equal(scores->queries, FIRST);
    assert_true(fabs(scores->mean[KIN_RECALL20] - 0.03720) < 2e-4);
    assert_true(fabs(scores->mean[KIN_NDCG20] - 0.04245) < 2e-4);
    kin_ranking_scores_free(scores);
    kin_run_free(run);
    kin_seen_free(&seen);
    kin_judgements_free(j);
    kin_store_close(s);
    kin_arena_free(work);
    backend->free(backend);
    kin_pool_free(pool);
    free((void *)first.query_split);
    free(ones);
    free(times);
}

/* ---- the validation part --------------------------------------------------------------------- */

typedef struct { kin_estimate estimate; int validations; int64_t last; } seen_run;

static void note_estimate(void *state, const kin_estimate *e)
{
    ((seen_run *)state)->estimate = *e;
}

static void note_scores(void *state, int64_t step, const char *split, const char *what,
                        const kin_marks *marks)
{
    (void)marks;
    seen_run *s = state;
    s->validations += step > 0 && !strcmp(split, "validation") && !strcmp(what, "model");
}

static void note_step(void *state, const kin_progress *p) { ((seen_run *)state)->last = p->step; }

static seen_run watch_run(const char *run, const char *more)
{
    seen_run s = { .validations = 0 };
    const kin_watch watch = { .state = &s, .estimate = note_estimate, .scores = note_scores,
                              .progress = note_step };
    expect_ok(recommend(run, more, 2, NULL, &watch, NULL));
    return s;
}

static void test_validation(void **state)
{
    (void)state;
    const seen_run held = watch_run("held", ""), all = watch_run("all", "data.validation=trained");
    const int64_t pairs = held.estimate.pairs;
    const int64_t used[2] = { 32 * held.estimate.steps_per_epoch + held.estimate.dropped,
                              32 * all.estimate.steps_per_epoch + all.estimate.dropped };
    assert_int_equal(held.validations, 2);
    assert_int_equal(all.validations, 0);
    assert_int_equal(used[1], pairs);
    assert_in_range(used[0], pairs * 75 / 100, pairs * 93 / 100);
    /* a rate of 0 never gets better: the first evaluation stays the best, and two more end it */
    const seen_run stopped = watch_run("stopped", "optim.lr=0 eval.every=5 eval.patience=2 "
                                                  "eval.best_by=ndcg@20");
    assert_int_equal(stopped.last, 15);
    assert_int_equal(stopped.validations, 3);
}

static void test_refused(void **state)
{
    (void)state;
    expect_failure(recommend("x", "encoder.items=50", 1, NULL, NULL, NULL), KIN_USAGE,
                   "encoder.items is 50, but ");
    char words[600];
    snprintf(words, sizeof words, "data.store=%s", in_folder("store.h5"));
    expect_failure(recommend("x", words, 1, NULL, NULL, NULL), KIN_DATA,
                   "is not a whole number, which encoder.name = id looks up");
    expect_failure(recommend("x", "encoder.towers=shared", 1, NULL, NULL, NULL), KIN_USAGE,
                   "expected separate");
    expect_failure(recommend("x", "batch.chunk=8", 1, NULL, NULL, NULL), KIN_USAGE,
                   "batch.chunk embeds documents in parts");
    expect_failure(train("x", "loss.negatives=corpus loss.drawn=3 loss.direction=one_way", 1, NULL,
                         NULL, NULL), KIN_USAGE, "embed every document in each step");
}

int main(void)
{
    if (!kin_store_available()) {
        printf("no HDF5: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns), cmocka_unit_test(test_threads_and_resume),
        cmocka_unit_test(test_samples), cmocka_unit_test(test_rankings),
        cmocka_unit_test(test_popularity),
        cmocka_unit_test(test_validation), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, make_data, close_folder);
}
