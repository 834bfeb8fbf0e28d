/* Mine: see mine.h. The model searches for every query of the split; policies choose from what it
 * found without what is relevant, as in training (mining/policy.h). */
#include "train/mine_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rng.h"
#include "data/text_key.h"
#include "train/open_run.h"
#include "train/policy_corpus.h"
#include "train/progress.h"

static kin_status take_pairs(mine_pairs *s, int64_t room)
{
    s->row = malloc((size_t)room * sizeof *s->row + 1);
    s->document = malloc((size_t)room * sizeof *s->document + 1);
    s->score = malloc((size_t)room * sizeof *s->score + 1);
    KIN_REQUIRE(s->row && s->document && s->score, KIN_MEMORY, "no memory for %lld pairs",
                (long long)room);
    return KIN_OK;
}

static void free_pairs(mine_pairs *s)
{
    free(s->row);
    free(s->document);
    free(s->score);
}

static kin_status name_rows(mine_work *m)
{
    const kin_judgements *j = m->judged.judgements;
    m->row_text = malloc((size_t)j->rows * sizeof *m->row_text + 1);
    KIN_REQUIRE(m->row_text, KIN_MEMORY, "no memory for %lld queries", (long long)j->rows);
    for (int64_t r = 0; r < j->rows; r++) m->row_text[r] = m->store->query_text[j->query[r]];
    return KIN_OK;
}

/* ---- queries and their positives ------------------------------------------------------------- */

static kin_status list_relevant(mine_work *m)
{
    const kin_judgements *j = m->judged.judgements;
    mine_pairs *s = &m->relevant;
    KIN_TRY(take_pairs(s, j->start[j->rows]));
    for (int64_t r = 0; r < j->rows; r++)
        for (int64_t i = j->start[r]; i < j->start[r + 1]; i++) {
            if (j->grade[i] <= 0) continue;
            s->row[s->count] = (int32_t)r;
            s->document[s->count++] = j->document[i];
        }
    return kin_mine_pairs_score(m, s);
}

static int32_t grade_of(const kin_judgements *j, int64_t row, int32_t document)
{
    for (int64_t i = j->start[row]; i < j->start[row + 1]; i++)
        if (j->document[i] == document) return j->grade[i];
    return 0;
}

/* The pairs of a row follow each other. */
static kin_status list_targets(mine_work *m)
{
    const kin_judgements *j = m->judged.judgements;
    const mine_pairs *s = &m->relevant;
    m->target = malloc((size_t)j->rows * sizeof *m->target + 1);
    KIN_REQUIRE(m->target, KIN_MEMORY, "no memory for %lld queries", (long long)j->rows);
    for (int64_t i = 0; i < s->count; i++) {
        mine_target *last = m->targets ? &m->target[m->targets - 1] : NULL;
        if (!last || last->row != s->row[i]) {
            m->target[m->targets++] = (mine_target){ s->row[i], s->document[i], 0, s->score[i],
                                                       (real)NAN };
            continue;
        }
        const int32_t now = grade_of(j, s->row[i], s->document[i]);
        const int32_t best = grade_of(j, s->row[i], last->positive);
        if (now < best || (now == best && s->score[i] <= last->score)) continue;
        last->positive = s->document[i];
        last->score = s->score[i];
    }
    return KIN_OK;
}

/* A document for each query, relevant to it only by chance. */
static kin_status draw_random(mine_work *m)
{
    mine_pairs *s = &m->random;
    KIN_TRY(take_pairs(s, m->targets));
    for (; s->count < m->targets; s->count++) {
        s->row[s->count] = m->target[s->count].row;
        s->document[s->count] = (int32_t)kin_random_below(
            m->order->seed, KIN_STREAM_NEGATIVES, 3, (uint64_t)s->count,
            (uint64_t)m->store->documents);
    }
    return kin_mine_pairs_score(m, s);
}

/* ---- the guide's opinion --------------------------------------------------------------------- */

static kin_status ask_about_positives(mine_work *m)
{
    mine_pairs s = { 0 };
    kin_status status = take_pairs(&s, m->targets);
    for (; !status && s.count < m->targets; s.count++) {
        s.row[s.count] = m->target[s.count].row;
        s.document[s.count] = m->target[s.count].positive;
    }
    if (!status)
        status = kin_scorer_ask(&m->guide, s.count, s.row, s.document, s.score);
    for (int64_t i = 0; i < m->targets && !status; i++) m->target[i].guide = s.score[i];
    free_pairs(&s);
    return status;
}

static kin_status ask_guide(mine_work *m)
{
    const kin_run *run = m->judged.run;
    const int64_t cells = run->start[run->rows];
    if (!m->guide.model) return KIN_OK;
    m->guide.store = m->store;
    m->guide.watch = m->watch;
    m->guide.query_text = m->row_text;
    m->guide.queries = run->rows;
    KIN_TRY(ask_about_positives(m));
    int32_t *row = malloc((size_t)cells * sizeof *row + 1);
    m->opinion = malloc((size_t)cells * sizeof *m->opinion + 1);
    kin_status status = KIN_OK;
    if (!row || !m->opinion)
        status = kin_fail(KIN_MEMORY, "no memory for the guide's %lld scores", (long long)cells);
    for (int64_t r = 0; r < run->rows && !status; r++)
        for (int64_t i = run->start[r]; i < run->start[r + 1]; i++) row[i] = (int32_t)r;
    if (!status) status = kin_scorer_ask(&m->guide, cells, row, run->document, m->opinion);
    free(row);
    return status;
}

/* ---- choosing -------------------------------------------------------------------------------- */

static kin_status take_room(mine_work *m)
{
    const kin_store *s = m->store;
    const kin_judgements *j = m->judged.judgements;
    const size_t depth = (size_t)m->order->depth, cells = (size_t)(m->targets * m->order->count);
    m->chosen = malloc(cells * sizeof *m->chosen + 1);
    m->known = malloc((size_t)s->documents * sizeof *m->known + 1);
    m->score = malloc(depth * sizeof *m->score + 1);
    m->list = malloc(depth * sizeof *m->list + 1);
    m->row_key = malloc((size_t)j->rows * sizeof *m->row_key + 1);
    KIN_REQUIRE(m->chosen && m->known && m->score && m->list && m->row_key, KIN_MEMORY,
                "no memory for the negatives of %lld queries", (long long)m->targets);
    kin_text_keys(m->backend->pool, &s->texts, m->row_text, j->rows, m->row_key);
    m->round = (kin_policy_round){ .seed = m->order->seed, .progress = 1 };
    return kin_policy_corpus_make(&m->round.corpus, m->report->chain.needs, m->backend->pool, s,
                                  m->tokens.of[KIN_DOCUMENT]);
}

/* The negatives of a query of which `known` documents are known to be relevant; to m->list. */
static int64_t choose(mine_work *m, const mine_target *t, int64_t known, int64_t *candidates,
                      int64_t *known_found, int64_t *dropped)
{
    const kin_run *run = m->judged.run;
    const int64_t first = run->start[t->row], n = run->start[t->row + 1] - first;
    const int64_t depth = n < m->order->depth ? n : m->order->depth;
    const kin_policy_query q = { .number = t->row, .positive = t->positive,
                                 .positive_score = t->score, .positive_guide = t->guide,
                                 .known = m->known, .known_count = known,
                                 .key = m->row_key[t->row] };
    for (int64_t i = 0; i < depth; i++) m->score[i] = (real)run->score[first + i];
    const real *opinion = m->opinion ? m->opinion + first : NULL;
    const int64_t many = kin_policy_list(&q, run->document + first, m->score, opinion, depth,
                                         depth, m->list, known_found);
    *candidates += many;
    return kin_policy_choose(&m->report->chain, &m->round, &q, m->list, many, m->order->count,
                             dropped);
}

/* All relevant documents of the target's row, to m->known; at: the first of them. */
static int64_t know(mine_work *m, const mine_target *t, int64_t *at)
{
    const mine_pairs *s = &m->relevant;
    int64_t n = 0;
    for (; *at < s->count && s->row[*at] == t->row; ++*at) m->known[n++] = s->document[*at];
    return n;
}

/* The same again as if nobody had judged more than the positive: what is then mined of what was. */
static void withhold(mine_work *m, const mine_target *t, int64_t relevant,
                     const int32_t *all)
{
    kin_mine_report *r = m->report;
    int64_t none = 0, dropped[KIN_CHAIN_MAX] = { 0 };
    if (relevant < 2) return;
    m->known[0] = t->positive;
    const int64_t got = choose(m, t, 1, &none, &none, dropped);
    r->withheld += relevant - 1;
    r->judged += got;
    for (int64_t k = 0; k < got; k++)
        for (int64_t i = 0; i < relevant; i++) r->caught += m->list[k].document == all[i];
}

static void choose_all(mine_work *m)
{
    kin_mine_report *r = m->report;
    const int64_t count = m->order->count;
    for (int64_t i = 0, at = 0; i < m->targets; i++) {
        mine_target *t = &m->target[i];
        const int64_t first = at, known = know(m, t, &at);
        const int64_t got = choose(m, t, known, &r->candidates, &r->known, r->dropped);
        for (int64_t k = 0; k < count; k++)
            m->chosen[i * count + k] = k < got ? m->list[k] : (kin_candidate){ .document = -1 };
        t->got = (int32_t)got;
        r->negatives += got;
        r->without += got == 0;
        withhold(m, t, known, m->relevant.document + first);
    }
    r->queries = m->targets;
}

/* ---- the report ------------------------------------------------------------------------------ */

static void each_score(const mine_work *m, void (*with)(kin_mine_report *, int, double))
{
    for (int64_t i = 0; i < m->targets; i++) {
        with(m->report, KIN_MINE_POSITIVE, (double)m->target[i].score);
        with(m->report, KIN_MINE_RANDOM, (double)m->random.score[i]);
        for (int64_t k = 0; k < m->target[i].got; k++)
            with(m->report, KIN_MINE_MINED,
                 (double)m->chosen[i * m->order->count + k].score);
    }
}

static void widen(kin_mine_report *r, int kind, double score)
{
    r->low = fmin(r->low, score);
    r->high = fmax(r->high, score);
    r->scores[kind]++;
    r->mean[kind] += score;
}

static void count(kin_mine_report *r, int kind, double score)
{
    const double width = r->high > r->low ? r->high - r->low : 1;
    const int at = (int)((score - r->low) / width * KIN_MINE_BINS);
    r->bin[kind][at < KIN_MINE_BINS ? at : KIN_MINE_BINS - 1]++;
}

static void draw_up(const mine_work *m)
{
    kin_mine_report *r = m->report;
    r->low = INFINITY;
    r->high = -INFINITY;
    each_score(m, widen);
    each_score(m, count);
    for (int k = 0; k < KIN_MINE_KINDS; k++)
        if (r->scores[k]) r->mean[k] /= (double)r->scores[k];
}

/* ---- all of it ------------------------------------------------------------------------------- */

static kin_status check(const mine_work *m, kin_split *split)
{
    const kin_mine_order *o = m->order;
    *split = KIN_SPLITS;
    for (int s = 0; s < KIN_SPLITS; s++)
        if (!strcmp(o->split, kin_split_name((kin_split)s))) *split = (kin_split)s;
    KIN_REQUIRE(*split != KIN_SPLITS, KIN_USAGE, "'%s' is not a split; expected train, validation "
                "or test", o->split);
    KIN_REQUIRE(kin_store_goal(m->store) == KIN_GOAL_RANKING && kin_split_judged(m->store, *split),
                KIN_DATA, "%s: has no %s queries with a relevant document", m->store->path,
                o->split);
    KIN_REQUIRE(m->model->tokenizer, KIN_USAGE, "kin mine takes a model of texts");
    KIN_REQUIRE(o->count <= o->depth, KIN_USAGE, "%lld negatives of a query cannot be chosen from "
                "%lld documents", (long long)o->count, (long long)o->depth);
    const bool asks = m->report->chain.needs & KIN_POLICY_GUIDE;
    KIN_REQUIRE(!asks || o->guide, KIN_USAGE, "--policy '%s' asks a guide, but --guide RUN, a "
                "model, is missing", o->policy);
    KIN_REQUIRE(asks || !o->guide, KIN_USAGE, "--guide '%s': no policy of '%s' asks one", o->guide,
                o->policy);
    return KIN_OK;
}

static kin_status mine(mine_work *m)
{
    kin_split split;
    KIN_TRY(kin_policy_read(&m->report->chain, "--policy", m->order->policy));
    KIN_TRY(check(m, &split));
    if (m->order->guide)
        KIN_TRY(kin_scorer_open(&m->guide, m->backend, "--guide", m->order->guide));
    kin_tell_stage(m->watch, "searching for the %s queries", m->order->split);
    KIN_TRY(kin_role_tokens_make(&m->tokens, m->model, m->backend->pool, m->store));
    const kin_look look = { split, m->order->depth, false };
    KIN_TRY(kin_evaluate_model(m->store, m->model, &m->tokens, &look, 1, &m->judged));
    KIN_TRY(name_rows(m));
    KIN_TRY(list_relevant(m));
    KIN_TRY(list_targets(m));
    KIN_TRY(draw_random(m));
    KIN_TRY(ask_guide(m));
    kin_scorer_free(&m->guide);
    KIN_TRY(take_room(m));
    choose_all(m);
    draw_up(m);
    if (m->order->tables) KIN_TRY(kin_mine_tables(m));
    return kin_mine_lines(m);
}

static void free_miner(mine_work *m)
{
    kin_role_tokens_free(&m->tokens);
    kin_judged_free(&m->judged);
    free_pairs(&m->relevant);
    free_pairs(&m->random);
    kin_scorer_free(&m->guide);
    kin_policy_corpus_free(&m->round.corpus);
    free(m->row_text);
    free(m->row_key);
    free(m->opinion);
    free(m->target);
    free(m->chosen);
    free(m->known);
    free(m->score);
    free(m->list);
}

kin_status kin_mine_run(const char *run, const kin_mine_order *order, kin_backend *backend,
                        const kin_watch *watch, kin_mine_report *report)
{
    kin_config *config;
    kin_store *store;
    kin_model *model;
    *report = (kin_mine_report){ 0 };
    KIN_TRY(kin_open_run(&config, &store, run));
    kin_status status = kin_open_model(&model, backend, run);
    if (!status) {
        mine_work m = { .order = order, .store = store, .model = model, .backend = backend,
                    .watch = watch, .report = report };
        status = mine(&m);
        free_miner(&m);
        kin_model_free(model);
    }
    kin_store_close(store);
    kin_config_free(config);
    return status;
}
