/* Runs on items of classes and on pairs with scores: every loss that takes them, proxies, chunks,
 * resumed runs, features, and what cannot be trained. */
#include "tests/train/fixture.h"

#include "losses/loss.h"
#include "train/checkpoint.h"

enum { CLASSES = 10, EACH = 24, FEATURES = 13 };

static void add_item(kin_builder *b, int i, bool features)
{
    char text[256], id[32];
    float x[FEATURES];
    const int class = i % CLASSES;
    const int side = i / CLASSES % 6;
    make_query(class + DOCUMENTS * (i / CLASSES), text);
    snprintf(id, sizeof id, "i%d", i);
    const int32_t at = features ? kin_builder_text(b, "", 0)
                                : kin_builder_text(b, text, strlen(text));
    kin_builder_query(b, at, id, side < 4 ? KIN_TRAIN : side == 4 ? KIN_VALIDATION : KIN_TEST);
    kin_builder_query_label(b, class);
    for (int j = 0; j < FEATURES; j++)
        x[j] = (float)draw(7, FEATURES * i + j, 100) / 100 + (j == class ? 1.2f : 0);
    if (features) kin_builder_features(b, x, FEATURES);
}

static void write_store(kin_builder *b, const char *name)
{
    kin_import_report report;
    expect_ok(kin_builder_write(b, in_folder("%s", name), &report));
    kin_builder_free(b);
}

static void make_items(const char *name, bool features)
{
    kin_builder *b;
    char text[16];
    expect_ok(kin_builder_new(&b));
    kin_builder_source(b, "items");
    for (int c = 0; c < CLASSES; c++) {
        snprintf(text, sizeof text, "class %d", c);
        kin_builder_label(b, kin_builder_text(b, text, strlen(text)));
    }
    for (int i = 0; i < CLASSES * EACH; i++) add_item(b, i, features);
    write_store(b, name);
}

/* Two queries of topics, alike when the topics are the same or near. */
static void make_pairs(const char *name)
{
    kin_builder *b;
    expect_ok(kin_builder_new(&b));
    kin_builder_source(b, "pairs");
    for (int i = 0; i < 300; i++) {
        char left[256], right[256], id[32];
        const int far = (int)draw(8, i, 3);
        make_query(i, left);
        make_query(i + far * 7 + (far ? 0 : DOCUMENTS), right);
        snprintf(id, sizeof id, "p%d", i);
        const int32_t l = kin_builder_text(b, left, strlen(left));
        const int32_t r = kin_builder_text(b, right, strlen(right));
        kin_builder_query(b, l, id, i % 5 < 3 ? KIN_TRAIN : i % 5 == 3 ? KIN_VALIDATION : KIN_TEST);
        kin_builder_document(b, r, id);
        kin_builder_relation(b, i, i, 0);
        kin_builder_score(b, far ? (float)(far == 1 ? 0.25 : 0) : 1);
    }
    write_store(b, name);
}

static int open_stores(void **state)
{
    if (open_folder(state)) return -1;
    make_items("items.h5", false);
    make_items("features.h5", true);
    make_pairs("pairs.h5");
    return 0;
}

typedef struct { int steps; double first, last; int64_t stop_at; } course;

static void follow(void *state, const kin_progress *p)
{
    course *c = state;
    if (c->steps++ == 0) c->first = p->loss;
    c->last = p->loss_average;
    if (p->step == c->stop_at) kin_train_stop();
}

/* Trains on one of the stores. */
static kin_status run(const char *name, const char *store, const char *settings, int threads,
                      const kin_train_flags *flags, course *c, kin_train_outcome *o)
{
    char text[700];
    course unused = { 0 };
    const kin_watch watch = { .state = c ? c : &unused, .progress = follow };
    snprintf(text, sizeof text, "data.store=%s loss.direction=one_way %s", in_folder("%s", store),
             settings);
    return train(name, text, threads, flags, &watch, o);
}

/* The columns of a file of scores have the means of these marks. */
static void expect_means(const char *path, const kin_marks *marks, int64_t lines)
{
    double sum[KIN_MEASURES] = { 0 };
    char line[1000], expected[1000] = "query";
    int count;
    const char *const *names = kin_goal_measures(marks->goal, &count);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    for (int m = 0; m < count; m++)
        snprintf(expected + strlen(expected), 100, "\t%s", names[m]);
    assert_non_null(fgets(line, sizeof line, f));
    line[strcspn(line, "\n")] = 0;
    assert_string_equal(line, expected);
    for (int64_t i = 0; i < lines; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        char *at = strchr(line, '\t');
        for (int m = 0; m < count; m++) sum[m] += strtod(at, &at);
    }
    assert_null(fgets(line, sizeof line, f));
    fclose(f);
    for (int m = 0; m < count; m++)
        assert_true(fabs(sum[m] / (double)lines - marks->mean[m]) < 1e-12);
}

/* ---- every loss ------------------------------------------------------------------------------ */

static void test_every_loss(void **state)
{
    (void)state;
    int trained = 0;
    for (int i = 0; i < kin_losses.count; i++) {
        const kin_loss *l = kin_loss_of(kin_losses.items[i]);
        const int takes = l->takes ? l->takes : KIN_LABELS;
        char name[64], settings[200];
        course c = { 0 };
        snprintf(name, sizeof name, "loss_%s", l->entry.name);
        snprintf(settings, sizeof settings, "loss.name=%s eval.every=0 schedule.steps=30 "
                 "schedule.name=constant", l->entry.name);
        const kin_status status = run(name, "items.h5", settings, 2, NULL, &c, NULL);
        if (!(takes & (KIN_LABELS | KIN_PROXIES)) || (takes & KIN_TARGETS) ||
            l->form == KIN_COMPOSED) {
            if (status != KIN_USAGE) fail_msg("%s: status %d", l->entry.name, (int)status);
            continue;
        }
        expect_ok(status);
        if (c.steps != 30 || !(c.last < c.first))
            fail_msg("%s went from %g to %g", l->entry.name, c.first, c.last);
        trained++;
    }
    assert_true(trained >= 24);
}

/* The classes are found again, by a loss on the batch, by one on proxies and by their sum. */
static void test_learns(void **state)
{
    (void)state;
    static const char *const kinds[] = {
        "loss.name=supcon", "loss.name=proxy_anchor loss.proxy_rate=3",
        "loss.name=circle loss.candidates=proxies", "loss.sum=supcon:1,am_softmax:0.1",
        "loss.name=infonce batch.per_class=0",
    };
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        char name[32];
        kin_train_outcome o;
        snprintf(name, sizeof name, "learns%zu", k);
        expect_ok(run(name, "items.h5", kinds[k], 2, NULL, NULL, &o));
        const kin_results *r = &o.results;
        assert_true(o.evaluated && r->goal == KIN_GOAL_LABELS && r->classes == CLASSES);
        assert_int_equal(r->queries, CLASSES * EACH / 6);
        assert_string_equal(r->baseline, "tf-idf");
        if (!(r->model.mean[0] > 0.85 && r->model.mean[0] >= r->untrained.mean[0]))
            fail_msg("%s: %g, untrained %g", kinds[k], r->model.mean[0], r->untrained.mean[0]);
        assert_true(r->model.interval[0].low <= r->model.mean[0] &&
                    r->model.mean[0] <= r->model.interval[0].high);
        assert_true(kin_file_exists(in_folder("%s/eval/test/items.tsv", name)));
        expect_means(in_folder("%s/eval/test/model.tsv", name), &r->model, r->queries);
        expect_means(in_folder("%s/eval/test/tf-idf.tsv", name), &r->bm25, r->queries);
    }
}

/* ---- the same bits --------------------------------------------------------------------------- */

static const struct { const char *store, *settings; } repeated[] = {
    { "items.h5", "loss.name=supcon batch.token_dropout=0.2" },
    { "items.h5", "loss.name=proxy_nca optim.clip=1 batch.per_class=0" },
    { "features.h5", "encoder.name=mlp encoder.dim=8 encoder.hidden=12 encoder.dropout=0.2 "
                     "optim.lr=0.01 loss.sum=supcon,proxy_anchor" },
    { "pairs.h5", "loss.name=cosent" },
};
enum { REPEATED = sizeof repeated / sizeof *repeated };

static void expect_same_end(const char *a, const char *b)
{
    static const char *const files[] = { "model/model.safetensors",
                                         "checkpoints/step_40/state.safetensors" };
    for (int i = 0; i < 2; i++)
        expect_same_file(in_folder("%s/%s", a, files[i]), in_folder("%s/%s", b, files[i]));
    const char *scores = in_folder("%s/eval/test/items.tsv", a);
    const char *name = kin_file_exists(scores) ? "items.tsv" : "pairs.tsv";
    expect_same_file(in_folder("%s/eval/test/%s", a, name), in_folder("%s/eval/test/%s", b, name));
}

/* On one thread and on three, and stopped and gone on with. */
static void test_same_bits(void **state)
{
    (void)state;
    const kin_train_flags resume = { .resume = "latest" };
    for (int k = 0; k < REPEATED; k++) {
        char whole[32], threads[32], parts[32];
        course stopping = { .stop_at = 23 };
        snprintf(whole, sizeof whole, "whole%d", k);
        snprintf(threads, sizeof threads, "threads%d", k);
        snprintf(parts, sizeof parts, "parts%d", k);
        const char *store = repeated[k].store, *settings = repeated[k].settings;
        expect_ok(run(whole, store, settings, 1, NULL, NULL, NULL));
        expect_ok(run(threads, store, settings, 3, NULL, NULL, NULL));
        expect_same_end(whole, threads);
        assert_int_equal(run(parts, store, settings, 2, NULL, &stopping, NULL), KIN_STOPPED);
        expect_ok(run(parts, store, settings, 2, &resume, NULL, NULL));
        expect_same_end(whole, parts);
    }
}

/* In chunks the loss of the first steps is the same but for rounding. */
static void test_chunks(void **state)
{
    (void)state;
    for (int k = 0; k < REPEATED; k++) {
        char settings[300], name[32];
        course whole = { 0 }, chunks = { 0 };
        snprintf(settings, sizeof settings, "%s eval.every=0 schedule.steps=8",
                 repeated[k].settings);
        snprintf(name, sizeof name, "plain%d", k);
        expect_ok(run(name, repeated[k].store, settings, 2, NULL, &whole, NULL));
        strcat(settings, " batch.chunk=7");
        snprintf(name, sizeof name, "chunks%d", k);
        expect_ok(run(name, repeated[k].store, settings, 2, NULL, &chunks, NULL));
        if (!(fabs(whole.first - chunks.first) < 1e-4 * fabs(whole.first)) ||
            !(fabs(whole.last - chunks.last) < 1e-3 * fabs(whole.last)))
            fail_msg("%d: %g, %g; in chunks %g, %g", k, whole.first, whole.last, chunks.first,
                     chunks.last);
    }
}

/* ---- features and scores --------------------------------------------------------------------- */

static void test_features(void **state)
{
    (void)state;
    kin_train_outcome o;
    expect_ok(run("features", "features.h5", "encoder.name=mlp encoder.dim=16 encoder.hidden=24 "
                  "optim.lr=0.02 schedule.steps=80 loss.name=supcon", 2, NULL, NULL, &o));
    assert_string_equal(o.results.baseline, "features");
    if (!(o.results.model.mean[0] > 0.85 && o.results.model.mean[0] > o.results.untrained.mean[0]))
        fail_msg("%g, untrained %g, features %g", o.results.model.mean[0],
                 o.results.untrained.mean[0], o.results.bm25.mean[0]);
    assert_false(kin_file_exists(in_folder("features/model/tokenizer.json")));
}

static void test_scores(void **state)
{
    (void)state;
    kin_train_outcome o;
    expect_ok(run("scores", "pairs.h5", "loss.name=cosent optim.lr=0.05", 2, NULL, NULL, &o));
    const kin_results *r = &o.results;
    assert_true(r->goal == KIN_GOAL_SCORES && r->queries == 60);
    expect_means(in_folder("scores/eval/test/model.tsv"), &r->model, r->queries);
    expect_means(in_folder("scores/eval/test/tf-idf.tsv"), &r->bm25, r->queries);
    assert_true(kin_file_exists(in_folder("scores/eval/test/untrained.tsv")));
    if (!(r->model.mean[0] > 0.6 && r->model.mean[0] > r->untrained.mean[0]))
        fail_msg("spearman %g, untrained %g", r->model.mean[0], r->untrained.mean[0]);
}

/* A finished run is judged again, with the same numbers, and read back. */
static void test_judged_again(void **state)
{
    (void)state;
    static const char *const runs[] = { "learns0", "features", "scores" };
    for (int i = 0; i < 3; i++) {
        kin_results before, r, read;
        kin_backend *backend;
        kin_pool *pool;
        expect_ok(kin_results_load(&before, in_folder("%s/eval/test/results.json", runs[i])));
        expect_ok(kin_pool_new(&pool, 2));
        expect_ok(kin_cpu_new(&backend, pool));
        expect_ok(kin_evaluate_run(in_folder("%s", runs[i]), "test", false, backend, NULL, &r));
        expect_ok(kin_results_load(&read, in_folder("%s/eval/test/results.json", runs[i])));
        int count;
        kin_goal_measures(r.goal, &count);
        for (int m = 0; m < count; m++) {
            assert_true(fabs(r.model.mean[m] - before.model.mean[m]) < 1e-9);
            assert_true(fabs(read.bm25.mean[m] - r.bm25.mean[m]) < 1e-9);
            assert_true(fabs(read.untrained.mean[m] - before.untrained.mean[m]) < 1e-9);
        }
        assert_int_equal(read.goal, r.goal);
        backend->free(backend);
        kin_pool_free(pool);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct { const char *store, *settings, *words; } wrong[] = {
        { "items.h5", "loss.name=cosent", "which needs a target for each pair of texts, how alike "
          "they should be; a run trains on items of classes here" },
        { "items.h5", "loss.name=byol", "which needs pairs of texts that belong together; a run "
          "trains on items of classes here" },
        { "items.h5", "loss.negatives=drawn loss.drawn=3", "needs pairs" },
        { "items.h5", "eval.best_by=recall@20", "eval.best_by is 'recall@20', which needs queries" },
        { "pairs.h5", "loss.name=cosent eval.seen=remove", "eval.seen is 'remove', which needs" },
        { "items.h5", "encoder.momentum=0.9", "encoder.momentum needs pairs" },
        { "items.h5", "encoder.towers=separate", "items of classes have one side" },
        { "items.h5", "loss.direction=views", "loss.direction" },
        { "items.h5", "batch.per_class=2", "asks for 16 classes, and there are 10" },
        { "items.h5", "encoder.name=mlp", "'mlp', which takes features, and" },
        { "features.h5", "", "'static', which takes texts, and" },
        { "pairs.h5", "loss.name=infonce", "a run trains on pairs with scores here" },
        { "pairs.h5", "loss.name=distillation", "cosent and angle compare pairs" },
        { "pairs.h5", "loss.name=cosent loss.direction=both_ways", "one way" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char settings[200];
        const bool dense = strstr(wrong[i].settings, "mlp");
        snprintf(settings, sizeof settings, "%s%s", wrong[i].settings,
                 dense ? " encoder.dim=8" : "");
        expect_failure(run("refused", wrong[i].store, settings, 1, NULL, NULL, NULL), KIN_USAGE,
                       wrong[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_loss), cmocka_unit_test(test_learns),
        cmocka_unit_test(test_same_bits), cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_features), cmocka_unit_test(test_scores),
        cmocka_unit_test(test_judged_again), cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, open_stores, close_folder);
}
