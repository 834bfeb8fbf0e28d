#include "metrics/bm25.h"

#include <stdbool.h>
#include <stdlib.h>
#include "metrics/bm25_index.h"

const kin_bm25_setting kin_bm25_defaults = {1.2, 0.75};

/* ---- words ------------------------------------------------------------------------------------*/

static bool is_letter(char c) { return c >= 'a' && c <= 'z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

const char *kin_bm25_word(const char **at, const char *end)
{
    const char *c = *at;
    while (c < end && !is_letter(*c) && !is_digit(*c)) c++;
    if (c == end) return NULL;
    const char *word = c;
    if (is_letter(*c)) while (c < end && is_letter(*c)) c++;
    else while (c < end && is_digit(*c)) c++;
    *at = c;
    return word;
}

void kin_bm25_lower(const char *text, int64_t size, char *lower)
{
    for (int64_t i = 0; i < size; i++) {
        char c = text[i];
        lower[i] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
    }
}

int64_t kin_bm25_longest(const kin_texts *texts, const int32_t *which, int64_t first, int64_t end)
{
    int64_t longest = 0;
    for (int64_t i = first; i < end; i++) {
        const int64_t *start = texts->start + (which ? which[i] : i);
        if (start[1] - start[0] > longest) longest = start[1] - start[0];
    }
    return longest;
}

/* ---- search -----------------------------------------------------------------------------------*/

typedef struct { float score; int32_t document; } hit_t;

/* What a thread keeps to itself. */
typedef struct {
    float *score;                  /* of every document, all 0 between queries */
    hit_t *heap;                   /* the worst of the k best on top */
    char *lower;
} desk_t;

typedef struct {
    const kin_bm25 *bm25;
    const kin_texts *texts;
    const int32_t *which;
    int64_t k, *found;
    desk_t *desk;
    kin_run *run;
} search_t;

static bool is_worse(hit_t a, hit_t b)
{
    return a.score < b.score || (a.score == b.score && a.document > b.document);
}

/* Lets the hit sink from place i of a heap of n to where it belongs. */
static void sink(hit_t *heap, int64_t n, int64_t i, hit_t hit)
{
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        child += child + 1 < n && is_worse(heap[child + 1], heap[child]);
        if (!is_worse(heap[child], hit)) break;
        heap[i] = heap[child];
    }
    heap[i] = hit;
}

static void lift(hit_t *heap, int64_t i, hit_t hit)
{
    for (; i > 0 && is_worse(hit, heap[(i - 1) / 2]); i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
    heap[i] = hit;
}

static void add_scores(const search_t *search, int64_t query, desk_t *desk)
{
    const kin_bm25 *bm25 = search->bm25;
    const int64_t *start = search->texts->start + (search->which ? search->which[query] : query);
    kin_bm25_lower(search->texts->bytes + start[0], start[1] - start[0], desk->lower);
    const char *at = desk->lower, *end = at + (start[1] - start[0]);
    for (const char *word; (word = kin_bm25_word(&at, end));) {
        int32_t w = kin_names_find(&bm25->words, word, at - word);
        if (w < 0) continue;
        const float factor = bm25->factor ? bm25->factor[w] : 1;
        for (int64_t p = bm25->start[w]; p < bm25->start[w + 1]; p++)
            desk->score[bm25->document[p]] += factor * bm25->weight[p];
    }
}

/* The k best of the scores, which become 0 again; documents come in ascending order, so that an
 * equal score later on is a worse hit. */
static int64_t pick_best(const search_t *search, desk_t *desk)
{
    int64_t n = 0;
    float bar = 0;
    for (int64_t d = 0; d < search->bm25->documents; d++) {
        hit_t hit = {desk->score[d], (int32_t)d};
        desk->score[d] = 0;
        if (!(hit.score > bar)) continue;
        if (n < search->k) lift(desk->heap, n++, hit);
        else sink(desk->heap, n, 0, hit);
        if (n == search->k) bar = desk->heap[0].score;
    }
    return n;
}

static void search_one(void *context, int64_t query, int thread)
{
    search_t *search = context;
    desk_t *desk = search->desk + thread;
    add_scores(search, query, desk);
    int64_t n = pick_best(search, desk), first = search->run->start[query];
    search->found[query] = n;
    while (n > 0) {
        hit_t worst = desk->heap[0];
        n--;
        sink(desk->heap, n, 0, desk->heap[n]);
        search->run->document[first + n] = worst.document;
        search->run->score[first + n] = worst.score;
    }
}

static void desks_free(desk_t *desk, int threads)
{
    for (int t = 0; desk && t < threads; t++) {
        free(desk[t].score);
        free(desk[t].heap);
        free(desk[t].lower);
    }
    free(desk);
}

static desk_t *desks_new(int threads, int64_t documents, int64_t k, int64_t longest)
{
    desk_t *desk = calloc((size_t)threads, sizeof *desk);
    for (int t = 0; desk && t < threads; t++) {
        desk[t].score = calloc((size_t)documents + 1, sizeof(float));
        desk[t].heap = malloc(sizeof(hit_t) * (size_t)(k + 1));
        desk[t].lower = malloc((size_t)longest + 1);
        if (desk[t].score && desk[t].heap && desk[t].lower) continue;
        desks_free(desk, threads);
        return NULL;
    }
    return desk;
}

kin_status kin_bm25_search(const kin_bm25 *bm25, kin_pool *pool, const kin_texts *texts,
                           const int32_t *which, int64_t queries, int64_t k, kin_run **run)
{
    *run = NULL;
    KIN_REQUIRE(k > 0, KIN_USAGE, "bm25: %lld documents a query, expected at least 1",
                (long long)k);
    if (k > bm25->documents) k = bm25->documents;
    int threads = kin_pool_threads(pool);
    search_t search = {.bm25 = bm25, .texts = texts, .which = which, .k = k};
    kin_run *made;
    KIN_TRY(kin_run_new(&made, queries, k));
    search.run = made;
    search.found = malloc(sizeof(int64_t) * (size_t)(queries + 1));
    search.desk = desks_new(threads, bm25->documents, k,
                            kin_bm25_longest(texts, which, 0, queries));
    kin_status status = KIN_OK;
    if (search.found && search.desk && k > 0) {
        kin_pool_run(pool, queries, search_one, &search);
        kin_run_cut(made, k, search.found);
    } else if (k > 0) {
        status = kin_fail(KIN_MEMORY, "bm25: no memory to search for %lld queries",
                          (long long)queries);
    }
    free(search.found);
    desks_free(search.desk, threads);
    if (status == KIN_OK) *run = made;
    else kin_run_free(made);
    return status;
}
