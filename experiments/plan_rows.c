/* The rows of a plan, what each of them tunes, and the run file of each run. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "core/pool.h"
#include "experiments/plan.h"

/* ---- one run --------------------------------------------------------------------------------- */

static kin_status set_axis(const kin_ablation *p, const kin_axis *a, int value, kin_config *c)
{
    char where[KIN_PATH_MAX + 32];
    snprintf(where, sizeof where, "%s:%d", p->path, a->line);
    for (int t = 0; t < a->ties; t++) {
        const char *text = a->value[value * a->ties + t];
        if (kin_axis_gives(text)) KIN_TRY(kin_config_set_from(c, a->key[t], text, where, p->home));
    }
    return KIN_OK;
}

static kin_status set_text(const kin_ablation *p, kin_config *c, const char *key, const char *text)
{
    return kin_config_set_from(c, key, text, p->path, p->home);
}

static kin_status set_number(const kin_ablation *p, kin_config *c, const char *key, double number)
{
    char text[64];
    snprintf(text, sizeof text, "%.17g", number);
    return set_text(p, c, key, text);
}

kin_status kin_ablation_common(const kin_ablation *p, const char *dir, kin_config **config)
{
    KIN_TRY(kin_config_new(config));
    kin_config *c = *config;
    kin_status status = kin_config_load(c, p->base);
    for (int i = 0; i < p->axes && !status; i++)
        if (p->axis[i].kind == KIN_AXIS_SET && !*p->axis[i].word && p->axis[i].count)
            status = set_axis(p, &p->axis[i], 0, c);
    if (!status) status = set_text(p, c, "run.dir", dir);
    if (!status) status = set_number(p, c, "run.threads", p->threads);
    if (!status) return KIN_OK;
    kin_config_free(c);
    *config = NULL;
    return status;
}

/* The axes of a kind: rows, what is set for the row's word, or what the setting chooses. */
static kin_status set_kind(const kin_ablation *p, const kin_row *row, int setting,
                           kin_axis_kind kind, kin_config *c)
{
    for (int i = 0; i < p->axes; i++) {
        const kin_axis *a = &p->axis[i];
        if (a->kind != kind || (kind == KIN_AXIS_SET && !*a->word)) continue;
        if (kind != KIN_AXIS_ROWS && !row->applies[i]) continue;
        const int value = kind == KIN_AXIS_ROWS  ? row->value[i]
                          : kind == KIN_AXIS_SET ? 0
                                                 : kin_ablation_choice(p, row, setting, i);
        KIN_TRY(set_axis(p, a, value, c));
    }
    return KIN_OK;
}

/* The batch must be known before pairs become steps. */
static kin_status set_budget(const kin_ablation *p, kin_config *c)
{
    double steps = 0, seconds = 0;
    if (p->budget == KIN_BUDGET_BASE) return KIN_OK;
    if (p->budget == KIN_BUDGET_SECONDS) seconds = p->amount;
    if (p->budget == KIN_BUDGET_STEPS) steps = p->amount;
    KIN_TRY(set_number(p, c, "schedule.seconds", seconds));
    KIN_TRY(set_number(p, c, "schedule.steps", steps));
    if (p->budget != KIN_BUDGET_PAIRS) return KIN_OK;
    KIN_TRY(set_number(p, c, "schedule.steps", 1));
    KIN_TRY(kin_config_resolve(c));
    steps = ceil(p->amount / kin_config_number(c, "batch.size"));
    return set_number(p, c, "schedule.steps", steps);
}

static kin_status set_run(const kin_ablation *p, const kin_row *row, int setting, int seed,
                          bool tuned, kin_config *c)
{
    KIN_TRY(set_kind(p, row, setting, KIN_AXIS_ROWS, c));
    KIN_TRY(set_kind(p, row, setting, KIN_AXIS_SET, c));
    if (tuned) KIN_TRY(set_kind(p, row, setting, KIN_AXIS_TUNE, c));
    KIN_TRY(set_number(p, c, "run.seed", (double)p->seed[seed]));
    KIN_TRY(set_text(p, c, "eval.baselines", "false"));
    KIN_TRY(set_text(p, c, "eval.final", kin_ablation_tunes(p) ? "validation" : "test"));
    KIN_TRY(set_budget(p, c));
    return kin_config_resolve(c);
}

static kin_status make_config(const kin_ablation *p, const kin_row *row, int setting, int seed,
                              bool tuned, const char *dir, kin_config **config)
{
    KIN_TRY(kin_ablation_common(p, dir, config));
    const kin_status status = set_run(p, row, setting, seed, tuned, *config);
    if (!status) return KIN_OK;
    kin_config_free(*config);
    *config = NULL;
    return status;
}

kin_status kin_ablation_config(const kin_ablation *p, int row, int setting, int seed,
                               const char *dir, kin_config **config)
{
    return make_config(p, &p->row[row], setting, seed, true, dir, config);
}

/* ---- questions ------------------------------------------------------------------------------- */

/* A setting counts through the values of the tuned axes, the last of them fastest. */
int kin_ablation_choice(const kin_ablation *p, const kin_row *row, int setting, int axis)
{
    for (int i = p->axes - 1; i > axis; i--)
        if (p->axis[i].kind == KIN_AXIS_TUNE && row->applies[i]) setting /= p->axis[i].count;
    return setting % p->axis[axis].count;
}

bool kin_ablation_tunes(const kin_ablation *p)
{
    for (int i = 0; i < p->axes; i++)
        if (p->axis[i].kind == KIN_AXIS_TUNE) return true;
    return false;
}

int kin_ablation_runs(const kin_ablation *p)
{
    int runs = 0;
    for (int r = 0; r < p->rows; r++) runs += p->row[r].settings + p->seeds - 1;
    return runs;
}

/* ---- what concerns a row --------------------------------------------------------------------- */

/* Whether one of the row's values is the word. */
static bool row_has(const kin_ablation *p, const kin_row *row, const char *word)
{
    for (int i = 0; i < p->axes; i++) {
        const kin_axis *a = &p->axis[i];
        for (int t = 0; a->kind == KIN_AXIS_ROWS && t < a->ties; t++)
            if (!strcmp(a->value[row->value[i] * a->ties + t], word)) return true;
    }
    return false;
}

static bool share_key(const kin_axis *a, const kin_axis *b)
{
    for (int i = 0; i < a->ties; i++)
        for (int k = 0; k < b->ties; k++)
            if (!strcmp(a->key[i], b->key[k])) return true;
    return false;
}

/* Whether a line for the row's word takes the place of this one. */
static bool replaced(const kin_ablation *p, const kin_row *row, int axis)
{
    const kin_axis *a = &p->axis[axis];
    for (int i = 0; i < p->axes && !*a->word; i++)
        if (*p->axis[i].word && row->applies[i] && share_key(&p->axis[i], a)) return true;
    return false;
}

/* Lines with a word, then [tune] where the row's run has the keys. */
static kin_status apply_axes(const kin_ablation *p, kin_row *row)
{
    kin_config *c;
    for (int i = 0; i < p->axes; i++)
        row->applies[i] = *p->axis[i].word && row_has(p, row, p->axis[i].word);
    KIN_TRY(make_config(p, row, 0, 0, false, "row", &c));
    row->settings = 1;
    for (int i = 0; i < p->axes; i++) {
        const kin_axis *a = &p->axis[i];
        if (a->kind != KIN_AXIS_TUNE) continue;
        if (!*a->word) row->applies[i] = kin_config_has(c, a->key[0]) && !replaced(p, row, i);
        if (!row->applies[i]) continue;
        row->settings = row->settings > KIN_SETTINGS_MAX ? row->settings : row->settings * a->count;
    }
    kin_config_free(c);
    KIN_REQUIRE(row->settings <= KIN_SETTINGS_MAX, KIN_USAGE,
                "%s: row '%s' would try more than %d settings", p->path, row->label,
                KIN_SETTINGS_MAX);
    return KIN_OK;
}

/* ---- labels and folders ---------------------------------------------------------------------- */

static void describe(const kin_ablation *p, const kin_row *row, char *label, size_t size)
{
    size_t n = 0;
    label[0] = 0;
    for (int i = 0; i < p->axes; i++) {
        const kin_axis *a = &p->axis[i];
        for (int t = 0; a->kind == KIN_AXIS_ROWS && t < a->ties && n < size; t++) {
            const char *value = a->value[row->value[i] * a->ties + t];
            if (kin_axis_gives(value))
                n += (size_t)snprintf(label + n, size - n, "%s%s", n ? " " : "", value);
        }
    }
    if (!n) snprintf(label, size, "%s", p->name);
}

/* A label as the name of a folder; a number keeps labels apart that become the same. */
static void name_folder(const kin_ablation *p, int row, const char *label, char *name, size_t size)
{
    size_t n = 0;
    for (; label[n] && n < size - 8 && n < 100; n++) {
        const bool plain = isalnum((unsigned char)label[n]) || strchr("._+-", label[n]);
        name[n] = plain && (n || label[n] != '.') ? label[n] : '-';
    }
    name[n] = 0;
    for (int same = 2, i = 0; i < row; i++) {
        if (strcmp(p->row[i].folder, name)) continue;
        snprintf(name + n, size - n, "-%d", same++);
        i = -1;
    }
}

static kin_status name_row(kin_ablation *p, int place)
{
    char label[400], folder[128];
    kin_row *row = &p->row[place];
    describe(p, row, label, sizeof label);
    row->label = kin_ablation_keep(p, label);
    name_folder(p, place, label, folder, sizeof folder);
    row->folder = kin_ablation_keep(p, folder);
    KIN_REQUIRE(row->label && row->folder, KIN_MEMORY, "no memory for a plan");
    return KIN_OK;
}

/* ---- all rows -------------------------------------------------------------------------------- */

static kin_status count_rows(kin_ablation *p)
{
    p->rows = 1;
    for (int i = 0; i < p->axes; i++) {
        if (p->axis[i].kind != KIN_AXIS_ROWS) continue;
        p->rows *= p->axis[i].count;
        KIN_REQUIRE(p->rows && p->rows <= KIN_ROWS_MAX, KIN_USAGE,
                    "%s:%d: the table would have %d rows, expected 1 to %d", p->path,
                    p->axis[i].line, p->rows, KIN_ROWS_MAX);
    }
    p->row = calloc((size_t)p->rows, sizeof *p->row);
    KIN_REQUIRE(p->row, KIN_MEMORY, "no memory for a plan");
    for (int r = 0; r < p->rows; r++)
        for (int i = p->axes - 1, rest = r; i >= 0; i--) {
            if (p->axis[i].kind != KIN_AXIS_ROWS) continue;
            p->row[r].value[i] = rest % p->axis[i].count;
            rest /= p->axis[i].count;
        }
    return KIN_OK;
}

/* Every line concerns some row: a word must be a value, a tuned key must be some run's. */
static kin_status check_used(const kin_ablation *p)
{
    for (int i = 0; i < p->axes; i++) {
        const kin_axis *a = &p->axis[i];
        const bool always = a->kind == KIN_AXIS_ROWS || (a->kind == KIN_AXIS_SET && !*a->word);
        bool used = always, word = false;
        for (int r = 0; r < p->rows; r++) {
            used |= p->row[r].applies[i];
            word |= row_has(p, &p->row[r], a->word);
        }
        if (used) continue;
        KIN_REQUIRE(word || !*a->word, KIN_USAGE, "%s:%d: no row has the value '%s'", p->path,
                    a->line, a->word);
        kin_config *c;
        kin_status status = kin_ablation_common(p, "key", &c);
        if (!status) status = set_kind(p, &p->row[0], 0, KIN_AXIS_ROWS, c);
        if (!status) status = set_axis(p, a, 0, c);
        if (!status) status = kin_config_resolve(c);           /* says what is wrong with the key */
        kin_config_free(c);
        return status ? status : kin_fail(KIN_USAGE, "%s:%d: %s concerns no row", p->path, a->line,
                                          a->key[0]);
    }
    return KIN_OK;
}

const char *kin_ablation_unit(const kin_ablation *p)
{
    static const char *const units[KIN_GOALS] = { "queries", "items", "pairs" };
    return units[p->goal];
}

bool kin_ablation_goal(const kin_config *config, kin_goal *goal)
{
    kin_store *store;
    *goal = KIN_GOAL_RANKING;
    if (kin_store_open(&store, kin_config_text(config, "data.store"))) return false;
    *goal = kin_store_goal(store);
    kin_store_close(store);
    return true;
}

/* The rows' stores hold the same kind of thing, and the loss can be trained on it. */
static kin_status check_goal(kin_ablation *p, int row, const kin_config *c)
{
    kin_goal goal;
    const bool known = kin_ablation_goal(c, &goal);
    if (!row) p->goal = goal;
    KIN_REQUIRE(!known || goal == p->goal, KIN_USAGE, "%s: holds %s, the store of the first row %s",
                kin_config_text(c, "data.store"), kin_goal_data(goal), kin_goal_data(p->goal));
    return kin_config_carried(c, kin_goal_carries(goal), kin_goal_data(goal));
}

/* Each of a row's settings resolves; what concerns the loss alone is looked at once. */
static kin_status check_row(kin_ablation *p, int row)
{
    kin_status status = KIN_OK;
    for (int s = 0; s < p->row[row].settings && !status; s++) {
        kin_config *c;
        KIN_TRY(kin_ablation_config(p, row, s, 0, "check", &c));
        if (!s) status = check_goal(p, row, c);
        kin_config_free(c);
    }
    return status;
}

/* ---- measures -------------------------------------------------------------------------------- */

/* What the plan leaves open; the measure comes first. */
static void fill_columns(kin_ablation *p)
{
    static const char *const usual[KIN_GOALS][KIN_COLUMNS_OF_TABLE] = {
        [KIN_GOAL_RANKING] = { "mrr@10", "recall@1", "recall@10", "recall@100", "ndcg@10", "map" },
        [KIN_GOAL_LABELS] = { "centroid", "knn@1", "knn@5", "recall@1", "r_precision", "map@r" },
        [KIN_GOAL_SCORES] = { "spearman", "pearson" },
    };
    if (!p->measure) p->measure = usual[p->goal][0];
    for (int i = p->columns ? KIN_COLUMNS_OF_TABLE : 0; i < KIN_COLUMNS_OF_TABLE; i++)
        if (usual[p->goal][i]) p->column[p->columns++] = usual[p->goal][i];
    int at = 0;
    while (at < p->columns && strcmp(p->column[at], p->measure)) at++;
    if (at == p->columns && p->columns < KIN_COLUMNS_OF_TABLE) p->columns++;
    if (at == p->columns) at--;
    for (; at > 0; at--) p->column[at] = p->column[at - 1];
    p->column[0] = p->measure;
}

/* Each is a measure of what the store holds. */
static kin_status check_columns(const kin_ablation *p)
{
    kin_config *c;
    kin_goal goal;
    int count;
    KIN_TRY(kin_ablation_config(p, 0, 0, 0, "measures", &c));
    const bool known = kin_ablation_goal(c, &goal);
    kin_config_free(c);
    const char *const *names = kin_goal_measures(goal, &count);
    for (int i = 0; i < p->columns && known; i++) {
        int m = 0;
        while (m < count && strcmp(names[m], p->column[i])) m++;
        KIN_REQUIRE(m < count, KIN_USAGE, "%s: %s is not a measure of %s, which the store holds; "
                    "expected one like %s", p->path, p->column[i], kin_goal_data(goal),
                    names[kin_goal_headline(goal)]);
    }
    return KIN_OK;
}

/* Adds to a message which of several rows it is about. */
static kin_status of_row(const kin_ablation *p, int row, kin_status status)
{
    char reason[1000];
    if (!status || p->rows == 1) return status;
    snprintf(reason, sizeof reason, "%s", kin_message());
    return kin_fail(status, "%s (row '%s')", reason, p->row[row].label);
}

/* As many runs at a time as the machine has processors for. */
static void set_jobs(kin_ablation *p)
{
    if (p->jobs) return;
    p->jobs = kin_threads_default() / p->threads;
    if (p->jobs < 1) p->jobs = 1;
}

kin_status kin_ablation_make_rows(kin_ablation *p)
{
    KIN_TRY(count_rows(p));
    set_jobs(p);
    for (int r = 0; r < p->rows; r++) {
        KIN_TRY(name_row(p, r));
        KIN_TRY(of_row(p, r, apply_axes(p, &p->row[r])));
    }
    KIN_TRY(check_used(p));
    KIN_REQUIRE(kin_ablation_runs(p) <= KIN_RUNS_MAX, KIN_USAGE,
                "%s: %d runs, expected at most %d", p->path, kin_ablation_runs(p), KIN_RUNS_MAX);
    for (int r = 0; r < p->rows; r++) KIN_TRY(of_row(p, r, check_row(p, r)));
    fill_columns(p);
    return check_columns(p);
}
