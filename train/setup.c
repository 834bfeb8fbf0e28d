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
    KIN_REQUIRE(t->store->pairs > 0, KIN_DATA, "%s: holds no pairs to train on", t->store->path);
    KIN_REQUIRE(t->state.step == 0 || t->store->checksum == t->state.checksum, KIN_DATA,
                "%s: is not the store that this run was begun with", t->store->path);
    t->state.checksum = t->store->checksum;
    static const kin_split candidates[] = { KIN_VALIDATION, KIN_TEST };
    for (int i = 0; i < 2 && number(t, "eval.every") > 0; i++)
        if (kin_split_judged(t->store, candidates[i]) && held_out(t, candidates[i]))
            t->splits[t->split_count++] = candidates[i];
    return kin_trainer_count_rows(t);
}

/* ---- tokenizer and tokens -------------------------------------------------------------------- */

/* Trained on the texts of the pairs, as often as they stand there: never on held-out queries. */
static kin_status train_tokenizer(kin_trainer *t)
{
    const int64_t pairs = t->store->pairs;
    const kin_tokenizer_setting setting = {
        .vocab_size = (int)number(t, "tokenizer.vocab_size"),
        .min_frequency = (int)number(t, "tokenizer.min_frequency"),
        .limit_alphabet = (int)number(t, "tokenizer.limit_alphabet"),
        .lowercase = (int)number(t, "tokenizer.lowercase"),
        .strip_accents = (int)number(t, "tokenizer.strip_accents"),
    };
    int32_t *which = malloc((size_t)pairs * 2 * sizeof *which);
    KIN_REQUIRE(which, KIN_MEMORY, "no memory for %ld pairs", (long)pairs);
    for (int64_t i = 0; i < pairs; i++) {
        which[2 * i] = t->store->pair[3 * i + KIN_PAIR_LEFT];
        which[2 * i + 1] = t->store->pair[3 * i + KIN_PAIR_RIGHT];
    }
    kin_tell_stage(t->watch, "training the tokenizer on %ld texts", (long)(2 * pairs));
    const kin_status status = kin_tokenizer_train(&t->model->tokenizer, t->backend->pool,
                                                  &t->store->texts, which, 2 * pairs, &setting);
    free(which);
    return status;
}

/* checkpoint: the folder that is resumed, or "". */
static kin_status make_tokenizer(kin_trainer *t, const char *checkpoint)
{
    char path[KIN_PATH_MAX];
    const char *given = kin_config_text(t->config, "tokenizer.file");
    if (kin_trainer_takes_numbers(t)) return KIN_OK;
    if (!*checkpoint && !*given) return train_tokenizer(t);
    if (!*checkpoint) return kin_tokenizer_load(&t->model->tokenizer, given);
    KIN_TRY(kin_path_join(path, sizeof path, checkpoint, "tokenizer.json"));
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
    KIN_TRY(make_tokenizer(t, checkpoint));
    if (!m->tokenizer) return kin_trainer_number_tokens(t);
    kin_tell_stage(t->watch, "tokenising %ld texts", (long)t->store->texts.count);
    return kin_role_tokens_make(&t->tokens, m, t->backend->pool, t->store);
}

static kin_status make_network(kin_trainer *t)
{
    double hypers[KIN_HYPERS_MAX];
    kin_trainer_encoder(t, hypers);
    const kin_tokenizer *tokenizer = t->model->tokenizer;
    return kin_network_new(&t->model->network, t->backend, kin_config_entry(t->config, "encoder"),
                           hypers, tokenizer ? kin_tokenizer_size(tokenizer) : 0,
                           kin_config_is(t->config, "encoder.towers", "separate"));
}

/* ---- first values ---------------------------------------------------------------------------- */

/* How many documents each token is in. seen: the last document that was counted for a token. */
static void count_documents(const kin_trainer *t, float *with, int32_t *seen)
{
    const kin_tokens *tokens = t->tokens.of[KIN_DOCUMENT];
    const int64_t vocab = t->model->network->vocab;
    for (int64_t v = 0; v < vocab; v++) with[v] = 0, seen[v] = -1;
    for (int64_t d = 0; d < t->store->documents; d++) {
        const int32_t text = t->store->document_text[d];
        for (int64_t i = tokens->start[text]; i < tokens->start[text + 1]; i++) {
            const int32_t v = tokens->ids[i];
            if (seen[v] != (int32_t)d) with[v]++;
            seen[v] = (int32_t)d;
        }
    }
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

static kin_status init_network(kin_trainer *t)
{
    const int64_t vocab = t->model->network->vocab;
    const uint64_t seed = (uint64_t)number(t, "run.seed");
    if (!t->model->tokenizer) return kin_network_init(t->model->network, seed, NULL);
    float *rarity = malloc((size_t)vocab * sizeof *rarity);
    int32_t *seen = malloc((size_t)vocab * sizeof *seen);
    kin_status status = KIN_OK;
    if (!rarity || !seen) status = kin_fail(KIN_MEMORY, "no memory to count tokens");
    if (!status) {
        count_documents(t, rarity, seen);
        rarity_from_counts(rarity, vocab, (double)t->store->documents);
        status = kin_network_init(t->model->network, seed, rarity);
    }
    free(rarity);
    free(seen);
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
static int64_t steps_of(const kin_trainer *t, const char *key)
{
    const double value = number(t, key);
    return (int64_t)(value < 1 ? ceil(value * (double)t->steps) : value);
}

static kin_status make_sampler(kin_trainer *t)
{
    KIN_TRY(read_repeat(t));
    const kin_sampler_setting setting = {
        .pairs = t->store->pairs, .pair = t->store->pair, .batch = t->size,
        .seed = (uint64_t)number(t, "run.seed"), .sources = t->store->source.count,
        .source_start = t->store->source_start, .repeat = t->repeat,
        .mixed = !number(t, "batch.distinct"),
    };
    KIN_TRY(kin_sampler_new(&t->sampler, &setting));
    t->per_epoch = kin_sampler_steps(t->sampler);
    const double epochs = number(t, "schedule.epochs");
    t->steps = (int64_t)number(t, "schedule.steps");
    if (!t->steps) t->steps = (int64_t)ceil(epochs * (double)t->per_epoch);
    KIN_REQUIRE(t->steps <= UINT32_MAX, KIN_USAGE, "schedule: %ld steps are too many",
                (long)t->steps);
    t->eval_every = steps_of(t, "eval.every");
    t->checkpoint_every = steps_of(t, "checkpoint.every");
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
    kin_parameter params[2 * KIN_PLAN_MAX + KIN_TERMS_MAX * KIN_HYPERS_MAX];
    kin_network *n = t->model->network;
    int count = 0;
    for (int i = 0; i < n->count; i++) {
        kin_weight *w = &n->weight[i];
        if (w->frozen) continue;
        params[count++] = (kin_parameter){ .tensor = &w->tensor, .decay = w->decay,
                                           .rate_factor = 1 };
    }
    count = add_learned(t, params, count);
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
    t->size = (int64_t)number(t, "batch.size");
    KIN_TRY(open_store(t));
    KIN_TRY(make_sampler(t));
    KIN_TRY(make_model(t, checkpoint));
    KIN_TRY(kin_trainer_check_memory(t));
    KIN_TRY(make_network(t));
    KIN_TRY(init_network(t));
    make_schedule(t);
    KIN_TRY(kin_towers_make(t));
    return kin_objective_make(&t->objective, t->backend, t->config);
}

kin_status kin_trainer_setup_step(kin_trainer *t)
{
    kin_memory_trim();                      /* what tokenizing and the first evaluation took */
    KIN_TRY(make_optimizer(t));
    KIN_TRY(kin_batch_init(&t->batch, t->backend, t->size));
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
    kin_sampler_free(t->sampler);
    kin_role_tokens_free(&t->tokens);
    kin_model_free(t->model);
    kin_store_close(t->store);
    kin_log_close(t->log);
    kin_network_free(t->towers.slow);
    if (t->objective.backend) kin_objective_free(&t->objective);
    free(t->repeat);
    kin_run_folder_leave(&t->folder);
}
