/* Plan: how many rows and columns of scores are formed at a time. */
#include "losses/rows/rows.h"

/* Scores of a panel of whole rows on a host: what the caches hold. Fewer rows than PANEL_LEAST make
 * products slow. */
enum { PANEL_SCORES = (3 << 20) / (int)sizeof(real), PANEL_LEAST = 192 };

/* A triangle's panel also forms the square on the diagonal: a small share of it when there are many
 * panels. */
enum { STEPS = 16, STEP_LEAST = 64, STEPS_LEAST = 4 };

static int64_t panel_rows(const kin_rows_run *run, const kin_backend *b)
{
    const int64_t rows = run->scores.side[0].count;
    const bool chosen = b->tile_scores > 0 && !(b->host && run->tile == run->scores.side[1].count);
    int64_t panel = run->setting->panel;
    if (panel < 1) panel = (chosen ? b->tile_scores : PANEL_SCORES) / run->tile;
    if (run->setting->panel < 1 && panel < PANEL_LEAST) panel = PANEL_LEAST;
    return panel < rows ? panel : rows;
}

/* Columns in a tile: all, unless the backend wants fewer and both sweeps may go by tiles. */
static int64_t tile_columns(const kin_rows_run *run, int64_t wanted)
{
    const int64_t columns = run->scores.side[1].count;
    const bool whole = run->given || run->more_start || run->ignored_start ||
                       run->setting->target ||
                       run->setting->want_accuracy || !(run->both || kin_rows_alike(run));
    return whole || wanted < 1 || wanted > columns ? columns : wanted;
}

/* Rows of a triangle's panel; 0: it would not pay. */
static int64_t triangle_rows(const kin_rows_run *run, const kin_backend *b)
{
    const int64_t rows = run->scores.side[0].count;
    int64_t panel = panel_rows(run, b), step = rows / STEPS / 16 * 16;
    if (step < STEP_LEAST) step = STEP_LEAST;
    if (run->setting->panel < 1 && panel > step) panel = step;
    return rows > STEPS_LEAST * panel ? panel : 0;
}

void kin_rows_plan(kin_rows_run *run, const kin_backend *backend)
{
    run->tile = tile_columns(run, backend->tile_columns);
    const int64_t panel = kin_rows_alike(run) ? triangle_rows(run, backend) : 0;
    run->triangle = panel > 0;
    run->panel = run->triangle ? panel : panel_rows(run, backend);
    if (run->triangle) run->both = false;      /* the same loss */
    if (!run->triangle && !run->both) run->tile = run->scores.side[1].count;
    if (run->triangle && run->tile < run->panel)
        run->tile = run->panel;                /* a tile on the diagonal has a square */
    const bool same = run->q && run->q == run->k &&
                      run->scores.side[0].count == run->scores.side[1].count;
    run->folds = same && !run->triangle && !run->both && backend->fold;
    run->one = run->triangle || run->folds;
}
