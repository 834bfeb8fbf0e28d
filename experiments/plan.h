/* Plan: what an ablation varies, read from an INI file.
 *
 *     [plan]                                  what is run
 *     base = wordnet.ini                      the run file: all keys not named below are its
 *     seeds = 1, 2, 3
 *     steps = 600                             the budget of every run; or pairs, or seconds
 *     [set]                                   keys that are the same in all runs
 *     batch.size = 1024
 *     [rows]                                  each combination is a row of the table
 *     loss.name = infonce, sigmoid, circle
 *     [tune]                                  each row chooses its own on the validation queries
 *     optim.lr = 0.05 .. 0.4 log 4
 *     [tune circle]                           only in rows that have this value
 *     loss.margin = 0.1, 0.25, 0.4
 *
 * A list has commas between its values. `A .. B log N` and `A .. B linear N` are N numbers, `A ..
 * B` whole numbers, `*` everything the key allows. Keys joined by + vary together: `loss.name +
 * loss.temperature = infonce 0.05, circle -`, where - leaves a key as it is. [tune] concerns the
 * rows whose runs have the key;
 * [tune WORD] and [set WORD] concern rows with that value, and come before [tune] there. */
#ifndef KIN_EXPERIMENTS_PLAN_H
#define KIN_EXPERIMENTS_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include "encoders/folder.h"
#include "train/config.h"
#include "train/results.h"

enum { KIN_AXES_MAX = 64, KIN_TIED_MAX = 8, KIN_VALUES_MAX = 200, KIN_ROWS_MAX = 200,
       KIN_SETTINGS_MAX = 1000, KIN_SEEDS_MAX = 100, KIN_RUNS_MAX = 5000,
       KIN_COLUMNS_OF_TABLE = 12 };

typedef enum { KIN_AXIS_SET, KIN_AXIS_ROWS, KIN_AXIS_TUNE } kin_axis_kind;

/* One line of [set], [rows] or [tune]: keys that take their values together. */
typedef struct {
    kin_axis_kind kind;
    const char *word;                  /* "circle" of [tune circle]; "" for all rows */
    int line;
    int ties;
    const char *key[KIN_TIED_MAX];
    const char *text;                  /* the values as they stand in the plan */
    int count;
    const char **value;                /* count x ties */
} kin_axis;

typedef enum { KIN_BUDGET_BASE, KIN_BUDGET_STEPS, KIN_BUDGET_PAIRS, KIN_BUDGET_SECONDS } kin_budget;

/* A row of the table. */
typedef struct {
    const char *label;                 /* its values with blanks between */
    const char *folder;                /* of its runs, in the plan's folder */
    int value[KIN_AXES_MAX];           /* for an axis of kind ROWS: place of the value */
    bool applies[KIN_AXES_MAX];        /* for SET and TUNE */
    int settings;                      /* how many are tried; 1: nothing is tuned */
} kin_row;

typedef struct {
    char path[KIN_PATH_MAX], name[64];
    char base[KIN_PATH_MAX], folder[KIN_PATH_MAX];
    char home[KIN_PATH_MAX];           /* the folder that the plan is in */
    kin_budget budget;
    double amount;
    int seeds;
    int64_t seed[KIN_SEEDS_MAX];
    kin_goal goal;                     /* of its runs; ranking, as long as there is no store */
    const char *measure;               /* one of the goal's: chooses settings, is tested */
    int columns;
    const char *column[KIN_COLUMNS_OF_TABLE];       /* of the table; the first is the measure */
    int jobs, threads;                 /* at a time; of each */
    bool by_score;                     /* order of the table */
    bool keep_all;                     /* of a finished run also checkpoints and lists */
    int axes;
    kin_axis axis[KIN_AXES_MAX];
    int rows;
    kin_row *row;
    const char **left_out;                   /* names that * passed over, with the reason */
    int left_out_count;
    char **string;                     /* owns all texts */
    int strings, strings_room;
} kin_ablation;

/* Reads and checks the plan: every row and every setting of it is a run file that resolves.
 * KIN_USAGE with file and line. */
kin_status kin_ablation_read(kin_ablation **plan, const char *path);
void kin_ablation_free(kin_ablation *plan);

bool kin_ablation_tunes(const kin_ablation *plan);         /* whether anything is chosen */
int kin_ablation_runs(const kin_ablation *plan);           /* tries, and the other seeds */

/* Place of the value that a setting (0 .. row->settings - 1) gives a tuned axis that applies. */
int kin_ablation_choice(const kin_ablation *plan, const kin_row *row, int setting, int axis);

/* The settings of a run: row, setting, place of the seed. dir becomes run.dir. Resolved. */
kin_status kin_ablation_config(const kin_ablation *plan, int row, int setting, int seed,
                               const char *dir, kin_config **config);

/* Whether a value says anything: "-" leaves its key as it is. */
bool kin_axis_gives(const char *value);

/* For plan_*.c: a copy of a text that lives as long as the plan, or NULL. */
const char *kin_ablation_keep(kin_ablation *plan, const char *text);

/* plan_values.c: the values of an axis from its text; needs the run file that all rows share for
 * *. */
kin_status kin_axis_expand(kin_ablation *plan, kin_axis *axis);

/* plan_rows.c: rows and what each tunes; checks every run. */
kin_status kin_ablation_make_rows(kin_ablation *plan);

/* plan_rows.c: the run file with what [set] says for all rows. Not resolved. */
kin_status kin_ablation_common(const kin_ablation *plan, const char *dir, kin_config **config);

/* What single scores are of: "queries", "items" or "pairs". */
const char *kin_ablation_unit(const kin_ablation *plan);

/* What a run's store holds; false, and ranking, as long as it is not there. */
bool kin_ablation_goal(const kin_config *config, kin_goal *goal);

#endif
