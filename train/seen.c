/* Seen: see seen.h. */
#include "train/seen.h"

#include <stdlib.h>

#include "core/group.h"

/* The store's pairs by their left text. */
typedef struct {
    const kin_store *store;
    int32_t *left, *pair;        /* pairs: left text of each; pairs in the order of left texts */
    int64_t *start;              /* texts + 2 */
    int64_t from, to;            /* pairs that do not count */
} grouping;

static int rising(const void *left, const void *right)
{
    const int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

static kin_status group_pairs(grouping *g, kin_split split)
{
    const kin_store *s = g->store;
    const size_t pairs = (size_t)s->pairs + 1;
    const int64_t held = split == KIN_VALIDATION ? kin_store_held_out(s) : -1;
    g->left = malloc(pairs * sizeof *g->left);
    g->pair = malloc(pairs * sizeof *g->pair);
    g->start = malloc(((size_t)s->texts.count + 2) * sizeof *g->start);
    KIN_REQUIRE(g->left && g->pair && g->start, KIN_MEMORY, "no memory for %ld pairs",
                (long)s->pairs);
    for (int64_t i = 0; i < s->pairs; i++) g->left[i] = s->pair[3 * i + KIN_PAIR_LEFT];
    kin_group(g->left, s->pairs, s->texts.count, g->start, g->pair);
    if (held >= 0) g->from = s->source_start[held], g->to = s->source_start[held + 1];
    return KIN_OK;
}

/* The documents of one text to out (NULL: they are only counted); how many there are. */
static int64_t list_text(const grouping *g, int32_t text, int32_t *out)
{
    int64_t n = 0, kept = 0;
    for (int64_t i = g->start[text]; i < g->start[text + 1]; i++) {
        const int32_t pair = g->pair[i];
        if (pair >= g->from && pair < g->to) continue;
        if (out) out[n] = g->store->pair[3 * (int64_t)pair + KIN_PAIR_DOCUMENT];
        n++;
    }
    if (!out) return n;
    qsort(out, (size_t)n, sizeof *out, rising);
    for (int64_t i = 0; i < n; i++)
        if (i == 0 || out[i] != out[i - 1]) out[kept++] = out[i];
    return kept;
}

static kin_status list_rows(const grouping *g, const kin_judgements *j, kin_seen *seen)
{
    int64_t most = 0;
    for (int64_t r = 0; r < j->rows; r++)
        most += list_text(g, g->store->query_text[j->query[r]], NULL);
    seen->start = malloc(((size_t)j->rows + 1) * sizeof *seen->start);
    seen->document = malloc(((size_t)most + 1) * sizeof *seen->document);
    KIN_REQUIRE(seen->start && seen->document, KIN_MEMORY, "no memory for %ld seen documents",
                (long)most);
    seen->start[0] = 0;
    for (int64_t r = 0; r < j->rows; r++)
        seen->start[r + 1] = seen->start[r] + list_text(g, g->store->query_text[j->query[r]],
                                                        seen->document + seen->start[r]);
    return KIN_OK;
}

kin_status kin_seen_make(kin_seen *seen, const kin_store *store, const kin_judgements *judgements,
                         kin_split split)
{
    grouping g = { .store = store };
    *seen = (kin_seen){ 0 };
    kin_status status = group_pairs(&g, split);
    if (!status) status = list_rows(&g, judgements, seen);
    free(g.left);
    free(g.pair);
    free(g.start);
    return status;
}

void kin_seen_free(kin_seen *seen)
{
    free(seen->start);
    free(seen->document);
    *seen = (kin_seen){ 0 };
}
