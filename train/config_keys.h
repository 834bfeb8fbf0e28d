/* The keys of a run file that belong to no encoder, loss, optimizer or schedule. For config*.c. */
#ifndef KIN_TRAIN_CONFIG_KEYS_H
#define KIN_TRAIN_CONFIG_KEYS_H

#include "core/entry.h"

typedef enum {
    CONFIG_NUMBER,          /* as the hyper says: number, boolean or choice */
    CONFIG_SHARE,           /* below 1 a share of the run, otherwise a whole number of steps */
    CONFIG_TEXT,
    CONFIG_PATH,
    CONFIG_NAME,            /* an entry of the section's list */
    CONFIG_SHORT,           /* a switch that sets another key (config_shorts) */
} config_kind;

typedef struct {
    const char *section;
    config_kind kind;
    kin_hyper hyper;
    const char *text;       /* default of a text, path or name */
} config_spec;

extern const config_spec config_specs[];        /* in the order of a run file; section NULL ends */

/* Sections whose `name` chooses an entry, the hyperparameters of which are keys too. */
typedef struct {
    const char *section;
    const kin_list *list;
} config_list;

enum { CONFIG_LISTS = 4 };
extern const config_list config_lists[CONFIG_LISTS];

const kin_list *config_list_of(const char *section);         /* or NULL */

/* Further keys of a section, in a table of another room, which ends with name NULL; or NULL. */
const kin_hyper *config_table_of(const char *section);

/* What a switch sets: another key's value when it is off, and when it is on. */
typedef struct { const char *key, *means, *value[2]; } config_short;
extern const config_short config_shorts[];                   /* key NULL ends */

typedef struct { const char *name, *key; } config_alias;
extern const config_alias config_aliases[];                  /* name NULL ends */

#endif
