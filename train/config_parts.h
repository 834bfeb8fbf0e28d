/* What config.c and config_resolve.c share. */
#ifndef KIN_TRAIN_CONFIG_PARTS_H
#define KIN_TRAIN_CONFIG_PARTS_H

#include "train/config.h"
#include "train/config_keys.h"

enum { CONFIG_KEY_MAX = 96, CONFIG_VALUE_MAX = 8192 };

/* A setting as it was given. base: the folder that relative paths are relative to. */
typedef struct {
    char *key, *value, *where, *base;
} given;

/* A key of the run with its checked value. Numbers also have the text that reads back to them. */
typedef struct {
    char key[CONFIG_KEY_MAX];
    const char *section;
    double number;
    char *text;
    bool hidden;                 /* another key takes its place: not printed */
} item;

/* A term of loss.sum. */
typedef struct {
    int loss;                    /* place in kin_losses */
    double weight;
} config_term;

struct kin_config {
    given *setting;
    int settings, room;
    char *file;                  /* the run file read last, for messages; or NULL */
    item *item;
    int items;
    int entry[CONFIG_LISTS];     /* the chosen entry of each list */
    config_term term[KIN_TERMS_MAX];
    int terms;                   /* 0: loss.name alone */
};

/* The settings while they are checked together; config_resolve.c. */
typedef struct {
    struct kin_config *config;
    int errors;
    char message[900];
} resolving;

/* Adds the thread's message to the report. where: NULL, or where the key was set. */
void config_complain(resolving *r, const char *where);
const char *config_where(const struct kin_config *config, const char *key);     /* or NULL */

/* The value of a key as given, or its default, references replaced. */
kin_status config_expanded(const struct kin_config *config, const char *key,
                           char value[CONFIG_VALUE_MAX]);

/* config_loss.c: reads loss.sum; the section's rules, when every key has its value; whether it
 * knows why the key of a loss is not one of this run, which is then the message. */
void config_read_sum(resolving *r);
void config_check_losses(resolving *r);
bool config_explain_loss_key(const struct kin_config *config, const char *key);

/* config_negatives.c: what mined negatives go with. */
void config_check_negatives(resolving *r);

/* "loss.SETTING", or of a sum "loss.TERM.SETTING". */
void config_loss_key(const struct kin_config *config, int term, const char *setting,
                     char key[CONFIG_KEY_MAX]);

given *config_given(const struct kin_config *config, const char *key);          /* or NULL */
void config_forget_items(struct kin_config *config);

#endif
