/* Recall: what a search finds of what there is. */
#include <stdlib.h>
#include <string.h>
#include "core/rng.h"
#include "mining/inside.h"

typedef struct {
    int64_t n, k;
    real *x, *product;             /* n x width, n x k: backend memory */
    int32_t *device, *nearest, *found;
    real *score;
} look;

static void release(kin_backend *b, look *l)
{
    if (l->x) b->release(b, l->x);
    if (l->product) b->release(b, l->product);
    if (l->device) b->release(b, l->device);
    free(l->nearest);
    free(l->found);
    free(l->score);
}

/* Rows drawn with the index's seed; they find themselves either way. */
static kin_status draw(kin_index *index, look *l)
{
    kin_backend *b = index->backend;
    const int64_t width = index->setting.width, cells = l->n * l->k;
    l->x = b->alloc(b, (size_t)(l->n * width) * sizeof(real) + 1);
    l->product = b->alloc(b, (size_t)cells * sizeof(real) + 1);
    l->device = b->alloc(b, (size_t)cells * sizeof(int32_t) + 1);
    l->nearest = malloc((size_t)cells * sizeof(int32_t) + 1);
    l->found = malloc((size_t)cells * sizeof(int32_t) + 1);
    l->score = malloc((size_t)cells * sizeof(real) + 1);
    KIN_REQUIRE(l->x && l->product && l->device && l->nearest && l->found && l->score, KIN_MEMORY,
                "index: no memory for a sample of %lld rows", (long long)l->n);
    for (int64_t i = 0; i < l->n; i++) {
        const int64_t row = (int64_t)kin_random_below(index->setting.seed, KIN_STREAM_SAMPLE, 1,
                                                      (uint64_t)i, (uint64_t)index->rows);
        b->copy(b, l->x + i * width, index->values + row * index->stride,
                (size_t)width * sizeof(real));
    }
    return KIN_OK;
}

static kin_status compare_all(kin_index *index, look *l)
{
    kin_backend *b = index->backend;
    kin_asked asked;
    const kin_index_query q = { .queries = l->n, .k = l->k, .x = l->x };
    kin_arena_reset(index->work);
    KIN_TRY(kin_index_ask(index, &q, 0, l->n, &asked));
    KIN_TRY(b->search(b, index->work, l->n, index->rows, index->stride, asked.x, index->values,
                      l->k, l->device, l->product));
    b->download(b, l->nearest, l->device, (size_t)(l->n * l->k) * sizeof *l->nearest);
    KIN_TRY(kin_backend_check(b));
    return kin_index_search(index, &q, l->found, l->score);
}

static double shared(const look *l)
{
    int64_t both = 0;
    for (int64_t i = 0; i < l->n; i++)
        for (int64_t a = 0; a < l->k; a++)
            for (int64_t c = 0; c < l->k; c++)
                if (l->found[i * l->k + c] == l->nearest[i * l->k + a]) {
                    both++;
                    break;
                }
    return (double)both / (double)(l->n * l->k);
}

kin_status kin_index_recall(kin_index *index, int64_t sample, int64_t k, double *recall)
{
    *recall = 1;
    KIN_REQUIRE(sample > 0 && k > 0, KIN_USAGE, "index: recall at %lld of %lld rows", (long long)k,
                (long long)sample);
    if (index->rows == 0) return KIN_OK;
    look l = { .n = sample < index->rows ? sample : index->rows,
               .k = k < index->rows ? k : index->rows };
    kin_status status = draw(index, &l);
    if (!status) status = compare_all(index, &l);
    if (!status) *recall = shared(&l);
    release(index->backend, &l);
    return status;
}
