/* Arrays for `kin loss` that are none of what it takes, or do not fit each other: exit code 3, 4
 * where a number is not finite, 2 where the options themselves exclude each other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign.h"

static const char *in_box(const world *w, const char *name)
{
    static char path[PATH_ROOM * 2];
    snprintf(path, sizeof path, "%s/%s", w->box, name);
    return path;
}

/* A file of 128 bytes of header and the given values. */
static bool store(const world *w, const char *name, const char *type, const char *shape,
                  const void *values, size_t size)
{
    char bytes[4096];
    if (128 + size > sizeof bytes) return false;
    memset(bytes, ' ', 128);
    memcpy(bytes, "\x93NUMPY\x01\0v\0", 10);
    const int n = snprintf(bytes + 10, 100, "{'descr': '%s', 'fortran_order': False, 'shape': %s, "
                           "}", type, shape);
    bytes[10 + n] = ' ';
    bytes[127] = '\n';
    memcpy(bytes + 128, values, size);
    return file_store(in_box(w, name), bytes, 128 + size);
}

/* Well-formed, but of a type or shape that its place does not take. */
static bool wrong_shape(const world *w, dice *d, invocation *v)
{
    static const struct { const char *words, *type, *shape; size_t size; } forms[] = {
        { "loss infonce --query wrong.npy --document k.npy", "<f4", "(8,)", 32 },
        { "loss infonce --query wrong.npy --document k.npy", "<f4", "(2, 2, 2)", 32 },
        { "loss infonce --query wrong.npy --document k.npy", "<f4", "(0, 4)", 0 },
        { "loss infonce --query wrong.npy --document k.npy", "<f4", "(4, 2)", 32 },
        { "loss infonce --query wrong.npy --document k.npy", "<f8", "(8, 4)", 256 },
        { "loss infonce --query wrong.npy --document k.npy", "<i4", "(8, 4)", 128 },
        { "loss infonce --query q.npy --document wrong.npy", "<f4", "(7, 4)", 112 },
        { "loss infonce --query q.npy --label wrong.npy", "<i8", "(7,)", 56 },
        { "loss infonce --query q.npy --label wrong.npy", "<i8", "(8, 1)", 64 },
        { "loss infonce --query q.npy --label wrong.npy", "<f4", "(8,)", 32 },
        { "loss infonce --query q.npy --positive wrong.npy", "<i4", "(2, 4)", 32 },
        { "loss infonce --query q.npy --positive wrong.npy", "<i4", "(8,)", 32 },
        { "loss triplet --query q.npy --triplet wrong.npy", "<i4", "(3, 2)", 24 },
        { "loss infonce --query q.npy --document k.npy --negative wrong.npy", "<f4", "(2, 3)", 24 },
        { "loss infonce --query q.npy --document k.npy --negative wrong.npy", "<f4", "(2, 2, 4)",
          64 },
        { "loss infonce --query q.npy --label y.npy --proxy wrong.npy", "<f4", "(2, 3)", 24 },
        { "loss infonce --score wrong.npy", "<f4", "(4, 2)", 32 },
        { "loss infonce --score wrong.npy --label y.npy", "<f4", "(4, 4)", 64 },
    };
    static const char zeros[256];
    const size_t which = roll(d, sizeof forms / sizeof *forms);
    if (!store(w, "wrong.npy", forms[which].type, forms[which].shape, zeros, forms[which].size))
        return false;
    say_words(v, forms[which].words);
    if (roll(d, 2)) say_words(v, "--grad grad");
    note(v, "wrong.npy is %s of shape %s", forms[which].type, forms[which].shape);
    expect(v, CODE(3), "wrong.npy");
    also_named(v, "y.npy");
    return true;
}

static bool wrong_place(const world *w, dice *d, invocation *v)
{
    static const struct { const char *words, *shape; int count; } forms[] = {
        { "loss infonce --query q.npy --positive wrong.npy", "(4, 2)", 8 },
        { "loss sigmoid --query q.npy --document k.npy --positive wrong.npy", "(4, 3)", 12 },
        { "loss triplet --query q.npy --triplet wrong.npy", "(4, 3)", 12 },
        { "loss infonce --query q.npy --proxy k.npy --label wrong.npy", "(8,)", 8 },
        { "loss infonce --score s.npy --positive wrong.npy", "(4, 2)", 8 },
    };
    static const int64_t bad[] = { -2, 8, 9, 1000, INT32_MAX, INT32_MIN, (int64_t)INT32_MAX + 1,
                                   INT64_MAX, INT64_MIN };
    int64_t ids[12];
    const size_t which = roll(d, sizeof forms / sizeof *forms);
    const int n = forms[which].count;
    for (int i = 0; i < n; i++) ids[i] = (int64_t)roll(d, 2);
    const size_t at = roll(d, (uint64_t)n);
    ids[at] = PICK(d, bad);
    if (!store(w, "wrong.npy", "<i8", forms[which].shape, ids, (size_t)n * sizeof *ids))
        return false;
    say_words(v, forms[which].words);
    note(v, "number %zu of wrong.npy is %lld", at, (long long)ids[at]);
    expect(v, CODE(3), "wrong.npy: row");
    return true;
}

static bool not_finite(const world *w, dice *d, invocation *v)
{
    static const uint32_t bad[] = { 0x7fc00000, 0xffc00000, 0x7f800000, 0xff800000, 0x7f800001 };
    static const char *const forms[] = {
        "loss infonce --query wrong.npy --document k.npy", "loss sigmoid --score wrong.npy",
        "loss circle --query wrong.npy --label y.npy",
        "loss infonce --query q.npy --document wrong.npy --grad grad",
        "loss infonce --query q.npy --document k.npy --negative wrong.npy",
        "loss infonce --query q.npy --label y.npy --proxy wrong.npy",
    };
    uint32_t bits[32] = { 0 };
    const size_t at = roll(d, 32);
    bits[at] = PICK(d, bad);
    if (!store(w, "wrong.npy", "<f4", "(8, 4)", bits, sizeof bits)) return false;
    say_words(v, PICK(d, forms));
    note(v, "number %zu of wrong.npy has the bits %08x", at, bits[at]);
    expect(v, CODE(4), "wrong.npy: row");
    return true;
}

static bool arrays_excluded(const world *w, dice *d, invocation *v)
{
    static const char *const forms[][2] = {
        { "loss infonce --query q.npy --score s.npy", "--score" },
        { "loss infonce --score s.npy --negative k.npy", "--negative" },
        { "loss infonce --query q.npy --proxy k.npy", "--label" },
        { "loss infonce --query q.npy --proxy k.npy --label y.npy --document k.npy", "--proxy" },
        { "loss infonce --query q.npy --label y.npy --positive y.npy", "--positive" },
        { "loss infonce --query q.npy --label y.npy --label y.npy", "--label" },
        { "loss infonce --query q.npy --document k.npy --label y.npy --label y.npy --label y.npy",
          "--label" },
        { "loss infonce --query q.npy --label y.npy --negative k.npy", "--negative" },
        { "loss infonce --query q.npy --document k.npy --self", "--self" },
        { "loss infonce --query q.npy --document k.npy --target s.npy", "--target" },
        { "loss triplet --query q.npy --document k.npy --swap true", "--swap" },
        { "loss infonce --query q.npy --document k.npy --symmetric true --direction views",
          "--direction" },
        { "loss infonce --query q.npy --document k.npy --learn nothing", "nothing" },
        { "loss infonce --query q.npy --document k.npy --loss.margn 1", "margn" },
        { "loss infonce --query q.npy --document k.npy --grad .", "--grad" },
        { "loss infonce --query q.npy --document k.npy --grad=", "--grad" },
        { "loss infonce --query q.npy --document other/../q.npy --grad grad", "--grad" },
    };
    (void)w;
    const size_t which = roll(d, sizeof forms / sizeof *forms);
    say_words(v, forms[which][0]);
    expect(v, CODE(2), forms[which][1]);
    return true;
}

const mistake mistakes_arrays[] = {
    { "array of another shape", 3, wrong_shape }, { "place out of range", 2, wrong_place },
    { "number not finite", 2, not_finite }, { "arrays that exclude", 2, arrays_excluded },
    { NULL, 0, NULL }
};
