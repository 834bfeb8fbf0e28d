/* The tables below the main one. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/report.h"

enum { PAIRS_SHOWN = 66 };             /* all pairs of twelve rows */

static void cell(FILE *f, const char *tag, const char *text) { kin_report_cell(f, tag, text); }
static void begin(FILE *f, const char *title) { kin_report_table(f, title); }
static void end(FILE *f) { kin_report_table_end(f); }

/* ---- what every row was given ---------------------------------------------------------------- */

static kin_status put_budget_row(FILE *f, const kin_outcome *o, const kin_system *s)
{
    kin_spent spent;
    KIN_TRY(kin_outcome_spent(o, s, &spent));
    fputs("<tr>", f);
    cell(f, "td", s->label);
    fprintf(f, "<td>%.0f</td><td>%.0f</td><td>%.1f</td><td>%.0f</td><td>%.0f</td><td>%.4g</td>"
            "<td>%.5g</td></tr>\n", spent.steps, spent.pairs, spent.seconds,
            spent.seconds > 0 ? spent.pairs / spent.seconds : 0, spent.peak, spent.positives,
            spent.negatives);
    return KIN_OK;
}

static kin_status put_budget(FILE *f, const kin_outcome *o)
{
    begin(f, "What each row was given");
    const char *unit = o->cells->plan->goal == KIN_GOAL_LABELS ? "items" : "pairs";
    fprintf(f, "<th>row</th><th>steps</th><th>%s</th><th>seconds</th><th>%s a second</th>"
            "<th>peak MB</th><th>positives of an anchor</th><th>negatives</th></tr>\n", unit, unit);
    kin_status status = KIN_OK;
    for (int i = 0; i < o->systems && !status; i++)
        if (o->system[i].row >= 0) status = put_budget_row(f, o, &o->system[i]);
    end(f);
    fputs("<p>Means over the seeds of the chosen setting; positives and negatives at the last "
          "logged step. Classes that a loss learns a vector of (proxies) count as an anchor's "
          "candidates.</p>\n", f);
    return status;
}

/* ---- geometry -------------------------------------------------------------------------------- */

static void put_relations(FILE *f, const kin_outcome *o)
{
    if (!o->related) return;
    fprintf(f, "<p>Spearman's correlation with %s over the %d rows, in brackets its 95 %% "
            "bootstrap interval over rows: ", o->cells->plan->measure, o->related);
    for (int i = 0; i < KIN_RELATIONS; i++)
        fprintf(f, "%s%s %.2f [%.2f, %.2f]", i ? "; " : "", kin_shape_names[i].title,
                o->relation[i].value, o->relation[i].interval.low, o->relation[i].interval.high);
    fputs(". Of all three a lower number is better in theory: at -1 rows are in the same order as "
          "by the measure, above 0 the number misleads.</p>\n", f);
}

static void put_geometry(FILE *f, const kin_outcome *o)
{
    begin(f, "Geometry of the embeddings");
    fputs("<th>row</th>", f);
    for (int i = 0; i < KIN_SHAPES; i++) cell(f, "th", kin_shape_names[i].title);
    fputs("</tr>\n", f);
    for (int i = 0; i < o->systems; i++) {
        const kin_system *s = &o->system[i];
        if (s->row < 0) continue;
        fputs("<tr>", f);
        cell(f, "td", s->label);
        for (int k = 0; k < KIN_SHAPES; k++) {
            fprintf(f, "<td>%.4g", s->shape[k].mean);
            if (s->seeds > 1) fprintf(f, " \xC2\xB1 %.2g", s->shape[k].deviation);
            fputs("</td>", f);
        }
        fputs("</tr>\n", f);
    }
    end(f);
    put_relations(f, o);
}

/* ---- settings tried ------------------------------------------------------------------------- */

/* How many rows of a tuned axis of numbers chose the least or the largest of them. */
static void count_edges(const kin_cells *c, int axis, int *edges, int *rows)
{
    const kin_axis *a = &c->plan->axis[axis];
    double least = INFINITY, most = -INFINITY;
    *edges = *rows = 0;
    for (int v = 0; v < a->count; v++) {
        char *end;
        const double x = strtod(a->value[v], &end);
        if (a->count < 2 || a->ties > 1 || end == a->value[v] || *end) return;
        least = fmin(least, x), most = fmax(most, x);
    }
    for (int r = 0; r < c->plan->rows; r++) {
        if (!c->plan->row[r].applies[axis] || c->chosen[r] < 0) continue;
        const double x = strtod(a->value[kin_ablation_choice(c->plan, &c->plan->row[r],
                                                             c->chosen[r], axis)], NULL);
        *edges += x <= least || x >= most;
        ++*rows;
    }
}

static void put_edges(FILE *f, const kin_cells *c)
{
    const kin_ablation *p = c->plan;
    bool any = false;
    for (int i = 0; i < p->axes; i++) {
        int edges, rows;
        if (p->axis[i].kind != KIN_AXIS_TUNE) continue;
        count_edges(c, i, &edges, &rows);
        if (!edges) continue;
        fputs(any ? "; " : "<p>Chosen at an end of what was tried, so that a better value may lie "
              "beyond: ", f);
        kin_report_text(f, p->axis[i].key[0]);
        fputs(*p->axis[i].word ? " of " : "", f);
        kin_report_text(f, p->axis[i].word);
        fputs(" (", f);
        kin_report_text(f, p->axis[i].text);
        fprintf(f, ") in %d of %d rows", edges, rows);
        any = true;
    }
    if (any) fputs(".</p>\n", f);
}

static void put_tries(FILE *f, const kin_outcome *o)
{
    const kin_cells *c = o->cells;
    if (!kin_ablation_tunes(c->plan)) return;
    begin(f, "Settings tried, on the validation part");
    fprintf(f, "<th>run</th><th>%s</th><th></th></tr>\n", c->plan->measure);
    for (int r = 0; r < c->plan->rows; r++) {
        for (int s = 0; s < c->plan->row[r].settings && c->plan->row[r].settings > 1; s++) {
            const kin_cell *try = &c->cell[c->first[r] + s];
            fputs("<tr>", f);
            cell(f, "td", try->folder + strlen(c->plan->folder) + strlen("/runs/"));
            if (try->judged[KIN_ON_VALIDATION]) fprintf(f, "<td>%.4f</td>", try->score);
            else fprintf(f, "<td>%s</td>", try->failed ? "failed" : "not yet");
            fprintf(f, "<td>%s</td></tr>\n", s == c->chosen[r] ? "chosen" : "");
        }
    }
    end(f);
    put_edges(f, c);
}

/* The first of those with the highest mean. */
static bool is_best(const kin_outcome *o, int place)
{
    const double score = o->system[place].spread[0].mean;
    for (int i = 0; i < o->systems; i++)
        if (o->system[i].spread[0].mean > score
            || (i < place && o->system[i].spread[0].mean >= score)) return false;
    return true;
}

static void put_comparisons(FILE *f, const kin_outcome *o)
{
    const bool all = o->pairs <= PAIRS_SHOWN;
    if (!o->pairs) return;
    begin(f, all ? "Row against row" : "Best row against the others");
    fputs("<th>row</th><th>against</th><th>difference</th><th>p</th><th>p, Holm</th><th>better on"
          "</th><th>worse on</th><th>equal on</th></tr>\n", f);
    for (int a = 0, i = 0; a < o->systems; a++)
        for (int b = a + 1; b < o->systems; b++, i++) {
            if (!all && !is_best(o, a) && !is_best(o, b)) continue;
            fputs("<tr>", f);
            cell(f, "td", o->system[a].label);
            cell(f, "td", o->system[b].label);
            const char *most = o->pair[i].p < 1.5 / KIN_FLIPS ? "&le; " : "";
            fprintf(f, "<td>%+.4f</td><td>%s%.2g</td><td>%s%.2g</td><td>%" PRId64 "</td><td>%"
                    PRId64 "</td><td>%" PRId64 "</td></tr>\n", o->pair[i].difference, most,
                    o->pair[i].p, most, o->holm[i], o->pair[i].wins, o->pair[i].losses,
                    o->pair[i].ties);
        }
    end(f);
    fprintf(f, "<p>p of one comparison, and corrected for all %d. Better, worse, equal: on how "
            "many %s, by scores averaged over seeds.%s</p>\n", o->pairs,
            kin_ablation_unit(o->cells->plan),
            all ? "" : " results.json has the comparisons of all rows.");
}

static void put_failures(FILE *f, const kin_cells *c)
{
    int failed;
    kin_cells_done(c, &failed);
    if (!failed) return;
    begin(f, "Failed runs");
    fputs("<th>run</th><th>exit code</th><th>last sentence</th></tr>\n", f);
    for (int i = 0; i < c->count; i++) {
        if (!c->cell[i].failed) continue;
        fputs("<tr>", f);
        cell(f, "td", c->cell[i].folder + strlen(c->plan->folder) + strlen("/runs/"));
        fprintf(f, "<td>%d</td>", c->cell[i].code);
        cell(f, "td", c->cell[i].reason);
        fputs("</tr>\n", f);
    }
    end(f);
}

/* ---- where it ran ---------------------------------------------------------------------------- */

static void put_line(void *state, const char *text)
{
    fputs("<li>", state);
    kin_report_text(state, text);
    fputs("</li>\n", state);
}

static kin_status put_environment(FILE *f, const kin_outcome *o)
{
    const kin_ablation *p = o->cells->plan;
    const char *slash = strrchr(p->path, '/');
    fputs("<h2>Machine, data, command</h2>\n<ul>\n", f);
    KIN_TRY(kin_outcome_environment(o->cells, put_line, f));
    char text[KIN_PATH_MAX + 200];
    snprintf(text, sizeof text, "%d thread%s a run; run again with: kin "
             "ablate %s", p->threads, p->threads > 1 ? "s" : "", slash ? slash + 1 : p->path);
    put_line(f, text);
    fputs("</ul>\n", f);
    return KIN_OK;
}

kin_status kin_report_tables(FILE *f, const kin_outcome *o)
{
    put_geometry(f, o);
    KIN_TRY(put_budget(f, o));
    put_tries(f, o);
    KIN_TRY(kin_report_settings(f, o));
    put_comparisons(f, o);
    KIN_TRY(kin_report_examples(f, o));
    put_failures(f, o->cells);
    return put_environment(f, o);
}
