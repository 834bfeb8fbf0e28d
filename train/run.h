/* Run: the verbs that work on a run folder, for a program to call. A run folder holds run.ini,
 * run.json, metrics.jsonl, tb/, checkpoints/, model/ and eval/. */
#ifndef KIN_TRAIN_RUN_H
#define KIN_TRAIN_RUN_H

#include <stdint.h>
#include "core/backend.h"
#include "core/entry.h"
#include "core/profile.h"
#include "train/config.h"
#include "train/results.h"

/* ---- training ---------------------------------------------------------------------------------*/

typedef struct {
    int64_t step, steps, epoch, epochs;
    double loss, loss_average;      /* of this step, and its running average */
    double rate, temperature;       /* learning rate; NaN when the loss has no temperature */
    double norm, accuracy;          /* gradient norm before clipping; in-batch accuracy */
    double positives, negatives;    /* that an anchor sees on average */
    bool drawn;                     /* the negatives are a sample of the batch */
    double mined, own;              /* of the negatives: documents that were mined; for the anchor */
    double queued;                  /* documents of past steps */
    double masked;                  /* documents that an anchor is not compared with */
    int64_t clashing;               /* mined, but relevant to another anchor: left out */
    double per_second, waiting;     /* pairs a second; share of the time spent on data */
    double memory_mb, peak_mb;
    double left;                    /* seconds */
} kin_progress;

typedef struct {
    kin_goal goal;
    int64_t texts, documents, pairs, train_queries, validation_queries, test_queries;
    int64_t classes, features;                          /* of items; features 0: they are texts */
    int64_t vocabulary, tokens, empty, cut, unknown;    /* of the texts that are trained on */
    int64_t parameters, steps, steps_per_epoch, dropped; /* pairs that the last short batch drops */
    double memory_mb, available_mb, seconds;            /* the estimate */
    int threads;
} kin_estimate;

/* What a run tells while it works. Members may be NULL; all are called from the caller's thread. */
typedef struct {
    void *state;
    void (*stage)(void *state, const char *what);              /* "tokenising 156,161 texts" */
    void (*warning)(void *state, const char *what);
    void (*estimate)(void *state, const kin_estimate *);       /* once, before the first step */
    void (*progress)(void *state, const kin_progress *);       /* after every step */
    /* split: "validation" or "test"; what: "untrained", "bm25" or "model" */
    void (*scores)(void *state, int64_t step, const char *split, const char *what,
                   const kin_marks *);
} kin_watch;

typedef struct {
    const char *resume;         /* NULL, or "latest", "best" or a checkpoint's folder */
    bool overwrite;             /* an existing run folder is emptied first */
    const char *command;        /* the command line, for run.json */
    const char *build;          /* version, compiler and such, for run.json */
    const char *cpu, *blas;     /* the processor and the product kernel in use, for run.json */
    kin_profile *profile;       /* NULL, or whose backend this is: counts the steps alone */
} kin_train_flags;

typedef struct {
    bool finished_before;       /* nothing was left to do */
    bool evaluated;
    kin_results results;        /* of the test queries, when evaluated */
    int64_t best_step;
    double train_seconds;
} kin_train_outcome;

/* Trains and evaluates as the resolved config says. KIN_STOPPED: saved after a request. */
kin_status kin_train(const kin_config *config, kin_backend *backend, const kin_watch *watch,
                     const kin_train_flags *flags, kin_train_outcome *outcome);

/* Asks the training that runs to save and stop after the current step; fine in a signal handler. */
void kin_train_stop(void);

/* Compares a few steps of the run with the same in chunks (batch.chunk, or a quarter of the batch):
 * the loss and every parameter's gradient, each as the largest difference relative to the largest
 * entry. Trains nothing and writes nothing. */
typedef struct { int64_t pairs, chunk; int batches; double bound; } kin_cache_check;
typedef void kin_cache_line(void *state, const char *what, double worst);

kin_status kin_check_cache(const kin_config *config, kin_backend *backend, const kin_watch *watch,
                           kin_cache_line *each, void *state, kin_cache_check *result);

/* ---- a finished run ---------------------------------------------------------------------------*/

/* Evaluates model/ of a run on a split ("test" or "validation"), writes eval/<split>/. also: what
 * is judged where the run's eval.baselines, eval.hybrid or eval.fresh is false, too. */
enum { KIN_ALSO_BASELINES = 1, KIN_ALSO_HYBRID = 2, KIN_ALSO_FRESH = 4 };
kin_status kin_evaluate_run(const char *run, const char *split, unsigned also,
                            kin_backend *backend, const kin_watch *watch, kin_results *results);

/* Embeds every line of file ("-": standard input) to a .npy file (lines x D, float32).
 * run: a run folder or a model folder. */
typedef struct { int64_t texts, width, empty, cut; } kin_embed_report;

kin_status kin_embed_file(const char *run, const char *role, const char *file, const char *out,
                          kin_backend *backend, kin_embed_report *report);

/* ---- an index ---------------------------------------------------------------------------------*/

/* What `kin index` makes: documents with their embeddings in RUN/index.kin, or in out. append: a
 * file of lines "id<TAB>text", to be added to an index that is there; else all documents of the run's
 * store are embedded anew. */
typedef struct {
    const char *out, *append;         /* NULL: RUN/index.kin; NULL: not to append */
    const char *kind;                 /* of the list `index` */
    double hypers[KIN_HYPERS_MAX];    /* in the order of its entry */
} kin_index_order;

typedef struct {
    int64_t documents, added;
    double recall;                    /* of the ten nearest of a sample, against all of them */
    char path[4096], what[160];
} kin_index_report;

kin_status kin_index_run(const char *run, const kin_index_order *order, kin_backend *backend,
                         const kin_watch *watch, kin_index_report *report);

/* ---- search -----------------------------------------------------------------------------------*/

typedef struct kin_search kin_search;

typedef struct {
    int rank;                   /* from 1 */
    double score;
    const char *id, *text;      /* borrowed; not NUL-terminated */
    int64_t id_bytes, text_bytes;
} kin_hit;

/* Opens an index file and the model; index NULL: RUN/index.kin where it is of this model, else the
 * documents of the run's store are embedded, once. */
kin_status kin_search_open(kin_search **search, const char *run, const char *index,
                           kin_backend *backend, const kin_watch *watch);
void kin_search_close(kin_search *search);

/* hits: room for k; found: how many there are. */
kin_status kin_search_query(kin_search *search, const char *query, int k, kin_hit *hits,
                            int *found);
int64_t kin_search_documents(const kin_search *search);

/* Searches for each line of a file ("id<TAB>text", or text alone, whose id is the line's number)
 * and writes the k best as a TREC run. queries, empty: lines, and those without a token. */
typedef struct { int64_t queries, empty; } kin_search_report;

kin_status kin_search_file(kin_search *search, const char *file, int k, const char *out,
                           kin_search_report *report);

#endif
