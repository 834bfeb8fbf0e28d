/* Cells: see cells.h. */
#include "experiments/cells.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/file.h"
#include "data/store.h"
#include "metrics/per_query.h"
#include "train/evaluate.h"
#include "train/results.h"
#include "train/run_folder.h"

kin_status kin_cell_path(const kin_cell *cell, const char *ending, char path[KIN_PATH_MAX])
{
    const int n = snprintf(path, KIN_PATH_MAX, "%s%s", cell->folder, ending);
    KIN_REQUIRE(n < KIN_PATH_MAX, KIN_RUNTIME, "%.200s...: the path is too long", cell->folder);
    return KIN_OK;
}

kin_status kin_cell_config(const kin_cells *c, const kin_cell *cell, kin_config **config)
{
    return kin_ablation_config(c->plan, cell->row, cell->setting, cell->seed, cell->folder, config);
}

bool kin_cell_chosen(const kin_cells *c, const kin_cell *cell)
{
    return c->chosen[cell->row] >= 0 && cell->setting == c->chosen[cell->row];
}

/* ---- names ----------------------------------------------------------------------------------- */

/* "lr-0.1_temperature-0.05"; "" when the row tunes nothing. */
static void name_setting(const kin_ablation *p, const kin_row *row, int setting, char *name,
                         size_t size)
{
    size_t n = 0;
    name[0] = 0;
    for (int i = 0; i < p->axes; i++) {
        const kin_axis *a = &p->axis[i];
        if (a->kind != KIN_AXIS_TUNE || !row->applies[i]) continue;
        const char *const *value = &a->value[kin_ablation_choice(p, row, setting, i) * a->ties];
        for (int t = 0; t < a->ties && n < size; t++)
            if (kin_axis_gives(value[t]))
                n += (size_t)snprintf(name + n, size - n, "%s%s-%s", n ? "_" : "",
                                      strrchr(a->key[t], '.') + 1, value[t]);
    }
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) && !strchr("._+-", *c)) *c = '-';
    if (strlen(name) > 120) snprintf(name, size, "setting-%d", setting + 1);
}

static kin_status name_cell(const kin_ablation *p, kin_cell *cell)
{
    char setting[400];
    const kin_row *row = &p->row[cell->row];
    name_setting(p, row, cell->setting, setting, sizeof setting);
    const int n = snprintf(cell->folder, sizeof cell->folder, "%s/runs/%s/%s%sseed-%lld", p->folder,
                           row->folder, setting, *setting ? "/" : "",
                           (long long)p->seed[cell->seed]);
    KIN_REQUIRE(n < KIN_PATH_MAX - 40, KIN_USAGE, "%s: the path is too long", p->folder);
    return KIN_OK;
}

/* ---- what is on disk ------------------------------------------------------------------------- */

/* "CODE sentence". */
static kin_status read_failure(kin_cell *cell)
{
    char path[KIN_PATH_MAX], *text;
    size_t size;
    KIN_TRY(kin_cell_path(cell, ".failed", path));
    cell->failed = kin_file_exists(path);
    if (!cell->failed) return KIN_OK;
    KIN_TRY(kin_file_read(path, &text, &size));
    const char *blank = strchr(text, ' ');
    cell->code = atoi(text);
    snprintf(cell->reason, sizeof cell->reason, "%.*s", (int)strcspn(blank ? blank + 1 : "", "\n"),
             blank ? blank + 1 : "");
    free(text);
    return KIN_OK;
}

kin_status kin_cell_fail(kin_cell *cell, int code, const char *reason)
{
    char path[KIN_PATH_MAX], text[512];
    KIN_TRY(kin_cell_path(cell, ".failed", path));
    const int n = snprintf(text, sizeof text, "%d %.400s\n", code, reason);
    return kin_file_write(path, text, (size_t)n);
}

kin_status kin_cell_facts(const kin_cell *cell, kin_run_facts *facts)
{
    char path[KIN_PATH_MAX];
    *facts = (kin_run_facts){ .step = 0 };
    KIN_TRY(kin_cell_path(cell, "/run.json", path));
    return kin_run_facts_load(facts, path);
}

static kin_status read_training(kin_cell *cell)
{
    char path[KIN_PATH_MAX];
    kin_run_facts facts = { .step = 0 };
    KIN_TRY(kin_cell_path(cell, "/run.json", path));
    if (!kin_file_exists(path)) return KIN_OK;
    KIN_TRY(kin_run_facts_load(&facts, path));
    cell->trained = !strcmp(facts.exit, "finished");
    return KIN_OK;
}

static kin_status read_score(const kin_ablation *p, kin_cell *cell)
{
    char path[KIN_PATH_MAX];
    kin_per_query *scores;
    KIN_TRY(kin_cell_path(cell, "/eval/validation/model.tsv", path));
    KIN_TRY(kin_per_query_read(&scores, path));
    const int column = kin_per_query_find(scores, p->measure);
    cell->score = 0;
    for (int64_t q = 0; q < scores->queries && column >= 0; q++)
        cell->score += scores->value[column][q] / (double)scores->queries;
    kin_per_query_free(scores);
    KIN_REQUIRE(column >= 0, KIN_DATA, "%s: has no %s", path, p->measure);
    return KIN_OK;
}

/* results.json is written last, when the scores of the queries are there. */
static kin_status read_judged(kin_cell *cell, int split)
{
    static const char *const names[] = { "/eval/validation/results.json",
                                         "/eval/test/results.json" };
    char path[KIN_PATH_MAX];
    kin_results results;
    cell->judged[split] = false;
    KIN_TRY(kin_cell_path(cell, names[split], path));
    if (!kin_file_exists(path)) return KIN_OK;
    KIN_TRY(kin_results_load(&results, path));
    cell->judged[split] = results.model.present;
    if (split == KIN_ON_TEST)
        cell->baselines = results.untrained.present
                          && (results.bm25.present || !*results.baseline);
    return KIN_OK;
}

static kin_status read_cell(const kin_ablation *p, kin_cell *cell)
{
    cell->trained = false;
    KIN_TRY(read_failure(cell));
    KIN_TRY(read_training(cell));
    if (!cell->trained) return KIN_OK;
    KIN_TRY(read_judged(cell, KIN_ON_VALIDATION));
    KIN_TRY(read_judged(cell, KIN_ON_TEST));
    return cell->judged[KIN_ON_VALIDATION] ? read_score(p, cell) : KIN_OK;
}

/* A run of other settings under this name is not this plan's. */
static kin_status check_settings(const kin_cells *c, const kin_cell *cell)
{
    char path[KIN_PATH_MAX];
    kin_config *wanted = NULL, *there = NULL;
    KIN_TRY(kin_cell_path(cell, "/run.ini", path));
    if (!kin_file_exists(path)) return KIN_OK;
    KIN_TRY(kin_cell_config(c, cell, &wanted));
    kin_status status = kin_config_new(&there);
    if (!status) status = kin_config_load_own(there, path, NULL);
    const char *key = status ? NULL : kin_config_differs(wanted, there);
    if (key)
        status = kin_fail(KIN_USAGE, "%s: was run with %s = %s, the plan says %s; choose another "
                          "plan.folder, or remove the run", cell->folder, key,
                          kin_config_has(there, key) ? kin_config_text(there, key) : "nothing",
                          kin_config_text(wanted, key));
    kin_config_free(there);
    kin_config_free(wanted);
    return status;
}

static kin_status open_cell(kin_cells *c, kin_cell *cell, bool retry)
{
    char path[KIN_PATH_MAX];
    KIN_TRY(name_cell(c->plan, cell));
    KIN_TRY(check_settings(c, cell));
    KIN_TRY(kin_cell_path(cell, ".failed", path));
    if (retry) unlink(path);
    return read_cell(c->plan, cell);
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* A try is over when it failed, or its score is known; a lone setting needs no score. */
static bool is_over(const kin_cells *c, const kin_cell *cell)
{
    return cell->failed || (cell->trained && (c->plan->row[cell->row].settings == 1
                                              || cell->judged[KIN_ON_VALIDATION]));
}

/* The best try of a row whose tries are all over; of equals the first. */
static int choose(const kin_cells *c, int row)
{
    const kin_cell *tries = &c->cell[c->first[row]];
    int best = -2;
    for (int s = 0; s < c->plan->row[row].settings; s++) {
        if (!is_over(c, &tries[s])) return -1;
        if (tries[s].failed) continue;
        if (best < 0 || tries[s].score > tries[best].score) best = s;
    }
    return best;
}

/* The other seeds get the chosen setting. */
static kin_status update_row(kin_cells *c, int row, bool retry)
{
    if (c->chosen[row] != -1) return KIN_OK;
    c->chosen[row] = choose(c, row);
    const int tries = c->plan->row[row].settings;
    for (int i = c->first[row] + tries; i < c->first[row + 1] && c->chosen[row] >= 0; i++) {
        c->cell[i].setting = c->chosen[row];
        KIN_TRY(open_cell(c, &c->cell[i], retry));
    }
    return KIN_OK;
}

kin_status kin_cells_update(kin_cells *c, kin_cell *cell)
{
    KIN_TRY(read_cell(c->plan, cell));
    return update_row(c, cell->row, false);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void lay_out(kin_cells *c)
{
    const kin_ablation *p = c->plan;
    int n = 0;
    for (int r = 0; r < p->rows; r++) {
        c->first[r] = n;
        c->chosen[r] = -1;
        for (int s = 0; s < p->row[r].settings; s++)
            c->cell[n++] = (kin_cell){ .row = r, .setting = s };
        for (int s = 1; s < p->seeds; s++)
            c->cell[n++] = (kin_cell){ .row = r, .setting = -1, .seed = s };
    }
    c->first[p->rows] = c->count = n;
}

/* The queries or items that settings are chosen on and that the table is of. */
static kin_status check_splits(const kin_ablation *p)
{
    static const char *const keeps[KIN_GOALS] = {
        "import pairs --test_fraction 0.1", "import labelled TRAIN --test FILE",
        "import sts TRAIN --test FILE"
    };
    const char *unit = kin_ablation_unit(p);
    kin_config *config;
    kin_store *store;
    KIN_TRY(kin_ablation_config(p, 0, 0, 0, "splits", &config));
    kin_status status = kin_store_open(&store, kin_config_text(config, "data.store"));
    kin_config_free(config);
    KIN_TRY(status);
    if (!kin_split_judged(store, KIN_TEST))
        status = kin_fail(KIN_DATA, "%s: has no test %s, which the table of a plan is about; "
                          "'kin %s' keeps some", store->path, unit, keeps[p->goal]);
    else if (kin_ablation_tunes(p) && !kin_split_judged(store, KIN_VALIDATION))
        status = kin_fail(KIN_DATA, "%s: has no validation %s, on which [tune] chooses",
                          store->path, unit);
    kin_store_close(store);
    return status;
}

kin_status kin_cells_open(kin_cells *c, const kin_ablation *p, bool retry)
{
    const int runs = kin_ablation_runs(p);
    *c = (kin_cells){ .plan = p };
    KIN_TRY(check_splits(p));
    c->cell = calloc((size_t)runs, sizeof *c->cell);
    c->first = calloc((size_t)p->rows + 1, sizeof *c->first);
    c->chosen = calloc((size_t)p->rows, sizeof *c->chosen);
    KIN_REQUIRE(c->cell && c->first && c->chosen, KIN_MEMORY, "no memory for %d runs", runs);
    lay_out(c);
    for (int i = 0; i < c->count; i++) {
        if (c->cell[i].setting < 0) continue;
        KIN_TRY(open_cell(c, &c->cell[i], retry));
        for (int k = c->first[c->cell[i].row]; k < i; k++)
            KIN_REQUIRE(strcmp(c->cell[k].folder, c->cell[i].folder), KIN_USAGE,
                        "%s: two settings would be run in %s", p->path, c->cell[i].folder);
    }
    for (int r = 0; r < p->rows; r++) KIN_TRY(update_row(c, r, retry));
    return KIN_OK;
}

void kin_cells_close(kin_cells *c)
{
    free(c->cell);
    free(c->first);
    free(c->chosen);
    *c = (kin_cells){ 0 };
}

int kin_cells_baseline_row(const kin_cells *c)
{
    for (int r = 0; r < c->plan->rows; r++) {
        if (c->chosen[r] == -1) return -1;
        for (int i = c->first[r]; i < c->first[r + 1]; i++)
            if (kin_cell_chosen(c, &c->cell[i]) && !c->cell[i].failed) return r;
    }
    return -1;
}

kin_cell *kin_cells_next(const kin_cells *c, kin_work *work, bool *baselines)
{
    const int shown = kin_cells_baseline_row(c);
    for (int i = 0; i < c->count; i++) {
        kin_cell *cell = &c->cell[i];
        if (cell->setting < 0 || cell->failed || cell->running) continue;
        *baselines = cell->row == shown && !cell->baselines;
        *work = KIN_TRAIN_CELL;
        if (!cell->trained) return cell;
        *work = KIN_JUDGE_VALIDATION;
        if (!is_over(c, cell)) return cell;
        *work = KIN_JUDGE_TEST;
        if (kin_cell_chosen(c, cell) && (!cell->judged[KIN_ON_TEST] || *baselines)) return cell;
    }
    return NULL;
}

int kin_cells_done(const kin_cells *c, int *failed)
{
    int done = 0;
    *failed = 0;
    for (int i = 0; i < c->count; i++) {
        done += c->cell[i].trained && !c->cell[i].failed;
        *failed += c->cell[i].failed;
    }
    return done;
}
