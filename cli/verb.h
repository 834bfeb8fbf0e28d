/* Verb: one word of the command, one file. verbs.def lists them; main.c finds the verb, reads its
 * options from the table it gives, and turns its status into the exit code. */
#ifndef KIN_CLI_VERB_H
#define KIN_CLI_VERB_H

#include <stdbool.h>
#include "core/status.h"

enum { THREADS_MOST = 1024 };

/* An option of a verb. value NULL: a switch. */
typedef struct {
    const char *name;        /* without the dashes */
    const char *value;       /* what stands for its value in the help: "FILE" */
    const char *help;
} verb_option;

typedef struct args {
    const char *program;     /* argv[0] */
    int count;               /* positional arguments */
    const char **positional;
    int options;             /* options given, in order; a --section.key is among them */
    const char **name, **text;
    int argc;                /* the command line as it was given */
    char **argv;
    char **words;            /* a copy, which the texts above are parts of */
} args;

typedef struct {
    const char *name;
    const char *summary;             /* one sentence */
    const char *usage;               /* what follows the name: "RUN.ini [--section.key VALUE ...]" */
    const char *details;             /* a paragraph, or NULL */
    const verb_option *options;      /* ends with name NULL; NULL: none of its own */
    int least, most;                 /* positional arguments */
    bool run_keys;                   /* takes --section.key VALUE for every key of a run file */
    kin_status (*run)(const args *);
    const char *(*setting)(int i);   /* names of further options with a value: the i-th, or NULL
                                        behind the last; NULL: there are none */
} verb;

#define VERB(id) extern const verb verb_##id;
#include "cli/verbs.def"
#undef VERB

/* Goes on as kin64, the same command in double precision, installed beside kin; it returns only
 * when that fails. In kin64 itself there is nothing to go on to: KIN_RUNTIME. */
kin_status args_go_double(const args *);

/* The last value given for an option, or NULL; a switch has the value "". */
const char *args_get(const args *, const char *name);
bool args_has(const args *, const char *name);

/* A whole number within range; absent: otherwise. */
kin_status args_integer(const args *, const char *name, long low, long high, long otherwise,
                        long *value);

#endif
