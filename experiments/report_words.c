/* What the report says of settings and measures. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/report.h"

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
        else if (*line && *line != '#') fprintf(f, "%s.%s\n", section, line);
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

/* Of a file its name, wherever it lies here. */
static void put_setting(FILE *f, const char *line, size_t size)
{
    char text[KIN_PATH_MAX + 100];
    snprintf(text, sizeof text, "%.*s", (int)size, line);
    char *value = strstr(text, " = "), *slash = strrchr(text, '/');
    if (value && slash > value) memmove(value + 3, slash + 1, strlen(slash));
    kin_report_text(f, text);
}

/* What the runner says of each run, in place of the run file. */
static bool is_runners(const char *line)
{
    static const char *const keys[] = { "run.", "eval.final ", "eval.baselines " };
    bool any = false;
    for (int i = 0; i < 3; i++) any |= !strncmp(line, keys[i], strlen(keys[i]));
    return any;
}

/* The lines of one that all have, or those that some other lacks. */
static void put_lines(FILE *f, char *const *all, int rows, int of, bool shared)
{
    bool any = false;
    for (const char *line = all[of]; *line; line += strcspn(line, "\n") + 1) {
        const size_t size = strcspn(line, "\n");
        int in = 0;
        while (in < rows && has_line(all[in], line, size)) in++;
        if ((in == rows) != shared || is_runners(line)) continue;
        fputs(any ? ", " : "", f);
        put_setting(f, line, size);
        any = true;
    }
}

static void put_shared(FILE *f, char *const *all, int rows)
{
    fputs("<h2>What all runs share</h2>\n<p>", f);
    put_lines(f, all, rows, 0, true);
    fputs("</p>\n", f);
}

static void put_differences(FILE *f, const kin_outcome *o, char *const *all, int rows)
{
    kin_report_table(f, "In what the runs differ");
    fputs("<th>row</th><th>settings that not all rows have</th></tr>\n", f);
    for (int i = 0; i < rows; i++) {
        fputs("<tr>", f);
        kin_report_cell(f, "td", o->system[i].label);
        fputs("<td class=\"text\">", f);
        put_lines(f, all, rows, i, false);
        fputs("</td></tr>\n", f);
    }
    kin_report_table_end(f);
}

kin_status kin_report_settings(FILE *f, const kin_outcome *o)
{
    const int rows = kin_outcome_rows(o);
    int read = 0;
    if (!rows) return KIN_OK;
    char **all = calloc((size_t)rows, sizeof *all);
    kin_status status = all ? KIN_OK : kin_fail(KIN_MEMORY, "no memory for settings");
    for (; read < rows && !status; read++) status = list_settings(o, &o->system[read], &all[read]);
    if (!status && rows > 1) put_differences(f, o, all, rows);
    if (!status) put_shared(f, all, rows);
    for (int i = 0; all && i < rows; i++) free(all[i]);
    free(all);
    return status;
}

/* ---- measures -------------------------------------------------------------------------------- */

typedef struct { const char *name, *is; } explained;

static const explained measures[] = {
    { "mrr@10", "1 / rank of the first relevant document, 0 below rank 10, mean over queries" },
    { "recall@k", "share of a query's relevant documents among the first k; of items: share whose "
                  "nearest other judged item is of their class" },
    { "ndcg@k", "gains of the grades, discounted by log2(rank + 1), divided by the best possible" },
    { "map", "mean of the precisions at the relevant documents" },
    { "success@k", "share of queries with a relevant document among the first k" },
    { "centroid", "share of items whose class has the nearest mean of training items" },
    { "knn@k", "share of items whose k nearest training items are mostly of their class" },
    { "r_precision", "share of an item's class among the R nearest judged items, R being how many "
                     "others there are" },
    { "map@r", "mean over these R ranks of the precision up to a right one, 0 at a wrong one" },
    { "spearman", "correlation of the ranks of cosines and given scores" },
    { "pearson", "correlation of cosines and given scores" },
    { "alignment", "mean squared distance of matching embeddings" },
    { "uniformity", "log of the mean of exp(-2 squared distance) of random pairs" },
    { "effective rank", "exp of the entropy of the spectrum: how many directions are used" },
    { "untrained", "the same encoder before its first step; bm25, tf-idf and features learn "
                   "nothing" },
};

/* Whether "recall@10" is one of "recall@k". */
static bool covers(const char *name, const char *column)
{
    const size_t size = strlen(name);
    if (!strcmp(name, column)) return true;
    return size > 2 && !strcmp(name + size - 2, "@k") && !strncmp(name, column, size - 1);
}

void kin_report_measures(FILE *f, const kin_outcome *o)
{
    const kin_ablation *p = o->cells->plan;
    const int count = (int)(sizeof measures / sizeof *measures);
    kin_report_table(f, "Words");
    fputs("<th>word</th><th>what it is</th></tr>\n", f);
    for (int i = 0; i < count; i++) {
        bool shown = i >= count - 4;                /* of the geometry, and of baselines */
        for (int c = 0; c < p->columns && !shown; c++)
            shown = covers(measures[i].name, p->column[c]);
        if (!shown) continue;
        fputs("<tr>", f);
        kin_report_cell(f, "td", measures[i].name);
        fputs("<td class=\"text\">", f);
        kin_report_text(f, measures[i].is);
        fputs("</td></tr>\n", f);
    }
    kin_report_table_end(f);
}
