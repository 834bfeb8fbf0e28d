/* Distinct strings in a growing block of bytes, found by a hash table. */
#include <stdlib.h>
#include <string.h>
#include "core/hash.h"
#include "data/wordpiece.h"

static uint32_t *slot_of(const kin_strings *s, const char *bytes, int64_t size)
{
    uint64_t i = kin_hash_bytes(bytes, (size_t)size, 0) & s->mask;
    for (;; i = (i + 1) & s->mask) {
        if (s->slots[i] == 0) return &s->slots[i];
        const int64_t *start = s->start + s->slots[i] - 1;
        if (start[1] - start[0] != size) continue;
        if (memcmp(s->bytes + start[0], bytes, (size_t)size) == 0) return &s->slots[i];
    }
}

static bool grow_table(kin_strings *s)
{
    uint64_t slots = s->slots ? 2 * (s->mask + 1) : 1024;
    uint32_t *fresh = calloc(slots, sizeof *fresh);
    int64_t *start = realloc(s->start, sizeof *start * (slots / 2 + 1));
    if (start) s->start = start;
    if (!fresh || !start) {
        free(fresh);
        return false;
    }
    if (s->count == 0) start[0] = 0;
    free(s->slots);
    s->slots = fresh;
    s->mask = slots - 1;
    s->count_room = (int64_t)slots / 2;
    for (int64_t i = 0; i < s->count; i++)
        *slot_of(s, s->bytes + start[i], start[i + 1] - start[i]) = (uint32_t)i + 1;
    return true;
}

static bool grow_bytes(kin_strings *s, int64_t size)
{
    int64_t room = 2 * s->bytes_room + size + 4096;
    char *grown = realloc(s->bytes, (size_t)room);
    if (!grown) return false;
    s->bytes = grown;
    s->bytes_room = room;
    return true;
}

int64_t kin_strings_find(const kin_strings *s, const char *bytes, int64_t size)
{
    return s->slots ? (int64_t)*slot_of(s, bytes, size) - 1 : -1;
}

int64_t kin_strings_add(kin_strings *s, const char *bytes, int64_t size)
{
    int64_t found = kin_strings_find(s, bytes, size);
    if (found >= 0) return found;
    if (s->count == INT32_MAX) return -1;
    if (s->count == s->count_room && !grow_table(s)) return -1;
    int64_t end = s->start[s->count];
    if (end + size > s->bytes_room && !grow_bytes(s, size)) return -1;
    memcpy(s->bytes + end, bytes, (size_t)size);
    *slot_of(s, bytes, size) = (uint32_t)++s->count;
    s->start[s->count] = end + size;
    return s->count - 1;
}

void kin_strings_free(kin_strings *s)
{
    free(s->bytes);
    free(s->start);
    free(s->slots);
    *s = (kin_strings){0};
}
