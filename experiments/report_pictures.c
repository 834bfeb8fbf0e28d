/* Pictures of scores: intervals, training curves, what a setting does, time. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/child.h"
#include "experiments/draw.h"
#include "experiments/report.h"
#include "experiments/series.h"

/* ---- intervals ------------------------------------------------------------------------------- */

static void put_labels(FILE *f, const kin_outcome *o)
{
    for (int i = 0; i < o->systems; i++) {
        fputs(i ? ", " : "", f);
        kin_draw_quoted(f, o->system[i].label);
        fprintf(f, " %d", i);
    }
}

static kin_status draw_intervals(FILE *page, const kin_outcome *o)
{
    kin_drawing d;
    KIN_TRY(kin_draw_begin(&d, o, "intervals", 90 + 26 * o->systems));
    FILE *f = d.commands;
    fprintf(f, "set xlabel \"%s\"\nset yrange [%d.5:-0.5]\nunset key\nset ytics (",
            o->cells->plan->measure, o->systems - 1);
    put_labels(f, o);
    fputs(")\n$rows << END\n", f);
    for (int i = 0; i < o->systems; i++)
        fprintf(f, "%.9g %d %.9g %.9g\n", o->system[i].spread[0].mean, i,
                o->system[i].interval[0].low, o->system[i].interval[0].high);
    fputs("END\n$seeds << END\n", f);
    for (int i = 0; i < o->systems; i++)
        for (int k = 0; k < o->system[i].seeds; k++)
            fprintf(f, "%.9g %d\n", o->system[i].mean[k], i);
    fputs("END\nplot $rows using 1:2:3:4 with xerrorbars pt 7 ps 0.9 lw 2 lc rgb \"#1f5fa8\", "
          "$seeds using 1:2 with points pt 6 ps 0.6 lc rgb \"#c05020\"\n", f);
    char caption[160];
    snprintf(caption, sizeof caption, "Mean with its 95 %% interval over seeds and %s; small "
             "circles are single seeds.", kin_ablation_unit(o->cells->plan));
    return kin_draw_end(&d, page, caption);
}

/* ---- curves ---------------------------------------------------------------------------------- */

/* "val/map" stands in metrics.jsonl with its depth. */
static void name_in_log(const kin_ablation *p, char name[64])
{
    const bool cut = p->goal == KIN_GOAL_RANKING && !strcmp(p->measure, kin_measure_names[KIN_MAP]);
    snprintf(name, 64, "val/%s%s", p->measure, cut ? "@100" : "");
}

/* "step mean lowest highest" of a row. */
static kin_status put_curve(FILE *f, const kin_outcome *o, int place, const char *name, int *points)
{
    kin_series s;
    double *low, *high;
    KIN_TRY(kin_series_of_row(&s, o->cells, o->system[place].row, &name, 1, &low, &high));
    fprintf(f, "$row%d << END\n", place);
    for (int i = 0; i < s.count; i++)
        fprintf(f, "%.9g %.9g %.9g %.9g\n", s.step[i], s.value[0][i], low[i], high[i]);
    fputs("END\n", f);
    *points += s.count;
    kin_series_free(&s);
    free(low);
    free(high);
    return KIN_OK;
}

static void plot_curves(FILE *f, const kin_outcome *o, const int *place, int rows)
{
    fputs("plot ", f);
    for (int i = 0; i < rows; i++)
        fprintf(f, "%s$row%d using 1:3:4 with filledcurves fs transparent solid 0.2 noborder "
                "lc rgb \"%s\" notitle", i ? ", \\\n" : "", place[i], kin_draw_colour(i));
    for (int i = 0; i < rows; i++) {
        fprintf(f, ", \\\n$row%d using 1:2 with linespoints pt 7 ps 0.4 lw 2 lc rgb \"%s\" title ",
                place[i], kin_draw_colour(i));
        kin_draw_quoted(f, o->system[place[i]].label);
    }
    fputc('\n', f);
}

static kin_status draw_curves(FILE *page, const kin_outcome *o)
{
    kin_drawing d;
    char name[64];
    int place[KIN_DRAWN], points = 0;
    const int rows = kin_draw_rows(o, place);
    kin_status status = KIN_OK;
    KIN_TRY(kin_draw_begin(&d, o, "curves", 420));
    d.rows = rows;
    name_in_log(o->cells->plan, name);
    fprintf(d.commands, "set xlabel \"step\"\nset ylabel \"validation %s\"\n"
            "set key outside right\n", o->cells->plan->measure);
    for (int i = 0; i < rows && !status; i++)
        status = put_curve(d.commands, o, place[i], name, &points);
    plot_curves(d.commands, o, place, rows);
    if (!status && points)
        return kin_draw_end(&d, page, "Validation scores during training: mean over seeds, and a "
                            "band from the lowest to the highest of them.");
    kin_draw_drop(&d);
    return status;
}

/* ---- quality against time -------------------------------------------------------------------- */

static kin_status draw_time(FILE *page, const kin_outcome *o)
{
    kin_drawing d;
    kin_status status = KIN_OK;
    KIN_TRY(kin_draw_begin(&d, o, "seconds", 420));
    FILE *f = d.commands;
    fprintf(f, "set xlabel \"seconds of training\"\nset ylabel \"%s\"\nunset key\n"
            "set xrange [0:*]\n$rows << END\n", o->cells->plan->measure);
    for (int i = 0; i < o->systems && !status; i++) {
        const kin_system *s = &o->system[i];
        kin_spent spent;
        if (s->row < 0) continue;
        status = kin_outcome_spent(o, s, &spent);
        if (status || spent.seconds <= 0) continue;
        fprintf(f, "%.9g %.9g %.9g %.9g ", spent.seconds, s->spread[0].mean, s->interval[0].low,
                s->interval[0].high);
        kin_draw_quoted(f, s->label);
        fputc('\n', f);
    }
    fputs("END\nset offsets 0, graph 0.25, graph 0.05, graph 0.05\n"
          "plot $rows using 1:2:3:4 with yerrorbars pt 7 ps 0.7 lw 1.5 lc rgb \"#1f5fa8\", "
          "$rows using 1:2:5 with labels left offset 0.8,0.4 font \",11\"\n", f);
    if (!status)
        return kin_draw_end(&d, page, "Quality against the wall time of training, mean over seeds. "
                            "Runs that shared the machine with others took longer than alone.");
    kin_draw_drop(&d);
    return status;
}

kin_status kin_report_pictures(FILE *page, const kin_outcome *o)
{
    if (!o->systems) return KIN_OK;
    kin_child_block();
    KIN_TRY(draw_intervals(page, o));
    KIN_TRY(kin_report_sweep(page, o));
    KIN_TRY(draw_curves(page, o));
    if (o->cells->plan->rows > 1) KIN_TRY(draw_time(page, o));
    return kin_report_geometry(page, o);
}
