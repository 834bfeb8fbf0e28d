/* Building: the documents are cut into chunks that the pool reads side by side, each with its own
 * numbering of words; then the chunks are joined in order, so that the index is the same for any
 * number of threads. */
#include "metrics/bm25_index.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define CHUNKS 64

typedef struct { int32_t word, document, count; } posting_t;

typedef struct {
    kin_names words;
    posting_t *posting;
    int64_t postings, room;
    int32_t *token;                /* the words of one document */
    char *lower;
    bool failed;
} chunk_t;

typedef struct {
    const kin_texts *texts;
    const int32_t *which;
    int64_t documents;
    int64_t *length;               /* words of each document */
    chunk_t chunk[CHUNKS];
} build_t;

static int64_t chunk_start(const build_t *build, int64_t chunk)
{
    return build->documents * chunk / CHUNKS;
}

static int compare_numbers(const void *left, const void *right)
{
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

/* Room for n more postings. */
static bool has_room(chunk_t *chunk, int64_t n)
{
    if (chunk->postings + n <= chunk->room) return true;
    int64_t room = 2 * (chunk->postings + n);
    posting_t *posting = realloc(chunk->posting, sizeof *posting * (size_t)room);
    if (!posting) return false;
    chunk->posting = posting;
    chunk->room = room;
    return true;
}

static bool read_document(build_t *build, chunk_t *chunk, int64_t document)
{
    const int64_t *start = build->texts->start + (build->which ? build->which[document] : document);
    int64_t size = start[1] - start[0];
    int64_t n = 0;
    kin_bm25_lower(build->texts->bytes + start[0], size, chunk->lower);
    const char *at = chunk->lower, *end = at + size;
    for (const char *word; (word = kin_bm25_word(&at, end));) {
        int32_t number = kin_names_add(&chunk->words, word, at - word);
        if (number < 0) return false;
        chunk->token[n++] = number;
    }
    build->length[document] = n;
    if (!has_room(chunk, n)) return false;
    qsort(chunk->token, (size_t)n, sizeof *chunk->token, compare_numbers);
    for (int64_t i = 0; i < n; i++) {
        if (i > 0 && chunk->token[i] == chunk->token[i - 1])
            chunk->posting[chunk->postings - 1].count++;
        else
            chunk->posting[chunk->postings++] =
                (posting_t){chunk->token[i], (int32_t)document, 1};
    }
    return true;
}

static void read_chunk(void *context, int64_t c, int thread)
{
    (void)thread;
    build_t *build = context;
    chunk_t *chunk = build->chunk + c;
    int64_t first = chunk_start(build, c), end = chunk_start(build, c + 1);
    int64_t longest = kin_bm25_longest(build->texts, build->which, first, end);
    chunk->lower = malloc((size_t)longest + 1);
    chunk->token = malloc(sizeof(int32_t) * (size_t)(longest + 1));
    chunk->failed = !chunk->lower || !chunk->token;
    for (int64_t d = first; d < end && !chunk->failed; d++)
        chunk->failed = !read_document(build, chunk, d);
}

/* The chunk's words become the index's own, and its postings speak of those. */
static bool join_words(kin_bm25 *bm25, chunk_t *chunk)
{
    int32_t *number = malloc(sizeof *number * (size_t)(chunk->words.count + 1));
    bool fine = number != NULL;
    for (int64_t w = 0; w < chunk->words.count && fine; w++) {
        const int64_t *start = chunk->words.start + w;
        number[w] = kin_names_add(&bm25->words, chunk->words.bytes + start[0], start[1] - start[0]);
        fine = number[w] >= 0;
    }
    for (int64_t p = 0; p < chunk->postings && fine; p++)
        chunk->posting[p].word = number[chunk->posting[p].word];
    free(number);
    return fine;
}

/* start[w] becomes where the postings of word w begin. */
static bool count_postings(kin_bm25 *bm25, const build_t *build)
{
    int64_t total = 0;
    bm25->start = calloc((size_t)bm25->words.count + 1, sizeof *bm25->start);
    if (!bm25->start) return false;
    for (int c = 0; c < CHUNKS; c++)
        for (int64_t p = 0; p < build->chunk[c].postings; p++)
            bm25->start[build->chunk[c].posting[p].word]++;
    for (int64_t w = 0; w <= bm25->words.count; w++) {
        int64_t count = bm25->start[w];
        bm25->start[w] = total;
        total += count;
    }
    bm25->document = malloc(sizeof(int32_t) * (size_t)(total + 1));
    bm25->weight = malloc(sizeof(float) * (size_t)(total + 1));
    return bm25->document && bm25->weight;
}

static double mean_length(const build_t *build)
{
    int64_t sum = 0;
    for (int64_t d = 0; d < build->documents; d++) sum += build->length[d];
    return sum ? (double)sum / (double)build->documents : 1;
}

/* Documents come in ascending order, chunk after chunk. While it fills, next[w] is where the next
 * posting of word w goes. */
static bool fill_postings(kin_bm25 *bm25, const build_t *build, const kin_bm25_setting *setting)
{
    int64_t words = bm25->words.count;
    int64_t *next = malloc(sizeof *next * (size_t)(words + 1));
    if (!next) return false;
    for (int64_t w = 0; w < words; w++) next[w] = bm25->start[w];
    double mean = mean_length(build), n = (double)build->documents;
    for (int c = 0; c < CHUNKS; c++) {
        for (int64_t p = 0; p < build->chunk[c].postings; p++) {
            const posting_t *posting = build->chunk[c].posting + p;
            const int64_t *start = bm25->start + posting->word;
            double df = (double)(start[1] - start[0]), tf = posting->count;
            double length = (double)build->length[posting->document];
            double idf = log(1 + (n - df + 0.5) / (df + 0.5));
            int64_t at = next[posting->word]++;
            bm25->document[at] = posting->document;
            bm25->weight[at] = (float)tf;
            if (!setting) continue;
            double norm = setting->k1 * (1 - setting->b + setting->b * length / mean);
            bm25->weight[at] = (float)(idf * tf / (tf + norm));
        }
    }
    free(next);
    return true;
}

static bool build_index(kin_bm25 *bm25, build_t *build, kin_pool *pool,
                        const kin_bm25_setting *setting)
{
    build->length = malloc(sizeof *build->length * (size_t)(build->documents + 1));
    if (!build->length) return false;
    kin_pool_run(pool, CHUNKS, read_chunk, build);
    for (int c = 0; c < CHUNKS; c++)
        if (build->chunk[c].failed || !join_words(bm25, build->chunk + c)) return false;
    return count_postings(bm25, build) && fill_postings(bm25, build, setting);
}

static void build_free(build_t *build)
{
    for (int c = 0; c < CHUNKS; c++) {
        kin_names_free(&build->chunk[c].words);
        free(build->chunk[c].posting);
        free(build->chunk[c].token);
        free(build->chunk[c].lower);
    }
    free(build->length);
}

kin_status kin_bm25_new(kin_bm25 **bm25, kin_pool *pool, const kin_texts *texts,
                        const int32_t *which, int64_t documents, const kin_bm25_setting *setting)
{
    *bm25 = NULL;
    KIN_REQUIRE(setting->k1 >= 0 && setting->k1 <= 1000, KIN_USAGE,
                "bm25: k1 is %g, expected 0 to 1000", setting->k1);
    KIN_REQUIRE(setting->b >= 0 && setting->b <= 1, KIN_USAGE, "bm25: b is %g, expected 0 to 1",
                setting->b);
    return kin_bm25_index(bm25, pool, texts, which, documents, setting);
}

kin_status kin_bm25_index(kin_bm25 **bm25, kin_pool *pool, const kin_texts *texts,
                          const int32_t *which, int64_t documents,
                          const kin_bm25_setting *setting)
{
    *bm25 = NULL;
    KIN_REQUIRE(documents >= 0 && documents < INT32_MAX, KIN_USAGE,
                "bm25: %lld documents, expected less than 2^31 - 1", (long long)documents);
    build_t build = {.texts = texts, .which = which, .documents = documents};
    kin_bm25 *made = calloc(1, sizeof *made);
    bool fine = made && build_index(made, &build, pool, setting);
    build_free(&build);
    if (!fine) {
        kin_bm25_free(made);
        return kin_fail(KIN_MEMORY, "bm25: no memory to index %lld documents",
                        (long long)documents);
    }
    made->documents = documents;
    *bm25 = made;
    return KIN_OK;
}

void kin_bm25_free(kin_bm25 *bm25)
{
    if (!bm25) return;
    kin_names_free(&bm25->words);
    free(bm25->start);
    free(bm25->document);
    free(bm25->weight);
    free(bm25->factor);
    free(bm25);
}

int64_t kin_bm25_words(const kin_bm25 *bm25) { return bm25->words.count; }
int64_t kin_bm25_postings(const kin_bm25 *bm25) { return bm25->start[bm25->words.count]; }
