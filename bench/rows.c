/* I: random rows of a matrix in an HDF5 file. The file is the peer's where that has made it
 * already: TMPDIR/peer-rows-0.h5, 1,000,000 x 256, dataset "x". */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bench.h"
#include "core/rng.h"
#include "data/rows.h"

enum { ROWS, COLS, BATCH };

typedef struct {
    kin_rows rows;
    int64_t *which;
    float *batch;
    uint64_t turn;
} state;

static void fill(void *context, int64_t first, int64_t count, float *values)
{
    const int64_t *size = context;
    for (int64_t i = 0; i < count * size[COLS]; i++)
        values[i] = bench_uniform(3, (uint64_t)(first * size[COLS] + i));
}

/* Made under another name first: half a file is no file. */
static kin_status make_file(const char *path, int64_t size[3])
{
    char draft[4200];
    snprintf(draft, sizeof draft, "%s.%ld", path, (long)getpid());
    const kin_status status = kin_rows_write(draft, "x", size[ROWS], size[COLS], fill, size);
    if (status) unlink(draft);
    KIN_TRY(status);
    KIN_REQUIRE(rename(draft, path) == 0, KIN_RUNTIME, "%s: cannot be made", path);
    return KIN_OK;
}

/* The file is an input: its pages are there before memory is measured. */
static double touch(const kin_rows *r)
{
    double sum = 0;
    for (int64_t i = 0; i < r->rows * r->cols; i += 1024) sum += (double)r->values[i];
    return sum;
}

static kin_status open(bench *b)
{
    char path[4096];
    const char *folder = getenv("TMPDIR");
    int64_t size[3] = { b->kind->size[0], b->kind->size[1], b->kind->size[2] };
    state *s = b->state = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory for the case");
    snprintf(path, sizeof path, "%s/peer-rows-0.h5", folder && *folder ? folder : "/tmp");
    if (!kin_file_exists(path)) KIN_TRY(make_file(path, size));
    KIN_TRY(kin_rows_open(&s->rows, path, "x"));
    KIN_REQUIRE(touch(&s->rows) < 1e30, KIN_DATA, "%s: its numbers are not the case's", path);
    s->which = malloc(sizeof *s->which * (size_t)size[BATCH]);
    s->batch = malloc(sizeof *s->batch * (size_t)(size[BATCH] * s->rows.cols));
    KIN_REQUIRE(s->which && s->batch, KIN_MEMORY, "no memory for %ld rows", (long)size[BATCH]);
    return KIN_OK;
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* As the peer does: sorted, because a file is read best from front to back. */
static kin_status repeat(bench *b, double *loss)
{
    state *s = b->state;
    const int64_t n = b->kind->size[BATCH];
    s->turn++;
    for (int64_t i = 0; i < n; i++)
        s->which[i] = (int64_t)kin_random_below(s->turn, KIN_STREAM_TEST, 0, (uint64_t)i,
                                                (uint64_t)s->rows.rows);
    qsort(s->which, (size_t)n, sizeof *s->which, ascending);
    kin_rows_gather(&s->rows, n, s->which, s->batch);
    *loss = (double)s->batch[0];
    b->dump = NULL;
    return KIN_OK;
}

static void close_(bench *b)
{
    state *s = b->state;
    if (!s) return;
    kin_rows_close(&s->rows);
    free(s->which);
    free(s->batch);
    free(s);
}

const bench_case bench_I1 = { "I1", "2,048 random rows of 1,000,000 x 256 in an HDF5 file", open,
                              repeat, close_, { 1000000, 256, 2048 }, BENCH_PLAIN };
