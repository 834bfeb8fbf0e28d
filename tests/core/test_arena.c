/* The arena stops growing, and gives each caller memory of its own. */
#include "tests/core/common.h"
#include "core/arena.h"

static void takes_and_resets(void **state)
{
    kin_arena *arena;
    (void)state;
    assert_int_equal(kin_arena_new(&arena, NULL), KIN_OK);
    for (int step = 0; step < 4; step++) {
        unsigned char *piece[200];
        for (int i = 0; i < 200; i++) {
            piece[i] = kin_arena_take(arena, (size_t)(1 + i * 97));
            assert_non_null(piece[i]);
            assert_int_equal((uintptr_t)piece[i] % 64, 0);
            memset(piece[i], i, (size_t)(1 + i * 97));
        }
        for (int i = 0; i < 200; i++) {
            assert_int_equal(piece[i][0], i);
            assert_int_equal(piece[i][i * 97], i);
        }
        const kin_arena_stats before = kin_arena_read(arena);
        assert_true(before.used >= 200 && before.used <= before.capacity);
        kin_arena_reset(arena);
        assert_int_equal(kin_arena_read(arena).used, 0);
    }
    /* the second step joined the blocks, and from then on none was asked for */
    const long blocks = kin_arena_read(arena).blocks;
    for (int step = 0; step < 10; step++) {
        for (int i = 0; i < 200; i++) kin_arena_take(arena, (size_t)(1 + i * 97));
        kin_arena_reset(arena);
    }
    assert_int_equal(kin_arena_read(arena).blocks, blocks);
    kin_arena_free(arena);
    kin_arena_free(NULL);
}

static void marks(void **state)
{
    kin_arena *arena;
    (void)state;
    kin_arena_new(&arena, NULL);
    char *kept = kin_arena_take(arena, 100);
    memset(kept, 'k', 100);
    for (int i = 0; i < 20; i++) {
        const size_t mark = kin_arena_mark(arena);
        char *work = kin_arena_take(arena, 50000);
        char *more = kin_arena_take(arena, 300000);         /* in a block of its own */
        assert_true(work && more && work != kept);
        memset(work, 'w', 50000);
        memset(more, 'm', 300000);
        kin_arena_rewind(arena, mark);
        assert_int_equal(kin_arena_mark(arena), mark);
        char *again = kin_arena_take(arena, 50000);
        assert_ptr_equal(again, work);
        kin_arena_rewind(arena, mark);
    }
    for (int i = 0; i < 100; i++) assert_int_equal(kept[i], 'k');
    assert_int_equal(kin_arena_read(arena).blocks, 2);
    kin_arena_free(arena);
}

typedef struct {
    long blocks, limit;
} counted;

static void *counted_alloc(void *state, size_t bytes)
{
    counted *c = state;
    if (c->limit == 0) return NULL;
    c->limit--;
    c->blocks++;
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void counted_release(void *state, void *block)
{
    counted *c = state;
    c->blocks--;
    free(block);
}

static void other_memory(void **state)
{
    counted c = { 0, 3 };
    const kin_memory memory = { counted_alloc, counted_release, &c, false };
    kin_arena *arena;
    (void)state;
    kin_arena_new(&arena, &memory);
    for (int i = 0; i < 3; i++) assert_non_null(kin_arena_take(arena, 1 << 20));
    assert_null(kin_arena_take(arena, 16 << 20));           /* memory is short */
    kin_arena_reset(arena);                                 /* nor is there one for the whole */
    assert_int_equal(c.blocks, 0);
    c.limit = 1;
    assert_non_null(kin_arena_take(arena, 1 << 10));
    kin_arena_free(arena);
    assert_int_equal(c.blocks, 0);
}

static void absurd_sizes(void **state)
{
    kin_arena *arena;
    (void)state;
    kin_arena_new(&arena, NULL);
    assert_null(kin_arena_take(arena, SIZE_MAX));
    assert_null(kin_arena_take(arena, SIZE_MAX - 63));
    assert_null(KIN_TAKE(arena, double, SIZE_MAX / 8 + 2));
    assert_null(KIN_TAKE(arena, double, -1));
    assert_non_null(kin_arena_take(arena, 0));
    kin_arena_free(arena);
}

RUN(TEST(takes_and_resets), TEST(marks), TEST(other_memory), TEST(absurd_sizes))
