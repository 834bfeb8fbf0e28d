/* Pairs of neighbouring tokens: how often they occur, in which words, and a heap of the most
 * frequent. The heap is corrected late: an entry whose count is no longer true is put back with the
 * true one when it comes up. */
#include <stdlib.h>
#include "core/hash.h"
#include "data/wordpiece.h"

/* Room for one more item; false (and failed) when memory is short. */
static bool grow(kin_pairs *p, void **items, size_t size, int64_t count, int64_t *room)
{
    if (count < *room) return true;
    int64_t larger = 2 * *room + 1024;
    void *grown = larger < INT32_MAX ? realloc(*items, size * (size_t)larger) : NULL;
    if (!grown) {
        p->failed = true;
        return false;
    }
    *items = grown;
    *room = larger;
    return true;
}

void kin_pairs_start(kin_pairs *pairs)
{
    *pairs = (kin_pairs){.link_free = -1};
}

void kin_pairs_free(kin_pairs *pairs)
{
    free(pairs->pair);
    free(pairs->slots);
    free(pairs->heap);
    free(pairs->links);
    free(pairs->grown);
    *pairs = (kin_pairs){0};
}

/* ---- pairs by key ---------------------------------------------------------------------------- */

static int32_t *slot_of(const kin_pairs *p, uint64_t key)
{
    uint64_t i = kin_mix64(key + 1) & p->mask;
    while (p->slots[i] != 0 && p->pair[p->slots[i] - 1].key != key) i = (i + 1) & p->mask;
    return &p->slots[i];
}

static bool grow_table(kin_pairs *p)
{
    if (p->slots && (uint64_t)p->count < (p->mask + 1) / 2) return true;
    uint64_t slots = p->slots ? 2 * (p->mask + 1) : 4096;
    int32_t *fresh = calloc(slots, sizeof *fresh);
    if (!fresh) {
        p->failed = true;
        return false;
    }
    free(p->slots);
    p->slots = fresh;
    p->mask = slots - 1;
    for (int32_t i = 0; i < p->count; i++) *slot_of(p, p->pair[i].key) = i + 1;
    return true;
}

/* Place of the pair, which is added when it is new; -1: no memory. */
static int32_t place_of(kin_pairs *p, uint64_t key)
{
    if (!grow_table(p)) return -1;
    int32_t *slot = slot_of(p, key);
    if (*slot != 0) return *slot - 1;
    if (!grow(p, (void **)&p->pair, sizeof *p->pair, p->count, &p->room)) return -1;
    p->pair[p->count] = (kin_pair){.key = key, .words = -1};
    *slot = (int32_t)++p->count;
    return *slot - 1;
}

/* ---- words of a pair ------------------------------------------------------------------------- */

static void add_word(kin_pairs *p, kin_pair *pair, int32_t word)
{
    if (pair->words >= 0 && p->links[pair->words].word == word) return;
    int32_t link = p->link_free;
    if (link >= 0) {
        p->link_free = p->links[link].next;
    } else {
        if (!grow(p, (void **)&p->links, sizeof *p->links, p->link_count, &p->link_room)) return;
        link = (int32_t)p->link_count++;
    }
    p->links[link] = (kin_pair_link){word, pair->words};
    pair->words = link;
}

void kin_pairs_change(kin_pairs *pairs, int32_t left, int32_t right, int64_t times, int32_t word)
{
    int32_t place = place_of(pairs, (uint64_t)left << 32 | (uint32_t)right);
    if (place < 0) return;
    kin_pair *pair = &pairs->pair[place];
    pair->count += times;
    if (times < 0) return;
    add_word(pairs, pair, word);
    if (pair->grown) return;
    if (!grow(pairs, (void **)&pairs->grown, sizeof *pairs->grown, pairs->grown_count,
              &pairs->grown_room)) return;
    pair->grown = true;
    pairs->grown[pairs->grown_count++] = place;
}

int32_t kin_pairs_take_words(kin_pairs *pairs, int32_t pair)
{
    int32_t first = pairs->pair[pair].words;
    pairs->pair[pair].words = -1;
    return first;
}

int32_t kin_pairs_drop_link(kin_pairs *pairs, int32_t link)
{
    int32_t next = pairs->links[link].next;
    pairs->links[link].next = pairs->link_free;
    pairs->link_free = link;
    return next;
}

/* ---- the heap -------------------------------------------------------------------------------- */

static bool before(const kin_pair_entry *a, const kin_pair_entry *b)
{
    return a->count != b->count ? a->count > b->count : a->key < b->key;
}

static void sift_down(kin_pairs *p, kin_pair_entry entry)
{
    int64_t i = 0;
    for (;;) {
        int64_t child = 2 * i + 1;
        if (child + 1 < p->heap_size && before(&p->heap[child + 1], &p->heap[child])) child++;
        if (child >= p->heap_size || !before(&p->heap[child], &entry)) break;
        p->heap[i] = p->heap[child];
        i = child;
    }
    p->heap[i] = entry;
}

static void push(kin_pairs *p, int32_t place)
{
    kin_pair *pair = &p->pair[place];
    if (pair->count < 1 || pair->count <= pair->queued) return;
    if (!grow(p, (void **)&p->heap, sizeof *p->heap, p->heap_size, &p->heap_room)) return;
    kin_pair_entry entry = {pair->count, pair->key, place};
    int64_t i = p->heap_size++;
    for (; i > 0 && before(&entry, &p->heap[(i - 1) / 2]); i = (i - 1) / 2)
        p->heap[i] = p->heap[(i - 1) / 2];
    p->heap[i] = entry;
    pair->queued = pair->count;
}

void kin_pairs_queue(kin_pairs *pairs)
{
    for (int32_t i = 0; i < pairs->grown_count; i++) {
        pairs->pair[pairs->grown[i]].grown = false;
        push(pairs, pairs->grown[i]);
    }
    pairs->grown_count = 0;
}

int32_t kin_pairs_pop(kin_pairs *pairs)
{
    while (pairs->heap_size > 0) {
        kin_pair_entry top = pairs->heap[0];
        pairs->heap_size--;
        if (pairs->heap_size > 0) sift_down(pairs, pairs->heap[pairs->heap_size]);
        kin_pair *pair = &pairs->pair[top.pair];
        if (top.count != pair->queued) continue;         /* a later entry stands for the pair */
        pair->queued = 0;
        if (pair->count == top.count) return top.pair;
        push(pairs, top.pair);
    }
    return -1;
}
