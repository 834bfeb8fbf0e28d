/* Series: see series.h. */
#include "experiments/series.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/file.h"

void kin_series_free(kin_series *s)
{
    free(s->step);
    for (int c = 0; c < KIN_SERIES_NAMES; c++) free(s->value[c]);
    *s = (kin_series){ 0 };
}

static kin_status make_room(kin_series *s, int columns, int lines)
{
    *s = (kin_series){ .columns = columns };
    const size_t bytes = (size_t)(lines + 1) * sizeof(double);
    s->step = malloc(bytes);
    bool fine = s->step != NULL;
    for (int c = 0; c < columns; c++) fine &= (s->value[c] = malloc(bytes)) != NULL;
    if (fine) return KIN_OK;
    kin_series_free(s);
    return kin_fail(KIN_MEMORY, "no memory for %d lines of a log", lines);
}

/* The number behind "NAME": in a line that kin wrote. */
static bool find_number(const char *line, const char *name, double *number)
{
    char quoted[80], *end;
    snprintf(quoted, sizeof quoted, "\"%.70s\":", name);
    const char *at = strstr(line, quoted);
    if (!at) return false;
    *number = strtod(at + strlen(quoted), &end);
    return end != at + strlen(quoted) && isfinite(*number);
}

static void take_line(kin_series *s, const char *line, const char *const *names)
{
    double number[KIN_SERIES_NAMES];
    if (!find_number(line, "step", &s->step[s->count])) return;
    for (int c = 0; c < s->columns; c++)
        if (!find_number(line, names[c], &number[c])) return;
    for (int c = 0; c < s->columns; c++) s->value[c][s->count] = number[c];
    s->count++;
}

kin_status kin_series_read(kin_series *s, const kin_cell *run, const char *const *names,
                           int columns)
{
    char path[KIN_PATH_MAX], *text, *rest = NULL;
    size_t size;
    int lines = 1;
    KIN_TRY(kin_cell_path(run, "/metrics.jsonl", path));
    KIN_TRY(kin_file_read(path, &text, &size));
    for (const char *c = text; (c = strchr(c, '\n')); c++) lines++;
    const kin_status status = make_room(s, columns, lines);
    for (char *line = status ? NULL : strtok_r(text, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest))
        take_line(s, line, names);
    free(text);
    return status;
}

/* ---- over seeds ------------------------------------------------------------------------------ */

static bool same_steps(const kin_series *a, const kin_series *b)
{
    return a->count == b->count
           && !memcmp(a->step, b->step, (size_t)a->count * sizeof *a->step);
}

/* Adds a run's numbers to the sums. */
static void join(kin_series *sum, const kin_series *run, double *low, double *high)
{
    for (int i = 0; i < sum->count; i++) {
        for (int c = 0; c < sum->columns; c++) sum->value[c][i] += run->value[c][i];
        if (low) low[i] = fmin(low[i], run->value[0][i]);
        if (high) high[i] = fmax(high[i], run->value[0][i]);
    }
}

static kin_status copy_ends(const kin_series *s, double **low, double **high)
{
    double **const end[] = { low, high };
    for (int e = 0; e < 2; e++) {
        if (!end[e]) continue;
        *end[e] = malloc((size_t)(s->count + 1) * sizeof(double));
        KIN_REQUIRE(*end[e], KIN_MEMORY, "no memory for %d lines of a log", s->count);
        memcpy(*end[e], s->value[0], (size_t)s->count * sizeof(double));
    }
    return KIN_OK;
}

static kin_status add_run(kin_series *sum, int *runs, const kin_cell *cell,
                          const char *const *names, int columns, double **low, double **high)
{
    kin_series run;
    KIN_TRY(kin_series_read(&run, cell, names, columns));
    if (!run.count || (*runs && !same_steps(sum, &run))) {
        kin_series_free(&run);
        return KIN_OK;
    }
    if (!(*runs)++) {
        *sum = run;
        return copy_ends(sum, low, high);
    }
    join(sum, &run, low ? *low : NULL, high ? *high : NULL);
    kin_series_free(&run);
    return KIN_OK;
}

kin_status kin_series_of_row(kin_series *s, const kin_cells *c, int row, const char *const *names,
                             int columns, double **low, double **high)
{
    int runs = 0;
    kin_status status = KIN_OK;
    *s = (kin_series){ 0 };
    if (low) *low = NULL;
    if (high) *high = NULL;
    for (int i = c->first[row]; i < c->first[row + 1] && !status; i++)
        if (kin_cell_chosen(c, &c->cell[i]) && c->cell[i].trained)
            status = add_run(s, &runs, &c->cell[i], names, columns, low, high);
    for (int k = 0; k < s->columns && !status; k++)
        for (int i = 0; i < s->count; i++) s->value[k][i] /= runs;
    if (!status) return KIN_OK;
    kin_series_free(s);
    if (low) free(*low), *low = NULL;
    if (high) free(*high), *high = NULL;
    return status;
}
