/* Entry: what every replaceable thing says about itself, first field of its descriptor. The
 * command line, its help, the docs, a run's resolved settings and the checks read it. */
#ifndef KIN_CORE_ENTRY_H
#define KIN_CORE_ENTRY_H

#include <stdbool.h>
#include "core/status.h"

enum {
    KIN_INTEGER = 1,      /* whole numbers only */
    KIN_BOOLEAN = 2,      /* false or true */
    KIN_LEARNABLE = 4,    /* may be a trained parameter */
};

/* A hyperparameter. choices: "name|name|..." when the value is one of these words; the number is
 * then the word's place, counted from 0. */
typedef struct {
    const char *name;
    double value, min, max;      /* default and range, both ends included */
    const char *help;
    unsigned flags;
    const char *choices;
} kin_hyper;

#define KIN_HYPERS_MAX 12

typedef struct {
    const char *name;
    const char *summary;                        /* one sentence */
    kin_hyper hypers[KIN_HYPERS_MAX + 1];       /* ends with name NULL */
} kin_entry;

/* A kind of entry: its .def file as an array. */
typedef struct {
    const char *kind;                           /* "loss", as in `kin list loss` */
    const kin_entry *const *items;
    int count;
} kin_list;

int kin_hyper_count(const kin_entry *entry);

/* Place of a hyperparameter, or -1. */
int kin_hyper_find(const kin_entry *entry, const char *name);

void kin_hyper_defaults(const kin_entry *entry, double *values);

/* Reads one value: a number in range, true or false, or one of the choices. where names the key
 * for the message ("loss.temperature"). */
kin_status kin_hyper_parse(const kin_hyper *hyper, const char *where, const char *text,
                           double *value);

/* The value as text that kin_hyper_parse reads back to the same number. */
void kin_hyper_print(const kin_hyper *hyper, double value, char *text, int size);

/* What is allowed, for help: "0.001 .. 10", "false|true" or the choices. */
void kin_hyper_range(const kin_hyper *hyper, char *text, int size);

/* Place of the entry called name; an unknown name fails (KIN_USAGE) and names the nearest ones. */
kin_status kin_list_find(const kin_list *list, const char *name, int *index);

/* The nearest of n names (edit distance), or NULL when none is near. */
const char *kin_nearest(const char *name, const char *const *names, int n);

#endif
