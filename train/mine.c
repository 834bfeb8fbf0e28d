/* Mine: see mine.h. The model searches for every query of the split; policies choose from what it
 * found without what is relevant, as in training (mining/policy.h). */
#include "train/mine_parts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/rng.h"
#include "data/json.h"
#include "data/tables.h"
#include "data/text_key.h"
#include "train/open_run.h"
#include "train/progress.h"

/* ---- queries and their positives ------------------------------------------------------------- */

static kin_status list_relevant(mine_work *m)
{
    const kin_judgements *j = m->judged.judgements;
    mine_pairs *s = &m->relevant;
    KIN_TRY(kin_mine_pairs_take(s, j->start[j->rows]));
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
            m->target[m->targets++] = (mine_target){ s->row[i], s->document[i], 0, s->score[i] };
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
    KIN_TRY(kin_mine_pairs_take(s, m->targets));
    for (; s->count < m->targets; s->count++) {
        s->row[s->count] = m->target[s->count].row;
        s->document[s->count] = (int32_t)kin_random_below(
            m->order->seed, KIN_STREAM_NEGATIVES, 3, (uint64_t)s->count,
            (uint64_t)m->store->documents);
    }
    return kin_mine_pairs_score(m, s);
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
    m->key = malloc((size_t)s->documents * sizeof *m->key + 1);
    m->query_key = malloc((size_t)j->rows * sizeof *m->query_key + 1);
    KIN_REQUIRE(m->chosen && m->known && m->score && m->list && m->key && m->query_key, KIN_MEMORY,
                "no memory for the negatives of %lld queries", (long long)m->targets);
    kin_text_keys(m->backend->pool, &s->texts, s->document_text, s->documents, m->key);
    for (int64_t r = 0; r < j->rows; r++) {
        const int32_t text = s->query_text[j->query[r]];
        m->query_key[r] = kin_text_key(kin_text(&s->texts, text), kin_text_size(&s->texts, text));
    }
    m->round = (kin_policy_round){ .corpus.key = m->key, .seed = m->order->seed, .progress = 1 };
    return KIN_OK;
}

/* The negatives of a query of which `known` documents are known to be relevant; to m->list. */
static int64_t choose(mine_work *m, const mine_target *t, int64_t known, int64_t *candidates,
                      int64_t *known_found, int64_t *dropped)
{
    const kin_run *run = m->judged.run;
    const int64_t first = run->start[t->row], n = run->start[t->row + 1] - first;
    const int64_t depth = n < m->order->depth ? n : m->order->depth;
    const kin_policy_query q = { .number = t->row, .positive = t->positive,
                                 .positive_score = (real)t->score, .positive_guide = (real)NAN,
                                 .known = m->known, .known_count = known,
                                 .key = m->query_key[t->row] };
    for (int64_t i = 0; i < depth; i++) m->score[i] = (real)run->score[first + i];
    const int64_t many = kin_policy_list(&q, run->document + first, m->score, NULL, depth, depth,
                                         m->list, known_found);
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

/* ---- files ----------------------------------------------------------------------------------- */

static void put_id(kin_json_out *out, const char *key, const kin_texts *ids, int64_t i)
{
    kin_json_put_bytes(out, key, kin_text(ids, i), (size_t)kin_text_size(ids, i));
}

static void put_query(const mine_work *m, int64_t i, kin_json_out *out)
{
    const kin_store *s = m->store;
    const mine_target *t = &m->target[i];
    kin_json_open(out, NULL, '{');
    put_id(out, "query", &s->query_id, m->judged.judgements->query[t->row]);
    put_id(out, "positive", &s->document_id, t->positive);
    kin_json_put_number(out, "positive_score", (double)t->score);
    kin_json_put_string(out, "source", "model");
    kin_json_put_string(out, "kept_by", m->order->policy);
    kin_json_open(out, "negatives", '[');
    for (int k = 0; k < t->got; k++) {
        const kin_candidate *c = &m->chosen[i * m->order->count + k];
        kin_json_open(out, NULL, '{');
        put_id(out, "id", &s->document_id, c->document);
        kin_json_put_whole(out, "rank", c->rank);
        kin_json_put_number(out, "score", (double)c->score);
        kin_json_close(out);
    }
    kin_json_close(out);
    kin_json_close(out);
}

static kin_status write_lines(const mine_work *m)
{
    kin_writer *w;
    kin_status status = KIN_OK;
    KIN_TRY(kin_writer_open(&w, m->order->out));
    for (int64_t i = 0; i < m->targets && !status; i++) {
        kin_json_out out = { 0 };
        put_query(m, i, &out);
        status = kin_json_finish(&out);
        if (!status) status = kin_writer_put(w, out.bytes, out.size);
        kin_json_discard(&out);
    }
    if (!status) return kin_writer_commit(w);
    kin_writer_abandon(w);
    return status;
}

static kin_status write_tables(const mine_work *m)
{
    const int64_t n = m->targets, cells = n * m->order->count;
    int32_t *whole = malloc((size_t)(2 * n + 2 * cells) * sizeof *whole + 1);
    float *score = malloc((size_t)cells * sizeof *score + 1);
    kin_status status = KIN_OK;
    if (whole && score) {
        int32_t *query = whole, *positive = query + n, *document = positive + n;
        int32_t *rank = document + cells;
        for (int64_t i = 0; i < n; i++) {
            query[i] = m->judged.judgements->query[m->target[i].row];
            positive[i] = m->target[i].positive;
        }
        for (int64_t i = 0; i < cells; i++) {
            document[i] = m->chosen[i].document;
            rank[i] = document[i] < 0 ? 0 : m->chosen[i].rank;
            score[i] = document[i] < 0 ? 0 : (float)m->chosen[i].score;
        }
        const kin_table tables[] = {
            { "query", n, 1, true, query }, { "positive", n, 1, true, positive },
            { "negative", n, m->order->count, true, document },
            { "rank", n, m->order->count, true, rank },
            { "score", n, m->order->count, false, score },
        };
        status = kin_tables_write(m->order->tables, tables, 5);
    } else {
        status = kin_fail(KIN_MEMORY, "%s: no memory to write it", m->order->tables);
    }
    free(whole);
    free(score);
    return status;
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
    const int needs = m->report->chain.needs & (KIN_POLICY_TOKENS | KIN_POLICY_GUIDE);
    KIN_REQUIRE(!needs, KIN_USAGE, "--policy '%s': near_duplicate and guide are for mining in "
                "training", o->policy);
    return KIN_OK;
}

static kin_status mine(mine_work *m)
{
    kin_split split;
    KIN_TRY(kin_policy_read(&m->report->chain, "--policy", m->order->policy));
    KIN_TRY(check(m, &split));
    kin_tell_stage(m->watch, "searching for the %s queries", m->order->split);
    KIN_TRY(kin_role_tokens_make(&m->tokens, m->model, m->backend->pool, m->store));
    const kin_look look = { split, m->order->depth, false };
    KIN_TRY(kin_evaluate_model(m->store, m->model, &m->tokens, &look, 1, &m->judged));
    KIN_TRY(list_relevant(m));
    KIN_TRY(list_targets(m));
    KIN_TRY(draw_random(m));
    KIN_TRY(take_room(m));
    choose_all(m);
    draw_up(m);
    if (m->order->tables) KIN_TRY(write_tables(m));
    return write_lines(m);
}

static void free_miner(mine_work *m)
{
    kin_role_tokens_free(&m->tokens);
    kin_judged_free(&m->judged);
    kin_mine_pairs_free(&m->relevant);
    kin_mine_pairs_free(&m->random);
    free(m->key);
    free(m->query_key);
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
