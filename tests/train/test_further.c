/* What a run is judged by beside its own scores: hybrid retrieval, fresh documents; and a run that
 * begins with the weights of another. */
#include "tests/train/fixture.h"
#include "data/json.h"
#include "metrics/per_query.h"
#include "train/further.h"
#include "train/mine.h"

/* ---- hybrid and fresh ------------------------------------------------------------------------ */

static kin_results judge_run(const char *run, const char *split, unsigned also)
{
    kin_pool *pool;
    kin_backend *backend;
    kin_results r;
    expect_ok(kin_pool_new(&pool, 3));
    expect_ok(kin_cpu_new(&backend, pool));
    expect_ok(kin_evaluate_run(in_folder("%s", run), split, also, backend, NULL, &r));
    backend->free(backend);
    kin_pool_free(pool);
    return r;
}

static void expect_means(const kin_marks *marks, const char *tsv)
{
    kin_per_query *scores;
    expect_ok(kin_per_query_read(&scores, tsv));
    for (int m = 0; m < KIN_MEASURES; m++) {
        double sum = 0;
        for (int64_t q = 0; q < scores->queries; q++) sum += scores->value[m][q];
        assert_true(fabs(sum / (double)scores->queries - marks->mean[m]) < 1e-9);
    }
    kin_per_query_free(scores);
}

/* On the queries that choose the weight, it is at least as good as either alone. */
static void test_hybrid(void **state)
{
    (void)state;
    kin_train_outcome o;
    kin_results read;
    expect_ok(train("hybrid", "schedule.steps=10 eval.every=10 eval.hybrid=true "
                    "eval.best_by=ndcg@10", 2, NULL, NULL, &o));
    const kin_hybrid_results *h = &o.results.hybrid;
    assert_true(h->present && h->rrf.present && h->weighted.present && !o.results.fresh.present);
    assert_int_equal(h->measure, KIN_NDCG10);
    assert_string_equal(h->chosen_on, "validation");
    expect_means(&h->rrf, in_folder("hybrid/eval/test/rrf.tsv"));
    expect_means(&h->weighted, in_folder("hybrid/eval/test/weighted.tsv"));
    assert_true(fabs(h->against_bm25.difference - h->weighted.mean[KIN_NDCG10]
                     + o.results.bm25.mean[KIN_NDCG10]) < 1e-12);
    expect_ok(kin_results_load(&read, in_folder("hybrid/eval/test/results.json")));
    assert_true(read.hybrid.present && read.hybrid.measure == KIN_NDCG10);
    assert_true(fabs(read.hybrid.weight - h->weight) < 1e-9);
    assert_true(fabs(read.hybrid.weighted.mean[KIN_MAP] - h->weighted.mean[KIN_MAP]) < 1e-8);
    const kin_results v = judge_run("hybrid", "validation", 0);
    const double best = v.hybrid.weighted.mean[KIN_NDCG10];
    assert_true(v.hybrid.weight == h->weight);
    assert_true(best >= v.model.mean[KIN_NDCG10] && best >= v.bm25.mean[KIN_NDCG10]);
    assert_true(kin_file_exists(in_folder("hybrid/eval/test/weighted.trec")));
}

/* Asked for later, it is the same. */
static void test_hybrid_later(void **state)
{
    (void)state;
    expect_ok(train("late", "schedule.steps=10 eval.every=10 eval.best_by=ndcg@10", 2, NULL, NULL,
                    NULL));
    const kin_results r = judge_run("late", "test", KIN_ALSO_HYBRID | KIN_ALSO_FRESH);
    assert_true(r.hybrid.present && !r.fresh.present);         /* every document is known */
    static const char *const files[] = { "rrf.tsv", "weighted.tsv", "rrf.trec", "weighted.trec" };
    for (int i = 0; i < 4; i++)
        expect_same_file(in_folder("late/eval/test/%s", files[i]),
                         in_folder("hybrid/eval/test/%s", files[i]));
    expect_failure(train("no", "eval.hybrid=true eval.seen=remove", 1, NULL, NULL, NULL), KIN_USAGE,
                   "BM25 ranks every document");
}

/* Documents of training queries are not fresh for the others, those of validation not for test. */
static void test_fresh(void **state)
{
    (void)state;
    static const int64_t start[] = { 0, 1, 2, 3, 4, 5 };
    static const int32_t text[] = { 0, 1, 2, 3, 4 };
    static const uint8_t split[] = { KIN_TRAIN, KIN_VALIDATION, KIN_TEST, KIN_TEST };
    static const int32_t relation[] = { 0, 0, 1, 0, 1, 0, 1, 0, 1, 1, 2, 1,
                                        2, 0, 1, 2, 1, 2, 2, 2, 1, 3, 3, 3, 3, 4, 0 };
    const kin_texts five = { 5, "abcde", start }, four = { 4, "abcd", start };
    const kin_store s = { .texts = five, .documents = 5, .document_text = text,
                          .document_id = five, .queries = 4, .query_text = text,
                          .query_id = four, .query_split = split, .relations = 9,
                          .relation = relation };
    kin_judgements *j;
    int64_t left_out;
    expect_ok(kin_fresh_judgements(&j, &s, KIN_TEST, &left_out));
    assert_int_equal(left_out, 2);                             /* a is train's, c validation's */
    assert_memory_equal(j->start, ((int64_t[]){ 0, 1, 3 }), 24);
    assert_memory_equal(j->document, ((int32_t[]){ 1, 3, 4 }), 12);
    assert_memory_equal(j->grade, ((int32_t[]){ 2, 3, 0 }), 12);
    kin_judgements_free(j);
    expect_ok(kin_fresh_judgements(&j, &s, KIN_VALIDATION, &left_out));
    assert_int_equal(left_out, 1);
    assert_memory_equal(j->document, ((int32_t[]){ 2 }), 4);
    kin_judgements_free(j);
}

/* ---- a run that begins with another's weights ------------------------------------------------ */

static void test_begins_with(void **state)
{
    (void)state;
    char settings[600];
    kin_train_outcome first, second;
    expect_ok(train("first", "encoder.weights=fixed schedule.steps=10 eval.every=5", 2, NULL, NULL,
                    &first));
    snprintf(settings, sizeof settings, "encoder.weights=fixed encoder.from=%s schedule.steps=30 "
             "eval.every=15", in_folder("first"));
    expect_ok(train("second", settings, 3, NULL, NULL, &second));
    for (int m = 0; m < KIN_MEASURES; m++)
        assert_true(fabs(second.results.untrained.mean[m] - first.results.model.mean[m]) < 1e-6);
    expect_same_file(in_folder("first/eval/test/model.tsv"),
                     in_folder("second/eval/test/untrained.tsv"));
    expect_same_file(in_folder("first/model/tokenizer.json"),
                     in_folder("second/model/tokenizer.json"));
    assert_true(second.results.model.mean[KIN_MRR10] > first.results.model.mean[KIN_MRR10]);
}

static void test_cannot_begin_with(void **state)
{
    (void)state;
    char from[400], settings[900];
    snprintf(from, sizeof from, "encoder.from=%s", in_folder("first"));
    snprintf(settings, sizeof settings, "%s encoder.weights=fixed encoder.dim=8", from);
    expect_failure(train("no", settings, 1, NULL, NULL, NULL), KIN_DATA, "encoder.from");
    snprintf(settings, sizeof settings, "%s tokenizer.file=x.json", from);
    expect_failure(train("no", settings, 1, NULL, NULL, NULL), KIN_USAGE, "a tokenizer of its own");
    expect_failure(train("no", "encoder.from=/nowhere", 1, NULL, NULL, NULL), KIN_DATA,
                   "/nowhere is no run with a checkpoint");
    assert_false(kin_file_exists(in_folder("no")));
}

/* ---- mining for other programs --------------------------------------------------------------- */

static kin_status mine_guided(int threads, const char *policy, const char *guide, const char *out,
                              const char *tables, kin_mine_report *report)
{
    kin_pool *pool;
    kin_backend *backend;
    const kin_mine_order order = { .out = out, .tables = tables, .split = "test",
                                   .policy = policy, .guide = guide, .count = 3, .depth = 40,
                                   .seed = 5 };
    expect_ok(kin_pool_new(&pool, threads));
    expect_ok(kin_cpu_new(&backend, pool));
    const kin_status status = kin_mine_run(in_folder("hybrid"), &order, backend, NULL, report);
    backend->free(backend);
    kin_pool_free(pool);
    return status;
}

static kin_status mine(int threads, const char *policy, const char *out, const char *tables,
                       kin_mine_report *report)
{
    return mine_guided(threads, policy, NULL, out, tables, report);
}

/* The document of query "qN" is d(N mod DOCUMENTS): it is the positive, and no negative. */
static void look_mined(const char *line, size_t size, double margin, double *scores)
{
    kin_json_tree *tree;
    const kin_json *list;
    const char *query, *positive;
    double best, last = 2;
    expect_ok(kin_json_parse(&tree, "line", line, size));
    const kin_json *root = kin_json_root(tree);
    expect_ok(kin_json_need_string(tree, root, "query", &query));
    expect_ok(kin_json_need_string(tree, root, "positive", &positive));
    expect_ok(kin_json_need_number(tree, root, "positive_score", &best));
    expect_ok(kin_json_need(tree, root, "negatives", KIN_JSON_ARRAY, &list));
    assert_int_equal(atoi(query + 1) % DOCUMENTS, atoi(positive + 1));
    assert_in_range(list->count, 0, 3);
    for (const kin_json *n = list->first; n; n = n->next) {
        const char *id;
        double score;
        int64_t rank;
        expect_ok(kin_json_need_string(tree, n, "id", &id));
        expect_ok(kin_json_need_number(tree, n, "score", &score));
        expect_ok(kin_json_need_whole(tree, n, "rank", 1, 40, &rank));
        assert_string_not_equal(id, positive);
        assert_true(score <= best - margin * fabs(best) + 1e-6 && score <= last);
        last = score;
        *scores += score;
    }
    kin_json_free(tree);
}

static void test_mine(void **state)
{
    (void)state;
    static const char policy[] = "relative_margin:0.2 hardest";
    kin_mine_report r, again;
    char *bytes;
    size_t size;
    double scores = 0;
    expect_ok(mine(1, policy, in_folder("mined.jsonl"), in_folder("mined.h5"), &r));
    expect_ok(mine(3, policy, in_folder("again.jsonl"), NULL, &again));
    expect_same_file(in_folder("mined.jsonl"), in_folder("again.jsonl"));
    assert_memory_equal(r.bin, again.bin, sizeof r.bin);
    assert_int_equal(r.queries, HELD_OUT);
    expect_ok(kin_file_read(in_folder("mined.jsonl"), &bytes, &size));
    int lines = 0;
    for (char *at = bytes, *end; (end = strchr(at, '\n')); at = end + 1, lines++)
        look_mined(at, (size_t)(end - at), 0.2, &scores);
    free(bytes);
    assert_int_equal(lines, HELD_OUT);
    assert_true(r.negatives > 0 && fabs(scores / (double)r.negatives - r.mean[KIN_MINE_MINED])
                < 1e-5);
    int64_t all = 0;
    for (int b = 0; b < KIN_MINE_BINS; b++) all += r.bin[KIN_MINE_MINED][b];
    assert_int_equal(all, r.negatives);
    assert_int_equal(r.judged, 0);                   /* one relevant document a query */
    assert_true(kin_file_exists(in_folder("mined.h5")));
    expect_failure(mine(1, "hardes", in_folder("x.jsonl"), NULL, &r), KIN_USAGE, "hardest");
    expect_failure(mine(1, "guide", in_folder("x.jsonl"), NULL, &r), KIN_USAGE, "--guide RUN");
    expect_failure(mine_guided(1, "margin", in_folder("late"), in_folder("x.jsonl"), NULL, &r),
                   KIN_USAGE, "no policy of 'margin' asks one");
    expect_failure(mine_guided(1, "guide", in_folder("no"), in_folder("x.jsonl"), NULL, &r),
                   KIN_DATA, "no: there is no such folder");
    assert_false(kin_file_exists(in_folder("x.jsonl")));
}

/* A model that is its own guide gives what a margin of its scores gives; another has its own
 * opinion. */
static void test_mine_guided(void **state)
{
    (void)state;
    kin_mine_report own, margin, other;
    expect_ok(mine_guided(2, "guide:0.3", in_folder("hybrid"), in_folder("own.jsonl"),
                          in_folder("own.h5"), &own));
    expect_ok(mine(2, "margin:0.3", in_folder("margin.jsonl"), in_folder("margin.h5"), &margin));
    expect_same_file(in_folder("own.h5"), in_folder("margin.h5"));
    assert_true(own.dropped[0] > 0 && own.dropped[0] == margin.dropped[0]);
    expect_ok(mine_guided(2, "guide:0.3", in_folder("second"), in_folder("other.jsonl"), NULL,
                          &other));
    assert_true(other.dropped[0] > 0 && other.dropped[0] != own.dropped[0]);
}

static bool share_a_word(int d, int e)
{
    char words[256], text[256], wanted[64], *rest, *word;
    make_document(d, words);
    make_document(e, text);
    strcat(text, " ");
    for (word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        snprintf(wanted, sizeof wanted, "%s ", word);
        const char *at = strstr(text, wanted);
        if (at && (at == text || at[-1] == ' ')) return true;
    }
    return false;
}

/* Where no token may be shared, no word is. */
static void test_mine_near_duplicates(void **state)
{
    (void)state;
    static const char id[] = "\"id\":", positive[] = "\"positive\":";
    kin_mine_report r, all;
    char *bytes, *rest;
    size_t size;
    int sharing = 0, seen = 0;
    for (int free_of_them = 0; free_of_them < 2; free_of_them++) {
        const char *policy = free_of_them ? "near_duplicate:0.01 hardest" : "hardest";
        expect_ok(mine(2, policy, in_folder("near.jsonl"), NULL, free_of_them ? &r : &all));
        expect_ok(kin_file_read(in_folder("near.jsonl"), &bytes, &size));
        sharing = seen = 0;
        for (char *line = strtok_r(bytes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            const int own = atoi(strchr(strstr(line, positive) + sizeof positive, 'd') + 1);
            for (char *at = strstr(line, id); at; at = strstr(at + 1, id), seen++)
                sharing += share_a_word(own, atoi(strchr(at + sizeof id, 'd') + 1));
        }
        free(bytes);
        assert_int_equal(seen, (free_of_them ? &r : &all)->negatives);
        assert_true(seen > 0);
        if (!free_of_them) assert_true(sharing > 0);
    }
    assert_int_equal(sharing, 0);
    assert_true(r.dropped[0] > 0);
}

int main(void)
{
    if (!kin_store_available()) {
        printf("no HDF5: skipped\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hybrid), cmocka_unit_test(test_hybrid_later),
        cmocka_unit_test(test_fresh), cmocka_unit_test(test_begins_with),
        cmocka_unit_test(test_cannot_begin_with), cmocka_unit_test(test_mine),
        cmocka_unit_test(test_mine_guided), cmocka_unit_test(test_mine_near_duplicates),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
