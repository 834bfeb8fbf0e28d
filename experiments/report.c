/* The page: its head, its tables. */
#include "experiments/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"

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
    "td.text { white-space: normal; min-width: 14rem; }\n"
    "figure { margin: 1.5rem 0; background: #fff; color: #000; padding: .5rem; }\n"
    "figure div { overflow-x: auto; } figcaption { font-size: .9rem; }\n"
    "figure svg { display: block; width: 100%; min-width: 36rem; height: auto; }\n"
    "@media screen and (prefers-color-scheme: dark) {\n"
    "  figure { filter: invert(.9) hue-rotate(180deg); } }\n"
    "@media print { body { max-width: none; } figure, tr { break-inside: avoid; }\n"
    "  figure svg { min-width: 0; } th, td { white-space: normal; } }\n"
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

void kin_report_cell(FILE *f, const char *tag, const char *text)
{
    fprintf(f, "<%s>", tag);
    kin_report_text(f, text);
    fprintf(f, "</%s>", tag);
}

void kin_report_table(FILE *f, const char *title)
{
    if (title) fprintf(f, "<h2>%s</h2>\n", title);
    fputs("<div class=\"wide\"><table>\n<tr>", f);
}

void kin_report_table_end(FILE *f) { fputs("</table></div>\n", f); }

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
    kin_report_cell(f, "td", s->label);
    put_measure(f, s, 0);
    kin_report_cell(f, "td", s->letters.text);
    for (int c = 1; c < p->columns; c++) put_measure(f, s, c);
    fprintf(f, "<td>%d</td>", s->seeds);
    if (kin_ablation_tunes(p)) {
        snprintf(text, sizeof text, "%d", s->row < 0 ? 0 : p->row[s->row].settings);
        kin_report_cell(f, "td", s->row < 0 ? "\xE2\x80\x93" : text);
        kin_outcome_chosen(o, s, text, sizeof text);
        kin_report_cell(f, "td", *text ? text : "\xE2\x80\x93");
    }
    fputs("</tr>\n", f);
}

static void put_main(FILE *f, const kin_outcome *o)
{
    const kin_ablation *p = o->cells->plan;
    kin_report_table(f, NULL);
    kin_report_cell(f, "th", "row");
    kin_report_cell(f, "th", p->column[0]);
    fputs("<th>95 % interval</th><th>group</th>", f);
    for (int c = 1; c < p->columns; c++) kin_report_cell(f, "th", p->column[c]);
    fprintf(f, "<th>seeds</th>%s</tr>\n",
            kin_ablation_tunes(p) ? "<th>tried</th><th>chosen</th>" : "");
    for (int i = 0; i < o->systems; i++) put_main_row(f, o, &o->system[i]);
    kin_report_table_end(f);
    for (const char *line = o->caption; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        char *text = strndup(line, strcspn(line, "\n"));
        kin_report_cell(f, "p", text ? text : "");
        fputc('\n', f);
        free(text);
    }
}

/* ---- the page -------------------------------------------------------------------------------- */

static kin_status put_page(FILE *f, const kin_outcome *o)
{
    fputs(head, f);
    kin_report_cell(f, "title", o->cells->plan->name);
    fputs("\n</head>\n<body>\n", f);
    kin_report_cell(f, "h1", o->cells->plan->name);
    put_main(f, o);
    KIN_TRY(kin_report_pictures(f, o));
    KIN_TRY(kin_report_tables(f, o));
    kin_report_measures(f, o);
    fputs("<p>results.json beside this page has all of it as numbers.</p>\n</body>\n</html>\n", f);
    return KIN_OK;
}

kin_status kin_report_save(const kin_outcome *o, const char *path)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    KIN_REQUIRE(f, KIN_MEMORY, "%s: no memory", path);
    kin_status status = put_page(f, o);
    if (fclose(f) && !status) status = kin_fail(KIN_MEMORY, "%s: no memory", path);
    if (!status) status = kin_file_write(path, text, size);
    free(text);
    return status;
}
