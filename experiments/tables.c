/* The table as CSV, Markdown and LaTeX, and the times. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "experiments/outcome.h"
#include "train/run_folder.h"

enum { CELL = 1024 };

static kin_status finish(FILE *f, char **text, size_t *size, const char *path)
{
    const bool whole = !fclose(f);
    kin_status status = whole ? kin_file_write(path, *text, *size)
                              : kin_fail(KIN_MEMORY, "%s: no memory", path);
    free(*text);
    return status;
}

/* The row's value of an axis, or what a baseline has there. */
static const char *value_of(const kin_outcome *o, const kin_system *s, int axis, int tie,
                            bool first)
{
    const kin_axis *a = &o->cells->plan->axis[axis];
    if (s->row < 0) return first ? s->label : "";
    return a->value[o->cells->plan->row[s->row].value[axis] * a->ties + tie];
}

/* The cells that name a row: its values, or its label when nothing varies. */
static int name_cells(const kin_outcome *o, const kin_system *s, char cell[][CELL])
{
    const kin_ablation *p = o->cells->plan;
    int n = 0;
    for (int i = 0; i < p->axes; i++)
        for (int t = 0; p->axis[i].kind == KIN_AXIS_ROWS && t < p->axis[i].ties; t++, n++)
            snprintf(cell[n], CELL, "%s", value_of(o, s, i, t, n == 0));
    if (!n) snprintf(cell[n++], CELL, "%s", s->label);
    return n;
}

static int name_headings(const kin_outcome *o, char cell[][CELL])
{
    const kin_ablation *p = o->cells->plan;
    char text[96];
    int n = 0;
    for (int i = 0; i < p->axes; i++)
        for (int t = 0; p->axis[i].kind == KIN_AXIS_ROWS && t < p->axis[i].ties; t++, n++)
            snprintf(cell[n], CELL, "%s", kin_outcome_heading(p->axis[i].key[t], text));
    if (!n) snprintf(cell[n++], CELL, "system");
    return n;
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static void put_csv(FILE *f, const char *text)
{
    if (!strpbrk(text, ",\"\n")) {
        fputs(text, f);
        return;
    }
    fputc('"', f);
    for (; *text; text++) fprintf(f, *text == '"' ? "\"\"" : "%c", *text);
    fputc('"', f);
}

enum { NAMES_MAX = KIN_AXES_MAX * KIN_TIED_MAX + 1 };

/* Cells of names with a comma behind each. The array is large, so it is not on the stack. */
static kin_status put_names(FILE *f, const kin_outcome *o, const kin_system *s)
{
    char (*cell)[CELL] = malloc(sizeof(char[CELL]) * NAMES_MAX);
    KIN_REQUIRE(cell, KIN_MEMORY, "no memory for a table");
    const int n = s ? name_cells(o, s, cell) : name_headings(o, cell);
    for (int i = 0; i < n; i++) {
        put_csv(f, cell[i]);
        fputc(',', f);
    }
    free(cell);
    return KIN_OK;
}

static kin_status put_csv_row(FILE *f, const kin_outcome *o, const kin_system *s)
{
    const kin_ablation *p = o->cells->plan;
    char chosen[CELL];
    KIN_TRY(put_names(f, o, s));
    kin_outcome_chosen(o, s, chosen, sizeof chosen);
    put_csv(f, chosen);
    fprintf(f, ",%d,%d,%s", s->row < 0 ? 0 : p->row[s->row].settings, s->seeds, s->letters.text);
    for (int c = 0; c < p->columns; c++)
        fprintf(f, ",%.6f,%.6f,%.6f,%.6f,%.6f", s->spread[c].mean, s->spread[c].deviation,
                s->spread[c].middle, s->interval[c].low, s->interval[c].high);
    fputc('\n', f);
    return KIN_OK;
}

kin_status kin_outcome_save_csv(const kin_outcome *o, const char *path)
{
    const kin_ablation *p = o->cells->plan;
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    KIN_REQUIRE(f, KIN_MEMORY, "%s: no memory", path);
    kin_status status = put_names(f, o, NULL);
    fprintf(f, "chosen,tried,seeds,letters");
    for (int c = 0; c < p->columns; c++) {
        const char *m = p->column[c];
        fprintf(f, ",%s,%s deviation,%s interquartile mean,%s low,%s high", m, m, m, m, m);
    }
    fputc('\n', f);
    for (int i = 0; i < o->systems && !status; i++) status = put_csv_row(f, o, &o->system[i]);
    const kin_status saved = finish(f, &text, &size, path);
    return status ? status : saved;
}

/* ---- Markdown and LaTeX ---------------------------------------------------------------------- */

/* How a table is written. */
typedef struct {
    const char *begin, *between, *end, *rule;
    const char *bold, *bold_end, *deviation, *none;
    void (*put)(FILE *, const char *);
} style;

static void put_markdown(FILE *f, const char *text)
{
    for (; *text; text++) fprintf(f, *text == '|' ? "\\|" : "%c", *text);
}

static void put_tex(FILE *f, const char *text)
{
    for (; *text; text++) {
        if (!strncmp(text, "\xC2\xB1", 2)) {
            fputs("$\\pm$", f);
            text++;
        } else if (strchr("_%&#${}", *text)) {
            fprintf(f, "\\%c", *text);
        } else if (strchr("\\^~", *text)) {
            fprintf(f, "{\\char%d}", *text);
        } else {
            fputc(*text, f);
        }
    }
}

static const style markdown = { "| ", " | ", " |\n", "", "**", "**", " \xC2\xB1 ", "\xE2\x80\x93",
                                put_markdown };
static const style latex = { "", " & ", " \\\\\n", "\\hline\n", "\\textbf{", "}", " $\\pm$ ", "--",
                             put_tex };

static kin_status put_row_names(FILE *f, const style *y, const kin_outcome *o, const kin_system *s,
                                int *columns)
{
    char (*cell)[CELL] = malloc(sizeof(char[CELL]) * NAMES_MAX);
    KIN_REQUIRE(cell, KIN_MEMORY, "no memory for a table");
    *columns = s ? name_cells(o, s, cell) : name_headings(o, cell);
    for (int i = 0; i < *columns; i++) {
        y->put(f, cell[i]);
        fputs(y->between, f);
    }
    free(cell);
    return KIN_OK;
}

static void put_measure(FILE *f, const style *y, const kin_system *s, int c)
{
    fprintf(f, "%s%.4f%s", c == 0 && s->best ? y->bold : "", s->spread[c].mean,
            c == 0 && s->best ? y->bold_end : "");
    if (s->seeds > 1) fprintf(f, "%s%.4f", y->deviation, s->spread[c].deviation);
}

static kin_status put_row(FILE *f, const style *y, const kin_outcome *o, const kin_system *s)
{
    const kin_ablation *p = o->cells->plan;
    char chosen[CELL];
    int columns;
    fputs(y->begin, f);
    KIN_TRY(put_row_names(f, y, o, s, &columns));
    put_measure(f, y, s, 0);
    fprintf(f, " [%.4f, %.4f]%s%s", s->interval[0].low, s->interval[0].high, y->between,
            s->letters.text);
    for (int c = 1; c < p->columns; c++) {
        fputs(y->between, f);
        put_measure(f, y, s, c);
    }
    fprintf(f, "%s%d", y->between, s->seeds);
    if (kin_ablation_tunes(p)) {
        kin_outcome_chosen(o, s, chosen, sizeof chosen);
        fputs(y->between, f);
        if (s->row < 0) fputs(y->none, f);
        else fprintf(f, "%d", p->row[s->row].settings);
        fputs(y->between, f);
        y->put(f, *chosen ? chosen : y == &latex ? "--" : y->none);
    }
    fputs(y->end, f);
    return KIN_OK;
}

static kin_status put_heading(FILE *f, const style *y, const kin_outcome *o, int *names)
{
    const kin_ablation *p = o->cells->plan;
    fputs(y->begin, f);
    KIN_TRY(put_row_names(f, y, o, NULL, names));
    for (int c = 0; c < p->columns; c++) {
        y->put(f, p->column[c]);
        fprintf(f, "%s%s", y->between, c ? "" : "group");
        if (!c) fputs(y->between, f);
    }
    fprintf(f, "seeds");
    if (kin_ablation_tunes(p)) fprintf(f, "%stried%schosen", y->between, y->between);
    fputs(y->end, f);
    return KIN_OK;
}

/* Rows, a rule, baselines. */
static kin_status put_rows(FILE *f, const style *y, const kin_outcome *o)
{
    bool ruled = false;
    for (int i = 0; i < o->systems; i++) {
        if (o->system[i].row < 0 && !ruled) fputs(y->rule, f);
        ruled |= o->system[i].row < 0;
        KIN_TRY(put_row(f, y, o, &o->system[i]));
    }
    return KIN_OK;
}

/* Markdown's second table. */
static void put_geometry(FILE *f, const kin_outcome *o)
{
    fputs("\nGeometry of the embeddings, mean over seeds:\n\n| row |", f);
    for (int i = 0; i < KIN_SHAPES; i++) fprintf(f, " %s |", kin_shape_names[i].title);
    fputs("\n|---|", f);
    for (int i = 0; i < KIN_SHAPES; i++) fputs("---|", f);
    for (int k = 0; k < o->systems; k++) {
        if (o->system[k].row < 0) continue;
        fputs("\n| ", f);
        put_markdown(f, o->system[k].label);
        for (int i = 0; i < KIN_SHAPES; i++) fprintf(f, " | %.4g", o->system[k].shape[i].mean);
        fputs(" |", f);
    }
    fputc('\n', f);
    for (int i = 0; i < KIN_RELATIONS && o->related; i++)
        fprintf(f, "%s%s %.2f [%.2f, %.2f]%s", i ? "; " : "\nSpearman's correlation of the measure "
                "over rows (95 % bootstrap interval) with ", kin_shape_names[i].title,
                o->relation[i].value, o->relation[i].interval.low, o->relation[i].interval.high,
                i + 1 < KIN_RELATIONS ? "" : ".\n");
}

static void put_failures(FILE *f, const kin_outcome *o)
{
    const kin_cells *c = o->cells;
    bool any = false;
    for (int i = 0; i < c->count; i++) {
        if (!c->cell[i].failed) continue;
        if (!any) fprintf(f, "\nFailed runs:\n\n");
        any = true;
        fprintf(f, "- %s, exit code %d: ", c->cell[i].folder + strlen(c->plan->folder) + 6,
                c->cell[i].code);
        put_markdown(f, c->cell[i].reason);
        fputc('\n', f);
    }
    for (int i = 0; i < c->plan->left_out_count; i++)
        fprintf(f, "%s- %s\n", i ? "" : "\nLeft out of *:\n\n", c->plan->left_out[i]);
}

kin_status kin_outcome_save_markdown(const kin_outcome *o, const char *path)
{
    const kin_ablation *p = o->cells->plan;
    char *text = NULL;
    size_t size;
    int names = 0;
    FILE *f = open_memstream(&text, &size);
    KIN_REQUIRE(f, KIN_MEMORY, "%s: no memory", path);
    kin_status status = put_heading(f, &markdown, o, &names);
    const int columns = names + p->columns + 2 + (kin_ablation_tunes(p) ? 2 : 0);
    fputc('|', f);
    for (int i = 0; i < columns; i++) fputs("---|", f);
    fputc('\n', f);
    if (!status) status = put_rows(f, &markdown, o);
    fprintf(f, "\n%s\n", o->caption);
    put_geometry(f, o);
    put_failures(f, o);
    const kin_status saved = finish(f, &text, &size, path);
    return status ? status : saved;
}

kin_status kin_outcome_save_tex(const kin_outcome *o, const char *path)
{
    const kin_ablation *p = o->cells->plan;
    char *text = NULL, columns[NAMES_MAX + 40];
    size_t size;
    int names = 0;
    FILE *f = open_memstream(&text, &size);
    KIN_REQUIRE(f, KIN_MEMORY, "%s: no memory", path);
    for (int i = 0; i < p->axes; i++)
        if (p->axis[i].kind == KIN_AXIS_ROWS) names += p->axis[i].ties;
    memset(columns, 'l', sizeof columns);
    columns[(names ? names : 1) + p->columns + 2 + (kin_ablation_tunes(p) ? 2 : 0)] = 0;
    fprintf(f, "\\begin{table}\n\\centering\n\\begin{tabular}{%s}\n\\hline\n", columns);
    kin_status status = put_heading(f, &latex, o, &names);
    fputs(latex.rule, f);
    if (!status) status = put_rows(f, &latex, o);
    fprintf(f, "\\hline\n\\end{tabular}\n\\caption{");
    put_tex(f, o->caption);
    fprintf(f, "}\n\\end{table}\n");
    const kin_status saved = finish(f, &text, &size, path);
    return status ? status : saved;
}

/* ---- times ----------------------------------------------------------------------------------- */

/* The one file that two calls of the same plan may write differently. */
kin_status kin_outcome_save_times(const kin_outcome *o, const char *path)
{
    const kin_cells *c = o->cells;
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    KIN_REQUIRE(f, KIN_MEMORY, "%s: no memory", path);
    fprintf(f, "run,step,pairs,seconds,pairs a second,peak MB\n");
    kin_status status = KIN_OK;
    for (int i = 0; i < c->count && !status; i++) {
        kin_run_facts facts;
        if (!c->cell[i].trained) continue;
        status = kin_cell_facts(&c->cell[i], &facts);
        put_csv(f, c->cell[i].folder + strlen(c->plan->folder) + 6);
        fprintf(f, ",%" PRId64 ",%" PRId64 ",%.3f,%.0f,%.0f\n", facts.step, facts.pairs,
                facts.train_seconds, (double)facts.pairs / facts.train_seconds, facts.peak_mb);
    }
    const kin_status saved = finish(f, &text, &size, path);
    return status ? status : saved;
}
