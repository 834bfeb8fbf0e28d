/* kin report: a plan's outcome as a page. */
#include <stdio.h>

#include "cli/verb.h"
#include "core/file.h"
#include "experiments/report.h"

static kin_status write_page(const kin_cells *cells)
{
    char path[KIN_PATH_MAX];
    kin_pool *pool;
    kin_outcome outcome;
    KIN_TRY(kin_path_join(path, sizeof path, cells->plan->folder, "report.html"));
    KIN_TRY(kin_pool_new(&pool, 0));
    kin_status status = kin_outcome_make(&outcome, cells, pool);
    kin_pool_free(pool);
    KIN_TRY(status);
    if (!outcome.systems)
        status = kin_fail(KIN_DATA, "%s: no run is finished yet; kin ablate %s runs them",
                          cells->plan->folder, cells->plan->path);
    if (!status) status = kin_report_save(&outcome, path);
    kin_outcome_free(&outcome);
    if (!status) printf("%s\n", path);
    return status;
}

static kin_status run(const args *a)
{
    kin_ablation *plan;
    kin_cells cells;
    KIN_TRY(kin_ablation_read(&plan, a->positional[0]));
    kin_status status = kin_cells_open(&cells, plan, false);
    if (!status) status = write_page(&cells);
    kin_cells_close(&cells);
    kin_ablation_free(plan);
    return status;
}

const verb verb_report = {
    .name = "report", .summary = "show what a plan's runs gave, as one page with pictures",
    .usage = "PLAN.ini", .least = 1, .most = 1, .run = run,
    .details = "Writes report.html into the plan's folder, of the runs that are finished. Pictures\n"
               "are drawn by gnuplot where it is installed.",
};
