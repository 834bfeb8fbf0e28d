/* Short lists, cut: what the loops that fill them and the file that reads them share. */
#ifndef KIN_CPU_LISTS_H
#define KIN_CPU_LISTS_H

#define HIT_FLOAT
#include "cpu/hits.h"
#include "cpu/loops.h"

/* List i keeps its k best; what comes later must be better than the last of them. */
static inline void cut_list(kin_short_lists *l, int64_t i)
{
    hit *hits = l->hits + i * l->room;
    if (l->count[i] < l->k) return;
    select_best(hits, l->count[i], l->k);
    hit least = hits[0];
    for (int64_t h = 1; h < l->k; h++) least = hits[h] < least ? hits[h] : least;
    l->count[i] = (int32_t)l->k;
    l->least[i] = score_of(least);
}

static inline void put_hit(kin_short_lists *l, int64_t i, float score, int32_t id)
{
    l->hits[i * l->room + l->count[i]++] = make_hit(score, id);
    if (l->count[i] == l->room) cut_list(l, i);
}

#endif
