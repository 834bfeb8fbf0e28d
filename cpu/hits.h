/* Hits: a score and its row as one whole number, and the best of many. Who includes this may
 * define HIT_FLOAT before: scores are then float in kin64 too. */
#ifndef KIN_CPU_HITS_H
#define KIN_CPU_HITS_H

#include <stdint.h>
#include "core/real.h"

/* Larger is better, and of equal scores the one of the earlier row is larger. */
#if defined(KIN_DOUBLE) && !defined(HIT_FLOAT)
typedef double hit_score;
typedef unsigned __int128 hit;
typedef uint64_t hit_bits;
#else
typedef float hit_score;
typedef uint64_t hit;
typedef uint32_t hit_bits;
#endif
static const hit_bits hit_sign = (hit_bits)1 << (8 * sizeof(hit_bits) - 1);
enum { HITS_SHORT = 16 };

static inline hit make_hit(hit_score score, int32_t index)
{
    union { hit_score x; hit_bits b; } both = { score + 0 };                 /* -0 becomes 0 */
    const hit_bits rank = both.b & hit_sign ? ~both.b : both.b | hit_sign;
    return (hit)rank << 32 | (UINT32_MAX - (uint32_t)index);
}

static inline int32_t index_of(hit h) { return (int32_t)(UINT32_MAX - (uint32_t)h); }

static inline hit_score score_of(hit h)
{
    const hit_bits rank = (hit_bits)(h >> 32);
    union { hit_bits b; hit_score x; } both = { rank & hit_sign ? rank ^ hit_sign : ~rank };
    return both.x;
}

static inline void swap(hit *a, hit *b)
{
    const hit kept = *a;
    *a = *b;
    *b = kept;
}

/* Moves the median of three to its place, what is larger before it and what is smaller behind;
 * returns the place. Hits are all different. The loop has no branch that could be guessed wrong. */
static inline int64_t split(hit *hits, int64_t n)
{
    hit *last = hits + n - 1, *middle = hits + n / 2;
    if (*middle > *hits) swap(middle, hits);
    if (*last > *hits) swap(last, hits);
    if (*middle > *last) swap(middle, last);
    const hit pivot = *last;
    int64_t place = 0;
    for (int64_t i = 0; i < n - 1; i++) {
        const hit h = hits[i];
        hits[i] = hits[place];
        hits[place] = h;
        place += h > pivot;
    }
    swap(hits + place, last);
    return place;
}

/* The k best of n come first, in any order. */
static inline void select_best(hit *hits, int64_t n, int64_t k)
{
    while (n > 1) {
        const int64_t place = split(hits, n);
        if (place == k || place == k - 1) return;
        if (place > k) {
            n = place;
        } else {
            hits += place + 1;
            n -= place + 1;
            k -= place + 1;
        }
    }
}

/* Best first. The shorter side is sorted by a call, so calls nest at most log2(n) deep. */
static inline void sort_hits(hit *hits, int64_t n)
{
    while (n > HITS_SHORT) {
        const int64_t place = split(hits, n), behind = n - place - 1;
        if (place < behind) {
            sort_hits(hits, place);
            hits += place + 1;
            n = behind;
        } else {
            sort_hits(hits + place + 1, behind);
            n = place;
        }
    }
    for (int64_t i = 1; i < n; i++) {
        const hit moved = hits[i];
        int64_t j = i;
        for (; j > 0 && hits[j - 1] < moved; j--) hits[j] = hits[j - 1];
        hits[j] = moved;
    }
}

#endif
