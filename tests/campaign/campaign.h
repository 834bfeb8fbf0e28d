/* Campaign: throws bad invocations and damaged files at the command and judges what comes back.
 * A case is a function of (seed, number) alone, so that a failing one can be run again by itself.
 *
 *     box.c       the folder a case works in: made once by the command itself, restored each time
 *     mistakes_*  the ways to be wrong; each fills in an invocation and what is expected of it
 *     run.c       starts the command with its streams, limits and a deadline
 *     judge.c     compares outcome and expectation
 *     main.c      the loop and the counts */
#ifndef KIN_TESTS_CAMPAIGN_H
#define KIN_TESTS_CAMPAIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PATH_ROOM = 4096, WORDS_MAX = 3000, NAMES_MAX = 6 };

/* ---- chance ---------------------------------------------------------------------------------- */

typedef struct {
    uint64_t seed, index;
    uint32_t number;                     /* of the case */
} dice;

uint64_t roll(dice *, uint64_t n);                       /* 0 .. n - 1 */
#define PICK(d, table) ((table)[roll((d), sizeof(table) / sizeof *(table))])

/* ---- the box --------------------------------------------------------------------------------- */

/* What `kin list key` says of a key. */
typedef struct {
    char name[64], range[96];
    double low, high;                    /* where the range is of numbers */
    bool number;
} known_key;

/* Commands that work on the undamaged box, and what came of them there. */
typedef enum {
    EMBED, EMBED_MODEL, SEARCH, EVAL, TRAIN, TRAIN_TOKENIZER, RESUME, RESUME_BEST, RESUME_FOLDER,
    DONE, IMPORT, IMPORT_VALIDATION, LOSS, LOSS_LABEL, PROBES
} probe;

typedef struct {
    const char *words;                   /* with blanks between */
    const char *result;                  /* the file that it writes, or NULL */
    const char *grows;                   /* what it may change in the box, or NULL */
} probe_kind;

extern const probe_kind probe_kinds[PROBES];

typedef struct {
    char kin[PATH_ROOM];                 /* the command */
    char work[PATH_ROOM];                /* everything that the campaign writes is below */
    char box[PATH_ROOM], good[PATH_ROOM];
    uint64_t reference[PROBES];          /* digest of the output in the undamaged box */
    known_key *key;
    int keys;
    int deadline;                        /* seconds */
    bool other_user;                     /* the command can be run as nobody */
    char big[PATH_ROOM];                 /* a file of one very long line */
    char full[PATH_ROOM];                /* a file system that is as good as full, or "" */
    char frozen[PATH_ROOM];              /* a file system that is read-only and holds run/, or "" */
} world;

bool world_make(world *, const char *kin, const char *work, size_t big_bytes);
void world_end(world *, bool keep);
bool box_restore(const world *);         /* the box is as new */

/* What is in the box: a line for each path with kind, size and hash. */
typedef struct {
    char **line;
    int count;
} snapshot;

snapshot snapshot_take(const char *folder);
void snapshot_free(snapshot *);
/* The first path that differs and does not begin with `grows`; NULL when all is the same. */
const char *snapshot_differs(const snapshot *before, const snapshot *after, const char *grows);

/* ---- an invocation --------------------------------------------------------------------------- */

typedef enum { CAUGHT, CLOSED, FULL, BROKEN, READ_ONLY } stream;

#define CODE(n) ((n) == 75 ? 1u << 31 : 1u << (n))

typedef struct {
    /* how it is started */
    char *word[WORDS_MAX + 1];           /* behind "kin"; each is malloc'ed */
    int words;
    stream out, err;
    bool in_closed;
    const char *in;                      /* a file for standard input; NULL: /dev/null */
    long file_limit, open_limit;         /* RLIMIT_FSIZE, RLIMIT_NOFILE; 0: none */
    bool nobody;                         /* as another user */
    bool on_full;                        /* it may leave files on the full file system */
    char fifo[PATH_ROOM];                /* a writer stands at this FIFO, or "" */
    const char *locked;                  /* a folder whose lock another process holds */
    int signal, signal_ms;               /* sent after so long; 0: none */
    const char *resume;                  /* a run that must come to the same end afterwards */

    /* what is expected */
    unsigned codes;                      /* CODE(2) | CODE(3) */
    char named[NAMES_MAX][160];          /* the sentence names one of these; [0] "": anything */
    char grows[256];                     /* what may change although it failed, or "" */
    const char *success_grows;           /* what may change when it succeeds */
    int same_as;                         /* probe whose output it must give when accepted, or -1 */
    int compare;                         /* probe to compare with for the counts, or -1 */
    char note[512];                      /* what was done to which file, for the reader */
} invocation;

void say(invocation *, const char *word);                /* one more word */
void say_words(invocation *, const char *words);         /* split at blanks */
void say_option(invocation *, dice *, const char *name, const char *value);  /* --a=b or --a b */
void expect(invocation *, unsigned codes, const char *named);
void also_named(invocation *, const char *named);
void note(invocation *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void invocation_free(invocation *);
void invocation_print(const world *, const invocation *);

typedef struct {
    const char *name;
    int weight;
    bool (*make)(const world *, dice *, invocation *);   /* false: not possible on this machine */
} mistake;

extern const mistake mistakes_words[], mistakes_keys[], mistakes_files[], mistakes_output[],
    mistakes_streams[], mistakes_damage[], mistakes_arrays[];               /* each ends with name NULL */

/* ---- damage ---------------------------------------------------------------------------------- */

/* Changes a file at random; never to what it was. note says how. */
bool damage_file(dice *, const char *path, char *note, size_t room);
/* Changes bytes of text as JSON: a number, a string, a key. False when there is no JSON in it. */
bool damage_json(dice *, char **bytes, size_t *size, char *note, size_t room);
bool file_load(const char *path, char **bytes, size_t *size);
bool file_store(const char *path, const void *bytes, size_t size);
bool folder_copy(const char *from, const char *to);

/* ---- outcome --------------------------------------------------------------------------------- */

typedef struct {
    bool hung;
    int signal, code;                    /* signal 0: it ended with code */
    char *out, *err;                     /* NUL-terminated */
    size_t out_size, err_size;
    double seconds;
} outcome;

outcome run(const world *, const invocation *);
void outcome_free(outcome *);

/* The digest of standard output (without times) and of the probe's result file. */
uint64_t outcome_digest(const world *, const outcome *, probe);
uint64_t outcome_hash(const world *, const outcome *, const char *result);

typedef struct {
    bool crash, hang, code, sentence, residue, result;   /* what was wrong */
    bool other;                          /* accepted, with another result than undamaged */
    char why[1024];
} verdict;

verdict judge(const world *, const invocation *, const outcome *, const snapshot *before);

#endif
