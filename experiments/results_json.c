/* results.json: all that a plan's runs gave, with what is needed to run them again. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/json.h"
#include "experiments/outcome.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- the plan -------------------------------------------------------------------------------- */

static void put_axes(kin_json_out *out, const char *name, const kin_ablation *p, kin_axis_kind kind)
{
    kin_json_open(out, name, '[');
    for (int i = 0; i < p->axes; i++) {
        const kin_axis *a = &p->axis[i];
        if (a->kind != kind) continue;
        kin_json_open(out, NULL, '{');
        kin_json_open(out, "keys", '[');
        for (int t = 0; t < a->ties; t++) kin_json_put_string(out, NULL, a->key[t]);
        kin_json_close(out);
        if (*a->word) kin_json_put_string(out, "rows", a->word);
        kin_json_put_bytes(out, "text", a->text, strlen(a->text));
        kin_json_open(out, "values", '[');
        for (int v = 0; v < a->count * a->ties; v++)
            kin_json_put_bytes(out, NULL, a->value[v], strlen(a->value[v]));
        kin_json_close(out);
        kin_json_close(out);
    }
    kin_json_close(out);
}

static void put_plan(kin_json_out *out, const kin_outcome *o)
{
    static const char *const budget[] = { "of the run file", "steps", "pairs", "seconds" };
    const kin_ablation *p = o->cells->plan;
    kin_json_put_string(out, "plan", p->name);
    kin_json_put_string(out, "plan_file", base_name(p->path));
    kin_json_put_string(out, "run_file", base_name(p->base));
    put_axes(out, "set", p, KIN_AXIS_SET);
    put_axes(out, "varied", p, KIN_AXIS_ROWS);
    put_axes(out, "tuned", p, KIN_AXIS_TUNE);
    kin_json_open(out, "left_out", '[');
    for (int i = 0; i < p->left_out_count; i++) kin_json_put_string(out, NULL, p->left_out[i]);
    kin_json_close(out);
    kin_json_open(out, "budget", '{');
    kin_json_put_string(out, "unit", budget[p->budget]);
    if (p->budget != KIN_BUDGET_BASE) kin_json_put_number(out, "amount", p->amount);
    kin_json_close(out);
    kin_json_open(out, "seeds", '[');
    for (int i = 0; i < p->seeds; i++) kin_json_put_whole(out, NULL, p->seed[i]);
    kin_json_close(out);
}

static void put_method(kin_json_out *out, const kin_outcome *o)
{
    const kin_ablation *p = o->cells->plan;
    const char *unit = kin_ablation_unit(p);
    char text[80];
    kin_json_put_string(out, "measure", p->measure);
    kin_json_put_string(out, "settings_chosen_on",
                        kin_ablation_tunes(p) ? "validation" : "nothing");
    kin_json_put_string(out, "judged_on", "test");
    kin_json_put_whole(out, unit, o->queries);
    if (p->goal == KIN_GOAL_RANKING) kin_json_put_whole(out, "documents", o->documents);
    if (p->goal == KIN_GOAL_LABELS) kin_json_put_whole(out, "classes", o->classes);
    snprintf(text, sizeof text, "95 %% bootstrap over seeds and %s", unit);
    kin_json_put_string(out, "interval", text);
    kin_json_put_whole(out, "resamples", KIN_RESAMPLES);
    snprintf(text, sizeof text, "paired randomisation on %s, scores averaged over seeds", unit);
    kin_json_put_string(out, "test", text);
    kin_json_put_whole(out, "flips", KIN_FLIPS);
    kin_json_put_string(out, "correction", "Holm, over all pairs of rows");
}

/* ---- a row ----------------------------------------------------------------------------------- */

/* Every key that the row or the setting gives a value. */
static void put_settings(kin_json_out *out, const kin_ablation *p, const kin_row *row, int setting)
{
    kin_json_open(out, "settings", '{');
    for (int i = 0; i < p->axes; i++) {
        const kin_axis *a = &p->axis[i];
        const bool rows = a->kind == KIN_AXIS_ROWS;
        if (!rows && (a->kind == KIN_AXIS_SET || !row->applies[i] || setting < 0)) continue;
        const int v = rows ? row->value[i] : kin_ablation_choice(p, row, setting, i);
        for (int t = 0; t < a->ties; t++) {
            const char *value = a->value[v * a->ties + t];
            if (kin_axis_gives(value)) kin_json_put_bytes(out, a->key[t], value, strlen(value));
        }
    }
    kin_json_close(out);
}

static void put_tries(kin_json_out *out, const kin_cells *c, int row)
{
    const kin_ablation *p = c->plan;
    kin_json_put_whole(out, "settings_tried", p->row[row].settings);
    kin_json_open(out, "tried", '[');
    for (int s = 0; s < p->row[row].settings && p->row[row].settings > 1; s++) {
        const kin_cell *cell = &c->cell[c->first[row] + s];
        kin_json_open(out, NULL, '{');
        put_settings(out, p, &p->row[row], s);
        if (cell->failed && s != c->chosen[row]) kin_json_put_null(out, "validation");
        else kin_json_put_number(out, "validation", cell->score);
        kin_json_put_boolean(out, "chosen", s == c->chosen[row]);
        kin_json_close(out);
    }
    kin_json_close(out);
}

static void put_failures(kin_json_out *out, const kin_cells *c)
{
    kin_json_open(out, "failures", '[');
    for (int i = 0; i < c->count; i++) {
        const kin_cell *cell = &c->cell[i];
        if (!cell->failed) continue;
        const char *run = cell->folder + strlen(c->plan->folder) + strlen("/runs/");
        kin_json_open(out, NULL, '{');
        kin_json_put_bytes(out, "row", c->plan->row[cell->row].label,
                           strlen(c->plan->row[cell->row].label));
        kin_json_put_bytes(out, "run", run, strlen(run));
        kin_json_put_whole(out, "exit_code", cell->code);
        kin_json_put_bytes(out, "sentence", cell->reason, strlen(cell->reason));
        kin_json_close(out);
    }
    kin_json_close(out);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void put_seeds(kin_json_out *out, const kin_ablation *p, const kin_system *s)
{
    kin_json_open(out, "by_seed", '[');
    for (int k = 0; k < s->seeds; k++) {
        kin_json_open(out, NULL, '{');
        kin_json_put_whole(out, "seed", s->seed[k]);
        for (int c = 0; c < p->columns; c++)
            kin_json_put_number(out, p->column[c], s->mean[c * s->seeds + k]);
        if (s->row >= 0) {
            const kin_results *r = &s->results[k];
            for (int i = 0; i < KIN_SHAPES; i++)
                kin_json_put_number(out, kin_shape_names[i].key,
                                    kin_shape_of(r, (kin_shape_number)i));
            kin_json_put_whole(out, "step", r->step);
            kin_json_put_whole(out, "pairs", r->pairs);
        }
        kin_json_close(out);
    }
    kin_json_close(out);
}

static void put_each(kin_json_out *out, const char *name, const kin_ablation *p,
                     const kin_system *s, size_t member)
{
    kin_json_open(out, name, '{');
    for (int c = 0; c < p->columns; c++) {
        double value;
        memcpy(&value, (const char *)&s->spread[c] + member, sizeof value);
        kin_json_put_number(out, p->column[c], value);
    }
    kin_json_close(out);
}

static void put_numbers(kin_json_out *out, const kin_ablation *p, const kin_system *s)
{
    put_seeds(out, p, s);
    put_each(out, "mean", p, s, offsetof(kin_spread, mean));
    put_each(out, "deviation", p, s, offsetof(kin_spread, deviation));
    put_each(out, "interquartile_mean", p, s, offsetof(kin_spread, middle));
    kin_json_open(out, "interval95", '{');
    for (int c = 0; c < p->columns; c++) {
        kin_json_open(out, p->column[c], '[');
        kin_json_put_number(out, NULL, s->interval[c].low);
        kin_json_put_number(out, NULL, s->interval[c].high);
        kin_json_close(out);
    }
    kin_json_close(out);
    kin_json_put_string(out, "letters", s->letters.text);
    kin_json_put_boolean(out, "does_not_differ_from_best", s->best);
}

static void put_shape(kin_json_out *out, const kin_system *s)
{
    kin_json_open(out, "geometry", '{');
    for (int i = 0; i < KIN_SHAPES; i++) {
        kin_json_open(out, kin_shape_names[i].key, '{');
        kin_json_put_number(out, "mean", s->shape[i].mean);
        kin_json_put_number(out, "deviation", s->shape[i].deviation);
        kin_json_close(out);
    }
    kin_json_close(out);
}

/* How the measure goes with the geometry, over rows. */
static void put_relations(kin_json_out *out, const kin_outcome *o)
{
    if (!o->related) return;
    kin_json_open(out, "spearman_of_the_measure_with", '{');
    kin_json_put_whole(out, "rows", o->related);
    for (int i = 0; i < KIN_RELATIONS; i++) {
        kin_json_open(out, kin_shape_names[i].key, '{');
        kin_json_put_number(out, "value", o->relation[i].value);
        kin_json_open(out, "interval95", '[');
        kin_json_put_number(out, NULL, o->relation[i].interval.low);
        kin_json_put_number(out, NULL, o->relation[i].interval.high);
        kin_json_close(out);
        kin_json_close(out);
    }
    kin_json_close(out);
}

static void put_system(kin_json_out *out, const kin_outcome *o, const kin_system *s)
{
    const kin_ablation *p = o->cells->plan;
    kin_json_open(out, NULL, '{');
    kin_json_put_bytes(out, "row", s->label, strlen(s->label));
    if (s->row >= 0) {
        put_settings(out, p, &p->row[s->row], o->cells->chosen[s->row]);
        put_tries(out, o->cells, s->row);
        put_shape(out, s);
    }
    put_numbers(out, p, s);
    kin_json_close(out);
}

static void put_systems(kin_json_out *out, const kin_outcome *o)
{
    kin_json_open(out, "rows", '[');
    for (int i = 0; i < o->systems; i++)
        if (o->system[i].row >= 0) put_system(out, o, &o->system[i]);
    kin_json_close(out);
    kin_json_open(out, "baselines", '[');
    for (int i = 0; i < o->systems; i++)
        if (o->system[i].row < 0) put_system(out, o, &o->system[i]);
    kin_json_close(out);
}

static void put_comparisons(kin_json_out *out, const kin_outcome *o)
{
    kin_json_open(out, "comparisons", '[');
    for (int a = 0, i = 0; a < o->systems; a++)
        for (int b = a + 1; b < o->systems; b++, i++) {
            const kin_paired *p = &o->pair[i];
            kin_json_open(out, NULL, '{');
            kin_json_put_bytes(out, "row", o->system[a].label, strlen(o->system[a].label));
            kin_json_put_bytes(out, "against", o->system[b].label, strlen(o->system[b].label));
            kin_json_put_number(out, "difference", p->difference);
            kin_json_put_number(out, "p", p->p);
            kin_json_put_number(out, "p_holm", o->holm[i]);
            kin_json_put_whole(out, "wins", p->wins);
            kin_json_put_whole(out, "losses", p->losses);
            kin_json_put_whole(out, "ties", p->ties);
            kin_json_close(out);
        }
    kin_json_close(out);
}

/* ---- environment ----------------------------------------------------------------------------- */

static void put_environment(void *state, const char *text)
{
    kin_json_put_bytes(state, NULL, text, strlen(text));
}

kin_status kin_outcome_save_json(const kin_outcome *o, const char *path)
{
    kin_json_out out = { .indent = 2 };
    char again[300];
    snprintf(again, sizeof again, "kin ablate %s", base_name(o->cells->plan->path));
    kin_json_open(&out, NULL, '{');
    put_plan(&out, o);
    put_method(&out, o);
    kin_json_put_bytes(&out, "caption", o->caption, strlen(o->caption));
    put_systems(&out, o);
    put_relations(&out, o);
    put_failures(&out, o->cells);
    put_comparisons(&out, o);
    kin_json_open(&out, "environment", '[');
    const kin_status status = kin_outcome_environment(o->cells, put_environment, &out);
    kin_json_close(&out);
    kin_json_put_string(&out, "run_again", again);
    kin_json_close(&out);
    if (!status) return kin_json_save(&out, path);
    kin_json_discard(&out);
    return status;
}
