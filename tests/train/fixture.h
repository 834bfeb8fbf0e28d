/* Fixture: a temporary folder with a small store in it, and training on it. The store's documents
 * are made of the words of forty topics; a query is a few words of its document. */
#ifndef KIN_TESTS_TRAIN_FIXTURE_H
#define KIN_TESTS_TRAIN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "core/file.h"
#include "core/rng.h"
#include "cpu/cpu.h"
#include "data/builder.h"
#include "train/run.h"

enum { TOPICS = 40, DOCUMENTS = 240, TRAIN = 720, HELD_OUT = 60 };

static char folder[200];

static inline void expect_ok(kin_status status)
{
    if (status != KIN_OK) fail_msg("%s", kin_message());
}

static inline void expect_failure(kin_status status, kin_status expected, const char *words)
{
    if (status != expected) fail_msg("status %d: %s", (int)status, kin_message());
    if (!strstr(kin_message(), words))
        fail_msg("the message \"%s\" lacks \"%s\"", kin_message(), words);
}

/* Path in the temporary folder; four at a time. */
static inline const char *in_folder(const char *format, ...)
{
    static char path[4][512];
    static int next;
    char *to = path[next = (next + 1) % 4];
    const int n = snprintf(to, 256, "%s/", folder);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(to + n, 256, format, arguments);
    va_end(arguments);
    return to;
}

static inline uint64_t draw(uint32_t kind, int i, uint64_t n)
{
    return kin_random_below(17, KIN_STREAM_TEST, kind, (uint64_t)i, n);
}

/* Word w of a topic: pronounceable, and the same everywhere. */
static inline void add_word(char *text, int topic, int w)
{
    static const char *const syllables[] = { "ba", "ko", "ri", "tu", "me", "so", "la", "ni",
                                             "do", "fe", "gu", "ha" };
    int code = topic * 12 + w + 1;
    if (*text) strcat(text, " ");
    for (; code; code /= 12) strcat(text, syllables[code % 12]);
}

static inline void make_document(int d, char text[256])
{
    text[0] = 0;
    for (int k = 0; k < 8; k++) add_word(text, d % TOPICS, (int)draw(1, 8 * d + k, 12));
    add_word(text, TOPICS, (int)draw(2, d, 12));
}

static inline void make_query(int q, char text[256])
{
    const int d = q % DOCUMENTS;
    text[0] = 0;
    for (int k = 0; k < 3; k++)
        add_word(text, d % TOPICS, (int)draw(1, 8 * d + (int)draw(3, 3 * q + k, 8), 12));
    add_word(text, TOPICS, (int)draw(4, q, 12));
}

static inline kin_status fill_store(kin_builder *b)
{
    char text[256], id[32];
    for (int d = 0; d < DOCUMENTS; d++) {
        make_document(d, text);
        snprintf(id, sizeof id, "d%d", d);
        kin_builder_document(b, kin_builder_text(b, text, strlen(text)), id);
    }
    kin_builder_source(b, "query");
    for (int q = 0; q < TRAIN + 2 * HELD_OUT; q++) {
        make_query(q, text);
        snprintf(id, sizeof id, "q%d", q);
        const kin_split split = q < TRAIN ? KIN_TRAIN
                                : q < TRAIN + HELD_OUT ? KIN_VALIDATION : KIN_TEST;
        const int32_t at = kin_builder_text(b, text, strlen(text));
        const int32_t query = kin_builder_query(b, at, id, split);
        kin_builder_relation(b, query, q % DOCUMENTS, 1);
        make_document(q % DOCUMENTS, text);
        if (split == KIN_TRAIN)
            kin_builder_pair(b, at, kin_builder_text(b, text, strlen(text)), q % DOCUMENTS);
    }
    return kin_builder_status(b);
}

static inline int open_folder(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/kin-test-XXXXXX", base ? base : "/tmp");
    kin_builder *b;
    kin_import_report report;
    if (!mkdtemp(folder) || kin_builder_new(&b)) return -1;
    memset(&report, 0, sizeof report);
    kin_status status = fill_store(b);
    if (!status) status = kin_builder_write(b, in_folder("store.h5"), &report);
    if (status) fprintf(stderr, "%s\n", kin_message());
    kin_builder_free(b);
    return status ? -1 : 0;
}

static inline int close_folder(void **state)
{
    (void)state;
    return kin_folder_remove(folder) ? -1 : 0;
}

/* A config of a small run in the folder `run`; settings: "key=value key=value". */
static inline kin_config *make_config(const char *run, const char *settings)
{
    kin_config *c;
    char text[1024], *rest = NULL;
    expect_ok(kin_config_new(&c));
    snprintf(text, sizeof text,
             "data.store=%s run.dir=%s tokenizer.vocab_size=400 encoder.dim=16 batch.size=32 "
             "optim.lr=0.1 schedule.steps=40 eval.every=20 log.every=5 loss.direction=both_ways %s",
             in_folder("store.h5"), in_folder("%s", run), settings);
    for (char *s = strtok_r(text, " ", &rest); s; s = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(s, '=');
        *value++ = 0;
        expect_ok(kin_config_set(c, s, value));
    }
    return c;
}

/* Trains with so many threads. */
static inline kin_status train(const char *run, const char *settings, int threads,
                               const kin_train_flags *flags, const kin_watch *watch,
                               kin_train_outcome *outcome)
{
    kin_config *config = make_config(run, settings);
    kin_train_outcome own;
    kin_backend *backend;
    kin_pool *pool;
    kin_status status = kin_config_resolve(config);
    if (!status) {
        expect_ok(kin_pool_new(&pool, threads));
        expect_ok(kin_cpu_new(&backend, pool));
        status = kin_train(config, backend, watch, flags, outcome ? outcome : &own);
        backend->free(backend);
        kin_pool_free(pool);
    }
    kin_config_free(config);
    return status;
}

static inline void expect_same_file(const char *a, const char *b)
{
    char *x, *y;
    size_t n, m;
    expect_ok(kin_file_read(a, &x, &n));
    expect_ok(kin_file_read(b, &y, &m));
    if (n != m || memcmp(x, y, n)) fail_msg("%s and %s differ", a, b);
    free(x);
    free(y);
}

#endif
