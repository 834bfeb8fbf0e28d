/* A: neighbours. 100,000 points of 128 dimensions in 1,000 clusters, unit rows; how many of the
 * truly nearest are found stands for the loss. A1 searches an index that is there, A2 to A3b build
 * it in each repetition. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "mining/index.h"

enum { ROWS, COLS, QUERIES, HARD, HOW };                       /* of size; HOW: a way */
enum { EXACT, EXACT_INT8, GRAPH, LISTS };
enum { CENTRES = 1000, NEAREST = 11, SAMPLE = 1000 };          /* the nearest: oneself and ten */

typedef struct {
    kin_index *index;
    real *x, *score;                /* rows x cols; found for each query */
    int32_t *row, *truth;           /* found; of the judged queries */
    int64_t queries, judged, step;  /* query i * step is judged */
} state;

/* ---- the points ----------------------------------------------------------------------------- */

/* About normal: sqrt(3) times the sum of four uniform numbers. */
static float normal(uint64_t seed, uint64_t i)
{
    float sum = 0;
    for (uint64_t k = 0; k < 4; k++) sum += bench_uniform(seed, 4 * i + k);
    return 1.7320508f * sum;
}

static void fill(int64_t rows, int64_t cols, float noise, real *x)
{
    for (int64_t n = 0; n < rows; n++) {
        const double u = (double)bench_uniform(5, (uint64_t)n) + 0.5;
        const int64_t centre = (int64_t)floor(CENTRES * u);
        double square = 0;
        real *to = x + n * cols;
        for (int64_t c = 0; c < cols; c++) {
            to[c] = (real)(normal(4, (uint64_t)(centre * cols + c))
                           + noise * normal(6, (uint64_t)(n * cols + c)));
            square += (double)to[c] * (double)to[c];
        }
        for (int64_t c = 0; c < cols; c++) to[c] = (real)((double)to[c] / sqrt(square));
    }
}

/* ---- indexes -------------------------------------------------------------------------------- */

static kin_status set_up(const bench *b, int64_t way, kin_index_setting *s)
{
    KIN_TRY(kin_index_defaults(s, way == LISTS ? "ivf" : "exact", b->kind->size[COLS]));
    s->similarity = KIN_DOT;
    if (way == EXACT_INT8 || way == GRAPH) KIN_TRY(kin_index_set(s, "look", 1));
    if (way == LISTS && b->kind->size[HARD]) KIN_TRY(kin_index_set(s, "recall", 0.76));
    else if (way == LISTS) KIN_TRY(kin_index_set(s, "probes", 4));
    return KIN_OK;
}

static kin_status make_index(const bench *b, int64_t way)
{
    state *s = b->state;
    kin_index_setting setting;
    kin_index_free(s->index);
    s->index = NULL;
    KIN_TRY(set_up(b, way, &setting));
    KIN_TRY(kin_index_new(&s->index, b->backend, &setting));
    return kin_index_build(s->index, b->kind->size[ROWS], s->x);
}

/* What is truly nearest, by products in float. */
static kin_status find_truth(bench *b)
{
    state *s = b->state;
    const int64_t cols = b->kind->size[COLS];
    real *x = malloc((size_t)(s->judged * cols) * sizeof *x);
    kin_status status = x ? make_index(b, EXACT) : kin_fail(KIN_MEMORY, "no memory for a sample");
    for (int64_t i = 0; i < s->judged && !status; i++)
        memcpy(x + i * cols, s->x + i * s->step * cols, (size_t)cols * sizeof *x);
    const kin_index_query q = { .queries = s->judged, .k = NEAREST, .x = x };
    if (!status) status = kin_index_search(s->index, &q, s->truth, s->score);
    free(x);
    return status;
}

static double recall(const state *s)
{
    int64_t both = 0;
    for (int64_t i = 0; i < s->judged; i++) {
        const int32_t *truth = s->truth + i * NEAREST, *row = s->row + i * s->step * NEAREST;
        for (int a = 0; a < NEAREST; a++)
            for (int c = 0; c < NEAREST; c++) both += truth[a] == row[c];
    }
    return (double)both / (double)(s->judged * NEAREST);
}

static kin_status open(bench *b)
{
    const int64_t *size = b->kind->size;
    state *s = b->state = calloc(1, sizeof *s);
    KIN_REQUIRE(s, KIN_MEMORY, "no memory for the case");
    s->queries = size[QUERIES];
    s->judged = s->queries < size[ROWS] ? s->queries : SAMPLE;
    s->step = s->queries / s->judged;
    const size_t found = (size_t)(s->queries * NEAREST);
    s->x = malloc((size_t)(size[ROWS] * size[COLS]) * sizeof *s->x);
    s->score = malloc(found * sizeof *s->score);
    s->row = malloc(found * sizeof *s->row);
    s->truth = malloc((size_t)(s->judged * NEAREST) * sizeof *s->truth);
    KIN_REQUIRE(s->x && s->score && s->row && s->truth, KIN_MEMORY, "no memory for %ld points",
                (long)size[ROWS]);
    fill(size[ROWS], size[COLS], size[HARD] ? 2.0f : 0.7f, s->x);
    KIN_TRY(find_truth(b));
    if (size[HOW] == EXACT || size[HOW] == EXACT_INT8)
        b->flops = 2.0 * (double)s->queries * (double)size[ROWS] * (double)size[COLS];
    return make_index(b, size[HOW]);
}

/* ---- repeating ------------------------------------------------------------------------------ */

static kin_status repeat(bench *b, double *loss)
{
    state *s = b->state;
    const kin_index_query q = { .queries = s->queries, .k = NEAREST, .x = s->x };
    KIN_TRY(kin_index_search(s->index, &q, s->row, s->score));
    *loss = recall(s);
    b->dump = NULL;
    return KIN_OK;
}

static kin_status repeat_all(bench *b, double *loss)
{
    KIN_TRY(make_index(b, b->kind->size[HOW]));
    return repeat(b, loss);
}

/* A row is not listed as its own neighbour and counts as found, as it does for who asks for it. */
static kin_status repeat_graph(bench *b, double *loss)
{
    state *s = b->state;
    KIN_TRY(make_index(b, GRAPH));
    const kin_index_query q = { .queries = s->queries, .k = NEAREST };
    KIN_TRY(kin_index_search(s->index, &q, s->row, s->score));
    for (int64_t i = 0; i < s->queries; i++) s->row[i * NEAREST + NEAREST - 1] = (int32_t)i;
    *loss = recall(s);
    b->dump = NULL;
    return KIN_OK;
}

static void close(bench *b)
{
    state *s = b->state;
    if (!s) return;
    kin_index_free(s->index);
    free(s->x);
    free(s->score);
    free(s->row);
    free(s->truth);
    free(s);
}

#define ALL 100000
const bench_case bench_A1 = {
    "A1", "exact top 11, 4,096 of 100,000 x 128", open, repeat, close,
    { ALL, 128, 4096, 0, EXACT }, BENCH_JUDGED };
const bench_case bench_A1_int8 = {
    "A1-int8", "the same, candidates by int8", open, repeat, close,
    { ALL, 128, 4096, 0, EXACT_INT8 }, BENCH_JUDGED };
const bench_case bench_A2 = {
    "A2", "kNN graph of 100,000 x 128, candidates by int8", open, repeat_graph, close,
    { ALL, 128, ALL, 0, GRAPH }, BENCH_JUDGED };
const bench_case bench_A3 = {
    "A3", "build an ivf and search all 100,000 x 128, easy data", open, repeat_all, close,
    { ALL, 128, ALL, 0, LISTS }, BENCH_JUDGED };
const bench_case bench_A3b = {
    "A3b", "the same, hard data", open, repeat_all, close, { ALL, 128, ALL, 1, LISTS },
    BENCH_JUDGED };
