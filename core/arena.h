/* Arena: memory that is taken piece by piece and given back all at once. A step's intermediates
 * live in one; after the first step it no longer grows, so that training allocates nothing. */
#ifndef KIN_CORE_ARENA_H
#define KIN_CORE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "core/status.h"

typedef struct kin_arena kin_arena;

/* Where an arena's blocks come from: a device's memory, or NULL for the host's. */
typedef struct {
    void *(*alloc)(void *state, size_t bytes);
    void (*release)(void *state, void *block);
    void *state;
    bool lazy;                     /* costs nothing until it is touched: blocks are generous */
} kin_memory;

typedef struct {
    size_t used, peak, capacity;   /* bytes */
    long blocks;                   /* blocks asked of the memory since the arena was made */
} kin_arena_stats;

/* Host memory, 64-byte aligned; big blocks come in huge pages, which spares page faults and address
 * translation. NULL when memory is short; free() gives it back. */
void *kin_host_alloc(size_t bytes);

kin_status kin_arena_new(kin_arena **arena, const kin_memory *memory);
void kin_arena_free(kin_arena *arena);

/* bytes of 64-byte aligned memory, not cleared; NULL when memory is short. */
void *kin_arena_take(kin_arena *arena, size_t bytes);

/* Everything taken is given back. Several blocks become one that holds as much as all of them. */
void kin_arena_reset(kin_arena *arena);

size_t kin_arena_mark(const kin_arena *arena);             /* for work space inside one call: */
void kin_arena_rewind(kin_arena *arena, size_t mark);      /* gives back all taken since the mark */

kin_arena_stats kin_arena_read(const kin_arena *arena);

/* The same for count things of one size; NULL also when the bytes cannot be counted. */
static inline void *kin_arena_take_many(kin_arena *arena, size_t size, size_t count)
{
    return count > SIZE_MAX / size ? NULL : kin_arena_take(arena, size * count);
}

#define KIN_TAKE(arena, type, count) \
    ((type *)kin_arena_take_many((arena), sizeof(type), (size_t)(count)))

#endif
