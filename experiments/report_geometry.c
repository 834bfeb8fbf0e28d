/* Pictures of the embeddings: their way through training, cosines, spectrum. */
#include <stdlib.h>
#include <string.h>

#include "core/file.h"
#include "experiments/draw.h"
#include "experiments/report.h"
#include "experiments/series.h"

/* ---- alignment and uniformity during training ------------------------------------------------ */

/* "alignment uniformity" of each evaluation, and where the next one is. */
static kin_status put_way(FILE *f, const kin_outcome *o, int place, int *points)
{
    static const char *const names[] = { "geom/alignment", "geom/uniformity" };
    kin_series s;
    KIN_TRY(kin_series_of_row(&s, o->cells, o->system[place].row, names, 2, NULL, NULL));
    fprintf(f, "$way%d << END\n", place);
    for (int i = 0; i < s.count; i++) {
        const int next = i + 1 < s.count ? i + 1 : i;
        fprintf(f, "%.9g %.9g %.9g %.9g\n", s.value[0][i], s.value[1][i],
                s.value[0][next] - s.value[0][i], s.value[1][next] - s.value[1][i]);
    }
    fputs("END\n", f);
    *points += s.count > 1;
    kin_series_free(&s);
    return KIN_OK;
}

static kin_status draw_way(FILE *page, const kin_outcome *o)
{
    kin_drawing d;
    int place[KIN_DRAWN], points = 0;
    const int rows = kin_draw_rows(o, place);
    kin_status status = KIN_OK;
    KIN_TRY(kin_draw_begin(&d, o, "way", 480));
    d.rows = rows;
    for (int i = 0; i < rows && !status; i++) status = put_way(d.commands, o, place[i], &points);
    fputs("set xlabel \"alignment\"\nset ylabel \"uniformity\"\nset key outside right\nplot ",
          d.commands);
    for (int i = 0; i < rows; i++) {
        fprintf(d.commands, "%s$way%d using 1:2:3:4 with vectors filled head size screen 0.012,20 "
                "lw 1.5 lc rgb \"%s\" notitle, \\\n$way%d using 1:2 with points pt 7 ps 0.5 "
                "lc rgb \"%s\" title ", i ? ", \\\n" : "", place[i], kin_draw_colour(i), place[i],
                kin_draw_colour(i));
        kin_draw_quoted(d.commands, o->system[place[i]].label);
    }
    fputc('\n', d.commands);
    if (!status && points)
        return kin_draw_end(&d, page, "Alignment (alpha 2) against uniformity (t 2) at the "
                            "evaluations of training, an arrow to the next; mean over seeds. Lower "
                            "is better in both: matches nearer, everything else more even.");
    kin_draw_drop(&d);
    return status;
}

/* ---- cosines and spectrum -------------------------------------------------------------------- */

/* Over the runs of the row's chosen setting: sums of counts, means of shares. */
static kin_status gather(const kin_outcome *o, const kin_system *s, kin_spreading *sum, int *runs)
{
    const kin_cells *c = o->cells;
    *sum = (kin_spreading){ 0 };
    *runs = 0;
    for (int i = c->first[s->row]; i < c->first[s->row + 1]; i++) {
        char path[KIN_PATH_MAX];
        kin_spreading own;
        if (!kin_cell_chosen(c, &c->cell[i]) || !c->cell[i].judged[KIN_ON_TEST]) continue;
        KIN_TRY(kin_cell_path(&c->cell[i], "/eval/test/geometry.json", path));
        if (!kin_file_exists(path)) continue;
        KIN_TRY(kin_spreading_load(&own, path));
        for (int b = 0; b < KIN_COSINE_BINS; b++) {
            sum->positive.count[b] += own.positive.count[b];
            sum->random.count[b] += own.random.count[b];
        }
        for (int v = 0; v < own.values; v++) sum->spectrum[v] += own.spectrum[v];
        sum->values = own.values > sum->values ? own.values : sum->values;
        ++*runs;
    }
    for (int v = 0; v < sum->values; v++) sum->spectrum[v] /= *runs;
    return KIN_OK;
}

static double total(const kin_cosines *c)
{
    double sum = 0;
    for (int b = 0; b < KIN_COSINE_BINS; b++) sum += (double)c->count[b];
    return sum > 0 ? sum : 1;
}

static void put_spreading(FILE *f, const kin_spreading *s, int line)
{
    const double positive = total(&s->positive), random = total(&s->random);
    fprintf(f, "$cosines%d << END\n", line);
    for (int b = 0; b < KIN_COSINE_BINS; b++)
        fprintf(f, "%g %.6g %.6g\n", -1 + (b + 0.5) * 2 / KIN_COSINE_BINS,
                (double)s->positive.count[b] / positive, (double)s->random.count[b] / random);
    fprintf(f, "END\n$values%d << END\n", line);
    for (int v = 0; v < s->values; v += v < 32 ? 1 : 4)
        fprintf(f, "%d %.4g\n", v + 1, s->spectrum[v]);
    fputs("END\n", f);
}

static kin_status put_spreadings(FILE *f, const kin_outcome *o, const int *place, int rows,
                                 int *found)
{
    *found = 0;
    for (int i = 0; i < rows; i++) {
        kin_spreading sum;
        int runs;
        KIN_TRY(gather(o, &o->system[place[i]], &sum, &runs));
        put_spreading(f, &sum, i);
        *found += runs > 0;
    }
    return KIN_OK;
}

enum { PANELS = 6 };
static const char area[] = "with filledcurves y1=0 fs transparent solid 0.5 noborder lc rgb";

static kin_status draw_cosines(FILE *page, const kin_outcome *o)
{
    kin_drawing d;
    int place[KIN_DRAWN], found;
    const int rows = kin_draw_rows(o, place), n = rows < PANELS ? rows : PANELS;
    for (int i = 0; i < n && rows > PANELS; i++) place[i] = place[i * (rows - 1) / (n - 1)];
    const int deep = (n + 2) / 3;
    KIN_TRY(kin_draw_begin(&d, o, "cosines", 60 + 210 * deep));
    d.rows = n;
    const kin_status status = put_spreadings(d.commands, o, place, n, &found);
    fprintf(d.commands, "set multiplot layout %d,%d\nset xrange [-1:1]\nset yrange [0:*]\n"
            "unset ytics\nset border 1\nset key top left samplen 1 font \",10\"\n", deep,
            n < 3 ? n : 3);
    for (int i = 0; i < n; i++) {
        fputs("set title ", d.commands);
        kin_draw_quoted(d.commands, o->system[place[i]].label);
        fprintf(d.commands, "\nplot $cosines%d using 1:2 %s \"#1f5fa8\" title \"positive\", "
                "$cosines%d using 1:3 %s \"#c05020\" title \"random\"\nunset key\n", i, area, i,
                area);
    }
    fputs("unset multiplot\n", d.commands);
    if (!status && found)
        return kin_draw_end(&d, page, "Cosines of positive pairs and of random pairs on the test "
                            "part, as shares, over all seeds.");
    kin_draw_drop(&d);
    return status;
}

static kin_status draw_spectrum(FILE *page, const kin_outcome *o)
{
    kin_drawing d;
    int place[KIN_DRAWN], found;
    const int rows = kin_draw_rows(o, place);
    KIN_TRY(kin_draw_begin(&d, o, "spectrum", 420));
    d.rows = rows;
    const kin_status status = put_spreadings(d.commands, o, place, rows, &found);
    fputs("set logscale y\nset xlabel \"direction\"\nset ylabel \"share of the variance\"\n"
          "set format y \"%g\"\nset key outside right\n", d.commands);
    for (int i = 0; i < rows; i++) {
        fprintf(d.commands, "%s$values%d using 1:2 with lines lw 2 lc rgb \"%s\" title ",
                i ? ", \\\n" : "plot ", i, kin_draw_colour(i));
        kin_draw_quoted(d.commands, o->system[place[i]].label);
    }
    fputc('\n', d.commands);
    if (!status && found)
        return kin_draw_end(&d, page, "Spectrum of the embeddings' covariance, mean over seeds: a "
                            "line that falls early is a space that is hardly used.");
    kin_draw_drop(&d);
    return status;
}

kin_status kin_report_geometry(FILE *page, const kin_outcome *o)
{
    KIN_TRY(draw_way(page, o));
    KIN_TRY(draw_cosines(page, o));
    return draw_spectrum(page, o);
}
