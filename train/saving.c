/* Saving: checkpoints of the whole state, and the model as users load it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "train/machine.h"
#include "train/trainer.h"

enum { BLOCKS_MAX = 4 * KIN_PLAN_MAX + 8 };

static int list_weights(const kin_network *n, const char *prefix, int count, kin_block *blocks,
                        char names[BLOCKS_MAX][64])
{
    for (int i = 0; n && i < n->count; i++, count++) {
        const kin_tensor *w = &n->weight[i].tensor;
        snprintf(names[count], 64, "%s.%s", prefix, n->weight[i].name);
        blocks[count] = (kin_block){ names[count], w->rows, w->cols, w->value, false };
    }
    return count;
}

/* What was mined, and what the next time of mining starts from. */
static kin_status list_negatives(const kin_trainer *t, kin_block *blocks, int *count)
{
    const kin_negatives *n = t->negatives;
    kin_index_learned learned = { 0 };
    if (!n) return KIN_OK;
    blocks[(*count)++] = (kin_block){ "negatives.document", t->store->pairs, n->count, n->document,
                                      true };
    blocks[(*count)++] = (kin_block){ "negatives.nearest", n->queries, KIN_NEAREST, n->nearest,
                                      true };
    if (n->queue.size) {
        const kin_queue *q = &n->queue;
        blocks[(*count)++] = (kin_block){ "queue.rows", q->size, t->model->network->width, q->rows,
                                          false };
        blocks[(*count)++] = (kin_block){ "queue.document", 1, q->size + KIN_QUEUE_FACTS,
                                          q->document, true };
    }
    if (kin_negatives_indexed(n, t->state.step))
        KIN_TRY(kin_index_learn(n->index, t->store->documents, &learned));
    if (learned.values)
        blocks[(*count)++] = (kin_block){ "negatives.index", learned.rows, learned.cols,
                                          learned.values, false };
    return KIN_OK;
}

/* Everything that a step changes, where it lies. */
static kin_status list_blocks(const kin_trainer *t, kin_block *blocks, char names[BLOCKS_MAX][64],
                              int *counted)
{
    int count = list_weights(t->model->network, "encoder", 0, blocks, names);
    count = list_weights(t->towers.slow, "momentum", count, blocks, names);
    size_t bytes;
    void *moments = kin_optimizer_state(t->optimizer, &bytes);
    blocks[count++] = (kin_block){ "optim", 1, (int64_t)(bytes / sizeof(real)), moments,
                                   false };
    blocks[count++] = (kin_block){ "loss", t->objective.count, KIN_HYPERS_MAX,
                                    t->objective.learned_values, false };
    const kin_tensor *proxies = &t->objective.proxies;
    if (proxies->value)
        blocks[count++] = (kin_block){ "proxies", proxies->rows, proxies->cols, proxies->value,
                                       false };
    *counted = count;
    return list_negatives(t, blocks, counted);
}

/* Blocks in host memory: where they lie, or copies to be freed. */
static kin_status to_host(kin_backend *b, kin_block *blocks, int count, bool fill)
{
    if (!strcmp(b->name, "cpu")) return KIN_OK;
    for (int i = 0; i < count; i++) {
        const size_t bytes = (size_t)(blocks[i].rows * blocks[i].cols) * sizeof(real);
        if (blocks[i].whole) continue;                   /* there already */
        void *copy = malloc(bytes);
        KIN_REQUIRE(copy, KIN_MEMORY, "no memory to copy %s", blocks[i].name);
        if (fill) b->download(b, copy, blocks[i].values, bytes);
        blocks[i].values = copy;
    }
    return kin_backend_check(b);
}

static void free_copies(kin_backend *b, kin_block *blocks, int count)
{
    if (!strcmp(b->name, "cpu")) return;
    for (int i = 0; i < count; i++)
        if (!blocks[i].whole) free(blocks[i].values);
}

static kin_status step_folder(const kin_trainer *t, char folder[KIN_PATH_MAX])
{
    char name[64];
    snprintf(name, sizeof name, "checkpoints/step_%ld", (long)t->state.step);
    return kin_run_folder_at(&t->folder, name, folder);
}

/* What is not finite is no checkpoint; the one before stays. */
static kin_status check_finite(const kin_trainer *t, const kin_block *blocks, int count)
{
    for (int i = 0; i < count; i++) {
        const int64_t n = blocks[i].rows * blocks[i].cols;
        if (blocks[i].whole) continue;
        const bool finite = isfinite(t->backend->sum_squares(t->backend, n, blocks[i].values));
        KIN_TRY(kin_backend_check(t->backend));
        KIN_REQUIRE(finite, KIN_NUMERICAL, "step %ld: %s is not finite, so it was not saved",
                    (long)t->state.step, blocks[i].name);
    }
    return KIN_OK;
}

kin_status kin_trainer_save(kin_trainer *t)
{
    char folder[KIN_PATH_MAX], names[BLOCKS_MAX][64];
    kin_block blocks[BLOCKS_MAX];
    KIN_TRY(step_folder(t, folder));
    int count;
    KIN_TRY(list_blocks(t, blocks, names, &count));
    KIN_TRY(check_finite(t, blocks, count));
    t->state.peak_mb = kin_memory_peak();
    kin_status status = to_host(t->backend, blocks, count, true);
    if (!status)
        status = kin_checkpoint_save(folder, &t->state, blocks, count, t->model->tokenizer,
                                     t->config);
    free_copies(t->backend, blocks, count);
    if (status) return status;
    t->saved_step = t->state.step;
    KIN_TRY(kin_run_folder_at(&t->folder, "checkpoints", folder));
    kin_checkpoint_tidy(folder, t->state.step, t->state.best_step);
    return KIN_OK;
}

kin_status kin_trainer_load(kin_trainer *t, const char *folder)
{
    char names[BLOCKS_MAX][64];
    kin_block blocks[BLOCKS_MAX], own[BLOCKS_MAX];
    int count;
    KIN_TRY(list_blocks(t, blocks, names, &count));
    memcpy(own, blocks, sizeof own);
    kin_status status = to_host(t->backend, blocks, count, false);
    if (!status) status = kin_checkpoint_load(folder, blocks, count);
    for (int i = 0; i < count && !status; i++)
        if (own[i].values != blocks[i].values)
            t->backend->upload(t->backend, own[i].values, blocks[i].values,
                               (size_t)(own[i].rows * own[i].cols) * sizeof(real));
    free_copies(t->backend, blocks, count);
    if (!status) status = kin_negatives_loaded(t);
    kin_optimizer_set_steps(t->optimizer, t->state.step);
    t->saved_step = t->state.step;
    return status;
}

/* ---- model/ ---------------------------------------------------------------------------------- */

typedef kin_status save_function(const kin_model *, const char *folder, const kin_card *);

static kin_status save_with(kin_trainer *t, const kin_model *model, const char *results,
                            save_function *save)
{
    char folder[KIN_PATH_MAX], data[KIN_PATH_MAX + 100];
    KIN_TRY(kin_run_folder_at(&t->folder, "model", folder));
    const char *slash = strrchr(t->store->path, '/');
    const bool items = t->material.goal == KIN_GOAL_LABELS;
    snprintf(data, sizeof data, "%s: %ld %s, %ld %s", slash ? slash + 1 : t->store->path,
             (long)t->material.count, items ? "items" : "pairs",
             (long)(items ? t->store->labels : t->store->documents),
             items ? "classes" : "documents");
    char *recipe = kin_config_print(t->config);
    const kin_card card = { .data = data, .recipe = recipe, .results = results };
    const kin_status status = save(model, folder, &card);
    free(recipe);
    return status;
}

kin_status kin_trainer_export(kin_trainer *t, const char *results)
{
    kin_model folded = *t->model;
    KIN_TRY(kin_network_fold(&folded.network, t->model->network));
    const kin_status status = save_with(t, &folded, results, kin_model_save);
    kin_network_free(folded.network);
    return status;
}

kin_status kin_trainer_card(kin_trainer *t, const kin_model *model, const char *results)
{
    return save_with(t, model, results, kin_model_save_card);
}
