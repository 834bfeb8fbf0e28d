#include "metrics/tfidf.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "metrics/bm25_index.h"

struct kin_tfidf {
    kin_bm25 *index;               /* weight: of a text's word once its vector has length 1; factor:
                                      what a word counts */
};

static kin_status weigh(kin_bm25 *index)
{
    const int64_t words = index->words.count;
    double *squares = calloc((size_t)index->documents + 1, sizeof *squares);
    index->factor = malloc(sizeof(float) * (size_t)(words + 1));
    KIN_REQUIRE(squares && (index->factor || words == 0), KIN_MEMORY,
                "tf-idf: no memory for %lld words", (long long)words);
    for (int64_t w = 0; w < words; w++) {
        const double with = (double)(index->start[w + 1] - index->start[w]);
        index->factor[w] = (float)(log((1 + (double)index->documents) / (1 + with)) + 1);
        for (int64_t p = index->start[w]; p < index->start[w + 1]; p++) {
            index->weight[p] *= index->factor[w];
            squares[index->document[p]] += (double)index->weight[p] * (double)index->weight[p];
        }
    }
    for (int64_t p = 0; p < index->start[words]; p++)
        index->weight[p] = (float)((double)index->weight[p] / sqrt(squares[index->document[p]]));
    free(squares);
    return KIN_OK;
}

kin_status kin_tfidf_new(kin_tfidf **out, kin_pool *pool, const kin_texts *texts,
                         const int32_t *which, int64_t documents)
{
    kin_tfidf *t = *out = calloc(1, sizeof *t);
    KIN_REQUIRE(t, KIN_MEMORY, "tf-idf: no memory");
    kin_status status = kin_bm25_index(&t->index, pool, texts, which, documents, NULL);
    if (status == KIN_OK) status = weigh(t->index);
    if (status == KIN_OK) return KIN_OK;
    kin_tfidf_free(t);
    *out = NULL;
    return status;
}

void kin_tfidf_free(kin_tfidf *t)
{
    if (t) kin_bm25_free(t->index);
    free(t);
}

kin_status kin_tfidf_search(const kin_tfidf *t, kin_pool *pool, const kin_texts *texts,
                            const int32_t *which, int64_t queries, int64_t k, kin_run **run)
{
    return kin_bm25_search(t->index, pool, texts, which, queries, k, run);
}

/* ---- classes --------------------------------------------------------------------------------- */

typedef struct {
    const kin_bm25 *index;
    const kin_texts *texts;
    const int32_t *which, *label;
    int64_t labels;
    int32_t *nearest;
    double *length;                /* labels: of the sum of a class's vectors */
    double *score;                 /* threads x labels */
    char *lower;                   /* threads x longest */
    int64_t longest;
} classify_t;

static void measure_classes(classify_t *c)
{
    const kin_bm25 *index = c->index;
    double *sum = c->score;                        /* of one word's weights, by class */
    for (int64_t l = 0; l < c->labels; l++) c->length[l] = sum[l] = 0;
    for (int64_t w = 0; w < index->words.count; w++) {
        for (int64_t p = index->start[w]; p < index->start[w + 1]; p++)
            sum[c->label[index->document[p]]] += (double)index->weight[p];
        for (int64_t p = index->start[w]; p < index->start[w + 1]; p++) {
            const int32_t label = c->label[index->document[p]];
            c->length[label] += sum[label] * sum[label];
            sum[label] = 0;
        }
    }
    for (int64_t l = 0; l < c->labels; l++) c->length[l] = sqrt(c->length[l]);
}

/* The next indexed word of lower-case text, or -1 at the end. */
static int32_t next_word(const kin_bm25 *index, const char **at, const char *end)
{
    for (const char *word; (word = kin_bm25_word(at, end));) {
        const int32_t w = kin_names_find(&index->words, word, *at - word);
        if (w >= 0) return w;
    }
    return -1;
}

static void classify_one(void *context, int64_t query, int thread)
{
    const classify_t *c = context;
    const kin_bm25 *index = c->index;
    double *score = c->score + thread * c->labels, best = 0;
    char *lower = c->lower + thread * c->longest;
    const int32_t text = c->which ? c->which[query] : (int32_t)query;
    const char *at = lower, *end = lower + kin_text_size(c->texts, text);
    kin_bm25_lower(kin_text(c->texts, text), end - lower, lower);
    for (int64_t l = 0; l < c->labels; l++) score[l] = 0;
    for (int32_t w; (w = next_word(index, &at, end)) >= 0;)
        for (int64_t p = index->start[w]; p < index->start[w + 1]; p++)
            score[c->label[index->document[p]]] +=
                (double)index->factor[w] * (double)index->weight[p];
    c->nearest[query] = -1;
    for (int64_t l = 0; l < c->labels; l++) {
        const double cosine = c->length[l] > 0 ? score[l] / c->length[l] : 0;
        if (!(cosine > best)) continue;
        best = cosine;
        c->nearest[query] = (int32_t)l;
    }
}

kin_status kin_tfidf_classify(const kin_tfidf *t, kin_pool *pool, const kin_texts *texts,
                              const int32_t *which, int64_t queries, const int32_t *label,
                              int64_t labels, int32_t *nearest)
{
    const size_t threads = (size_t)kin_pool_threads(pool);
    classify_t c = {.index = t->index, .texts = texts, .which = which, .label = label,
                    .labels = labels, .nearest = nearest,
                    .longest = kin_bm25_longest(texts, which, 0, queries) + 1};
    c.length = malloc(sizeof(double) * (size_t)labels);
    c.score = malloc(sizeof(double) * (size_t)labels * threads);
    c.lower = malloc((size_t)c.longest * threads);
    const bool fine = c.length && c.score && c.lower;
    if (fine) {
        measure_classes(&c);
        kin_pool_run(pool, queries, classify_one, &c);
    }
    free(c.length);
    free(c.score);
    free(c.lower);
    return fine ? KIN_OK : kin_fail(KIN_MEMORY, "tf-idf: no memory for %lld classes",
                                    (long long)labels);
}

/* ---- pairs ----------------------------------------------------------------------------------- */

typedef struct { int32_t word, count; } term_t;

static int by_word(const void *left, const void *right)
{
    const int32_t a = ((const term_t *)left)->word, b = ((const term_t *)right)->word;
    return (a > b) - (a < b);
}

/* The text's words in order, each once; room for one of every byte. */
static int64_t read_terms(const kin_bm25 *index, const kin_texts *texts, int32_t text, char *lower,
                          term_t *term)
{
    const int64_t size = kin_text_size(texts, text);
    const char *at = lower, *end = lower + size;
    int64_t n = 0, distinct = 0;
    kin_bm25_lower(kin_text(texts, text), size, lower);
    for (int32_t w; (w = next_word(index, &at, end)) >= 0;) term[n++] = (term_t){w, 1};
    qsort(term, (size_t)n, sizeof *term, by_word);
    for (int64_t i = 0; i < n; i++) {
        if (distinct > 0 && term[distinct - 1].word == term[i].word) term[distinct - 1].count++;
        else term[distinct++] = term[i];
    }
    return distinct;
}

static double dot(const kin_bm25 *index, const term_t *a, int64_t n, const term_t *b, int64_t m)
{
    double sum = 0;
    for (int64_t i = 0, j = 0; i < n && j < m;) {
        const double factor = (double)index->factor[a[i].word];
        if (a[i].word == b[j].word) sum += factor * factor * a[i].count * b[j].count;
        const bool both = a[i].word == b[j].word;
        const bool left = a[i].word < b[j].word;
        i += both || left;
        j += both || !left;
    }
    return sum;
}

kin_status kin_tfidf_cosines(const kin_tfidf *t, const kin_texts *texts, const int32_t *left,
                             const int32_t *right, int64_t pairs, double *cosine)
{
    const int64_t of_left = kin_bm25_longest(texts, left, 0, pairs);
    const int64_t of_right = kin_bm25_longest(texts, right, 0, pairs);
    const int64_t longest = 1 + (of_left > of_right ? of_left : of_right);
    char *lower = malloc((size_t)longest);
    term_t *a = malloc(sizeof *a * (size_t)longest), *b = malloc(sizeof *b * (size_t)longest);
    const bool fine = lower && a && b;
    for (int64_t i = 0; i < pairs && fine; i++) {
        const int64_t n = read_terms(t->index, texts, left[i], lower, a);
        const int64_t m = read_terms(t->index, texts, right[i], lower, b);
        const double size = dot(t->index, a, n, a, n) * dot(t->index, b, m, b, m);
        cosine[i] = size > 0 ? dot(t->index, a, n, b, m) / sqrt(size) : 0;
    }
    free(lower);
    free(a);
    free(b);
    return fine ? KIN_OK : kin_fail(KIN_MEMORY, "tf-idf: no memory for a text of %lld bytes",
                                    (long long)longest);
}
