/* Evaluates a run folder: kin_evaluate_run of run.h. */
#include <string.h>

#include "core/file.h"
#include "train/finish.h"
#include "train/open_run.h"
#include "train/progress.h"

static kin_status find_split(const kin_store *store, const char *name, kin_split *split)
{
    *split = KIN_SPLITS;
    for (int s = 0; s < KIN_SPLITS; s++)
        if (!strcmp(name, kin_split_name((kin_split)s))) *split = (kin_split)s;
    KIN_REQUIRE(*split != KIN_SPLITS, KIN_USAGE,
                "'%s' is not a split; expected train, validation or test", name);
    const bool ranking = kin_store_goal(store) == KIN_GOAL_RANKING;
    KIN_REQUIRE(kin_split_judged(store, *split), KIN_DATA, "%s: has no %s %s; another --split may",
                store->path, name, ranking ? "queries with a relevant document" : "items");
    return KIN_OK;
}

static kin_status evaluate(const char *run, const char *split_name, kin_finished *f,
                           kin_results *results)
{
    char path[KIN_PATH_MAX];
    kin_split split;
    kin_run_facts facts = { .step = 0 };
    kin_role_tokens tokens;
    KIN_TRY(find_split(f->store, split_name, &split));
    KIN_TRY(kin_path_join(path, sizeof path, run, "run.json"));
    if (kin_file_exists(path)) KIN_TRY(kin_run_facts_load(&facts, path));
    KIN_REQUIRE(!facts.checksum || facts.checksum == f->store->checksum, KIN_DATA,
                "%s is not the store that the run was trained on (xxh64 %016llx, not %016llx)",
                f->store->path, (unsigned long long)f->store->checksum,
                (unsigned long long)facts.checksum);
    if (f->model->tokenizer)
        kin_tell_stage(f->watch, "tokenising %ld texts", (long)f->store->texts.count);
    const bool texts = f->store->features == 0;
    tokens = (kin_role_tokens){ 0 };
    const kin_network *n = f->model->network;
    KIN_REQUIRE(texts == !n->encoder->forward_features && (texts || f->store->features == n->vocab),
                KIN_DATA, "%s: the model of %s cannot embed what it holds", f->store->path, run);
    if (texts) KIN_TRY(kin_role_tokens_make(&tokens, f->model, f->backend->pool, f->store));
    f->facts = &facts;
    f->tokens = &tokens;
    const kin_status status = kin_finished_judge(f, split, results);
    kin_role_tokens_free(&tokens);
    return status;
}

static bool asked(const kin_config *config, const char *key, unsigned also)
{
    return also || kin_config_number(config, key) != 0;
}

kin_status kin_evaluate_run(const char *run, const char *split, unsigned also,
                            kin_backend *backend, const kin_watch *watch, kin_results *results)
{
    kin_config *config;
    kin_store *store;
    kin_model *model;
    KIN_TRY(kin_open_run(&config, &store, run));
    kin_status status = kin_open_model(&model, backend, run);
    if (!status) {
        kin_finished f = {
            .run = run, .config = config, .backend = backend, .watch = watch, .store = store,
            .model = model,
            .baselines = asked(config, "eval.baselines", also & KIN_ALSO_BASELINES),
            .hybrid = asked(config, "eval.hybrid", also & KIN_ALSO_HYBRID),
            .fresh = asked(config, "eval.fresh", also & KIN_ALSO_FRESH),
        };
        status = evaluate(run, split, &f, results);
        kin_model_free(model);
    }
    kin_store_close(store);
    kin_config_free(config);
    return status;
}
