/* The scan of scan.c by AMX: 16 queries times the 16 rows of a strip are one tile of sums, to which
 * an instruction adds 64 columns. Strips lie as such tiles want them. */

#define AMX __attribute__((target("amx-tile,amx-int8")))
#define IN_ORDER __asm__ volatile("" ::: "memory")     /* compilers do not see what tiles read */

enum { TILE_DEPTH = 64, SUMS_OF = 4 };

/* Tiles, besides the sums of SUMS_OF strips, 0 to 3; of the last columns there may be fewer. The
 * assembler wants their numbers. */
#define QUERY 4
#define ROWS 5
#define QUERY_END 6
#define ROWS_END 7

static inline AMX void shape_tiles(int columns_at_end)
{
    struct { uint8_t palette, start, unused[14]; uint16_t bytes[16]; uint8_t rows[16]; } shape;
    memset(&shape, 0, sizeof shape);
    shape.palette = 1;
    for (int i = 0; i <= ROWS; i++) shape.rows[i] = STRIP, shape.bytes[i] = TILE_DEPTH;
    if (columns_at_end) {
        shape.rows[QUERY_END] = STRIP, shape.bytes[QUERY_END] = (uint16_t)columns_at_end;
        shape.rows[ROWS_END] = (uint8_t)(columns_at_end / 4), shape.bytes[ROWS_END] = TILE_DEPTH;
    }
    IN_ORDER;
    _tile_loadconfig(&shape);
    IN_ORDER;
}

/* A few columns of the queries times those of up to four strips. */
#define ADD_STRIP(s, query, rows)                                                 \
    if (strips > s) {                                                             \
        _tile_loadd(rows, from + s * apart, TILE_DEPTH);                          \
        _tile_dpbusd(s, query, rows);                                             \
    }
#define MULTIPLY(query, rows)                                                     \
    do {                                                                          \
        _tile_loadd(query, code, TILE_DEPTH);                                     \
        ADD_STRIP(0, query, rows)                                                 \
        ADD_STRIP(1, query, rows)                                                 \
        ADD_STRIP(2, query, rows)                                                 \
        ADD_STRIP(3, query, rows)                                                 \
        IN_ORDER;                                                                 \
    } while (0)

/* The sums of queries with `strips` strips from `row` on. */
static inline AMX void sum_tiles(const kin_scan_block *b, int64_t row, int strips,
                                 int32_t sums[SUMS_OF][STRIP][STRIP])
{
    const int64_t depth = b->codes->depth, apart = STRIP * depth;
    uint8_t code[STRIP][TILE_DEPTH];
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t k = 0; k < depth; k += TILE_DEPTH) {
        const int8_t *from = b->codes->code + row * depth + k * STRIP;
        const int64_t left = depth - k;
        if (left < TILE_DEPTH) {
            for (int i = 0; i < STRIP; i++) memcpy(code[i], b->code[i] + k, (size_t)left);
            IN_ORDER;
            MULTIPLY(QUERY_END, ROWS_END);
        } else {
            for (int i = 0; i < STRIP; i++) memcpy(code[i], b->code[i] + k, TILE_DEPTH);
            IN_ORDER;
            MULTIPLY(QUERY, ROWS);
        }
    }
    _tile_stored(0, sums[0], TILE_DEPTH);
    _tile_stored(1, sums[1], TILE_DEPTH);
    _tile_stored(2, sums[2], TILE_DEPTH);
    _tile_stored(3, sums[3], TILE_DEPTH);
    IN_ORDER;
}

AMX void KIN_VARIANT(kin_scan_amx)(const kin_scan_block *block)
{
    const kin_codes *c = block->codes;
    int32_t sums[SUMS_OF][STRIP][STRIP];
    shape_tiles((int)(c->depth % TILE_DEPTH));
    for (int64_t row = block->first; row < block->end; row += SUMS_OF * STRIP) {
        const int64_t left = (block->end - row) / STRIP;
        const int strips = left < SUMS_OF ? (int)left : SUMS_OF;
        sum_tiles(block, row, strips, sums);
        for (int s = 0; s < strips; s += 2) {
            const bool both = s + 1 < strips;
            const int64_t at = row + s * STRIP, next = both ? at + STRIP : at;
            const panel p = panel_at(c, at), q = panel_at(c, next);
            const whole begin = LOAD(c->sum + at), begin_next = LOAD(c->sum + next);
            for (int i = 0; i < block->queries; i++)
                look(block, i, p, q, both, _mm512_add_epi32(begin, LOAD(sums[s][i])),
                     _mm512_add_epi32(begin_next, LOAD(sums[s + both][i])));
        }
    }
    _tile_release();
}

#undef QUERY
#undef ROWS
#undef QUERY_END
#undef ROWS_END
#undef ADD_STRIP
#undef MULTIPLY
#undef IN_ORDER
#undef AMX
