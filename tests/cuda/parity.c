/* kin_parity and kin64_parity (parity.h says what they are for):
 *
 *     kin64_parity --write FILE [--seed N] [--small]
 *     kin_parity --device cuda|pretend|cpu --compare FILE [--precision WORD] [--filter TEXT]
 *                [--small]
 *
 * FILE holds what double gives; a comparison takes the seed from it. (With some seeds two scores
 * are so near to each other that a miner chooses another one in float.) --small: fewer and smaller
 * cases, which a full file holds too. --filter: only cases whose name contains the text, as in
 * "loss infonce: pairs". With KIN_PARITY_ALL in the environment every failure is printed, not the
 * worst of each family alone.
 *
 * Exit code: 0 all within bounds, 1 not, 2 wrong use, 77 there is no such device here. */
#include "tests/cuda/parity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "core/plugin.h"
#include "cpu/cpu.h"
#include "losses/loss.h"

enum { FAILED = 1, USAGE = 2, NO_DEVICE = 77 };

typedef struct {
    const char *file, *device, *filter;
    bool write, small;
    uint64_t seed;
    int precision;
} options;

static bool read_options(options *o, int count, char **words)
{
    for (int i = 1; i < count; i++) {
        const char *word = words[i], *value = i + 1 < count ? words[i + 1] : NULL;
        if (!strcmp(word, "--small")) {
            o->small = true;
            continue;
        }
        if (!value) return false;
        i++;
        if (!strcmp(word, "--write")) o->file = value, o->write = true;
        else if (!strcmp(word, "--compare")) o->file = value;
        else if (!strcmp(word, "--device")) o->device = value;
        else if (!strcmp(word, "--filter")) o->filter = value;
        else if (!strcmp(word, "--seed")) o->seed = strtoull(value, NULL, 10);
        else if (strcmp(word, "--precision") ||
                 kin_precision_parse(word, value, &o->precision) != KIN_OK) return false;
    }
    return o->file != NULL;
}

static kin_status open_device(kin_backend **backend, const options *o, kin_pool *pool)
{
    if (!strcmp(o->device, "cpu")) return kin_cpu_new(backend, pool);
    return kin_plugin_open(backend, o->device, pool, kin_losses.items, o->precision);
}

static kin_status begin(parity *p, const options *o, kin_pool *pool)
{
    KIN_TRY(open_device(&p->device, o, pool));
    if (o->write) p->device->tile_columns = 0;       /* what others are compared with: whole rows */
    KIN_TRY(kin_cpu_new(&p->host, pool));
    KIN_TRY(kin_tape_new(&p->tape, p->device));
    KIN_TRY(kin_tape_new(&p->host_tape, p->host));
    return parity_open(p, o->file, o->write, o->filter, o->precision);
}

static void try_all(parity *p)
{
    parity_vectors(p);
    parity_matrices(p);
    parity_bags(p);
    parity_searches(p);
    parity_ops(p);
    parity_losses(p);
    parity_optimizers(p);
    parity_trainings(p);
}

static void end(parity *p)
{
    if (p->tape) kin_tape_free(p->tape);
    if (p->host_tape) kin_tape_free(p->host_tape);
    if (p->host) p->host->free(p->host);
    if (p->device) p->device->free(p->device);
}

int main(int count, char **words)
{
    options o = { .device = "cpu", .seed = 1 };
    if (!read_options(&o, count, words)) {
        fprintf(stderr, "usage: kin64_parity --write FILE [--seed N] [--small]\n"
                        "       kin_parity --device cuda|pretend|cpu --compare FILE [--small]\n"
                        "                  [--precision " KIN_PRECISION_LIST("|") "]\n"
                        "                  [--filter TEXT]\n");
        return USAGE;
    }
    kin_pool *pool = NULL;
    parity p = { .small = o.small, .seed = o.seed };
    kin_status status = kin_pool_new(&pool, 0);
    if (status == KIN_OK) status = begin(&p, &o, pool);
    bool good = false;
    if (status == KIN_OK) {
        try_all(&p);
        good = parity_close(&p);
    } else {
        fprintf(stderr, "parity: %s\n", kin_message());
    }
    const bool none = !p.device && status == KIN_RUNTIME;
    end(&p);
    kin_pool_free(pool);
    return none ? NO_DEVICE : status == KIN_USAGE ? USAGE : good ? 0 : FAILED;
}
