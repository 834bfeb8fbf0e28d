/* What was mined, as files. */
#include <stdlib.h>

#include "core/file.h"
#include "data/json.h"
#include "data/tables.h"
#include "train/mine_parts.h"

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

kin_status kin_mine_lines(const mine_work *m)
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

kin_status kin_mine_tables(const mine_work *m)
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
