/* Words and how often they occur: every thread counts into a table of its own; the tables are then
 * put together and sorted, so that nothing depends on who counted what. */
#include <stdlib.h>
#include <string.h>
#include "data/wordpiece.h"

#define BLOCK 1024               /* texts */

typedef struct {
    kin_strings words;
    int64_t *times;
    int64_t room;
    bool failed;
} table;

typedef struct {
    const kin_texts *texts;
    const int32_t *which;
    int64_t count;
    const kin_text_rule *rule;
    table *tables;               /* one a thread */
} job;

static void count_word(table *t, const char *word, int64_t size, int64_t times)
{
    int64_t i = kin_strings_add(&t->words, word, size);
    if (i >= t->room) {
        int64_t room = 2 * t->room + 1024;
        int64_t *grown = realloc(t->times, sizeof *grown * (size_t)room);
        if (grown) {
            memset(grown + t->room, 0, sizeof *grown * (size_t)(room - t->room));
            t->times = grown;
            t->room = room;
        }
    }
    if (i < 0 || i >= t->room) t->failed = true;
    else t->times[i] += times;
}

static void count_block(void *context, int64_t task, int thread)
{
    const job *j = context;
    table *t = &j->tables[thread];
    int64_t end = (task + 1) * BLOCK < j->count ? (task + 1) * BLOCK : j->count;
    for (int64_t i = task * BLOCK; i < end && !t->failed; i++) {
        int64_t text = j->which ? j->which[i] : i;
        const int64_t *start = j->texts->start + text;
        kin_words words;
        kin_words_start(&words, j->rule, j->texts->bytes + start[0], start[1] - start[0]);
        while (kin_words_next(&words))
            if (words.chars <= KIN_WORD_CHARS) count_word(t, words.word, words.size, 1);
    }
}

typedef struct { const char *bytes; int64_t size, times; } item;

static int compare_items(const void *a, const void *b)
{
    const item *x = a, *y = b;
    int order = memcmp(x->bytes, y->bytes, (size_t)(x->size < y->size ? x->size : y->size));
    return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

static item *sorted_items(const table *tables, int count, int64_t *n)
{
    int64_t total = 0;
    for (int t = 0; t < count; t++) total += tables[t].words.count;
    item *items = malloc(sizeof *items * (size_t)(total + 1));
    if (!items) return NULL;
    total = 0;
    for (int t = 0; t < count; t++) {
        const kin_strings *w = &tables[t].words;
        for (int64_t i = 0; i < w->count; i++)
            items[total++] = (item){w->bytes + w->start[i], w->start[i + 1] - w->start[i],
                                    tables[t].times[i]};
    }
    qsort(items, (size_t)total, sizeof *items, compare_items);
    *n = total;
    return items;
}

static kin_status put_together(kin_word_counts *counts, const table *tables, int count)
{
    int64_t n = 0;
    bool failed = false;
    for (int t = 0; t < count; t++) failed |= tables[t].failed;
    item *items = failed ? NULL : sorted_items(tables, count, &n);
    table all = {0};
    for (int64_t i = 0; items && i < n; i++)
        count_word(&all, items[i].bytes, items[i].size, items[i].times);
    failed = !items || all.failed;
    free(items);
    *counts = (kin_word_counts){all.words, all.times};
    return failed ? kin_fail(KIN_MEMORY, "no memory to count words") : KIN_OK;
}

kin_status kin_word_counts_make(kin_word_counts *counts, kin_pool *pool, const kin_texts *texts,
                                const int32_t *which, int64_t count, const kin_text_rule *rule)
{
    int threads = pool ? kin_pool_threads(pool) : 1;
    job j = {texts, which, count, rule, calloc((size_t)threads, sizeof *j.tables)};
    *counts = (kin_word_counts){0};
    KIN_REQUIRE(j.tables, KIN_MEMORY, "no memory to count words");
    kin_pool_run(pool, (count + BLOCK - 1) / BLOCK, count_block, &j);
    kin_status status = put_together(counts, j.tables, threads);
    for (int t = 0; t < threads; t++) {
        kin_strings_free(&j.tables[t].words);
        free(j.tables[t].times);
    }
    free(j.tables);
    if (status != KIN_OK) kin_word_counts_free(counts);
    return status;
}

void kin_word_counts_free(kin_word_counts *counts)
{
    kin_strings_free(&counts->words);
    free(counts->times);
    counts->times = NULL;
}
