#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "core/hash.h"
#include "core/rng.h"

float bench_uniform(uint64_t seed, uint64_t i)
{
    const uint64_t z = kin_mix64((seed << 40) + i + UINT64_C(0x9e3779b97f4a7c15) * (i + 1));
    return (float)((double)(z >> 40) * 0x1p-24 - 0.5);
}

void bench_fill(uint64_t seed, int64_t n, real *x)
{
    for (int64_t i = 0; i < n; i++) x[i] = (real)bench_uniform(seed, (uint64_t)i);
}

void bench_pairs(int64_t n, real *q, real *k)
{
    for (int64_t i = 0; i < n; i++) {
        const float own = bench_uniform(1, (uint64_t)i), other = bench_uniform(2, (uint64_t)i);
        q[i] = (real)own;
        k[i] = (real)(0.7f * own + 0.7f * other);
    }
}

kin_status bench_bags(uint64_t seed, int64_t vocabulary, int64_t rows, int64_t length,
                      int64_t **start, int32_t **ids)
{
    *ids = NULL;
    *start = malloc(sizeof **start * (size_t)(rows + 1));
    KIN_REQUIRE(*start, KIN_MEMORY, "no memory for %ld bags", (long)rows);
    (*start)[0] = 0;
    for (int64_t b = 0; b < rows; b++) {
        const double u = (double)bench_uniform(seed, (uint64_t)b) + 0.5;
        (*start)[b + 1] = (*start)[b] + 1 + (int64_t)floor((double)(2 * length - 1) * u);
    }
    const int64_t tokens = (*start)[rows];
    *ids = malloc(sizeof **ids * (size_t)tokens);
    KIN_REQUIRE(*ids, KIN_MEMORY, "no memory for %ld tokens", (long)tokens);
    for (int64_t t = 0; t < tokens; t++) {
        const double u = (double)bench_uniform(seed + 1, (uint64_t)t) + 0.5;
        const int64_t id = (int64_t)floor(pow((double)vocabulary, u)) - 1;
        (*ids)[t] = (int32_t)(id < 0 ? 0 : id >= vocabulary ? vocabulary - 1 : id);
    }
    return KIN_OK;
}

static void free_sides(bench_sides *s)
{
    free(s->start);
    free(s->ids);
    *s = (bench_sides){ NULL, NULL, 0 };
}

/* The documents' bags behind the queries'. */
static kin_status append(bench_sides *q, const bench_sides *d, int64_t rows)
{
    const int64_t first = q->start[rows], all = first + d->start[rows];
    int64_t *start = realloc(q->start, sizeof *start * (size_t)(2 * rows + 1));
    if (start) q->start = start;
    int32_t *ids = realloc(q->ids, sizeof *ids * (size_t)all);
    if (ids) q->ids = ids;
    KIN_REQUIRE(start && ids, KIN_MEMORY, "no memory for %lld tokens", (long long)all);
    for (int64_t i = 1; i <= rows; i++) start[rows + i] = first + d->start[i];
    memcpy(ids + first, d->ids, sizeof *ids * (size_t)(all - first));
    q->tokens = all;
    return KIN_OK;
}

kin_status bench_both_bags(int t, int64_t vocabulary, int64_t rows, int64_t length,
                           bench_sides *out)
{
    const uint64_t seed = (uint64_t)(16 * t);
    bench_sides documents = { NULL, NULL, 0 };
    *out = documents;
    kin_status status = bench_bags(seed, vocabulary, rows, length, &out->start, &out->ids);
    if (!status) status = bench_bags(seed + 8, vocabulary, rows, length, &documents.start,
                                     &documents.ids);
    if (!status) status = append(out, &documents, rows);
    free_sides(&documents);
    if (status) free_sides(out);
    return status;
}

void bench_normals(uint32_t weight, double deviation, int64_t first, int64_t n, real *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (real)(float)(deviation * kin_random_normal(0, KIN_STREAM_INIT, weight,
                                                           (uint64_t)(first + i)));
}

kin_status bench_warm_products(kin_backend *backend, int64_t rows, int64_t d)
{
    const int64_t panel = rows < 256 ? rows : 256;
    const size_t sizes[] = { (size_t)(panel * rows), (size_t)(rows * d), (size_t)(rows * d) };
    real *block[3];
    for (int i = 0; i < 3; i++) {
        block[i] = backend->alloc(backend, sizes[i] * sizeof(real));
        KIN_REQUIRE(block[i], KIN_MEMORY, "no memory for %zu numbers", sizes[i]);
        backend->zero(backend, block[i], sizes[i] * sizeof(real));
    }
    real *s = block[0], *x = block[1], *y = block[2];
    const kin_product all[] = {
        { .transpose_b = 1, .m = panel, .n = rows, .k = d, .alpha = 1, .a = x, .lda = d, .b = x,
          .ldb = d, .c = s, .ldc = rows },
        { .m = panel, .n = d, .k = rows, .alpha = 1, .a = s, .lda = rows, .b = x, .ldb = d,
          .c = y, .ldc = d },
        { .transpose_a = 1, .m = rows, .n = d, .k = panel, .alpha = 1, .a = s, .lda = rows,
          .b = x, .ldb = d, .c = y, .ldc = d },
    };
    for (int i = 0; i < 3; i++) backend->product(backend, &all[i]);
    for (int i = 0; i < 3; i++) backend->release(backend, block[i]);
    return KIN_OK;
}
