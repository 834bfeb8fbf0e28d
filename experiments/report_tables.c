/* The tables below the main one. */
#include <inttypes.h>
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
    fputs("<th>row</th><th>steps</th><th>pairs</th><th>seconds</th><th>pairs a second</th>"
          "<th>peak MB</th><th>positives of an anchor</th><th>negatives</th></tr>\n", f);
    kin_status status = KIN_OK;
    for (int i = 0; i < o->systems && !status; i++)
        if (o->system[i].row >= 0) status = put_budget_row(f, o, &o->system[i]);
    end(f);
    fputs("<p>Means over the seeds of the chosen setting; positives and negatives as the last line "
          "of the log has them.</p>\n", f);
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
    fputs(". Both are the better the lower, so that a correlation of -1 is what theory hopes "
          "for.</p>\n", f);
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

/* ---- settings -------------------------------------------------------------------------------- */

/* The settings of a row's chosen runs as lines of "section.key = value", malloc'ed. */
static kin_status list_settings(const kin_outcome *o, const kin_system *s, char **out)
{
    kin_config *c;
    char section[64] = "", *text, *rest = NULL;
    size_t size;
    KIN_TRY(kin_ablation_config(o->cells->plan, s->row, o->cells->chosen[s->row], 0, "run", &c));
    text = kin_config_print(c);
    kin_config_free(c);
    FILE *f = text ? open_memstream(out, &size) : NULL;
    for (char *line = f ? strtok_r(text, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest)) {
        if (*line == '[') snprintf(section, sizeof section, "%.*s", (int)strcspn(line + 1, "]"),
                                   line + 1);
        else if (*line) fprintf(f, "%s.%s\n", section, line);
    }
    free(text);
    KIN_REQUIRE(f && !fclose(f), KIN_MEMORY, "no memory for settings");
    return KIN_OK;
}

/* Whether a line stands among others as it is. */
static bool has_line(const char *all, const char *line, size_t size)
{
    for (const char *at = all; at; at = strchr(at, '\n'), at = at ? at + 1 : NULL)
        if (!strncmp(at, line, size) && at[size] == '\n') return true;
    return false;
}

/* The lines of one that some other lacks. */
static void put_own_lines(FILE *f, char *const *all, int rows, int own)
{
    bool any = false;
    for (const char *line = all[own]; *line; line += strcspn(line, "\n") + 1) {
        const size_t size = strcspn(line, "\n");
        int in = 0;
        while (in < rows && has_line(all[in], line, size)) in++;
        if (in == rows) continue;
        char text[600];
        snprintf(text, sizeof text, "%s%.*s", any ? ", " : "", (int)size, line);
        kin_report_text(f, text);
        any = true;
    }
}

static kin_status put_differences(FILE *f, const kin_outcome *o)
{
    int rows = 0, read = 0;
    while (rows < o->systems && o->system[rows].row >= 0) rows++;
    if (rows < 2) return KIN_OK;
    char **all = calloc((size_t)rows, sizeof *all);
    kin_status status = all ? KIN_OK : kin_fail(KIN_MEMORY, "no memory for settings");
    for (; read < rows && !status; read++) status = list_settings(o, &o->system[read], &all[read]);
    if (!status) {
        begin(f, "In what the runs differ");
        fputs("<th>row</th><th>settings that not all rows have</th></tr>\n", f);
        for (int i = 0; i < rows; i++) {
            fputs("<tr>", f);
            cell(f, "td", o->system[i].label);
            fputs("<td class=\"text\">", f);
            put_own_lines(f, all, rows, i);
            fputs("</td></tr>\n", f);
        }
        end(f);
    }
    for (int i = 0; all && i < rows; i++) free(all[i]);
    free(all);
    return status;
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
            fprintf(f, "<td>%+.4f</td><td>%.2g</td><td>%.2g</td><td>%" PRId64 "</td><td>%" PRId64
                    "</td><td>%" PRId64 "</td></tr>\n", o->pair[i].difference, o->pair[i].p,
                    o->holm[i], o->pair[i].wins, o->pair[i].losses, o->pair[i].ties);
        }
    end(f);
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
    snprintf(text, sizeof text, "%d thread%s a run; seeds as the caption says; run again with: kin "
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
    KIN_TRY(put_differences(f, o));
    put_comparisons(f, o);
    KIN_TRY(kin_report_examples(f, o));
    put_failures(f, o->cells);
    return put_environment(f, o);
}
