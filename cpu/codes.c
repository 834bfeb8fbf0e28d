/* Codes: rows and queries as bytes. A code is the row times a factor, rounded; the factor is as
 * large as the bytes allow and as the sums allow that the scan forms in 16 bits: half a query
 * times half a row is at most LENGTH squared (Cauchy, Schwarz), which is less than 2^15. */
#include <math.h>
#include <string.h>
#include "cpu/internal.h"

enum { LENGTH = 181, ROW_MOST = 63, QUERY_MOST = 127, ROWS = 64 };

/* Rounding makes a half longer, by half a unit in each of its columns at most. */
static float length_of(int64_t depth)
{
    return LENGTH - 0.5f * sqrtf((float)depth / 2);
}

typedef struct {
    const kin_loops *loops;
    kin_codes *codes;
    int64_t first, rows, cols, ldx, depth;
    const int32_t *which;
    const real *x;
    uint8_t *code;
    float *scale;
} job;

/* Column by column, four at a time, into the row's place in its strip. */
static void put_row(kin_codes *c, int64_t row, const int8_t *code)
{
    int8_t *to = c->code + row / KIN_STRIP * KIN_STRIP * c->depth + row % KIN_STRIP * 4;
    int32_t half[2] = { 0, 0 };
    for (int64_t k = 0; k < c->depth; k += 4, to += 4 * KIN_STRIP) {
        memcpy(to, code + k, 4);
        half[0] += code[k] + code[k + 1];
        half[1] += code[k + 2] + code[k + 3];
    }
    for (int h = 0; h < 2; h++)
        c->begin[2 * row + h] = (int16_t)(uint16_t)(uint32_t)(-128 * half[h]);
    c->sum[row] = -128 * (half[0] + half[1]);
}

static void encode_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    kin_codes *c = j->codes;
    int8_t code[KIN_CODE_DEPTH];
    (void)thread;
    for (int64_t i = task * ROWS; i < (task + 1) * ROWS && i < j->rows; i++) {
        const int64_t row = j->first + i, who = j->which ? j->which[i] : row;
        const real *x = j->x + who * j->ldx;
        c->id[row] = (int32_t)who;
        if (who >= 0) {
            c->scale[row] = j->loops->round_row(j->cols, j->depth, x, ROW_MOST,
                                                length_of(j->depth), code);
            c->bias[row] = j->ldx > j->cols ? (float)x[j->cols] : 0;
        } else {
            memset(code, 0, (size_t)j->depth);
            c->scale[row] = 0;
            c->bias[row] = -INFINITY;
        }
        put_row(c, row, code);
    }
}

void kin_cpu_encode(kin_backend *backend, kin_codes *codes, int64_t first, int64_t rows,
                    const int32_t *which, int64_t cols, const real *x, int64_t ldx)
{
    job j = { .loops = cpu_of(backend)->loops, .codes = codes, .first = first, .rows = rows,
              .cols = cols, .ldx = ldx, .depth = codes->depth, .which = which, .x = x };
    kin_pool_run(backend->pool, (rows + ROWS - 1) / ROWS, encode_task, &j);
}

static void query_task(void *context, int64_t task, int thread)
{
    const job *j = context;
    (void)thread;
    for (int64_t i = task * ROWS; i < (task + 1) * ROWS && i < j->rows; i++) {
        uint8_t *code = j->code + i * j->depth;
        j->scale[i] = j->loops->round_row(j->cols, j->depth, j->x + i * j->ldx, QUERY_MOST,
                                          length_of(j->depth), (int8_t *)code);
        for (int64_t k = 0; k < j->depth; k++) code[k] ^= 0x80;
    }
}

void kin_cpu_encode_queries(kin_backend *backend, int64_t queries, int64_t cols, const real *x,
                            int64_t ldx, uint8_t *code, float *scale)
{
    job j = { .loops = cpu_of(backend)->loops, .rows = queries, .cols = cols, .ldx = ldx,
              .depth = (cols + 3) / 4 * 4, .x = x, .code = code, .scale = scale };
    kin_pool_run(backend->pool, (queries + ROWS - 1) / ROWS, query_task, &j);
}
