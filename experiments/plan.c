/* Reads a plan's lines; values and rows are made of them in plan_values.c and plan_rows.c. */
#include "experiments/plan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "metrics/ranking.h"
#include "train/ini.h"

const char *kin_ablation_keep(kin_ablation *p, const char *text)
{
    if (p->strings == p->strings_room) {
        const int room = 2 * p->strings_room + 64;
        char **more = realloc(p->string, (size_t)room * sizeof *more);
        if (!more) return NULL;
        p->string = more;
        p->strings_room = room;
    }
    char *copy = strdup(text);
    if (copy) p->string[p->strings++] = copy;
    return copy;
}

typedef struct {
    kin_ablation *plan;
    int line;
    int budget_line;
    int seen[16];                      /* line of each key of [plan], or 0 */
} reader;

/* ---- [plan] ---------------------------------------------------------------------------------- */

static kin_status take_name(reader *r, const char *text)
{
    KIN_REQUIRE(*text && strlen(text) < sizeof r->plan->name && !strchr(text, '/'), KIN_USAGE,
                "plan.name is '%.80s', expected a short word", text);
    snprintf(r->plan->name, sizeof r->plan->name, "%s", text);
    return KIN_OK;
}

static kin_status take_path(const reader *r, const char *key, const char *text, char *path)
{
    KIN_REQUIRE(*text, KIN_USAGE, "plan.%s is empty, expected a path", key);
    return kin_path_join(path, KIN_PATH_MAX, r->plan->home, text);
}

static kin_status take_base(reader *r, const char *text)
{
    return take_path(r, "base", text, r->plan->base);
}

static kin_status take_folder(reader *r, const char *text)
{
    return take_path(r, "folder", text, r->plan->folder);
}

static kin_status take_number(const char *key, const char *text, double low, double high,
                              bool whole, double *number)
{
    const kin_hyper h = { .name = key, .min = low, .max = high, .flags = whole ? KIN_INTEGER : 0 };
    char where[32];
    snprintf(where, sizeof where, "plan.%s", key);
    return kin_hyper_parse(&h, where, text, number);
}

static kin_status take_budget(reader *r, kin_budget budget, const char *key, const char *text)
{
    KIN_REQUIRE(!r->budget_line, KIN_USAGE, "plan.%s: the budget is stated before, in line %d; "
                "one of steps, pairs and seconds", key, r->budget_line);
    r->budget_line = r->line;
    r->plan->budget = budget;
    const bool seconds = budget == KIN_BUDGET_SECONDS;
    return take_number(key, text, seconds ? 0.001 : 1, 1e12, !seconds, &r->plan->amount);
}

static kin_status take_steps(reader *r, const char *text)
{
    return take_budget(r, KIN_BUDGET_STEPS, "steps", text);
}

static kin_status take_pairs(reader *r, const char *text)
{
    return take_budget(r, KIN_BUDGET_PAIRS, "pairs", text);
}

static kin_status take_seconds(reader *r, const char *text)
{
    return take_budget(r, KIN_BUDGET_SECONDS, "seconds", text);
}

static kin_status take_jobs(reader *r, const char *text)
{
    double number = 0;
    KIN_TRY(take_number("jobs", text, 0, 1024, true, &number));
    r->plan->jobs = (int)number;
    return KIN_OK;
}

static kin_status take_threads(reader *r, const char *text)
{
    double number = 0;
    KIN_TRY(take_number("threads", text, 1, 1024, true, &number));
    r->plan->threads = (int)number;
    return KIN_OK;
}

static kin_status take_seeds(reader *r, const char *text)
{
    kin_ablation *p = r->plan;
    kin_axis axis = { .kind = KIN_AXIS_ROWS, .word = "", .line = r->line, .ties = 1,
                      .key = { "run.seed" }, .text = text };
    kin_status status = kin_axis_expand(p, &axis);
    if (!status && axis.count > KIN_SEEDS_MAX)
        status = kin_fail(KIN_USAGE, "plan.seeds: %d seeds, expected at most %d", axis.count,
                          KIN_SEEDS_MAX);
    p->seeds = status ? 0 : axis.count;
    for (int i = 0; i < p->seeds && !status; i++) {
        double number = 0;
        status = take_number("seeds", axis.value[i], 0, 4294967295.0, true, &number);
        p->seed[i] = (int64_t)number;
    }
    free(axis.value);
    return status;
}

/* The name, as one of the goals has it. */
static kin_status find_measure(const char *name, const char **measure)
{
    const char *all[KIN_GOALS * KIN_MEASURES];
    int n = 0;
    for (int goal = 0; goal < KIN_GOALS; goal++) {
        int count;
        const char *const *names = kin_goal_measures((kin_goal)goal, &count);
        for (int i = 0; i < count; i++) {
            *measure = all[n++] = names[i];
            if (!strcmp(*measure, name)) return KIN_OK;
        }
    }
    const char *near = kin_nearest(name, all, n);
    return kin_fail(KIN_USAGE, "'%.60s' is not a measure; %s %s", name,
                    near ? "did you mean" : "expected one like", near ? near : "mrr@10");
}

static kin_status take_measure(reader *r, const char *text)
{
    return kin_fail_in(find_measure(text, &r->plan->measure), "plan.measure");
}

static kin_status take_columns(reader *r, const char *text)
{
    kin_ablation *p = r->plan;
    kin_axis axis = { .kind = KIN_AXIS_ROWS, .word = "", .line = r->line, .ties = 1,
                      .key = { "plan.columns" }, .text = text };
    kin_status status = kin_axis_expand(p, &axis);
    if (!status && axis.count > KIN_COLUMNS_OF_TABLE)
        status = kin_fail(KIN_USAGE, "plan.columns: %d measures, expected at most %d", axis.count,
                          KIN_COLUMNS_OF_TABLE);
    for (int i = 0; i < axis.count && !status; i++) {
        status = kin_fail_in(find_measure(axis.value[i], &p->column[i]), "plan.columns");
        p->columns = i + 1;
    }
    free(axis.value);
    return status;
}

static kin_status take_either(const char *key, const char *text, const char *yes, const char *no,
                              bool *is)
{
    *is = !strcmp(text, yes);
    KIN_REQUIRE(*is || !strcmp(text, no), KIN_USAGE, "plan.%s is '%.40s', expected %s or %s", key,
                text, yes, no);
    return KIN_OK;
}

static kin_status take_order(reader *r, const char *text)
{
    return take_either("order", text, "score", "plan", &r->plan->by_score);
}

static kin_status take_keep(reader *r, const char *text)
{
    return take_either("keep", text, "all", "scores", &r->plan->keep_all);
}

static const struct {
    const char *name;
    kin_status (*take)(reader *, const char *);
} plan_keys[] = {
    { "name", take_name }, { "base", take_base }, { "folder", take_folder },
    { "seeds", take_seeds }, { "steps", take_steps }, { "pairs", take_pairs },
    { "seconds", take_seconds }, { "measure", take_measure }, { "columns", take_columns },
    { "order", take_order }, { "keep", take_keep }, { "jobs", take_jobs },
    { "threads", take_threads },
};
enum { PLAN_KEYS = sizeof plan_keys / sizeof *plan_keys };

static kin_status take_plan_key(reader *r, const char *name, const char *text)
{
    const char *names[PLAN_KEYS];
    for (int i = 0; i < PLAN_KEYS; i++) {
        names[i] = plan_keys[i].name;
        if (strcmp(names[i], name)) continue;
        KIN_REQUIRE(!r->seen[i], KIN_USAGE, "plan.%s was set before, in line %d", name, r->seen[i]);
        r->seen[i] = r->line;
        return plan_keys[i].take(r, text);
    }
    const char *near = kin_nearest(name, names, PLAN_KEYS);
    if (near) return kin_fail(KIN_USAGE, "unknown key plan.%.60s; did you mean %s?", name, near);
    return kin_fail(KIN_USAGE, "unknown key plan.%.60s; keys of a run file go under [set], [rows] "
                    "or [tune]", name);
}

/* ---- [set], [rows], [tune] ------------------------------------------------------------------- */

/* Keys that the runner itself sets. */
static kin_status check_key(const kin_ablation *p, const char *key)
{
    static const char *const own[][2] = {
        { "run.seed", "plan.seeds" }, { "run.dir", "plan.folder" },
        { "run.threads", "plan.threads" }, { "eval.final", "the plan" },
        { "eval.baselines", "the plan" },
    };
    KIN_REQUIRE(strchr(key, '.'), KIN_USAGE, "'%.60s' is not a key of a run file (section.key)",
                key);
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        KIN_REQUIRE(strcmp(key, own[i][0]), KIN_USAGE, "%s follows from %s: take it out", key,
                    own[i][1]);
    const bool length = !strcmp(key, "schedule.steps") || !strcmp(key, "schedule.epochs")
                        || !strcmp(key, "schedule.seconds");
    KIN_REQUIRE(!length || p->budget == KIN_BUDGET_BASE, KIN_USAGE,
                "%s: the length of every run is the plan's budget (steps, pairs or seconds): take "
                "one of the two out", key);
    return KIN_OK;
}

static bool clash(const kin_axis *a, const kin_axis *b)
{
    const bool rows = a->kind == KIN_AXIS_ROWS || b->kind == KIN_AXIS_ROWS;
    return rows || !strcmp(a->word, b->word);
}

/* No key twice, unless one is for a word. */
static kin_status check_new(const kin_ablation *p, const kin_axis *a, const char *key)
{
    for (int i = 0; i < a->ties; i++)
        KIN_REQUIRE(strcmp(a->key[i], key), KIN_USAGE, "%s stands twice before the =", key);
    for (int i = 0; i < p->axes; i++)
        for (int t = 0; t < p->axis[i].ties; t++)
            KIN_REQUIRE(!clash(&p->axis[i], a) || strcmp(p->axis[i].key[t], key), KIN_USAGE,
                        "%s was given before, in line %d", key, p->axis[i].line);
    return KIN_OK;
}

static kin_status take_axis(reader *r, kin_axis_kind kind, const char *word, char *keys,
                            const char *text)
{
    kin_ablation *p = r->plan;
    char *rest = NULL;
    KIN_REQUIRE(p->axes < KIN_AXES_MAX, KIN_USAGE, "more than %d lines of keys", KIN_AXES_MAX);
    kin_axis *a = &p->axis[p->axes];
    *a = (kin_axis){ .kind = kind, .line = r->line, .word = kin_ablation_keep(p, word),
                     .text = kin_ablation_keep(p, text) };
    KIN_REQUIRE(a->word && a->text, KIN_MEMORY, "no memory for a plan");
    KIN_REQUIRE(*text, KIN_USAGE, "%.80s has no value", keys);
    for (char *k = strtok_r(keys, "+", &rest); k; k = strtok_r(NULL, "+", &rest)) {
        KIN_REQUIRE(a->ties < KIN_TIED_MAX, KIN_USAGE, "more than %d keys together", KIN_TIED_MAX);
        KIN_TRY(check_new(p, a, k));
        a->key[a->ties] = kin_ablation_keep(p, k);
        KIN_REQUIRE(a->key[a->ties++], KIN_MEMORY, "no memory for a plan");
    }
    p->axes++;
    return KIN_OK;
}

/* "set", "rows", "tune", "set WORD" or "tune WORD". */
static kin_status take_section(reader *r, const char *section, char *keys, const char *text)
{
    static const char *const names[] = { "set", "rows", "tune", "plan" };
    const char *blank = strchr(section, ' ');
    const size_t n = blank ? (size_t)(blank - section) : strlen(section);
    for (int kind = 0; kind < 3; kind++) {
        if (strlen(names[kind]) != n || strncmp(section, names[kind], n)) continue;
        KIN_REQUIRE(!blank || kind != KIN_AXIS_ROWS, KIN_USAGE,
                    "[%s]: rows have no word; expected [rows]", section);
        return take_axis(r, (kin_axis_kind)kind, blank ? blank + 1 : "", keys, text);
    }
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)n, section);
    const char *near = kin_nearest(name, names, 4);
    return kin_fail(KIN_USAGE, "[%s] is not a section of a plan; %s [%s]", section,
                    near ? "did you mean" : "expected [plan], [set], [tune] or",
                    near ? near : "rows");
}

/* key: "section.keys" or "section word.keys". */
static kin_status take_setting(void *state, const char *key, const char *value, int line)
{
    reader *r = state;
    char section[160], keys[420];
    r->line = line;
    const char *dot = strchr(key, '.');
    snprintf(section, sizeof section, "%.*s", (int)(dot - key), key);
    snprintf(keys, sizeof keys, "%s", dot + 1);
    const kin_status status = strcmp(section, "plan") ? take_section(r, section, keys, value)
                                                      : take_plan_key(r, keys, value);
    return status ? kin_fail_in(status, "%s:%d", r->plan->path, line) : KIN_OK;
}

/* ---- the whole ------------------------------------------------------------------------------- */

static kin_status find_home(kin_ablation *p, const char *path)
{
    char whole[PATH_MAX];
    KIN_REQUIRE(strlen(path) < KIN_PATH_MAX / 2, KIN_USAGE, "%.80s...: the path is too long", path);
    KIN_REQUIRE(realpath(path, whole), KIN_DATA, "%s: %s", path, strerror(errno));
    snprintf(p->path, sizeof p->path, "%s", path);
    char *slash = strrchr(whole, '/');
    snprintf(p->name, sizeof p->name, "%.60s", slash + 1);
    char *dot = strrchr(p->name, '.');
    if (dot && dot > p->name) *dot = 0;
    slash[slash == whole] = 0;
    KIN_REQUIRE(strlen(whole) < KIN_PATH_MAX / 2, KIN_USAGE, "%.80s...: the path is too long",
                whole);
    snprintf(p->home, sizeof p->home, "%s", whole);
    return KIN_OK;
}

/* What [plan] leaves open. */
static kin_status fill_in(kin_ablation *p)
{
    char folder[128];
    KIN_REQUIRE(*p->base, KIN_USAGE, "%s: plan.base is missing: the run file that the plan varies",
                p->path);
    KIN_REQUIRE(p->seeds, KIN_USAGE, "%s: plan.seeds is missing, for example seeds = 1, 2, 3",
                p->path);
    snprintf(folder, sizeof folder, "runs/%s", p->name);
    if (!*p->folder) KIN_TRY(kin_path_join(p->folder, sizeof p->folder, p->home, folder));
    return KIN_OK;
}

static kin_status check_keys(const kin_ablation *p)
{
    for (int i = 0; i < p->axes; i++)
        for (int t = 0; t < p->axis[i].ties; t++)
            if (check_key(p, p->axis[i].key[t]))
                return kin_fail_in(KIN_USAGE, "%s:%d", p->path, p->axis[i].line);
    return KIN_OK;
}

static kin_status read_plan(kin_ablation *p, const char *path)
{
    reader r = { .plan = p };
    char *text;
    size_t size;
    KIN_TRY(kin_file_read(path, &text, &size));
    kin_status status = find_home(p, path);
    if (!status) status = kin_ini_parse(text, size, path, take_setting, &r);
    free(text);
    KIN_TRY(status);
    KIN_TRY(fill_in(p));
    KIN_TRY(check_keys(p));
    for (int i = 0; i < p->axes; i++)
        if (kin_axis_expand(p, &p->axis[i]))
            return kin_fail_in(KIN_USAGE, "%s:%d", p->path, p->axis[i].line);
    return kin_ablation_make_rows(p);
}

kin_status kin_ablation_read(kin_ablation **plan, const char *path)
{
    kin_ablation *p = *plan = calloc(1, sizeof *p);
    KIN_REQUIRE(p, KIN_MEMORY, "no memory for a plan");
    p->by_score = true;
    p->threads = 1;
    const kin_status status = read_plan(p, path);
    if (!status) return KIN_OK;
    kin_ablation_free(p);
    *plan = NULL;
    return status;
}

void kin_ablation_free(kin_ablation *p)
{
    if (!p) return;
    for (int i = 0; i < p->axes; i++) free(p->axis[i].value);
    for (int i = 0; i < p->strings; i++) free(p->string[i]);
    free(p->string);
    free(p->left_out);
    free(p->row);
    free(p);
}
