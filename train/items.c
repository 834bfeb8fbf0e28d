/* Items: see items.h. */
#include "train/items.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "encoders/folder.h"
#include "encoders/host.h"
#include "metrics/geometry.h"

void kin_items_judged_free(kin_items_judged *j)
{
    kin_label_scores_free(j->labels);
    free(j->query);
    free(j->label);
    free(j->right);
    free(j->cosine);
    *j = (kin_items_judged){ 0 };
}

/* Items of the split in the order of the store, or the pairs of its queries. */
static kin_status list_items(const kin_store *s, kin_split split, kin_items_judged *out)
{
    out->query = malloc((size_t)(s->queries + 1) * sizeof *out->query);
    out->label = s->labels ? malloc((size_t)(s->queries + 1) * sizeof *out->label) : NULL;
    KIN_REQUIRE(out->query && (out->label || !s->labels), KIN_MEMORY, "no memory for %ld items",
                (long)s->queries);
    for (int64_t q = 0; q < s->queries; q++) {
        if (s->query_split[q] != split) continue;
        if (out->label) out->label[out->count] = s->query_label[q];
        out->query[out->count++] = (int32_t)q;
    }
    KIN_REQUIRE(out->count > 0, KIN_DATA, "%s: has no %s items", s->path, kin_split_name(split));
    return KIN_OK;
}

kin_status kin_items_judge(const kin_items_setting *setting, kin_items_judged *out)
{
    *out = (kin_items_judged){ .goal = kin_store_goal(setting->store) };
    kin_status status = list_items(setting->store, setting->split, out);
    if (!status)
        status = out->goal == KIN_GOAL_LABELS ? kin_items_judge_labels(setting, out)
                                              : kin_items_judge_scores(setting, out);
    if (status) kin_items_judged_free(out);
    return status;
}

/* ---- embeddings ------------------------------------------------------------------------------ */

static kin_status copy_features(const kin_items_setting *s, const int32_t *query, int64_t count,
                                real *out)
{
    const int64_t cols = s->store->features;
    real *host = malloc((size_t)(count * cols) * sizeof *host);
    KIN_REQUIRE(host, KIN_MEMORY, "no memory for the features of %ld items", (long)count);
    for (int64_t i = 0; i < count; i++) {
        const float *from = s->store->feature + query[i] * cols;
        double squares = 0;
        for (int64_t j = 0; j < cols; j++) squares += (double)from[j] * (double)from[j];
        const double scale = squares > 0 ? 1 / sqrt(squares) : 0;
        for (int64_t j = 0; j < cols; j++) host[i * cols + j] = (real)((double)from[j] * scale);
    }
    s->backend->upload(s->backend, out, host, (size_t)(count * cols) * sizeof *host);
    free(host);
    return kin_backend_check(s->backend);
}

kin_status kin_items_embed(const kin_items_setting *s, kin_encoding *encoding,
                           const int32_t *query, int64_t count, real *out)
{
    if (!s->model) return copy_features(s, query, count, out);
    if (s->store->features)
        return kin_encoding_run_features(encoding, s->store->feature, query, 0, count, out);
    int32_t *text = malloc((size_t)count * sizeof *text + 1);
    KIN_REQUIRE(text, KIN_MEMORY, "no memory for %ld items", (long)count);
    for (int64_t i = 0; i < count; i++) text[i] = s->store->query_text[query[i]];
    const kin_status status = kin_encoding_run(encoding, KIN_QUERY, s->tokens->of[KIN_QUERY], text,
                                               0, count, out);
    free(text);
    return status;
}

/* ---- shape ----------------------------------------------------------------------------------- */

static void gather(int64_t rows, const int32_t *which, int64_t width, const real *x, real *out)
{
    for (int64_t i = 0; i < rows; i++)
        memcpy(out + i * width, x + which[i] * width, (size_t)width * sizeof *x);
}

static kin_status measure_pairs(int64_t pairs, const int32_t *left, const int32_t *right,
                                int64_t width, const real *x, kin_shape *shape,
                                kin_cosines *cosines)
{
    kin_geometry_pairs measured;
    real *a = malloc((size_t)(2 * pairs * width) * sizeof *a), *b = a + pairs * width;
    KIN_REQUIRE(a, KIN_MEMORY, "no memory for %ld pairs", (long)pairs);
    gather(pairs, left, width, x, a);
    gather(pairs, right, width, x, b);
    const kin_status status = kin_geometry_of_pairs(&measured, pairs, width, a, b);
    free(a);
    if (status) return status;
    shape->alignment = measured.alignment;
    shape->positive_cosine = measured.cosine;
    *cosines = measured.cosines;
    return KIN_OK;
}

static kin_status measure_cloud(const kin_items_setting *s, kin_arena *work, int64_t rows,
                                int64_t width, const real *x, kin_items_judged *out)
{
    const int64_t n = rows < KIN_GEOMETRY_ROWS ? rows : KIN_GEOMETRY_ROWS;
    int32_t *which = malloc((size_t)n * sizeof *which);
    real *sample = malloc((size_t)(n * width) * sizeof *sample);
    kin_geometry_cloud cloud;
    kin_status status = KIN_OK;
    if (!which || !sample) status = kin_fail(KIN_MEMORY, "no memory for %ld embeddings", (long)n);
    if (!status) status = kin_geometry_sample(s->seed, rows, n, which);
    if (!status) {
        gather(n, which, width, x, sample);
        status = kin_geometry_of_cloud(&cloud, s->backend, work, n, width, sample);
    }
    free(which);
    free(sample);
    if (status) return status;
    out->shape.uniformity = cloud.uniformity;
    out->shape.cosine = cloud.cosine;
    out->shape.deviation = cloud.deviation;
    out->shape.rank = cloud.rank;
    out->spreading.random = cloud.cosines;
    out->spreading.values = cloud.values;
    memcpy(out->spreading.spectrum, cloud.spectrum, sizeof cloud.spectrum);
    out->shape.collapsed = kin_geometry_collapsed(&cloud, out->warning, sizeof out->warning);
    return KIN_OK;
}

kin_status kin_items_shape(const kin_items_setting *s, int64_t rows, const real *x, int64_t pairs,
                           const int32_t *left, const int32_t *right, kin_items_judged *out)
{
    const kin_memory memory = kin_backend_memory(s->backend);
    const int64_t width = s->model->network->width;
    kin_arena *work;
    if (pairs > 0)
        KIN_TRY(measure_pairs(pairs, left, right, width, x, &out->shape,
                              &out->spreading.positive));
    if (rows < 2) return KIN_OK;
    KIN_TRY(kin_arena_new(&work, &memory));
    const kin_status status = measure_cloud(s, work, rows, width, x, out);
    kin_arena_free(work);
    return status;
}

/* ---- two systems ----------------------------------------------------------------------------- */

kin_status kin_items_compare(kin_paired *out, kin_pool *pool, uint64_t seed,
                             const kin_items_judged *a, const kin_items_judged *b)
{
    if (a->goal == KIN_GOAL_SCORES)
        return kin_correlation_test(out, pool, seed, KIN_FLIPS / 10, a->count, a->right, a->cosine,
                                    b->cosine);
    return kin_paired_test(out, pool, seed, KIN_FLIPS, a->count, a->labels->value[KIN_CENTROID],
                           b->labels->value[KIN_CENTROID]);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void put_text(kin_writer *w, const kin_texts *texts, int64_t i)
{
    kin_writer_printf(w, "%.*s", (int)kin_text_size(texts, i), kin_text(texts, i));
}

/* The columns of the measures that every item has, by the goal's place; NULL: left out. parts: room
 * for two of pairs. */
static kin_status score_columns(const kin_items_judged *j, double *parts,
                                const double *column[KIN_MEASURES])
{
    if (j->goal == KIN_GOAL_SCORES) {
        double *const part[KIN_SCORE_MEASURES] = { parts, parts + j->count };
        for (int m = 0; m < KIN_SCORE_MEASURES; m++) column[m] = part[m];
        return kin_correlation_parts(part, j->count, j->right, j->cosine);
    }
    for (int m = 0; m < KIN_LABEL_MEASURES; m++)
        column[m] = j->labels->alone && m >= KIN_PEER_RECALL1 ? NULL : j->labels->value[m];
    return KIN_OK;
}

static kin_status write_scores(const kin_items_judged *j, const kin_store *s, const char *path,
                               double *parts)
{
    kin_writer *w;
    int count;
    const double *column[KIN_MEASURES] = { NULL };
    const char *const *names = kin_goal_measures(j->goal, &count);
    KIN_TRY(score_columns(j, parts, column));
    KIN_TRY(kin_writer_open(&w, path));
    kin_writer_printf(w, "query");
    for (int m = 0; m < count; m++)
        if (column[m]) kin_writer_printf(w, "\t%s", names[m]);
    for (int64_t i = 0; i < j->count; i++) {
        kin_writer_printf(w, "\n");
        put_text(w, &s->query_id, j->query[i]);
        for (int m = 0; m < count; m++)
            if (column[m]) kin_writer_printf(w, "\t%.17g", column[m][i]);
    }
    kin_writer_printf(w, "\n");
    return kin_writer_commit(w);
}

kin_status kin_items_save_scores(const kin_items_judged *j, const kin_store *s,
                                 const char *folder, const char *system)
{
    char path[KIN_PATH_MAX], name[64];
    snprintf(name, sizeof name, "%s.tsv", system);
    KIN_TRY(kin_folder_make(folder));
    KIN_TRY(kin_path_join(path, sizeof path, folder, name));
    double *parts = malloc((size_t)(2 * j->count) * sizeof *parts);
    KIN_REQUIRE(parts, KIN_MEMORY, "no memory for the scores of %ld items", (long)j->count);
    const kin_status status = write_scores(j, s, path, parts);
    free(parts);
    return status;
}

static void put_items(kin_writer *w, const kin_items_judged *j, const kin_store *s)
{
    kin_writer_printf(w, "item\tclass\tnearest");
    for (int m = 0; m < KIN_LABEL_MEASURES; m++)
        kin_writer_printf(w, "\t%s", kin_label_measure_names[m]);
    for (int64_t i = 0; i < j->count; i++) {
        const int32_t nearest = j->labels->class[i];
        kin_writer_printf(w, "\n");
        put_text(w, &s->query_id, j->query[i]);
        kin_writer_printf(w, "\t");
        put_text(w, &s->texts, s->label_text[j->label[i]]);
        kin_writer_printf(w, "\t");
        if (nearest >= 0) put_text(w, &s->texts, s->label_text[nearest]);
        for (int m = 0; m < KIN_LABEL_MEASURES; m++) {
            const double value = j->labels->value[m][i];
            if (isnan(value)) kin_writer_printf(w, "\t");
            else kin_writer_printf(w, "\t%.9g", value);
        }
    }
    kin_writer_printf(w, "\n");
}

static void put_pairs(kin_writer *w, const kin_items_judged *j, const kin_store *s)
{
    kin_writer_printf(w, "pair\tscore\tcosine\n");
    for (int64_t i = 0; i < j->count; i++) {
        put_text(w, &s->query_id, j->query[i]);
        kin_writer_printf(w, "\t%.9g\t%.9g\n", j->right[i], j->cosine[i]);
    }
}

kin_status kin_items_save(const kin_items_judged *j, const kin_store *s, const char *folder)
{
    char path[KIN_PATH_MAX];
    kin_writer *w;
    const bool items = j->goal == KIN_GOAL_LABELS;
    KIN_TRY(kin_folder_make(folder));
    KIN_TRY(kin_path_join(path, sizeof path, folder, items ? "items.tsv" : "pairs.tsv"));
    KIN_TRY(kin_writer_open(&w, path));
    if (items) put_items(w, j, s);
    else put_pairs(w, j, s);
    return kin_writer_commit(w);
}
