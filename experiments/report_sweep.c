/* A picture of what a number does: the measure, and the geometry below it, against a key that the
 * rows give several numbers. Rows that differ in other keys too are other lines. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "experiments/draw.h"
#include "experiments/report.h"

enum { LINES = 10, LEAST = 3, LABEL = 200 };

typedef struct { double x; int line; const kin_system *system; } point;

typedef struct {
    const kin_outcome *outcome;
    int axis, tie;                     /* the key */
    int points;
    point *point;                      /* in order of line, then x */
    int lines;
    char label[LINES][LABEL];
} sweep;

/* ---- finding it ------------------------------------------------------------------------------ */

/* The value that a row gives a key, when it is a number. */
static bool number_of(const kin_outcome *o, const kin_system *s, int axis, int tie, double *x)
{
    const kin_axis *a = &o->cells->plan->axis[axis];
    if (s->row < 0) return false;
    const char *text = a->value[o->cells->plan->row[s->row].value[axis] * a->ties + tie];
    char *end;
    *x = strtod(text, &end);
    return end != text && !*end && isfinite(*x);
}

static int count_numbers(const kin_outcome *o, int axis, int tie)
{
    int n = 0;
    for (int i = 0; i < o->systems; i++) {
        double x, y;
        bool fresh = number_of(o, &o->system[i], axis, tie, &x);
        for (int k = 0; k < i && fresh; k++)
            fresh = !number_of(o, &o->system[k], axis, tie, &y) || x < y || x > y;
        n += fresh;
    }
    return n;
}

/* The key with most numbers. */
static bool find_key(sweep *s)
{
    const kin_ablation *p = s->outcome->cells->plan;
    int most = LEAST - 1;
    for (int i = 0; i < p->axes; i++) {
        for (int t = 0; p->axis[i].kind == KIN_AXIS_ROWS && t < p->axis[i].ties; t++) {
            const int n = count_numbers(s->outcome, i, t);
            if (n > most) most = n, s->axis = i, s->tie = t;
        }
    }
    return most >= LEAST;
}

/* What else a row has. */
static void label_rest(const sweep *s, const kin_system *system, char label[LABEL])
{
    const kin_ablation *p = s->outcome->cells->plan;
    size_t n = 0;
    label[0] = 0;
    for (int i = 0; i < p->axes; i++) {
        const kin_axis *a = &p->axis[i];
        for (int t = 0; a->kind == KIN_AXIS_ROWS && t < a->ties && n < LABEL; t++) {
            const char *value = a->value[p->row[system->row].value[i] * a->ties + t];
            if ((i == s->axis && t == s->tie) || !kin_axis_gives(value)) continue;
            n += (size_t)snprintf(label + n, LABEL - n, "%s%s", n ? " " : "", value);
        }
    }
}

static int by_line(const void *a, const void *b)
{
    const point *p = a, *q = b;
    if (p->line != q->line) return p->line - q->line;
    return (p->x > q->x) - (p->x < q->x);
}

/* Lines in the order of the table. */
static void take_points(sweep *s)
{
    for (int i = 0; i < s->outcome->systems; i++) {
        const kin_system *system = &s->outcome->system[i];
        char label[LABEL];
        double x;
        int line = 0;
        if (!number_of(s->outcome, system, s->axis, s->tie, &x)) continue;
        label_rest(s, system, label);
        while (line < s->lines && strcmp(s->label[line], label)) line++;
        if (line == LINES) continue;
        if (line == s->lines) memcpy(s->label[s->lines++], label, LABEL);
        s->point[s->points++] = (point){ x, line, system };
    }
    qsort(s->point, (size_t)s->points, sizeof *s->point, by_line);
}

/* ---- drawing it ------------------------------------------------------------------------------ */

static void put_data(FILE *f, const sweep *s)
{
    for (int line = 0; line < s->lines; line++) {
        fprintf(f, "$line%d << END\n", line);
        for (int i = 0; i < s->points; i++) {
            const kin_system *y = s->point[i].system;
            if (s->point[i].line != line) continue;
            fprintf(f, "%.9g %.9g %.9g %.9g %.9g %.9g\n", s->point[i].x, y->spread[0].mean,
                    y->interval[0].low, y->interval[0].high, y->shape[KIN_UNIFORMITY].mean,
                    y->shape[KIN_TOLERANCE].mean);
        }
        fputs("END\n", f);
    }
}

static bool is_wide(const sweep *s)
{
    double low = INFINITY, high = 0;
    for (int i = 0; i < s->points; i++) {
        low = fmin(low, s->point[i].x);
        high = fmax(high, s->point[i].x);
    }
    return low > 0 && high / low >= 20;
}

static void plot_measure(FILE *f, const sweep *s)
{
    for (int i = 0; i < s->lines; i++) {
        fprintf(f, "%s$line%d using 1:2:3:4 with yerrorlines pt 7 ps 0.6 lw 2 lc rgb \"%s\" ",
                i ? ", \\\n" : "plot ", i, kin_draw_colour(i));
        if (*s->label[i]) {
            fputs("title ", f);
            kin_draw_quoted(f, s->label[i]);
        } else {
            fputs("notitle", f);
        }
    }
    fputc('\n', f);
}

static void plot_geometry(FILE *f, const sweep *s)
{
    for (int i = 0; i < s->lines; i++)
        fprintf(f, "%s$line%d using 1:5 with linespoints pt 7 ps 0.5 lw 2 lc rgb \"%s\" %s, \\\n"
                "$line%d using 1:6 axes x1y2 with linespoints pt 4 ps 0.6 dt 2 lw 2 lc rgb \"%s\" "
                "%s", i ? ", \\\n" : "plot ", i, kin_draw_colour(i),
                i ? "notitle" : "title \"uniformity\"", i, kin_draw_colour(i),
                i ? "notitle" : "title \"cosine of positives\"");
    fputc('\n', f);
}

static void put_commands(FILE *f, const sweep *s)
{
    const kin_ablation *p = s->outcome->cells->plan;
    const char *key = p->axis[s->axis].key[s->tie];
    put_data(f, s);
    if (is_wide(s)) fputs("set logscale x\n", f);
    fprintf(f, "set multiplot layout 2,1\nset lmargin 10\nset rmargin 24\nset key outside right\n"
            "set ylabel \"%s\"\nset xlabel \"%s\"\n", p->measure, key);
    plot_measure(f, s);
    fputs("set ylabel \"uniformity (lower is more even)\"\nset y2label \"cosine of positives\"\n"
          "set y2tics\nset border 11\nset rmargin 24\nset key bottom left inside\n", f);
    plot_geometry(f, s);
    fputs("unset multiplot\n", f);
}

kin_status kin_report_sweep(FILE *page, const kin_outcome *o)
{
    kin_drawing d;
    sweep s = { .outcome = o };
    if (!find_key(&s)) return KIN_OK;
    s.point = malloc((size_t)o->systems * sizeof *s.point);
    KIN_REQUIRE(s.point, KIN_MEMORY, "no memory for %d rows", o->systems);
    take_points(&s);
    kin_status status = kin_draw_begin(&d, o, "sweep", 680);
    if (!status) {
        put_commands(d.commands, &s);
        status = kin_draw_end(&d, page, "Above: the measure with its 95 % interval. Below: "
                              "uniformity (filled points) and the mean cosine of positive pairs "
                              "(open squares, right axis).");
    }
    free(s.point);
    return status;
}
