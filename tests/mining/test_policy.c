/* Policies against definitions written out one document at a time; chains and what they count. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "core/rng.h"
#include "mining/policy.h"

enum { DOCUMENTS = 60, LIST = 24, ROUNDS = 300, TOKENS = 6 };

static uint64_t key[DOCUMENTS];
static int64_t start[DOCUMENTS + 1];
static int32_t token[DOCUMENTS * TOKENS];

static uint64_t draw(int what, int i, uint64_t n)
{
    return kin_random_below(5, KIN_STREAM_TEST, (uint32_t)what, (uint64_t)i, n);
}

/* Some texts twice; some documents share all but one token. */
static int make_corpus(void **state)
{
    (void)state;
    int64_t used = 0;
    for (int d = 0; d < DOCUMENTS; d++) {
        key[d] = (uint64_t)(d % 23);
        start[d] = used;
        for (int t = 0; t < 12; t++)
            if (draw(1, (d % 7) * 12 + t, 3) == 0 || draw(2, d * 12 + t, 9) == 0)
                if (used - start[d] < TOKENS) token[used++] = t;
    }
    start[DOCUMENTS] = used;
    return 0;
}

static kin_policy_round round_of(double progress)
{
    return (kin_policy_round){ .corpus = { key, start, token }, .seed = 3, .round = 8,
                               .progress = progress };
}

/* A query with candidates, best first, scores below and above 0; a few without. */
static kin_policy_query make_query(int r, kin_candidate *list)
{
    static int32_t known[3];
    const double middle = (double)draw(3, r, 200) / 100 - 1;
    for (int i = 0; i < 3; i++) known[i] = (int32_t)(20 * i + (int)draw(4, 3 * r + i, 20));
    double score = middle + 0.5;
    for (int i = 0; i < LIST; i++) {
        score -= (double)draw(5, r * LIST + i, 100) / 1000;
        list[i] = (kin_candidate){ .document = (int32_t)draw(6, r * LIST + i, DOCUMENTS),
                                   .rank = i + 1, .score = (real)score,
                                   .guide = (real)((double)draw(7, r * LIST + i, 200) / 100 - 1) };
    }
    if (r % 9 == 0) list[r % LIST].score = (real)NAN;
    return (kin_policy_query){ .number = r, .positive = known[1],
                               .positive_score = r % 11 ? (real)middle : (real)NAN,
                               .positive_guide = (real)0.25, .known = known, .known_count = 3,
                               .key = 4 };
}

/* ---- definitions ----------------------------------------------------------------------------- */

static double resemblance(int32_t a, int32_t b)
{
    int both = 0, any = 0;
    for (int t = 0; t < 12; t++) {
        bool in[2] = { false, false };
        for (int64_t i = start[a]; i < start[a + 1]; i++) in[0] |= token[i] == t;
        for (int64_t i = start[b]; i < start[b + 1]; i++) in[1] |= token[i] == t;
        both += in[0] && in[1];
        any += in[0] || in[1];
    }
    return any ? (double)both / any : 0;
}

static bool is_copy(const kin_policy_query *q, const kin_candidate *list, int i)
{
    const uint64_t own = key[list[i].document];
    bool copy = own == q->key || own == key[q->positive];
    for (int k = 0; k < 3; k++) copy |= own == key[q->known[k]];
    for (int k = 0; k < i; k++) copy |= own == key[list[k].document];
    return copy;
}

/* Whether the policy drops candidate i of the list, by its definition. */
static bool drops(const char *name, const double *h, const kin_policy_round *round,
                  const kin_policy_query *q, const kin_candidate *list, int i)
{
    const real s = list[i].score, p = q->positive_score, by = (real)h[0];
    if (!strcmp(name, "duplicate")) return is_copy(q, list, i);
    if (!strcmp(name, "near_duplicate"))
        return resemblance(list[i].document, q->positive) >= h[0];
    if (!strcmp(name, "guide")) return list[i].guide > q->positive_guide - by;
    if (!strcmp(name, "ceiling")) return s > by;
    if (!strcmp(name, "margin")) return s > p - by;
    if (!strcmp(name, "relative_margin")) return s > (p < 0 ? p + by * p : p - by * p);
    if (!strcmp(name, "semihard")) return s >= p || s <= p - by;
    if (!strcmp(name, "window")) return i < h[0] || (h[1] > 0 && i >= h[0] + h[1]);
    if (!strcmp(name, "curriculum"))
        return i < (int)(LIST * ((1 - round->progress) * h[0] + round->progress * h[1]));
    return false;
}

static void check_policy(const char *chain_text, double progress)
{
    kin_policy_chain chain;
    if (kin_policy_read(&chain, "test", chain_text)) fail_msg("%s", kin_message());
    const kin_policy_round round = round_of(progress);
    const char *name = chain.link[0].policy->entry.name;
    int64_t all = 0, counted = 0;
    for (int r = 0; r < ROUNDS; r++) {
        kin_candidate list[LIST], given[LIST], want[LIST];
        const kin_policy_query q = make_query(r, list);
        int64_t dropped[KIN_CHAIN_MAX] = { 0 };
        int n = 0;
        memcpy(given, list, sizeof given);
        const int64_t kept = chain.link[0].policy->apply(&round, &q, chain.link[0].hypers, list,
                                                         LIST);
        for (int i = 0; i < LIST; i++)
            if (!drops(name, chain.link[0].hypers, &round, &q, given, i)) want[n++] = given[i];
        if (kept != n) fail_msg("%s: query %d: %d of %d stay", chain_text, r, (int)kept, n);
        for (int i = 0; i < n; i++) assert_int_equal(list[i].rank, want[i].rank);
        kin_policy_choose(&chain, &round, &q, given, LIST, 1, dropped);
        counted += dropped[0];
        all += LIST - n;
    }
    assert_int_equal(counted, all);
    if (!all || all == ROUNDS * LIST) fail_msg("%s drops %d", chain_text, (int)all);
}

static void test_definitions(void **state)
{
    (void)state;
    static const char *const chains[] = {
        "duplicate", "near_duplicate:0.5", "guide", "guide:0.3", "ceiling:0.2", "ceiling:-0.4",
        "margin", "margin:-0.1", "relative_margin:0.2", "relative_margin:1", "semihard",
        "semihard:0.05", "window:3", "window:4:5", "window:0:1", "curriculum:0.9:0.1",
    };
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        check_policy(chains[i], 0);
        check_policy(chains[i], 0.55);
        check_policy(chains[i], 1);
    }
}

/* With a negative score the limit lies below it, where a plain share would lie above. */
static void test_negative_scores(void **state)
{
    (void)state;
    kin_policy_chain chain;
    int64_t dropped[KIN_CHAIN_MAX] = { 0 };
    kin_candidate list[] = { { 1, 1, (real)-0.39, 0 }, { 2, 2, (real)-0.41, 0 },
                             { 3, 3, (real)-0.43, 0 } };
    const kin_policy_round round = round_of(0);
    const kin_policy_query q = { .positive = 0, .positive_score = (real)-0.4 };
    assert_int_equal(kin_policy_read(&chain, "test", "relative_margin:0.05"), KIN_OK);
    assert_int_equal(kin_policy_choose(&chain, &round, &q, list, 3, 3, dropped), 1);
    assert_int_equal(list[0].document, 3);
    assert_int_equal(dropped[0], 2);
}

/* ---- order ----------------------------------------------------------------------------------- */

static int64_t run(const char *text, int r, int64_t count, kin_candidate *list, int64_t *dropped)
{
    kin_policy_chain chain;
    if (kin_policy_read(&chain, "test", text)) fail_msg("%s", kin_message());
    const kin_policy_round round = round_of(0);
    kin_policy_query q = make_query(r, list);
    return kin_policy_choose(&chain, &round, &q, list, LIST, count, dropped);
}

/* Uniform: each place comes first about equally often; each document once; nobody is lost. */
static void test_random(void **state)
{
    (void)state;
    enum { TIMES = 6000 };
    int first[LIST] = { 0 };
    int64_t dropped[KIN_CHAIN_MAX] = { 0 };
    for (int r = 0; r < TIMES; r++) {
        kin_candidate list[LIST];
        assert_int_equal(run("random", r, 1, list, dropped), 1);
        first[list[0].rank - 1]++;
    }
    const double want = (double)TIMES / LIST;
    for (int i = 0; i < LIST; i++) assert_true(fabs(first[i] - want) < 5 * sqrt(want));
    assert_int_equal(dropped[0], 0);
    for (int r = 0; r < 50; r++) {
        kin_candidate list[LIST], again[LIST], whole[LIST];
        const int64_t n = run("random", r, LIST, list, dropped);
        assert_int_equal(run("random", r, LIST, again, dropped), n);
        assert_memory_equal(list, again, (size_t)n * sizeof *list);
        const int64_t different = run("hardest", r, LIST, whole, dropped);
        assert_int_equal(n, different);
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = 0; k < i; k++)
                assert_int_not_equal(list[i].document, list[k].document);
    }
}

/* After another order hardest is that of the search, but for documents without a score. */
static void test_hardest(void **state)
{
    (void)state;
    int64_t dropped[KIN_CHAIN_MAX] = { 0 };
    for (int r = 0; r < ROUNDS; r++) {
        kin_candidate list[LIST];
        const int64_t n = run("random hardest", r, LIST, list, dropped);
        for (int64_t i = 1; i < n; i++)
            assert_true(isnan((double)list[i].score) || list[i - 1].score >= list[i].score);
    }
}

/* Each link is asked of what the one before left, and counts its own. */
static void test_chain(void **state)
{
    (void)state;
    for (int r = 0; r < ROUNDS; r++) {
        kin_candidate list[LIST], once[LIST], then[LIST];
        int64_t dropped[KIN_CHAIN_MAX] = { 0 };
        const kin_policy_round round = round_of(0);
        kin_policy_query q = make_query(r, once);
        kin_policy_chain chain;
        run("window:2 relative_margin:0.1 hardest", r, 4, list, dropped);
        assert_int_equal(dropped[0], 2);
        assert_int_equal(kin_policy_read(&chain, "test", "relative_margin:0.1"), KIN_OK);
        memcpy(then, once + 2, (LIST - 2) * sizeof *then);
        const int64_t left = chain.link[0].policy->apply(&round, &q, chain.link[0].hypers, then,
                                                         LIST - 2);
        assert_int_equal(dropped[1], LIST - 2 - left);
        for (int64_t i = 0; i < left; i++)
            assert_true(isnan((double)then[i].score) || list[0].score >= then[i].score);
    }
}

static void test_list(void **state)
{
    (void)state;
    static const int32_t found[] = { 9, 4, 7, 1, 5, -1, 3 }, known[] = { 4, 5 };
    static const real score[] = { 6, 5, 4, 3, 2, 1, 0 };
    const kin_policy_query q = { .positive = 7, .known = known, .known_count = 2 };
    kin_candidate list[7];
    int64_t left_out = 0;
    assert_int_equal(kin_policy_list(&q, found, score, NULL, 7, 7, list, &left_out), 2);
    assert_int_equal(left_out, 3);
    assert_int_equal(list[1].document, 1);
    assert_int_equal(list[1].rank, 2);
    assert_true(list[1].score == 3);
    assert_int_equal(kin_policy_list(&q, found, score, NULL, 7, 1, list, &left_out), 1);
}

static void test_messages(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        { "", "is empty" }, { "randm", "random" }, { "window:1:2:3", "one more" },
        { "margin:x", "margin.margin" }, { "near_duplicate:2", "near_duplicate.overlap" },
        { "window:0.5", "whole" },
        { "random random random random random random random random random random random random "
          "random", "more than 12" },
    };
    kin_policy_chain chain;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(kin_policy_read(&chain, "negatives.policy", wrong[i][0]), KIN_USAGE);
        if (!strstr(kin_message(), wrong[i][1]) || !strstr(kin_message(), "negatives.policy"))
            fail_msg("'%s': %s", wrong[i][0], kin_message());
    }
    assert_int_equal(kin_policy_read(&chain, "test", " duplicate  near_duplicate "), KIN_OK);
    assert_int_equal(chain.count, 2);
    assert_int_equal(chain.needs, KIN_POLICY_KEYS | KIN_POLICY_TOKENS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_definitions), cmocka_unit_test(test_negative_scores),
        cmocka_unit_test(test_random), cmocka_unit_test(test_hardest),
        cmocka_unit_test(test_chain), cmocka_unit_test(test_list),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, make_corpus, NULL);
}
