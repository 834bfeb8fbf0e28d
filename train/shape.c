/* The geometry of a judged split: kin_evaluate_shape of evaluate.h. */
#include <stdlib.h>
#include <string.h>

#include "core/backend.h"
#include "metrics/geometry.h"
#include "train/evaluate.h"

enum { PAIRS_MAX = 4096 };

typedef struct {
    const kin_store *store;
    const kin_model *model;
    const kin_role_tokens *tokens;
    kin_encoding *encoding;
    kin_backend *backend;
    real *stage;                 /* backend memory for one set of embeddings */
    kin_spreading *spreading;
} scene;

/* Embeds texts to host memory, or to the stage alone when host is NULL. */
static kin_status embed(scene *s, kin_role role, const int32_t *which, int64_t count, real *host)
{
    const size_t bytes = (size_t)(count * s->model->network->width) * sizeof(real);
    KIN_TRY(kin_encoding_run(s->encoding, role, s->tokens->of[role], which, 0, count, s->stage));
    if (host) s->backend->download(s->backend, host, s->stage, bytes);
    return kin_backend_check(s->backend);
}

/* The texts of the first relevant pairs of the judgements. */
static int64_t list_pairs(const scene *s, const kin_judgements *j, int32_t *left, int32_t *right)
{
    int64_t n = 0;
    for (int64_t r = 0; r < j->rows; r++) {
        for (int64_t i = j->start[r]; i < j->start[r + 1] && n < PAIRS_MAX; i++) {
            if (j->grade[i] <= 0) continue;
            left[n] = s->store->query_text[j->query[r]];
            right[n++] = s->store->document_text[j->document[i]];
        }
    }
    return n;
}

static kin_status measure_pairs(scene *s, const kin_judgements *j, kin_shape *shape)
{
    const int64_t width = s->model->network->width;
    int32_t *texts = malloc(2 * PAIRS_MAX * sizeof *texts);
    real *x = malloc(2 * PAIRS_MAX * (size_t)width * sizeof *x), *y = x + PAIRS_MAX * width;
    kin_status status = KIN_OK;
    kin_geometry_pairs pairs;
    if (!texts || !x) status = kin_fail(KIN_MEMORY, "no memory for %d pairs", PAIRS_MAX);
    if (!status) {
        const int64_t n = list_pairs(s, j, texts, texts + PAIRS_MAX);
        status = embed(s, KIN_QUERY, texts, n, x);
        if (!status) status = embed(s, KIN_DOCUMENT, texts + PAIRS_MAX, n, y);
        if (!status) status = kin_geometry_of_pairs(&pairs, n, width, x, y);
    }
    if (!status) {
        shape->alignment = pairs.alignment;
        shape->positive_cosine = pairs.cosine;
        s->spreading->positive = pairs.cosines;
    }
    free(texts);
    free(x);
    return status;
}

static kin_status measure_cloud(scene *s, kin_arena *work, int64_t n, const real *x,
                                kin_shape *shape, char *warning, size_t size)
{
    kin_geometry_cloud cloud;
    KIN_TRY(kin_geometry_of_cloud(&cloud, s->backend, work, n, s->model->network->width, x));
    shape->uniformity = cloud.uniformity;
    shape->cosine = cloud.cosine;
    shape->deviation = cloud.deviation;
    shape->rank = cloud.rank;
    s->spreading->random = cloud.cosines;
    s->spreading->values = cloud.values;
    memcpy(s->spreading->spectrum, cloud.spectrum, sizeof cloud.spectrum);
    shape->collapsed = kin_geometry_collapsed(&cloud, warning, size);
    return KIN_OK;
}

static kin_status sample_cloud(scene *s, kin_arena *work, uint64_t seed, kin_shape *shape,
                               char *warning, size_t size)
{
    const int64_t all = s->store->documents;
    const int64_t n = all < KIN_GEOMETRY_ROWS ? all : KIN_GEOMETRY_ROWS;
    if (n < 2) return KIN_OK;
    int32_t *which = malloc((size_t)n * sizeof *which);
    real *x = malloc((size_t)(n * s->model->network->width) * sizeof *x);
    kin_status status = KIN_OK;
    if (!which || !x) status = kin_fail(KIN_MEMORY, "no memory for %ld embeddings", (long)n);
    if (!status) status = kin_geometry_sample(seed, all, n, which);
    if (!status) {
        for (int64_t i = 0; i < n; i++) which[i] = s->store->document_text[which[i]];
        status = embed(s, KIN_DOCUMENT, which, n, x);
    }
    if (!status) status = measure_cloud(s, work, n, x, shape, warning, size);
    free(which);
    free(x);
    return status;
}

kin_status kin_evaluate_shape(const kin_store *store, const kin_model *model,
                              const kin_role_tokens *tokens, const kin_judged *judged,
                              uint64_t seed, kin_shape *shape, kin_spreading *spreading,
                              char *warning, size_t size)
{
    scene s = { .store = store, .model = model, .tokens = tokens,
                .backend = model->network->backend, .spreading = spreading };
    const kin_memory memory = kin_backend_memory(s.backend);
    kin_arena *work = NULL;
    *shape = (kin_shape){ 0 };
    *spreading = (kin_spreading){ .values = 0 };
    warning[0] = 0;
    kin_status status = kin_encoding_new(&s.encoding, model);
    if (!status) status = kin_arena_new(&work, &memory);
    s.stage = s.backend->alloc(s.backend, PAIRS_MAX * (size_t)model->network->width * sizeof(real));
    if (!status && !s.stage) status = kin_fail(KIN_MEMORY, "no memory for %d pairs", PAIRS_MAX);
    if (!status) status = measure_pairs(&s, judged->judgements, shape);
    if (!status) status = sample_cloud(&s, work, seed, shape, warning, size);
    kin_encoding_free(s.encoding);
    kin_arena_free(work);
    s.backend->release(s.backend, s.stage);
    return status;
}
