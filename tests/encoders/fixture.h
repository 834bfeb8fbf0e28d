/* Fixture: a backend with two threads, a temporary folder, and networks over a small vocabulary. */
#ifndef KIN_TESTS_ENCODERS_FIXTURE_H
#define KIN_TESTS_ENCODERS_FIXTURE_H

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
#include "cpu/cpu.h"
#include "encoders/bags.h"
#include "encoders/folder.h"
#include "encoders/model.h"

static kin_pool *pool;
static kin_backend *backend;
static char folder[256];

static inline void expect_ok(kin_status status)
{
    if (status != KIN_OK) fail_msg("%s", kin_message());
}

static inline void expect_failure(kin_status status, kin_status expected, const char *words)
{
    assert_int_equal(status, expected);
    if (!strstr(kin_message(), words))
        fail_msg("the message \"%s\" lacks \"%s\"", kin_message(), words);
}

static int open_all(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/kin-test-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder)) return -1;
    return kin_pool_new(&pool, 2) || kin_cpu_new(&backend, pool) ? -1 : 0;
}

static int close_all(void **state)
{
    (void)state;
    backend->free(backend);
    kin_pool_free(pool);
    return kin_folder_remove(folder) ? -1 : 0;
}

/* A network of the encoder called name; settings: "name value name value". */
static inline kin_network *make_network_of(const char *encoder, const char *settings, int64_t vocab,
                                           bool separate)
{
    double hypers[KIN_HYPERS_MAX] = { 0 };
    int place;
    expect_ok(kin_list_find(&kin_encoders, encoder, &place));
    const kin_entry *entry = kin_encoders.items[place];
    char text[256], *rest = NULL;
    kin_network *network;
    kin_hyper_defaults(entry, hypers);
    snprintf(text, sizeof text, "%s", settings);
    for (char *name = strtok_r(text, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
        const int i = kin_hyper_find(entry, name);
        assert_true(i >= 0);
        expect_ok(kin_hyper_parse(&entry->hypers[i], name, strtok_r(NULL, " ", &rest),
                                  &hypers[i]));
    }
    expect_ok(kin_network_new(&network, backend, place, hypers, vocab, separate));
    return network;
}

static inline kin_network *make_network(const char *settings, int64_t vocab, bool separate)
{
    return make_network_of("static", settings, vocab, separate);
}

/* The weight called name. */
static inline kin_tensor *weight_of(kin_network *network, const char *name)
{
    for (int i = 0; i < network->count; i++)
        if (!strcmp(network->weight[i].name, name)) return &network->weight[i].tensor;
    fail_msg("no weight '%s'", name);
    return NULL;
}

#endif
