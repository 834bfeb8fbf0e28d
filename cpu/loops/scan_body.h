/* The scan of scan.c by vectors, once for each way to multiply and add. */

#ifdef SCAN_VNNI
#define STEP(i)                                                              \
    const whole query##i = REPEAT(four(code##i + k));                        \
    left##i = _mm512_dpbusd_epi32(left##i, query##i, a);                     \
    right##i = _mm512_dpbusd_epi32(right##i, query##i, b);
#define BEGIN(row) LOAD(c->sum + (row))
#define SUMS(x) (x)
#else
#define STEP(i)                                                              \
    const whole query##i = REPEAT(four(code##i + k));                        \
    left##i = ADD(left##i, PAIRS(query##i, a));                              \
    right##i = ADD(right##i, PAIRS(query##i, b));
#define BEGIN(row) LOAD(c->begin + 2 * (row))
#endif

SCAN_TARGET void SCAN_NAME(const kin_scan_block *block)
{
    const kin_codes *c = block->codes;
    const int64_t depth = c->depth;
#define X(i) const uint8_t *const code##i = block->code[i];
    EACH_QUERY(X)
#undef X
    for (int64_t row = block->first; row < block->end; row += 2 * LANES) {
        const bool odd = TWO_STRIPS && row + STRIP == block->end;
        const int64_t next = odd ? row : row + LANES;
        const int8_t *from = c->code + row * depth;
        const int64_t beside = TWO_STRIPS ? (next - row) * depth : 4 * LANES;
        const whole begin = BEGIN(row), begin_next = BEGIN(next);
#define X(i) whole left##i = begin, right##i = begin_next;
        EACH_QUERY(X)
#undef X
        for (int64_t k = 0; k < depth; k += 4, from += 4 * STRIP) {
            const whole a = LOAD(from), b = LOAD(from + beside);
            EACH_QUERY(STEP)
        }
        const panel p = panel_at(c, row), q = panel_at(c, next);
#define X(i)                                                                 \
        if (i < block->queries)                                              \
            look(block, i, p, q, !odd, SUMS(left##i), SUMS(right##i));
        EACH_QUERY(X)
#undef X
    }
}

#undef STEP
#undef BEGIN
#undef SCAN_NAME
#undef SCAN_TARGET
