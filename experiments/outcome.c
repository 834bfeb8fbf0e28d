/* Gathers the scores of a plan's runs and computes what is said of them. */
#include "experiments/outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "train/run_folder.h"

enum { SEED = 1 };                     /* of resamples and flips */

/* ---- reading --------------------------------------------------------------------------------- */

static bool varies_data(const kin_ablation *p)
{
    for (int i = 0; i < p->axes; i++)
        for (int t = 0; t < p->axis[i].ties; t++)
            if (!strcmp(p->axis[i].key[t], "data.store")) return true;
    return false;
}

/* A store that was made anew between two calls of a plan would be compared with the old one. */
static kin_status check_data(kin_outcome *o, const kin_cell *cell)
{
    kin_run_facts facts;
    KIN_TRY(kin_cell_facts(cell, &facts));
    if (!o->checksum || varies_data(o->cells->plan)) o->checksum = facts.checksum;
    KIN_REQUIRE(o->checksum == facts.checksum, KIN_DATA, "%s: was trained on other data (xxh64 "
                "%016llx) than the first run of the plan (%016llx); choose another plan.folder, or "
                "remove the older runs", cell->folder, (unsigned long long)facts.checksum,
                (unsigned long long)o->checksum);
    return KIN_OK;
}

static kin_status add_seed(kin_system *s, const kin_cell *cell, int64_t seed, const char *file)
{
    char path[KIN_PATH_MAX], ending[64];
    snprintf(ending, sizeof ending, "/eval/test/%s", file);
    KIN_TRY(kin_cell_path(cell, ending, path));
    if (s->row < 0 && !kin_file_exists(path)) return KIN_OK;     /* of other data */
    KIN_TRY(kin_per_query_read(&s->scores[s->seeds], path));
    KIN_TRY(kin_cell_path(cell, "/eval/test/results.json", path));
    s->seed[s->seeds] = seed;
    return kin_results_load(&s->results[s->seeds++], path);
}

/* The runs of a row's chosen setting that did not fail. */
static kin_status read_row(kin_outcome *o, int row, const char *file, int most, kin_system *s)
{
    const kin_cells *c = o->cells;
    for (int i = c->first[row]; i < c->first[row + 1] && s->seeds < most; i++) {
        const kin_cell *cell = &c->cell[i];
        if (!kin_cell_chosen(c, cell) || cell->failed || !cell->judged[KIN_ON_TEST]) continue;
        KIN_TRY(check_data(o, cell));
        KIN_TRY(add_seed(s, cell, c->plan->seed[cell->seed], file));
    }
    return KIN_OK;
}

/* What learns nothing, which is the same for every seed, and the untrained model. */
static kin_status read_baselines(kin_outcome *o, int row)
{
    static const struct { const char *file, *label; int most; } beside[] = {
        { "bm25.tsv", "BM25", 1 }, { "tf-idf.tsv", "tf-idf", 1 }, { "features.tsv", "features", 1 },
        { "untrained.tsv", "untrained", KIN_SEEDS_MAX },
    };
    for (size_t b = 0; b < sizeof beside / sizeof *beside; b++) {
        kin_system *s = &o->system[o->systems];
        *s = (kin_system){ .label = beside[b].label, .row = -1 };
        const kin_status status = read_row(o, row, beside[b].file, beside[b].most, s);
        o->systems += s->seeds > 0;
        KIN_TRY(status);
    }
    return KIN_OK;
}

static kin_status read_systems(kin_outcome *o)
{
    const kin_cells *c = o->cells;
    const kin_ablation *p = c->plan;
    const int shown = kin_cells_baseline_row(c);
    for (int r = 0; r < p->rows; r++) {
        kin_system *s = &o->system[o->systems];
        *s = (kin_system){ .label = p->row[r].label, .row = r };
        const kin_status status = read_row(o, r, "model.tsv", KIN_SEEDS_MAX, s);
        o->systems += s->seeds > 0;
        KIN_TRY(status);
    }
    return shown >= 0 && o->systems ? read_baselines(o, shown) : KIN_OK;
}

/* All scores are of the same queries in the same order. */
static kin_status check_queries(const kin_outcome *o)
{
    const kin_per_query *first = o->system[0].scores[0];
    for (int i = 0; i < o->systems; i++) {
        for (int s = 0; s < o->system[i].seeds; s++) {
            const kin_per_query *q = o->system[i].scores[s];
            bool same = q->queries == first->queries;
            for (int64_t k = 0; k <= q->queries && same; k++)
                same = q->ids.start[k] == first->ids.start[k];
            same = same && !memcmp(q->ids.bytes, first->ids.bytes,
                                   (size_t)q->ids.start[q->queries]);
            const char *unit = kin_ablation_unit(o->cells->plan);
            KIN_REQUIRE(same, KIN_DATA, "row '%s', seed %lld: was judged on other %s than row "
                        "'%s'; rows of one table need the same test %s", o->system[i].label,
                        (long long)o->system[i].seed[s], unit, o->system[0].label, unit);
        }
    }
    return KIN_OK;
}

/* ---- statistics ------------------------------------------------------------------------------ */

static kin_status find_columns(const kin_ablation *p, const kin_system *s, const double **score)
{
    for (int c = 0; c < p->columns; c++) {
        for (int k = 0; k < s->seeds; k++) {
            const char *name = p->column[c];
            const int at = kin_per_query_find(s->scores[k], name);
            KIN_REQUIRE(at >= 0, KIN_DATA, "row '%s': its scores lack %s, which some item or "
                        "query has not; name other measures in plan.columns", s->label, name);
            score[c * s->seeds + k] = s->scores[k]->value[at];
        }
    }
    return KIN_OK;
}

static void average(kin_system *s, int columns, int64_t queries, const double *const *score)
{
    for (int i = 0; i < columns * s->seeds; i++) {
        s->mean[i] = 0;
        for (int64_t q = 0; q < queries; q++) s->mean[i] += score[i][q];
        s->mean[i] /= (double)queries;
    }
    for (int64_t q = 0; q < queries; q++) {
        s->averaged[q] = 0;
        for (int k = 0; k < s->seeds; k++) s->averaged[q] += score[k][q];
        s->averaged[q] /= s->seeds;
    }
}

static kin_status describe(const kin_outcome *o, kin_system *s, const double **score)
{
    const kin_ablation *p = o->cells->plan;
    s->mean = malloc((size_t)(p->columns * s->seeds) * sizeof *s->mean);
    s->averaged = malloc((size_t)o->queries * sizeof *s->averaged);
    KIN_REQUIRE(s->mean && s->averaged, KIN_MEMORY, "no memory for %lld queries",
                (long long)o->queries);
    KIN_TRY(find_columns(p, s, score));
    average(s, p->columns, o->queries, score);
    for (int c = 0; c < p->columns; c++)
        KIN_TRY(kin_spread_of(&s->spread[c], s->seeds, s->mean + c * s->seeds));
    return KIN_OK;
}

/* The systems with so many seeds, which share the draws of their resamples. */
static kin_status describe_all(kin_outcome *o, kin_pool *pool, int seeds, const double **score,
                               kin_interval *interval)
{
    const int columns = o->cells->plan->columns;
    int n = 0;
    for (int i = 0; i < o->systems; i++)
        if (o->system[i].seeds == seeds)
            KIN_TRY(describe(o, &o->system[i], score + n++ * columns * seeds));
    if (!n) return KIN_OK;
    KIN_TRY(kin_bootstrap_seeds(interval, pool, SEED, KIN_RESAMPLES, KIN_LEVEL, seeds, o->queries,
                                score, n * columns));
    for (int i = 0; i < o->systems; i++) {
        if (o->system[i].seeds != seeds) continue;
        memcpy(o->system[i].interval, interval, (size_t)columns * sizeof *interval);
        interval += columns;
    }
    return KIN_OK;
}

static kin_status describe_systems(kin_outcome *o, kin_pool *pool)
{
    const size_t columns = (size_t)o->systems * (size_t)o->cells->plan->columns;
    const double **score = malloc(columns * (size_t)o->cells->plan->seeds * sizeof *score);
    kin_interval *interval = malloc(columns * sizeof *interval);
    kin_status status = KIN_OK;
    if (!score || !interval) status = kin_fail(KIN_MEMORY, "no memory for %d rows", o->systems);
    for (int seeds = 1; seeds <= o->cells->plan->seeds && !status; seeds++)
        status = describe_all(o, pool, seeds, score, interval);
    free(score);
    free(interval);
    return status;
}

/* Rows best first, or as the plan has them; baselines stay behind. */
static void order(kin_outcome *o)
{
    if (!o->cells->plan->by_score) return;
    for (int i = 1; i < o->systems; i++) {
        const kin_system moved = o->system[i];
        const double score = moved.spread[0].mean;
        int at = i;
        if (moved.row < 0) continue;
        for (; at && o->system[at - 1].spread[0].mean < score; at--)
            o->system[at] = o->system[at - 1];
        o->system[at] = moved;
    }
}

static kin_status give_letters(kin_outcome *o)
{
    const size_t n = (size_t)o->systems;
    kin_letters *letters = malloc(n * sizeof *letters);
    bool *differ = calloc(n * n, sizeof *differ);
    kin_status status = KIN_OK;
    if (!letters || !differ) status = kin_fail(KIN_MEMORY, "no memory for %d rows", o->systems);
    int best = 0;
    for (int a = 0; a < o->systems; a++)
        if (o->system[a].spread[0].mean > o->system[best].spread[0].mean) best = a;
    for (size_t a = 0, i = 0; a < n && !status; a++)
        for (size_t b = a + 1; b < n; b++, i++)
            differ[a * n + b] = differ[b * n + a] = o->holm[i] < 1 - KIN_LEVEL;
    for (size_t a = 0; a < n && !status; a++)
        o->system[a].best = !differ[(size_t)best * n + a];
    if (!status) {
        o->lettered = kin_letters_of(letters, o->systems, differ) == KIN_OK;
        for (size_t a = 0; a < n && o->lettered; a++) o->system[a].letters = letters[a];
    }
    free(letters);
    free(differ);
    return status;
}

static kin_status compare(kin_outcome *o, kin_pool *pool)
{
    o->pairs = o->systems * (o->systems - 1) / 2;
    const double **score = malloc((size_t)o->systems * sizeof *score);
    o->pair = calloc((size_t)o->pairs + 1, sizeof *o->pair);
    o->holm = calloc((size_t)o->pairs + 1, sizeof *o->holm);
    kin_status status = KIN_OK;
    if (!score || !o->pair || !o->holm)
        status = kin_fail(KIN_MEMORY, "no memory for %d comparisons", o->pairs);
    for (int i = 0; i < o->systems && !status; i++) score[i] = o->system[i].averaged;
    if (!status)
        status = kin_pairwise_test(o->pair, pool, SEED, KIN_FLIPS, o->queries, o->systems, score);
    for (int i = 0; i < o->pairs && !status; i++) o->holm[i] = o->pair[i].p;
    if (!status) status = kin_holm(o->holm, o->pairs);
    free(score);
    return status ? status : give_letters(o);
}

static kin_status make(kin_outcome *o, kin_pool *pool)
{
    o->system = calloc((size_t)o->cells->plan->rows + 2, sizeof *o->system);
    KIN_REQUIRE(o->system, KIN_MEMORY, "no memory for a table");
    KIN_TRY(read_systems(o));
    if (!o->systems) return KIN_OK;
    KIN_TRY(check_queries(o));
    o->queries = o->system[0].scores[0]->queries;
    o->documents = o->system[0].results[0].documents;
    o->classes = o->system[0].results[0].classes;
    KIN_TRY(describe_systems(o, pool));
    order(o);
    KIN_TRY(kin_outcome_geometry(o, pool));
    return compare(o, pool);
}

kin_status kin_outcome_make(kin_outcome *o, const kin_cells *cells, kin_pool *pool)
{
    *o = (kin_outcome){ .cells = cells };
    kin_status status = make(o, pool);
    if (!status) status = kin_outcome_caption(o, &o->caption);
    if (status) kin_outcome_free(o);
    return status;
}

int kin_outcome_rows(const kin_outcome *o)
{
    int rows = 0;
    while (rows < o->systems && o->system[rows].row >= 0) rows++;
    return rows;
}

void kin_outcome_free(kin_outcome *o)
{
    for (int i = 0; o->system && i < o->cells->plan->rows + 2; i++) {
        for (int s = 0; s < o->system[i].seeds; s++) kin_per_query_free(o->system[i].scores[s]);
        free(o->system[i].mean);
        free(o->system[i].averaged);
    }
    free(o->system);
    free(o->pair);
    free(o->holm);
    free(o->caption);
    *o = (kin_outcome){ 0 };
}

kin_status kin_outcome_save(const kin_outcome *o)
{
    static const struct {
        const char *name;
        kin_status (*save)(const kin_outcome *, const char *path);
    } files[] = {
        { "times.csv", kin_outcome_save_times }, { "table.csv", kin_outcome_save_csv },
        { "table.md", kin_outcome_save_markdown }, { "table.tex", kin_outcome_save_tex },
        { "results.json", kin_outcome_save_json },
    };
    char path[KIN_PATH_MAX];
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        KIN_TRY(kin_path_join(path, sizeof path, o->cells->plan->folder, files[i].name));
        KIN_TRY(files[i].save(o, path));
    }
    return KIN_OK;
}
