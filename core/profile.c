/* Profile: see profile.h. The kernels are in profile_kernels.c, but for a loss's loops. */
#include "core/profile_inside.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KERNEL(id, text) text,
static const char *const names[] = { EACH_KERNEL(KERNEL) };
#undef KERNEL

double kin_profile_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void kin_profile_count(kin_profile *p, int kernel, double began, double flops, double numbers)
{
    if (!p->counts) return;
    kin_profile_row *r = &p->row[kernel];
    const double spent = kin_profile_now() - began;
    r->calls++;
    r->seconds += spent;
    p->in_kernels += spent;
    r->flops += flops;
    r->bytes += numbers * sizeof(real);
}

/* ---- loops over scores ---------------------------------------------------------------------- */

static double cells(const kin_scores *t) { return (double)t->rows * (double)t->columns; }

static size_t score_work(kin_backend *backend, int64_t rows, int64_t columns)
{
    kin_profile *p = profile_of(backend);
    return p->of_score->work(p->of, rows, columns);
}

static void score_rows(kin_backend *backend, const kin_scores *t, bool slopes)
{
    COUNT(cells, (slopes ? 7 : 4) * cells(t), (slopes ? 2 : 1) * cells(t),
          p->of_score->rows(b, t, slopes));
}

static void score_read(kin_backend *backend, const kin_scores *t)
{
    COUNT(cells, 4 * cells(t), cells(t), p->of_score->read(b, t));
}

static void score_unite(kin_backend *backend, const kin_scores *t, const kin_groups *groups)
{
    COUNT(finish, 0, 0, p->of_score->unite(b, t, groups));
}

static void score_push(kin_backend *backend, const kin_scores *t)
{
    COUNT(slope, 4 * cells(t), 2 * cells(t), p->of_score->push(b, t));
}

static void score_open(kin_backend *backend, const kin_scores *t, int side)
{
    COUNT(finish, 0, 0, p->of_score->open(b, t, side));
}

static void score_look(kin_backend *backend, const kin_scores *t)
{
    COUNT(look, 2 * cells(t), cells(t), p->of_score->look(b, t));
}

static void score_add(kin_backend *backend, const kin_scores *t)
{
    COUNT(add, 5 * cells(t), cells(t), p->of_score->add(b, t));
}

static void score_close(kin_backend *backend, const kin_scores *t, int side)
{
    COUNT(finish, 0, 0, p->of_score->close(b, t, side));
}

static void score_slope(kin_backend *backend, const kin_scores *t)
{
    COUNT(slope, 6 * cells(t), 2 * cells(t), p->of_score->slope(b, t));
}

static void score_pull(kin_backend *backend, const kin_scores *t, real *pull)
{
    COUNT(best, cells(t), cells(t), p->of_score->pull(b, t, pull));
}

static void score_best(kin_backend *backend, const kin_scores *t, real *hit)
{
    COUNT(best, cells(t), cells(t), p->of_score->best(b, t, hit));
}

static const kin_score_kernels *score(kin_backend *backend, int loss)
{
    kin_profile *p = profile_of(backend);
    p->of_score = p->of->score(p->of, loss);
    p->score = (kin_score_kernels){
        .variant = p->of_score->variant, .fields = p->of_score->fields,
        .hypers = p->of_score->hypers, .work = score_work, .rows = score_rows,
        .read = score_read, .unite = score_unite, .push = score_push,
        .open = score_open, .look = score_look, .add = score_add, .close = score_close,
        .slope = score_slope, .pull = score_pull, .best = score_best,
    };
    return &p->score;
}

/* ---- the profile ---------------------------------------------------------------------------- */

kin_status kin_profile_new(kin_profile **out, kin_backend *of)
{
    kin_profile *p = *out = calloc(1, sizeof *p);
    KIN_REQUIRE(p, KIN_MEMORY, "no memory for a profile");
    p->of = of;
    p->backend = kin_profile_kernels;
    p->backend.name = of->name, p->backend.pool = of->pool, p->backend.state = p;
    p->backend.tile_scores = of->tile_scores, p->backend.tile_columns = of->tile_columns;
    p->backend.planes = of->planes, p->backend.host = of->host, p->backend.score = score;
    if (!of->failure) p->backend.failure = NULL;
    if (!of->narrow) p->backend.narrow = NULL;
    if (!of->fold) p->backend.fold = NULL;
    if (!of->adam_table) p->backend.adam_table = NULL;
    if (!of->encode) p->backend.encode = NULL, p->backend.encode_queries = NULL;
    if (!of->scan) p->backend.scan = p->backend.scan_self = NULL;
    for (int i = 0; i < KERNELS; i++) p->row[i].name = names[i];
    p->row[p->host = KERNELS].name = "other host work";
    p->hosts = 1;
    return KIN_OK;
}

void kin_profile_free(kin_profile *profile) { free(profile); }

kin_backend *kin_profile_backend(kin_profile *profile) { return &profile->backend; }

/* What passed since the last call, apart from kernels, goes to the host's present work. */
static void settle(kin_profile *p)
{
    const double at = kin_profile_now(), passed = at - p->began;
    p->row[p->host].seconds += passed - p->in_kernels;
    p->total += passed;
    p->in_kernels = 0;
    p->began = at;
}

void kin_profile_run(kin_profile *p, bool counts)
{
    if (!p || p->counts == counts) return;
    if (counts) p->began = kin_profile_now(), p->in_kernels = 0;
    else settle(p);
    p->counts = counts;
}

void kin_profile_host(kin_profile *p, const char *what)
{
    if (!p || !p->counts) return;
    settle(p);
    for (p->host = KERNELS; what && p->host < KERNELS + p->hosts; p->host++)
        if (!strcmp(p->row[p->host].name, what)) break;
    if (p->host == KERNELS + HOST) p->host = KERNELS;
    if (p->host == KERNELS + p->hosts) p->row[KERNELS + p->hosts++].name = what;
    p->row[p->host].calls++;
}

void kin_profile_step(kin_profile *p)
{
    if (p && p->counts) p->steps++;
}

int64_t kin_profile_steps(const kin_profile *p) { return p->steps; }

static int by_seconds(const void *a, const void *b)
{
    const double x = ((const kin_profile_row *)a)->seconds;
    const double y = ((const kin_profile_row *)b)->seconds;
    return (x < y) - (x > y);
}

int kin_profile_rows(kin_profile *p, kin_profile_row *rows, int most, double *total)
{
    int n = 0;
    if (p->counts) settle(p);
    *total = p->total;
    for (int i = 0; i < KERNELS + p->hosts && n < most; i++)
        if (p->row[i].seconds > 0) rows[n++] = p->row[i];
    qsort(rows, (size_t)n, sizeof *rows, by_seconds);
    return n;
}
