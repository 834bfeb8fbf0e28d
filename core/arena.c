/* Arena: a list of blocks; a reset makes one of several, so that the next step finds room. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "core/arena.h"

enum { ALIGNMENT = 64, HUGE_PAGE = 2 << 20, FIRST_BLOCK = 64 << 10, FIRST_LAZY = 32 << 20 };

/* Blocks are filled in order; a mark is a place in their common numbering: start + used. */
typedef struct block {
    struct block *next;
    char *bytes;
    size_t size, used;
    size_t start;                           /* sizes of all blocks before this one */
} block;

struct kin_arena {
    kin_memory memory;
    block *first, *last;                    /* last: the one being filled */
    kin_arena_stats stats;
};

void *kin_host_alloc(size_t bytes)
{
    const size_t unit = bytes >= HUGE_PAGE ? (size_t)HUGE_PAGE : (size_t)ALIGNMENT;
    if (bytes > SIZE_MAX - unit) return NULL;
    const size_t size = bytes > 0 ? (bytes + unit - 1) / unit * unit : unit;
    void *memory = NULL;
    if (posix_memalign(&memory, unit, size) != 0) return NULL;
    if (unit == HUGE_PAGE) madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

static void *host_alloc(void *state, size_t bytes)
{
    (void)state;
    return kin_host_alloc(bytes);
}

static void host_release(void *state, void *memory)
{
    (void)state;
    free(memory);
}

kin_status kin_arena_new(kin_arena **arena, const kin_memory *memory)
{
    static const kin_memory host = { host_alloc, host_release, NULL, false };
    *arena = calloc(1, sizeof **arena);
    KIN_REQUIRE(*arena, KIN_MEMORY, "arena: no memory");
    (*arena)->memory = memory ? *memory : host;
    return KIN_OK;
}

static void drop_blocks(kin_arena *arena)
{
    for (block *at = arena->first, *next; at; at = next) {
        next = at->next;
        arena->memory.release(arena->memory.state, at->bytes);
        free(at);
    }
    arena->first = arena->last = NULL;
    arena->stats.capacity = 0;
}

void kin_arena_free(kin_arena *arena)
{
    if (!arena) return;
    drop_blocks(arena);
    free(arena);
}

/* A new block at the end of the list, of `size` bytes exactly. */
static block *add_block(kin_arena *arena, size_t size)
{
    block *fresh = malloc(sizeof *fresh);
    char *bytes = fresh ? arena->memory.alloc(arena->memory.state, size) : NULL;
    if (!bytes) {
        free(fresh);
        return NULL;
    }
    *fresh = (block){ .bytes = bytes, .size = size, .start = arena->stats.capacity };
    if (arena->last) {
        fresh->next = arena->last->next;    /* NULL: last is the end of the list when it is full */
        arena->last->next = fresh;
    } else {
        arena->first = fresh;
    }
    arena->stats.capacity += size;
    arena->stats.blocks++;
    return fresh;
}

/* After a rewind the blocks behind the mark are still there, empty. */
static block *block_with_room(kin_arena *arena, size_t bytes)
{
    block *at = arena->last ? arena->last : arena->first;
    while (at && at->size - at->used < bytes && at->next) at = at->next;
    if (at && at->size - at->used >= bytes) return at;
    arena->last = at;
    const size_t first = arena->memory.lazy ? FIRST_LAZY : FIRST_BLOCK;
    size_t size = arena->stats.capacity > first ? arena->stats.capacity : first;
    block *fresh = add_block(arena, size > bytes ? size : bytes);
    return fresh || size <= bytes ? fresh : add_block(arena, bytes);
}

void *kin_arena_take(kin_arena *arena, size_t bytes)
{
    if (bytes > SIZE_MAX / 2) return NULL;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    block *from = block_with_room(arena, bytes);
    if (!from) return NULL;
    arena->last = from;
    void *taken = from->bytes + from->used;
    from->used += bytes;
    arena->stats.used = from->start + from->used;
    if (arena->stats.used > arena->stats.peak) arena->stats.peak = arena->stats.used;
    return taken;
}

void kin_arena_reset(kin_arena *arena)
{
    const size_t whole = arena->stats.capacity;
    if (arena->first && arena->first->next) {
        drop_blocks(arena);
        arena->last = add_block(arena, whole);      /* on failure the next take tries again */
    }
    kin_arena_rewind(arena, 0);
}

size_t kin_arena_mark(const kin_arena *arena)
{
    return arena->stats.used;
}

void kin_arena_rewind(kin_arena *arena, size_t mark)
{
    arena->last = arena->first;
    for (block *at = arena->first; at; at = at->next) {
        const size_t kept = mark > at->start ? mark - at->start : 0;
        if (kept > 0) arena->last = at;
        if (at->used > kept) at->used = kept;
    }
    arena->stats.used = mark;
}

kin_arena_stats kin_arena_read(const kin_arena *arena)
{
    return arena->stats;
}
