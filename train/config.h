/* Config: the settings of a run. A run file is INI: [section], key = value, # or ; comments, values
 * in double quotes where blanks at the ends matter, ${section.key} for another key's value. Every
 * key is in one table (config_keys.c) or is a hyperparameter of the chosen encoder, loss or
 * optimizer, so an unknown key, a wrong type or a value out of range is found before any data is
 * read. Setting the same key again replaces it: the command line comes after the file. */
#ifndef KIN_TRAIN_CONFIG_H
#define KIN_TRAIN_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include "core/entry.h"

typedef struct kin_config kin_config;

#define KIN_TERMS_MAX 8         /* of loss.sum */

kin_status kin_config_new(kin_config **config);                /* every key at its default */
void kin_config_free(kin_config *config);

/* Reads a run file. Relative paths in it are relative to it. */
kin_status kin_config_load(kin_config *config, const char *path);

/* Reads and resolves a file that kin wrote itself, so that what is wrong in it is KIN_DATA: damage
 * and no mistake of the caller. run: becomes run.dir unless it is NULL. */
kin_status kin_config_load_own(kin_config *config, const char *path, const char *run);

/* key: "section.key". Relative paths are relative to the working folder. */
kin_status kin_config_set(kin_config *config, const char *key, const char *value);

/* The same for a setting that stands in another file: where tells its place in messages
 * ("plan.ini:7"), base is the absolute folder that a relative path is relative to. */
kin_status kin_config_set_from(kin_config *config, const char *key, const char *value,
                               const char *where, const char *base);

/* Checks every value, resolves references, names and paths. Must come before the questions below.
 * Reports the first few errors together, with file and line. */
kin_status kin_config_resolve(kin_config *config);

bool kin_config_has(const kin_config *config, const char *key);  /* whether this run has the key */

/* What the loss (its place in kin_losses) wants of a batch that this run's batches, from data that
 * carry this (KIN_PAIRS | ...), do not have, or NULL when it can be trained. */
const char *kin_config_lacks(const kin_config *config, int loss, int carried);

/* The value of a key that exists; asking for another is a fault of the program. */
double kin_config_number(const kin_config *config, const char *key);
const char *kin_config_text(const kin_config *config, const char *key);   /* never NULL */
bool kin_config_is(const kin_config *config, const char *key, const char *value);

/* "encoder", "loss" or "optim": the chosen entry's place in its list, its hyperparameters. */
int kin_config_entry(const kin_config *config, const char *section);
void kin_config_hypers(const kin_config *config, const char *section, double *values);

/* The losses of the run: that of loss.name with weight 1, or the terms of loss.sum. */
int kin_config_losses(const kin_config *config);
typedef struct {
    int loss;                                   /* place in kin_losses */
    const char *name;
    double weight, hypers[KIN_HYPERS_MAX];
    bool learned[KIN_HYPERS_MAX];
} kin_config_loss;
void kin_config_loss_at(const kin_config *config, int i, kin_config_loss *loss);
bool kin_config_sums(const kin_config *config);                /* whether loss.sum is set */
/* The key that asks for negatives beyond the batch's or for a mask of them, or NULL. */
const char *kin_config_negatives(const kin_config *config);

/* KIN_USAGE when a loss of the run needs more than data that carry this (KIN_PAIRS | ...). data:
 * what they are, in the plural. */
kin_status kin_config_carried(const kin_config *config, int carried, const char *data);

/* Numbers of a text with blanks between, at most `most`; how many there are. */
int kin_config_numbers(const kin_config *config, const char *key, double *values, int most);

/* Writes the complete run file, itself a run file. */
kin_status kin_config_save(const kin_config *config, const char *path);
char *kin_config_print(const kin_config *config);              /* the same as malloc'ed text */

/* The first key of the run that differs, of those that change what is learned, or NULL. */
const char *kin_config_differs(const kin_config *a, const kin_config *b);

/* ---- every key, for help and completion ------------------------------------------------------ */

typedef struct {
    const char *section, *name, *help;
    char value[64], range[96];      /* default and what is allowed, as text */
    bool whole;                     /* a whole number */
    const char *owner;              /* the entry whose hyperparameter it is, or NULL */
} kin_config_key;

/* keys: malloc'ed, in the order of a run file, hyperparameters of every listed entry included. */
kin_status kin_config_keys(kin_config_key **keys, int *count);

/* Short names of the most used keys: "threads" is run.threads; NULL when there is none. */
const char *kin_config_alias(const char *name);

#endif
