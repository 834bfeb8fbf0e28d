/* A time of mining: the pairs of the steps to come, their queries' candidates, and of these what
 * the policies choose. mined/step_N.tsv of the run folder says who, from where, at which rank. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "train/machine.h"
#include "train/negatives.h"
#include "train/trainer.h"

/* ---- whom it is for -------------------------------------------------------------------------- */

/* Marks the pairs of steps from .. to - 1; of a whole epoch or more, all. */
static void mark_pairs(kin_trainer *t, int64_t from, int64_t to, uint8_t *marked)
{
    if (to - from >= t->per_epoch) {
        memset(marked, 1, (size_t)t->material.count);
        return;
    }
    for (int64_t s = from; s < to; s++) {
        const int32_t *pairs = kin_material_batch(t, s);
        for (int64_t i = 0; i < t->size; i++) marked[pairs[i]] = 1;
    }
}

static kin_status list_pairs(kin_trainer *t, kin_mining *m)
{
    const kin_negatives *n = t->negatives;
    uint8_t *marked = calloc((size_t)t->material.count + 1, 1);
    m->pair = malloc((size_t)t->material.count * sizeof *m->pair + 1);
    m->query = malloc((size_t)n->queries * sizeof *m->query + 1);
    m->place = malloc((size_t)n->queries * sizeof *m->place + 1);
    if (!marked || !m->pair || !m->query || !m->place) {
        free(marked);
        return kin_fail(KIN_MEMORY, "no memory for %ld pairs", (long)t->material.count);
    }
    int64_t end = kin_negatives_next(n, t->state.step);
    if (t->seconds <= 0 && end > t->steps) end = t->steps;
    mark_pairs(t, t->state.step, end, marked);
    for (int64_t q = 0; q < n->queries; q++) m->place[q] = -1;
    for (int64_t i = 0; i < t->material.count; i++) {
        if (!marked[i] || n->query_of[i] < 0) continue;
        m->pair[m->pairs++] = (int32_t)i;
        m->place[n->query_of[i]] = 0;
    }
    for (int64_t q = 0; q < n->queries; q++) {
        if (m->place[q] < 0) continue;
        m->place[q] = (int32_t)m->queries;
        m->query[m->queries++] = (int32_t)q;
    }
    free(marked);
    return KIN_OK;
}

/* Candidates beside those that are known to be relevant; of these a list may hold so many. A query
 * with more of them among its nearest has fewer to choose from. */
enum { KNOWN_MOST = 16 };

static kin_status take_room(kin_trainer *t, kin_mining *m)
{
    const kin_negatives *n = t->negatives;
    const int64_t known = n->most_known < KNOWN_MOST ? n->most_known : KNOWN_MOST;
    m->depth = n->depth + known;
    if (m->depth > t->store->documents) m->depth = t->store->documents;
    const size_t cells = (size_t)(m->queries * m->depth);
    m->found = malloc(cells * sizeof *m->found + 1);
    m->score = malloc(cells * sizeof *m->score + 1);
    m->positive = malloc((size_t)m->pairs * sizeof *m->positive + 1);
    KIN_REQUIRE(m->found && m->score && m->positive, KIN_MEMORY, "no memory for %ld candidates",
                (long)cells);
    return KIN_OK;
}

static void free_mining(kin_mining *m)
{
    free(m->pair);
    free(m->query);
    free(m->place);
    free(m->found);
    free(m->score);
    free(m->positive);
    free(m->guide);
    free(m->positive_guide);
}

/* ---- the guide's opinion --------------------------------------------------------------------- */

static kin_status score_all(kin_trainer *t, kin_mining *m, int32_t *query, int32_t *document)
{
    kin_negatives *n = t->negatives;
    for (int64_t i = 0; i < m->pairs; i++) {
        query[i] = n->query_of[m->pair[i]];
        document[i] = t->material.pair[3 * (int64_t)m->pair[i] + KIN_PAIR_DOCUMENT];
    }
    KIN_TRY(kin_scorer_ask(&n->guide, m->pairs, query, document, m->positive_guide));
    for (int64_t i = 0; i < m->queries; i++)
        for (int64_t k = 0; k < m->depth; k++) query[i * m->depth + k] = m->query[i];
    return kin_scorer_ask(&n->guide, m->queries * m->depth, query, m->found, m->guide);
}

static kin_status ask_guide(kin_trainer *t, kin_mining *m)
{
    const kin_negatives *n = t->negatives;
    const int64_t cells = m->queries * m->depth > m->pairs ? m->queries * m->depth : m->pairs;
    if (!(n->chain.needs & KIN_POLICY_GUIDE)) return KIN_OK;
    m->guide = malloc((size_t)cells * sizeof *m->guide + 1);
    m->positive_guide = malloc((size_t)m->pairs * sizeof *m->positive_guide + 1);
    int32_t *query = malloc((size_t)cells * sizeof *query + 1);
    int32_t *document = malloc((size_t)m->pairs * sizeof *document + 1);
    kin_status status = KIN_OK;
    if (!m->guide || !m->positive_guide || !query || !document)
        status = kin_fail(KIN_MEMORY, "no memory for the guide's %ld scores", (long)cells);
    if (!status) status = score_all(t, m, query, document);
    free(query);
    free(document);
    return status;
}

/* ---- how much has changed -------------------------------------------------------------------- */

static int64_t common(const int32_t *a, const int32_t *b)
{
    int64_t n = 0;
    for (int i = 0; i < KIN_NEAREST; i++)
        for (int j = 0; j < KIN_NEAREST; j++) n += a[i] >= 0 && a[i] == b[j];
    return n;
}

/* The mean share of a query's nearest documents that were among them the last time; the nearest
 * of now take their place. */
static void compare_nearest(kin_trainer *t, const kin_mining *m)
{
    kin_negatives *n = t->negatives;
    int64_t same = 0, of = 0;
    for (int64_t i = 0; i < m->queries; i++) {
        int32_t now[KIN_NEAREST], *before = n->nearest + (int64_t)m->query[i] * KIN_NEAREST;
        for (int64_t k = 0; k < KIN_NEAREST; k++)
            now[k] = k < m->depth ? m->found[i * m->depth + k] : -1;
        for (int k = 0; before[0] >= 0 && k < KIN_NEAREST; k++) of += now[k] >= 0;
        if (before[0] >= 0) same += common(now, before);
        memcpy(before, now, sizeof now);
    }
    n->last.overlap = of ? (double)same / (double)of : NAN;
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* What a thread counts. */
typedef struct { int64_t known, candidates, chosen, without, dropped[KIN_CHAIN_MAX]; } tally;

typedef struct {
    kin_trainer *t;
    const kin_mining *m;
    kin_policy_round round;
    kin_candidate *room;               /* depth for each thread */
    tally *tally;                      /* one for each thread */
    kin_candidate *chosen;             /* pairs x count; document -1: none */
} choosing;

static void choose_pair(void *context, int64_t i, int thread)
{
    const choosing *c = context;
    kin_negatives *n = c->t->negatives;
    const int32_t pair = c->m->pair[i], query = n->query_of[pair];
    kin_candidate *list = c->room + thread * n->depth;
    tally *own = &c->tally[thread];
    const kin_policy_query q = {
        .number = pair, .positive = c->t->material.pair[3 * (int64_t)pair + KIN_PAIR_DOCUMENT],
        .positive_score = c->m->positive[i],
        .positive_guide = c->m->guide ? c->m->positive_guide[i] : (real)NAN,
        .known = n->known + n->known_start[query],
        .known_count = n->known_start[query + 1] - n->known_start[query],
        .key = n->query_key ? n->query_key[query] : 0,
    };
    const int64_t at = c->m->place[query] * c->m->depth;
    const real *guide = c->m->guide ? c->m->guide + at : NULL;
    const int64_t many = kin_policy_list(&q, c->m->found + at, c->m->score + at, guide,
                                         c->m->depth, n->depth, list, &own->known);
    const int64_t got = kin_policy_choose(&n->chain, &c->round, &q, list, many, n->count,
                                          own->dropped);
    own->candidates += many;
    own->chosen += got;
    own->without += got == 0;
    for (int64_t k = 0; k < n->count; k++) {
        c->chosen[i * n->count + k] = k < got ? list[k] : (kin_candidate){ .document = -1 };
        n->document[pair * n->count + k] = c->chosen[i * n->count + k].document;
    }
}

static void add_up(kin_mining_facts *to, const tally *of, int threads)
{
    for (int i = 0; i < threads; i++) {
        to->known += of[i].known;
        to->candidates += of[i].candidates;
        to->chosen += of[i].chosen;
        to->without += of[i].without;
        for (int k = 0; k < KIN_CHAIN_MAX; k++) to->dropped[k] += of[i].dropped[k];
    }
}

static kin_status choose(kin_trainer *t, const kin_mining *m, kin_candidate **chosen)
{
    kin_negatives *n = t->negatives;
    const int threads = kin_pool_threads(t->backend->pool);
    choosing c = { .t = t, .m = m,
                   .round = { .corpus = n->corpus, .round = (uint32_t)t->state.step,
                              .seed = (uint64_t)kin_config_number(t->config, "run.seed"),
                              .progress = kin_negatives_progress(t) } };
    c.room = malloc((size_t)(threads * n->depth) * sizeof *c.room + 1);
    c.tally = calloc((size_t)threads, sizeof *c.tally);
    *chosen = c.chosen = malloc((size_t)(m->pairs * n->count) * sizeof *c.chosen + 1);
    kin_status status = KIN_OK;
    if (!c.room || !c.tally || !c.chosen)
        status = kin_fail(KIN_MEMORY, "no memory for the negatives of %ld pairs", (long)m->pairs);
    if (!status) {
        kin_pool_run(t->backend->pool, m->pairs, choose_pair, &c);
        add_up(&n->last, c.tally, threads);
    }
    free(c.room);
    free(c.tally);
    return status;
}

/* ---- mined/step_N.tsv ------------------------------------------------------------------------ */

static kin_status write_lines(kin_trainer *t, const kin_mining *m, const kin_candidate *chosen,
                              kin_writer *w)
{
    const kin_negatives *n = t->negatives;
    const char *source = kin_negatives_source_name(t, m->source);
    KIN_TRY(kin_writer_printf(w, "pair\tdocument\tsource\tstep\trank\tscore\tpositive_score\n"));
    for (int64_t i = 0; i < m->pairs * n->count; i++) {
        const kin_candidate *c = &chosen[i];
        if (c->document < 0) continue;
        const kin_texts *ids = &t->store->document_id;
        KIN_TRY(kin_writer_printf(w, "%d\t%.*s\t%s\t%ld\t%d\t%.6g\t%.6g\n", m->pair[i / n->count],
                                  (int)kin_text_size(ids, c->document), kin_text(ids, c->document),
                                  source, (long)t->state.step, c->rank, (double)c->score,
                                  (double)m->positive[i / n->count]));
    }
    return KIN_OK;
}

static kin_status record(kin_trainer *t, const kin_mining *m, const kin_candidate *chosen)
{
    char path[KIN_PATH_MAX], name[64];
    kin_writer *w;
    if (!t->negatives->record) return KIN_OK;
    KIN_TRY(kin_run_folder_at(&t->folder, "mined", path));
    KIN_TRY(kin_folder_make(path));
    snprintf(name, sizeof name, "mined/step_%ld.tsv", (long)t->state.step);
    KIN_TRY(kin_run_folder_at(&t->folder, name, path));
    KIN_TRY(kin_writer_open(&w, path));
    const kin_status status = write_lines(t, m, chosen, w);
    if (!status) return kin_writer_commit(w);
    kin_writer_abandon(w);
    return status;
}

/* ---- telling --------------------------------------------------------------------------------- */

static double share_of_time(const kin_trainer *t)
{
    const double all = t->spent_before + kin_trainer_spent(t);
    return all > 0 ? t->state.mining_seconds / all : 0;
}

/* A line of the step that comes, because this is redone where a run goes on from here. */
static kin_status write_line(kin_trainer *t)
{
    const kin_negatives *n = t->negatives;
    const kin_mining_facts *f = &n->last;
    kin_log_begin(t->log, t->state.step + 1);
    kin_log_put(t->log, "mine/queries", (double)f->queries);
    kin_log_put(t->log, "mine/pairs", (double)f->pairs);
    kin_log_put(t->log, "mine/chosen", (double)f->chosen);
    kin_log_put(t->log, "mine/without", (double)f->without);
    kin_log_put(t->log, "mine/overlap", f->overlap);
    kin_log_put(t->log, "mine/dropped/relevant", (double)f->known);
    for (int i = 0; i < n->chain.count; i++) {
        char name[96];
        snprintf(name, sizeof name, "mine/dropped/%s", n->chain.link[i].policy->entry.name);
        kin_log_put(t->log, name, (double)f->dropped[i]);
    }
    kin_log_put(t->log, "perf/mine_seconds", f->seconds);
    kin_log_put(t->log, "perf/mine_embedding", f->embedding);
    kin_log_put(t->log, "perf/mine_indexing", f->indexing);
    kin_log_put(t->log, "perf/mine_searching", f->searching);
    kin_log_put(t->log, "perf/mine_share", share_of_time(t));
    return kin_log_end(t->log);
}

static void tell(const kin_trainer *t, kin_negatives_source source)
{
    char dropped[300] = "", same[60] = "", what[160] = "";
    const kin_negatives *n = t->negatives;
    const kin_mining_facts *f = &n->last;
    size_t used = (size_t)snprintf(dropped, sizeof dropped, "relevant %ld", (long)f->known);
    for (int i = 0; i < n->chain.count && used < sizeof dropped; i++)
        if (f->dropped[i])
            used += (size_t)snprintf(dropped + used, sizeof dropped - used, ", %s %ld",
                                     n->chain.link[i].policy->entry.name, (long)f->dropped[i]);
    if (!isnan(f->overlap))
        snprintf(same, sizeof same, "; %.0f%% of the nearest are those of the last time",
                 100 * f->overlap);
    if (source == KIN_FROM_MODEL) kin_index_describe(n->index, what, sizeof what);
    kin_tell_stage(t->watch, "step %ld: mined %ld negatives for %ld pairs (%s%s%s) in %.2f s, "
                   "%.0f%% of the training; %ld got none; left out: %s%s", (long)t->state.step,
                   (long)f->chosen, (long)f->pairs, kin_negatives_source_name(t, source),
                   *what ? ": " : "", what, f->seconds, 100 * share_of_time(t), (long)f->without,
                   dropped, same);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static kin_status mine(kin_trainer *t, kin_mining *m)
{
    kin_candidate *chosen = NULL;
    KIN_TRY(list_pairs(t, m));
    KIN_TRY(take_room(t, m));
    KIN_TRY(kin_negatives_find(t, m));
    compare_nearest(t, m);
    KIN_TRY(ask_guide(t, m));
    kin_status status = choose(t, m, &chosen);
    if (!status) status = record(t, m, chosen);
    free(chosen);
    return status;
}

kin_status kin_negatives_mine(kin_trainer *t)
{
    kin_negatives *n = t->negatives;
    const int64_t step = t->state.step;
    if (!n || kin_negatives_next(n, step - 1) != step) return KIN_OK;
    const double before = kin_seconds();
    kin_mining m = { .source = kin_negatives_at(n, step) };
    n->last = (kin_mining_facts){ .overlap = NAN };
    kin_profile_host(t->flags->profile, "negatives");
    const kin_status status = mine(t, &m);
    kin_profile_host(t->flags->profile, NULL);
    n->last.queries = m.queries;
    n->last.pairs = m.pairs;
    free_mining(&m);
    if (status) return status;
    n->last.seconds = kin_seconds() - before;
    t->state.mining_seconds += n->last.seconds;
    tell(t, m.source);
    return write_line(t);
}
