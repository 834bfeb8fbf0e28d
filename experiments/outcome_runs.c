/* What the runs of a plan had: steps, time, negatives, machine. */
#include <stdio.h>
#include <string.h>

#include "data/json.h"
#include "experiments/outcome.h"
#include "experiments/series.h"
#include "train/run_folder.h"

/* ---- what a row was given -------------------------------------------------------------------- */

/* Of the last line that tells. */
static kin_status add_relations(kin_spent *sum, const kin_cell *cell)
{
    static const char *const names[] = { "train/positives", "train/negatives" };
    kin_series s;
    KIN_TRY(kin_series_read(&s, cell, names, 2));
    if (s.count) {
        sum->positives += s.value[0][s.count - 1];
        sum->negatives += s.value[1][s.count - 1];
    }
    kin_series_free(&s);
    return KIN_OK;
}

static kin_status add_run(kin_spent *sum, const kin_cell *cell)
{
    kin_run_facts facts;
    KIN_TRY(kin_cell_facts(cell, &facts));
    sum->steps += (double)facts.step;
    sum->pairs += (double)facts.pairs;
    sum->seconds += facts.train_seconds;
    sum->peak += facts.peak_mb;
    return add_relations(sum, cell);
}

kin_status kin_outcome_spent(const kin_outcome *o, const kin_system *s, kin_spent *spent)
{
    const kin_cells *c = o->cells;
    int n = 0;
    *spent = (kin_spent){ 0 };
    for (int i = c->first[s->row]; i < c->first[s->row + 1]; i++) {
        if (!kin_cell_chosen(c, &c->cell[i]) || !c->cell[i].trained) continue;
        KIN_TRY(add_run(spent, &c->cell[i]));
        n++;
    }
    double *const numbers[] = { &spent->steps, &spent->pairs, &spent->seconds, &spent->peak,
                                &spent->positives, &spent->negatives };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && n; i++) *numbers[i] /= n;
    return KIN_OK;
}

/* ---- machine and data ------------------------------------------------------------------------ */

enum { TOLD = 8, TEXT = 2048 };

static void describe(const kin_json *root, char text[TEXT])
{
    static const char *const members[] = { "build", "cpu", "blas", "device" };
    const kin_json *data = kin_json_get(root, "data"), *sum = NULL, *store = NULL;
    size_t n = 0;
    for (int m = 0; m < 4; m++) {
        const kin_json *v = kin_json_get(root, members[m]);
        n += (size_t)snprintf(text + n, 500, "%s: %.400s; ", members[m],
                              v && v->kind == KIN_JSON_STRING ? v->string : "");
    }
    if (data && data->kind == KIN_JSON_OBJECT) {
        sum = kin_json_get(data, "xxh64");
        store = kin_json_get(data, "store");
    }
    const char *path = store && store->kind == KIN_JSON_STRING ? store->string : "";
    const char *slash = strrchr(path, '/');
    snprintf(text + n, 200, "data: %.100s, xxh64 %.40s", slash ? slash + 1 : path,
             sum && sum->kind == KIN_JSON_STRING ? sum->string : "");
}

kin_status kin_outcome_environment(const kin_cells *c, kin_take_text *take, void *state)
{
    char seen[TOLD + 1][TEXT];
    int count = 0;
    for (int i = 0; i < c->count && count < TOLD; i++) {
        char path[KIN_PATH_MAX];
        kin_json_tree *tree;
        int same = 0;
        if (!c->cell[i].trained) continue;
        KIN_TRY(kin_cell_path(&c->cell[i], "/run.json", path));
        KIN_TRY(kin_json_read(&tree, path));
        describe(kin_json_root(tree), seen[count]);
        kin_json_free(tree);
        while (strcmp(seen[same], seen[count])) same++;
        if (same == count) take(state, seen[count++]);
    }
    return KIN_OK;
}
