/* Setup: from a config to everything that a step needs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "train/machine.h"
#include "train/trainer.h"

static double number(const kin_trainer *t, const char *key)
{
    return kin_config_number(t->config, key);
}

bool kin_trainer_judges(const kin_trainer *t, kin_split split)
{
    for (int i = 0; i < t->split_count; i++)
        if (t->splits[i] == split) return true;
    return false;
}

kin_split kin_trainer_last_split(const kin_trainer *t)
{
    return kin_trainer_judges(t, KIN_TEST) ? KIN_TEST : KIN_VALIDATION;
}

/* Where the pairs of the validation queries are trained on, these say nothing. */
static bool held_out(const kin_trainer *t, kin_split split)
{
    const bool trained = kin_config_is(t->config, "data.validation", "trained");
    return split != KIN_VALIDATION || !trained || kin_store_held_out(t->store) < 0;
}

static kin_status open_store(kin_trainer *t)
{
    KIN_TRY(kin_store_open(&t->store, kin_config_text(t->config, "data.store")));
    KIN_TRY(kin_material_open(t));
    KIN_REQUIRE(t->state.step == 0 || t->store->checksum == t->state.checksum, KIN_DATA,
                "%s: is not the store that this run was begun with", t->store->path);
    t->state.checksum = t->store->checksum;
    static const kin_split candidates[] = { KIN_VALIDATION, KIN_TEST };
    const int judged = kin_config_is(t->config, "eval.final", "test") ? 2 : 1;
    for (int i = 0; i < judged && number(t, "eval.every") > 0; i++)
        if (kin_split_judged(t->store, candidates[i]) && held_out(t, candidates[i]))
            t->splits[t->split_count++] = candidates[i];
    return kin_trainer_count_rows(t);
}

/* ---- tokenizer and tokens -------------------------------------------------------------------- */

/* Learned from the texts that are trained on, as often as they stand there; no held-out ones. */
static kin_status train_tokenizer(kin_trainer *t)
{
    const int64_t pairs = t->material.count, sides = kin_material_sides(t);
    const kin_tokenizer_setting setting = {
        .vocab_size = (int)number(t, "tokenizer.vocab_size"),
        .min_frequency = (int)number(t, "tokenizer.min_frequency"),
        .limit_alphabet = (int)number(t, "tokenizer.limit_alphabet"),
        .lowercase = (int)number(t, "tokenizer.lowercase"),
        .strip_accents = (int)number(t, "tokenizer.strip_accents"),
    };
    int32_t *which = malloc((size_t)(pairs * sides) * sizeof *which);
    KIN_REQUIRE(which, KIN_MEMORY, "no memory for %ld pairs", (long)pairs);
    for (int64_t i = 0; i < pairs * sides; i++)
        which[i] = kin_material_text(t, (int32_t)(i / sides), (kin_role)(i % sides));
    kin_tell_stage(t->watch, "training the tokenizer on %ld texts", (long)(sides * pairs));
    const kin_status status = kin_tokenizer_train(&t->model->tokenizer, t->backend->pool,
                                                  &t->store->texts, which, sides * pairs,
                                                  &setting);
    free(which);
    return status;
}

/* checkpoint: the folder that is resumed, or "". */
static kin_status make_tokenizer(kin_trainer *t, const char *checkpoint)
{
    char path[KIN_PATH_MAX], from[KIN_PATH_MAX] = "";
    const char *given = kin_config_text(t->config, "tokenizer.file");
    if (kin_trainer_takes_numbers(t)) return KIN_OK;
    if (!*checkpoint) KIN_TRY(kin_start_folder(t->config, from));
    const char *folder = *checkpoint ? checkpoint : from;
    if (!*folder && !*given) return train_tokenizer(t);
    if (!*folder) return kin_tokenizer_load(&t->model->tokenizer, given);
    KIN_TRY(kin_path_join(path, sizeof path, folder, "tokenizer.json"));
    return kin_tokenizer_load(&t->model->tokenizer, path);
}

static kin_status make_model(kin_trainer *t, const char *checkpoint)
{
    kin_model *m = t->model = calloc(1, sizeof *m);
    KIN_REQUIRE(m, KIN_MEMORY, "no memory for a model");
    m->prefix[KIN_QUERY] = strdup(kin_config_text(t->config, "encoder.query_prefix"));
    m->prefix[KIN_DOCUMENT] = strdup(kin_config_text(t->config, "encoder.document_prefix"));
    KIN_REQUIRE(m->prefix[KIN_QUERY] && m->prefix[KIN_DOCUMENT], KIN_MEMORY,
                "no memory for a model");
    m->max_tokens = (int64_t)number(t, "encoder.max_tokens");
    if (t->store->features) return KIN_OK;
    KIN_TRY(make_tokenizer(t, checkpoint));
    if (!m->tokenizer) return kin_trainer_number_tokens(t);
    kin_tell_stage(t->watch, "tokenising %ld texts", (long)t->store->texts.count);
    return kin_role_tokens_make(&t->tokens, m, t->backend->pool, t->store);
}

/* ---- first values ---------------------------------------------------------------------------- */

/* What rarity is counted over: the documents, or of a store without them the items that are trained
 * on; -1: not one of these. */
static int32_t counted_text(const kin_store *s, int64_t i)
{
    if (s->documents) return s->document_text[i];
    return s->query_split[i] == KIN_TRAIN ? s->query_text[i] : -1;
}

/* How many documents each token is in; returns how many there are. seen: the last document that was
 * counted for a token. */
static int64_t count_documents(const kin_store *store, const kin_tokens *tokens, int64_t vocab,
                            float *with, int32_t *seen)
{
    int64_t count = 0;
    for (int64_t v = 0; v < vocab; v++) with[v] = 0, seen[v] = -1;
    for (int64_t d = 0; d < (store->documents ? store->documents : store->queries); d++) {
        const int32_t text = counted_text(store, d);
        if (text < 0) continue;
        count++;
        for (int64_t i = tokens->start[text]; i < tokens->start[text + 1]; i++) {
            const int32_t v = tokens->ids[i];
            if (seen[v] != (int32_t)d) with[v]++;
            seen[v] = (int32_t)d;
        }
    }
    return count;
}

/* ln(1 + documents / (1 + documents with the token)), divided by its mean over the tokens that some
 * document has. */
static void rarity_from_counts(float *with, int64_t vocab, double documents)
{
    double sum = 0;
    int64_t used = 0;
    for (int64_t v = 0; v < vocab; v++) {
        const bool occurs = with[v] > 0;
        with[v] = (float)log(1 + documents / (1 + (double)with[v]));
        if (occurs) sum += (double)with[v], used++;
    }
    const double mean = used ? sum / (double)used : 1;
    for (int64_t v = 0; v < vocab; v++) with[v] = (float)((double)with[v] / mean);
}

static kin_status init_network(kin_network *network, const kin_config *config,
                               const kin_tokens *documents, const kin_store *store)
{
    const int64_t vocab = network->vocab;
    const uint64_t seed = (uint64_t)kin_config_number(config, "run.seed");
    const bool texts = !network->encoder->forward_features && !network->encoder->rows;
    if (!texts) return kin_network_init(network, seed, NULL);
    float *rarity = malloc((size_t)vocab * sizeof *rarity);
    int32_t *seen = malloc((size_t)vocab * sizeof *seen);
    kin_status status = KIN_OK;
    if (!rarity || !seen) status = kin_fail(KIN_MEMORY, "no memory to count tokens");
    if (!status) {
        const int64_t counted = count_documents(store, documents, vocab, rarity, seen);
        rarity_from_counts(rarity, vocab, (double)counted);
        status = kin_network_init(network, seed, rarity);
    }
    free(rarity);
    free(seen);
    return status;
}

kin_status kin_untrained_network(kin_network **network, kin_backend *backend,
                                 const kin_config *config, const double *hypers, int64_t inputs,
                                 const kin_tokens *documents, const kin_store *store)
{
    KIN_TRY(kin_network_new(network, backend, kin_config_entry(config, "encoder"), hypers, inputs,
                            kin_config_is(config, "encoder.towers", "separate")));
    const kin_status status = init_network(*network, config, documents, store);
    if (!status) return KIN_OK;
    kin_network_free(*network);
    *network = NULL;
    return status;
}

/* ---- sampler and length ---------------------------------------------------------------------- */

/* batch.repeat is "kind=times kind=times"; kinds that are not named are used once. */
static kin_status read_repeat(kin_trainer *t)
{
    const kin_texts *kinds = &t->store->source;
    const char *text = kin_config_text(t->config, "batch.repeat");
    const int64_t held = kin_config_is(t->config, "data.validation", "held_out")
                         ? kin_store_held_out(t->store) : -1;
    if (!*text && held < 0) return KIN_OK;
    char *copy = strdup(text), *rest = NULL;
    t->repeat = malloc((size_t)(kinds->count + 1) * sizeof *t->repeat);
    kin_status status = KIN_OK;
    if (!copy || !t->repeat) status = kin_fail(KIN_MEMORY, "no memory for batch.repeat");
    for (int64_t k = 0; k < kinds->count && !status; k++) t->repeat[k] = k != held;
    for (char *part = status ? NULL : strtok_r(copy, " ,", &rest); part && !status;
         part = strtok_r(NULL, " ,", &rest)) {
        char *sign = strchr(part, '='), *end = NULL;
        const long times = sign ? strtol(sign + 1, &end, 10) : -1;
        const int64_t size = sign ? sign - part : 0;
        int64_t k = 0;
        while (k < kinds->count && (kin_text_size(kinds, k) != size
                                    || memcmp(kin_text(kinds, k), part, (size_t)size))) k++;
        if (!sign || end == sign + 1 || *end || times < 0 || times > 1000)
            status = kin_fail(KIN_USAGE, "batch.repeat: '%.40s' is not kind=times", part);
        else if (k == kinds->count)
            status = kin_fail(KIN_USAGE, "batch.repeat: %s has no pairs of a kind '%.*s'",
                              t->store->path, (int)size, part);
        else
            t->repeat[k] = (int32_t)times;
    }
    free(copy);
    return status;
}

/* Steps, from a number of steps or a share of the run. */
static kin_every every_of(const kin_trainer *t, const char *key)
{
    const double value = number(t, key);
    if (value < 1) return (kin_every){ value, (int64_t)ceil(value * (double)t->steps) };
    return (kin_every){ 0, (int64_t)value };
}

static kin_status make_sampler(kin_trainer *t)
{
    KIN_TRY(read_repeat(t));
    KIN_TRY(kin_material_make_sampler(t));
    t->per_epoch = kin_material_steps(t);
    const double epochs = number(t, "schedule.epochs");
    t->steps = (int64_t)number(t, "schedule.steps");
    if (!t->steps) t->steps = (int64_t)ceil(epochs * (double)t->per_epoch);
    t->seconds = number(t, "schedule.seconds");
    if (!t->steps) t->steps = t->per_epoch;             /* until its time is measured */
    KIN_REQUIRE(t->steps <= UINT32_MAX, KIN_USAGE, "schedule: %ld steps are too many",
                (long)t->steps);
    t->eval_every = every_of(t, "eval.every");
    t->checkpoint_every = every_of(t, "checkpoint.every");
    t->log_every = (int64_t)number(t, "log.every");
    return KIN_OK;
}

/* ---- optimizer --------------------------------------------------------------------------- */

kin_optimizer_setting kin_trainer_optimizer(const kin_trainer *t)
{
    kin_optimizer_setting setting = { .optimizer = kin_config_entry(t->config, "optim") };
    kin_config_hypers(t->config, "optim", setting.hypers);
    return setting;
}

static int add_learned(kin_trainer *t, kin_parameter *params, int count)
{
    kin_objective *o = &t->objective;
    for (int i = 0; i < o->count; i++) {
        for (int h = 0; h < KIN_HYPERS_MAX; h++) {
            if (!o->term[i].setting.learned[h]) continue;
            kin_parameter *p = &params[count++];
            *p = (kin_parameter){ .tensor = o->term[i].setting.learned[h],
                                  .rate_factor = number(t, "loss.learn_rate") };
            kin_loss_learned_range(kin_losses.items[o->term[i].setting.loss], h, &p->low, &p->high);
        }
    }
    return count;
}

static kin_status make_optimizer(kin_trainer *t)
{
    kin_parameter params[2 * KIN_PLAN_MAX + KIN_TERMS_MAX * KIN_HYPERS_MAX + 1];
    kin_network *n = t->model->network;
    int count = 0;
    for (int i = 0; i < n->count; i++) {
        kin_weight *w = &n->weight[i];
        if (w->frozen) continue;
        params[count++] = (kin_parameter){ .tensor = &w->tensor, .decay = w->decay,
                                           .rate_factor = 1 };
    }
    count = add_learned(t, params, count);
    if (t->objective.proxies.value)
        params[count++] = (kin_parameter){ .tensor = &t->objective.proxies,
                                           .rate_factor = number(t, "loss.proxy_rate") };
    const kin_optimizer_setting setting = kin_trainer_optimizer(t);
    t->schedule.peak = kin_optimizer_get(&setting, "lr");
    return kin_optimizer_new(&t->optimizer, t->backend, &setting, params, count);
}

static void make_schedule(kin_trainer *t)
{
    double hypers[KIN_HYPERS_MAX];
    t->schedule.schedule = kin_config_entry(t->config, "schedule");
    kin_config_hypers(t->config, "schedule", hypers);
    const kin_entry *entry = kin_schedules.items[t->schedule.schedule];
    const struct { const char *name; double *to; } settings[] = {
        { "warmup", &t->schedule.warmup }, { "floor", &t->schedule.floor },
        { "first_drop", &t->schedule.first_drop }, { "second_drop", &t->schedule.second_drop },
        { "drop", &t->schedule.drop },
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        const int place = kin_hyper_find(entry, settings[i].name);
        *settings[i].to = place >= 0 ? hypers[place] : 0;
    }
}

void kin_trainer_begin_with(kin_trainer *t, const kin_config *config, kin_backend *backend,
                            const kin_watch *watch, const kin_train_flags *flags)
{
    static const kin_train_flags none;
    *t = (kin_trainer){ .config = config, .backend = backend, .watch = watch,
                        .flags = flags ? flags : &none, .state.best_step = -1, .saved_step = -1,
                        .folder.lock = -1 };
}

kin_status kin_trainer_setup(kin_trainer *t, const char *checkpoint)
{
    double hypers[KIN_HYPERS_MAX];
    t->size = (int64_t)number(t, "batch.size");
    KIN_TRY(open_store(t));
    KIN_TRY(make_sampler(t));
    KIN_TRY(make_model(t, checkpoint));
    KIN_TRY(kin_trainer_check_memory(t));
    kin_trainer_encoder(t, hypers);
    KIN_TRY(kin_untrained_network(&t->model->network, t->backend, t->config, hypers,
                                  kin_trainer_inputs(t), t->tokens.of[KIN_DOCUMENT], t->store));
    if (!*checkpoint) KIN_TRY(kin_start_weights(t->config, t->model->network));
    make_schedule(t);
    KIN_TRY(kin_towers_make(t));
    KIN_TRY(kin_objective_make(&t->objective, t->backend, t->config));
    KIN_TRY(kin_negatives_open(t));
    if (t->material.goal != KIN_GOAL_LABELS) return KIN_OK;
    return kin_objective_make_proxies(&t->objective, t->config, t->store->labels,
                                      t->model->network->width);
}

kin_status kin_trainer_setup_step(kin_trainer *t)
{
    kin_memory_trim();                      /* what tokenizing and the first evaluation took */
    KIN_TRY(make_optimizer(t));
    KIN_TRY(kin_batch_init(t));
    KIN_TRY(kin_tape_new(&t->tape, t->backend));
    KIN_TRY(kin_towers_make_step(t));
    const kin_optimizer_setting setting = kin_trainer_optimizer(t);
    kin_tape_leave_sums(t->tape, kin_optimizer_sums(&setting));
    return KIN_OK;
}

void kin_trainer_close_step(kin_trainer *t)
{
    kin_optimizer_free(t->optimizer);
    kin_towers_free_step(t);
    kin_tape_free(t->tape);
    kin_batch_free(&t->batch);
    t->optimizer = NULL;
    t->tape = NULL;
}

void kin_trainer_close(kin_trainer *t)
{
    kin_trainer_close_step(t);
    kin_negatives_free(t->negatives, t->backend);
    kin_sampler_free(t->sampler);
    kin_material_free(&t->material);
    kin_role_tokens_free(&t->tokens);
    kin_model_free(t->model);
    kin_store_close(t->store);
    kin_log_close(t->log);
    kin_network_free(t->towers.slow);
    if (t->objective.backend) kin_objective_free(&t->objective);
    free(t->repeat);
    kin_run_folder_leave(&t->folder);
}
