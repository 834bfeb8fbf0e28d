/* Damage to the bytes of a file, of the kinds that disks, transfers and editors do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign.h"

typedef struct {
    dice *d;
    char *bytes;
    size_t size;
    char *note;
    size_t room;
} patient;

static void flip_bits(patient *p)
{
    const int n = (int)(roll(p->d, 3) ? 1 : 1 + roll(p->d, 8));
    for (int i = 0; i < n && p->size; i++) {
        const size_t at = roll(p->d, p->size);
        p->bytes[at] = (char)(p->bytes[at] ^ (1 << roll(p->d, 8)));
        snprintf(p->note, p->room, "%d bits flipped, the last in byte %zu", n, at);
    }
}

static void truncate_tail(patient *p)
{
    p->size = p->size ? roll(p->d, p->size) : 0;
    snprintf(p->note, p->room, "cut to %zu bytes", p->size);
}

static void replace_run(patient *p)
{
    static const int fills[] = { 0, 255, ' ', -1 };
    if (!p->size) return;
    const size_t at = roll(p->d, p->size), most = p->size - at;
    const size_t n = 1 + roll(p->d, most < 64 ? most : 64);
    const int fill = PICK(p->d, fills);
    for (size_t i = 0; i < n; i++)
        p->bytes[at + i] = (char)(fill < 0 ? (int)roll(p->d, 256) : fill);
    snprintf(p->note, p->room, "%zu bytes at %zu replaced", n, at);
}

/* Takes out, or doubles, a stretch. */
static void move_stretch(patient *p)
{
    if (!p->size) return;
    const size_t at = roll(p->d, p->size), n = 1 + roll(p->d, p->size - at);
    const bool twice = roll(p->d, 2);
    if (twice) {
        p->bytes = realloc(p->bytes, p->size + n + 1);
        if (!p->bytes) abort();
        memmove(p->bytes + at + n, p->bytes + at, p->size - at);
        p->size += n;
    } else {
        memmove(p->bytes + at, p->bytes + at + n, p->size - at - n);
        p->size -= n;
    }
    snprintf(p->note, p->room, "%zu bytes at %zu %s", n, at, twice ? "doubled" : "taken out");
}

static void append(patient *p)
{
    const size_t n = 1 + roll(p->d, 100);
    p->bytes = realloc(p->bytes, p->size + n + 1);
    if (!p->bytes) abort();
    for (size_t i = 0; i < n; i++) p->bytes[p->size + i] = (char)roll(p->d, 256);
    p->size += n;
    snprintf(p->note, p->room, "%zu bytes appended", n);
}

static void empty(patient *p)
{
    p->size = 0;
    snprintf(p->note, p->room, "emptied");
}

/* NaN, infinity or a huge number where a float may lie; a length where a header has one. */
static void plant_number(patient *p)
{
    static const uint64_t words[] = { 0x7FC00000, 0x7F800000, 0xFF800000, 0x7F7FFFFF,
                                      0x7FF8000000000000, UINT64_MAX, 1u << 31, 0 };
    const uint64_t word = PICK(p->d, words);
    const size_t n = word >> 32 ? 8 : 4, front = roll(p->d, 2) ? 0 : p->size;
    if (p->size < 16) return;
    const size_t at = front ? roll(p->d, (p->size - 8) / 4) * 4 : 0;
    memcpy(p->bytes + at, &word, n);
    snprintf(p->note, p->room, "%llx planted at byte %zu", (unsigned long long)word, at);
}

static void edit_json(patient *p)
{
    damage_json(p->d, &p->bytes, &p->size, p->note, p->room);
}

bool damage_file(dice *d, const char *path, char *note, size_t room)
{
    static void (*const ways[])(patient *) = {
        flip_bits, flip_bits, truncate_tail, replace_run, move_stretch, append, empty,
        plant_number, edit_json, edit_json, edit_json
    };
    patient p = { .d = d, .note = note, .room = room };
    char *before;
    size_t size_before;
    if (!file_load(path, &before, &size_before)) return false;
    bool changed = false;
    for (int i = 0; i < 20 && !changed; i++) {
        p.size = size_before;
        p.bytes = malloc(size_before + 1);
        if (!p.bytes) abort();
        memcpy(p.bytes, before, size_before);
        PICK(d, ways)(&p);
        changed = p.size != size_before || memcmp(p.bytes, before, p.size);
        if (changed) changed = file_store(path, p.bytes, p.size);
        free(p.bytes);
    }
    free(before);
    return changed;
}
