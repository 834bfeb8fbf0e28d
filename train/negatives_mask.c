/* The mask: cells of the batch that are ignored because their documents, mined or not, are too
 * similar to the query to be called negatives (GISTEmbed: Solatorio 2024, arXiv:2402.16829). The
 * rule is a chain of policies, as for mining; of each query those of the `LOOKED` most similar
 * documents of the batch are ignored that it drops, and those that are known to be relevant. */
#include <math.h>
#include <string.h>

#include "autograd/op.h"
#include "core/sorted.h"
#include "train/negatives.h"
#include "train/trainer.h"

enum { LOOKED = 64 };

typedef struct {
    kin_trainer *t;
    int64_t rows, columns, k;
    int32_t *found;                     /* rows x k columns, best first */
    real *score, *positive;
    int32_t *query, *document;          /* rows x k, for the guide */
    real *guide, *positive_guide;       /* or NULL */
    kin_candidate *list;                /* k */
    int32_t *row, *col;                 /* ignored cells */
    int64_t cells;
} masking;

/* In a step that only stands in for others, places of the queue may be empty. */
static int32_t document_of(const kin_trainer *t, int64_t column)
{
    const int32_t document = kin_negatives_document(t, column);
    return document < 0 ? 0 : document;
}

/* The scores of the columns that are most similar to each row, and of its own. */
static kin_status find(masking *m, kin_tape *tape, const kin_sides *sides)
{
    kin_backend *b = m->t->backend;
    kin_arena *arena = kin_tape_arena(tape);
    const size_t cells = (size_t)(m->rows * m->k);
    const size_t mark = kin_arena_mark(arena);
    int32_t *found = KIN_TAKE(arena, int32_t, m->rows * m->k);
    real *score = KIN_TAKE(arena, real, m->rows * m->k), *own = KIN_TAKE(arena, real, m->rows);
    KIN_REQUIRE(found && score && own, KIN_MEMORY, "no memory to mask %ld rows", (long)m->rows);
    KIN_TRY(b->search(b, arena, m->rows, m->columns, sides->rows->cols, sides->rows->value,
                      sides->columns->value, m->k, found, score));
    b->row_dots(b, m->rows, sides->rows->cols, sides->rows->value, sides->columns->value, own);
    b->download(b, m->found, found, cells * sizeof *found);
    b->download(b, m->score, score, cells * sizeof *score);
    b->download(b, m->positive, own, (size_t)m->rows * sizeof *own);
    kin_arena_rewind(arena, mark);
    return kin_backend_check(b);
}

/* What the guide says of them. */
static kin_status ask_guide(masking *m)
{
    const kin_trainer *t = m->t;
    kin_scorer *guide = &t->negatives->guide;
    if (!m->guide) return KIN_OK;
    for (int64_t i = 0; i < m->rows; i++) {
        m->query[i] = t->negatives->query_of[t->batch.pairs[i]];
        m->document[i] = document_of(t, i);
    }
    KIN_TRY(kin_scorer_ask(guide, m->rows, m->query, m->document, m->positive_guide));
    for (int64_t i = 0; i < m->rows * m->k; i++) {
        m->query[i] = t->negatives->query_of[t->batch.pairs[i / m->k]];
        m->document[i] = document_of(t, m->found[i]);
    }
    return kin_scorer_ask(guide, m->rows * m->k, m->query, m->document, m->guide);
}

static void ignore(masking *m, int64_t row, int32_t col)
{
    m->row[m->cells] = (int32_t)row;
    m->col[m->cells++] = col;
}

/* What the chain leaves of the list keeps its rank, so whoever lacks is ignored. */
static void ignore_dropped(masking *m, int64_t row, const kin_policy_round *round,
                           const kin_policy_query *q, int64_t listed)
{
    const kin_policy_chain *chain = &m->t->negatives->mask;
    int64_t n = listed;
    bool stays[LOOKED + 1] = { false };
    for (int i = 0; i < chain->count; i++)
        n = chain->link[i].policy->apply(round, q, chain->link[i].hypers, m->list, n);
    for (int64_t i = 0; i < n; i++) stays[m->list[i].rank] = true;
    for (int64_t k = 0; k < m->k; k++) {
        const int32_t col = m->found[row * m->k + k];
        if (col >= 0 && col != row && !stays[k + 1]) ignore(m, row, col);
    }
}

static void mask_row(masking *m, int64_t row, const kin_policy_round *round)
{
    const kin_negatives *n = m->t->negatives;
    const int32_t query = n->query_of[m->t->batch.pairs[row]];
    kin_policy_query q = { .number = row, .positive = document_of(m->t, row),
                           .positive_score = m->positive[row],
                           .positive_guide = m->guide ? m->positive_guide[row] : (real)NAN };
    if (query >= 0) {
        q.known = n->known + n->known_start[query];
        q.known_count = n->known_start[query + 1] - n->known_start[query];
        q.key = n->query_key ? n->query_key[query] : 0;
    }
    int64_t listed = 0;
    for (int64_t k = 0; k < m->k; k++) {
        const int32_t col = m->found[row * m->k + k];
        if (col < 0 || col == row) continue;
        const int32_t document = document_of(m->t, col);
        if (document == q.positive || kin_sorted_holds(q.known, 0, q.known_count, document))
            continue;
        m->list[listed++] = (kin_candidate){ .document = document, .rank = (int32_t)k + 1,
                                             .score = m->score[row * m->k + k],
                                             .guide = m->guide ? m->guide[row * m->k + k]
                                                               : (real)NAN };
    }
    ignore_dropped(m, row, round, &q, listed);
}

/* Behind the cells that are ignored already. */
static kin_status take_room(masking *m, kin_tape *tape, const kin_sides *sides)
{
    const size_t cells = (size_t)(m->rows * m->k), before = (size_t)sides->ignored;
    m->found = kin_keep_host(tape, cells * sizeof *m->found);
    m->score = kin_keep_host(tape, cells * sizeof *m->score);
    m->positive = kin_keep_host(tape, (size_t)m->rows * sizeof *m->positive);
    m->list = kin_keep_host(tape, (size_t)m->k * sizeof *m->list);
    m->row = kin_keep_host(tape, (before + cells) * sizeof *m->row);
    m->col = kin_keep_host(tape, (before + cells) * sizeof *m->col);
    if (m->row && m->col && before) {
        memcpy(m->row, sides->ignored_row, before * sizeof *m->row);
        memcpy(m->col, sides->ignored_col, before * sizeof *m->col);
    }
    m->cells = sides->ignored;
    if (!(m->t->negatives->mask.needs & KIN_POLICY_GUIDE)) return kin_tape_status(tape);
    m->query = kin_keep_host(tape, cells * sizeof *m->query);
    m->document = kin_keep_host(tape, cells * sizeof *m->document);
    m->guide = kin_keep_host(tape, cells * sizeof *m->guide);
    m->positive_guide = kin_keep_host(tape, (size_t)m->rows * sizeof *m->positive_guide);
    return kin_tape_status(tape);
}

kin_status kin_negatives_mask(kin_trainer *t, kin_sides *sides)
{
    kin_negatives *n = t->negatives;
    if (!n || !n->mask.count) return KIN_OK;
    masking m = { .t = t, .rows = sides->rows->rows, .columns = sides->columns->rows };
    m.k = m.columns < LOOKED ? m.columns : LOOKED;
    const kin_policy_round round = { .corpus = n->corpus, .round = (uint32_t)t->state.step,
                                     .seed = (uint64_t)kin_config_number(t->config, "run.seed"),
                                     .progress = kin_negatives_progress(t) };
    KIN_TRY(take_room(&m, t->tape, sides));
    KIN_TRY(find(&m, t->tape, sides));
    KIN_TRY(ask_guide(&m));
    for (int64_t i = 0; i < m.rows; i++) mask_row(&m, i, &round);
    n->step.masked = m.cells - sides->ignored;
    sides->ignored = m.cells;
    sides->ignored_row = m.row;
    sides->ignored_col = m.col;
    return KIN_OK;
}
