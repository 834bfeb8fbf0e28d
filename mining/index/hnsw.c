/* Hierarchical navigable small world graph (Malkov, Yashunin 2016, arXiv:1603.09320), by hnswlib:
 * every row is linked to rows near it, a few rows also on levels above with fewer rows, and a query
 * walks from the top towards its neighbours. `ef` best rows are kept on the way; those found are
 * compared again in float as in the other kinds.
 *
 * It is there where CMake found hnswlib (Debian: libhnswlib-dev). Rows are added one by one, by one
 * thread, so that a graph has the same links for any number of threads: building takes long. A
 * graph that is built again starts from nothing. Searches use all threads. By dot product the graph
 * is worse where rows differ much in length; kin_index_recall and `kin index` measure it. Made for
 * a few queries at a time, on the CPU. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/rng.h"
#include "mining/graph.h"
#include "mining/inside.h"

enum { LINKS, BUILD, EF };
enum { WORDS_MOST = 1 << 30 };

static void release(kin_index *index)
{
    if (index->state) kin_graph_free(index->state);
    index->state = NULL;
}

static kin_status no_memory(const kin_index *index)
{
    return kin_fail(KIN_MEMORY, "index: no memory for a graph of %lld rows",
                    (long long)index->rows);
}

static kin_status new_graph(kin_index *index)
{
    const kin_graph_setting setting = {
        .width = index->setting.width, .euclidean = index->setting.similarity == KIN_EUCLIDEAN,
        .links = (int)kin_index_get(index, LINKS), .build = (int)kin_index_get(index, BUILD),
    };
    KIN_REQUIRE(kin_graph_available(), KIN_RUNTIME, "index: this kin was built without hnswlib "
                "(Debian: libhnswlib-dev), which the kind hnsw needs; exact and ivf are there");
    KIN_REQUIRE(!strcmp(index->backend->name, "cpu"), KIN_USAGE,
                "index: the kind hnsw is the CPU's, not of device %s", index->backend->name);
    release(index);
    index->state = kin_graph_new(&setting);
    return index->state ? KIN_OK : no_memory(index);
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* A row's numbers as floats: where they lie, or in room. */
static const float *floats(const kin_index *index, const real *x, float *room)
{
    if (sizeof(real) == sizeof(float)) return (const float *)(const void *)x;
    for (int64_t c = 0; c < index->setting.width; c++) room[c] = (float)x[c];
    return room;
}

/* Of the row of this number, whatever else there is: geometric, as the paper has it. */
static int draw_level(const kin_index *index, int64_t row)
{
    const double u = kin_random_uniform(index->setting.seed, KIN_STREAM_SAMPLE, 2, (uint64_t)row);
    const double level = -log(u > 0 ? u : 0x1p-60) / log(kin_index_get(index, LINKS));
    return level < KIN_GRAPH_LEVELS - 1 ? (int)level : KIN_GRAPH_LEVELS - 1;
}

static bool add_rows(kin_index *index, int64_t first, float *room)
{
    bool good = kin_graph_reserve(index->state, index->rows);
    for (int64_t r = first; r < index->rows && good; r++)
        good = kin_graph_add(index->state, floats(index, index->values + r * index->stride, room),
                             draw_level(index, r));
    return good;
}

static kin_status build(kin_index *index, int64_t first)
{
    if (first == 0) KIN_TRY(new_graph(index));
    float *room = malloc((size_t)index->setting.width * sizeof *room);
    const bool good = room && add_rows(index, first, room);
    free(room);
    return good ? KIN_OK : no_memory(index);
}

/* ---- searching ------------------------------------------------------------------------------ */

typedef struct {
    const kin_index *index;
    const kin_asked *asked;
    int64_t many, keep;
    int32_t *candidate;
    float *room;                 /* for each thread: width */
    bool *failed;                /* for each thread */
} walk;

static void walk_task(void *context, int64_t i, int thread)
{
    const walk *w = context;
    const kin_index *index = w->index;
    int32_t *to = w->candidate + i * w->many;
    const float *q = floats(index, w->asked->x + i * index->stride,
                            w->room + thread * index->setting.width);
    int64_t n = kin_graph_search(index->state, q, w->many, w->keep, to);
    if (n < 0) w->failed[thread] = true;
    for (n = n < 0 ? 0 : n; n < w->many; n++) to[n] = -1;
}

static kin_status find(kin_index *index, const kin_asked *asked, int64_t k, int32_t *row,
                       real *score)
{
    if (k == 0) return KIN_OK;
    const int threads = kin_pool_threads(index->backend->pool);
    walk w = { .index = index, .asked = asked, .many = kin_candidates(index, k, 1),
               .keep = (int64_t)kin_index_get(index, EF) };
    w.candidate = KIN_TAKE(index->work, int32_t, asked->count * w.many);
    w.room = KIN_TAKE(index->work, float, threads * index->setting.width);
    w.failed = KIN_TAKE(index->work, bool, threads);
    KIN_REQUIRE(w.candidate && w.room && w.failed, KIN_MEMORY, "index: no memory for %lld "
                "candidates for each of %lld queries", (long long)w.many, (long long)asked->count);
    memset(w.failed, 0, (size_t)threads * sizeof *w.failed);
    kin_pool_run(index->backend->pool, asked->count, walk_task, &w);
    for (int t = 0; t < threads; t++)
        if (w.failed[t]) return no_memory(index);
    return kin_index_rescore(index, asked, NULL, w.many, w.candidate, k, row, score);
}

static void describe(const kin_index *index, char *text, size_t size)
{
    snprintf(text, size, "a graph of %d links a row, a query keeps %d rows",
             (int)kin_index_get(index, LINKS), (int)kin_index_get(index, EF));
}

/* ---- on disk -------------------------------------------------------------------------------- */

/* Words of hnsw.links: for every row and level from 0 to the row's, a number and so many rows. */
static int64_t count_words(const kin_index *index, int32_t *level)
{
    int64_t words = 0;
    for (int32_t r = 0; r < index->rows; r++) {
        level[r] = kin_graph_level(index->state, r);
        for (int l = 0; l <= level[r]; l++)
            words += 1 + kin_graph_links(index->state, r, l, NULL);
    }
    return words;
}

static void take_words(const kin_index *index, const int32_t *level, uint32_t *word)
{
    for (int32_t r = 0; r < index->rows; r++)
        for (int l = 0; l <= level[r]; l++) {
            *word = (uint32_t)kin_graph_links(index->state, r, l, word + 1);
            word += 1 + *word;
        }
}

static kin_status save(const kin_index *index, kin_section_writer *w)
{
    int64_t counts[2] = { index->rows ? kin_graph_entry(index->state) : 0, 0 };
    int32_t *level = malloc((size_t)index->rows * sizeof *level + 1);
    if (!level) return no_memory(index);
    counts[1] = count_words(index, level);
    uint32_t *word = malloc((size_t)counts[1] * sizeof *word + 1);
    kin_status status = word ? KIN_OK : no_memory(index);
    if (!status) take_words(index, level, word);
    if (!status) status = kin_section_copy(w, "hnsw.counts", counts, sizeof counts);
    if (!status)
        status = kin_section_copy(w, "hnsw.levels", level, (size_t)index->rows * sizeof *level);
    if (!status) status = kin_section_copy(w, "hnsw.links", word, (size_t)counts[1] * sizeof *word);
    free(level);
    free(word);
    return status;
}

typedef struct {
    int64_t entry, words;
    const int32_t *level;
    const uint32_t *word;
} saved;

static kin_status read_levels(const kin_index *index, const char *path, const saved *s)
{
    int32_t top = 0;
    for (int64_t r = 0; r < index->rows; r++) {
        KIN_REQUIRE(s->level[r] >= 0 && s->level[r] < KIN_GRAPH_LEVELS, KIN_DATA,
                    "%s: row %lld is of level %d", path, (long long)r, (int)s->level[r]);
        if (s->level[r] > top) top = s->level[r];
    }
    const bool good = index->rows ? s->entry >= 0 && s->entry < index->rows
                                        && s->level[s->entry] == top
                                  : s->entry == 0 && s->words == 0;
    KIN_REQUIRE(good, KIN_DATA, "%s: searches begin at row %lld, which is not of the highest level",
                path, (long long)s->entry);
    return KIN_OK;
}

/* Every list ends where it may, and every link is of a row that is on the list's level. */
static kin_status check_links(const kin_index *index, const char *path, const saved *s)
{
    int64_t at = 0;
    const int64_t links = (int64_t)kin_index_get(index, LINKS);
    for (int64_t r = 0; r < index->rows; r++)
        for (int l = 0; l <= s->level[r]; l++) {
            const int64_t n = at < s->words ? (int64_t)s->word[at] : -1;
            KIN_REQUIRE(n >= 0 && n <= (l ? links : 2 * links) && n < s->words - at, KIN_DATA,
                        "%s: row %lld has %lld links", path, (long long)r, (long long)n);
            for (int64_t i = at + 1; i <= at + n; i++)
                KIN_REQUIRE((int64_t)s->word[i] < index->rows && s->level[s->word[i]] >= l,
                            KIN_DATA, "%s: row %lld has a link to row %u", path, (long long)r,
                            s->word[i]);
            at += 1 + n;
        }
    KIN_REQUIRE(at == s->words, KIN_DATA, "%s: %lld words of links, expected %lld", path,
                (long long)s->words, (long long)at);
    return KIN_OK;
}

static kin_status read_saved(const kin_index *index, const kin_index_file *file, saved *s)
{
    const char *path = kin_index_file_path(file);
    const void *bytes;
    int64_t counts[2];
    KIN_TRY(kin_section_get(file, "hnsw.counts", sizeof counts, &bytes));
    memcpy(counts, bytes, sizeof counts);
    s->entry = counts[0];
    s->words = counts[1];
    KIN_REQUIRE(s->words >= 0 && s->words / WORDS_MOST < WORDS_MOST, KIN_DATA,
                "%s: %lld words of links", path, (long long)s->words);
    KIN_TRY(kin_section_get(file, "hnsw.levels", (size_t)index->rows * sizeof *s->level, &bytes));
    s->level = bytes;
    KIN_TRY(kin_section_get(file, "hnsw.links", (size_t)s->words * sizeof *s->word, &bytes));
    s->word = bytes;
    KIN_TRY(read_levels(index, path, s));
    return check_links(index, path, s);
}

static bool restore(kin_index *index, const saved *s, float *room)
{
    const uint32_t *word = s->word;
    bool good = kin_graph_reserve(index->state, index->rows);
    for (int64_t r = 0; r < index->rows && good; r++) {
        good = kin_graph_restore(index->state,
                                 floats(index, index->values + r * index->stride, room),
                                 s->level[r], word);
        for (int l = 0; l <= s->level[r]; l++) word += 1 + *word;
    }
    if (good && index->rows) kin_graph_enter(index->state, (int32_t)s->entry);
    return good;
}

static kin_status load(kin_index *index, const kin_index_file *file)
{
    saved s = { 0 };
    KIN_TRY(read_saved(index, file, &s));
    KIN_TRY(new_graph(index));
    float *room = malloc((size_t)index->setting.width * sizeof *room);
    const bool good = room && restore(index, &s, room);
    free(room);
    return good ? KIN_OK : no_memory(index);
}

const kin_index_kind kin_index_kind_hnsw = {
    .entry = {
        .name = "hnsw", .summary = "walks through a graph of near rows (hnswlib)",
        .hypers = {
            { "links", 16, 2, 256, "links of a row; twice as many on the lowest level",
              KIN_INTEGER, NULL },
            { "build", 200, 2, 10000, "rows that are kept while a row's links are sought",
              KIN_INTEGER, NULL },
            { "ef", 100, 1, 100000, "rows that a search keeps; more find more", KIN_INTEGER,
              NULL },
        },
    },
    .build = build, .find = find, .release = release, .describe = describe, .save = save,
    .load = load,
};
