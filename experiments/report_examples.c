/* Single queries: those on which the best row and a baseline differ most, with their texts. */
#include <stdlib.h>
#include <string.h>

#include "data/store.h"
#include "experiments/report.h"

enum { EACH = 5, SHOWN = 300 };        /* queries either way; bytes of a text */

typedef struct { double difference; int64_t query; } change;

/* The largest difference first; of equal ones the query that comes first. */
static int by_size(const void *a, const void *b)
{
    const change *p = a, *q = b;
    const int order = (p->difference < q->difference) - (p->difference > q->difference);
    if (order) return order;
    return (p->query > q->query) - (p->query < q->query);
}

/* Cut between characters where it is long. */
static void put_bytes(FILE *f, const char *bytes, int64_t size)
{
    char text[SHOWN + 8];
    int n = (int)(size < SHOWN ? size : SHOWN);
    while (n > 0 && n < size && ((unsigned char)bytes[n] & 0xC0) == 0x80) n--;
    snprintf(text, sizeof text, "%.*s%s", n, bytes, n < size ? " ..." : "");
    kin_report_text(f, text);
}

static void put_text(FILE *f, const kin_texts *texts, int64_t i)
{
    put_bytes(f, kin_text(texts, i), kin_text_size(texts, i));
}

/* The query of the store that has this id, or -1. */
static int64_t find_query(const kin_store *s, const char *id, int64_t size)
{
    for (int64_t q = 0; q < s->queries; q++)
        if (kin_text_size(&s->query_id, q) == size
            && !memcmp(kin_text(&s->query_id, q), id, (size_t)size)) return q;
    return -1;
}

/* What is right: the class, or the first relevant document; of scored pairs the other text. */
static void put_answer(FILE *f, const kin_store *s, int64_t query)
{
    if (s->labels) {
        put_text(f, &s->texts, s->label_text[s->query_label[query]]);
        return;
    }
    for (int64_t i = 0; i < s->relations; i++) {
        const int32_t *r = s->relation + 3 * i;
        if (r[KIN_RELATION_QUERY] != query || r[KIN_RELATION_GRADE] <= 0) continue;
        put_text(f, &s->texts, s->document_text[r[KIN_RELATION_DOCUMENT]]);
        return;
    }
}

static void put_change(FILE *f, const kin_store *s, const kin_system *a, const kin_system *b,
                       int64_t place)
{
    const kin_names *ids = &a->scores[0]->ids;
    const char *id = ids->bytes + ids->start[place];
    const int64_t size = ids->start[place + 1] - ids->start[place], query = find_query(s, id, size);
    fprintf(f, "<tr><td>%.3g</td><td>%.3g</td><td class=\"text\">", a->averaged[place],
            b->averaged[place]);
    if (query >= 0) put_text(f, &s->texts, s->query_text[query]);
    else put_bytes(f, id, size);
    fputs("</td><td class=\"text\">", f);
    if (query >= 0) put_answer(f, s, query);
    fputs("</td></tr>\n", f);
}

static void put_changes(FILE *f, const kin_outcome *o, const kin_store *s, const kin_system *a,
                        const kin_system *b, const change *changes)
{
    char title[500];
    kin_report_table(f, "Where it shows");
    snprintf(title, sizeof title, "%s of %s", o->cells->plan->measure, a->label);
    kin_report_cell(f, "th", title);
    kin_report_cell(f, "th", b->label);
    fprintf(f, "<th>%s</th><th>%s</th></tr>\n",
            o->cells->plan->goal == KIN_GOAL_RANKING ? "query" : "text",
            o->cells->plan->goal == KIN_GOAL_LABELS ? "class" : "right answer");
    const int64_t n = o->queries, each = n / 2 < EACH ? n / 2 : EACH;
    for (int64_t i = 0; i < each; i++) put_change(f, s, a, b, changes[i].query);
    for (int64_t i = n - each; i < n; i++) put_change(f, s, a, b, changes[i].query);
    kin_report_table_end(f);
    fprintf(f, "<p>The %lld largest gains and the %lld largest losses of the best row against %s, "
            "mean over seeds; of equal ones those that come first and last in the data.</p>\n",
            (long long)each, (long long)each, b->label);
}

static kin_status open_store(const kin_outcome *o, const kin_system *s, kin_store **store)
{
    kin_config *c;
    KIN_TRY(kin_ablation_config(o->cells->plan, s->row, o->cells->chosen[s->row], 0, "run", &c));
    const kin_status status = kin_store_open(store, kin_config_text(c, "data.store"));
    kin_config_free(c);
    return status;
}

/* Items that are texts of one store; a picture's numbers tell a reader nothing. */
kin_status kin_report_examples(FILE *f, const kin_outcome *o)
{
    const kin_system *best = NULL, *base = NULL;
    kin_store *store;
    for (int i = 0; i < o->systems; i++) {
        const kin_system *s = &o->system[i];
        if (s->row < 0 && !base) base = s;
        if (s->row >= 0 && (!best || s->spread[0].mean > best->spread[0].mean)) best = s;
    }
    if (!best || !base) return KIN_OK;
    KIN_TRY(open_store(o, best, &store));
    change *changes = malloc((size_t)o->queries * sizeof *changes);
    if (changes) {
        for (int64_t q = 0; q < o->queries; q++)
            changes[q] = (change){ best->averaged[q] - base->averaged[q], q };
        qsort(changes, (size_t)o->queries, sizeof *changes, by_size);
        if (!store->features) put_changes(f, o, store, best, base, changes);
    }
    free(changes);
    kin_store_close(store);
    return changes ? KIN_OK : kin_fail(KIN_MEMORY, "no memory for %lld queries",
                                       (long long)o->queries);
}
