/* The page: its head, its tables. */
#include "experiments/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "train/run_folder.h"

static const char head[] =
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>\n"
    ":root { color-scheme: light dark; }\n"
    "body { font: 16px/1.5 sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }\n"
    "h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }\n"
    "div.wide { overflow-x: auto; }\n"
    "table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }\n"
    "th, td { padding: .25rem .6rem; text-align: left; border-bottom: 1px solid #8884;\n"
    "         white-space: nowrap; }\n"
    "tr.baseline td { font-style: italic; }\n"
    "figure { margin: 1rem 0; background: #fff; color: #000; padding: .5rem; overflow-x: auto; }\n"
    "figure svg { max-width: 100%; height: auto; } figcaption { font-size: .9rem; }\n"
    "@media print { body { max-width: none; } figure, tr { break-inside: avoid; } }\n"
    "</style>\n";

void kin_report_text(FILE *f, const char *text)
{
    for (; *text; text++) {
        if (*text == '<') fputs("&lt;", f);
        else if (*text == '>') fputs("&gt;", f);
        else if (*text == '&') fputs("&amp;", f);
        else if (*text == '"') fputs("&quot;", f);
        else fputc(*text, f);
    }
}

static void cell(FILE *f, const char *tag, const char *text)
{
    fprintf(f, "<%s>", tag);
    kin_report_text(f, text);
    fprintf(f, "</%s>", tag);
}

static void begin_table(FILE *f, const char *title)
{
    if (title) fprintf(f, "<h2>%s</h2>\n", title);
    fputs("<div class=\"wide\"><table>\n<tr>", f);
}

static void end_table(FILE *f) { fputs("</table></div>\n", f); }

/* ---- the main table -------------------------------------------------------------------------- */

static void put_measure(FILE *f, const kin_system *s, int c)
{
    const bool bold = c == 0 && s->best;
    fprintf(f, "<td>%s%.4f%s", bold ? "<b>" : "", s->spread[c].mean, bold ? "</b>" : "");
    if (s->seeds > 1) fprintf(f, " \xC2\xB1 %.4f", s->spread[c].deviation);
    if (c == 0) fprintf(f, "</td><td>[%.4f, %.4f]", s->interval[0].low, s->interval[0].high);
    fputs("</td>", f);
}

static void put_main_row(FILE *f, const kin_outcome *o, const kin_system *s)
{
    const kin_ablation *p = o->cells->plan;
    char text[1024];
    fputs(s->row < 0 ? "<tr class=\"baseline\">" : "<tr>", f);
    cell(f, "td", s->label);
    put_measure(f, s, 0);
    cell(f, "td", s->letters.text);
    for (int c = 1; c < p->columns; c++) put_measure(f, s, c);
    fprintf(f, "<td>%d</td>", s->seeds);
    if (kin_ablation_tunes(p)) {
        snprintf(text, sizeof text, "%d", s->row < 0 ? 0 : p->row[s->row].settings);
        cell(f, "td", s->row < 0 ? "\xE2\x80\x93" : text);
        kin_outcome_chosen(o, s, text, sizeof text);
        cell(f, "td", *text ? text : "\xE2\x80\x93");
    }
    fputs("</tr>\n", f);
}

static void put_main(FILE *f, const kin_outcome *o, const char *caption)
{
    const kin_ablation *p = o->cells->plan;
    begin_table(f, NULL);
    cell(f, "th", "row");
    cell(f, "th", kin_every_measure[p->column[0]]);
    fputs("<th>95 % interval</th><th>group</th>", f);
    for (int c = 1; c < p->columns; c++) cell(f, "th", kin_every_measure[p->column[c]]);
    fprintf(f, "<th>seeds</th>%s</tr>\n",
            kin_ablation_tunes(p) ? "<th>tried</th><th>chosen</th>" : "");
    for (int i = 0; i < o->systems; i++) put_main_row(f, o, &o->system[i]);
    end_table(f);
    fputs("<p>", f);
    kin_report_text(f, caption);
    fputs("</p>\n", f);
}

/* ---- what every row was given ---------------------------------------------------------------- */

/* Means over the seeds of the chosen setting. */
static kin_status put_budget_row(FILE *f, const kin_outcome *o, const kin_system *s)
{
    const kin_cells *c = o->cells;
    double steps = 0, pairs = 0, seconds = 0, peak = 0;
    int n = 0;
    for (int i = c->first[s->row]; i < c->first[s->row + 1]; i++) {
        char path[KIN_PATH_MAX];
        kin_run_facts facts = { .step = 0 };
        if (!kin_cell_chosen(c, &c->cell[i]) || !c->cell[i].trained) continue;
        KIN_TRY(kin_cell_path(&c->cell[i], "/run.json", path));
        KIN_TRY(kin_run_facts_load(&facts, path));
        steps += (double)facts.step, pairs += (double)facts.pairs;
        seconds += facts.train_seconds, peak += facts.peak_mb;
        n++;
    }
    if (!n) return KIN_OK;
    fputs("<tr>", f);
    cell(f, "td", s->label);
    fprintf(f, "<td>%.0f</td><td>%.0f</td><td>%.1f</td><td>%.0f</td><td>%.0f</td></tr>\n",
            steps / n, pairs / n, seconds / n, pairs / seconds, peak / n);
    return KIN_OK;
}

static kin_status put_budget(FILE *f, const kin_outcome *o)
{
    begin_table(f, "What each row was given");
    fputs("<th>row</th><th>steps</th><th>pairs</th><th>seconds</th><th>pairs a second</th>"
          "<th>peak MB</th></tr>\n", f);
    kin_status status = KIN_OK;
    for (int i = 0; i < o->systems && !status; i++)
        if (o->system[i].row >= 0) status = put_budget_row(f, o, &o->system[i]);
    end_table(f);
    return status;
}

/* ---- settings, comparisons, failures --------------------------------------------------------- */

static void put_tries(FILE *f, const kin_outcome *o)
{
    const kin_cells *c = o->cells;
    if (!kin_ablation_tunes(c->plan)) return;
    begin_table(f, "Settings tried, on the validation queries");
    fprintf(f, "<th>run</th><th>%s</th><th></th></tr>\n", kin_every_measure[c->plan->measure]);
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
    end_table(f);
}

static void put_comparisons(FILE *f, const kin_outcome *o)
{
    if (!o->pairs) return;
    begin_table(f, "Row against row");
    fputs("<th>row</th><th>against</th><th>difference</th><th>p</th><th>p, Holm</th><th>better on"
          "</th><th>worse on</th><th>equal on</th></tr>\n", f);
    for (int a = 0, i = 0; a < o->systems; a++)
        for (int b = a + 1; b < o->systems; b++, i++) {
            fputs("<tr>", f);
            cell(f, "td", o->system[a].label);
            cell(f, "td", o->system[b].label);
            fprintf(f, "<td>%+.4f</td><td>%.2g</td><td>%.2g</td><td>%" PRId64 "</td><td>%" PRId64
                    "</td><td>%" PRId64 "</td></tr>\n", o->pair[i].difference, o->pair[i].p,
                    o->holm[i], o->pair[i].wins, o->pair[i].losses, o->pair[i].ties);
        }
    end_table(f);
}

static void put_failures(FILE *f, const kin_cells *c)
{
    int failed;
    kin_cells_done(c, &failed);
    if (!failed) return;
    begin_table(f, "Failed runs");
    fputs("<th>run</th><th>exit code</th><th>last sentence</th></tr>\n", f);
    for (int i = 0; i < c->count; i++) {
        if (!c->cell[i].failed) continue;
        fputs("<tr>", f);
        cell(f, "td", c->cell[i].folder + strlen(c->plan->folder) + strlen("/runs/"));
        fprintf(f, "<td>%d</td>", c->cell[i].code);
        cell(f, "td", c->cell[i].reason);
        fputs("</tr>\n", f);
    }
    end_table(f);
}

/* ---- the page -------------------------------------------------------------------------------- */

static kin_status put_page(FILE *f, const kin_outcome *o, const char *caption)
{
    fputs(head, f);
    cell(f, "title", o->cells->plan->name);
    fputs("\n</head>\n<body>\n", f);
    cell(f, "h1", o->cells->plan->name);
    put_main(f, o, caption);
    KIN_TRY(kin_report_pictures(f, o));
    KIN_TRY(put_budget(f, o));
    put_tries(f, o);
    put_comparisons(f, o);
    put_failures(f, o->cells);
    fputs("<p>results.json beside this page has all of it, with the machine and the data.</p>\n"
          "</body>\n</html>\n", f);
    return KIN_OK;
}

kin_status kin_report_save(const kin_outcome *o, const char *path)
{
    char *text = NULL, *caption = kin_outcome_caption(o);
    size_t size;
    FILE *f = caption ? open_memstream(&text, &size) : NULL;
    if (!f) {
        free(caption);
        return kin_fail(KIN_MEMORY, "%s: no memory", path);
    }
    kin_status status = put_page(f, o, caption);
    free(caption);
    if (fclose(f) && !status) status = kin_fail(KIN_MEMORY, "%s: no memory", path);
    if (!status) status = kin_file_write(path, text, size);
    free(text);
    return status;
}
