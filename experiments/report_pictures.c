/* Pictures: data and commands for gnuplot, its SVG taken into the page. */
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/file.h"
#include "experiments/child.h"
#include "experiments/report.h"
#include "train/machine.h"

enum { PATIENCE = 30 };                /* seconds that gnuplot may take */

/* ---- gnuplot --------------------------------------------------------------------------------- */

/* The program, from PATH; false when there is none. */
static bool find_gnuplot(char path[KIN_PATH_MAX])
{
    const char *all = getenv("PATH");
    char copy[4096], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", all ? all : "");
    for (char *folder = strtok_r(copy, ":", &rest); folder; folder = strtok_r(NULL, ":", &rest))
        if (!kin_path_join(path, KIN_PATH_MAX, folder, "gnuplot") && !access(path, X_OK))
            return true;
    return false;
}

static kin_status run_gnuplot(const char *program, const char *script, const char *log)
{
    const char *const argv[] = { "gnuplot", script, NULL };
    const double before = kin_seconds();
    pid_t pid;
    int ended = 0;
    KIN_TRY(kin_child_start(program, argv, log, &pid));
    while (waitpid(pid, &ended, WNOHANG) == 0) {
        if (kin_seconds() - before > PATIENCE) kill(pid, SIGKILL);
        kin_child_wait(0.05);
    }
    KIN_REQUIRE(WIFEXITED(ended) && WEXITSTATUS(ended) == 0, KIN_RUNTIME, "gnuplot failed; see %s",
                log);
    return KIN_OK;
}

/* The <svg> element of a file; an XML declaration in front has no place in a page. */
static kin_status take_svg(FILE *f, const char *path)
{
    char *text;
    size_t size;
    KIN_TRY(kin_file_read(path, &text, &size));
    const char *svg = strstr(text, "<svg");
    if (svg) fputs(svg, f);
    free(text);
    return svg ? KIN_OK : kin_fail(KIN_RUNTIME, "%s: gnuplot wrote no SVG", path);
}

/* name: of the picture's files, which go again. commands: malloc'ed, freed here. */
static kin_status draw(FILE *f, const kin_outcome *o, const char *name, char *commands,
                       const char *caption)
{
    char program[KIN_PATH_MAX], script[KIN_PATH_MAX], svg[KIN_PATH_MAX], log[KIN_PATH_MAX];
    const char *folder = o->cells->plan->folder;
    kin_status status = KIN_OK;
    if (!commands) return kin_fail(KIN_MEMORY, "no memory for a picture");
    snprintf(script, sizeof script, "%.3800s/%s.gnuplot", folder, name);
    snprintf(svg, sizeof svg, "%.3800s/%s.svg", folder, name);
    snprintf(log, sizeof log, "%.3800s/%s.log", folder, name);
    if (!find_gnuplot(program)) {
        fprintf(f, "<p>No picture of the %s: gnuplot is not installed.</p>\n", name);
    } else {
        status = kin_file_write(script, commands, strlen(commands));
        if (!status) status = run_gnuplot(program, script, log);
        if (!status) {
            fputs("<figure>", f);
            status = take_svg(f, svg);
            fputs("<figcaption>", f);
            kin_report_text(f, caption);
            fputs("</figcaption></figure>\n", f);
            unlink(log);
        }
        unlink(script);
        unlink(svg);
    }
    free(commands);
    return status;
}

/* Text between double quotes in gnuplot. */
static void put_quoted(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', f);
        fputc(*text, f);
    }
    fputc('"', f);
}

static void begin(FILE *f, const kin_outcome *o, const char *name, int height)
{
    fprintf(f, "set terminal svg noenhanced size 760,%d dynamic name \"%s\" "
            "font \"sans-serif,13\"\nset output ", height, name);
    char path[KIN_PATH_MAX];
    snprintf(path, sizeof path, "%.3800s/%s.svg", o->cells->plan->folder, name);
    put_quoted(f, path);
    fprintf(f, "\nset grid lc rgb \"#dddddd\"\nset border 3\nset tics nomirror\n");
}

/* ---- intervals ------------------------------------------------------------------------------- */

static kin_status draw_intervals(FILE *out, const kin_outcome *o)
{
    char *commands = NULL;
    size_t size;
    FILE *f = open_memstream(&commands, &size);
    KIN_REQUIRE(f, KIN_MEMORY, "no memory for a picture");
    begin(f, o, "intervals", 90 + 26 * o->systems);
    fprintf(f, "set xlabel \"%s\"\nset yrange [%d.5:-0.5]\nunset key\nset ytics (",
            kin_every_measure[o->cells->plan->measure], o->systems - 1);
    for (int i = 0; i < o->systems; i++) {
        fputs(i ? ", " : "", f);
        put_quoted(f, o->system[i].label);
        fprintf(f, " %d", i);
    }
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
    if (fclose(f)) free(commands), commands = NULL;
    return draw(out, o, "intervals", commands, "Mean with its 95 % interval over seeds and "
                "queries; small circles are single seeds.");
}

/* ---- curves ---------------------------------------------------------------------------------- */

/* "val/map" stands in metrics.jsonl with its depth. */
static void name_in_log(const kin_ablation *p, char name[64])
{
    snprintf(name, 64, "\"val/%s%s\":", kin_every_measure[p->measure],
             p->measure == KIN_MAP ? "@100" : "");
}

/* "step value" of each line of a run's log that has the measure; how many there were. */
static kin_status put_curve(FILE *f, const kin_cells *c, const kin_cell *run, int *points)
{
    char path[KIN_PATH_MAX], name[64], *text, *rest = NULL;
    size_t size;
    name_in_log(c->plan, name);
    KIN_TRY(kin_cell_path(run, "/metrics.jsonl", path));
    KIN_TRY(kin_file_read(path, &text, &size));
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const char *value = strstr(line, name);
        long long step;
        if (!value || sscanf(line, "{\"step\":%lld", &step) != 1) continue;
        fprintf(f, "%lld %.9g\n", step, strtod(value + strlen(name), NULL));
        ++*points;
    }
    free(text);
    return KIN_OK;
}

/* One block of data for each row, its seeds parted by blank lines. */
static kin_status put_curves(FILE *f, const kin_outcome *o, int *points)
{
    const kin_cells *c = o->cells;
    for (int i = 0; i < o->systems; i++) {
        const int row = o->system[i].row;
        if (row < 0) continue;
        fprintf(f, "$row%d << END\n", i);
        for (int k = c->first[row]; k < c->first[row + 1]; k++) {
            if (!kin_cell_chosen(c, &c->cell[k]) || !c->cell[k].trained) continue;
            KIN_TRY(put_curve(f, c, &c->cell[k], points));
            fputs("\n", f);
        }
        fputs("END\n", f);
    }
    return KIN_OK;
}

static kin_status draw_curves(FILE *out, const kin_outcome *o)
{
    char *commands = NULL;
    size_t size;
    int points = 0, curves = 0;
    FILE *f = open_memstream(&commands, &size);
    KIN_REQUIRE(f, KIN_MEMORY, "no memory for a picture");
    begin(f, o, "curves", 420);
    fprintf(f, "set xlabel \"step\"\nset ylabel \"validation %s\"\nset key outside right\n",
            kin_every_measure[o->cells->plan->measure]);
    const kin_status status = put_curves(f, o, &points);
    for (int i = 0; i < o->systems; i++) {
        if (o->system[i].row < 0) continue;
        fprintf(f, "%s$row%d using 1:2 with linespoints pt 7 ps 0.4 lc %d title ",
                curves ? ", \\\n" : "plot ", i, curves + 1);
        put_quoted(f, o->system[i].label);
        curves++;
    }
    fputc('\n', f);
    if (fclose(f)) free(commands), commands = NULL;
    if (!status && points) return draw(out, o, "curves", commands, "Validation scores during "
                                       "training, a line for each seed of the chosen setting.");
    free(commands);
    return status;
}

kin_status kin_report_pictures(FILE *out, const kin_outcome *o)
{
    if (!o->systems) return KIN_OK;
    kin_child_block();
    KIN_TRY(draw_intervals(out, o));
    return draw_curves(out, o);
}
