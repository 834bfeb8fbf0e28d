#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>
#include "data/store.h"
#include "data/store_file.h"

bool kin_store_available(void)
{
#ifdef KIN_HDF5
    return true;
#else
    return false;
#endif
}

kin_goal kin_store_goal(const kin_store *s)
{
    return s->labels ? KIN_GOAL_LABELS : s->relation_score ? KIN_GOAL_SCORES : KIN_GOAL_RANKING;
}

int64_t kin_store_held_out(const kin_store *s)
{
    static const char name[] = "validation";
    for (int64_t k = 0; k < s->source.count; k++)
        if (kin_text_size(&s->source, k) == sizeof name - 1
            && !memcmp(kin_text(&s->source, k), name, sizeof name - 1)) return k;
    return -1;
}

/* ---- checking -------------------------------------------------------------------------------- */

/* Offsets ascend from 0 and end at the end of the bytes. */
static kin_status check_starts(const char *name, const char *what, int64_t count,
                               const int64_t *start, int64_t end)
{
    KIN_REQUIRE(count >= 0 && count <= INT32_MAX, KIN_DATA, "%s: %lld %s, expected 0 to %d", name,
                (long long)count, what, INT32_MAX);
    KIN_REQUIRE(start[0] == 0, KIN_DATA, "%s: %s 0 starts at %lld, expected 0", name, what,
                (long long)start[0]);
    for (int64_t i = 0; i < count; i++)
        KIN_REQUIRE(start[i + 1] >= start[i] && start[i + 1] <= end, KIN_DATA,
                    "%s: %s %lld goes from %lld to %lld of %lld", name, what, (long long)i,
                    (long long)start[i], (long long)start[i + 1], (long long)end);
    KIN_REQUIRE(start[count] == end, KIN_DATA, "%s: %s end at %lld of %lld", name, what,
                (long long)start[count], (long long)end);
    return KIN_OK;
}

/* Rankings are written as columns apart by blanks, so an id has none. */
static kin_status check_ids(const char *name, const char *what, const kin_texts *ids)
{
    for (int64_t i = 0; i < ids->count; i++) {
        const char *id = kin_text(ids, i);
        const int64_t size = kin_text_size(ids, i);
        bool good = size > 0;
        for (int64_t at = 0; at < size; at++) good = good && (unsigned char)id[at] > ' ';
        KIN_REQUIRE(good, KIN_DATA, "%s: %s %lld is empty or holds a blank", name, what,
                    (long long)i);
    }
    return KIN_OK;
}

/* A column of a table of so many columns is in 0 .. limit - 1. */
static kin_status check_range(const char *name, const char *what, int64_t rows,
                              const int32_t *table, int columns, int column, int64_t limit)
{
    for (int64_t i = 0; i < rows; i++) {
        const int32_t value = table[i * columns + column];
        KIN_REQUIRE(value >= 0 && value < limit, KIN_DATA, "%s: %s %lld is %d, expected 0 to %lld",
                    name, what, (long long)i, value, (long long)limit - 1);
    }
    return KIN_OK;
}

static kin_status check_splits(const char *name, int64_t queries, const uint8_t *split)
{
    for (int64_t i = 0; i < queries; i++)
        KIN_REQUIRE(split[i] < KIN_SPLITS, KIN_DATA, "%s: split of query %lld is %d, expected 0, 1 "
                    "or 2", name, (long long)i, split[i]);
    return KIN_OK;
}

static kin_status check_texts(const kin_store *s, const char *name)
{
    KIN_TRY(check_starts(name, "text", s->texts.count, s->texts.start,
                         s->texts.start[s->texts.count]));
    KIN_TRY(check_starts(name, "document id", s->documents, s->document_id.start,
                         s->document_id.start[s->documents]));
    KIN_TRY(check_starts(name, "query id", s->queries, s->query_id.start,
                         s->query_id.start[s->queries]));
    KIN_TRY(check_starts(name, "source name", s->source.count, s->source.start,
                         s->source.start[s->source.count]));
    KIN_TRY(check_starts(name, "source", s->source.count, s->source_start, s->pairs));
    KIN_TRY(check_ids(name, "document id", &s->document_id));
    KIN_TRY(check_ids(name, "query id", &s->query_id));
    return check_ids(name, "source name", &s->source);
}

static kin_status check_floats(const char *name, const char *what, int64_t count, const float *x,
                               double low, double high)
{
    for (int64_t i = 0; i < count; i++)
        KIN_REQUIRE((double)x[i] >= low && (double)x[i] <= high, KIN_DATA,
                    "%s: %s %lld is %g, expected %g to %g", name, what, (long long)i,
                    (double)x[i], low, high);
    return KIN_OK;
}

static kin_status check_labels(const kin_store *s, const char *name)
{
    if (s->relation_score)
        KIN_TRY(check_floats(name, "score of relation", s->relations, s->relation_score, 0, 1));
    if (s->features)
        KIN_TRY(check_floats(name, "feature", s->queries * s->features, s->feature, -FLT_MAX,
                             FLT_MAX));
    KIN_REQUIRE(s->labels > 0 || !s->features, KIN_DATA, "%s: features without labels", name);
    if (!s->labels) return KIN_OK;
    KIN_TRY(check_range(name, "text of label", s->labels, s->label_text, 1, 0, s->texts.count));
    return check_range(name, "label of query", s->queries, s->query_label, 1, 0, s->labels);
}

kin_status kin_store_check(const kin_store *s, const char *name)
{
    KIN_TRY(check_texts(s, name));
    KIN_TRY(check_labels(s, name));
    const int64_t texts = s->texts.count, documents = s->documents, any = (int64_t)INT32_MAX + 1;
    KIN_TRY(check_range(name, "text of document", documents, s->document_text, 1, 0, texts));
    KIN_TRY(check_range(name, "text of query", s->queries, s->query_text, 1, 0, texts));
    KIN_TRY(check_splits(name, s->queries, s->query_split));
    KIN_TRY(check_range(name, "query of relation", s->relations, s->relation, 3,
                        KIN_RELATION_QUERY, s->queries));
    KIN_TRY(check_range(name, "document of relation", s->relations, s->relation, 3,
                        KIN_RELATION_DOCUMENT, documents));
    KIN_TRY(check_range(name, "grade of relation", s->relations, s->relation, 3,
                        KIN_RELATION_GRADE, any));
    KIN_TRY(check_range(name, "left text of pair", s->pairs, s->pair, 3, KIN_PAIR_LEFT, texts));
    KIN_TRY(check_range(name, "right text of pair", s->pairs, s->pair, 3, KIN_PAIR_RIGHT, texts));
    return check_range(name, "document of pair", s->pairs, s->pair, 3, KIN_PAIR_DOCUMENT,
                       documents);
}

/* ---- contents as datasets and back ----------------------------------------------------------- */

static void pack_texts(kin_dataset *start, kin_dataset *bytes, const kin_texts *texts)
{
    *start = (kin_dataset){texts->start, texts->count + 1};
    *bytes = (kin_dataset){texts->bytes, texts->start[texts->count]};
}

static void pack(const kin_store *s, kin_dataset set[DATASETS])
{
    pack_texts(&set[TEXT_START], &set[TEXT_BYTES], &s->texts);
    pack_texts(&set[DOCUMENT_ID_START], &set[DOCUMENT_ID_BYTES], &s->document_id);
    pack_texts(&set[QUERY_ID_START], &set[QUERY_ID_BYTES], &s->query_id);
    pack_texts(&set[SOURCE_ID_START], &set[SOURCE_ID_BYTES], &s->source);
    set[DOCUMENT_TEXT] = (kin_dataset){s->document_text, s->documents};
    set[QUERY_TEXT] = (kin_dataset){s->query_text, s->queries};
    set[QUERY_SPLIT] = (kin_dataset){s->query_split, s->queries};
    set[RELATION] = (kin_dataset){s->relation, s->relations};
    set[PAIR] = (kin_dataset){s->pair, s->pairs};
    set[SOURCE_START] = (kin_dataset){s->source_start, s->source.count + 1};
    set[LABEL_TEXT] = (kin_dataset){s->label_text, s->labels};
    set[QUERY_LABEL] = (kin_dataset){s->query_label, s->labels ? s->queries : 0};
    set[FEATURE] = (kin_dataset){s->feature, s->queries * s->features};
    set[RELATION_SCORE] = (kin_dataset){s->relation_score, s->relation_score ? s->relations : 0};
}

static bool unpack_texts(const kin_dataset *start, const kin_dataset *bytes, kin_texts *texts)
{
    if (start->rows < 1) return false;
    *texts = (kin_texts){start->rows - 1, bytes->data, start->data};
    return texts->start[texts->count] == bytes->rows;
}

/* What only some stores hold; whether the lengths fit. */
static bool unpack_labels(const kin_dataset set[DATASETS], kin_store *s)
{
    const int64_t numbers = set[FEATURE].rows, scores = set[RELATION_SCORE].rows;
    s->labels = set[LABEL_TEXT].rows;
    s->label_text = set[LABEL_TEXT].data;
    s->query_label = set[QUERY_LABEL].data;
    s->features = numbers && s->queries ? numbers / s->queries : 0;
    s->feature = set[FEATURE].data;
    s->relation_score = scores ? set[RELATION_SCORE].data : NULL;
    return s->labels <= INT32_MAX && set[QUERY_LABEL].rows == (s->labels ? s->queries : 0) &&
           numbers == s->queries * s->features && (!scores || scores == s->relations);
}

static kin_status unpack(const kin_dataset set[DATASETS], const char *path, kin_store *s)
{
    bool fit = unpack_texts(&set[TEXT_START], &set[TEXT_BYTES], &s->texts) &&
               unpack_texts(&set[DOCUMENT_ID_START], &set[DOCUMENT_ID_BYTES], &s->document_id) &&
               unpack_texts(&set[QUERY_ID_START], &set[QUERY_ID_BYTES], &s->query_id) &&
               unpack_texts(&set[SOURCE_ID_START], &set[SOURCE_ID_BYTES], &s->source);
    s->documents = set[DOCUMENT_TEXT].rows;
    s->document_text = set[DOCUMENT_TEXT].data;
    s->queries = set[QUERY_TEXT].rows;
    s->query_text = set[QUERY_TEXT].data;
    s->query_split = set[QUERY_SPLIT].data;
    s->relations = set[RELATION].rows;
    s->relation = set[RELATION].data;
    s->pairs = set[PAIR].rows;
    s->pair = set[PAIR].data;
    s->source_start = set[SOURCE_START].data;
    fit = fit && s->document_id.count == s->documents && s->query_id.count == s->queries &&
          set[QUERY_SPLIT].rows == s->queries && set[SOURCE_START].rows == s->source.count + 1;
    fit = fit && unpack_labels(set, s);
    KIN_REQUIRE(fit, KIN_DATA, "%s: the lengths of its datasets do not fit together", path);
    return KIN_OK;
}

/* ---- opening and writing --------------------------------------------------------------------- */

/* The identity says which file was verified, so the map must show that one: before and after. */
static kin_status read_mapped(const char *path, const struct stat *before, kin_store *store)
{
    kin_dataset set[DATASETS];
    struct stat after;
    KIN_TRY(kin_block_check(path, &store->map, before, &store->checksum));
    KIN_TRY(kin_block_find(path, &store->map, set));
    KIN_REQUIRE(stat(path, &after) == 0 && kin_file_same(before, &after), KIN_DATA,
                "%s: changed while it was being opened", path);
    KIN_TRY(unpack(set, path, store));
    return kin_store_check(store, path);
}

kin_status kin_store_open(kin_store **out, const char *path)
{
    *out = NULL;
    struct stat before = {0};
    kin_store *store = calloc(1, sizeof *store);
    char *name = strdup(path);
    kin_status status = KIN_OK;
    if (!store || !name) status = kin_fail(KIN_MEMORY, "%s: no memory to open it", path);
    if (status == KIN_OK && stat(path, &before) != 0)
        status = kin_fail(KIN_DATA, "%s: %s", path, strerror(errno));
    if (status == KIN_OK) status = kin_file_map(path, &store->map);
    if (status == KIN_OK) status = read_mapped(path, &before, store);
    if (status != KIN_OK) {
        if (store) kin_file_unmap(&store->map);
        free(store);
        free(name);
        return status;
    }
    store->path = name;
    *out = store;
    return KIN_OK;
}

void kin_store_close(kin_store *store)
{
    if (!store) return;
    kin_file_unmap(&store->map);
    free((char *)store->path);
    free(store);
}

kin_status kin_store_write(const char *path, const kin_store *contents)
{
    static const int64_t name_start[2] = {0, 5};
    const int64_t all[2] = {0, contents->pairs};
    kin_dataset set[DATASETS];
    kin_store store = *contents;
    if (!store.source.start) {
        store.source = (kin_texts){1, "pairs", name_start};
        store.source_start = all;
    }
    KIN_TRY(kin_store_check(&store, path));
    pack(&store, set);
    return kin_datasets_write(path, set);
}
