/* Negatives: made from a config, and when it is time to mine. */
#include "train/negatives.h"

#include <stdlib.h>
#include <string.h>

#include "core/group.h"
#include "core/sorted.h"
#include "data/text_key.h"
#include "train/policy_corpus.h"
#include "train/trainer.h"

static double number(const kin_trainer *t, const char *key)
{
    return kin_config_number(t->config, key);
}

/* ---- when ------------------------------------------------------------------------------------ */

kin_negatives_source kin_negatives_at(const kin_negatives *n, int64_t step)
{
    return step < n->start ? n->before : n->source;
}

/* At the beginning for what comes before `start`, then at `start`, then every so many steps. */
int64_t kin_negatives_next(const kin_negatives *n, int64_t step)
{
    if (!n->source) return INT64_MAX;
    if (step < 0 && (n->before || !n->start)) return 0;
    if (step < n->start) return n->start;
    return n->every ? step + n->every - (step - n->start) % n->every : INT64_MAX;
}

bool kin_negatives_indexed(const kin_negatives *n, int64_t step)
{
    return n->source == KIN_FROM_MODEL && step > n->start;
}

const char *kin_negatives_source_name(const kin_trainer *t, kin_negatives_source source)
{
    static const char *const names[] = { "none", "random", "bm25" };
    return source == KIN_FROM_MODEL ? kin_config_text(t->config, "negatives.index")
                                    : names[source];
}

double kin_negatives_progress(const kin_trainer *t)
{
    const double done = t->seconds > 0 ? t->passed : (double)t->state.step / (double)t->steps;
    return done < 1 ? done : 1;
}

static void read_times(kin_trainer *t)
{
    kin_negatives *n = t->negatives;
    const double epoch = (double)t->per_epoch;
    n->source = (kin_negatives_source)number(t, "negatives.source");
    n->before = (kin_negatives_source)number(t, "negatives.before");
    n->start = (int64_t)(number(t, "negatives.start") * epoch + 0.5);
    n->every = (int64_t)number(t, "negatives.every_steps");
    if (!n->every) n->every = (int64_t)(number(t, "negatives.every") * epoch + 0.5);
    if (!n->every && number(t, "negatives.every") > 0) n->every = 1;
    n->count = (int64_t)number(t, "negatives.count");
    n->depth = (int64_t)number(t, "negatives.depth");
    n->record = number(t, "negatives.record") != 0;
    n->queue.size = (int64_t)number(t, "negatives.queue");
    n->queue.start = (int64_t)(number(t, "negatives.queue_start") * epoch + 0.5);
}

/* ---- whom it is for -------------------------------------------------------------------------- */

static bool is_named(const char *names, const char *name, int64_t size)
{
    while (*(names += strspn(names, " ,\t"))) {
        const size_t n = strcspn(names, " ,\t");
        if ((int64_t)n == size && !memcmp(names, name, n)) return true;
        names += n;
    }
    return false;
}

/* Every name is that of a kind of the store's pairs. */
static kin_status check_kinds(const kin_trainer *t)
{
    const kin_texts *kinds = &t->store->source;
    const char *names = kin_config_text(t->config, "negatives.kinds");
    while (*(names += strspn(names, " ,\t"))) {
        const size_t n = strcspn(names, " ,\t");
        int64_t k = 0;
        while (k < kinds->count && (kin_text_size(kinds, k) != (int64_t)n
                                    || memcmp(kin_text(kinds, k), names, n))) k++;
        KIN_REQUIRE(k < kinds->count, KIN_USAGE, "negatives.kinds: %s has no pairs of a kind "
                    "'%.*s'", t->store->path, (int)n, names);
        names += n;
    }
    return KIN_OK;
}

/* Whether pairs of a kind are trained on, and mined for. */
static bool is_trained(const kin_trainer *t, int64_t kind)
{
    return !t->repeat || t->repeat[kind] > 0;
}

static bool is_mined(const kin_trainer *t, int64_t kind)
{
    const kin_texts *kinds = &t->store->source;
    const char *names = kin_config_text(t->config, "negatives.kinds");
    return is_trained(t, kind)
           && (!*names || is_named(names, kin_text(kinds, kind), kin_text_size(kinds, kind)));
}

/* Queries in the order in which their pairs come. query_at: of every text, or -1. */
static kin_status number_queries(kin_trainer *t, int32_t *query_at)
{
    kin_negatives *n = t->negatives;
    const kin_store *s = t->store;
    n->query_of = malloc((size_t)s->pairs * sizeof *n->query_of);
    n->query_text = malloc((size_t)s->pairs * sizeof *n->query_text);
    KIN_REQUIRE(n->query_of && n->query_text, KIN_MEMORY, "no memory for %ld pairs",
                (long)s->pairs);
    for (int64_t i = 0; i < s->texts.count; i++) query_at[i] = -1;
    for (int64_t k = 0; k < s->source.count; k++) {
        const bool mined = is_mined(t, k);
        for (int64_t i = s->source_start[k]; i < s->source_start[k + 1]; i++) {
            const int32_t text = s->pair[3 * i + KIN_PAIR_LEFT];
            n->query_of[i] = -1;
            if (!mined) continue;
            if (query_at[text] < 0) {
                query_at[text] = (int32_t)n->queries;
                n->query_text[n->queries++] = text;
            }
            n->query_of[i] = query_at[text];
        }
    }
    KIN_REQUIRE(n->queries > 0, KIN_USAGE, "negatives.kinds leaves no pair to mine for");
    return KIN_OK;
}

/* ---- what is relevant to them ---------------------------------------------------------------- */

typedef struct { int32_t query, document; } relevant;

/* Documents that a query's text is paired with in what is trained on, or judged to match by the
 * training queries. to NULL: only counted. */
static int64_t list_relevant(const kin_trainer *t, const int32_t *query_at, relevant *to)
{
    const kin_store *s = t->store;
    int64_t count = 0;
    for (int64_t k = 0; k < s->source.count; k++)
        for (int64_t i = s->source_start[k]; is_trained(t, k) && i < s->source_start[k + 1]; i++) {
            const int32_t query = query_at[s->pair[3 * i + KIN_PAIR_LEFT]];
            if (query < 0) continue;
            if (to) to[count] = (relevant){ query, s->pair[3 * i + KIN_PAIR_DOCUMENT] };
            count++;
        }
    for (int64_t i = 0; i < s->relations; i++) {
        const int32_t *r = s->relation + 3 * i;
        const int32_t query = query_at[s->query_text[r[KIN_RELATION_QUERY]]];
        const bool trained = s->query_split[r[KIN_RELATION_QUERY]] == KIN_TRAIN;
        if (query < 0 || !trained || r[KIN_RELATION_GRADE] <= 0) continue;
        if (to) to[count] = (relevant){ query, r[KIN_RELATION_DOCUMENT] };
        count++;
    }
    return count;
}

/* By query, each document once. */
static void sort_relevant(kin_negatives *n, const int32_t *member, const relevant *all)
{
    int64_t kept = 0;
    for (int64_t q = 0; q < n->queries; q++) {
        const int64_t from = n->known_start[q], many = n->known_start[q + 1] - from;
        int32_t *own = n->known + kept;
        for (int64_t i = 0; i < many; i++) own[i] = all[member[from + i]].document;
        const int64_t unique = kin_sorted_unique(own, many);
        n->known_start[q] = kept;
        kept += unique;
        if (unique > n->most_known) n->most_known = unique;
    }
    n->known_start[n->queries] = kept;
}

static kin_status know_relevant(kin_trainer *t, const int32_t *query_at)
{
    kin_negatives *n = t->negatives;
    const int64_t count = list_relevant(t, query_at, NULL);
    relevant *all = malloc((size_t)count * sizeof *all + 1);
    int32_t *of = malloc((size_t)count * sizeof *of + 1);
    int32_t *member = malloc((size_t)count * sizeof *member + 1);
    n->known = malloc((size_t)count * sizeof *n->known + 1);
    n->known_start = malloc((size_t)(n->queries + 2) * sizeof *n->known_start);
    kin_status status = KIN_OK;
    if (!all || !of || !member || !n->known || !n->known_start)
        status = kin_fail(KIN_MEMORY, "no memory for %ld relevant documents", (long)count);
    if (!status) {
        list_relevant(t, query_at, all);
        for (int64_t i = 0; i < count; i++) of[i] = all[i].query;
        kin_group(of, count, n->queries, n->known_start, member);
        sort_relevant(n, member, all);
    }
    free(all);
    free(of);
    free(member);
    return status;
}

/* ---- what policies ask for ------------------------------------------------------------------- */

static kin_status make_keys(kin_trainer *t)
{
    kin_negatives *n = t->negatives;
    n->query_key = malloc((size_t)n->queries * sizeof *n->query_key);
    KIN_REQUIRE(n->query_key, KIN_MEMORY, "no memory for the keys of %ld texts", (long)n->queries);
    kin_text_keys(t->backend->pool, &t->store->texts, n->query_text, n->queries, n->query_key);
    return KIN_OK;
}

static kin_status open_guide(kin_trainer *t)
{
    kin_negatives *n = t->negatives;
    const char *path = kin_config_text(t->config, "negatives.guide");
    if (!*path) return KIN_OK;
    n->guide = (kin_scorer){ .store = t->store, .watch = t->watch, .query_text = n->query_text,
                             .queries = n->queries };
    return kin_scorer_open(&n->guide, t->backend, "negatives.guide", path);
}

static kin_status tell_policies(kin_trainer *t)
{
    kin_negatives *n = t->negatives;
    const int needs = n->chain.needs | n->mask.needs;
    KIN_TRY(kin_policy_corpus_make(&n->corpus, needs, t->backend->pool, t->store,
                                   t->tokens.of[KIN_DOCUMENT]));
    if (needs & KIN_POLICY_KEYS) KIN_TRY(make_keys(t));
    return open_guide(t);
}

/* Lists that are searched once: better ones would take longer to learn than they save, and whether
 * a candidate is the fortieth or the fiftieth does not matter. */
static kin_status set_quick(kin_index_setting *setting)
{
    KIN_TRY(kin_index_set(setting, "steps", 4));
    KIN_TRY(kin_index_set(setting, "sample", 32));
    return kin_index_set(setting, "factor", 1);
}

/* Embeddings are unit rows: their products are cosines. */
static kin_status make_index(kin_trainer *t)
{
    kin_negatives *n = t->negatives;
    kin_index_setting setting;
    const char *name = kin_config_text(t->config, "negatives.index");
    const bool exact = strncmp(name, "exact", 5) == 0;
    if (n->source != KIN_FROM_MODEL) return KIN_OK;
    KIN_TRY(kin_encoding_new(&n->encoding, t->model));
    KIN_TRY(kin_index_defaults(&setting, exact ? "exact" : name, t->model->network->width));
    if (exact) KIN_TRY(kin_index_set(&setting, "look", strcmp(name, "exact") != 0));
    else KIN_TRY(kin_index_set(&setting, "recall", number(t, "negatives.recall")));
    if (!strcmp(name, "ivf")) KIN_TRY(set_quick(&setting));
    KIN_REQUIRE(t->backend->scan || !strcmp(name, "exact"), KIN_USAGE, "negatives.index is '%s', "
                "which device %s has not: expected exact", name, t->backend->name);
    setting.similarity = KIN_DOT;
    setting.seed = (uint64_t)number(t, "run.seed");
    return kin_index_new(&n->index, t->backend, &setting);
}

static kin_status take_lists(kin_trainer *t)
{
    kin_negatives *n = t->negatives;
    const int64_t pairs = t->store->pairs * n->count, nearest = n->queries * KIN_NEAREST;
    n->document = malloc((size_t)pairs * sizeof *n->document);
    n->nearest = malloc((size_t)nearest * sizeof *n->nearest);
    n->column = malloc((size_t)(n->count * t->size) * sizeof *n->column);
    n->stamp = calloc((size_t)t->store->documents, sizeof *n->stamp);
    KIN_REQUIRE(n->document && n->nearest && n->column && n->stamp, KIN_MEMORY,
                "no memory for the negatives of %ld pairs", (long)t->store->pairs);
    for (int64_t i = 0; i < pairs; i++) n->document[i] = -1;
    for (int64_t i = 0; i < nearest; i++) n->nearest[i] = -1;
    return KIN_OK;
}

static kin_status make_all(kin_trainer *t)
{
    int32_t *query_at = malloc((size_t)t->store->texts.count * sizeof *query_at + 1);
    KIN_REQUIRE(query_at, KIN_MEMORY, "no memory for %ld texts", (long)t->store->texts.count);
    kin_status status = number_queries(t, query_at);
    if (!status) status = know_relevant(t, query_at);
    free(query_at);
    KIN_TRY(status);
    KIN_TRY(take_lists(t));
    KIN_TRY(tell_policies(t));
    KIN_TRY(kin_queue_open(t));
    return make_index(t);
}

kin_status kin_negatives_open(kin_trainer *t)
{
    const char *mask = kin_config_text(t->config, "negatives.mask");
    const char *asked = kin_config_negatives(t->config);
    if (!asked) return KIN_OK;
    KIN_REQUIRE(t->material.goal == KIN_GOAL_RANKING && t->store->documents > 0, KIN_USAGE,
                "%s is '%s', which needs queries and documents; a run trains on %s here", asked,
                kin_config_text(t->config, asked), kin_goal_data(t->material.goal));
    kin_negatives *n = t->negatives = calloc(1, sizeof *n);
    KIN_REQUIRE(n, KIN_MEMORY, "no memory for negatives");
    read_times(t);
    KIN_TRY(check_kinds(t));
    KIN_TRY(kin_policy_read(&n->chain, "negatives.policy",
                            kin_config_text(t->config, "negatives.policy")));
    if (*mask) KIN_TRY(kin_policy_read(&n->mask, "negatives.mask", mask));
    return make_all(t);
}

kin_status kin_negatives_loaded(kin_trainer *t)
{
    const kin_negatives *n = t->negatives;
    for (int64_t i = 0; n && i < t->store->pairs * n->count; i++)
        KIN_REQUIRE(n->document[i] >= -1 && n->document[i] < t->store->documents, KIN_DATA,
                    "the checkpoint has document %ld for a negative, but the store has %ld",
                    (long)n->document[i], (long)t->store->documents);
    return n ? kin_queue_link(t) : KIN_OK;
}

void kin_negatives_free(kin_negatives *n, kin_backend *backend)
{
    if (!n) return;
    free(n->query_of);
    free(n->query_text);
    free(n->known_start);
    free(n->known);
    free(n->query_key);
    kin_policy_corpus_free(&n->corpus);
    free(n->document);
    free(n->nearest);
    free(n->column);
    free(n->stamp);
    kin_index_free(n->index);
    kin_encoding_free(n->encoding);
    kin_scorer_free(&n->guide);
    kin_queue_free(&n->queue, backend);
    kin_run_free(n->lexical);
    free(n->lexical_positive);
    free(n);
}
