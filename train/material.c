/* Material: what a run trains on. A store of pairs has them ready; of a labelled store it is the
 * training items, of scored pairs the training pairs. */
#include <stdlib.h>
#include <string.h>

#include "train/trainer.h"

static bool is(const kin_trainer *t, kin_goal goal) { return t->material.goal == goal; }

int64_t kin_trainer_inputs(const kin_trainer *t)
{
    if (t->store->features) return t->store->features;
    return t->model->tokenizer ? kin_tokenizer_size(t->model->tokenizer) : 0;
}

int kin_material_sides(const kin_trainer *t) { return is(t, KIN_GOAL_LABELS) ? 1 : 2; }

int32_t kin_material_text(const kin_trainer *t, int32_t which, kin_role role)
{
    const kin_material *m = &t->material;
    if (!m->pair) return t->store->query_text[m->query[which]];
    return m->pair[3 * (int64_t)which + (role == KIN_QUERY ? KIN_PAIR_LEFT : KIN_PAIR_RIGHT)];
}

/* ---- reading the store ----------------------------------------------------------------------- */

static kin_status take_items(kin_trainer *t)
{
    const kin_store *s = t->store;
    kin_material *m = &t->material;
    m->query = malloc((size_t)(s->queries + 1) * sizeof *m->query);
    m->label = malloc((size_t)(s->queries + 1) * sizeof *m->label);
    KIN_REQUIRE(m->query && m->label, KIN_MEMORY, "no memory for %ld items", (long)s->queries);
    for (int64_t q = 0; q < s->queries; q++) {
        if (s->query_split[q] != KIN_TRAIN) continue;
        m->query[m->count] = (int32_t)q;
        m->label[m->count++] = s->query_label[q];
    }
    KIN_REQUIRE(m->count > 0, KIN_DATA, "%s: holds no items to train on", s->path);
    return KIN_OK;
}

static kin_status take_scores(kin_trainer *t)
{
    const kin_store *s = t->store;
    kin_material *m = &t->material;
    m->own_pair = malloc((size_t)(3 * s->relations + 1) * sizeof *m->own_pair);
    m->score = malloc((size_t)(s->relations + 1) * sizeof *m->score);
    KIN_REQUIRE(m->own_pair && m->score, KIN_MEMORY, "no memory for %ld pairs",
                (long)s->relations);
    for (int64_t i = 0; i < s->relations; i++) {
        const int32_t *row = s->relation + 3 * i;
        const int32_t query = row[KIN_RELATION_QUERY], document = row[KIN_RELATION_DOCUMENT];
        if (s->query_split[query] != KIN_TRAIN) continue;
        int32_t *to = m->own_pair + 3 * m->count;
        to[KIN_PAIR_LEFT] = s->query_text[query];
        to[KIN_PAIR_RIGHT] = s->document_text[document];
        to[KIN_PAIR_DOCUMENT] = document;
        m->score[m->count++] = s->relation_score[i];
    }
    m->pair = m->own_pair;
    KIN_REQUIRE(m->count > 0, KIN_DATA, "%s: holds no scored pairs to train on", s->path);
    return KIN_OK;
}

static kin_status take_pairs(kin_trainer *t)
{
    KIN_REQUIRE(t->store->pairs > 0, KIN_DATA, "%s: holds no pairs to train on", t->store->path);
    t->material.pair = t->store->pair;
    t->material.count = t->store->pairs;
    return KIN_OK;
}

/* ---- what goes together ---------------------------------------------------------------------- */

/* What is said of lists of documents has no meaning for other stores. */
static kin_status check_judging(const kin_trainer *t)
{
    static const char *const keys[][2] = { { "eval.seen", "keep" }, { "eval.best_by", "mrr@10" },
                                           { "eval.hybrid", "false" }, { "eval.fresh", "false" } };
    for (int i = 0; i < 4 && !is(t, KIN_GOAL_RANKING); i++)
        KIN_REQUIRE(kin_config_is(t->config, keys[i][0], keys[i][1]), KIN_USAGE,
                    "%s is '%s', which needs queries and documents; a run trains on %s here",
                    keys[i][0], kin_config_text(t->config, keys[i][0]),
                    kin_goal_data(t->material.goal));
    return KIN_OK;
}

static kin_status check_encoder(const kin_trainer *t)
{
    const kin_config *c = t->config;
    const kin_encoder *e = kin_encoder_at(kin_config_entry(c, "encoder"));
    const bool dense = e->forward_features != NULL, features = t->store->features > 0;
    KIN_REQUIRE(dense == features, KIN_USAGE, "encoder.name is '%s', which takes %s, and %s holds "
                "%s", e->entry.name, dense ? "features" : e->rows ? "numbers" : "texts",
                t->store->path, features ? "features" : "texts");
    if (is(t, KIN_GOAL_RANKING)) return KIN_OK;
    KIN_REQUIRE(kin_config_number(c, "encoder.momentum") <= 0, KIN_USAGE,
                "encoder.momentum needs pairs; a run trains on %s here",
                kin_goal_data(t->material.goal));
    KIN_REQUIRE(is(t, KIN_GOAL_SCORES) || kin_config_is(c, "encoder.towers", "shared"), KIN_USAGE,
                "encoder.towers is 'separate', but items of classes have one side");
    return KIN_OK;
}

/* As kin_loss_apply will ask, before anything is computed. */
static kin_status check_reading(const kin_trainer *t)
{
    static const kin_cells cells;
    static kin_tensor target;
    if (is(t, KIN_GOAL_RANKING)) return KIN_OK;
    const bool scores = is(t, KIN_GOAL_SCORES);
    KIN_REQUIRE(kin_config_is(t->config, "loss.negatives", "shared"), KIN_USAGE,
                "loss.negatives is '%s', which needs pairs; a run trains on %s here",
                kin_config_text(t->config, "loss.negatives"), kin_goal_data(t->material.goal));
    for (int i = 0; i < kin_config_losses(t->config); i++) {
        kin_config_loss l;
        kin_config_loss_at(t->config, i, &l);
        KIN_REQUIRE(!scores || kin_loss_of(kin_losses.items[l.loss])->whole, KIN_USAGE,
                    "loss '%s' compares the candidates of a row with each other, and a pair with a "
                    "score is all there is of its row: cosent and angle compare pairs", l.name);
        kin_loss_setting s = { .loss = l.loss, .relation.self = !scores,
                               .cells = scores ? &cells : NULL,
                               .target = scores ? &target : NULL };
        s.direction = (int)kin_config_number(t->config, "loss.direction");
        if (kin_loss_check_choices(&s)) return kin_fail_in(KIN_USAGE, "loss.direction");
    }
    return KIN_OK;
}

kin_status kin_material_open(kin_trainer *t)
{
    t->material.goal = kin_store_goal(t->store);
    KIN_TRY(kin_config_carried(t->config, kin_goal_carries(t->material.goal),
                               kin_goal_data(t->material.goal)));
    KIN_TRY(check_encoder(t));
    KIN_TRY(check_reading(t));
    KIN_TRY(check_judging(t));
    switch (t->material.goal) {
    case KIN_GOAL_LABELS: return take_items(t);
    case KIN_GOAL_SCORES: return take_scores(t);
    default: return take_pairs(t);
    }
}

void kin_material_free(kin_material *m)
{
    kin_label_sampler_free(m->sampler);
    free(m->query);
    free(m->label);
    free(m->own_pair);
    free(m->score);
    *m = (kin_material){ 0 };
}

/* ---- batches --------------------------------------------------------------------------------- */

static kin_status sample_items(kin_trainer *t)
{
    const kin_label_sampler_setting setting = {
        .items = t->material.count, .label = t->material.label, .labels = t->store->labels,
        .batch = t->size, .each = (int64_t)kin_config_number(t->config, "batch.per_class"),
        .seed = (uint64_t)kin_config_number(t->config, "run.seed"),
    };
    return kin_label_sampler_new(&t->material.sampler, &setting);
}

kin_status kin_material_make_sampler(kin_trainer *t)
{
    if (is(t, KIN_GOAL_LABELS)) return sample_items(t);
    const bool kinds_known = is(t, KIN_GOAL_RANKING);
    const kin_sampler_setting setting = {
        .pairs = t->material.count, .pair = t->material.pair, .batch = t->size,
        .seed = (uint64_t)kin_config_number(t->config, "run.seed"),
        .sources = kinds_known ? t->store->source.count : 0,
        .source_start = kinds_known ? t->store->source_start : NULL,
        .repeat = kinds_known ? t->repeat : NULL,
        .mixed = kin_config_number(t->config, "batch.distinct") == 0,
    };
    return kin_sampler_new(&t->sampler, &setting);
}

int64_t kin_material_steps(const kin_trainer *t)
{
    if (t->material.sampler) return kin_label_sampler_steps(t->material.sampler);
    return kin_sampler_steps(t->sampler);
}

const int32_t *kin_material_batch(kin_trainer *t, int64_t step)
{
    if (t->material.sampler) return kin_label_sampler_batch(t->material.sampler, step);
    kin_sampler_epoch(t->sampler, step / t->per_epoch);
    return kin_sampler_batch(t->sampler, step % t->per_epoch);
}
