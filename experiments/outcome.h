/* Outcome: what the finished cells of a plan say, computed from the per-query scores on disk, and
 * the files that tell it. Nothing but times.csv depends on how the plan was run or interrupted. */
#ifndef KIN_EXPERIMENTS_OUTCOME_H
#define KIN_EXPERIMENTS_OUTCOME_H

#include "core/pool.h"
#include "experiments/cells.h"
#include "metrics/per_query.h"
#include "metrics/statistics.h"
#include "train/results.h"

#define KIN_LEVEL 0.95                 /* of the intervals; 1 - level is the tests' error rate */

/* Of the geometry of a run's embeddings (kin_shape): numbers of the run, not of a query. */
typedef enum { KIN_ALIGNMENT, KIN_UNIFORMITY, KIN_BOTH, KIN_TOLERANCE, KIN_RANDOM, KIN_RANK,
               KIN_SHAPES } kin_shape_number;
typedef struct { const char *key, *title; } kin_shape_name;
extern const kin_shape_name kin_shape_names[KIN_SHAPES];
double kin_shape_of(const kin_results *results, kin_shape_number which);

/* How the measure goes with alignment, uniformity and their sum, over rows: Spearman's correlation
 * with its bootstrap interval. */
typedef struct { double value; kin_interval interval; } kin_relation;
enum { KIN_RELATIONS = KIN_BOTH + 1, KIN_RELATION_ROWS = 6 };

/* One line of the table: a row of the plan, or a baseline. */
typedef struct {
    const char *label;
    int row;                           /* of the plan; -1: a baseline */
    int seeds;                         /* runs that did not fail; BM25 has one */
    int64_t seed[KIN_SEEDS_MAX];
    kin_per_query *scores[KIN_SEEDS_MAX];
    kin_results results[KIN_SEEDS_MAX];
    double *mean;                      /* columns x seeds: means over the queries */
    kin_spread spread[KIN_COLUMNS_OF_TABLE];            /* of these, over seeds */
    kin_interval interval[KIN_COLUMNS_OF_TABLE];
    double *averaged;                  /* queries: the measure, mean over seeds */
    kin_spread shape[KIN_SHAPES];      /* of a row: its geometry, over seeds */
    kin_letters letters;
    bool best;                         /* no worse than the first, by the test */
} kin_system;

typedef struct {
    const kin_cells *cells;
    int systems;                       /* rows in the table's order, then baselines */
    kin_system *system;
    int64_t queries;                   /* or items, or pairs: kin_ablation_unit */
    int64_t documents, classes;        /* of rankings, of items */
    uint64_t checksum;                 /* of the data that all runs were trained on */
    int pairs;                         /* (0, 1), (0, 2) .. */
    kin_paired *pair;
    double *holm;                      /* p, corrected for all pairs */
    bool lettered;                     /* false: too many groups for letters */
    int related;                       /* rows that relation is over; 0: too few */
    kin_relation relation[KIN_RELATIONS];
    char *caption;                     /* kin_outcome_caption's */
} kin_outcome;

/* Needs every cell to be over. KIN_DATA when runs were judged on different queries. */
kin_status kin_outcome_make(kin_outcome *outcome, const kin_cells *cells, kin_pool *pool);
void kin_outcome_free(kin_outcome *outcome);

/* How many of its systems are rows of the plan; baselines come behind. */
int kin_outcome_rows(const kin_outcome *outcome);

/* Which row is best, what varied, which model is judged, seeds, queries, interval, tests, which
 * split chose the settings, how to run it again: paragraphs of a line each, malloc'ed. */
kin_status kin_outcome_caption(const kin_outcome *outcome, char **caption);

/* "optim.lr = 0.1, loss.temperature = 0.05": what the row chose; "" when it tuned nothing. */
void kin_outcome_chosen(const kin_outcome *outcome, const kin_system *system, char *text,
                        size_t size);

/* outcome_geometry.c: shape of every row, relation. */
kin_status kin_outcome_geometry(kin_outcome *outcome, kin_pool *pool);

/* Of a row, the means over the runs of its chosen setting. */
typedef struct { double steps, pairs, seconds, peak, positives, negatives; } kin_spent;
kin_status kin_outcome_spent(const kin_outcome *outcome, const kin_system *system,
                             kin_spent *spent);

/* What run.json says of machine and data, once for each that differs. */
typedef void kin_take_text(void *state, const char *text);
kin_status kin_outcome_environment(const kin_cells *cells, kin_take_text *take, void *state);

/* The files in the plan's folder. */
kin_status kin_outcome_save(const kin_outcome *outcome);       /* all that follow */
kin_status kin_outcome_save_json(const kin_outcome *outcome, const char *path);
kin_status kin_outcome_save_csv(const kin_outcome *outcome, const char *path);
kin_status kin_outcome_save_markdown(const kin_outcome *outcome, const char *path);
kin_status kin_outcome_save_tex(const kin_outcome *outcome, const char *path);
kin_status kin_outcome_save_times(const kin_outcome *outcome, const char *path);

/* The heading of a row axis: "loss" for loss.name, other keys as they are. For outcome_*.c. */
const char *kin_outcome_heading(const char *key, char text[96]);

#endif
