/* Scan: dot products of rows in bytes, and the rows whose scores may be among a query's best.
 *
 * A query's bytes are 0 .. 255 (its code + 128) and a row's -63 .. 63, so that the sum of two
 * products, which is what a multiplication gives, fits in 16 bits. Further sums may run over: begin
 * has taken the 128 out beforehand, and the length of a code is limited so that the sum of all fits
 * again (cpu/codes.c). So almost all of the work is one multiplication and one addition for each 32
 * bytes. AVX512-VNNI adds in 32 bits, and AMX whole tiles of them, to the same sums. */
#include <string.h>
#include "cpu/lists.h"
#include "cpu/loops/sums.h"

enum { STRIP = KIN_STRIP };

/* Some rows that a query's list or, the other way round, lists of rows may want. */
static __attribute__((noinline, cold)) void take(const kin_scan_block *b, int i, int64_t row,
                                                 uint32_t mask, const float *score)
{
    for (; mask; mask &= mask - 1) {
        const int j = __builtin_ctz(mask);
        if (score[j] > b->lists->least[b->who[i]])
            put_hit(b->lists, b->who[i], score[j], b->codes->id[row + j]);
    }
}

static __attribute__((noinline, cold)) void take_other(const kin_scan_block *b, int i, int64_t row,
                                                       uint32_t mask, const float *score)
{
    for (; mask; mask &= mask - 1) {
        const int j = __builtin_ctz(mask);
        put_hit(b->lists, row + j, score[j], b->codes->id[b->who[i]]);
    }
}

#define EACH_QUERY(X) X(0) X(1) X(2) X(3) X(4) X(5)

#if defined(__AVX512BW__) || defined(__AVX2__)
#include <immintrin.h>

/* Two vectors of rows side by side, LANES rows in each: a panel. */
#ifdef __AVX512BW__
enum { LANES = 16, TWO_STRIPS = 1 };
typedef __m512i whole;
typedef __m512 floats;
#define LOAD(p) _mm512_loadu_si512(p)
#define LOADF(p) _mm512_loadu_ps(p)
#define ONE(x) _mm512_set1_ps(x)
#define REPEAT(x) _mm512_set1_epi32(x)
#define PAIRS(a, b) _mm512_maddubs_epi16(a, b)
#define ADD(a, b) _mm512_add_epi16(a, b)
#define SUMS(a) _mm512_madd_epi16(a, _mm512_set1_epi16(1))
#define SCORES(dots, scale, bias) _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots), scale, bias)
#define TIMES(a, b) _mm512_mul_ps(a, b)
#define MORE(a, b) ((uint32_t)_mm512_cmp_ps_mask(a, b, _CMP_GT_OQ))
#define STORE(p, x) _mm512_storeu_ps(p, x)
#define SHIFTED(a, minus, plus) _mm512_add_ps(_mm512_sub_ps(a, minus), plus)
#else
enum { LANES = 8, TWO_STRIPS = 0 };
typedef __m256i whole;
typedef __m256 floats;
#define LOAD(p) _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define LOADF(p) _mm256_loadu_ps(p)
#define ONE(x) _mm256_set1_ps(x)
#define REPEAT(x) _mm256_set1_epi32(x)
#define PAIRS(a, b) _mm256_maddubs_epi16(a, b)
#define ADD(a, b) _mm256_add_epi16(a, b)
#define SUMS(a) _mm256_madd_epi16(a, _mm256_set1_epi16(1))
#define SCORES(dots, scale, bias) _mm256_fmadd_ps(_mm256_cvtepi32_ps(dots), scale, bias)
#define TIMES(a, b) _mm256_mul_ps(a, b)
#define MORE(a, b) ((uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GT_OQ)))
#define STORE(p, x) _mm256_storeu_ps(p, x)
#define SHIFTED(a, minus, plus) _mm256_add_ps(_mm256_sub_ps(a, minus), plus)
#endif

static inline int32_t four(const uint8_t *code)
{
    int32_t bytes;
    memcpy(&bytes, code, sizeof bytes);
    return bytes;
}

/* What turns dot products with LANES rows into scores. */
typedef struct { int64_t row; floats scale, bias; } panel;

static inline panel panel_at(const kin_codes *c, int64_t row)
{
    return (panel){ row, LOADF(c->scale + row), LOADF(c->bias + row) };
}

/* The other way round: lists of the rows that query i may get into. */
static inline __attribute__((always_inline)) void look_back(const kin_scan_block *b, int i, panel p,
                                                            floats score)
{
    const floats back = SHIFTED(score, p.bias, ONE(b->codes->bias[b->who[i]]));
    const uint32_t others = MORE(back, LOADF(b->lists->least + p.row));
    if (__builtin_expect(others != 0, 0)) {
        float all[LANES];
        STORE(all, back);
        take_other(b, i, p.row, others, all);
    }
}

/* The scores of query i with two panels; both: not the same one again. */
static inline __attribute__((always_inline)) void look(const kin_scan_block *b, int i, panel p,
                                                       panel q, bool both, whole left, whole right)
{
    const floats scale = ONE(b->scale[i]), least = ONE(b->lists->least[b->who[i]]);
    const floats score = SCORES(left, TIMES(p.scale, scale), p.bias);
    const floats next = SCORES(right, TIMES(q.scale, scale), q.bias);
    const uint32_t mask = MORE(score, least) | (both ? MORE(next, least) << LANES : 0);
    if (__builtin_expect(mask != 0, 0)) {
        float all[2 * LANES];
        STORE(all, score);
        STORE(all + LANES, next);
        take(b, i, p.row, mask, all);
    }
    if (!b->both) return;
    look_back(b, i, p, score);
    if (both) look_back(b, i, q, next);
}

/* The panels of one strip (AVX2) or two (AVX-512; of an odd number the last one twice). */
#define SCAN_NAME KIN_VARIANT(kin_scan_strips)
#define SCAN_TARGET
#include "cpu/loops/scan_body.h"

#if defined(__AVX512BW__)
#undef SUMS
#define SCAN_NAME KIN_VARIANT(kin_scan_vnni)
#define SCAN_TARGET __attribute__((target("avx512vnni")))
#define SCAN_VNNI
#include "cpu/loops/scan_body.h"
#include "cpu/loops/scan_amx.h"
#endif

#else

/* One query against one strip: what the others are compared with. */
static void look(const kin_scan_block *b, int i, int64_t row, const int32_t *dots)
{
    const kin_codes *c = b->codes;
    float score[STRIP], back[STRIP];
    uint32_t mask = 0, others = 0;
    for (int j = 0; j < STRIP; j++) {
        score[j] = (float)dots[j] * (c->scale[row + j] * b->scale[i]) + c->bias[row + j];
        mask |= (uint32_t)(score[j] > b->lists->least[b->who[i]]) << j;
    }
    take(b, i, row, mask, score);
    for (int j = 0; b->both && j < STRIP; j++) {
        back[j] = score[j] - c->bias[row + j] + c->bias[b->who[i]];
        others |= (uint32_t)(back[j] > b->lists->least[row + j]) << j;
    }
    take_other(b, i, row, others, back);
}

void KIN_VARIANT(kin_scan_strips)(const kin_scan_block *b)
{
    const kin_codes *c = b->codes;
    for (int64_t row = b->first; row < b->end; row += STRIP)
        for (int i = 0; i < b->queries; i++) {
            int32_t dots[STRIP];
            memcpy(dots, c->sum + row, sizeof dots);
            const int8_t *code = c->code + row * c->depth;
            for (int64_t k = 0; k < c->depth; k += 4, code += 4 * STRIP)
                for (int j = 0; j < STRIP; j++)
                    for (int n = 0; n < 4; n++)
                        dots[j] += (int32_t)b->code[i][k + n] * code[4 * j + n];
            look(b, i, row, dots);
        }
}

#endif

/* ---- rounding ------------------------------------------------------------------------------- */

enum { SIDE = 8 };                          /* columns looked at side by side */

float KIN_VARIANT(kin_round_row)(int64_t cols, int64_t depth, const real *x, float most,
                                 float length, int8_t *code)
{
    float top[SIDE] = { 0 }, square[SIDE] = { 0 };
    int64_t k = 0;
    for (; k + SIDE <= cols; k += SIDE)
        for (int j = 0; j < SIDE; j++) {
            const float v = (float)x[k + j], size = __builtin_fabsf(v);
            top[j] = size > top[j] ? size : top[j];
            square[j] += v * v;
        }
    for (int j = 0; k + j < cols; j++) {
        const float v = (float)x[k + j], size = __builtin_fabsf(v);
        top[j] = size > top[j] ? size : top[j];
        square[j] += v * v;
    }
    float half[2] = { 0, 0 }, largest = 0;
    for (int j = 0; j < SIDE; j++) {
        half[j / 2 % 2] += square[j];
        largest = top[j] > largest ? top[j] : largest;
    }
    const float longer = __builtin_sqrtf(half[0] > half[1] ? half[0] : half[1]);
    const float by_length = length / longer, by_top = most / largest;
    const float factor = by_length < by_top ? by_length : by_top;
    memset(code, 0, (size_t)depth);
    if (!(largest > 0) || !(factor < 1e30f)) return 0;
    for (k = 0; k < cols; k++) {
        const float v = (float)x[k] * factor;
        code[k] = (int8_t)(int32_t)(v + (v < 0 ? -0.5f : 0.5f));
    }
    return 1 / factor;
}
