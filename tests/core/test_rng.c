/* Philox against its published answers, and the numbers made from it. */
#include "tests/core/common.h"
#include <math.h>
#include "core/hash.h"
#include "core/rng.h"

/* Known answers of philox4x32-10 from the authors' Random123 distribution. */
static const struct {
    uint32_t counter[4], key[2], want[4];
} known[] = {
    { { 0, 0, 0, 0 }, { 0, 0 }, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
    { { ~0u, ~0u, ~0u, ~0u }, { ~0u, ~0u },
      { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
    { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 }, { 0xa4093822, 0x299f31d0 },
      { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
};

static void known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const kin_philox_block got = kin_philox(known[i].counter, known[i].key);
        for (int w = 0; w < 4; w++) assert_int_equal(got.word[w], known[i].want[w]);
    }
}

/* Any of the four numbers changed gives other bits. */
static void streams_differ(void **state)
{
    (void)state;
    const uint64_t a = kin_random(1, 2, 3, 4);
    assert_true(a == kin_random(1, 2, 3, 4));
    assert_true(a != kin_random(2, 2, 3, 4) && a != kin_random(1, 3, 3, 4));
    assert_true(a != kin_random(1, 2, 4, 4) && a != kin_random(1, 2, 3, 5));
    assert_true(a != kin_random(1 + (1ull << 32), 2, 3, 4));
    assert_true(a != kin_random(1, 2, 3, 4 + (1ull << 32)));
}

enum { N = 100000 };

/* Within five standard errors of what the distributions have. */
static void moments(void **state)
{
    double sum = 0, squares = 0, normal = 0, normal2 = 0, normal4 = 0;
    (void)state;
    for (uint64_t i = 0; i < N; i++) {
        const double u = kin_random_uniform(7, KIN_STREAM_TEST, 0, i);
        const double z = kin_random_normal(7, KIN_STREAM_TEST, 1, i);
        assert_true(u >= 0 && u < 1 && isfinite(z));
        sum += u;
        squares += u * u;
        normal += z;
        normal2 += z * z;
        normal4 += z * z * z * z;
    }
    assert_true(fabs(sum / N - 0.5) < 5 * sqrt(1.0 / 12 / N));
    assert_true(fabs(squares / N - 1.0 / 3) < 5 * sqrt(4.0 / 45 / N));
    assert_true(fabs(normal / N) < 5 / sqrt(N));
    assert_true(fabs(normal2 / N - 1) < 5 * sqrt(2.0 / N));
    assert_true(fabs(normal4 / N - 3) < 5 * sqrt(96.0 / N));
}

static void below_is_even(void **state)
{
    int count[7] = { 0 };
    double chi = 0;
    (void)state;
    for (uint64_t i = 0; i < 70000; i++) {
        const uint64_t x = kin_random_below(3, KIN_STREAM_TEST, 0, i, 7);
        assert_true(x < 7);
        count[x]++;
    }
    for (int i = 0; i < 7; i++) chi += (count[i] - 1e4) * (count[i] - 1e4) / 1e4;
    assert_true(chi < 30);                          /* 6 degrees of freedom: p < 4e-5 */
    assert_true(kin_random_below(3, 1, 0, 0, 1) == 0);
}

/* Each word of each block, wherever the list begins. */
static void list_is_words_of_blocks(void **state)
{
    (void)state;
    int32_t all[103], part[103];
    kin_random_list(77, KIN_STREAM_TEST, 4, 0, 103, 1000003, all);
    for (uint32_t i = 0; i < 103; i++) {
        const uint32_t counter[4] = { i / 4, 0, KIN_STREAM_TEST, 4 }, key[2] = { 77, 0 };
        const uint64_t word = kin_philox(counter, key).word[i % 4];
        assert_int_equal(all[i], (word * 1000003) >> 32);
    }
    for (uint64_t from = 0; from < 9; from++) {
        kin_random_list(77, KIN_STREAM_TEST, 4, from, 90, 1000003, part);
        assert_memory_equal(part, all + from, 90 * sizeof *part);
    }
}

static void shuffle_is_a_permutation(void **state)
{
    static int32_t order[1000], again[1000];
    bool seen[1000] = { false };
    int fixed = 0;
    (void)state;
    kin_shuffle(1, KIN_STREAM_ORDER, 5, order, 1000);
    kin_shuffle(1, KIN_STREAM_ORDER, 5, again, 1000);
    assert_memory_equal(order, again, sizeof order);
    for (int i = 0; i < 1000; i++) {
        assert_in_range(order[i], 0, 999);
        assert_false(seen[order[i]]);
        seen[order[i]] = true;
        fixed += order[i] == i;
    }
    assert_in_range(fixed, 0, 8);                   /* one is expected */
    kin_shuffle(1, KIN_STREAM_ORDER, 6, again, 1000);
    assert_memory_not_equal(order, again, sizeof order);
    kin_shuffle(1, KIN_STREAM_ORDER, 6, again, 0);
}

/* All orders of three things come up equally often. */
static void shuffle_is_even(void **state)
{
    int count[27] = { 0 };
    (void)state;
    for (uint32_t i = 0; i < 6000; i++) {
        int32_t order[3];
        kin_shuffle(9, KIN_STREAM_TEST, i, order, 3);
        count[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    const int kinds[6] = { 5, 7, 11, 15, 19, 21 };
    for (int i = 0; i < 6; i++) assert_in_range(count[kinds[i]], 850, 1150);
}

/* splitmix64 from state 0 begins with these numbers. */
static void mixing(void **state)
{
    (void)state;
    assert_true(kin_mix64(0x9E3779B97F4A7C15u) == 0xE220A8397B1DCDAFu);
    assert_true(kin_mix64(2 * 0x9E3779B97F4A7C15u) == 0x6E789E6AA1B965F4u);
    assert_true(kin_hash_bytes("ab", 2, 0) != kin_hash_bytes("ab\0", 3, 0));
    assert_true(kin_hash_bytes("ab", 2, 0) != kin_hash_bytes("ab", 2, 1));
    assert_true(kin_hash_bytes("12345678x", 9, 0) != kin_hash_bytes("12345678y", 9, 0));
}

RUN(TEST(known_answers), TEST(streams_differ), TEST(moments), TEST(below_is_even),
    TEST(list_is_words_of_blocks),
    TEST(shuffle_is_a_permutation), TEST(shuffle_is_even), TEST(mixing))
