#include "metrics/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "core/hash.h"

/* The slot that holds the name, or the free one where it belongs. */
static int64_t find_slot(const kin_names *names, const char *bytes, int64_t size)
{
    uint64_t mask = (uint64_t)names->slots - 1;
    uint64_t at = kin_hash_bytes(bytes, (size_t)size, 0) & mask;
    for (; names->slot[at]; at = (at + 1) & mask) {
        const int64_t *start = names->start + names->slot[at] - 1;
        if (start[1] - start[0] == size && !memcmp(names->bytes + start[0], bytes, (size_t)size))
            break;
    }
    return (int64_t)at;
}

/* Doubles the table when it is half full. */
static bool grow_slots(kin_names *names)
{
    if (2 * names->count < names->slots) return true;
    kin_names grown = *names;
    grown.slots = names->slots ? 2 * names->slots : 64;
    grown.slot = calloc((size_t)grown.slots, sizeof *grown.slot);
    if (!grown.slot) return false;
    for (int64_t i = 0; i < names->count; i++) {
        const int64_t *start = names->start + i;
        int64_t at = find_slot(&grown, names->bytes + start[0], start[1] - start[0]);
        grown.slot[at] = (int32_t)i + 1;
    }
    free(names->slot);
    *names = grown;
    return true;
}

static bool grow_bytes(kin_names *names, int64_t size)
{
    int64_t used = names->count ? names->start[names->count] : 0;
    if (!names->bytes || used + size > names->bytes_room) {
        int64_t room = 2 * (used + size) + 64;
        char *bytes = realloc(names->bytes, (size_t)room);
        if (!bytes) return false;
        names->bytes = bytes;
        names->bytes_room = room;
    }
    if (names->count + 2 > names->start_room) {
        int64_t room = 2 * names->count + 64;
        int64_t *start = realloc(names->start, sizeof *start * (size_t)room);
        if (!start) return false;
        names->start = start;
        names->start_room = room;
    }
    names->start[names->count] = used;
    return true;
}

int32_t kin_names_add(kin_names *names, const char *bytes, int64_t size)
{
    if (names->count >= INT32_MAX - 1 || !grow_slots(names)) return -1;
    int64_t at = find_slot(names, bytes, size);
    if (names->slot[at]) return names->slot[at] - 1;
    if (!grow_bytes(names, size)) return -1;
    int64_t used = names->start[names->count];
    memcpy(names->bytes + used, bytes, (size_t)size);
    names->start[++names->count] = used + size;
    names->slot[at] = (int32_t)names->count;
    return (int32_t)names->count - 1;
}

int32_t kin_names_find(const kin_names *names, const char *bytes, int64_t size)
{
    return names->slots ? names->slot[find_slot(names, bytes, size)] - 1 : -1;
}

kin_texts kin_names_texts(const kin_names *names)
{
    static const int64_t zero[1];
    if (names->count == 0) return (kin_texts){0, "", zero};
    return (kin_texts){names->count, names->bytes, names->start};
}

void kin_names_free(kin_names *names)
{
    free(names->bytes);
    free(names->start);
    free(names->slot);
    *names = (kin_names){0};
}
