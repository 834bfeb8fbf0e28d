/* Draw: see draw.h. */
#include "experiments/draw.h"

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

/* Without the groups that gnuplot opens and closes again, a third of its output. */
static void put_svg(FILE *f, const char *svg)
{
    static const char shut[] = ">\n</g>\n";
    while (*svg) {
        const char *end = strncmp(svg, "<g fill", 7) ? NULL : strchr(svg, '>');
        if (end && !strncmp(end, shut, strlen(shut))) svg = end + strlen(shut);
        else fputc(*svg++, f);
    }
}

/* The <svg> element of a file; an XML declaration in front has no place in a page. */
static kin_status take_svg(FILE *f, const char *path)
{
    char *text;
    size_t size;
    KIN_TRY(kin_file_read(path, &text, &size));
    const char *svg = strstr(text, "<svg");
    if (svg) put_svg(f, svg);
    free(text);
    return svg ? KIN_OK : kin_fail(KIN_RUNTIME, "%s: gnuplot wrote no SVG", path);
}

/* ---- the drawing ----------------------------------------------------------------------------- */

void kin_draw_quoted(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', f);
        fputc(*text, f);
    }
    fputc('"', f);
}

const char *kin_draw_colour(int line)
{
    static const char *const colours[] = { "#1f5fa8", "#c05020", "#2d8a3e", "#8a4fa3", "#b8860b",
                                           "#20908d", "#b03060", "#5a5a5a", "#7a9a2a", "#6b4a2b" };
    return colours[line % (int)(sizeof colours / sizeof *colours)];
}

int kin_draw_rows(const kin_outcome *o, int place[KIN_DRAWN])
{
    const int rows = kin_outcome_rows(o);
    const int n = rows < KIN_DRAWN ? rows : KIN_DRAWN;
    for (int i = 0; i < n; i++) place[i] = n > 1 ? i * (rows - 1) / (n - 1) : 0;
    return n;
}

/* A file of the picture: "curves.svg" in the plan's folder. */
static void name_file(const kin_drawing *d, const char *ending, char path[KIN_PATH_MAX])
{
    snprintf(path, KIN_PATH_MAX, "%.3800s/%s.%s", d->outcome->cells->plan->folder, d->name, ending);
}

kin_status kin_draw_begin(kin_drawing *d, const kin_outcome *o, const char *name, int height)
{
    char svg[KIN_PATH_MAX];
    *d = (kin_drawing){ .outcome = o, .name = name };
    d->commands = open_memstream(&d->text, &d->size);
    KIN_REQUIRE(d->commands, KIN_MEMORY, "no memory for a picture");
    name_file(d, "svg", svg);
    fprintf(d->commands, "set terminal svg noenhanced size 760,%d dynamic name \"%s\" "
            "font \"sans-serif,13\"\nset output ", height, name);
    kin_draw_quoted(d->commands, svg);
    fprintf(d->commands, "\nset grid lc rgb \"#dddddd\"\nset border 3\nset tics nomirror\n");
    return KIN_OK;
}

void kin_draw_drop(kin_drawing *d)
{
    if (d->commands) fclose(d->commands);
    free(d->text);
    *d = (kin_drawing){ 0 };
}

static kin_status draw(const kin_drawing *d, FILE *page, const char *program, const char *caption)
{
    char script[KIN_PATH_MAX], svg[KIN_PATH_MAX], log[KIN_PATH_MAX];
    name_file(d, "gnuplot", script);
    name_file(d, "svg", svg);
    name_file(d, "log", log);
    kin_status status = kin_file_write(script, d->text, d->size);
    if (!status) status = run_gnuplot(program, script, log);
    if (!status) {
        fputs("<figure><div>", page);
        status = take_svg(page, svg);
        fputs("</div><figcaption>", page);
        kin_report_text(page, caption);
        const int rows = kin_outcome_rows(d->outcome);
        if (d->rows && d->rows < rows)
            fprintf(page, " Shown: %d of the %d rows, evenly chosen.", d->rows, rows);
        fputs("</figcaption></figure>\n", page);
        unlink(log);
    }
    unlink(script);
    unlink(svg);
    return status;
}

kin_status kin_draw_end(kin_drawing *d, FILE *page, const char *caption)
{
    char program[KIN_PATH_MAX];
    kin_status status = KIN_OK;
    const bool whole = !fclose(d->commands);
    d->commands = NULL;
    if (!whole) status = kin_fail(KIN_MEMORY, "no memory for a picture");
    else if (find_gnuplot(program)) status = draw(d, page, program, caption);
    else fprintf(page, "<p>No picture of the %s: gnuplot is not installed.</p>\n", d->name);
    kin_draw_drop(d);
    return status;
}
