/* What config.c and config_resolve.c share. */
#ifndef KIN_TRAIN_CONFIG_PARTS_H
#define KIN_TRAIN_CONFIG_PARTS_H

#include "train/config_keys.h"

enum { CONFIG_KEY_MAX = 96 };

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
} item;

struct kin_config {
    given *setting;
    int settings, room;
    char *file;                  /* the run file read last, for messages; or NULL */
    item *item;
    int items;
    int entry[CONFIG_LISTS];     /* the chosen entry of each list */
};

given *config_given(const struct kin_config *config, const char *key);          /* or NULL */
void config_forget_items(struct kin_config *config);

#endif
