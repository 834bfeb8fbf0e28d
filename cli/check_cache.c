#include "cli/check_cache.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/configure.h"
#include "cli/device.h"
#include "cli/print.h"
#include "cli/watch.h"
#include "train/run.h"

enum { LINES_MAX = 256 };

typedef struct {
    struct { char what[64]; double worst; } line[LINES_MAX];
    int lines;
} list;

static void take(void *state, const char *what, double worst)
{
    list *l = state;
    if (l->lines == LINES_MAX) return;
    snprintf(l->line[l->lines].what, sizeof l->line[0].what, "%s", what);
    l->line[l->lines++].worst = worst;
}

static kin_status print(const args *a, const list *l, const kin_cache_check *c, int *failed)
{
    kin_json_out json = { .indent = 2 };
    const bool as_json = args_has(a, "json");
    kin_json_open(&json, NULL, '[');
    for (int i = 0; i < l->lines; i++) {
        const bool good = l->line[i].worst <= c->bound;
        *failed += !good;
        kin_json_open(&json, NULL, '{');
        kin_json_put_string(&json, "what", l->line[i].what);
        kin_json_put_number(&json, "worst", l->line[i].worst);
        kin_json_put_number(&json, "bound", c->bound);
        kin_json_close(&json);
        if (!as_json)
            printf("%-30s worst %.2g (bound %.0e)%s\n", l->line[i].what, l->line[i].worst, c->bound,
                   good ? "" : "  FAILED");
    }
    kin_json_close(&json);
    if (as_json) return print_json(&json);
    kin_json_discard(&json);
    printf("%d batches of %" PRId64 " pairs, %" PRId64 " at a time, beside plain steps\n",
           c->batches, c->pairs, c->chunk);
    return KIN_OK;
}

static kin_status compare(const args *a, const kin_config *config)
{
    device d;
    list l = { .lines = 0 };
    kin_cache_check c;
    watcher w;
    int failed = 0;
    KIN_TRY(device_open_run(&d, config));
    const kin_watch watch = watch_start(&w, a);
    kin_status status = kin_check_cache(config, d.backend, &watch, take, &l, &c);
    watch_end(&w);
    if (status == KIN_OK) status = print(a, &l, &c, &failed);
    device_close(&d);
    KIN_TRY(status);
    KIN_REQUIRE(!failed, KIN_CHECK, "%d of %d checks failed: batch.chunk = %" PRId64 " is not the "
                "same as a whole batch", failed, l.lines, c.chunk);
    return KIN_OK;
}

kin_status check_cache(const args *a)
{
    kin_config *config = NULL;
    KIN_REQUIRE(a->count == 2, KIN_USAGE, "an argument is missing; usage: kin check cache RUN.ini");
    kin_status status = configure(a, a->positional[1], &config);
    if (status == KIN_OK) status = compare(a, config);
    kin_config_free(config);
    return status;
}
